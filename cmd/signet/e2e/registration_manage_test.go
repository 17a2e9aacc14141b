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

// RFC 7592: a registration is read, replaced as a whole, and deleted, by whoever
// has its token.
func TestManageRegistration(t *testing.T) {
	i := start(t, open)
	i.person(t, "ada")
	a := i.registered(t, map[string]any{"logo_uri": "https://app.example.test/l.png", "client_name#fr": "Imprimeur", "grant_types": []string{"authorization_code", "refresh_token"}})
	id, token, secret := a.str("client_id"), a.str("registration_access_token"), a.str("client_secret")
	i.change(t, id, func(c *clients.Client) {
		c.Audiences, c.AllowedGroups, c.Scopes = []string{testAPI}, []string{"staff"}, append(c.Scopes, "photos.read")
	})

	next := metadata(map[string]any{"client_id": id, "client_secret": secret, "client_name": "Printer 2", "scope": "openid photos.read signet:write"})
	got := i.manage(t, http.MethodPut, id, token, next)
	if got.Status != http.StatusOK {
		t.Fatalf("PUT: %d %s", got.Status, got.Raw)
	}
	got.wantNoStore(t)
	got.wantMembers(t, map[string]any{
		"client_id": id, "client_name": "Printer 2", "logo_uri": nil, "client_name#fr": nil, "scope": "openid photos.read",
		"grant_types": []string{"authorization_code"}, "client_secret": nil, "client_secret_expires_at": 0,
		"registration_access_token": token, "registration_client_uri": i.URL + "/oauth2/register/" + id,
	})
	stored, err := i.Store.Client(t.Context(), id)
	if err != nil || !slices.Equal(stored.Audiences, []string{testAPI}) || !slices.Equal(stored.AllowedGroups, []string{"staff"}) || !stored.CheckSecret(secret, time.Now()) {
		t.Errorf("what the operator set is lost: %+v, %v", stored, err)
	}

	for name, c := range map[string]struct {
		change map[string]any
		code   string
	}{
		"another client_id":  {map[string]any{"client_id": "other"}, "invalid_client_metadata"},
		"no client_id":       {map[string]any{"client_id": nil}, "invalid_client_metadata"},
		"another secret":     {map[string]any{"client_secret": "a secret of its own choice"}, "invalid_client_metadata"},
		"a bad redirect URI": {map[string]any{"redirect_uris": []string{"https://app.example.test/#"}}, "invalid_redirect_uri"},
		"no redirect URI":    {map[string]any{"redirect_uris": nil}, "invalid_redirect_uri"},
	} {
		t.Run(name, func(t *testing.T) {
			change := map[string]any{"client_id": id}
			for k, v := range c.change {
				change[k] = v
			}
			i.manage(t, http.MethodPut, id, token, metadata(change)).wantRefused(t, http.StatusBadRequest, c.code)
		})
	}
	if again := i.manage(t, http.MethodGet, id, token, nil); again.Raw != got.Raw {
		t.Errorf("a refused change changed something:\n%s\n%s", again.Raw, got.Raw)
	}

	// Whoever left the method out may go on with either of the two, also when it
	// repeats what it was told.
	for _, form := range []url.Values{{}, {"client_id": {id}, "client_secret": {secret}}} {
		form.Set("grant_type", "authorization_code")
		basic := secret
		if form.Has("client_secret") {
			basic = ""
		}
		told := metadata(map[string]any{"client_id": id, "token_endpoint_auth_method": "client_secret_basic"})
		if p := i.manage(t, http.MethodPut, id, token, told); p.Status != http.StatusOK || p.str("token_endpoint_auth_method") != "client_secret_basic" {
			t.Errorf("told again: %d %s", p.Status, p.Raw)
		}
		i.post(t, "/oauth2/token", id, basic, form).wantRefused(t, http.StatusBadRequest, "invalid_grant")
	}

	// Public and back: it never goes on with a secret that others know.
	if p := i.manage(t, http.MethodPut, id, token, metadata(map[string]any{"client_id": id, "token_endpoint_auth_method": "none"})); p.Status != http.StatusOK || p.str("client_secret") != "" {
		t.Errorf("made public: %d %s", p.Status, p.Raw)
	}
	back := i.manage(t, http.MethodPut, id, token, metadata(map[string]any{"client_id": id, "grant_types": []string{"authorization_code", "refresh_token"}}))
	if fresh := back.str("client_secret"); back.Status != http.StatusOK || fresh == "" || fresh == secret {
		t.Fatalf("made confidential: %d %s", back.Status, back.Raw)
	}

	tokens := i.tokens(t, newBrowser(t), "ada", id, back.str("client_secret"))
	gone := i.manage(t, http.MethodDelete, id, token, nil)
	if gone.Status != http.StatusNoContent || gone.Raw != "" {
		t.Errorf("DELETE: %d %s", gone.Status, gone.Raw)
	}
	gone.wantNoStore(t)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		i.manage(t, method, id, token, next).wantRefused(t, http.StatusUnauthorized, "invalid_token")
	}
	if a := i.refresh(t, id, back.str("client_secret"), tokens.str("refresh_token")); a.Status != http.StatusUnauthorized {
		t.Errorf("refresh token of the deleted client: %d %s", a.Status, a.Raw)
	}
	i.userinfo(t, tokens.str("access_token")).wantBadToken(t)
	if _, err := i.Store.Client(t.Context(), id); err == nil {
		t.Error("the client is still there")
	}
}

// An app made with openid-client has nothing but the URL: it registers itself,
// and a person signs in to it.
func TestAppRegistersItself(t *testing.T) {
	i := start(t, open)
	ada := i.person(t, "ada")
	for name, change := range map[string]map[string]any{
		"confidential": {"scope": "openid email offline_access", "grant_types": []string{"authorization_code", "refresh_token"}},
		"public":       {"scope": "openid email", "token_endpoint_auth_method": "none"},
	} {
		t.Run(name, func(t *testing.T) {
			ask := askNode(t, "openid-client", "register.mjs", i.URL)
			var app struct {
				URL, Error, Sub string
				ClientID        string `json:"client_id"`
				Refreshed       bool
			}
			if err := ask(map[string]any{"metadata": metadata(change)}, &app); err != nil || app.Error != "" {
				t.Fatalf("register: %v %s", err, app.Error)
			}
			b := newBrowser(t)
			p := b.submit(b.get(app.URL), "sign-in", map[string]string{"username": "ada", "password": testPassword})
			if p.byID("allow") == nil || !strings.Contains(p.Body, "app.example.test") {
				t.Fatalf("nobody was asked: %d %v\n%s", p.Status, p.Location, p.Body)
			}
			p = b.submit(p, "allow", nil)
			if p.param("code") == "" {
				t.Fatalf("no code: %d %v", p.Status, p.Location)
			}
			if err := ask(map[string]any{"callback": p.Location.String()}, &app); err != nil || app.Error != "" || app.Sub != ada.ID || app.Refreshed != (name == "confidential") {
				t.Errorf("signed in: %v %+v", err, app)
			}
		})
	}
}
