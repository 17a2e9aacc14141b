package clients

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestOrigins(t *testing.T) {
	tests := []struct {
		name   string
		client Client
		want   []string
	}{
		{"of redirect URIs, each once", Client{RedirectURIs: []string{"https://b.example.com/cb", "https://a.example.com/x?y", "https://a.example.com/z"}},
			[]string{"https://a.example.com", "https://b.example.com"}},
		{"as browsers write them", Client{RedirectURIs: []string{"https://App.Example.com:443/cb", "https://app.example.com:8443/cb", "https://[2001:DB8:0::1]/cb"}},
			[]string{"https://[2001:db8::1]", "https://app.example.com", "https://app.example.com:8443"}},
		{"of a native app", Client{RedirectURIs: []string{"com.example.app:/cb", "com.example.app://x/cb"}}, nil},
		{"loopback at any port", Client{RedirectURIs: []string{"http://127.0.0.1/cb", "http://[::1]:9/cb"}}, []string{"http://127.0.0.1:*", "http://[::1]:*"}},
		{"loopback by https is a website", Client{RedirectURIs: []string{"https://127.0.0.1:9/cb"}}, []string{"https://127.0.0.1:9"}},
		{"localhost", Client{RedirectURIs: []string{"http://localhost:5173/cb"}}, nil},
		{"localhost, allowed", Client{AllowLocalhost: true, RedirectURIs: []string{"http://localhost:5173/cb"}}, []string{"http://localhost:*"}},
		{"its own instead", Client{AllowedOrigins: []string{"https://spa.example.com"}, RedirectURIs: []string{"https://app.example.com/cb"}}, []string{"https://spa.example.com"}},
		{"its own on loopback", Client{AllowLocalhost: true, AllowedOrigins: []string{"http://localhost:5173", "http://127.0.0.1"}}, []string{"http://127.0.0.1:*", "http://localhost:5173"}},
		{"its own on localhost, not allowed", Client{AllowedOrigins: []string{"http://localhost", "http://localhost:5173"}}, nil},
		{"of a web view", Client{AllowedOrigins: []string{"capacitor://localhost"}}, []string{"capacitor://localhost"}},
		{"one that no browser sends allows nothing, and not more either", Client{AllowedOrigins: []string{"https://x.example/"}, RedirectURIs: []string{"https://app.example.com/cb"}}, nil},
		{"disabled", Client{Disabled: true, RedirectURIs: []string{"https://app.example.com/cb"}}, nil},
	}
	for _, tt := range tests {
		if got := tt.client.Origins(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestAllowsOrigin(t *testing.T) {
	web := Client{RedirectURIs: []string{"https://app.example.com/cb", "http://127.0.0.1:7777/cb", "http://[::1]/cb", "com.example.app:/cb"}}
	for _, origin := range []string{"https://app.example.com", "http://127.0.0.1:5173", "http://127.0.0.1:7777", "http://127.0.0.1", "http://[::1]:3000"} {
		if !web.AllowsOrigin(origin) {
			t.Errorf("%q is not allowed", origin)
		}
	}
	for _, origin := range []string{
		"", "null", "*", "https://", "https://app.example.com/", "https://app.example.com:443", "https://app.example.com:8443", "https://app.example.com:",
		"http://app.example.com", "HTTPS://app.example.com", "https://APP.example.com", "https://app.example.com.", "https://app.example.com.evil.test",
		"https://evilapp.example.com", "https://x.app.example.com", "https://app.example.com@evil.test", "https://u@app.example.com", "https://app.example.com?",
		"https://app.example.com#", "https://app.example.com\\", "https://app.example.com ", " https://app.example.com", "https://app.example.com\x00",
		"https://app.example.com https://app.example.com", "https://app.example.com, https://evil.test", "https://app.example.com/cb", "//app.example.com", "app.example.com",
		"http://127.0.0.1:*", "http://127.0.0.1:0", "http://127.0.0.1:080", "http://127.0.0.1:65536", "http://127.0.0.1:80", "http://127.0.0.1:5173/", "https://127.0.0.1:5173",
		"http://127.0.0.1.evil.test", "http://127.0.0.2:5173", "http://127.1:5173", "http://localhost:5173", "http://[0:0:0:0:0:0:0:1]:5173", "http://[::1%25lo]:5173",
		"com.example.app:", "com.example.app://", "file://", "https://аpp.example.com", "https://app.example.com" + strings.Repeat("0", 400),
	} {
		if web.AllowsOrigin(origin) {
			t.Errorf("%q is allowed", origin)
		}
	}
}

func TestCheckOrigin(t *testing.T) {
	for _, good := range []string{"https://app.example.com", "https://app.example.com:8443", "http://127.0.0.1", "http://[::1]:3000", "http://localhost:5173", "capacitor://localhost", "https://xn--pp-6kc.example"} {
		if err := checkOrigin(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"*": "wildcard", "https://*.example.com": "wildcard", "null": "origin null", "http://app.example.com": "must use https", "http://127.0.0.1.evil.test": "must use https",
		"https://app.example.com/": "https://app.example.com", "https://App.example.com": "https://app.example.com", "https://app.example.com:443": "https://app.example.com",
		"https://app.example.com/callback?x": "https://app.example.com", "app.example.com": "must be an origin", "javascript://x": "javascript", "": "must be an origin",
		"https://u:p@app.example.com": "must be written as browsers send it",
	} {
		if err := checkOrigin(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want a word of %q", bad, err, want)
		}
	}
}

// FuzzAllowsOrigin checks, by the parser that servers use, that what is allowed
// is the scheme, host and port of a redirect URI and nothing around them.
func FuzzAllowsOrigin(f *testing.F) {
	for _, s := range [][2]string{
		{"https://app.example.com/cb", "https://app.example.com"}, {"http://127.0.0.1/cb", "http://127.0.0.1:9"}, {"https://[::1]:4/cb", "https://[::1]:4"},
		{"https://app.example.com/cb", "https://app.example.com@evil.test"}, {"https://a/", "https://a:443"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, redirectURI, origin string) {
		c := Client{RedirectURIs: []string{redirectURI}, AllowLocalhost: true}
		if checkRedirectURI(redirectURI) != nil || !c.AllowsOrigin(origin) {
			return
		}
		a, errA := url.Parse(redirectURI)
		b, errB := url.Parse(origin)
		if errA != nil || errB != nil {
			t.Fatalf("%q allowed for %q: %v, %v", origin, redirectURI, errA, errB)
		}
		if b.User != nil || b.Path != "" || b.RawQuery != "" || b.ForceQuery || strings.ContainsAny(origin, "#?@\\, *") || a.Scheme != b.Scheme {
			t.Fatalf("%q allowed for %q", origin, redirectURI)
		}
		if _, loopback := parseLoopback(redirectURI); !loopback && plainOrigin(a) != origin {
			t.Fatalf("%q allowed for %q", origin, redirectURI)
		}
	})
}
