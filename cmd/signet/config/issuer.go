package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// issuer checks the issuer's form (RFC 8414, section 2), and that this server
// can be reached by it as it is set up.
func (v *validator) issuer() {
	// The value is repeated only once it is known to hold no password.
	u, err := url.Parse(v.cfg.Issuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		v.fault("issuer", "is not a URL that begins with https:// and a host; write it like https://id.example.com")
		return
	case u.User != nil:
		v.fault("issuer", "must not hold a user name or password; write it like https://id.example.com")
		return
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(v.cfg.Issuer, "#"):
		v.fault("issuer", "must have no query and no fragment; end it before the \"?\" or \"#\"")
		return
	}
	if want := plainURL(u); want != v.cfg.Issuer {
		v.fault("issuer", "is compared byte for byte by every app; write it as %s", want)
		return
	}
	v.transport(u)
}

// plainURL writes u in the one form an issuer may have here: lower-case host,
// no default port, no slash at the end, no dot segments and no escapes.
func plainURL(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	clean := ""
	if u.Path != "" {
		clean = strings.TrimSuffix(path.Clean("/"+u.Path), "/")
	}
	return u.Scheme + "://" + host + (&url.URL{Path: clean}).EscapedPath()
}

func (v *validator) transport(u *url.URL) {
	ownTLS := v.cfg.TLS.CertFile != "" || v.cfg.TLS.KeyFile != ""
	proxied := len(v.cfg.TrustedProxies) > 0 || v.bad["trusted_proxies"]
	switch {
	case u.Scheme == "http" && !loopback(u.Hostname()):
		v.fault("issuer", "http is for loopback only (127.0.0.1, ::1, localhost); write https://%s, with tls.cert_file and tls.key_file or behind a proxy named in trusted_proxies", u.Host)
	case u.Scheme == "http" && ownTLS:
		v.fault("issuer", "says http, but tls.cert_file makes the server speak https; write https://%s, or take tls.* out", u.Host)
	case u.Scheme == "https" && !ownTLS && !proxied:
		v.fault("issuer", "says https, but nothing here speaks it; set tls.cert_file and tls.key_file, or name the proxy that does in trusted_proxies")
	}
}

// loopback reports whether host never leaves this machine. Names under
// localhost do not (RFC 6761, section 6.3).
func loopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// warnings notes what can work but is usually a slip.
func (v *validator) warnings() {
	v.portWarning()
	v.algorithmWarning()
}

func (v *validator) portWarning() {
	u, err := url.Parse(v.cfg.Issuer)
	host, port, errListen := net.SplitHostPort(v.cfg.Listen)
	if err != nil || errListen != nil || u.Scheme != "http" || len(v.cfg.TrustedProxies) > 0 {
		return
	}
	want := u.Port()
	if want == "" {
		want = "80"
	}
	if port != want && port != "0" && loopback(host) {
		v.cfg.Warnings = append(v.cfg.Warnings, fmt.Sprintf(
			"issuer says port %s, but listen is %s: apps will look for this server where it is not, unless something forwards that port", want, v.cfg.Listen))
	}
}
