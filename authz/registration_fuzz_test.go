package authz_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"signet/authz"
	"signet/authz/storetest"
	"signet/clients"
)

// FuzzRegister: whatever is sent, the answer is a registration within what
// strangers may have, or a refusal by the RFC's codes.
func FuzzRegister(f *testing.F) {
	for _, seed := range []string{
		`{"redirect_uris":["https://app.example/cb"]}`, `{"redirect_uris":["http://localhost:1/","app.example:/cb"],"token_endpoint_auth_method":"none"}`,
		`{"redirect_uris":["https://app.example/cb"],"scope":"openid signet:write","grant_types":["client_credentials","authorization_code"],"first_party":true}`,
		`{"redirect_uris":["https://app.example/cb"],"client_name#fr":"x","default_max_age":-1,"jwks":{"keys":[]},"response_types":["code"]}`,
		`{"redirect_uris":null}`, `{"redirect_uris":["https://app.example/cb"],"scope":"signet:write"}`, `[]`, `{"a":1,"a":2}`, "{", "", `{"redirect_uris":["https://app.example/cb"],"software_statement":"a.b.c"}`,
	} {
		f.Add(seed)
	}
	allowed := []string{"openid", "email", "offline_access"}
	f.Fuzz(func(t *testing.T, doc string) {
		if len(doc) > 64<<10 {
			return // web refuses more
		}
		db := storetest.NewMemory()
		p := newProvider(t, db, &fakeKeys{}, nil, func(c *authz.Config) {
			c.Registration = authz.Registration{
				Mode: authz.RegistrationOpen, Store: db, Scopes: allowed, Audiences: []string{"https://api.example"}, PerAddress: 1, PerMinute: 1, MaxUnused: 1,
				Statements: []authz.TrustedStatement{{Issuer: "https://d.example", JWKS: []byte(`{"keys":[]}`)}},
			}
		})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/register", strings.NewReader(doc))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		p.Register(w, r)
		stored, err := db.Clients(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if w.Code != http.StatusCreated {
			if w.Code != http.StatusBadRequest || len(stored) != 0 || !strings.Contains(w.Body.String(), `"error":"`) {
				t.Fatalf("%d, %d stored: %s", w.Code, len(stored), w.Body)
			}
			return
		}
		c := stored[0]
		beyond := func(got, may []string) bool {
			return slices.ContainsFunc(got, func(s string) bool { return !slices.Contains(may, s) })
		}
		if c.Source != clients.SourceDynamic || c.FirstParty || c.Disabled || c.Consent == clients.ConsentSkip || beyond(c.Scopes, allowed) ||
			beyond(c.GrantTypes, []string{"authorization_code", "refresh_token"}) || !slices.Equal(c.Audiences, []string{"https://api.example"}) ||
			len(c.Claims) > 0 || c.Introspection != "" || c.RegistrationTokenHash == "" || len(c.RedirectURIs) == 0 {
			t.Fatalf("%s is registered as %+v", doc, c)
		}
	})
}
