package authz

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"signet/clients"
)

func basic(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }

// iss are the claims that say whose an assertion is.
func iss(id string) string { return `{"iss":"` + id + `","sub":"` + id + `"}` }

// asserted is a form with an assertion of these claims, and with more.
func asserted(claims string, more url.Values) url.Values {
	encode := base64.RawURLEncoding.EncodeToString
	form := url.Values{"client_assertion_type": {assertionType}, "client_assertion": {encode([]byte(`{"alg":"ES256"}`)) + "." + encode([]byte(claims)) + ".AAAA"}}
	maps.Copy(form, more)
	return form
}

func TestReadClientCredentials(t *testing.T) {
	type row struct {
		header []string
		form   url.Values
		want   clientCredentials
		code   string
	}
	for name, tt := range map[string]row{
		"basic":                     {[]string{basic("app:s3cret")}, nil, clientCredentials{id: "app", secrets: []string{"s3cret"}, method: clients.AuthMethodBasic}, ""},
		"basic, lower case":         {[]string{"bASIC " + base64.StdEncoding.EncodeToString([]byte("app:s"))}, nil, clientCredentials{id: "app", secrets: []string{"s"}, method: clients.AuthMethodBasic}, ""},
		"basic, form encoded":       {[]string{basic("my%20app:a%2Bb")}, nil, clientCredentials{id: "my app", secrets: []string{"a%2Bb", "a+b"}, method: clients.AuthMethodBasic}, ""},
		"basic, plus sent plain":    {[]string{basic("app:a+b")}, nil, clientCredentials{id: "app", secrets: []string{"a+b", "a b"}, method: clients.AuthMethodBasic}, ""},
		"basic, a stray percent":    {[]string{basic("app:100%")}, nil, clientCredentials{id: "app", secrets: []string{"100%"}, method: clients.AuthMethodBasic}, ""},
		"basic, colon in secret":    {[]string{basic("app:a:b")}, nil, clientCredentials{id: "app", secrets: []string{"a:b"}, method: clients.AuthMethodBasic}, ""},
		"basic without a secret":    {[]string{basic("spa:")}, nil, clientCredentials{id: "spa", secrets: nil, method: clients.AuthMethodNone}, ""},
		"basic and the same id":     {[]string{basic("app:s")}, url.Values{"client_id": {"app"}}, clientCredentials{id: "app", secrets: []string{"s"}, method: clients.AuthMethodBasic}, ""},
		"basic and another id":      {[]string{basic("app:s")}, url.Values{"client_id": {"b"}}, clientCredentials{}, CodeInvalidRequest},
		"basic and a body secret":   {[]string{basic("app:s")}, url.Values{"client_id": {"app"}, "client_secret": {"s"}}, clientCredentials{}, CodeInvalidRequest},
		"two headers":               {[]string{basic("app:s"), basic("b:s")}, nil, clientCredentials{}, CodeInvalidRequest},
		"basic, not base64":         {[]string{"Basic %%%"}, nil, clientCredentials{}, CodeInvalidClient},
		"basic, no colon":           {[]string{basic("app")}, nil, clientCredentials{}, CodeInvalidClient},
		"basic, no id":              {[]string{basic(":s")}, nil, clientCredentials{}, CodeInvalidClient},
		"bearer":                    {[]string{"Bearer x"}, nil, clientCredentials{}, CodeInvalidClient},
		"empty header":              {[]string{""}, nil, clientCredentials{}, CodeInvalidClient},
		"post":                      {nil, url.Values{"client_id": {"app"}, "client_secret": {"s"}}, clientCredentials{id: "app", secrets: []string{"s"}, method: clients.AuthMethodPost}, ""},
		"none":                      {nil, url.Values{"client_id": {"spa"}}, clientCredentials{id: "spa", secrets: nil, method: clients.AuthMethodNone}, ""},
		"nothing":                   {nil, nil, clientCredentials{}, CodeInvalidClient},
		"an assertion":              {nil, asserted(iss("app"), nil), clientCredentials{id: "app", method: clients.AuthMethodPrivateKeyJWT}, ""},
		"an assertion and its id":   {nil, asserted(iss("app"), url.Values{"client_id": {"app"}}), clientCredentials{id: "app", method: clients.AuthMethodPrivateKeyJWT}, ""},
		"an assertion, another id":  {nil, asserted(iss("app"), url.Values{"client_id": {"b"}}), clientCredentials{}, CodeInvalidClient},
		"an assertion and a secret": {nil, asserted(iss("app"), url.Values{"client_secret": {"s"}}), clientCredentials{}, CodeInvalidRequest},
		"an assertion and basic":    {[]string{basic("app:s")}, asserted(iss("app"), nil), clientCredentials{}, CodeInvalidRequest},
		"an assertion and bearer":   {[]string{"Bearer x"}, asserted(iss("app"), nil), clientCredentials{}, CodeInvalidRequest},
		"an assertion, two names":   {nil, asserted(`{"iss":"app","sub":"b"}`, nil), clientCredentials{}, CodeInvalidClient},
		"an assertion of nobody":    {nil, asserted(`{}`, nil), clientCredentials{}, CodeInvalidClient},
		"an assertion, not JSON":    {nil, asserted(`app`, nil), clientCredentials{}, CodeInvalidClient},
		"a type alone":              {nil, url.Values{"client_id": {"app"}, "client_assertion_type": {assertionType}}, clientCredentials{}, CodeInvalidClient},
		"SAML":                      {nil, asserted(iss("app"), url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}}), clientCredentials{}, CodeInvalidClient},
		"an assertion, not offered": {nil, url.Values{"client_id": {"app"}, "client_assertion": {"x"}}, clientCredentials{}, CodeInvalidClient},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readClientCredentials(http.Header{"Authorization": tt.header}, tt.form)
			if tt.code != "" {
				if e := asError(err); err == nil || e.Code != tt.code {
					t.Fatalf("got %v, want %s", err, tt.code)
				}
				return
			}
			if err != nil || got.id != tt.want.id || got.method != tt.want.method || !slices.Equal(got.secrets, tt.want.secrets) {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func FuzzParseBasic(f *testing.F) {
	for _, seed := range []string{basic("a:b"), basic("a%20:%zz"), "Basic", "Basic ", "basic \x00", basic(":"), basic("a:\xff")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		c, err := parseBasic(header)
		if err != nil {
			if asError(err).Code != CodeInvalidClient {
				t.Errorf("%q: %v, want invalid_client", header, err)
			}
			return
		}
		if c.id == "" {
			t.Errorf("%q: accepted without a client_id", header)
		}
		if (c.method == clients.AuthMethodNone) != (len(c.secrets) == 0) {
			t.Errorf("%q: method %q with %d secrets", header, c.method, len(c.secrets))
		}
	})
}
