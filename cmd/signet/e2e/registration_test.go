package e2e

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/authz"
	"signet/cmd/signet/config"
)

const jsonType = "application/json"

// open lets everyone register, as fast as a test does.
func open(c *config.Config) {
	c.Registration.Mode = authz.RegistrationOpen
	c.Registration.PerAddress, c.Registration.PerMinute = 10_000, 10_000
}

func byInvitation(c *config.Config) { open(c); c.Registration.Mode = authz.RegistrationInvite }

// metadata is what an app says about itself, changed as asked; nil takes a
// member out.
func metadata(change map[string]any) map[string]any {
	m := map[string]any{"client_name": "Photo Printer", "redirect_uris": []string{testCallback}}
	for k, v := range change {
		if m[k] = v; v == nil {
			delete(m, k)
		}
	}
	return m
}

func bearer(token string) http.Header {
	if token == "" {
		return nil
	}
	return http.Header{"Authorization": {"Bearer " + token}}
}

// register sends metadata to the registration endpoint.
func (i *issuer) register(t testing.TB, change map[string]any, token string) answer {
	t.Helper()
	return i.send(t, http.MethodPost, "/oauth2/register", jsonType, marshal(t, metadata(change)), bearer(token))
}

// registered is register that has to succeed.
func (i *issuer) registered(t testing.TB, change map[string]any) answer {
	t.Helper()
	a := i.register(t, change, "")
	if a.Status != http.StatusCreated {
		t.Fatalf("register: %d %s", a.Status, a.Raw)
	}
	a.wantNoStore(t)
	return a
}

// manage calls the client configuration endpoint.
func (i *issuer) manage(t testing.TB, method, id, token string, body any) answer {
	t.Helper()
	text, contentType := "", ""
	if body != nil {
		text, contentType = marshal(t, body), jsonType
	}
	return i.send(t, method, "/oauth2/register/"+id, contentType, text, bearer(token))
}

// wantMembers checks members of an answer; nil is one that must not be there.
func (a answer) wantMembers(t testing.TB, want map[string]any) {
	t.Helper()
	for name, value := range want {
		got, ok := a.Body[name]
		if value == nil {
			if ok {
				t.Errorf("%s is %v, want none", name, got)
			}
			continue
		}
		var plain any
		if err := json.Unmarshal([]byte(marshal(t, value)), &plain); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, plain) {
			t.Errorf("%s is %v, want %v", name, got, plain)
		}
	}
}

// RFC 7591, section 3.2.1: 201 with every value as it was stored, and what the
// client needs to go on. The defaults are those of the RFC.
func TestRegister(t *testing.T) {
	i := start(t, open)
	for name, c := range map[string]struct{ sent, want map[string]any }{
		"the least": {nil, map[string]any{
			"client_name": "Photo Printer", "redirect_uris": []string{testCallback}, "grant_types": []string{"authorization_code"},
			"response_types": []string{"code"}, "token_endpoint_auth_method": "client_secret_basic", "scope": "openid profile email",
			"client_secret_expires_at": 0, "source": nil, "first_party": nil, "audiences": nil,
		}},
		"an agent": {map[string]any{
			"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"},
			"token_endpoint_auth_method": "none", "redirect_uris": []string{"http://127.0.0.1:33418/", "http://localhost:33418/"},
		}, map[string]any{
			"grant_types": []string{"authorization_code", "refresh_token"}, "token_endpoint_auth_method": "none",
			"scope": "openid profile email offline_access", "redirect_uris": []string{"http://127.0.0.1:33418/", "http://localhost:33418/"},
			"client_secret": nil, "client_secret_expires_at": nil,
		}},
		"everything": {map[string]any{
			"client_name#fr": "Imprimeur", "client_uri": "https://app.example.test", "logo_uri": "https://app.example.test/l.png",
			"policy_uri": "https://app.example.test/p", "tos_uri": "https://app.example.test/t", "contacts": []string{"ada@example.test"},
			"post_logout_redirect_uris": []string{"https://app.example.test/bye"}, "application_type": "web",
			"token_endpoint_auth_method": "client_secret_post", "default_max_age": 3600, "require_auth_time": true,
			"id_token_signed_response_alg": "RS256", "software_id": "printer", "software_version": "2",
			"software_statement": "is not understood where nobody is trusted", "unknown": map[string]any{"a": 1},
		}, map[string]any{
			"client_name#fr": "Imprimeur", "client_uri": "https://app.example.test", "logo_uri": "https://app.example.test/l.png",
			"policy_uri": "https://app.example.test/p", "tos_uri": "https://app.example.test/t", "contacts": []string{"ada@example.test"},
			"post_logout_redirect_uris": []string{"https://app.example.test/bye"}, "application_type": "web",
			"token_endpoint_auth_method": "client_secret_post", "default_max_age": 3600, "require_auth_time": true,
			"id_token_signed_response_alg": "RS256", "software_id": "printer", "software_version": "2",
			"software_statement": nil, "unknown": nil,
		}},
		"offline_access without a grant for it": {map[string]any{"scope": "openid offline_access"}, map[string]any{
			"scope": "openid offline_access", "grant_types": []string{"authorization_code", "refresh_token"},
		}},
		"offline_access, and a grant that is not for it": {map[string]any{"scope": "openid offline_access", "grant_types": []string{"authorization_code"}},
			map[string]any{"scope": "openid", "grant_types": []string{"authorization_code"}}},
		"more than it may": {map[string]any{"scope": "email photos.read signet:write openid signet:read", "grant_types": []string{"client_credentials", "implicit", "authorization_code"}},
			map[string]any{"scope": "email openid", "grant_types": []string{"authorization_code"}}},
		"nothing that it may": {map[string]any{"scope": "signet:write"}, map[string]any{"scope": ""}},
		"null is as if it was not there": {map[string]any{"grant_types": []byte(nil), "scope": "", "token_endpoint_auth_method": ""},
			map[string]any{"grant_types": []string{"authorization_code"}, "scope": "openid profile email", "token_endpoint_auth_method": "client_secret_basic"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := i.registered(t, c.sent)
			a.wantMembers(t, c.want)
			id := a.str("client_id")
			if len(id) < 16 || a.str("registration_client_uri") != i.URL+"/oauth2/register/"+id || !strings.HasPrefix(a.str("registration_access_token"), "sgm_") {
				t.Errorf("client_id %q, registration_client_uri %q, registration_access_token %q", id, a.str("registration_client_uri"), a.str("registration_access_token"))
			}
			if issued, _ := a.Body["client_id_issued_at"].(float64); time.Since(time.Unix(int64(issued), 0)).Abs() > time.Minute {
				t.Errorf("client_id_issued_at is %v", a.Body["client_id_issued_at"])
			}
			if public := a.str("token_endpoint_auth_method") == "none"; public != (a.str("client_secret") == "") {
				t.Errorf("%s has the secret %q", a.str("token_endpoint_auth_method"), a.str("client_secret"))
			}
			got := i.manage(t, http.MethodGet, id, a.str("registration_access_token"), nil)
			want := a.Body
			delete(want, "client_secret") // only its hash is kept
			if got.Status != http.StatusOK || !reflect.DeepEqual(got.Body, want) {
				t.Errorf("GET: %d %s\nwant %v", got.Status, got.Raw, want)
			}
			got.wantNoStore(t)
		})
	}
}

// RFC 7591, section 3.2.2: what is wrong is said, with the field and the rule,
// and nothing is stored.
func TestRegisterBadValues(t *testing.T) {
	i := start(t, open)
	cases := map[string]struct {
		change map[string]any
		code   string
		words  string
	}{
		"no redirect_uris":           {map[string]any{"redirect_uris": nil}, "invalid_redirect_uri", "redirect_uris: "},
		"empty redirect_uris":        {map[string]any{"redirect_uris": []string{}}, "invalid_redirect_uri", "redirect_uris: "},
		"redirect_uris is text":      {map[string]any{"redirect_uris": testCallback}, "invalid_redirect_uri", "must be a list of strings"},
		"one of two":                 {map[string]any{"redirect_uris": []string{testCallback, "https://app.example.test/#"}}, "invalid_redirect_uri", "fragment"},
		"both kinds":                 {map[string]any{"redirect_uris": []string{"javascript:alert(1)"}, "logo_uri": "data:image/png,x"}, "invalid_redirect_uri", "logo_uri"},
		"grant_types without a use":  {map[string]any{"grant_types": []string{"client_credentials"}}, "invalid_client_metadata", "grant_types: client_credentials"},
		"refresh_token alone":        {map[string]any{"grant_types": []string{"refresh_token"}}, "invalid_client_metadata", "authorization_code"},
		"grant_types is a number":    {map[string]any{"grant_types": 7}, "invalid_client_metadata", "grant_types"},
		"response_types":             {map[string]any{"response_types": []string{"id_token token"}}, "invalid_client_metadata", "response_types"},
		"token_endpoint_auth_method": {map[string]any{"token_endpoint_auth_method": "client_secret_jwt"}, "invalid_client_metadata", "token_endpoint_auth_method: 'client_secret_jwt' needs a secret"},
		"algorithm without a key":    {map[string]any{"id_token_signed_response_alg": "ES256"}, "invalid_client_metadata", "RS256"},
		"algorithm none":             {map[string]any{"id_token_signed_response_alg": "none"}, "invalid_client_metadata", "id_token_signed_response_alg"},
		"name with a control":        {map[string]any{"client_name": "a\u202eb"}, "invalid_client_metadata", "client_name"},
		"name that is too long":      {map[string]any{"client_name": strings.Repeat("x", 201)}, "invalid_client_metadata", "client_name"},
		"policy_uri":                 {map[string]any{"policy_uri": "javascript:alert(1)"}, "invalid_client_metadata", "policy_uri"},
		"sector without https":       {map[string]any{"sector_identifier_uri": "http://127.0.0.1/s"}, "invalid_client_metadata", "sector_identifier_uri"},
		"sector in a private place":  {map[string]any{"sector_identifier_uri": "https://127.0.0.1:1/s"}, "invalid_client_metadata", "sector_identifier_uri"},
	}
	for _, uri := range []string{
		"javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "https://app.example.test/cb#f", "https://app.example.test/*",
		"https://user@app.example.test/cb", "http://app.example.test/cb", "/cb", "", "https://", "app:/cb", "https://app.example.test/a/../b", "https://app.example.test\\@evil.test/",
	} {
		cases["redirect URI "+uri] = struct {
			change map[string]any
			code   string
			words  string
		}{map[string]any{"redirect_uris": []string{uri}}, "invalid_redirect_uri", "redirect_uris: "}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := i.register(t, c.change, "")
			a.wantRefused(t, http.StatusBadRequest, c.code)
			if !strings.Contains(a.str("error_description"), c.words) {
				t.Errorf("the description does not say %q: %s", c.words, a.Raw)
			}
		})
	}
	for name, body := range map[string]string{
		"nothing": "", "no object": "[]", "text": `"x"`, "half": `{"redirect_uris": [`, "two": "{}{}", "null": "null",
		"twice": `{"client_name": "a", "redirect_uris": ["https://a.test/"], "client_name": "b"}`,
	} {
		t.Run(name, func(t *testing.T) {
			i.send(t, http.MethodPost, "/oauth2/register", jsonType, body, nil).wantRefused(t, http.StatusBadRequest, "invalid_client_metadata")
		})
	}
	i.send(t, http.MethodPost, "/oauth2/register", formType, "redirect_uris=x", nil).wantRefused(t, http.StatusBadRequest, "invalid_client_metadata")
	if a := i.send(t, http.MethodPost, "/oauth2/register", jsonType, `{"client_name":"`+strings.Repeat("x", 70<<10)+`"}`, nil); a.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("70 KiB: %d", a.Status)
	}
	if all, err := i.Store.Clients(t.Context()); len(all) != 0 || err != nil {
		t.Errorf("%d clients were stored, %v", len(all), err)
	}
}

// Off is the default: nobody registers, and the metadata promises nothing.
func TestRegistrationIsOff(t *testing.T) {
	i := start(t)
	i.register(t, nil, "").wantRefused(t, http.StatusForbidden, "access_denied")
	for mode, c := range map[string]func(*config.Config){"off": func(*config.Config) {}, "open": open, "invite": byInvitation} {
		i := start(t, c)
		a := i.send(t, http.MethodGet, "/.well-known/openid-configuration", "", "", nil)
		if want := i.URL + "/oauth2/register"; (a.str("registration_endpoint") == want) != (mode != "off") {
			t.Errorf("%s: registration_endpoint is %q", mode, a.str("registration_endpoint"))
		}
	}
}

// A client without a secret that signs with its own key registers where the
// metadata promises it, and is refused where it does not.
func TestRegisterWithKeys(t *testing.T) {
	i := start(t, open)
	promised, _ := i.send(t, http.MethodGet, "/.well-known/openid-configuration", "", "", nil).Body["token_endpoint_auth_methods_supported"].([]any)
	a := i.register(t, map[string]any{
		"token_endpoint_auth_method": "private_key_jwt",
		"jwks": map[string]any{"keys": []any{map[string]any{
			"kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", "use": "sig",
			"x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
		}}},
	}, "")
	if !slices.Contains(promised, any("private_key_jwt")) {
		a.wantRefused(t, http.StatusBadRequest, "invalid_client_metadata")
		return
	}
	if a.Status != http.StatusCreated || a.str("client_secret") != "" || a.Body["jwks"] == nil {
		t.Errorf("%d %s", a.Status, a.Raw)
	}
}
