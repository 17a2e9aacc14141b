package authz

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"signet/clients"
)

func basic(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }

func TestReadClientCredentials(t *testing.T) {
	type row struct {
		header []string
		form   url.Values
		want   clientCredentials
		code   string
	}
	for name, tt := range map[string]row{
		"basic":                     {[]string{basic("app:s3cret")}, nil, clientCredentials{"app", []string{"s3cret"}, clients.AuthMethodBasic}, ""},
		"basic, lower case":         {[]string{"bASIC " + base64.StdEncoding.EncodeToString([]byte("app:s"))}, nil, clientCredentials{"app", []string{"s"}, clients.AuthMethodBasic}, ""},
		"basic, form encoded":       {[]string{basic("my%20app:a%2Bb")}, nil, clientCredentials{"my app", []string{"a%2Bb", "a+b"}, clients.AuthMethodBasic}, ""},
		"basic, plus sent plain":    {[]string{basic("app:a+b")}, nil, clientCredentials{"app", []string{"a+b", "a b"}, clients.AuthMethodBasic}, ""},
		"basic, a stray percent":    {[]string{basic("app:100%")}, nil, clientCredentials{"app", []string{"100%"}, clients.AuthMethodBasic}, ""},
		"basic, colon in secret":    {[]string{basic("app:a:b")}, nil, clientCredentials{"app", []string{"a:b"}, clients.AuthMethodBasic}, ""},
		"basic without a secret":    {[]string{basic("spa:")}, nil, clientCredentials{"spa", nil, clients.AuthMethodNone}, ""},
		"basic and the same id":     {[]string{basic("app:s")}, url.Values{"client_id": {"app"}}, clientCredentials{"app", []string{"s"}, clients.AuthMethodBasic}, ""},
		"basic and another id":      {[]string{basic("app:s")}, url.Values{"client_id": {"b"}}, clientCredentials{}, CodeInvalidRequest},
		"basic and a body secret":   {[]string{basic("app:s")}, url.Values{"client_id": {"app"}, "client_secret": {"s"}}, clientCredentials{}, CodeInvalidRequest},
		"two headers":               {[]string{basic("app:s"), basic("b:s")}, nil, clientCredentials{}, CodeInvalidRequest},
		"basic, not base64":         {[]string{"Basic %%%"}, nil, clientCredentials{}, CodeInvalidClient},
		"basic, no colon":           {[]string{basic("app")}, nil, clientCredentials{}, CodeInvalidClient},
		"basic, no id":              {[]string{basic(":s")}, nil, clientCredentials{}, CodeInvalidClient},
		"bearer":                    {[]string{"Bearer x"}, nil, clientCredentials{}, CodeInvalidClient},
		"empty header":              {[]string{""}, nil, clientCredentials{}, CodeInvalidClient},
		"post":                      {nil, url.Values{"client_id": {"app"}, "client_secret": {"s"}}, clientCredentials{"app", []string{"s"}, clients.AuthMethodPost}, ""},
		"none":                      {nil, url.Values{"client_id": {"spa"}}, clientCredentials{"spa", nil, clients.AuthMethodNone}, ""},
		"nothing":                   {nil, nil, clientCredentials{}, CodeInvalidClient},
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
