package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/clients"
)

const (
	appOrigin   = "https://app.example.test"
	otherOrigin = "https://other.example.test"
)

// ask sends a request of a script on this origin, or of none.
func (i *issuer) ask(t testing.TB, method, path, origin string, form url.Values, header map[string]string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, i.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", formType)
	}
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	return do(t, req)
}

// preflight is what a browser asks before a script's request.
func (i *issuer) preflight(t testing.TB, path, origin string) answer {
	t.Helper()
	return i.ask(t, http.MethodOptions, path, origin, nil, map[string]string{
		"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type",
	})
}

// wantShared fails unless exactly the scripts of origin may read the answer.
func (a answer) wantShared(t testing.TB, origin string) {
	t.Helper()
	if got := a.Header.Values("Access-Control-Allow-Origin"); len(got) != 1 || got[0] != origin {
		t.Errorf("%d: Access-Control-Allow-Origin %q, want %q: %s", a.Status, got, origin, a.Raw)
	}
	a.wantNoCredentials(t)
}

// wantNotShared fails if scripts of any origin may read the answer.
func (a answer) wantNotShared(t testing.TB) {
	t.Helper()
	for name := range a.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%d: %s: %q", a.Status, name, a.Header[name])
		}
	}
}

// wantNoCredentials: scripts never speak with the cookies of a person.
func (a answer) wantNoCredentials(t testing.TB) {
	t.Helper()
	if a.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Error("credentials are allowed")
	}
}

// wantVary: a cache must not give one origin the answer to another.
func (a answer) wantVary(t testing.TB) {
	t.Helper()
	if !slices.Contains(a.Header.Values("Vary"), "Origin") {
		t.Errorf("%d: Vary is %q", a.Status, a.Header.Values("Vary"))
	}
}

// corsWorld is a server with apps on several origins, and the tokens of one.
func corsWorld(t *testing.T) (i *issuer, tokens answer) {
	t.Helper()
	i = start(t)
	i.person(t, "ada")
	i.webApp(t, "app", public)
	i.webApp(t, "other", public, func(c *clients.Client) { c.RedirectURIs = []string{otherOrigin + "/cb"} })
	i.webApp(t, "local", public, func(c *clients.Client) { c.RedirectURIs = []string{"http://127.0.0.1/cb", "com.example.app:/cb"} })
	i.webApp(t, "off", public, func(c *clients.Client) {
		c.RedirectURIs, c.Disabled = []string{"https://off.example.test/cb"}, true
	})
	return i, i.tokens(t, newBrowser(t), "ada", "app", "")
}

var crossOriginEndpoints = []string{"/oauth2/token", "/oauth2/userinfo", "/oauth2/revoke"}

// The origin of an app may call the back channel, and reads what went wrong.
func TestCORSOfAClient(t *testing.T) {
	i, tokens := corsWorld(t)
	for _, path := range crossOriginEndpoints {
		a := i.preflight(t, path, appOrigin)
		a.wantShared(t, appOrigin)
		a.wantVary(t)
		h := a.Header
		if a.Status != http.StatusNoContent || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") || h.Get("Access-Control-Max-Age") == "" ||
			!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Content-Type") {
			t.Errorf("%s: %d %v", path, a.Status, h)
		}
		i.preflight(t, path, "http://127.0.0.1:5173").wantShared(t, "http://127.0.0.1:5173")
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {tokens.str("refresh_token")}}
	with := func(change ...string) url.Values {
		form := url.Values{}
		for name, values := range refresh {
			form[name] = values
		}
		for n := 0; n < len(change); n += 2 {
			form.Set(change[n], change[n+1])
		}
		return form
	}
	bearer := func(token string) map[string]string { return map[string]string{"Authorization": "Bearer " + token} }
	for name, a := range map[string]answer{
		"tokens":                    i.ask(t, "POST", "/oauth2/token", appOrigin, refresh, nil),
		"a spent code":              i.ask(t, "POST", "/oauth2/token", appOrigin, with("grant_type", "authorization_code", "code", "x", "code_verifier", "x"), nil),
		"an unknown grant":          i.ask(t, "POST", "/oauth2/token", appOrigin, with("grant_type", "password"), nil),
		"an unknown client":         i.ask(t, "POST", "/oauth2/token", appOrigin, with("client_id", "nobody"), nil),
		"a client with a secret":    i.ask(t, "POST", "/oauth2/token", appOrigin, with("client_secret", "x"), nil),
		"another content type":      i.ask(t, "POST", "/oauth2/token", appOrigin, nil, map[string]string{"Content-Type": "application/json"}),
		"another method":            i.ask(t, "GET", "/oauth2/token", appOrigin, nil, nil),
		"a body that is too large":  i.ask(t, "POST", "/oauth2/token", appOrigin, with("x", strings.Repeat("x", 70<<10)), nil),
		"userinfo":                  i.ask(t, "GET", "/oauth2/userinfo", appOrigin, nil, bearer(tokens.str("access_token"))),
		"userinfo with no token":    i.ask(t, "GET", "/oauth2/userinfo", appOrigin, nil, nil),
		"userinfo with a bad token": i.ask(t, "GET", "/oauth2/userinfo", appOrigin, nil, bearer("x")),
		"a revocation that misses":  i.ask(t, "POST", "/oauth2/revoke", appOrigin, url.Values{"client_id": {"app"}}, nil),
		"a revocation":              i.ask(t, "POST", "/oauth2/revoke", appOrigin, url.Values{"client_id": {"app"}, "token": {tokens.str("access_token")}}, nil),
		"userinfo after it":         i.ask(t, "GET", "/oauth2/userinfo", appOrigin, nil, bearer(tokens.str("access_token"))),
	} {
		t.Run(name, func(t *testing.T) {
			a.wantShared(t, appOrigin)
			a.wantVary(t)
			if !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "WWW-Authenticate") {
				t.Errorf("exposed: %q", a.Header.Get("Access-Control-Expose-Headers"))
			}
		})
	}
}

// Origins that look like one of an app, and are not.
func TestCORSOriginConfusion(t *testing.T) {
	i, tokens := corsWorld(t)
	for name, origin := range map[string]string{
		"nobody's":          "https://evil.test",
		"null":              "null",
		"star":              "*",
		"suffix":            appOrigin + ".evil.test",
		"prefix":            "https://evilapp.example.test",
		"subdomain":         "https://x.app.example.test",
		"parent":            "https://example.test",
		"scheme":            "http://app.example.test",
		"port":              appOrigin + ":8443",
		"default port":      appOrigin + ":443",
		"host in capitals":  "https://APP.example.test",
		"scheme upper":      "HTTPS://app.example.test",
		"trailing slash":    appOrigin + "/",
		"path":              appOrigin + "/callback",
		"trailing dot":      appOrigin + ".",
		"userinfo":          "https://app.example.test@evil.test",
		"userinfo before":   "https://evil@app.example.test",
		"query":             appOrigin + "?",
		"fragment":          appOrigin + "#",
		"backslash":         appOrigin + `\`,
		"two with a space":  appOrigin + " https://evil.test",
		"two with a comma":  appOrigin + ", https://evil.test",
		"the second of two": "https://evil.test, " + appOrigin,
		"twice the same":    appOrigin + " " + appOrigin,
		"loopback by name":  "http://localhost:5173",
		"loopback by https": "https://127.0.0.1:5173",
		"another loopback":  "http://127.0.0.2:5173",
		"loopback suffix":   "http://127.0.0.1.evil.test",
		"loopback any port": "http://127.0.0.1:*",
		"IPv6 loopback":     "http://[::1]:5173",
		"a native scheme":   "com.example.app://",
		"a disabled app":    "https://off.example.test",
		"cyrillic letter":   "https://аpp.example.test",
		"huge":              appOrigin + strings.Repeat("x", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range crossOriginEndpoints {
				a := i.preflight(t, path, origin)
				a.wantNotShared(t)
				a.wantVary(t)
				if a.Status != http.StatusForbidden || !strings.Contains(a.str("error_description"), "allowed_origins") {
					t.Errorf("%s: %d %s, want 403 that says how to mend it", path, a.Status, a.Raw)
				}
			}
			info := i.ask(t, "GET", "/oauth2/userinfo", origin, nil, map[string]string{"Authorization": "Bearer " + tokens.str("access_token")})
			info.wantNotShared(t)
			info.wantVary(t)
			for _, client := range []string{"app", "local", "off", "nobody", ""} {
				a := i.ask(t, "POST", "/oauth2/token", origin, url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {"x"}}, nil)
				a.wantNotShared(t)
				a.wantVary(t)
			}
		})
	}
	t.Run("two headers", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.URL+"/oauth2/userinfo", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header["Origin"] = []string{appOrigin, "https://evil.test"}
		do(t, req).wantNotShared(t)
	})
}

// The origin of one app reads no answer that is for another.
func TestCORSOfAnotherClient(t *testing.T) {
	i, tokens := corsWorld(t)
	i.webApp(t, "confidential", func(c *clients.Client) { c.RedirectURIs = []string{"https://third.example.test/cb"} })
	form := func(client string) url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {tokens.str("refresh_token")}}
	}
	bearer := map[string]string{"Authorization": "Bearer " + tokens.str("access_token")}
	for name, a := range map[string]answer{
		"userinfo":                   i.ask(t, "GET", "/oauth2/userinfo", otherOrigin, nil, bearer),
		"userinfo by POST":           i.ask(t, "POST", "/oauth2/userinfo", otherOrigin, url.Values{"access_token": {tokens.str("access_token")}}, nil),
		"a disabled client":          i.ask(t, "POST", "/oauth2/token", otherOrigin, form("off"), nil),
		"an error before the client": i.ask(t, "POST", "/oauth2/token", otherOrigin, url.Values{"grant_type": {"password"}, "client_id": {"app"}}, nil),
		"a revocation":               i.ask(t, "POST", "/oauth2/revoke", otherOrigin, url.Values{"client_id": {"app"}, "token": {"x"}}, nil),
		"a header of another": i.ask(t, "POST", "/oauth2/token", otherOrigin, url.Values{"grant_type": {"client_credentials"}},
			map[string]string{"Authorization": "Basic Y29uZmlkZW50aWFsOng="}), // confidential:x
		"two clients at once": i.ask(t, "POST", "/oauth2/token", otherOrigin, url.Values{"grant_type": {"refresh_token"}, "client_id": {"app", "other"}}, nil),
		"tokens":              i.ask(t, "POST", "/oauth2/token", otherOrigin, form("app"), nil),
	} {
		t.Run(name, func(t *testing.T) {
			a.wantVary(t)
			if name == "two clients at once" {
				return // whose it is cannot be said; it says nothing about either
			}
			a.wantNotShared(t)
		})
	}
	// What is its own, it reads.
	i.ask(t, "POST", "/oauth2/token", otherOrigin, form("other"), nil).wantShared(t, otherOrigin)
	// A token whose client was disabled meanwhile.
	i.change(t, "app", func(c *clients.Client) { c.Disabled = true })
	i.ask(t, "GET", "/oauth2/userinfo", appOrigin, nil, bearer).wantNotShared(t)
}

// The index follows the clients, as fast as its cache forgets.
func TestCORSFollowsTheClients(t *testing.T) {
	i, _ := corsWorld(t)
	i.preflight(t, "/oauth2/token", "https://new.example.test").wantNotShared(t)
	i.change(t, "app", func(c *clients.Client) { c.AllowedOrigins = []string{"https://new.example.test"} })
	i.preflight(t, "/oauth2/token", appOrigin).wantNotShared(t)
	i.clock.Advance(6 * time.Second)
	i.preflight(t, "/oauth2/token", "https://new.example.test").wantShared(t, "https://new.example.test")
	if err := i.Store.DeleteClient(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	i.clock.Advance(6 * time.Second)
	i.preflight(t, "/oauth2/token", "https://new.example.test").wantNotShared(t)
}

// What is public anyone's scripts may read, errors and revalidations too.
func TestCORSOfPublicDocuments(t *testing.T) {
	i, tokens := corsWorld(t)
	list := strings.TrimPrefix(statusOf(t, tokens.str("access_token")).URI, i.URL)
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json", "/oauth2/status", list} {
		for _, origin := range []string{"https://anyone.test", "null", ""} {
			a := i.ask(t, "GET", path, origin, nil, nil)
			a.wantShared(t, "*")
			if etag := a.Header.Get("ETag"); etag != "" {
				again := i.ask(t, "GET", path, origin, nil, map[string]string{"If-None-Match": etag})
				if again.wantShared(t, "*"); again.Status != http.StatusNotModified {
					t.Errorf("%s: %d", path, again.Status)
				}
			}
			i.ask(t, "POST", path, origin, url.Values{}, nil).wantShared(t, "*")
			p := i.preflight(t, path, origin)
			p.wantShared(t, "*")
			if p.Status != http.StatusNoContent {
				t.Errorf("preflight of %s: %d", path, p.Status)
			}
		}
	}
	a := i.ask(t, "GET", "/oauth2/status/none", "https://anyone.test", nil, nil)
	if a.wantShared(t, "*"); a.Status != http.StatusNotFound {
		t.Errorf("%d", a.Status)
	}
}

// Pages and the endpoints of servers are for no script, of whatever origin.
func TestNoCORSElsewhere(t *testing.T) {
	i, _ := corsWorld(t)
	for _, path := range []string{
		"/", "/oauth2/authorize", "/oauth2/authorize?" + url.Values{"client_id": {"app"}, "redirect_uri": {testCallback}}.Encode(), "/oauth2/logout", "/oauth2/introspect",
		"/logged-out", "/setup/x", "/interaction/x/login", "/static/style.css", "/healthz", "/readyz", "/client-logo/x", "/oauth2/token/", "/oauth2/tokens", "/oauth2/token/x", "//oauth2/token", "/nothing",
	} {
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			a := i.ask(t, method, path, appOrigin, nil, map[string]string{"Access-Control-Request-Method": "POST"})
			a.wantNotShared(t)
		}
	}
}
