package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"signet/authz/fetch"
	"signet/clients"
	"signet/cmd/signet/server"
)

// logoOf is the address of the logo on the sign-in page of a client.
func (i *issuer) logoOf(t testing.TB, clientID string) string {
	t.Helper()
	p := newBrowser(t).get(i.authorizeURL(clientID, nil))
	_, rest, _ := strings.Cut(p.Body, `<img class="mark" src="`)
	path, _, ok := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("no logo on the page: %d\n%s", p.Status, p.Body)
	}
	return path
}

// A logo_uri is a stranger's: it reaches nothing inside (spring CVE-2026-22752,
// zitadel CVE-2026-55671), and nothing but a picture comes out.
func TestLogoReachesNothingInside(t *testing.T) {
	var asked atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		serveLogo(w, r)
	}))
	t.Cleanup(inside.Close)
	i := start(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(inside.URL, "http://"), ":")
	for id, host := range map[string]string{"address": "127.0.0.1", "name": "localhost", "six": "[::1]", "mapped": "[::ffff:127.0.0.1]", "private": "10.0.0.1", "metadata": "169.254.169.254"} {
		for _, scheme := range []string{"http", "https"} {
			i.webApp(t, id+scheme, func(c *clients.Client) { c.LogoURI = scheme + "://" + host + ":" + port + "/logo.png" })
			a := i.ask(t, http.MethodGet, i.logoOf(t, id+scheme), "", nil, nil)
			if a.Status != http.StatusNotFound || a.Header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(a.Raw, ">PP<") {
				t.Errorf("%s by %s: %d %s %s", host, scheme, a.Status, a.Header.Get("Content-Type"), a.Raw)
			}
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests went inside", n)
	}
}

// What other servers answer becomes a picture or nothing, and never a page of
// ours.
func TestLogoIsAPictureOrNothing(t *testing.T) {
	var outside *httptest.Server
	outside = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, outside.URL+"/logo.png", http.StatusFound)
		case "/page":
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write([]byte("<!doctype html><script>alert(1)</script>"))
		case "/huge":
			_, _ = w.Write([]byte("\x89PNG\r\n\x1a\n" + strings.Repeat("x", 300<<10)))
		default:
			w.Header().Set("Set-Cookie", "session=planted")
			w.Header().Set("Access-Control-Allow-Origin", "*")
			serveLogo(w, r)
		}
		if r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" || r.Header.Get("Authorization") != "" || r.Header.Get("X-Forwarded-For") != "" {
			t.Errorf("the server learned about the person: %v", r.Header)
		}
	}))
	t.Cleanup(outside.Close)
	i := startWith(t, server.Options{Fetch: fetch.New(fetch.Config{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})})
	for path, kind := range map[string]string{"logo.png": "image/png", "logo.svg": "", "redirect": "", "page": "", "huge": ""} {
		i.webApp(t, path, func(c *clients.Client) { c.LogoURI = outside.URL + "/" + path })
		a := i.ask(t, http.MethodGet, i.logoOf(t, path), "", nil, nil)
		h := a.Header
		if kind != "" && (a.Status != http.StatusOK || h.Get("Content-Type") != kind) || kind == "" && (a.Status != http.StatusNotFound || strings.Contains(a.Raw, "alert")) {
			t.Errorf("%s: %d %s", path, a.Status, h.Get("Content-Type"))
		}
		if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "sandbox") || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Cross-Origin-Resource-Policy") != "same-origin" || h.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", path, h)
		}
		a.wantNotShared(t)
	}
	// It ends with its client, and with its logo_uri.
	good := i.logoOf(t, "logo.png")
	i.change(t, "logo.png", func(c *clients.Client) { c.LogoURI = outside.URL + "/logo.svg" })
	if a := i.ask(t, http.MethodGet, good, "", nil, nil); a.Status != http.StatusNotFound {
		t.Errorf("another logo_uri: %d", a.Status)
	}
	i.change(t, "logo.png", func(c *clients.Client) { c.LogoURI, c.Disabled = outside.URL+"/logo.png", true })
	if a := i.ask(t, http.MethodGet, good, "", nil, nil); a.Status != http.StatusNotFound || strings.Contains(a.Raw, "<text") {
		t.Errorf("a disabled client: %d %s", a.Status, a.Raw)
	}
}
