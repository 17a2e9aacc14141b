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
		if !slices.Contains(allowed, r) {
			return nil, refuse(CodeInvalidTarget, "The client may not get tokens for this resource.").
				compared("one of "+strings.Join(allowed, " "), clip(r))
		}
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		return fallback, nil
	}
	return out, nil
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
