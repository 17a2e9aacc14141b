package authz

import (
	"crypto/rand"
	"strings"
	"testing"
)

func forwardProvider(t *testing.T, issuer string, hosts ...string) (*Provider, error) {
	t.Helper()
	p := &Provider{cfg: Config{Issuer: issuer, Rand: rand.Reader, Secret: make([]byte, 32), Sessions: struct{ SessionFinder }{}}}
	for _, h := range hosts {
		p.cfg.Forward = append(p.cfg.Forward, ForwardSite{Host: h})
	}
	var err error
	p.forward, err = newForwardSites(p)
	return p, err
}

func TestForwardSitesOrigins(t *testing.T) {
	for _, tt := range []struct{ issuer, host, want string }{
		{"https://id.example.com", "wiki.example.com", "https://wiki.example.com"},
		{"https://id.example.com", "127.0.0.1:8081", "https://127.0.0.1:8081"},
		{"http://127.0.0.1:9096", "127.0.0.1:8081", "http://127.0.0.1:8081"},
		{"http://127.0.0.1:9096", "[::1]:8081", "http://[::1]:8081"},
		{"http://127.0.0.1:9096", "wiki.localhost", "http://wiki.localhost"},
		{"http://127.0.0.1:9096", "wiki.example.com", "https://wiki.example.com"},
		{"http://127.0.0.1:9096", "localhost.example.com", "https://localhost.example.com"},
	} {
		p, err := forwardProvider(t, tt.issuer, tt.host)
		if err != nil {
			t.Fatal(err)
		}
		if site, ok := p.ForwardSite(tt.host); !ok || site.Origin() != tt.want {
			t.Errorf("%s at %s: %s, want %s", tt.host, tt.issuer, site.Origin(), tt.want)
		}
	}
	for _, bad := range []string{"", "Wiki.example.com", "wiki.example.com/", "a@b", "id.example.com", "a b"} {
		if _, err := forwardProvider(t, "https://id.example.com", bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if _, err := forwardProvider(t, "https://id.example.com", "a.test", "a.test"); err == nil {
		t.Error("a host is taken twice")
	}
}

// Whatever a browser asked for, it comes back below the site, in plain ASCII.
func FuzzReturnURL(f *testing.F) {
	for _, uri := range []string{"/", "/a?b=c", "//evil.test", "\\evil.test", "@evil.test", ":80@evil.test", ".evil.test", "/.signet/start", "/\r\nx", "/ü#x", "", "/" + strings.Repeat("a", 3000)} {
		f.Add(uri)
	}
	p := &Provider{cfg: Config{Issuer: "https://id.example.com", Rand: rand.Reader, Secret: make([]byte, 32), Sessions: struct{ SessionFinder }{}, Forward: []ForwardSite{{Host: "wiki.example.com"}}}}
	var err error
	if p.forward, err = newForwardSites(p); err != nil {
		f.Fatal(err)
	}
	site, _ := p.ForwardSite("wiki.example.com")
	f.Fuzz(func(t *testing.T, uri string) {
		if got := site.ReturnURL(uri); !strings.HasPrefix(got, "https://wiki.example.com/") || p.forward.siteOf(got) == nil {
			t.Errorf("%q: %q", uri, got)
		}
	})
}
