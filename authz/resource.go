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

// findResource returns the one of allowed that r names, byte for byte, but for
// one thing: libraries that take a URL apart write a web address without a path
// with a slash at its end, which is the same to them (RFC 3986, section 6.2.3).
// That stands for the spelling that is registered without it, and which the API
// compares `aud` with.
func findResource(allowed []string, r string) (string, bool) {
	if slices.Contains(allowed, r) {
		return r, true
	}
	host, ok := strings.CutSuffix(r, "/")
	if !ok || !slices.Contains(allowed, host) {
		return "", false
	}
	u, err := url.Parse(host)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.ForceQuery || (u.Scheme != "https" && u.Scheme != "http") {
		return "", false
	}
	return host, true
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
