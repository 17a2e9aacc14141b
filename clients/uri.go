package clients

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// maxURI bounds every URI of a client, in bytes: longer ones break browsers
// and proxies on the way.
const maxURI = 2048

// dangerousSchemes run or open something in the browser instead of calling an
// app. All lack the dot that private-use schemes need and would be refused
// anyway; they are named so that the error can say why.
var dangerousSchemes = [...]string{"javascript", "data", "vbscript", "file", "about", "blob"}

// checkRedirectURI says what is wrong with a URI that browsers are to be sent
// to with a code in it: an absolute https URI, http on a loopback host, or a
// private-use scheme (RFC 6749, section 3.1.2; RFC 8252, section 7).
func checkRedirectURI(raw string) error {
	if strings.Contains(raw, "#") {
		return errors.New("must not have a fragment (#)")
	}
	if strings.Contains(raw, "*") {
		return errors.New("must not have a wildcard (*): register every redirect URI by itself")
	}
	scheme, rest, err := splitURI(raw)
	if err != nil {
		return err
	}
	switch lower := strings.ToLower(scheme); {
	case slices.Contains(dangerousSchemes[:], lower):
		return fmt.Errorf("must not use the scheme %q", lower)
	case lower == "http" || lower == "https":
		u, err := checkWebURI(raw)
		if err != nil {
			return err
		}
		if _, loopback := parseLoopback(raw); scheme == "http" && !loopback {
			return errors.New("must use https; http is for 127.0.0.1 and [::1] alone")
		}
		return checkDotSegments(u.EscapedPath())
	default:
		return checkPrivateUse(scheme, rest)
	}
}

// checkPrivateUse checks a URI such as com.example.app:/callback (RFC 8252,
// section 7.1). The dot ties the scheme to a domain of its maker; the slash
// tells it from a host and port that lack their https://.
func checkPrivateUse(scheme, rest string) error {
	if !strings.Contains(scheme, ".") || slices.Contains(strings.Split(scheme, "."), "") {
		return fmt.Errorf("must use https, or a private-use scheme with a dot in it, such as com.example.app:/callback (not %s:)", scheme)
	}
	path, ok := strings.CutPrefix(rest, "/")
	if !ok {
		return errors.New("must have a slash after the scheme, as in com.example.app:/callback; a web address starts with https://")
	}
	if authority, ok := strings.CutPrefix(path, "/"); ok {
		authority, _, _ = strings.Cut(authority, "/")
		if authority, _, _ = strings.Cut(authority, "?"); strings.Contains(authority, "@") {
			return errors.New("must not have a user name or password (@)")
		}
	}
	path, _, _ = strings.Cut(rest, "?")
	return checkDotSegments(path)
}

// checkInfoURI checks a page or picture that people are shown.
func checkInfoURI(raw string) error {
	scheme, _, err := splitURI(raw)
	if err != nil {
		return err
	}
	if s := strings.ToLower(scheme); s != "http" && s != "https" {
		return errors.New("must be an https or http address")
	}
	_, err = checkWebURI(raw)
	return err
}

// checkAudience checks a resource: an absolute URI without a fragment
// (RFC 8707, section 2).
func checkAudience(raw string) error {
	if strings.Contains(raw, "#") {
		return errors.New("must not have a fragment (#)")
	}
	_, rest, err := splitURI(raw)
	if err == nil && rest == "" {
		err = errors.New("must be an absolute URI, such as https://api.example.com")
	}
	return err
}

// splitURI cuts a URI at its scheme and checks its characters and length.
func splitURI(raw string) (scheme, rest string, err error) {
	if len(raw) > maxURI {
		return "", "", fmt.Errorf("must not be longer than %d characters", maxURI)
	}
	for i := range len(raw) {
		switch c := raw[i]; {
		case c >= 0x80:
			return "", "", errors.New("must be in ASCII: write the host in its xn-- form and other characters percent-encoded")
		case c != '#' && !uriByte(c):
			return "", "", fmt.Errorf("must not have the character %q", c)
		case c == '%' && (i+2 >= len(raw) || !isHex(raw[i+1]) || !isHex(raw[i+2])):
			return "", "", errors.New("must have two hexadecimal digits after every %")
		}
	}
	scheme, rest, ok := strings.Cut(raw, ":")
	if !ok || !isScheme(scheme) {
		return "", "", errors.New("must be an absolute URI, such as https://app.example.com/callback")
	}
	return scheme, rest, nil
}

// isScheme reports whether s is a scheme (RFC 3986, section 3.1).
func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(s[i]))) {
			return false
		}
	}
	return s != ""
}

// checkWebURI checks the authority of an http or https URI so strictly that
// every parser on the way reads the same host out of it.
func checkWebURI(raw string) (*url.URL, error) {
	if !strings.HasPrefix(raw, "https://") && !strings.HasPrefix(raw, "http://") {
		return nil, errors.New("must start with https:// (or http://), in lower case")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("must be an absolute URI, such as https://app.example.com/callback")
	}
	if u.User != nil || strings.Contains(u.Host, "@") {
		return nil, errors.New("must not have a user name or password (@)")
	}
	host := u.Host
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		if !isPort(host[i+1:]) {
			return nil, errors.New("must have a port from 1 to 65535 after the colon, or no colon")
		}
		host = host[:i]
	}
	if !isHost(host) {
		return nil, errors.New("must name a host, such as app.example.com")
	}
	return u, nil
}

// isHost reports whether s is a DNS name, a dotted IPv4 address or a
// bracketed IPv6 address. A name whose last label starts with a digit is read
// as an IPv4 address by browsers (also 127.1, 0x7f.1, 2130706433), so only the
// dotted form of one counts.
func isHost(s string) bool {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return ok && err == nil && addr.Is6() && addr.Zone() == ""
	}
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return false
		}
	}
	if last := labels[len(labels)-1]; '0' <= last[0] && last[0] <= '9' {
		addr, err := netip.ParseAddr(s)
		return err == nil && addr.Is4()
	}
	return len(s) <= 253
}

// checkDotSegments refuses "." and ".." in a path, in any of the spellings
// that some server takes for them: a browser would go somewhere else than
// where the registration seems to say.
func checkDotSegments(escapedPath string) error {
	for segment := range strings.SplitSeq(escapedPath, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		segment = strings.ReplaceAll(strings.ToLower(segment), "%2e", ".")
		if segment == "." || segment == ".." {
			return errors.New("must not have . or .. as a part of its path")
		}
	}
	return nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}
