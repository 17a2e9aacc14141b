package clients

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// checkRedirects checks where people may be sent, by the kind of the app
// (OpenID Connect Registration, section 2; RFC 8252, sections 7 and 8.3).
func (f *faults) checkRedirects(c *Client) {
	f.oneOf("application_type", c.ApplicationType, ApplicationWeb, ApplicationNative)
	check := func(raw string) error {
		if err := checkRedirectURI(raw); err != nil {
			return err
		}
		web := strings.HasPrefix(raw, "https://") || strings.HasPrefix(raw, "http://")
		switch {
		case !c.AllowLocalhost && isLocalhost(raw):
			return errors.New("must name 127.0.0.1 or [::1]: localhost can be pointed elsewhere (RFC 8252, section 8.3); allow_localhost lets it by")
		case c.ApplicationType == ApplicationWeb && !web:
			return errors.New("must use https: private-use schemes are for application_type native")
		}
		return nil
	}
	f.each("redirect_uris", c.RedirectURIs, check)
	f.each("post_logout_redirect_uris", c.PostLogoutRedirectURIs, check)
}

// isLocalhost reports whether a URI leads to http://localhost, in the one
// spelling of it that is ever matched.
func isLocalhost(uri string) bool {
	u, ok := parseLoopback(uri)
	return ok && u.host == "localhost"
}

// checkOrigins checks origins as browsers write them (RFC 6454, section 6.2):
// they are compared byte for byte.
func (f *faults) checkOrigins(c *Client) {
	f.each("allowed_origins", c.AllowedOrigins, checkOrigin)
}

// checkServiceURI checks an address of the client that this server or a browser
// calls: https, or http on a loopback host, which the guarded fetcher calls
// only where the operator allows that network.
func (f *faults) checkServiceURI(field, raw string) {
	if raw == "" {
		return
	}
	if err := checkService(raw); err != nil {
		f.add(field, "%q %v", clippedText(raw), err)
	}
}

func checkService(raw string) error {
	if strings.Contains(raw, "#") {
		return errors.New("must not have a fragment (#)")
	}
	if _, _, err := splitURI(raw); err != nil {
		return err
	}
	u, err := checkWebURI(raw)
	if err != nil {
		return err
	}
	if _, loopback := parseLoopback(raw); u.Scheme == "http" && !loopback {
		return errors.New("must use https; http is for 127.0.0.1, [::1] and localhost alone")
	}
	return checkDotSegments(u.EscapedPath())
}

// checkLogout checks where the client hears that a session ended, and where a
// sign-in can be made to begin.
func (f *faults) checkLogout(c *Client) {
	f.checkServiceURI("initiate_login_uri", c.InitiateLoginURI)
	f.checkServiceURI("backchannel_logout_uri", c.BackchannelLogoutURI)
	f.checkServiceURI("frontchannel_logout_uri", c.FrontchannelLogoutURI)
	uri := c.FrontchannelLogoutURI
	if uri == "" || checkService(uri) != nil {
		return
	}
	// OpenID Connect Front-Channel Logout, section 2.
	if !slices.ContainsFunc(c.RedirectURIs, func(r string) bool { return sameOrigin(uri, r) }) {
		f.add("frontchannel_logout_uri", "%q must have the scheme, host and port of one of redirect_uris", clippedText(uri))
	}
}

// sameOrigin reports whether a page is of the origin of a redirect URI. An app
// on a loopback host has no port of its own.
func sameOrigin(page, redirect string) bool {
	a, errA := url.Parse(page)
	b, errB := url.Parse(redirect)
	if errA != nil || errB != nil || a.Scheme != b.Scheme || !strings.EqualFold(a.Hostname(), b.Hostname()) {
		return false
	}
	_, loopback := parseLoopback(redirect)
	return loopback || portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// checkSubject checks how people are named to the client (OpenID Connect Core,
// section 8.1).
func (f *faults) checkSubject(c *Client) {
	f.oneOf("subject_type", c.SubjectType, SubjectPublic, SubjectPairwise)
	f.checkServiceURI("sector_identifier_uri", c.SectorIdentifierURI)
	if c.SubjectType != SubjectPairwise || c.SectorIdentifierURI != "" {
		return
	}
	hosts := map[string]bool{}
	for _, raw := range c.RedirectURIs {
		if u, err := url.Parse(raw); err == nil {
			host := strings.ToLower(u.Hostname())
			if u.Scheme != "https" && u.Scheme != "http" {
				host = u.Scheme + ":" // an app of its own
			}
			hosts[host] = true
		}
	}
	if len(hosts) > 1 {
		f.add("sector_identifier_uri", "is needed by subject_type pairwise when redirect_uris have several hosts: it says which of them share one sub")
	}
}
