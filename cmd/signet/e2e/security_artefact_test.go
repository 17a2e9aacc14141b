package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"signet/clients"
)

// artefacts are everything that the server hands out, all of it live but the
// set-up link, which died when the first person was created.
func artefacts(t *testing.T) (*victim, map[string]string) {
	i := start(t)
	setup, _, err := i.Login.NewSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{issuer: i, browser: newBrowser(t)}
	i.person(t, "ada")
	v.secret = i.webApp(t, "app")
	a := i.tokens(t, v.browser, "ada", "app", v.secret)
	v.access, v.id, v.refresh = a.str("access_token"), a.str("id_token"), a.str("refresh_token")
	hidden := i.tokens(t, newBrowser(t), "ada", "opaque", i.webApp(t, "opaque", opaque)).str("access_token")
	signing := i.webApp(t, "signing", func(c *clients.Client) { c.UserinfoSignedResponseAlg = "RS256" })
	info := i.userinfo(t, i.tokens(t, newBrowser(t), "ada", "signing", signing).str("access_token"))
	code := v.browser.authorize(i.authorizeURL("app", nil), "ada")
	waiting := newBrowser(t)
	page := waiting.get(i.authorizeURL("app", nil))
	assertion := i.assertor(t, "signer", credentialsOnly).good()
	return v, map[string]string{
		"client assertion": assertion,
		"code":             code, "access token": v.access, "opaque access token": hidden, "signed userinfo": info.Raw, "ID token": v.id, "refresh token": v.refresh,
		"set-up link": setup, "client secret": v.secret,
		"session cookie": v.browser.cookie(t, i.URL+"/", sessionCookie),
		"browser id":     v.browser.cookie(t, i.URL+"/", browserCookie),
		"flow id":        strings.Split(page.URL.Path, "/")[2],
		"flow cookie":    waiting.cookie(t, page.URL.String(), flowCookie),
		"form token":     csrfOf(page),
		"grant id":       decodeSegment(t, v.access, 1)["grant_id"].(string),
		"token id":       decodeSegment(t, v.access, 1)["jti"].(string),
		"session id":     decodeSegment(t, v.access, 1)["sid"].(string),
		"subject":        decodeSegment(t, v.access, 1)["sub"].(string),
	}
}

// One artefact used as another (keycloak CVE-2026-4282): each is presented at
// every door that is not its own, and refused.
func TestOneArtefactUsedAsAnother(t *testing.T) {
	v, all := artefacts(t)
	doors := map[string]struct {
		own     []string
		attempt func(t *testing.T, value string)
	}{
		"userinfo": {[]string{"access token", "opaque access token"}, func(t *testing.T, s string) {
			v.userinfo(t, s).wantBadToken(t)
			v.post(t, "/oauth2/userinfo", "", "", url.Values{"access_token": {s}}).wantBadToken(t)
		}},
		"the admin API": {nil, func(t *testing.T, s string) { v.wantNoAdmin(t, s, http.StatusUnauthorized, "invalid_token") }},
		"introspection": {[]string{"access token", "opaque access token", "refresh token"}, func(t *testing.T, s string) {
			for _, hint := range []string{"", "access_token", "refresh_token", "id_token"} {
				v.post(t, "/oauth2/introspect", "app", v.secret, url.Values{"token": {s}, "token_type_hint": {hint}}).wantInactive(t)
			}
		}},
		"revocation": {[]string{"access token", "opaque access token", "refresh token"}, func(t *testing.T, s string) { v.wantRevokeIgnores(t, s) }},
		"a code": {[]string{"code"}, func(t *testing.T, s string) {
			v.exchange(t, "app", v.secret, s, "").wantRefused(t, http.StatusBadRequest, "invalid_grant")
		}},
		"a refresh token": {[]string{"refresh token"}, func(t *testing.T, s string) {
			v.issuer.refresh(t, "app", v.secret, s).wantRefused(t, http.StatusBadRequest, "invalid_grant")
		}},
		"a client secret": {[]string{"client secret"}, func(t *testing.T, s string) {
			v.issuer.refresh(t, "app", s, v.refresh).wantRefused(t, http.StatusUnauthorized, "invalid_client")
			v.introspect(t, "app", s, v.access).wantRefused(t, http.StatusUnauthorized, "invalid_client")
		}},
		"a client assertion": {[]string{"client assertion"}, func(t *testing.T, s string) {
			v.wantClient(t, "as it is", s, false)
			v.post(t, "/oauth2/token", "", "", withParam(asserting(clientCredentials, s), "client_id", "signer")).wantRefused(t, http.StatusUnauthorized, "invalid_client")
		}},
		"an id_token_hint": {[]string{"ID token"}, func(t *testing.T, s string) { v.wantNoHint(t, s) }},
		"a set-up link": {nil, func(t *testing.T, s string) {
			b := newBrowser(t)
			p := b.get(v.URL + "/setup/" + url.PathEscape(s))
			p.wantErrorPage(t)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.URL+"/setup/"+url.PathEscape(s),
				strings.NewReader(url.Values{"username": {"mallory"}, "password": {testPassword}, "csrf": {all["form token"]}}.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", formType)
			b.follow(req).wantErrorPage(t)
		}},
		"a session": {[]string{"session cookie"}, func(t *testing.T, s string) {
			b := newBrowser(t)
			b.plant(t, v.URL+"/", sessionCookie, s)
			b.get(v.authorizeURL("app", map[string]string{"prompt": "none"})).
				wantErrorRedirect(t, v.URL, testCallback, "login_required", "a-state")
		}},
		"a flow": {nil, func(t *testing.T, s string) {
			b := newBrowser(t)
			b.plant(t, v.URL+"/", browserCookie, s)
			for _, page := range []string{"login", "consent", "switch"} {
				if p := b.get(v.URL + "/interaction/" + url.PathEscape(s) + "/" + page); p.Status < 400 || p.Status > 499 || p.Location != nil {
					t.Errorf("%s: %d", page, p.Status)
				}
			}
		}},
		"a form token": {[]string{"form token"}, func(t *testing.T, s string) {
			b := newBrowser(t)
			page := b.get(v.authorizeURL("app", nil))
			if p := b.submit(page, "sign-in", map[string]string{"username": "ada", "password": testPassword, "csrf": s}); p.byID("sign-in") == nil {
				t.Errorf("accepted: %d %s", p.Status, p.Header.Get("Location"))
			}
		}},
		"a request_uri": {nil, func(t *testing.T, s string) {
			p := v.browser.get(v.authorizeURL("app", map[string]string{"request_uri": "urn:ietf:params:oauth:request_uri:" + s}))
			p.wantErrorRedirect(t, v.URL, testCallback, "invalid_request_uri", "a-state")
		}},
	}
	for door, d := range doors {
		for name, value := range all {
			if value == "" {
				t.Fatalf("no %s", name)
			}
			if !slices.Contains(d.own, name) {
				t.Run(name+" as "+door, func(t *testing.T) { d.attempt(t, value) })
			}
		}
	}
	v.wantUnharmed(t)
	if a := v.exchange(t, "app", v.secret, all["code"], ""); a.Status != http.StatusOK {
		t.Errorf("the code is dead: %d %s", a.Status, a.Raw)
	}
	v.wantClient(t, "the assertion, which is alive", all["client assertion"], true)
}

// The set-up link makes one administrator, once, within an hour, on an empty
// server; no other artefact opens its door.
func TestSetupLinkWorksOnce(t *testing.T) {
	t.Run("raced", func(t *testing.T) {
		i := start(t)
		token, _, err := i.Login.NewSetupLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		target := i.URL + "/setup/" + token
		const rivals = 8
		browsers, requests := make([]*browser, rivals), make([]*http.Request, rivals)
		for n := range rivals {
			browsers[n] = newBrowser(t)
			p := browsers[n].get(target)
			p.wantGuarded(t)
			requests[n] = browsers[n].submission(p, "create", map[string]string{"username": "admin" + string(rune('a'+n)), "password": testPassword})
		}
		var made atomic.Int64
		atOnce(rivals, func(n int) {
			resp, err := browsers[n].client.Do(requests[n])
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			switch resp.StatusCode {
			case http.StatusOK:
				made.Add(1)
			case http.StatusGone:
			default:
				t.Errorf("status %d", resp.StatusCode)
			}
		})
		people, err := i.Store.CountPeople(t.Context())
		if made.Load() != 1 || people != 1 || err != nil {
			t.Errorf("%d administrators made, %d people, %v; want one", made.Load(), people, err)
		}
		newBrowser(t).get(target).wantErrorPage(t)
	})
	t.Run("expired, replaced, guessed or stolen form", func(t *testing.T) {
		i := start(t)
		old, _, err := i.Login.NewSetupLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		token, _, err := i.Login.NewSetupLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b := newBrowser(t)
		page := b.get(i.URL + "/setup/" + token)
		for _, guess := range []string{old, strings.Repeat("A", 43), token[:42], token + "A", flip(token[0]) + token[1:], strings.ToLower(token), csrfOf(page)} {
			b.get(i.URL + "/setup/" + guess).wantErrorPage(t)
		}
		i.userinfo(t, token).wantBadToken(t)
		// Another site's form, another browser's form.
		mallory := map[string]string{"username": "mallory", "password": testPassword}
		req := b.submission(page, "create", mallory)
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		b.follow(req).wantErrorPage(t)
		if p := newBrowser(t).submit(page, "create", mallory); p.Status != http.StatusForbidden {
			t.Errorf("another browser's form: %d", p.Status)
		}
		i.clock.Advance(61 * time.Minute)
		b.submit(page, "create", mallory).wantErrorPage(t)
		if n, err := i.Store.CountPeople(t.Context()); n != 0 || err != nil {
			t.Errorf("%d people, %v; want none", n, err)
		}
	})
}
