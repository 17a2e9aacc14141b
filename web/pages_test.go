package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"signet/authz"
	"signet/authz/login"
	"signet/clients"
)

// RFC 8414, section 3.1, inserts the path of the issuer; OpenID Connect
// Discovery, section 4, appends to it; some clients ask at the root.
func TestDiscoveryIsFoundAtEveryPlace(t *testing.T) {
	for issuer, paths := range map[string][]string{
		httpsIssuer: {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"},
		pathIssuer: {
			"/tenant/.well-known/openid-configuration", "/.well-known/openid-configuration/tenant", "/.well-known/openid-configuration",
			"/tenant/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/tenant", "/.well-known/oauth-authorization-server",
			"/tenant/.well-known/jwks.json",
		},
	} {
		b := newWorld(t, issuer).browser()
		for _, p := range paths {
			b.get(p).want(200).contains("{")
			b.do("HEAD", p, nil).want(200)
			b.post(p, url.Values{}).want(405).contains(`"error":"invalid_request"`)
		}
	}
}

func TestBackChannelNeedsNoCookieAndNoOrigin(t *testing.T) {
	b := newWorld(t, pathIssuer).browser()
	b.head.Set("Sec-Fetch-Site", "cross-site")
	b.head.Set("Origin", "https://spa.example.test")
	for _, p := range []string{"/oauth2/token", "/oauth2/userinfo", "/oauth2/introspect", "/oauth2/revoke"} {
		b.post(pathIssuer+p, url.Values{"a": {"b"}}).want(200).contains("{")
	}
	b.get(pathIssuer + "/oauth2/token").want(405)
}

func TestHealth(t *testing.T) {
	var err error
	b := newWorld(t, pathIssuer, func(c *Config) {
		c.Checks = []Check{
			{Name: "database", OK: func(context.Context) error { return err }},
			{Name: "signing keys", OK: func(context.Context) error { return nil }},
		}
	}).browser()
	for _, p := range []string{"", "/tenant"} {
		b.get(p + "/healthz").want(200).contains("ok")
		b.get(p + "/readyz").want(200).contains("ready")
	}
	err = errBroken
	b.get("/readyz").want(503).contains("not ready: database\n").lacks("fire", "signing keys")
	b.get("/healthz").want(200).contains("ok")
}

func TestStaticFilesAreCachedByContent(t *testing.T) {
	w := newWorld(t, pathIssuer)
	b := w.browser()
	href := w.server.assetURL("style.css")
	p := b.get(href).want(200)
	if p.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || !strings.HasPrefix(p.Header().Get("Content-Type"), "text/css") {
		t.Errorf("headers %v", p.Header())
	}
	b.head.Set("If-None-Match", p.Header().Get("ETag"))
	b.get(href).want(http.StatusNotModified)
	b.head.Del("If-None-Match")
	if old := b.get(pathIssuer + "/static/style.css?v=old").want(200); old.Header().Get("Cache-Control") != "no-cache" {
		t.Error("an old name may be kept for ever")
	}
	b.get(pathIssuer + "/static/nothing.css").want(404)
}

func TestLogout(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	signedIn := func() *browser {
		b := w.browser()
		b.signIn(b.begin(), "ada").want(303)
		return b
	}

	// A hint that proves the app: no question, and back with the state.
	b := signedIn()
	w.authz.logout = authz.Logout{RedirectURI: "https://photos.example.test/bye?state=s"}
	b.get(pathLogout + "?state=s").wantLocation("https://photos.example.test/bye?state=s")
	if b.cookie(w.server.names.session) != "" || !slices.Contains(w.login.endedSessions(), "sid-1") {
		t.Fatal("the session lives on")
	}

	// No proof: the person is asked, and only their own browser can answer.
	b = signedIn()
	w.authz.logout = authz.Logout{Confirm: true, RedirectURI: "https://photos.example.test/bye", Client: &w.authz.client}
	p := b.get(pathLogout+"?id_token_hint=HINT&state=s").want(200).contains("Photo Printer", `id="logout-confirm"`, `name="id_token_hint" value="HINT"`)
	b.post(pathLogoutConfirm, url.Values{"csrf": {"forged"}}).want(403)
	if b.cookie(w.server.names.session) == "" || len(w.login.endedSessions()) != 1 {
		t.Fatal("a forged confirmation ended the session")
	}
	b.post(pathLogoutConfirm, url.Values{"csrf": {p.csrf()}, "id_token_hint": {"HINT"}, "state": {"s"}}).wantLocation("https://photos.example.test/bye")
	if got := w.authz.seen[len(w.authz.seen)-1]; got.Get("id_token_hint") != "HINT" || got.Has("csrf") {
		t.Fatalf("the request changed on its way: %v", got)
	}

	// Nowhere to go: the page, whose address holds nothing of the request.
	b = signedIn()
	w.authz.logout = authz.Logout{}
	b.get(pathLogout + "?state=s").want(303)
	b.get(httpsIssuer + pathLoggedOut).want(200).contains("Signed out")
	if b.get(pathLogout).location() != httpsIssuer+pathLoggedOut {
		t.Fatal("signing out twice fails")
	}
}

// A post from another site comes without the session cookie. Taken as it is,
// it would say "signed out" and end nothing.
func TestPostedLogoutFromAnotherSiteReachesTheSession(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	got := w.browser().post(pathLogout, url.Values{"state": {"s"}}).want(303)
	if got.location() != httpsIssuer+pathLogout+"?state=s" || len(w.authz.seen) != 0 {
		t.Fatalf("sent to %s", got.location())
	}
}

func TestSetup(t *testing.T) {
	w := newWorld(t, pathIssuer)
	b := w.browser()
	page := pathIssuer + pathSetup + setupToken
	form := url.Values{"username": {"root"}, "email": {"root@example.test"}, "name": {"Root"}, "password": {"PASSWORD-1"}}
	p := b.get(page).want(200).contains(`id="username"`, `id="email"`, `id="name"`, `id="password"`, `id="create"`, `autocomplete="new-password"`)
	b.post(page, form).want(403).contains(`role="alert"`, `value="root"`).lacks("PASSWORD-1")
	if w.login.setup.Username != "" {
		t.Fatal("created without a form token")
	}
	form.Set("csrf", p.csrf())
	w.login.setErr = errors.Join(&login.FieldError{Field: "username", Reason: "must not be root"}, &login.FieldError{Field: "password", Reason: "must be longer"})
	b.post(page, form).want(200).contains(`href="#username"`, "Username must not be root.", `href="#password"`, "Password must be longer.", `value="root@example.test"`).lacks("PASSWORD-1")
	w.login.setErr = login.ErrTaken
	b.post(page, form).want(200).contains("somebody else")
	w.login.setErr = login.ErrBusy
	b.post(page, form).want(503).contains(`id="create"`)
	w.login.setErr = nil
	b.post(page, form).want(200).contains("The server is ready", "root")
	if got := w.login.setup; !got.Admin || got.Email != "root@example.test" || got.Profile.Name != "Root" || got.Password != "PASSWORD-1" {
		t.Fatalf("created %+v", got)
	}
	b.get(pathIssuer + pathSetup + "other").want(410).contains("no longer works")
}

func TestConsentShowsOldScopesFolded(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	w.authz.old = []authz.ScopeText{{Name: "email", Text: "See your email address"}}
	b := w.browser()
	consent := b.signIn(b.begin(), "ada").location()
	b.get(consent).contains("<details>", "What you allowed before", "See your email address")
	w.authz.scopes = nil
	b.get(consent).contains("You allowed all of this before").lacks("<details>")
}

// An app that nobody here has registered: its host stands beside the name it
// gives itself, at the sign-in too, and one on this device has a warning.
func TestConsentNamesTheHostOfADocument(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	w.authz.client.Name = "Your Bank <b>"
	b := w.browser()
	b.get(b.signIn(b.begin(), "ada").location()).contains("Your Bank &lt;b&gt;").lacks("client-host", "device-warning")

	w.authz.host = "evil.test:8443"
	b = w.browser()
	login := b.begin()
	b.get(login).contains("Your Bank &lt;b&gt;", `id="client-host">Published by <bdi><strong>evil.test:8443</strong></bdi>`)
	consent := b.signIn(login, "ada").location()
	b.get(consent).contains(`id="client-host">Published by <bdi><strong>evil.test:8443</strong></bdi>`, "You go back to photos.example.test").lacks("device-warning")
	for _, uri := range []string{"http://127.0.0.1:7/cb", "http://localhost/cb", "com.example.app:/cb"} {
		w.authz.client.RedirectURIs = []string{uri}
		b.get(consent).contains(`id="device-warning"`, "any program can say that it is this app")
	}
}

func TestAppHost(t *testing.T) {
	s := newWorld(t, httpsIssuer).server
	for uri, want := range map[string]string{
		"https://photos.example.test/cb":      "photos.example.test",
		"https://photos.example.test:8443/cb": "photos.example.test:8443",
		"http://127.0.0.1:7/cb":               "A program on this device (127.0.0.1:7)",
		"http://[::1]/cb":                     "A program on this device ([::1])",
		"com.example.app:/cb":                 "An app on this device (com.example.app)",
		"":                                    "",
	} {
		if got := s.appHost(uri); got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
	}
}

func TestAppName(t *testing.T) {
	for _, tc := range []struct{ id, name, want string }{
		{"id", "Photo  Printer\n", "Photo Printer"},
		{"id", "\u202e\u200b", "id"},
		{"id", strings.Repeat("é", 200), strings.Repeat("é", 80) + "…"},
	} {
		if got := appName(clients.Client{ID: tc.id, Name: tc.name}); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no provider":    {Issuer: httpsIssuer, CookieKey: make([]byte, 32), InteractionLifetime: lifetime},
		"issuer path":    {Issuer: "https://id.example.test/:x", CookieKey: make([]byte, 32), InteractionLifetime: lifetime},
		"issuer dots":    {Issuer: "https://id.example.test/a/..", CookieKey: make([]byte, 32), InteractionLifetime: lifetime},
		"issuer query":   {Issuer: "https://id.example.test/?a=b", CookieKey: make([]byte, 32), InteractionLifetime: lifetime},
		"issuer scheme":  {Issuer: "ftp://id.example.test", CookieKey: make([]byte, 32), InteractionLifetime: lifetime},
		"cookie key":     {Issuer: httpsIssuer, CookieKey: make([]byte, 16), InteractionLifetime: lifetime},
		"no time at all": {Issuer: httpsIssuer, CookieKey: make([]byte, 32)},
	} {
		if name == "no provider" {
			if _, err := New(cfg); err == nil {
				t.Error("New without a provider")
			}
			continue
		}
		if _, err := newServer(cfg, rooms{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSealIsBoundToFlowAndBrowser(t *testing.T) {
	k := newWorld(t, httpsIssuer).server.seal
	v, err := k.Seal(saved{Request: []byte("request")}, "flow", "browser")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Open(v, "flow", "browser"); err != nil || string(got.Request) != "request" {
		t.Fatalf("%q, %v", got.Request, err)
	}
	for _, tc := range [][3]string{{v, "flow2", "browser"}, {v, "flow", "browser2"}, {v, "flowb", "rowser"}, {v, "flow", ""}, {v[:len(v)-1], "flow", "browser"}, {"", "flow", "browser"}, {"!", "flow", "browser"}} {
		if _, err := k.Open(tc[0], tc[1], tc[2]); !errors.Is(err, errSealed) {
			t.Errorf("%v: %v", tc, err)
		}
	}
	for i := range v {
		changed := []byte(v)
		changed[i] ^= 1
		if _, err := k.Open(string(changed), "flow", "browser"); err == nil {
			t.Fatalf("changed at %d and opened", i)
		}
	}
}
