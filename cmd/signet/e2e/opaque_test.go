package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"signet/clients"
)

func opaque(c *clients.Client) { c.AccessTokenFormat = clients.AccessTokenOpaque }

// An opaque access token says nothing by itself, costs no row, and works at
// userinfo, introspection and revocation; go-oidc takes the ID token beside it.
func TestOpaqueAccessTokens(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada")
	secret := i.webApp(t, "app", opaque)
	api := i.webApp(t, "api")
	provider, _ := app(t, i, "app", secret)
	verifier, challenge := pkcePair(t)
	code := newBrowser(t).authorize(i.authorizeURL("app", map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}), "ada")
	i.queries.take()
	tokens := i.exchange(t, "app", secret, code, verifier)
	if r, w := i.queries.take(); len(r) != 3 || len(w) != 1 {
		t.Errorf("%d reads and %d writes, want those of a JWT, 3 and 1: %q", len(r), len(w), w)
	}
	access := tokens.str("access_token")
	for _, told := range []string{ada.ID, "app", "openid", "api.example.test"} {
		if strings.Contains(access, told) || strings.Contains(access, encodePart(told)) {
			t.Errorf("the token tells %q: %s", told, access)
		}
	}
	if !strings.HasPrefix(access, "sga_") || strings.Contains(access, ".") || tokens.Body["expires_in"] != 600.0 {
		t.Errorf("token %s, expires_in %v", access, tokens.Body["expires_in"])
	}
	token := (&oauth2.Token{AccessToken: access}).WithExtra(map[string]any{"id_token": tokens.str("id_token")})
	checkIDToken(t, provider, token, ada, "a-nonce") // at_hash too
	checkUserInfo(t, provider, token, ada)

	got := i.introspect(t, "api", api, access)
	for name, want := range map[string]any{
		"active": true, "sub": ada.ID, "aud": testAPI, "client_id": "app", "username": "ada", "iss": i.URL,
		"scope": "openid profile email offline_access", "token_type": "Bearer",
	} {
		if got.Body[name] != want {
			t.Errorf("%s is %v, want %v", name, got.Body[name], want)
		}
	}
	stranger := i.webApp(t, "stranger", func(c *clients.Client) { c.Audiences = []string{"https://stranger.example.test/"} })
	i.introspect(t, "stranger", stranger, access).wantInactive(t)
	if a := i.post(t, "/oauth2/revoke", "api", api, url.Values{"token": {access}}); a.Status == http.StatusOK {
		t.Errorf("another client revoked: %d", a.Status)
	}

	next := i.refresh(t, "app", secret, tokens.str("refresh_token")).str("access_token")
	if a := i.post(t, "/oauth2/revoke", "app", secret, url.Values{"token": {access}}); a.Status != http.StatusOK {
		t.Fatalf("revoke: %d %s", a.Status, a.Raw)
	}
	i.userinfo(t, access).wantBadToken(t)
	i.introspect(t, "api", api, access).wantInactive(t)
	if a := i.userinfo(t, next); a.Status != http.StatusOK {
		t.Errorf("another token of the grant died with it: %d", a.Status)
	}
	i.clock.Advance(10 * time.Minute)
	i.userinfo(t, next).wantBadToken(t)
	i.introspect(t, "api", api, next).wantInactive(t)
}

// A token for an app itself, narrowed to one audience; and what ends it.
func TestOpaqueClientCredentials(t *testing.T) {
	i := start(t)
	secret := i.webApp(t, "job", opaque, func(c *clients.Client) {
		c.GrantTypes, c.RedirectURIs, c.PostLogoutRedirectURIs = []string{clients.GrantClientCredentials}, nil, nil
		c.Scopes, c.Audiences = []string{"photos.read", "photos.write"}, []string{testAPI, "https://other.example.test/"}
	})
	i.queries.take()
	a := i.post(t, "/oauth2/token", "job", secret, url.Values{
		"grant_type": {"client_credentials"}, "scope": {"photos.read"}, "resource": {"https://other.example.test/"},
	})
	if r, w := i.queries.take(); len(r) != 1 || len(w) != 0 {
		t.Errorf("%d reads and %d writes, want 1 and 0", len(r), len(w))
	}
	access := a.str("access_token")
	got := i.introspect(t, "job", secret, access)
	if got.Body["active"] != true || got.Body["sub"] != "job" || got.Body["scope"] != "photos.read" || got.Body["aud"] != "https://other.example.test/" || got.Body["username"] != nil {
		t.Errorf("introspection: %s", got.Raw)
	}
	i.userinfo(t, access).wantRefused(t, http.StatusForbidden, "insufficient_scope")
	i.change(t, "job", func(c *clients.Client) { c.Disabled = true })
	i.userinfo(t, access).wantBadToken(t)
	// The format is changed back under a token that is out: it works on.
	i.change(t, "job", func(c *clients.Client) { c.Disabled, c.AccessTokenFormat = false, "" })
	if got := i.introspect(t, "job", secret, access); got.Body["active"] != true {
		t.Errorf("after the format was changed: %s", got.Raw)
	}
}

// Cut or changed anywhere, it is refused.
func TestOpaqueTokensThatWereTamperedWith(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app", opaque)
	access := i.tokens(t, newBrowser(t), "ada", "app", secret).str("access_token")
	for n := 1; n < len(access); n++ {
		for _, bad := range []string{access[:n], access[:n] + flip(access[n]) + access[n+1:]} {
			i.userinfo(t, bad).wantBadToken(t)
			i.introspect(t, "app", secret, bad).wantInactive(t)
		}
		if t.Failed() {
			t.Fatalf("at %d of %d", n, len(access))
		}
	}
	i.wantAlive(t, "app", secret, access)
}
