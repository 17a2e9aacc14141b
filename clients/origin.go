package clients

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// anyPort stands for the port of an http origin on a loopback host whose port
// does not matter. No browser sends it.
const anyPort = ":*"

// maxOrigin bounds an Origin header that is looked at, in bytes.
const maxOrigin = 300

// Origins returns the origins (RFC 6454, section 6.2) whose scripts may read
// answers that are meant for the client, sorted: AllowedOrigins if there are
// any, or else those of its redirect URIs with http or https. An app with a
// private-use scheme is no website and has none, and so has a disabled client.
//
// A redirect URI on a loopback host is matched with any port (RFC 8252, section
// 7.3), and so is its origin, which is written with ":*" for the port; one of
// AllowedOrigins is when it names no port. http://localhost counts only with
// AllowLocalhost.
func (c *Client) Origins() []string {
	if c.Disabled {
		return nil
	}
	var all []string
	for _, origin := range c.AllowedOrigins {
		all = append(all, allowedOrigin(origin))
	}
	if len(all) == 0 {
		for _, uri := range c.RedirectURIs {
			all = append(all, redirectOrigin(uri))
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(o string) bool {
		return o == "" || !c.AllowLocalhost && (o == "http://localhost" || strings.HasPrefix(o, "http://localhost:"))
	})
}

// AllowsOrigin reports whether origin, an Origin header as it came, is one of
// Origins. It compares what browsers send, byte for byte: a header that is
// written in any other way, several origins, and null are never one.
func (c *Client) AllowsOrigin(origin string) bool {
	own := c.Origins()
	return slices.ContainsFunc(OriginKeys(origin), func(key string) bool { return slices.Contains(own, key) })
}

// OriginKeys returns the entries of Origins that would allow origin, an Origin
// header as it came: itself, and on a loopback host the one for any port. What
// no browser sends, null too, has none.
func OriginKeys(origin string) []string {
	scheme, host, port, ok := parseOrigin(origin)
	if !ok {
		return nil
	}
	keys := []string{origin}
	if scheme == "http" && slices.Contains(loopbackHosts[:], host) {
		if port == "" {
			return []string{origin + anyPort}
		}
		keys = append(keys, "http://"+host+anyPort)
	}
	return keys
}

// redirectOrigin is the origin of a redirect URI, "" where it has none.
func redirectOrigin(uri string) string {
	if loopback, ok := parseLoopback(uri); ok {
		return "http://" + loopback.host + anyPort
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	origin := plainOrigin(u)
	if _, _, _, ok := parseOrigin(origin); !ok {
		return ""
	}
	return origin
}

// plainOrigin is how browsers write the origin of u: in lower case, without
// the port that the scheme has anyway, an IPv6 address in its short form.
func plainOrigin(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		host = "[" + addr.String() + "]"
	}
	if port := u.Port(); port != "" && port != defaultPort(u.Scheme) {
		host += ":" + port
	}
	return u.Scheme + "://" + host
}

func defaultPort(scheme string) string {
	switch scheme {
	case "https":
		return "443"
	case "http":
		return "80"
	}
	return ""
}

// allowedOrigin is one of AllowedOrigins as Origins has it, "" for one that
// checkOrigin refuses.
func allowedOrigin(origin string) string {
	if checkOrigin(origin) != nil {
		return ""
	}
	if slices.Contains(loopbackHosts[:], strings.TrimPrefix(origin, "http://")) {
		return origin + anyPort
	}
	return origin
}

// parseOrigin takes apart an Origin header of the one form that browsers give
// it (RFC 6454, section 6.2): scheme, host and, unless it is the scheme's own,
// port. Anything else is none, also where a lenient parser would see the same.
func parseOrigin(origin string) (scheme, host, port string, ok bool) {
	scheme, host, ok = strings.Cut(origin, "://")
	if !ok || len(origin) > maxOrigin || !isScheme(scheme) || strings.ToLower(origin) != origin {
		return "", "", "", false
	}
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host, port = host[:i], host[i+1:]
		if !isPort(port) || port == defaultPort(scheme) {
			return "", "", "", false
		}
	}
	if inner, ipv6 := strings.CutPrefix(host, "["); ipv6 {
		addr, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || "["+addr.String()+"]" != host {
			return "", "", "", false
		}
	}
	return scheme, host, port, isHost(host)
}

// checkOrigin says what is wrong with one of AllowedOrigins: it has to be what
// a browser sends, or it would never match.
func checkOrigin(raw string) error {
	if raw == "*" || strings.Contains(raw, "*") {
		return errors.New("must not have a wildcard (*): register every origin by itself")
	}
	if raw == "null" {
		return errors.New("must name a website: every sandboxed page and local file has the origin null")
	}
	scheme, host, _, ok := parseOrigin(raw)
	switch {
	case slices.Contains(dangerousSchemes[:], scheme):
		return fmt.Errorf("must not use the scheme %q", scheme)
	case ok && scheme == "http" && !slices.Contains(loopbackHosts[:], host):
		return errors.New("must use https; http is for 127.0.0.1, [::1] and localhost alone")
	case ok:
		return nil
	}
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		if _, _, _, ok := parseOrigin(plainOrigin(u)); ok {
			return fmt.Errorf("must be written as browsers send it, in lower case and with no user name, path or default port: %s", plainOrigin(u))
		}
	}
	return errors.New("must be an origin, such as https://app.example.com or https://app.example.com:8443")
}
