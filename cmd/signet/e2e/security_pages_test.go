package e2e

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"signet/authz/login"
	"signet/clients"
	"signet/cmd/signet/config"
)

// hostile are texts that break out of a page whose author forgot to escape.
var hostile = []string{
	`<script>alert(1)</script>`,
	`"><script src=//evil.test></script>`,
	`'><img src=x onerror=alert(1)>`,
	`" autofocus onfocus="alert(1)`,
	`</title></textarea></style><svg onload=alert(1)>`,
	`javascript:alert(1)`,
	`{{.}} ${7*7} <%= 7*7 %> %s %n`,
	`<iframe srcdoc='<script>alert(1)</script>'>`,
	`--><!--><base href=//evil.test>`,
	`&lt;script&gt;alert(1)&lt;/script&gt;`,
}

// Clickjacking and XSS: hostile client names, scopes, states, login hints,
// usernames and claims on every page. Each comes back as text or not at all,
// and every page forbids frames, caches and referrers.
func TestHostileTextOnEveryPage(t *testing.T) {
	for n, text := range hostile {
		t.Run(text, func(t *testing.T) {
			scope := strings.Map(func(r rune) rune {
				if r == ' ' || r == '"' {
					return '_'
				}
				return r
			}, text)
			i := start(t, func(c *config.Config) {
				c.Branding.Name = "Signet " + text
				c.Scopes["worded"] = "Words " + text
			})
			person := login.NewPerson{Username: "ada" + string(rune('a'+n)), Password: testPassword, Profile: login.Profile{Name: text}}
			if _, err := i.Login.CreatePerson(t.Context(), person); err != nil {
				t.Fatal(err)
			}
			secret := i.webApp(t, "app", func(c *clients.Client) {
				c.Name = text
				c.Scopes = append(c.Scopes, scope, "worded")
				c.PolicyURI, c.TermsURI = "https://app.example.test/policy?q=%22%3E%3Cscript%3E", "https://app.example.test/terms?'onclick='alert(1)"
			})
			b := newBrowser(t)
			verifier, challenge := pkcePair(t)
			query := map[string]string{
				"state": text, "login_hint": text, "nonce": text, "scope": "openid offline_access worded " + scope,
				"display": text, "ui_locales": text, "acr_values": text, "claims": marshal(t, map[string]any{"userinfo": map[string]any{text: nil}}), "unknown": text,
				"code_challenge": challenge, "code_challenge_method": "S256", "response_mode": "form_post",
			}
			p := b.get(i.authorizeURL("app", query))
			p.wantGuarded(t)
			wantText(t, p, "for the app", text)
			p = b.submit(p, "sign-in", map[string]string{"username": text, "password": "a wrong password"})
			p.wantGuarded(t)
			p = b.submit(p, "sign-in", map[string]string{"username": person.Username, "password": testPassword})
			p.wantGuarded(t)
			wantText(t, p, "the app's name", text)
			wantText(t, p, "the scope", scope)
			wantText(t, p, "the scope's words", "Words "+text)
			p = b.submit(p, "allow", nil)
			p.wantGuarded(t)
			// The form that goes to the app holds the state as it was sent.
			req := b.submission(p, "continue", nil)
			if req.URL.String() != testCallback {
				t.Errorf("the form goes to %s", req.URL)
			}
			if err := req.ParseForm(); err != nil || req.PostForm.Get("state") != text {
				t.Errorf("state %q, %v; want %q", req.PostForm.Get("state"), err, text)
			}
			if a := i.exchange(t, "app", secret, req.PostForm.Get("code"), verifier); a.Status != http.StatusOK {
				t.Errorf("exchange: %d %s", a.Status, a.Raw)
			}
			for _, p := range []*page{
				b.get(i.URL + "/"), b.get(i.URL + "/oauth2/logout?state=" + url.QueryEscape(text) + "&client_id=app&logout_hint=" + url.QueryEscape(text)),
				b.get(i.URL + "/logged-out?x=" + url.QueryEscape(text)), b.get(i.URL + "/nothing/" + url.PathEscape(text)),
				b.get(i.URL + "/setup/" + url.PathEscape(text)), b.get(i.URL + "/interaction/" + url.PathEscape(text) + "/login"),
				b.get(i.authorizeURL(text, nil)), b.get(i.authorizeURL("app", map[string]string{"redirect_uri": text})),
				b.get(i.URL + "/oauth2/logout?post_logout_redirect_uri=" + url.QueryEscape(text) + "&id_token_hint=" + url.QueryEscape(text)),
				b.get(i.authorizeURL("app", map[string]string{"scope": text, "state": text, "response_mode": "form_post"})),
			} {
				p.wantGuarded(t)
			}
		})
	}
}

// wantText checks that a page shows a text as a text.
func wantText(t *testing.T, p *page, what, text string) {
	t.Helper()
	for n := range p.root.Descendants() {
		if strings.Contains(n.Data, text) && n.FirstChild == nil {
			return
		}
	}
	t.Errorf("%s does not show %q as text:\n%s", what, template.HTMLEscapeString(text), p.Body)
}

// The state comes back byte for byte, whatever it holds, and never splits a
// header or adds a parameter.
func TestHostileStateInTheRedirect(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	i.webApp(t, "app", firstParty)
	b := newBrowser(t)
	b.authorize(i.authorizeURL("app", nil), "ada")
	states := append([]string{
		"x", "a&code=evil&error=evil#fragment", "\r\nSet-Cookie: evil=1\r\n\r\n<script>", "%0d%0aSet-Cookie:%20evil=1", "+ %20 %2B", "ü€😀\u202e\u0000",
		"\xff\xfe", strings.Repeat("s", 2000), " ", "null", "a=b;c=d",
	}, hostile...)
	for _, state := range states {
		for code, change := range map[string]string{"": "code", "unsupported_response_type": "token"} {
			p := b.get(i.authorizeURL("app", map[string]string{"state": state, "response_type": change}))
			if got := p.param("state"); got != state || p.param("iss") != i.URL || p.param("error") != code || (code == "") == (p.param("code") == "") {
				t.Errorf("state %q: %d %s", state, p.Status, p.Header.Get("Location"))
			}
			if p.Location == nil || !strings.HasPrefix(p.Location.String(), testCallback+"?") || p.Location.Fragment != "" || strings.Contains(strings.Join(p.Header["Set-Cookie"], ""), "evil") {
				t.Errorf("state %q: %q", state, p.Header)
			}
		}
	}
}

// Nothing that holds a code or a token may be cached, framed or referred to.
func TestNoCodeOrTokenInACache(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app", firstParty)
	b := newBrowser(t)
	tokens := i.tokens(t, b, "ada", "app", secret)
	tokens.wantNoStore(t)
	for name, p := range map[string]*page{
		"a code in a redirect": b.get(i.authorizeURL("app", nil)),
		"an error":             b.get(i.authorizeURL("app", map[string]string{"scope": "nope"})),
		"to the sign-in":       newBrowser(t).get(i.authorizeURL("app", nil)),
	} {
		if got := p.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q, want no-store", name, got)
		}
		if got := p.Header.Get("Referrer-Policy"); got != "no-referrer" {
			t.Errorf("%s: Referrer-Policy %q, want no-referrer", name, got)
		}
	}
	if p := b.get(i.authorizeURL("app", nil)); p.Status != http.StatusSeeOther {
		t.Errorf("the redirect is a %d; only 303 never repeats a form with a password (RFC 9700, section 4.12)", p.Status)
	}
	for path, a := range map[string]answer{
		"userinfo":   i.userinfo(t, tokens.str("access_token")),
		"introspect": i.introspect(t, "app", secret, tokens.str("access_token")),
		"refresh":    i.refresh(t, "app", secret, tokens.str("refresh_token")),
		"revoke":     i.post(t, "/oauth2/revoke", "app", secret, url.Values{"token": {"x"}}),
	} {
		t.Run(path, func(t *testing.T) { a.wantNoStore(t) })
	}
}
