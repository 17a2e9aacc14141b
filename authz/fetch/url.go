package fetch

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxURL bounds a URL, in bytes.
const maxURL = 2048

// CheckURL reads a URL that a stranger gave, and returns it with its host in
// lower case, or an error that wraps ErrURL. Whether its host may be reached, and
// by http, only its addresses tell: Do sees to that. Every port may be asked;
// what does not speak TLS there sees no request.
func CheckURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, badURL("it is malformed")
	case len(raw) > maxURL:
		return nil, badURL("it is longer than %d bytes", maxURL)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, badURL("it must begin with https://")
	case u.User != nil || u.Opaque != "" || u.Hostname() == "":
		return nil, badURL("it must have a host and no user name")
	case strings.Contains(raw, "#"):
		return nil, badURL("it must not have a fragment")
	}
	u.Host = strings.ToLower(u.Host)
	if err := checkHost(u); err != nil {
		return nil, err
	}
	return u, nil
}

// checkHost refuses hosts that two readers could take for two: resolvers differ
// about 0x7f.1, 127.1 and 2130706433, and about names that are not ASCII.
func checkHost(u *url.URL) error {
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return badURL("its port must be 1 to 65535")
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return badURL("its port is missing")
	}
	host := u.Hostname()
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return badURL("its address must not have a zone")
		}
		return nil
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return badURL("its host must be an address or a name of letters, digits, hyphens and single dots; write others in Punycode")
		}
	}
	if len(host) > 253 || isNumber(host[strings.LastIndexByte(host, '.')+1:]) {
		return badURL("its host must be a name, or an address as four numbers or in brackets")
	}
	return nil
}

// isNumber reports whether a host with this last label is an address to some
// (WHATWG URL, "ends in a number").
func isNumber(label string) bool {
	hex, ok := strings.CutPrefix(label, "0x")
	return strings.Trim(label, "0123456789") == "" || ok && strings.Trim(hex, "0123456789abcdef") == ""
}

func badURL(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrURL}, args...)...)
}
