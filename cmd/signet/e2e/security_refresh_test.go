package e2e

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// Another client's refresh token, live or spent, is refused, and its owner
// loses nothing by it: neither the family nor the tokens.
func TestForeignRefreshToken(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secretA := i.webApp(t, "app-a")
	secretB := i.webApp(t, "app-b")
	i.webApp(t, "spa", public)
	ada := newBrowser(t)
	first := i.tokens(t, ada, "ada", "app-a", secretA)
	second := i.refresh(t, "app-a", secretA, first.str("refresh_token"))
	if second.Status != http.StatusOK {
		t.Fatalf("refresh: %d %s", second.Status, second.Raw)
	}
	i.clock.Advance(2 * time.Minute) // the grace of the first is over

	for name, token := range map[string]string{"live": second.str("refresh_token"), "spent": first.str("refresh_token")} {
		t.Run(name, func(t *testing.T) {
			i.refresh(t, "app-b", secretB, token).wantRefused(t, http.StatusBadRequest, "invalid_grant")
			i.refresh(t, "spa", "", token).wantRefused(t, http.StatusBadRequest, "invalid_grant")
			i.refresh(t, "app-a", "", token).wantRefused(t, http.StatusUnauthorized, "invalid_client")
			i.refresh(t, "app-a", secretB, token).wantRefused(t, http.StatusUnauthorized, "invalid_client")
			i.refresh(t, "nobody", secretA, token).wantRefused(t, http.StatusUnauthorized, "invalid_client")
			i.introspect(t, "app-b", secretB, token).wantInactive(t)
			// RFC 7009, section 2.1: not the client's own, so not revoked.
			if a := i.post(t, "/oauth2/revoke", "app-b", secretB, url.Values{"token": {token}}); a.Status == http.StatusOK {
				t.Errorf("another client may revoke: %d %s", a.Status, a.Raw)
			} else {
				a.wantNoStore(t)
			}
			i.wantAlive(t, "app-a", secretA, second.str("access_token"))
			if a := i.introspect(t, "app-a", secretA, second.str("refresh_token")); a.Body["active"] != true {
				t.Errorf("the family is dead: %s", a.Raw)
			}
		})
	}
	if a := i.refresh(t, "app-a", secretA, second.str("refresh_token")); a.Status != http.StatusOK {
		t.Errorf("the owner cannot refresh any more: %d %s", a.Status, a.Raw)
	}
}

// A refresh never widens what was granted: not the scope, not the audience.
func TestRefreshNeverWidens(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	b := newBrowser(t)
	verifier, challenge := pkcePair(t)
	code := b.authorize(i.authorizeURL("app", map[string]string{
		"code_challenge": challenge, "code_challenge_method": "S256", "scope": "openid offline_access",
	}), "ada")
	token := i.exchange(t, "app", secret, code, verifier).str("refresh_token")
	for name, attack := range map[string]struct {
		change url.Values
		code   string
	}{
		"a scope that was not granted":    {url.Values{"scope": {"openid offline_access photos.read"}}, "invalid_scope"},
		"an audience that is not allowed": {url.Values{"resource": {"https://other-api.test/"}}, "invalid_target"},
		"an audience not granted":         {url.Values{"resource": {i.URL}}, "invalid_target"},
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
			for k, v := range attack.change {
				form[k] = v
			}
			i.post(t, "/oauth2/token", "app", secret, form).wantRefused(t, http.StatusBadRequest, attack.code)
		})
	}
	if a := i.refresh(t, "app", secret, token); a.Status != http.StatusOK || a.str("scope") != "openid offline_access" {
		t.Errorf("a refused request cost the refresh token: %d %s", a.Status, a.Raw)
	}
}
