package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"signet/clients"
)

func pairwise(c *clients.Client) { c.SubjectType = clients.SubjectPairwise }

func sector(uri string) func(*clients.Client) {
	return func(c *clients.Client) { c.SectorIdentifierURI = uri }
}

// Apps of one sector know a person by one sub, apps of another by another, and
// none of them by the person's own ID.
func TestPairwiseSubjects(t *testing.T) {
	i := start(t)
	ada, bob := i.person(t, "ada"), i.person(t, "bob")
	b := newBrowser(t)
	subOf := func(b *browser, name, id string, change ...func(*clients.Client)) (string, string, answer) {
		t.Helper()
		secret := i.webApp(t, id, change...)
		a := i.tokens(t, b, name, id, secret)
		sub, _ := decodeSegment(t, a.str("id_token"), 1)["sub"].(string)
		return sub, secret, a
	}
	one, secret, a := subOf(b, "ada", "one", pairwise)
	two, _, _ := subOf(b, "ada", "two", pairwise)
	other, _, _ := subOf(b, "ada", "other", pairwise, sector("https://other.example.test/uris.json"))
	named, _, _ := subOf(b, "ada", "named", pairwise, sector("https://APP.example.test:8443/uris.json"))
	public, _, _ := subOf(b, "ada", "public")
	bobs, _, _ := subOf(newBrowser(t), "bob", "bobs", pairwise)
	if one != two || one != named || one == other || one == bobs || public != ada.ID || one == ada.ID || len(one) != 43 {
		t.Fatalf("one sector: %s %s %s, another: %s, bob: %s, public: %s", one, two, named, other, bobs, public)
	}
	// Everywhere the same.
	for range 3 {
		if sub := decodeSegment(t, a.str("access_token"), 1)["sub"]; sub != one {
			t.Errorf("the access token says %v", sub)
		}
		if sub := decodeSegment(t, a.str("id_token"), 1)["sub"]; sub != one {
			t.Errorf("the ID token says %v", sub)
		}
		if u := i.userinfo(t, a.str("access_token")); u.str("sub") != one || u.str("email") != ada.Email {
			t.Errorf("userinfo says %s", u.Raw)
		}
		for _, token := range []string{a.str("access_token"), a.str("refresh_token")} {
			in := i.post(t, "/oauth2/introspect", "one", secret, url.Values{"token": {token}})
			if in.Body["active"] != true || in.str("sub") != one || in.Body["username"] != nil {
				t.Errorf("introspection says %s", in.Raw)
			}
		}
		if strings.Contains(a.Raw, ada.ID) {
			t.Error("the person's ID is in a token response")
		}
		a = i.refresh(t, "one", secret, a.str("refresh_token"))
	}
	// Inside, the person is themselves.
	scopes, err := i.Store.ConsentedScopes(t.Context(), ada.ID, "one")
	if err != nil || len(scopes) == 0 || strings.Contains(i.log.String(), one) || !strings.Contains(i.log.String(), ada.ID) || bob.ID == "" {
		t.Errorf("consent %q, %v; or the log speaks of %s", scopes, err, one)
	}
}

// An ID token of a pairwise client is a hint for its person alone, at sign-in and
// at sign-out, also after the client was made pairwise.
func TestPairwiseHints(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	i.person(t, "bob")
	secret := i.webApp(t, "app", firstParty)
	b, bobs := newBrowser(t), newBrowser(t)
	before := i.tokens(t, b, "ada", "app", secret).str("id_token")
	i.change(t, "app", pairwise)
	hint := i.tokens(t, b, "ada", "app", secret).str("id_token")
	i.tokens(t, bobs, "bob", "app", secret)
	for name, token := range map[string]string{"pairwise": hint, "public, from before": before} {
		silent := i.authorizeURL("app", map[string]string{"prompt": "none", "id_token_hint": token})
		if p := b.get(silent); p.param("code") == "" {
			t.Errorf("%s: ada's own hint: %s", name, p.Location)
		}
		if p := bobs.get(silent); p.param("error") != "login_required" {
			t.Errorf("%s: ada's hint at bob's browser: %s", name, p.Location)
		}
	}
	out := func(token string) string {
		return i.URL + "/oauth2/logout?" + url.Values{
			"id_token_hint": {token}, "post_logout_redirect_uri": {"https://app.example.test/bye"}, "state": {"s"},
		}.Encode()
	}
	if p := bobs.get(out(hint)); p.byID("logout-confirm") == nil {
		t.Errorf("ada's hint signs bob out unasked: %d %s", p.Status, p.Location)
	}
	if p := b.get(out(hint)); p.Location == nil || p.Location.String() != "https://app.example.test/bye?state=s" {
		t.Errorf("ada's hint at her own browser: %d %s", p.Status, p.Location)
	}
}

// A pairwise client that has no sector gets no token: another sub than the right
// one would make a stranger of the person. Nothing is spent.
func TestPairwiseWithoutASector(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada")
	secret := i.webApp(t, "app")
	b := newBrowser(t)
	a := i.tokens(t, b, "ada", "app", secret)
	code, verifier := i.code(t, b, "ada", "app", nil)
	broken := func(c *clients.Client) {
		pairwise(c)
		c.RedirectURIs = append(c.RedirectURIs, "https://elsewhere.example.test/callback")
	}
	i.change(t, "app", broken)
	for _, a := range []answer{i.exchange(t, "app", secret, code, verifier), i.refresh(t, "app", secret, a.str("refresh_token"))} {
		if a.Status != http.StatusInternalServerError || strings.Contains(a.Raw, ada.ID) || strings.Contains(a.Raw, "sector") {
			t.Errorf("%d %s", a.Status, a.Raw)
		}
	}
	i.change(t, "app", sector("https://app.example.test/uris.json"))
	if a := i.exchange(t, "app", secret, code, verifier); a.Status != http.StatusOK {
		t.Errorf("mended, the code: %d %s", a.Status, a.Raw)
	}
	if a := i.refresh(t, "app", secret, a.str("refresh_token")); a.Status != http.StatusOK {
		t.Errorf("mended, the refresh token: %d %s", a.Status, a.Raw)
	}
}
