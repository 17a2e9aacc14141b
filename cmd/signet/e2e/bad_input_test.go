package e2e

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"signet/clients"
)

// backChannel are the endpoints that take a form from a client.
var backChannel = []string{"/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"}

// What a client gets for a request to a back-channel endpoint that cannot be
// read: the RFC's code, the right status, and nothing lost.
func TestBadBackChannelRequests(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app", func(c *clients.Client) { c.GrantTypes = append(c.GrantTypes, clients.GrantClientCredentials) })
	basic := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("app:"+secret))}}
	good := "grant_type=client_credentials&token=x&scope=photos.read"

	for _, path := range backChannel {
		for name, r := range map[string]struct {
			contentType, body string
			status            int
		}{
			"JSON":                     {"application/json", `{"grant_type":"client_credentials","token":"x"}`, 400},
			"multipart":                {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nx\r\n--x--\r\n", 400},
			"text":                     {"text/plain", good, 400},
			"no content type":          {"", good, 400},
			"a content type and more":  {"application/x-www-form-urlencoded, text/plain", good, 400},
			"a content type, garbled":  {"application/x-www-form-urlencoded; =", good, 400},
			"bad escape":               {formType, good + "&x=%zz", 400},
			"semicolons":               {formType, "grant_type=client_credentials;token=x", 400},
			"grant_type twice":         {formType, good + "&grant_type=client_credentials", 400},
			"token twice":              {formType, good + "&token=y", 400},
			"scope twice":              {formType, good + "&scope=photos.read", 400},
			"an unknown one twice":     {formType, good + "&x=1&x=2", 400},
			"twice, spelt differently": {formType, good + "&%74oken=y", 400},
			"client_id twice":          {formType, good + "&client_id=app&client_id=app", 400},
			"client_secret twice":      {formType, good + "&client_secret=a&client_secret=b", 400},
			"empty":                    {formType, "", 400},
			"only ampersands":          {formType, "&&&", 400},
			"too large":                {formType, good + "&x=" + strings.Repeat("a", 64<<10), 413},
			"much too large":           {formType, good + "&x=" + strings.Repeat("a", 4<<20), 413},
		} {
			t.Run(path+", "+name, func(t *testing.T) {
				i.send(t, http.MethodPost, path, r.contentType, r.body, basic).wantRefused(t, r.status, "invalid_request")
			})
		}
		t.Run(path+", too large and chunked", func(t *testing.T) {
			body := io.MultiReader(strings.NewReader(good+"&x="), strings.NewReader(strings.Repeat("a", 80<<10)))
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.URL+path, struct{ io.Reader }{body})
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", formType)
			do(t, req).wantRefused(t, http.StatusRequestEntityTooLarge, "invalid_request")
		})
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch} {
			t.Run(path+", "+method, func(t *testing.T) {
				a := i.send(t, method, path+"?"+good, "", "", basic)
				a.wantRefused(t, http.StatusMethodNotAllowed, "invalid_request")
				if allow := a.Header.Get("Allow"); !strings.Contains(allow, "POST") {
					t.Errorf("405 with Allow %q (RFC 9110, section 15.5.6)", allow)
				}
			})
		}
		t.Run(path+", nothing from the query", func(t *testing.T) {
			a := i.send(t, http.MethodPost, path+"?"+good, formType, "x=1", basic)
			a.wantRefused(t, http.StatusBadRequest, "invalid_request")
		})
	}
	// What is unusual but allowed is no error.
	for name, contentType := range map[string]string{"charset": formType + "; charset=UTF-8", "capitals": "Application/X-WWW-Form-URLEncoded"} {
		if a := i.send(t, http.MethodPost, "/oauth2/token", contentType, good, basic); a.Status != http.StatusOK {
			t.Errorf("%s: %d %s", name, a.Status, a.Raw)
		}
	}
	if a := i.send(t, http.MethodPost, "/oauth2/token", formType, good+"&x="+strings.Repeat("a", 60<<10), basic); a.Status != http.StatusOK {
		t.Errorf("60 KiB: %d %s", a.Status, a.Raw)
	}
}

// The grants that exist, and what every other one gets (RFC 6749, section 5.2).
func TestBadGrants(t *testing.T) {
	i := start(t)
	secret := i.webApp(t, "app")
	i.webApp(t, "spa", public)
	robot := i.webApp(t, "robot", func(c *clients.Client) {
		c.GrantTypes, c.RedirectURIs, c.PostLogoutRedirectURIs = []string{clients.GrantClientCredentials}, nil, nil
		c.Audiences = []string{testAPI, "https://second.example.test/"}
	})
	for _, grant := range []string{
		"password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:device_code",
		"urn:ietf:params:oauth:grant-type:token-exchange", "authorization_code ", "AUTHORIZATION_CODE", "authorization_code refresh_token",
		"none", "null", "<script>", strings.Repeat("g", 5000), "client_credentials\x00",
	} {
		i.post(t, "/oauth2/token", "app", secret, url.Values{"grant_type": {grant}, "username": {"ada"}, "password": {testPassword}, "code": {"x"}}).
			wantRefused(t, http.StatusBadRequest, "unsupported_grant_type")
	}
	for name, r := range map[string]struct {
		client, secret string
		form           url.Values
		code           string
	}{
		"no grant_type":              {"app", secret, url.Values{"code": {"x"}}, "invalid_request"},
		"an empty grant_type":        {"app", secret, url.Values{"grant_type": {""}, "code": {"x"}}, "invalid_request"},
		"not registered for it":      {"app", secret, url.Values{"grant_type": {"client_credentials"}}, "unauthorized_client"},
		"a public client by itself":  {"spa", "", url.Values{"grant_type": {"client_credentials"}}, "unauthorized_client"},
		"code, not registered":       {"robot", robot, url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}, "unauthorized_client"},
		"refresh, not registered":    {"robot", robot, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, "unauthorized_client"},
		"a scope it may not have":    {"robot", robot, url.Values{"grant_type": {"client_credentials"}, "scope": {"admin"}}, "invalid_scope"},
		"one good scope, one bad":    {"robot", robot, url.Values{"grant_type": {"client_credentials"}, "scope": {"photos.read admin"}}, "invalid_scope"},
		"a scope with a wildcard":    {"robot", robot, url.Values{"grant_type": {"client_credentials"}, "scope": {"photos.*"}}, "invalid_scope"},
		"a scope below one":          {"robot", robot, url.Values{"grant_type": {"client_credentials"}, "scope": {"photos.read.all"}}, "invalid_scope"},
		"a scope with a quote":       {"robot", robot, url.Values{"grant_type": {"client_credentials"}, "scope": {`photos.read "x`}}, "invalid_scope"},
		"a scope with a tab":         {"robot", robot, url.Values{"grant_type": {"client_credentials"}, "scope": {"photos.read\temail"}}, "invalid_scope"},
		"another resource":           {"robot", robot, url.Values{"grant_type": {"client_credentials"}, "resource": {"https://evil.test/"}}, "invalid_target"},
		"a resource and another":     {"robot", robot, url.Values{"grant_type": {"client_credentials"}, "resource": {testAPI, "https://evil.test/"}}, "invalid_target"},
		"a resource, one slash less": {"robot", robot, url.Values{"grant_type": {"client_credentials"}, "resource": {strings.TrimSuffix(testAPI, "/")}}, "invalid_target"},
		"a resource below ours":      {"robot", robot, url.Values{"grant_type": {"client_credentials"}, "resource": {testAPI + "admin"}}, "invalid_target"},
		"a relative resource":        {"robot", robot, url.Values{"grant_type": {"client_credentials"}, "resource": {"/api"}}, "invalid_target"},
		"a resource with a fragment": {"robot", robot, url.Values{"grant_type": {"client_credentials"}, "resource": {testAPI + "#x"}}, "invalid_target"},
		"no code":                    {"app", secret, url.Values{"grant_type": {"authorization_code"}}, ""},
		"no refresh token":           {"app", secret, url.Values{"grant_type": {"refresh_token"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := i.post(t, "/oauth2/token", r.client, r.secret, r.form)
			want := r.code
			if want == "" { // both codes are in use for a missing parameter
				want = "invalid_grant"
				if a.str("error") == "invalid_request" {
					want = "invalid_request"
				}
			}
			a.wantRefused(t, http.StatusBadRequest, want)
		})
	}
}

// Client authentication that cannot be read, or that is given in two ways
// (RFC 6749, section 2.3).
func TestBadClientAuthentication(t *testing.T) {
	i := start(t)
	secret := i.webApp(t, "app")
	i.webApp(t, "spa", public)
	basicOnly := i.webApp(t, "basic-only", func(c *clients.Client) { c.TokenEndpointAuthMethod = clients.AuthMethodBasic })
	postOnly := i.webApp(t, "post-only", func(c *clients.Client) { c.TokenEndpointAuthMethod = clients.AuthMethodPost })
	basic := func(s string) []string { return []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(s))} }
	for _, path := range backChannel {
		for name, r := range map[string]struct {
			header []string
			form   url.Values
			status int
			code   string
		}{
			"nobody":                {nil, nil, 401, "invalid_client"},
			"not base64":            {[]string{"Basic !!!"}, nil, 401, "invalid_client"},
			"base64 of no pair":     {basic("app"), nil, 401, "invalid_client"},
			"an empty pair":         {basic(":"), nil, 401, "invalid_client"},
			"no credentials":        {[]string{"Basic"}, nil, 401, "invalid_client"},
			"an empty header":       {[]string{""}, nil, 401, "invalid_client"},
			"Bearer":                {[]string{"Bearer " + secret}, nil, 401, "invalid_client"},
			"Digest":                {[]string{`Digest username="app"`}, nil, 401, "invalid_client"},
			"two headers":           {append(basic("app:"+secret), basic("app:x")...), nil, 400, "invalid_request"},
			"header and body":       {basic("app:" + secret), url.Values{"client_id": {"app"}, "client_secret": {secret}}, 400, "invalid_request"},
			"header and another id": {basic("app:" + secret), url.Values{"client_id": {"spa"}}, 400, "invalid_request"},
			"an empty secret":       {basic("app:"), nil, 401, "invalid_client"},
			"an id alone":           {nil, url.Values{"client_id": {"app"}}, 401, "invalid_client"},
			"a public one's secret": {basic("spa:" + secret), nil, 401, "invalid_client"},
			"post for basic":        {nil, url.Values{"client_id": {"basic-only"}, "client_secret": {basicOnly}}, 401, "invalid_client"},
			"basic for post":        {basic("post-only:" + postOnly), nil, 401, "invalid_client"},
			"the hash":              {basic("app:" + storedHash(t, i, "app")), nil, 401, "invalid_client"},
			"a secret and more":     {basic("app:" + secret + "x"), nil, 401, "invalid_client"},
			"a secret less":         {basic("app:" + secret[:len(secret)-1]), nil, 401, "invalid_client"},
			"huge":                  {basic("app:" + strings.Repeat("s", 20<<10)), nil, 401, "invalid_client"},
			"a client assertion": {nil, url.Values{
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {"a.b.c"},
			}, 401, "invalid_client"},
		} {
			t.Run(path+", "+name, func(t *testing.T) {
				form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "token": {"x"}}
				for k, v := range r.form {
					form[k] = v
				}
				header := http.Header{}
				if r.header != nil {
					header["Authorization"] = r.header
				}
				i.send(t, http.MethodPost, path, formType, form.Encode(), header).wantRefused(t, r.status, r.code)
			})
		}
	}
	t.Run("introspection by a public client", func(t *testing.T) {
		i.introspect(t, "spa", "", "x").wantRefused(t, http.StatusUnauthorized, "invalid_client")
	})
}

func storedHash(t *testing.T, i *issuer, id string) string {
	t.Helper()
	c, err := i.Store.Client(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c.Secrets[0].Hash
}

// A userinfo request that is none (RFC 6750, sections 2 and 3.1).
func TestBadUserInfoRequests(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	token := i.tokens(t, newBrowser(t), "ada", "app", secret).str("access_token")
	bearer := http.Header{"Authorization": {"Bearer " + token}}
	form := "access_token=" + token

	for name, a := range map[string]answer{
		"no token":           i.send(t, http.MethodGet, "/oauth2/userinfo", "", "", nil),
		"no token, POST":     i.send(t, http.MethodPost, "/oauth2/userinfo", "", "", nil),
		"token in the query": i.send(t, http.MethodGet, "/oauth2/userinfo?"+form, "", "", nil),
		"query of a POST":    i.send(t, http.MethodPost, "/oauth2/userinfo?"+form, formType, "", nil),
		"body of a GET":      i.send(t, http.MethodGet, "/oauth2/userinfo", formType, form, nil),
	} {
		t.Run(name, func(t *testing.T) {
			if a.Status != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") == "" || strings.Contains(a.Header.Get("WWW-Authenticate"), "error=") {
				t.Errorf("%d, WWW-Authenticate %q; want 401 and a challenge that names no error (RFC 6750, section 3.1)", a.Status, a.Header.Get("WWW-Authenticate"))
			}
			a.wantNoStore(t)
		})
	}
	for name, a := range map[string]answer{
		"another scheme":  i.send(t, http.MethodGet, "/oauth2/userinfo", "", "", http.Header{"Authorization": {"Token " + token}}),
		"Basic":           i.send(t, http.MethodGet, "/oauth2/userinfo", "", "", http.Header{"Authorization": {"Basic " + token}}),
		"no scheme":       i.send(t, http.MethodGet, "/oauth2/userinfo", "", "", http.Header{"Authorization": {token}}),
		"an empty one":    i.send(t, http.MethodGet, "/oauth2/userinfo", "", "", http.Header{"Authorization": {"Bearer "}}),
		"two in a header": i.send(t, http.MethodGet, "/oauth2/userinfo", "", "", http.Header{"Authorization": {"Bearer " + token + ", Bearer " + token}}),
	} {
		t.Run(name, func(t *testing.T) { a.wantRefused(t, http.StatusUnauthorized, "invalid_token") })
	}
	for name, a := range map[string]answer{
		"header and body": i.send(t, http.MethodPost, "/oauth2/userinfo", formType, form, bearer),
		"two in the body": i.send(t, http.MethodPost, "/oauth2/userinfo", formType, form+"&"+form, nil),
		"JSON":            i.send(t, http.MethodPost, "/oauth2/userinfo", "application/json", `{"access_token":"x"}`, nil),
		"bad escape":      i.send(t, http.MethodPost, "/oauth2/userinfo", formType, form+"%zz", nil),
	} {
		t.Run(name, func(t *testing.T) { a.wantRefused(t, http.StatusBadRequest, "invalid_request") })
	}
	t.Run("two headers", func(t *testing.T) {
		a := i.send(t, http.MethodGet, "/oauth2/userinfo", "", "", http.Header{"Authorization": {"Bearer " + token, "Bearer " + token}})
		if a.Status != http.StatusBadRequest && a.Status != http.StatusUnauthorized {
			t.Errorf("%d %s", a.Status, a.Raw)
		}
	})
	t.Run("too large", func(t *testing.T) {
		a := i.send(t, http.MethodPost, "/oauth2/userinfo", formType, form+"&x="+strings.Repeat("a", 64<<10), nil)
		a.wantRefused(t, http.StatusRequestEntityTooLarge, "invalid_request")
	})
	t.Run("by PUT", func(t *testing.T) {
		i.send(t, http.MethodPut, "/oauth2/userinfo", "", "", bearer).wantRefused(t, http.StatusMethodNotAllowed, "invalid_request")
	})
}
