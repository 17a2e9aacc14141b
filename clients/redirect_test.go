package clients

import (
	"net/url"
	"strings"
	"testing"
)

// The redirect URIs that an attacker's variants are tried against.
const (
	webURI      = "https://app.example.com/cb?tenant=a&x=1"
	plainURI    = "https://app.example.com/cb"
	tlsLoopback = "https://127.0.0.1/tls"
	appURI      = "com.example.app:/cb"
)

func TestMatchRedirectURIAccepts(t *testing.T) {
	tests := []struct{ name, registered, requested string }{
		{"the same bytes", plainURI, plainURI},
		{"a registered query is kept and matched", webURI, webURI},
		{"private-use scheme", appURI, appURI},
		{"loopback, port where none is registered", "http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"},
		{"loopback, another port", "http://127.0.0.1:8000/cb", "http://127.0.0.1:49152/cb"},
		{"loopback, no port where one is registered", "http://127.0.0.1:8000/cb", "http://127.0.0.1/cb"},
		{"loopback without a path (step)", "http://127.0.0.1", "http://127.0.0.1:10000"},
		{"loopback with the root path", "http://127.0.0.1/", "http://127.0.0.1:10000/"},
		{"loopback with a query", "http://127.0.0.1/cb?a=1", "http://127.0.0.1:1/cb?a=1"},
		{"loopback with a query and no path", "http://127.0.0.1?a=1", "http://127.0.0.1:65535?a=1"},
		{"IPv6 loopback", "http://[::1]/cb", "http://[::1]:49152/cb"},
		{"localhost", "http://localhost:3000/cb", "http://localhost:49152/cb"},
		{"exact match of a loopback URI over https", tlsLoopback, tlsLoopback},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := matchRedirectURI([]string{"https://other.example/", tt.registered}, tt.requested)
			if !ok || got != tt.requested {
				t.Errorf("matchRedirectURI(%q, %q) = %q, %v, want the requested URI", tt.registered, tt.requested, got, ok)
			}
		})
	}
}

// Each group guards against a class of redirect confusion that a server of
// this kind had: fosite CVE-2020-15233 and GHSA-grfp-q2mm-hfp6, pocket-id
// CVE-2026-28512, keycloak CVE-2024-8883, CVE-2026-7504 and CVE-2026-3872.
func TestMatchRedirectURIRefusesConfusion(t *testing.T) {
	groups := []struct {
		guards     string
		registered string
		requested  []string
	}{
		{"the loopback rule of fosite, which asks neither for the scheme nor for userinfo", tlsLoopback, []string{
			"http://evil@127.0.0.1:9/tls", "http://127.0.0.1/tls", "http://127.0.0.1:9/tls", "https://127.0.0.1:9/tls",
			"https://evil@127.0.0.1/tls", "https://127.0.0.1:443/tls", "https://127.0.0.1/tls?x=1",
		}},
		{"fosite CVE-2020-15233: another path or query on a loopback URI", "http://127.0.0.1/cb", []string{
			"http://127.0.0.1:9/cb?x=1", "http://127.0.0.1:9/cb?", "http://127.0.0.1:9/cb#x", "http://127.0.0.1:9/cb#", "http://127.0.0.1:9/cb/",
			"http://127.0.0.1:9/", "http://127.0.0.1:9", "http://127.0.0.1:9/CB", "http://127.0.0.1:9/c%62", "http://127.0.0.1:9/cb%00",
			"http://127.0.0.1:9//cb", "http://127.0.0.1:9/./cb", "http://127.0.0.1:9/x/../cb", "http://127.0.0.1:9/cb;x",
		}},
		{"fosite CVE-2020-15233, keycloak CVE-2024-8883: another loopback host, another spelling, or a host that only starts like one", "http://127.0.0.1/cb", []string{
			"http://localhost:9/cb", "http://[::1]:9/cb", "http://127.0.0.2:9/cb", "http://127.1:9/cb", "http://127.000.000.001:9/cb",
			"http://0x7f000001:9/cb", "http://2130706433:9/cb", "http://0:9/cb", "http://0.0.0.0:9/cb", "http://127.0.0.1.:9/cb",
			"http://127.0.0.1.evil.test/cb", "http://127.0.0.1.evil.test:9/cb", "http://127.0.0.1evil.test/cb", "http://127.0.0.1-evil.test/cb",
			"http://evil.test/127.0.0.1/cb", "http://%3127.0.0.1/cb", "http://127%2e0.0.1:9/cb", "http://１２７.0.0.1:9/cb", "http://127。0。0。1:9/cb",
		}},
		{"IPv6 forms that name the same or a mapped address", "http://[::1]/cb", []string{
			"http://::1:9/cb", "http://[0:0:0:0:0:0:0:1]:9/cb", "http://[0::1]:9/cb", "http://[::0001]:9/cb", "http://[::ffff:127.0.0.1]:9/cb",
			"http://[::1%25lo]:9/cb", "http://[::1]evil.test/cb", "http://[::1]:9@evil.test/cb", "http://[::1].evil.test/cb", "http://[::]:9/cb",
		}},
		{"localhost is no other name", "http://localhost/cb", []string{
			"http://127.0.0.1:9/cb", "http://[::1]:9/cb", "http://LOCALHOST:9/cb", "http://localhost.:9/cb", "http://localhost.evil.test/cb",
			"http://localhost.evil.test:9/cb", "http://localhostevil.test/cb", "http://localhost@evil.test/cb", "http://x.localhost:9/cb", "http://ｌocalhost:9/cb",
		}},
		{"pocket-id CVE-2026-28512: userinfo, also several @", "http://127.0.0.1:8000/cb", []string{
			"http://127.0.0.1@evil.test/cb", "http://127.0.0.1:8000@evil.test/cb", "http://127.0.0.1:8000@evil.test:80/cb", "http://evil.test@127.0.0.1:8000/cb",
			"http://a:b@127.0.0.1:8000/cb", "http://@127.0.0.1:8000/cb", "http://a@b@127.0.0.1:8000/cb", "http://127.0.0.1:8000@a@evil.test/cb",
			"http://127.0.0.1%40evil.test/cb", "http://127.0.0.1:%38000/cb", "http://127.0.0.1:8000%40evil.test/cb",
		}},
		{"ports that are none", "http://127.0.0.1/cb", []string{
			"http://127.0.0.1:/cb", "http://127.0.0.1:0/cb", "http://127.0.0.1:080/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:+80/cb",
			"http://127.0.0.1:-1/cb", "http://127.0.0.1:8_0/cb", "http://127.0.0.1:80:80/cb", "http://127.0.0.1:8 0/cb", "http://127.0.0.1:99999999999999999999/cb",
			"http://127.0.0.1:８０/cb", "http://127.0.0.1:http/cb",
		}},
		{"no path is not any path", "http://127.0.0.1", []string{
			"http://127.0.0.1:9/", "http://127.0.0.1:9/cb", "http://127.0.0.1:9?x=1", "http://127.0.0.1:9#x", "http://127.0.0.1:9@evil.test", "http://127.0.0.1:9\\evil",
		}},
		{"fosite GHSA-grfp-q2mm-hfp6: another spelling of scheme or host", plainURI, []string{
			"http://app.example.com/cb", "HTTPS://app.example.com/cb", "https://APP.example.com/cb", "https://app.example.com./cb", "https://app.example.com:443/cb",
			"https://app.example.com:8443/cb", "https://app.example.com.evil.test/cb", "https://evil.test/app.example.com/cb", "https://evilapp.example.com/cb",
			"https://app.example.com@evil.test/cb", "https://evil@app.example.com/cb", "https://app.example.com:x@evil.test/cb", "https://a@app.example.com@evil.test/cb",
			"//app.example.com/cb", "/cb", "app.example.com/cb", "https:app.example.com/cb", "https:/app.example.com/cb", "https:///app.example.com/cb",
			"https://xn--app-example-com/cb", "https://аpp.example.com/cb", "https://app。example.com/cb", "https://app.example.com\u200b/cb",
		}},
		{"prefixes, wildcards and globs", "https://app.example.com/cb", []string{
			"https://app.example.com/cbx", "https://app.example.com/cb/x", "https://app.example.com/c", "https://app.example.com", "https://app.example.com/*",
			"https://app.example.com/c?", "https://*.example.com/cb", "https://app.example.com/cb*",
		}},
		{"paths that a server normalises", plainURI, []string{
			"https://app.example.com/cb/../cb", "https://app.example.com/x/../cb", "https://app.example.com/..;/cb", "https://app.example.com/cb/..;/evil",
			"https://app.example.com/%2e%2e/cb", "https://app.example.com/cb/%2e%2e/evil", "https://app.example.com/%2E%2E/cb", "https://app.example.com/./cb",
			"https://app.example.com//cb", "https://app.example.com/cb/", "https://app.example.com/CB", "https://app.example.com/%63b", "https://app.example.com/c%62",
			"https://app.example.com/cb%2F", "https://app.example.com/cb%20", "https://app.example.com/cb;a=b", "https://app.example.com/%252e%252e/cb",
		}},
		{"backslashes, white space and control characters", plainURI, []string{
			"https://app.example.com\\cb", "https:\\\\app.example.com\\cb", "https://evil.test\\@app.example.com/cb", "https://app.example.com/cb\\", " https://app.example.com/cb",
			"https://app.example.com/cb ", "https://app.example.com/cb\t", "https://app.exa\tmple.com/cb", "https://app.example.com/cb\n", "https://app.example.com/cb\r\nX: y",
			"\thttps://app.example.com/cb", "https://app.example.com/cb\x00", "https://app.example.com/cb\x7f", "https://app.example.com/cb\u00a0",
		}},
		{"a query or a fragment added", plainURI, []string{
			"https://app.example.com/cb?", "https://app.example.com/cb?a=b", "https://app.example.com/cb#", "https://app.example.com/cb#x", "https://app.example.com/cb%3Fa=b",
		}},
		{"a query changed, added to, reordered or dropped", webURI, []string{
			"https://app.example.com/cb", "https://app.example.com/cb?x=1&tenant=a", "https://app.example.com/cb?tenant=a", "https://app.example.com/cb?tenant=a&x=1&y=2",
			"https://app.example.com/cb?tenant=b&x=1", "https://app.example.com/cb?tenant=a&x=1&", "https://app.example.com/cb?tenant=a;x=1", "https://app.example.com/cb?tenant=%61&x=1",
		}},
		{"private-use schemes", appURI, []string{
			"com.example.app:/cb/", "com.example.app://cb", "com.example.app:cb", "com.example.app:", "COM.example.app:/cb", "com.example.apps:/cb", "com.example.app:/cb?x=1",
		}},
		{"nothing", "", []string{""}},
	}
	for _, g := range groups {
		for _, requested := range g.requested {
			if got, ok := matchRedirectURI([]string{"https://other.example/", g.registered}, requested); ok || got != "" {
				t.Errorf("%s: %q registered, %q requested: matched as %q", g.guards, g.registered, requested, got)
			}
		}
	}
}

// One requested variant must not match by mixing the pieces of two
// registrations.
func TestMatchRedirectURIComparesWithOneRegistration(t *testing.T) {
	registered := []string{"http://127.0.0.1/a", "http://localhost/b", "https://127.0.0.1/c"}
	for _, requested := range []string{"http://127.0.0.1:9/b", "http://localhost:9/a", "http://127.0.0.1:9/c"} {
		if _, ok := matchRedirectURI(registered, requested); ok {
			t.Errorf("%q matched", requested)
		}
	}
	if _, ok := matchRedirectURI(nil, plainURI); ok {
		t.Error("matched with nothing registered")
	}
}

// FuzzMatchRedirectURI checks, with the parser that apps and proxies use, that
// whatever matches goes where a registered URI goes: only the port may differ,
// and only over http to a loopback host.
func FuzzMatchRedirectURI(f *testing.F) {
	for _, s := range [][2]string{
		{plainURI, plainURI}, {"http://127.0.0.1/cb", "http://127.0.0.1:9/cb"}, {"http://127.0.0.1", "http://127.0.0.1:9"},
		{"http://[::1]:1/?a=b", "http://[::1]:2/?a=b"}, {tlsLoopback, "http://evil@127.0.0.1:9/tls"}, {appURI, appURI},
		{"http://localhost/%2e%2e/x", "http://localhost:9/%2e%2e/x"}, {"http://127.0.0.1/cb", "http://127.0.0.1:9@evil.test/cb"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, registered, requested string) {
		got, ok := matchRedirectURI([]string{registered}, requested)
		if !ok {
			if got != "" {
				t.Fatalf("no match, but returned %q", got)
			}
			return
		}
		if got != requested {
			t.Fatalf("returned %q for %q", got, requested)
		}
		if registered == requested {
			return
		}
		a, errA := url.Parse(registered)
		b, errB := url.Parse(requested)
		if errA != nil || errB != nil {
			return // not a URI that Validate lets in
		}
		if a.User != nil || b.User != nil || a.Scheme != "http" || b.Scheme != "http" || a.Hostname() != b.Hostname() ||
			a.EscapedPath() != b.EscapedPath() || a.RawQuery != b.RawQuery || a.ForceQuery != b.ForceQuery || b.Fragment != "" || b.Opaque != "" {
			t.Fatalf("%q registered, %q matched", registered, requested)
		}
		if h := b.Hostname(); h != "127.0.0.1" && h != "::1" && h != "localhost" {
			t.Fatalf("the port of %q may not vary", requested)
		}
	})
}

// FuzzRedirectURIValidation checks that what passes validation is read by
// net/url as what it looks like.
func FuzzRedirectURIValidation(f *testing.F) {
	for _, s := range []string{plainURI, webURI, appURI, "http://[::1]:8080", "https://a@b/", "com.example.app://x@y/", "javascript:alert(1)", "http:\\\\x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if checkRedirectURI(raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("%q passed, but %v", raw, err)
		}
		loopback := u.Hostname() == "127.0.0.1" || u.Hostname() == "::1" || u.Hostname() == "localhost"
		if !u.IsAbs() || u.User != nil || u.Fragment != "" || strings.ContainsAny(raw, "#*\\ \t\r\n") || (u.Scheme == "http" && !loopback) {
			t.Fatalf("%q passed as %+v", raw, u)
		}
	})
}
