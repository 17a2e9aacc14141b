package clients

import (
	"slices"
	"strconv"
	"strings"
)

// MatchRedirectURI decides whether a redirect_uri that was sent is one of the
// client's, and returns the URI to send the browser to, which is the one
// requested.
//
// Two URIs match when they are the same bytes (RFC 9700, section 4.1.3). The
// only exception is that of RFC 8252, section 7.3, for apps that listen on a
// port the operating system picks: two http URIs on 127.0.0.1, [::1] or
// localhost may differ in the port, or in having one; localhost is matched only
// for a client with AllowLocalhost. Everything around the
// port still has to be the same bytes. Nothing is decoded, normalised or
// resolved before it is compared: what no code reinterprets, no two parsers
// can read differently.
func (c *Client) MatchRedirectURI(requested string) (string, bool) {
	return c.match(c.RedirectURIs, requested)
}

// MatchPostLogoutRedirectURI does the same for a post_logout_redirect_uri
// (OpenID Connect RP-Initiated Logout, section 3).
func (c *Client) MatchPostLogoutRedirectURI(requested string) (string, bool) {
	return c.match(c.PostLogoutRedirectURIs, requested)
}

// match leaves out localhost where the client may not have it, also when it was
// registered before.
func (c *Client) match(registered []string, requested string) (string, bool) {
	if !c.AllowLocalhost && isLocalhost(requested) {
		return "", false
	}
	return matchRedirectURI(registered, requested)
}

// matchRedirectURI compares with each URI by itself.
func matchRedirectURI(registered []string, requested string) (string, bool) {
	if requested == "" {
		return "", false
	}
	if slices.Contains(registered, requested) {
		return requested, true
	}
	want, ok := parseLoopback(requested)
	if !ok {
		return "", false
	}
	for _, r := range registered {
		if have, ok := parseLoopback(r); ok && have == want {
			return requested, true
		}
	}
	return "", false
}

// loopbackURI is an http URI on a loopback host, without its port. Two that
// are equal differ at most in the port.
type loopbackURI struct {
	host string
	rest string // path and query as written, "" when there are none
}

// loopbackHosts are the only spellings that count. 127.1, 0x7f000001, ::1 with
// leading zeros, LOCALHOST and localhost. all reach the same machine in some
// resolver and something else in another, so none of them does.
var loopbackHosts = [...]string{"127.0.0.1", "[::1]", "localhost"}

// parseLoopback takes apart a URI of exactly the form
// "http://" host [ ":" port ] [ ( "/" / "?" ) … ] and refuses any other. After
// the host only a port, a path, a query or the end may come, which leaves no
// place for userinfo or for a longer host name.
func parseLoopback(uri string) (loopbackURI, bool) {
	after, ok := strings.CutPrefix(uri, "http://")
	if !ok || !safeURIBytes(after) {
		return loopbackURI{}, false
	}
	for _, host := range loopbackHosts {
		rest, ok := strings.CutPrefix(after, host)
		if !ok {
			continue
		}
		if port, ok := strings.CutPrefix(rest, ":"); ok {
			end := strings.IndexAny(port, "/?")
			if end < 0 {
				end = len(port)
			}
			if !isPort(port[:end]) {
				return loopbackURI{}, false
			}
			rest = port[end:]
		}
		if rest == "" || rest[0] == '/' || rest[0] == '?' {
			return loopbackURI{host: host, rest: rest}, true
		}
	}
	return loopbackURI{}, false
}

// isPort reports whether s is a port number in its one plain spelling: no
// sign, no leading zero, 1 to 65535.
func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == s
}

// safeURIBytes reports whether s consists of characters that RFC 3986 allows
// in a URI, without the fragment's "#". That leaves out spaces, control
// characters, backslashes and everything that is not ASCII.
func safeURIBytes(s string) bool {
	for i := range len(s) {
		if !uriByte(s[i]) {
			return false
		}
	}
	return true
}

// uriByte reports whether c may stand in a URI (RFC 3986, section 2), the "#"
// aside.
func uriByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	default:
		return strings.IndexByte("-._~:/?[]@!$&'()*+,;=%", c) >= 0
	}
}
