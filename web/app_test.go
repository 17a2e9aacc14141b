package web

import (
	"net/http"
	"strings"
	"testing"

	"signet/authz"
	"signet/clients"
)

// Both pages say who asks, and where that lives; nothing on them is loaded
// from elsewhere.
func TestPagesShowWhoAsks(t *testing.T) {
	w := newWorld(t, pathIssuer)
	c := &w.authz.client
	c.ClientURI, c.LogoURI = "https://home.example.test/", "https://cdn.example.test/logo.png"
	c.PolicyURI, c.TermsURI = "https://home.example.test/policy", "https://home.example.test/terms"
	c.Localized = map[string]string{"client_name#fr": "Imprimeur", "policy_uri#fr": "https://home.example.test/fr/policy"}
	b := w.browser()
	page := b.begin()
	consent := b.signIn(page, "ada").location()
	for _, url := range []string{page, consent} {
		b := b
		if url == page {
			b = w.browser()
			url = b.begin()
		}
		p := b.get(url).want(200).contains(
			"Photo Printer", "<bdi>home.example.test</bdi>", "You go back to photos.example.test",
			`<a href="https://home.example.test/policy" target="_blank" rel="noopener noreferrer" referrerpolicy="no-referrer"`,
			`<a href="https://home.example.test/terms"`, `src="/tenant/client-logo/`,
		).lacks("cdn.example.test", "Imprimeur", "Published by")
		if csp := p.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "img-src 'self';") {
			t.Errorf("policy %q", csp)
		}
		for _, attribute := range []string{` src="`, ` data="`, ` srcset="`} {
			for _, rest := range strings.Split(p.body, attribute)[1:] {
				if !strings.HasPrefix(rest, "/tenant/") {
					t.Errorf("the page loads %s", rest[:40])
				}
			}
		}
		b.head.Set("Accept-Language", "fr-CA, en;q=0.5")
		b.get(url).contains("Imprimeur", "https://home.example.test/fr/policy", "https://home.example.test/terms")
		b.head.Del("Accept-Language")
	}
	b = w.browser()
	b.get(b.begin("ui_locales", "fr")).contains("Imprimeur")
}

// Nobody vouches for what a client says that registered itself: of the places
// it names, only the one is shown that the answer goes to.
func TestSelfRegisteredClientsBorrowNoHost(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	w.authz.client.ClientURI = "https://bank.example.test/"
	w.authz.client.Source = clients.SourceDynamic
	b := w.browser()
	b.get(b.begin()).contains("<bdi>photos.example.test</bdi>").lacks("bank.example.test")
}

// A client that is a document is its publisher's.
func TestPublisher(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	s, step := w.server, authz.Step{RedirectURI: "http://127.0.0.1:4711/cb", ClientHost: "tools.example.test", Client: clients.Client{
		ID: "https://tools.example.test/client.json", Name: "Tool", ClientURI: "https://bank.example.test", Source: clients.SourceDocument,
	}}
	v := s.appOf(step, nil)
	if v.Publisher != "tools.example.test" || !strings.Contains(v.Return, "127.0.0.1:4711") || v.Host != "" || v.Warning == "" {
		t.Errorf("%+v", v)
	}
}

func TestLogo(t *testing.T) {
	w := newWorld(t, pathIssuer)
	c := &w.authz.client
	c.LogoURI = "https://cdn.example.test/logo.png"
	good := w.server.logoURL(*c)
	b := w.browser()
	p := b.get(good).want(200)
	h := p.Header()
	if h.Get("Content-Type") != "image/png" || h.Get("Content-Security-Policy") != "default-src 'none'; sandbox; frame-ancestors 'none'" ||
		h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" || !strings.HasPrefix(h.Get("Cache-Control"), "private, max-age=") ||
		h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("headers %v", h)
	}
	parts := strings.Split(good, ".")
	for name, target := range map[string]string{
		"no proof":            parts[0] + "." + parts[1] + ".",
		"another's proof":     parts[0] + "." + parts[1] + "." + w.server.seal.Token("logo", "other", parts[1]),
		"another logo":        parts[0] + "." + authz.LogoKey("https://evil.test/x.png") + "." + parts[2],
		"another client":      pathIssuer + pathLogo + "b3RoZXI." + parts[1] + "." + parts[2],
		"a form token":        parts[0] + "." + parts[1] + "." + w.server.seal.Token(c.ID, parts[1], "login"),
		"a client id":         pathIssuer + pathLogo + "photos",
		"a URL":               pathIssuer + pathLogo + "https://evil.test/x.png",
		"nothing":             pathIssuer + pathLogo,
		"more parts":          good + ".x",
		"not base64":          strings.Replace(good, pathLogo, pathLogo+"=", 1),
		"with a longer query": pathIssuer + pathLogo + "x?url=https://evil.test/x.png",
	} {
		if got := b.get(target); got.Code != http.StatusNotFound || strings.HasPrefix(got.Header().Get("Content-Type"), "image/") {
			t.Errorf("%s: %d %s", name, got.Code, got.Header().Get("Content-Type"))
		}
	}
	// What cannot be shown is a mark of our own making.
	c.LogoURI, c.Name = "https://cdn.example.test/logo.svg", "<Photo> &Printer"
	p = b.get(w.server.logoURL(*c)).want(404).contains(">PP</text>")
	if p.Header().Get("Content-Type") != "image/svg+xml" || !strings.Contains(p.Header().Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("headers %v", p.Header())
	}
	c.LogoURI = ""
	if got := w.server.logoURL(*c); got != "" {
		t.Errorf("a logo at %s", got)
	}
	b.get(b.begin()).contains(`<span class="mark" aria-hidden="true">PP</span>`)
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{
		"Photo Printer": "PP", "photos": "P", "the big app": "TB", "日本 語": "日", "\u0635\u0648\u0631 \u0648": "\u0635", "Ünal": "Ü", "7zip": "7", "- – !": "", "": "",
		"<script> x": "SX", "App 日": "A", "3 D": "3", "a\u0308b": "A",
	} {
		if got := initials(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
