package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/authz/login"
	"signet/clients"
)

// groups puts a person into these groups and out of all others.
func (i *issuer) groups(t testing.TB, id string, groups ...string) {
	t.Helper()
	if _, err := i.Login.UpdatePerson(t.Context(), id, func(p *login.Person) error { p.Groups = groups; return nil }); err != nil {
		t.Fatal(err)
	}
}

// code is a code for a client, with the verifier that goes with it.
func (i *issuer) code(t testing.TB, b *browser, username, clientID string, change map[string]string) (code, verifier string) {
	t.Helper()
	verifier, challenge := pkcePair(t)
	with := map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}
	for k, v := range change {
		with[k] = v
	}
	return b.authorize(i.authorizeURL(clientID, with), username), verifier
}

func always(c *clients.Client) { c.Consent = clients.ConsentAlways }

// What an app's policy makes of the consent page, in the browser. That of a
// metadata document is in TestClientDocument.
func TestConsentPolicies(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada")
	target := func(id string, more map[string]string) string {
		change := map[string]string{"scope": "openid email"}
		for k, v := range more {
			change[k] = v
		}
		return i.authorizeURL(id, change)
	}
	i.webApp(t, "always", always)
	i.webApp(t, "remember")
	i.webApp(t, "ours", firstParty)
	i.webApp(t, "ours-asking", firstParty, always)
	i.webApp(t, "let-off", firstParty, func(c *clients.Client) { c.Consent = clients.ConsentSkip })
	i.webApp(t, "itself", firstParty, func(c *clients.Client) { c.Source, c.Consent = clients.SourceDynamic, clients.ConsentSkip })
	b := newBrowser(t)
	b.authorize(target("ours", nil), "ada")
	for id, want := range map[string]struct{ first, again bool }{
		"always": {true, true}, "remember": {true, false}, "ours": {false, false}, "ours-asking": {true, true},
		"let-off": {false, false}, "itself": {true, false},
	} {
		t.Run(id, func(t *testing.T) {
			b := &browser{t: t, client: b.client}
			for n, asked := range []bool{want.first, want.again, want.again} {
				p := b.get(target(id, nil))
				if (p.byID("allow") != nil) != asked {
					t.Fatalf("time %d, asked %t, want %t: %d %s", n+1, !asked, asked, p.Status, p.Location)
				}
				if asked {
					p = b.submit(p, "allow", nil)
				}
				if p.param("code") == "" {
					t.Fatalf("time %d, no code: %d %s", n+1, p.Status, p.Location)
				}
			}
			p := b.get(target(id, map[string]string{"prompt": "none"}))
			if got := p.param("error"); (got == "consent_required") != want.again || (got == "") == want.again {
				t.Errorf("prompt=none: %s", p.Location)
			}
			if p := b.get(target(id, map[string]string{"prompt": "consent"})); p.byID("allow") == nil {
				t.Errorf("prompt=consent was not heard: %d %s", p.Status, p.Location)
			}
			kept, err := i.Store.ConsentedScopes(t.Context(), ada.ID, id)
			if remembered := len(kept) > 0; err != nil || remembered != (want.first && !want.again) {
				t.Errorf("kept %q, %v", kept, err)
			}
		})
	}
}

// A Deny takes nothing away and adds nothing; of more scopes only the new ones
// are asked, and the old ones are folded away.
func TestConsentGrowsByAllowAlone(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	i.webApp(t, "app")
	b := newBrowser(t)
	b.authorize(i.authorizeURL("app", map[string]string{"scope": "openid email"}), "ada")
	more := map[string]string{"scope": "openid photos.read"}
	for range 2 {
		p := b.get(i.authorizeURL("app", more))
		if p.byID("allow") == nil {
			t.Fatalf("not asked after a Deny: %d %s", p.Status, p.Location)
		}
		fresh, old := strings.Index(p.Body, "See your photos"), strings.Index(p.Body, "See your email address")
		if fresh < 0 || old < fresh {
			t.Errorf("the new scope stands at %d, the old one at %d", fresh, old)
		}
		if p := b.submit(p, "deny", nil); p.param("error") != "access_denied" {
			t.Fatalf("deny: %s", p.Location)
		}
	}
	if p := b.get(i.authorizeURL("app", map[string]string{"scope": "openid", "prompt": "none"})); p.param("code") == "" {
		t.Errorf("a Deny took away what was allowed: %s", p.Location)
	}
	b.authorize(i.authorizeURL("app", more), "ada")
	if p := b.get(i.authorizeURL("app", map[string]string{"scope": "openid email photos.read", "prompt": "none"})); p.param("code") == "" {
		t.Errorf("both were allowed, one after the other: %s", p.Location)
	}
}

// Whoever is in none of an app's groups gets nothing, wherever they stand when
// they leave; once they are back, their grant goes on.
func TestGroupGate(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada") // of staff
	secret := i.webApp(t, "app", func(c *clients.Client) { c.AllowedGroups = []string{"ops", "staff"} })
	b := newBrowser(t)
	a := i.tokens(t, b, "ada", "app", secret)
	code, verifier := i.code(t, b, "ada", "app", nil)
	access, refresh := a.str("access_token"), a.str("refresh_token")

	i.groups(t, ada.ID, "Staff", "guests")
	for _, prompt := range []string{"", "none", "consent"} {
		p := b.get(i.authorizeURL("app", map[string]string{"prompt": prompt}))
		if p.param("error") != "access_denied" || p.param("error_description") != "The person may not use this app." || p.param("state") != "a-state" || p.param("iss") != i.URL {
			t.Errorf("prompt=%s: %d %s", prompt, p.Status, p.Location)
		}
	}
	if p := b.get(i.authorizeURL("app", map[string]string{"prompt": "login"})); p.byID("sign-in") == nil {
		t.Errorf("nobody else can sign in: %d %s", p.Status, p.Location)
	}
	for name, a := range map[string]answer{
		"a pending code": i.exchange(t, "app", secret, code, verifier), "a refresh token": i.refresh(t, "app", secret, refresh),
	} {
		if a.wantRefused(t, http.StatusBadRequest, "invalid_grant"); a.str("error_description") != "The person may not use this app." {
			t.Errorf("%s: %s", name, a.Raw)
		}
	}
	i.userinfo(t, access).wantBadToken(t)
	for _, token := range []string{access, refresh} {
		i.post(t, "/oauth2/introspect", "app", secret, url.Values{"token": {token}}).wantInactive(t)
	}

	i.groups(t, ada.ID, "ops")
	if a := i.exchange(t, "app", secret, code, verifier); a.Status != http.StatusOK {
		t.Errorf("the code, once she is back: %d %s", a.Status, a.Raw)
	}
	if a := i.refresh(t, "app", secret, refresh); a.Status != http.StatusOK {
		t.Errorf("the refresh token, once she is back: %d %s", a.Status, a.Raw)
	}
	if a := i.userinfo(t, access); a.Status != http.StatusOK {
		t.Errorf("userinfo, once she is back: %d %s", a.Status, a.Raw)
	}
	// The groups of the app change, too.
	i.change(t, "app", func(c *clients.Client) { c.AllowedGroups = []string{"bosses"} })
	i.userinfo(t, access).wantBadToken(t)
}

// A service has no groups and needs none.
func TestGroupGateIsForPeople(t *testing.T) {
	i := start(t)
	secret := i.webApp(t, "job", func(c *clients.Client) {
		c.GrantTypes, c.RedirectURIs, c.PostLogoutRedirectURIs = []string{clients.GrantClientCredentials}, nil, nil
		c.Scopes, c.AllowedGroups = []string{"photos.read"}, []string{"staff"}
		c.Claims = map[string]clients.ClaimRule{"tenant": {Value: "acme", In: []string{clients.ClaimInAccessToken}}}
	})
	a := i.post(t, "/oauth2/token", "job", secret, url.Values{"grant_type": {"client_credentials"}})
	if a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Raw)
	}
	if c := decodeSegment(t, a.str("access_token"), 1); c["tenant"] != nil || c["sub"] != "job" {
		t.Errorf("a token that is about nobody: %v", c)
	}
}

// What a client has registered stands in for what its requests do not say.
func TestDefaultsOfRequests(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app", firstParty, func(c *clients.Client) {
		hour := time.Hour
		c.DefaultMaxAge, c.RequireAuthTime, c.DefaultACRValues = &hour, true, []string{"urn:example:strong"}
	})
	b := newBrowser(t)
	a := i.tokens(t, b, "ada", "app", secret)
	for range 2 {
		if c := decodeSegment(t, a.str("id_token"), 1); c["auth_time"] == nil || c["acr"] != "1" {
			t.Errorf("the ID token says %v", c)
		}
		a = i.refresh(t, "app", secret, a.str("refresh_token"))
	}
	if !strings.Contains(i.log.String(), `"acr_values":"urn:example:strong"`) {
		t.Error("the log does not say which acr was missed")
	}
	i.clock.Advance(time.Hour + time.Minute)
	if p := b.get(i.authorizeURL("app", nil)); p.byID("sign-in") == nil {
		t.Errorf("past default_max_age: %d %s", p.Status, p.Location)
	}
	if p := b.get(i.authorizeURL("app", map[string]string{"prompt": "none"})); p.param("error") != "login_required" {
		t.Errorf("past default_max_age, prompt=none: %s", p.Location)
	}
	if p := b.get(i.authorizeURL("app", map[string]string{"max_age": "10000", "acr_values": "1"})); p.param("code") == "" {
		t.Errorf("a max_age of its own: %d %s", p.Status, p.Location)
	}
}
