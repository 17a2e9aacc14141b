package authz

import (
	"net/url"
	"slices"
	"strings"

	"signet/clients"
)

// requestedAudiences reads the resource parameters (RFC 8707, section 2) of a
// request: absolute URIs without a fragment, each among allowed. None means
// fallback.
func requestedAudiences(resources, allowed, fallback []string) ([]string, error) {
	var out []string
	for _, r := range resources {
		if u, err := url.Parse(r); err != nil || !u.IsAbs() || strings.Contains(r, "#") {
			return nil, refuse(CodeInvalidTarget, "A resource must be an absolute URI without a fragment.").compared("an absolute URI", clip(r))
		}
		registered, ok := findResource(allowed, r)
		if !ok {
			return nil, refuse(CodeInvalidTarget, "The client may not get tokens for this resource.").
				compared("one of "+strings.Join(allowed, " "), clip(r))
		}
		if !slices.Contains(out, registered) {
			out = append(out, registered)
		}
	}
	if len(out) == 0 {
		return fallback, nil
	}
	return out, nil
}

// findResource returns the one of allowed that r names, byte for byte. A web
// address without a path is the same with a slash at its end (RFC 3986, section
// 6.2.3), and some libraries always write that one: it stands for the registered
// spelling, which is what the API compares `aud` with.
func findResource(allowed []string, r string) (string, bool) {
	if slices.Contains(allowed, r) {
		return r, true
	}
	i := slices.IndexFunc(allowed, func(a string) bool { return bareHost(a) == bareHost(r) })
	if bareHost(r) == "" || i < 0 {
		return "", false
	}
	return allowed[i], true
}

// bareHost is a web address that has nothing after its host, without the slash;
// empty for any other.
func bareHost(uri string) string {
	scheme, rest, ok := strings.Cut(strings.TrimSuffix(uri, "/"), "://")
	if !ok || (scheme != "https" && scheme != "http") || rest == "" || strings.ContainsAny(rest, "/?#") {
		return ""
	}
	return scheme + "://" + rest
}

// allowedAudiences are the resources that a client may name: its own, and the
// issuer, whose userinfo endpoint every client may call.
func (p *Provider) allowedAudiences(c *clients.Client) []string {
	return append(slices.Clone(c.Audiences), p.cfg.Issuer)
}

// defaultAudience is the `aud` of a request that names no resource. It is
// never empty (RFC 9068, section 2.2).
func (p *Provider) defaultAudience(allowed []string) []string {
	if len(allowed) == 0 {
		return []string{p.cfg.Issuer}
	}
	return slices.Clone(allowed[:1])
}
