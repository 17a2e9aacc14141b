package config

import (
	"net/url"
	"regexp"
	"strings"
)

// ForwardAuth names the sites that know no OpenID Connect, and are guarded by a
// proxy that asks this server.
type ForwardAuth struct {
	// Hosts are those sites. No other is ever answered for, or redirected to.
	Hosts []ForwardHost `config:"hosts"`
}

// ForwardHost is one guarded site.
type ForwardHost struct {
	// Host is what browsers call it, with a port that is not the default.
	Host string `config:"host"`
	// Name is what the sign-in page calls it; empty is the host.
	Name string `config:"name"`
	// Groups are those whose people may open it; none is everyone.
	Groups []string `config:"groups"`
}

// siteHost is a host that a browser can name, with a port or without: lower case, as
// browsers write it, names in their ASCII form (RFC 5890, section 2.3.2.1).
var siteHost = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$`)

func (v *validator) forwardAuth() {
	issuer, _ := url.Parse(v.cfg.Issuer) // a fault of its own
	seen := map[string]bool{}
	for i, h := range v.cfg.ForwardAuth.Hosts {
		at := join(element("forward_auth.hosts", i), "host")
		switch {
		case h.Host == "":
			v.fault(at, "is missing; write the host of the site, such as wiki.example.com")
		case siteHost.MatchString(strings.ToLower(h.Host)) && h.Host != strings.ToLower(h.Host):
			v.fault(at, "%q has capitals, which browsers do not send; write %s", h.Host, strings.ToLower(h.Host))
		case !siteHost.MatchString(h.Host):
			v.fault(at, "%q is not one host; write it like wiki.example.com, without https:// and path", h.Host)
		case strings.HasSuffix(h.Host, ":443") || strings.HasSuffix(h.Host, ":80"):
			v.fault(at, "%q ends in a port that goes without saying; write %s", h.Host, h.Host[:strings.LastIndexByte(h.Host, ':')])
		case seen[h.Host]:
			v.fault(at, "%s is here twice; keep one, with the groups of both", h.Host)
		case issuer != nil && issuer.Host == h.Host:
			v.fault(at, "%s is the issuer's own host, whose pages sign people in; name the host of a site", h.Host)
		}
		seen[h.Host] = true
		for _, g := range h.Groups {
			if strings.TrimSpace(g) == "" {
				v.fault(join(element("forward_auth.hosts", i), "groups"), "has an empty name; write a group, or take it out")
			}
		}
	}
}
