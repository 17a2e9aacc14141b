package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/clients"
	"signet/cmd/signet/config"
)

// greed is everything that is for an operator to say, in every spelling that
// some reader takes.
var greed = map[string]any{
	"first_party": true, "FIRST_PARTY": true, "First_Party": true, "consent": "skip", "audiences": []string{"https://bank.example.test/"},
	"allowed_groups": []string{"everyone"}, "disabled": false, "source": "config", "client_secret": "chosen-by-a-stranger-0123456789-0123",
	"secrets": []map[string]any{{"hash": "sha256$" + strings.Repeat("0", 64)}}, "registration_token_hash": strings.Repeat("0", 64),
	"scope": "openid signet:read signet:write photos.read", "scopes": []string{"signet:write"}, "introspection": "any", "require_pkce": false,
	"claims": map[string]any{"admin": map[string]any{"value": true, "in": []string{"id_token"}}}, "id_token_claims": true,
	"access_token_format": "opaque", "access_token_status_list": false, "refresh_token_rotation": false, "refresh_token_grace": 600,
	"refresh_token_absolute_ttl": 315360000, "allowed_origins": []string{"https://evil.test"}, "allow_localhost": true,
	"grant_types":      []string{"authorization_code", "client_credentials", "password", "implicit"},
	"client_id_issued": 1, "created_at": "1970-01-01T00:00:00Z",
}

// A stranger says nothing that is for the operator to say, at a registration and
// at its replacement (keycloak CVE-2026-18570 and its like): not in the store,
// and not in what the server does.
func TestStrangerSetsNothingOfTheOperators(t *testing.T) {
	i := start(t, open, func(c *config.Config) { c.Registration.Audiences = []string{testAPI} })
	i.person(t, "ada")
	chosen := map[string]any{"client_id": "chosen"}
	for k, v := range greed {
		chosen[k] = v
	}
	a := i.registered(t, chosen)
	id, token := a.str("client_id"), a.str("registration_access_token")
	check := func(what string) {
		t.Helper()
		c, err := i.Store.Client(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		want := clients.Client{
			ID: id, Name: c.Name, Secrets: c.Secrets, RedirectURIs: c.RedirectURIs, PostLogoutRedirectURIs: c.PostLogoutRedirectURIs,
			GrantTypes: []string{"authorization_code"}, Scopes: []string{"openid"}, Audiences: []string{testAPI}, TokenEndpointAuthMethod: c.TokenEndpointAuthMethod,
			Source: clients.SourceDynamic, RegistrationTokenHash: c.RegistrationTokenHash, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
			AllowLocalhost: c.AllowLocalhost, // which takes a redirect URI to it
		}
		if marshal(t, c) != marshal(t, want) || c.Disabled || c.Source != want.Source {
			t.Errorf("%s, it is\n%s\nwant\n%s", what, marshal(t, c), marshal(t, want))
		}
		if c.CheckSecret("chosen-by-a-stranger-0123456789-0123", time.Now()) || id == "chosen" {
			t.Errorf("%s, it chose its own id or secret", what)
		}
	}
	check("registered")
	next := metadata(greed)
	next["client_id"] = id
	delete(next, "client_secret")
	if p := i.manage(t, http.MethodPut, id, token, next); p.Status != http.StatusOK {
		t.Fatalf("PUT: %d %s", p.Status, p.Raw)
	}
	check("replaced")
	next["disabled"], next["client_secret"] = true, greed["client_secret"]
	i.manage(t, http.MethodPut, id, token, next).wantRefused(t, http.StatusBadRequest, "invalid_client_metadata")

	// A person is asked, silence is no consent, and no token is for anything else.
	b := newBrowser(t)
	b.submit(b.get(i.authorizeURL(id, map[string]string{"scope": "openid"})), "sign-in", map[string]string{"username": "ada", "password": testPassword})
	if p := b.get(i.authorizeURL(id, map[string]string{"scope": "openid", "prompt": "none"})); p.param("error") != "consent_required" {
		t.Errorf("silently: %d %v", p.Status, p.Location)
	}
	secret := a.str("client_secret")
	i.post(t, "/oauth2/token", id, secret, url.Values{"grant_type": {"client_credentials"}}).wantRefused(t, http.StatusBadRequest, "unauthorized_client")
	for _, scope := range []string{"signet:write", "openid photos.read", "offline_access"} {
		if p := b.get(i.authorizeURL(id, map[string]string{"scope": scope})); p.param("error") != "invalid_scope" {
			t.Errorf("scope %s: %d %v", scope, p.Status, p.Location)
		}
	}
	if p := b.get(i.authorizeURL(id, map[string]string{"scope": "openid", "resource": "https://bank.example.test/"})); p.param("error") != "invalid_target" {
		t.Errorf("another resource: %d %v", p.Status, p.Location)
	}
}

// An invitation and a registration access token, each at every other door, and
// everything else at theirs (keycloak CVE-2026-4282).
func TestRegistrationTokensUsedAsOthers(t *testing.T) {
	i := start(t, byInvitation)
	v := &victim{issuer: i, browser: newBrowser(t)}
	i.person(t, "ada")
	v.secret = i.webApp(t, "app")
	a := i.tokens(t, v.browser, "ada", "app", v.secret)
	v.access, v.id, v.refresh = a.str("access_token"), a.str("id_token"), a.str("refresh_token")
	_, invitation := i.invite(t, 1, time.Hour)
	_, used := i.invite(t, 2, time.Hour)
	one, two := i.register(t, nil, used), i.register(t, nil, used)
	if one.Status != http.StatusCreated || two.Status != http.StatusCreated {
		t.Fatalf("%d %s, %d %s", one.Status, one.Raw, two.Status, two.Raw)
	}
	id, token := one.str("client_id"), one.str("registration_access_token")

	for name, value := range map[string]string{"invitation": invitation, "registration access token": token, "client id": id} {
		t.Run(name+" at other doors", func(t *testing.T) {
			v.userinfo(t, value).wantBadToken(t)
			v.post(t, "/oauth2/userinfo", "", "", url.Values{"access_token": {value}}).wantBadToken(t)
			v.post(t, "/oauth2/introspect", "app", v.secret, url.Values{"token": {value}}).wantInactive(t)
			v.post(t, "/oauth2/introspect", id, one.str("client_secret"), url.Values{"token": {value}}).wantInactive(t)
			v.wantRevokeIgnores(t, value)
			v.exchange(t, "app", v.secret, value, "").wantRefused(t, http.StatusBadRequest, "invalid_grant")
			v.exchange(t, id, one.str("client_secret"), value, "").wantRefused(t, http.StatusBadRequest, "invalid_grant")
			v.issuer.refresh(t, "app", v.secret, value).wantRefused(t, http.StatusBadRequest, "invalid_grant")
			v.issuer.refresh(t, id, value, v.refresh).wantRefused(t, http.StatusUnauthorized, "invalid_client")
			v.post(t, "/oauth2/token", "", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_assertion": {value},
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}).wantRefused(t, http.StatusUnauthorized, "invalid_client")
			v.wantNoHint(t, value)
			newBrowser(t).get(v.URL + "/setup/" + value).wantErrorPage(t)
		})
	}
	for name, value := range map[string]string{
		"nothing": "", "access token": v.access, "ID token": v.id, "refresh token": v.refresh, "client secret": one.str("client_secret"),
		"registration access token": token, "client id": id, "used-up invitation": used,
	} {
		t.Run(name+" as an invitation", func(t *testing.T) { i.register(t, nil, value).wantUninvited(t) })
	}
	stored, err := i.Store.Client(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"nothing": "", "access token": v.access, "ID token": v.id, "refresh token": v.refresh, "client secret": one.str("client_secret"),
		"invitation": invitation, "another client's token": two.str("registration_access_token"), "cut off": token[:len(token)-1],
		"changed": token[:len(token)-2] + flip(token[len(token)-2]) + token[len(token)-1:], "its hash": stored.RegistrationTokenHash,
		"its hash, dressed up": "sgm_" + stored.RegistrationTokenHash[:43],
	} {
		t.Run(name+" as a registration access token", func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
				known := i.manage(t, method, id, value, metadata(map[string]any{"client_id": id}))
				known.wantUninvited(t)
				unknown := i.manage(t, method, "nobody", value, metadata(map[string]any{"client_id": "nobody"}))
				if unknown.Status != known.Status || unknown.Raw != known.Raw {
					t.Errorf("%s tells a client from none: %s, %s", method, known.Raw, unknown.Raw)
				}
				i.manage(t, method, "app", value, metadata(map[string]any{"client_id": "app"})).wantUninvited(t)
			}
		})
	}
	if a := i.manage(t, http.MethodGet, id, token, nil); a.Status != http.StatusOK {
		t.Errorf("the token of the client is dead: %d %s", a.Status, a.Raw)
	}
	if a := i.register(t, nil, invitation); a.Status != http.StatusCreated {
		t.Errorf("the invitation is dead: %d %s", a.Status, a.Raw)
	}
	v.wantUnharmed(t)

	log := i.log.String()
	for what, value := range map[string]string{
		"invitation": invitation, "used invitation": used, "registration access token": token, "client secret": one.str("client_secret"),
		"hash of the token": stored.RegistrationTokenHash,
	} {
		if strings.Contains(log, value) {
			t.Errorf("the log holds the %s:\n%s", what, lineWith(log, value))
		}
	}
	for _, prefix := range []string{"sgi_", "sgm_"} {
		if strings.Contains(log, prefix) {
			t.Errorf("the log holds a token:\n%s", lineWith(log, prefix))
		}
	}
}

// What a stranger is called, and where its links go, is text on the pages and
// never more; where the answer goes stands beside it.
func TestHostileRegistrationOnThePages(t *testing.T) {
	i := start(t, open)
	i.person(t, "ada")
	for _, text := range append(hostile, "Signet", "\u00a0 the same \u00a0") {
		t.Run(text, func(t *testing.T) {
			a := i.registered(t, map[string]any{
				"client_name": text, "policy_uri": "https://app.example.test/policy?q=%22%3E%3Cscript%3E", "tos_uri": "https://app.example.test/terms?'onclick='alert(1)",
			})
			b := newBrowser(t)
			p := b.get(i.authorizeURL(a.str("client_id"), map[string]string{"scope": "openid"}))
			p.wantGuarded(t)
			p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
			p.wantGuarded(t)
			wantText(t, p, "the app's name", strings.TrimSpace(text))
			if host := p.byID("app-host"); p.byID("allow") == nil || host == nil || !strings.Contains(p.Body, "app.example.test") {
				t.Errorf("the page does not say where the answer goes:\n%s", p.Body)
			}
		})
	}
}
