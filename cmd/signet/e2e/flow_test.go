package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"signet/authz/login"
	"signet/clients"
	"signet/cmd/signet/config"
)

// app is a relying party made of go-oidc and x/oauth2, at an issuer.
func app(t *testing.T, i *issuer, id, secret string, scopes ...string) (*oidc.Provider, *oauth2.Config) {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), i.URL)
	if err != nil {
		t.Fatal(err)
	}
	return provider, &oauth2.Config{
		ClientID: id, ClientSecret: secret, Endpoint: provider.Endpoint(), RedirectURL: testCallback, Scopes: scopes,
	}
}

// The main job: a person signs in, an app written with go-oidc gets tokens
// and claims, refreshes, and an API verifies the access token by JWKS alone.
func TestCodeFlowWithGoOIDC(t *testing.T) {
	for name, kind := range map[string]func(*clients.Client){
		"confidential": func(*clients.Client) {}, "public": public, "first party": firstParty,
	} {
		t.Run(name, func(t *testing.T) {
			i := start(t)
			ada := i.person(t, "ada")
			secret := i.webApp(t, "app", kind)
			if name == "public" {
				secret = ""
			}
			provider, conf := app(t, i, "app", secret, "openid", "profile", "email", "offline_access")
			verifier := oauth2.GenerateVerifier()
			target := conf.AuthCodeURL("the-state", oidc.Nonce("the-nonce"), oauth2.S256ChallengeOption(verifier))

			b := newBrowser(t)
			p := b.get(target)
			p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
			if asked := p.byID("allow") != nil; asked == (name == "first party") {
				t.Fatalf("consent asked: %t", asked)
			}
			if p.byID("allow") != nil {
				p = b.submit(p, "allow", nil)
			}
			if p.param("state") != "the-state" || p.param("iss") != i.URL {
				t.Fatalf("redirect to %s", p.Location)
			}

			token, err := conf.Exchange(t.Context(), p.param("code"), oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			checkIDToken(t, provider, token, ada, "the-nonce")
			checkUserInfo(t, provider, token, ada)
			verifyAsAPI(t, i, token.AccessToken, ada.ID)

			old := token.RefreshToken
			token.Expiry = time.Now().Add(-time.Minute)
			token, err = conf.TokenSource(t.Context(), token).Token()
			if err != nil {
				t.Fatal(err)
			}
			if token.RefreshToken == old || token.RefreshToken == "" {
				t.Error("the refresh token did not rotate")
			}
			checkIDToken(t, provider, token, ada, "")
			verifyAsAPI(t, i, token.AccessToken, ada.ID)
		})
	}
}

func checkIDToken(t *testing.T, provider *oidc.Provider, token *oauth2.Token, ada login.Person, nonce string) {
	t.Helper()
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: "app"}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if id.Subject != ada.ID || id.Nonce != nonce {
		t.Errorf("sub %q, nonce %q; want %q, %q", id.Subject, id.Nonce, ada.ID, nonce)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		t.Errorf("at_hash: %v", err)
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"auth_time", "sid", "amr", "acr"} {
		if claims[name] == nil {
			t.Errorf("the ID token has no %s", name)
		}
	}
	for _, name := range []string{"email", "name", "nbf", "groups"} {
		if claims[name] != nil {
			t.Errorf("the ID token has %s, which the client did not ask for", name)
		}
	}
}

func checkUserInfo(t *testing.T, provider *oidc.Provider, token *oauth2.Token, ada login.Person) {
	t.Helper()
	info, err := provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Name, Picture     string
		PreferredUsername string `json:"preferred_username"`
		Groups            []string
		Address           any
	}
	if err := info.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if info.Subject != ada.ID || info.Email != ada.Email || !info.EmailVerified || claims.Name != ada.Profile.Name ||
		claims.PreferredUsername != "ada" || !slices.Equal(claims.Groups, ada.Groups) || claims.Address != nil {
		t.Errorf("userinfo: %+v %+v", info, claims)
	}
}

// verifyAsAPI does what a resource server does (RFC 9068, section 4), by the
// JWKS alone.
func verifyAsAPI(t *testing.T, i *issuer, token, subject string) {
	t.Helper()
	set := oidc.NewRemoteKeySet(t.Context(), i.URL+"/.well-known/jwks.json")
	verified, err := oidc.NewVerifier(i.URL, set, &oidc.Config{ClientID: testAPI}).Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if verified.Subject != subject {
		t.Errorf("sub = %q, want %q", verified.Subject, subject)
	}
	header := decodeSegment(t, token, 0)
	if header["typ"] != "at+jwt" || header["alg"] != "RS256" || header["kid"] == nil || len(header) != 3 {
		t.Errorf("header = %v", header)
	}
	claims := decodeSegment(t, token, 1)
	for _, name := range []string{"iss", "sub", "aud", "client_id", "iat", "exp", "jti"} {
		if claims[name] == nil {
			t.Errorf("the access token has no %s (RFC 9068, section 2.2)", name)
		}
	}
}

func decodeSegment(t testing.TB, token string, n int) map[string]any {
	t.Helper()
	segment, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[n])
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(segment, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestClientCredentials(t *testing.T) {
	i := start(t)
	secret := i.webApp(t, "job", func(c *clients.Client) {
		c.GrantTypes, c.RedirectURIs, c.PostLogoutRedirectURIs = []string{clients.GrantClientCredentials}, nil, nil
		c.Scopes, c.Audiences = []string{"photos.read", "photos.write"}, []string{testAPI, "https://other.example.test/"}
	})
	for name, style := range map[string]oauth2.AuthStyle{"client_secret_basic": oauth2.AuthStyleInHeader, "client_secret_post": oauth2.AuthStyleInParams} {
		t.Run(name, func(t *testing.T) {
			conf := clientcredentials.Config{ClientID: "job", ClientSecret: secret, TokenURL: i.URL + "/oauth2/token", AuthStyle: style, Scopes: []string{"photos.read"}}
			token, err := conf.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			verifyAsAPI(t, i, token.AccessToken, "job")
			if token.RefreshToken != "" || token.Extra("id_token") != nil {
				t.Error("client_credentials must yield an access token alone")
			}
		})
	}
	t.Run("no scope means the registered ones", func(t *testing.T) {
		a := i.post(t, "/oauth2/token", "job", secret, url.Values{"grant_type": {"client_credentials"}})
		if a.Status != http.StatusOK || a.str("scope") != "photos.read photos.write" {
			t.Errorf("%d %s", a.Status, a.Raw)
		}
	})
	t.Run("resource", func(t *testing.T) {
		form := url.Values{"grant_type": {"client_credentials"}, "resource": {"https://other.example.test/"}}
		a := i.post(t, "/oauth2/token", "job", secret, form)
		if a.Status != http.StatusOK || decodeSegment(t, a.str("access_token"), 1)["aud"] != "https://other.example.test/" {
			t.Errorf("%d %s", a.Status, a.Raw)
		}
		form["resource"] = []string{testAPI, "https://other.example.test/"}
		if a := i.post(t, "/oauth2/token", "job", secret, form); a.Status != http.StatusOK || len(decodeSegment(t, a.str("access_token"), 1)["aud"].([]any)) != 2 {
			t.Errorf("two resources: %d %s", a.Status, a.Raw)
		}
		form.Set("resource", "https://evil.example.test/")
		if a := i.post(t, "/oauth2/token", "job", secret, form); a.Status != http.StatusBadRequest || a.str("error") != "invalid_target" {
			t.Errorf("foreign resource: %d %s", a.Status, a.Raw)
		}
	})
}

// Scope and audience are narrowed at the token endpoint and never widened
// (RFC 6749, section 6; RFC 8707, section 2.2).
func TestRefreshNarrows(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app", func(c *clients.Client) { c.Audiences = []string{testAPI, "https://other.example.test/"} })
	tokens := i.tokens(t, newBrowser(t), "ada", "app", secret)

	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.str("refresh_token")}, "scope": {"email"}}
	a := i.post(t, "/oauth2/token", "app", secret, form)
	if a.Status != http.StatusOK || a.str("scope") != "email" || a.Body["id_token"] != nil {
		t.Fatalf("narrowed: %d %s", a.Status, a.Raw)
	}
	if a := i.userinfo(t, a.str("access_token")); a.Status != http.StatusForbidden || !strings.Contains(a.Header.Get("WWW-Authenticate"), "insufficient_scope") {
		t.Errorf("userinfo without openid: %d %s", a.Status, a.Header)
	}
	form = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.str("refresh_token")}, "scope": {"openid photos.read"}}
	if a := i.post(t, "/oauth2/token", "app", secret, form); a.str("error") != "invalid_scope" {
		t.Errorf("widened scope: %d %s", a.Status, a.Raw)
	}
	form = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.str("refresh_token")}, "resource": {"https://other.example.test/"}}
	if a := i.post(t, "/oauth2/token", "app", secret, form); a.str("error") != "invalid_target" {
		t.Errorf("widened audience: %d %s", a.Status, a.Raw)
	}
	// Refusals spend nothing, and the whole scope comes back.
	if a := i.refresh(t, "app", secret, a.str("refresh_token")); a.str("scope") != "openid profile email offline_access" {
		t.Errorf("after the refusals: %d %s", a.Status, a.Raw)
	}
}

// A client without audiences of its own gets tokens for the issuer, and goes
// on getting them at each refresh.
func TestClientWithoutAudiences(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app", func(c *clients.Client) { c.Audiences = nil })
	a := i.tokens(t, newBrowser(t), "ada", "app", secret)
	for range 2 {
		if aud := decodeSegment(t, a.str("access_token"), 1)["aud"]; aud != i.URL {
			t.Errorf("aud is %v, want the issuer", aud)
		}
		if a = i.refresh(t, "app", secret, a.str("refresh_token")); a.Status != http.StatusOK {
			t.Fatalf("refresh: %d %s", a.Status, a.Raw)
		}
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.str("refresh_token")}, "resource": {testAPI}}
	if a := i.post(t, "/oauth2/token", "app", secret, form); a.str("error") != "invalid_target" {
		t.Errorf("a resource it may not have: %d %s", a.Status, a.Raw)
	}
}

// A lost response or a second tab signs nobody out: within the grace the
// token before the current one yields the same successor again.
func TestRefreshGrace(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	first := i.tokens(t, newBrowser(t), "ada", "app", secret).str("refresh_token")
	second := i.refresh(t, "app", secret, first).str("refresh_token")
	i.clock.Advance(30 * time.Second)
	if again := i.refresh(t, "app", secret, first); again.str("refresh_token") != second || second == "" {
		t.Errorf("within the grace: %d %s, want the same successor", again.Status, again.Raw)
	}
	i.clock.Advance(31 * time.Second)
	if a := i.refresh(t, "app", secret, first); a.Status != http.StatusBadRequest || a.str("error") != "invalid_grant" {
		t.Errorf("after the grace: %d %s", a.Status, a.Raw)
	}
	if a := i.refresh(t, "app", secret, second); a.str("error") != "invalid_grant" {
		t.Errorf("the family of a reused token lives: %d %s", a.Status, a.Raw)
	}
}

// Consent is remembered by scope set; only what is new is asked.
func TestConsentRemembered(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	i.webApp(t, "app")
	b := newBrowser(t)
	b.authorize(i.authorizeURL("app", map[string]string{"scope": "openid email"}), "ada")
	if p := b.get(i.authorizeURL("app", map[string]string{"scope": "email openid"})); p.param("code") == "" {
		t.Errorf("asked again for the same scopes:\n%s", p.Body)
	}
	if p := b.get(i.authorizeURL("app", map[string]string{"scope": "openid", "prompt": "none"})); p.param("code") == "" {
		t.Errorf("fewer scopes: %s", p.Location)
	}
	p := b.get(i.authorizeURL("app", map[string]string{"scope": "openid photos.read", "prompt": "none"}))
	if p.param("error") != "consent_required" {
		t.Errorf("new scope with prompt=none: %s", p.Location)
	}
	p = b.get(i.authorizeURL("app", map[string]string{"scope": "openid photos.read"}))
	if p.byID("allow") == nil || !strings.Contains(p.Body, "See your photos") {
		t.Errorf("new scope was not asked for:\n%s", p.Body)
	}
	if p := b.submit(p, "deny", nil); p.param("error") != "access_denied" || p.param("state") != "a-state" || p.param("iss") != i.URL {
		t.Errorf("deny: %s", p.Location)
	}
}

// prompt, max_age and id_token_hint over the wire.
func TestReauthentication(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	bob := i.person(t, "bob")
	secret := i.webApp(t, "app", firstParty)
	b := newBrowser(t)
	if p := b.get(i.authorizeURL("app", map[string]string{"prompt": "none"})); p.param("error") != "login_required" {
		t.Fatalf("prompt=none without a session: %s", p.Location)
	}
	verifier, challenge := pkcePair(t)
	pkce := map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}
	with := func(more map[string]string) string {
		for k, v := range pkce {
			more[k] = v
		}
		return i.authorizeURL("app", more)
	}
	a := i.exchange(t, "app", secret, b.authorize(with(map[string]string{}), "ada"), verifier)
	hint := a.str("id_token")
	before := decodeSegment(t, hint, 1)
	i.clock.Advance(5 * time.Second)

	silent := func(more map[string]string) map[string]any {
		t.Helper()
		p := b.get(with(more))
		if p.param("code") == "" {
			t.Fatalf("%v was not silent: %d %s", more, p.Status, p.Location)
		}
		return decodeSegment(t, i.exchange(t, "app", secret, p.param("code"), verifier).str("id_token"), 1)
	}
	for _, more := range []map[string]string{{"prompt": "none"}, {"max_age": "10000"}, {"prompt": "none", "id_token_hint": hint}} {
		if now := silent(more); now["sub"] != before["sub"] || now["auth_time"] != before["auth_time"] || now["sid"] != before["sid"] {
			t.Errorf("%v: %v, want the same session as %v", more, now, before)
		}
	}
	for _, more := range []map[string]string{{"prompt": "login"}, {"max_age": "1"}, {"max_age": "0"}, {"prompt": "select_account"}} {
		i.clock.Advance(5 * time.Second)
		p := b.get(with(more))
		if p.byID("sign-in") == nil {
			t.Fatalf("%v did not ask again: %d %s", more, p.Status, p.Location)
		}
		p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
		again := decodeSegment(t, i.exchange(t, "app", secret, p.param("code"), verifier).str("id_token"), 1)
		if again["auth_time"].(float64) <= before["auth_time"].(float64) {
			t.Errorf("%v: auth_time %v is not later than %v", more, again["auth_time"], before["auth_time"])
		}
		before = again
	}
	other := newBrowser(t)
	other.authorize(with(map[string]string{}), "bob")
	if p := other.get(with(map[string]string{"prompt": "none", "id_token_hint": hint})); p.param("error") != "login_required" {
		t.Errorf("hint of another person (%s): %s", bob.ID, p.Location)
	}
}

// Disabled people and clients get nothing, whatever they hold.
func TestDisabled(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada")
	secret := i.webApp(t, "app")
	b := newBrowser(t)
	tokens := i.tokens(t, b, "ada", "app", secret)
	verifier, challenge := pkcePair(t)
	code := b.authorize(i.authorizeURL("app", map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}), "ada")

	if err := i.Login.SetDisabled(t.Context(), ada.ID, true); err != nil {
		t.Fatal(err)
	}
	if a := i.exchange(t, "app", secret, code, verifier); a.str("error") != "invalid_grant" {
		t.Errorf("pending code: %d %s", a.Status, a.Raw)
	}
	if a := i.refresh(t, "app", secret, tokens.str("refresh_token")); a.str("error") != "invalid_grant" {
		t.Errorf("refresh token: %d %s", a.Status, a.Raw)
	}
	if a := i.userinfo(t, tokens.str("access_token")); a.Status != http.StatusUnauthorized {
		t.Errorf("userinfo: %d %s", a.Status, a.Raw)
	}
	if p := b.get(i.authorizeURL("app", nil)); p.byID("sign-in") == nil {
		t.Errorf("the session of a disabled person opened: %s", p.Location)
	}
	if err := i.Login.SetDisabled(t.Context(), ada.ID, false); err != nil {
		t.Fatal(err)
	}
	again := i.refresh(t, "app", secret, tokens.str("refresh_token"))
	if again.Status != http.StatusOK {
		t.Errorf("enabled again: %d %s", again.Status, again.Raw)
	}
	access := again.str("access_token")

	i.change(t, "app", func(c *clients.Client) { c.Disabled = true })
	if a := i.refresh(t, "app", secret, tokens.str("refresh_token")); a.Status != http.StatusUnauthorized || a.str("error") != "invalid_client" {
		t.Errorf("disabled client: %d %s", a.Status, a.Raw)
	}
	if a := i.userinfo(t, access); a.Status != http.StatusUnauthorized {
		t.Errorf("the token of a disabled client at userinfo: %d %s", a.Status, a.Raw)
	}
	if p := b.get(i.authorizeURL("app", nil)); p.Location != nil || !strings.Contains(p.Body, "Request refused") {
		t.Errorf("disabled client at authorize: %d %s", p.Status, p.Location)
	}
}

// An issuer with a path: both metadata documents at the root, inserted and
// appended; go-oidc finds its way.
func TestIssuerWithPath(t *testing.T) {
	var root string
	i := start(t, func(c *config.Config) { root = c.Issuer; c.Issuer += "/tenant/one" })
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	for _, path := range []string{
		"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
		"/.well-known/openid-configuration/tenant/one", "/.well-known/oauth-authorization-server/tenant/one",
		"/tenant/one/.well-known/openid-configuration", "/tenant/one/.well-known/oauth-authorization-server",
	} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, root+path, nil)
		if a := do(t, req); a.Status != http.StatusOK || a.str("issuer") != i.URL || a.str("token_endpoint") != i.URL+"/oauth2/token" {
			t.Errorf("%s: %d %s", path, a.Status, a.Raw)
		}
	}
	ada := i.tokens(t, newBrowser(t), "ada", "app", secret)
	if a := i.userinfo(t, ada.str("access_token")); a.Status != http.StatusOK {
		t.Errorf("userinfo: %d %s", a.Status, a.Raw)
	}
	if _, err := oidc.NewProvider(t.Context(), i.URL); err != nil {
		t.Error(err)
	}
}

// form_post to an app's own scheme: the template must not take it for an
// attack and write a dead address.
func TestFormPostToPrivateUseScheme(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	const callback = "com.example.app:/cb"
	i.webApp(t, "app", firstParty, func(c *clients.Client) { c.RedirectURIs = []string{callback} })
	b := newBrowser(t)
	p := b.get(i.authorizeURL("app", map[string]string{"redirect_uri": callback, "response_mode": "form_post"}))
	p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
	if !strings.Contains(p.Body, `action="`+callback+`"`) || !strings.Contains(p.Body, `name="code"`) {
		t.Errorf("%d\n%s", p.Status, p.Body)
	}
}

// RP-initiated logout, with hint and registered URI: back with the state and
// nothing else, and nobody is signed in any more.
func TestLogout(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	b := newBrowser(t)
	hint := i.tokens(t, b, "ada", "app", secret).str("id_token")
	i.clock.Advance(2 * time.Hour) // an expired hint is still a hint
	q := url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {"https://app.example.test/bye"}, "state": {"s t"}}
	p := b.get(i.URL + "/oauth2/logout?" + q.Encode())
	if p.byID("logout-confirm") != nil {
		p = b.submit(p, "logout-confirm", nil)
	}
	if p.Location == nil || p.Location.String() != "https://app.example.test/bye?state=s+t" {
		t.Fatalf("went to %v:\n%s", p.Location, p.Body)
	}
	if p := b.get(i.authorizeURL("app", map[string]string{"prompt": "none"})); p.param("error") != "login_required" {
		t.Errorf("still signed in: %s", p.Location)
	}
	// A disabled app sends nobody anywhere.
	i.change(t, "app", func(c *clients.Client) { c.Disabled = true })
	if p := b.get(i.URL + "/oauth2/logout?" + q.Encode()); p.Location != nil || !strings.Contains(p.Body, "Request refused") {
		t.Errorf("a disabled app's logout went to %v", p.Location)
	}
	i.change(t, "app", func(c *clients.Client) { c.Disabled = false })
	// Without a hint the person is asked, and then told.
	b.authorize(i.authorizeURL("app", nil), "ada")
	p = b.get(i.URL + "/oauth2/logout")
	p = b.submit(p, "logout-confirm", nil)
	if !strings.Contains(p.Body, "Signed out") {
		t.Errorf("logged-out page:\n%s", p.Body)
	}
}

// Introspection and revocation with the app's own tokens and another's.
func TestIntrospectAndRevoke(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	api := i.webApp(t, "api", func(c *clients.Client) {
		c.GrantTypes, c.RedirectURIs, c.PostLogoutRedirectURIs = []string{clients.GrantClientCredentials}, nil, nil
	})
	stranger := i.webApp(t, "stranger", func(c *clients.Client) { c.Audiences = []string{"https://stranger.example.test/"} })
	tokens := i.tokens(t, newBrowser(t), "ada", "app", secret)
	access, refresh := url.Values{"token": {tokens.str("access_token")}}, url.Values{"token": {tokens.str("refresh_token")}}

	active := func(id, secret string, form url.Values) bool {
		t.Helper()
		a := i.post(t, "/oauth2/introspect", id, secret, form)
		if a.Status != http.StatusOK {
			t.Fatalf("introspect as %s: %d %s", id, a.Status, a.Raw)
		}
		if a.Body["active"] == false && len(a.Body) != 1 {
			t.Errorf("inactive, and says more: %s", a.Raw)
		}
		return a.Body["active"] == true
	}
	if !active("app", secret, access) || !active("app", secret, refresh) || !active("api", api, access) {
		t.Error("a live token is inactive")
	}
	if active("api", api, refresh) || active("stranger", stranger, access) || active("stranger", stranger, refresh) {
		t.Error("a client learns about a token that is none of its business")
	}
	if a := i.post(t, "/oauth2/revoke", "stranger", stranger, access); a.Status != http.StatusBadRequest {
		t.Errorf("a stranger revoked: %d %s", a.Status, a.Raw)
	}
	if a := i.post(t, "/oauth2/revoke", "app", secret, access); a.Status != http.StatusOK {
		t.Errorf("revoke: %d %s", a.Status, a.Raw)
	}
	if active("app", secret, access) || !active("app", secret, refresh) {
		t.Error("revoking an access token must end it, and it alone")
	}
	again := i.refresh(t, "app", secret, tokens.str("refresh_token"))
	if a := i.post(t, "/oauth2/revoke", "app", secret, url.Values{"token": {again.str("refresh_token")}}); a.Status != http.StatusOK {
		t.Errorf("revoke: %d %s", a.Status, a.Raw)
	}
	if active("app", secret, url.Values{"token": {again.str("access_token")}}) {
		t.Error("an access token outlives its revoked grant")
	}
	if a := i.userinfo(t, again.str("access_token")); a.Status != http.StatusUnauthorized {
		t.Errorf("userinfo after the revocation: %d", a.Status)
	}
	for _, garbage := range []string{"x", "sgr_x", tokens.str("id_token")} {
		if a := i.post(t, "/oauth2/revoke", "app", secret, url.Values{"token": {garbage}}); a.Status != http.StatusOK {
			t.Errorf("revoking garbage: %d %s", a.Status, a.Raw)
		}
	}
}

// userinfo takes the token in the header or in a form body, never in a query.
func TestUserInfoTransport(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	token := i.tokens(t, newBrowser(t), "ada", "app", i.webApp(t, "app")).str("access_token")
	send := func(method, query, body, header string) answer {
		req, _ := http.NewRequestWithContext(t.Context(), method, i.URL+"/oauth2/userinfo"+query, strings.NewReader(body))
		if body != "" {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if header != "" {
			req.Header.Set("Authorization", header)
		}
		return do(t, req)
	}
	for name, a := range map[string]answer{
		"GET, header":  send("GET", "", "", "Bearer "+token),
		"POST, header": send("POST", "", "", "Bearer "+token),
		"POST, body":   send("POST", "", "access_token="+token, ""),
	} {
		if a.Status != http.StatusOK || a.str("sub") == "" {
			t.Errorf("%s: %d %s", name, a.Status, a.Raw)
		}
	}
	for name, a := range map[string]answer{
		"query":         send("GET", "?access_token="+token, "", ""),
		"query of POST": send("POST", "?access_token="+token, "", ""),
		"nothing":       send("GET", "", "", ""),
		"Basic":         send("GET", "", "", "Basic "+token),
		"garbage":       send("GET", "", "", "Bearer x"),
	} {
		if challenge := a.Header.Get("WWW-Authenticate"); a.Status != http.StatusUnauthorized || !strings.HasPrefix(challenge, "Bearer ") {
			t.Errorf("%s: %d, WWW-Authenticate %q", name, a.Status, challenge)
		}
	}
}
