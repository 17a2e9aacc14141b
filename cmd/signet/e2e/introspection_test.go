package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"signet/clients"
	"signet/cmd/signet/config"
)

const introspectionJWT = "application/token-introspection+jwt"

// introspectAs asks for a content type.
func (i *issuer) introspectAs(t testing.TB, accept, clientID, secret, token string) answer {
	t.Helper()
	form := url.Values{"token": {token}, "client_id": {clientID}, "client_secret": {secret}}
	return i.send(t, http.MethodPost, "/oauth2/introspect", formType, form.Encode(), http.Header{"Accept": {accept}})
}

// Who is told about a token is the policy of who asks.
func TestIntrospectionPolicy(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	a := i.tokens(t, newBrowser(t), "ada", "app", secret)
	access, refresh := a.str("access_token"), a.str("refresh_token")
	elsewhere := func(c *clients.Client) { c.Audiences = []string{"https://elsewhere.example.test/"} }
	for name, tt := range map[string]struct {
		change func(*clients.Client)
		access bool
	}{
		"api":         {func(*clients.Client) {}, true},
		"api-by-name": {func(c *clients.Client) { c.Introspection = clients.IntrospectOwn }, true},
		"api-none":    {func(c *clients.Client) { c.Introspection = clients.IntrospectNone }, false},
		"elsewhere":   {elsewhere, false},
		"gateway":     {func(c *clients.Client) { elsewhere(c); c.Introspection = clients.IntrospectAny }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := i.webApp(t, name, tt.change)
			if got := i.introspect(t, name, s, access); tt.access && got.Body["active"] != true {
				t.Errorf("access token: %s", got.Raw)
			} else if !tt.access {
				got.wantInactive(t)
			}
			i.introspect(t, name, s, refresh).wantInactive(t)
		})
	}
	i.change(t, "app", func(c *clients.Client) { c.Introspection = clients.IntrospectNone })
	i.introspect(t, "app", secret, access).wantInactive(t)
	i.introspect(t, "app", secret, refresh).wantInactive(t)

	// A public client could be anyone.
	i.webApp(t, "spa", public)
	i.introspect(t, "spa", "", access).wantRefused(t, http.StatusUnauthorized, "invalid_client")
}

// RFC 9701: the response as a JWT that go-oidc verifies by the JWKS, for the
// one who asked, and that is good for nothing else.
func TestSignedIntrospection(t *testing.T) {
	i := start(t, func(c *config.Config) { c.Keys.Algorithms = []string{"RS256", "ES256"} })
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	api := i.webApp(t, "api", func(c *clients.Client) { c.IDTokenSignedResponseAlg = "ES256" })
	tokens := i.tokens(t, newBrowser(t), "ada", "app", secret)
	access := tokens.str("access_token")
	plain := i.introspect(t, "api", api, access)

	for _, tt := range []struct{ id, secret, alg string }{{"app", secret, "RS256"}, {"api", api, "ES256"}} {
		a := i.introspectAs(t, introspectionJWT, tt.id, tt.secret, access)
		if a.Status != http.StatusOK || a.Header.Get("Content-Type") != introspectionJWT || !strings.Contains(a.Header.Get("Cache-Control"), "no-store") {
			t.Fatalf("%d %v %s", a.Status, a.Header, a.Raw)
		}
		verified, err := oidc.NewVerifier(i.URL, oidc.NewRemoteKeySet(t.Context(), i.URL+"/.well-known/jwks.json"), &oidc.Config{
			ClientID: tt.id, SupportedSigningAlgs: []string{tt.alg}, SkipExpiryCheck: true,
		}).Verify(t.Context(), a.Raw)
		if err != nil || verified.IssuedAt.IsZero() {
			t.Fatalf("%v: %s", err, a.Raw)
		}
		header, claims := decodeSegment(t, a.Raw, 0), decodeSegment(t, a.Raw, 1)
		about, _ := claims["token_introspection"].(map[string]any)
		if header["typ"] != "token-introspection+jwt" || len(claims) != 4 || about["active"] != true || len(about) != len(plain.Body) || about["sub"] != plain.Body["sub"] {
			t.Errorf("header %v, claims %v", header, claims)
		}
	}

	signed := i.introspectAs(t, introspectionJWT+", application/json;q=0.9", "app", secret, access).Raw
	inactive := i.introspectAs(t, introspectionJWT, "app", secret, "nothing")
	if about, _ := decodeSegment(t, inactive.Raw, 1)["token_introspection"].(map[string]any); len(about) != 1 || about["active"] != false {
		t.Errorf("about no token: %v", about)
	}
	for _, jwt := range []string{signed, inactive.Raw} {
		i.userinfo(t, jwt).wantBadToken(t)
		i.introspect(t, "app", secret, jwt).wantInactive(t)
		i.refresh(t, "app", secret, jwt).wantRefused(t, http.StatusBadRequest, "invalid_grant")
		i.exchange(t, "app", secret, jwt, "").wantRefused(t, http.StatusBadRequest, "invalid_grant")
		v := &victim{issuer: i, browser: newBrowser(t)}
		v.wantNoHint(t, jwt)
	}

	for name, accept := range map[string]string{"JSON": "application/json", "anything": "*/*", "rather JSON": introspectionJWT + ";q=0.1, application/json"} {
		if a := i.introspectAs(t, accept, "app", secret, access); a.Body["active"] != true {
			t.Errorf("Accept %s: %v %s", name, a.Header, a.Raw)
		}
	}
	// Errors are those of RFC 7662, in JSON.
	i.introspectAs(t, introspectionJWT, "app", "wrong-secret", access).wantRefused(t, http.StatusUnauthorized, "invalid_client")
	i.introspectAs(t, introspectionJWT, "app", secret, "").wantRefused(t, http.StatusBadRequest, "invalid_request")

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.URL+"/.well-known/openid-configuration", nil)
	must(t, err)
	if algs, _ := do(t, req).Body["introspection_signing_alg_values_supported"].([]any); len(algs) != 2 || algs[0] != "RS256" {
		t.Errorf("metadata: %v", algs)
	}
}
