package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/clients"
)

// forwarded is the request that a proxy speaks for.
type forwarded struct {
	site authz.ForwardSite
	// uri is the path and query, as the browser sent them.
	uri string
	// subrequest says that the proxy asked as nginx does, by X-Original-URL.
	subrequest bool
}

// forwarded reads which request a proxy speaks for: X-Original-URL (nginx), or
// X-Forwarded-Host and X-Forwarded-Uri (Caddy, Traefik). They count from a proxy that
// is trusted, or on this machine, and from nobody else.
//
// Proxies of one kind pass on the other kind's header as the browser sent it. Where
// both are there they have to name the same host: otherwise whoever may open one site
// could pass for a visitor of it at another.
func (s *server) forwarded(c echo.Context) (forwarded, error) {
	r := c.Request()
	if !s.fromProxy(r) {
		return forwarded{}, fmt.Errorf("a request for a guarded site from %s: expected a loopback address or one in trusted_proxies", c.Request().RemoteAddr)
	}
	original, hasOriginal, err := single(r.Header, "X-Original-URL")
	if err != nil {
		return forwarded{}, err
	}
	host, hasHost, err := single(r.Header, "X-Forwarded-Host")
	if err != nil {
		return forwarded{}, err
	}
	out := forwarded{uri: r.Header.Get("X-Forwarded-Uri"), subrequest: hasOriginal}
	if hasOriginal {
		named, uri, err := splitOriginal(original)
		if err != nil {
			return forwarded{}, err
		}
		if hasHost && !strings.EqualFold(named, host) {
			return forwarded{}, fmt.Errorf("X-Original-URL is of host %q, but X-Forwarded-Host is %q; have the proxy set one of them and empty the other", clip(named, 255), clip(host, 255))
		}
		host, out.uri = named, uri
	}
	var ok bool
	if out.site, ok = s.forward.ForwardSite(host); !ok {
		return forwarded{}, fmt.Errorf("the host %q is none of forward_auth.hosts", clip(host, 255))
	}
	return out, nil
}

// fromProxy reports whether whoever sent r, and not whom they speak for, may speak for
// others.
func (s *server) fromProxy(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	for _, p := range s.cfg.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return addr.IsLoopback()
}

// single returns the one value of a header, and whether there is one.
func single(h http.Header, name string) (string, bool, error) {
	values := h.Values(name)
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return "", false, nil
	}
	if len(values) > 1 || name == "X-Forwarded-Host" && strings.Contains(values[0], ",") {
		return "", false, fmt.Errorf("the header %s has several values; have the proxy set it, not add to it", name)
	}
	return values[0], true, nil
}

// splitOriginal divides X-Original-URL into host and request URI. What follows the
// host is whatever a browser sent, and need not be a URL.
func splitOriginal(original string) (host, uri string, err error) {
	scheme, rest, ok := strings.Cut(original, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return "", "", errors.New("X-Original-URL must be an http or https URL; write it as https://HOST$request_uri")
	}
	end := strings.IndexAny(rest, "/?#\\")
	if end < 0 {
		return rest, "/", nil
	}
	return rest[:end], rest[end:], nil
}

// siteCookies are the names of the cookies of a guarded site. They have the prefix
// that binds them to its host alone (RFC 6265bis, section 4.1.3), where it has https.
type siteCookies struct{ browser, session string }

func siteCookieNames(secure bool) siteCookies {
	prefix := ""
	if secure {
		prefix = "__Host-"
	}
	return siteCookies{prefix + "signet_forward_browser", prefix + "signet_forward"}
}

// setSiteCookie is setCookie for a site, whose scheme is not the issuer's.
func setSiteCookie(c echo.Context, site authz.ForwardSite, name, value string, maxAge int) {
	c.SetCookie(&http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: site.Secure(), SameSite: http.SameSiteLaxMode,
	})
}

func cookieValue(c echo.Context, name string) string {
	ck, err := c.Cookie(name)
	if err != nil {
		return ""
	}
	return ck.Value
}

// siteApp is a site under the name that people know it by.
func siteApp(site authz.ForwardSite) clients.Client {
	return clients.Client{ID: site.Host, Name: site.Name}
}
