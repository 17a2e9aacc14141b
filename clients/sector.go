package clients

import (
	"net/url"
	"slices"
	"strings"
)

// Pairwise reports whether the client is told a `sub` of its sector's own.
func (c *Client) Pairwise() bool { return c.SubjectType == SubjectPairwise }

// Sector returns the sector identifier of a pairwise client (OpenID Connect
// Core, section 8.1): the host of its sector_identifier_uri, or the one host of
// its redirect URIs. It returns a *FieldError when there is no such one. The
// address of the device itself and the schemes of apps are no hosts: by them,
// unrelated apps would share a sector.
func (c *Client) Sector() (string, error) {
	if c.SectorIdentifierURI != "" {
		u, err := url.Parse(c.SectorIdentifierURI)
		if err != nil || u.Hostname() == "" {
			return "", &FieldError{"sector_identifier_uri", "must be an https URI with a host"}
		}
		return strings.ToLower(u.Hostname()), nil
	}
	var hosts []string
	for _, raw := range c.RedirectURIs {
		if host := sectorHost(raw); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	if len(hosts) != 1 || hosts[0] == "" {
		return "", &FieldError{"sector_identifier_uri",
			"is needed for subject_type pairwise, as the redirect URIs do not have one host that is the app's own; name an https document that lists them"}
	}
	return hosts[0], nil
}

// sectorHost is the host of a redirect URI, empty for one that says nothing
// about whose the app is.
func sectorHost(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return ""
	}
	switch host := strings.ToLower(u.Hostname()); host {
	case "127.0.0.1", "::1", "localhost":
		return ""
	default:
		return host
	}
}
