package clients

import (
	"errors"
	"strings"
	"testing"
)

// webApp is a valid confidential client.
func webApp() Client {
	return Client{
		ID: "web-app", Name: "Web app",
		Secrets:                []Secret{{Hash: sha256Hash("s")}},
		RedirectURIs:           []string{"https://app.example.com/cb"},
		PostLogoutRedirectURIs: []string{"https://app.example.com/"},
		GrantTypes:             []string{GrantAuthorizationCode, GrantRefreshToken, GrantClientCredentials},
		Scopes:                 []string{"openid", "profile", "offline_access"},
		Audiences:              []string{"https://api.example.com"},
		ClientURI:              "https://app.example.com/", LogoURI: "http://app.example.com/logo.png#dark",
	}
}

func TestValidateAccepts(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Client)
	}{
		{"confidential", func(*Client) {}},
		{"public", func(c *Client) {
			c.TokenEndpointAuthMethod, c.Secrets, c.GrantTypes = AuthMethodNone, nil, []string{GrantAuthorizationCode}
		}},
		{"two secrets while one is rotated", func(c *Client) { c.Secrets = append(c.Secrets, Secret{Hash: sha256Hash("t")}) }},
		{"disabled, without a secret", func(c *Client) { c.Disabled, c.Secrets = true, nil }},
		{"no grants: it introspects only", func(c *Client) { c.GrantTypes, c.RedirectURIs = nil, nil }},
		{"machine to machine", func(c *Client) { c.GrantTypes, c.RedirectURIs = []string{GrantClientCredentials}, nil }},
		{"no name", func(c *Client) { c.Name = "" }},
		{"a name in another script", func(c *Client) { c.Name = "برنامه\u200cها 👩‍💻" }},
		{"an id with a space and a colon", func(c *Client) { c.ID = "my app: 1" }},
		{"algorithms of its own", func(c *Client) { c.IDTokenSignedResponseAlg, c.AccessTokenSignedResponseAlg = "EdDSA", "PS256" }},
		{"an audience that is a URN", func(c *Client) { c.Audiences = []string{"urn:example:api", "api://orders"} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := webApp()
			tt.change(&c)
			if err := c.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestValidateRefuses(t *testing.T) {
	tests := []struct {
		name, field string
		change      func(*Client)
	}{
		{"no id", "client_id", func(c *Client) { c.ID = "" }},
		{"long id", "client_id", func(c *Client) { c.ID = strings.Repeat("a", 201) }},
		{"control character in id", "client_id", func(c *Client) { c.ID = "a\nb" }},
		{"id that is not ASCII", "client_id", func(c *Client) { c.ID = "é" }},
		{"space around id", "client_id", func(c *Client) { c.ID = "a " }},
		{"control character in name", "client_name", func(c *Client) { c.Name = "a\x00" }},
		{"text direction turned in name", "client_name", func(c *Client) { c.Name = "\u202eknaB" }},
		{"broken UTF-8 in name", "client_name", func(c *Client) { c.Name = "\xff" }},
		{"long name", "client_name", func(c *Client) { c.Name = strings.Repeat("é", 201) }},
		{"unknown audience of assertions", "assertion_audience", func(c *Client) { c.AssertionAudience = "any" }},
		{"audience of assertions that it does not send", "assertion_audience", func(c *Client) { c.AssertionAudience = AssertionAudienceIssuer }},
		{"secret of a client that signs", "client_secret", func(c *Client) {
			c.TokenEndpointAuthMethod, c.JWKSURI = AuthMethodPrivateKeyJWT, "https://app.example.com/keys"
		}},
		{"unknown auth method", "token_endpoint_auth_method", func(c *Client) { c.TokenEndpointAuthMethod = "tls_client_auth" }},
		{"public made confidential without a secret", "client_secret", func(c *Client) { c.Secrets = nil }},
		{"unreadable hash", "client_secret", func(c *Client) { c.Secrets = []Secret{{Hash: "plain"}} }},
		{"confidential made public with its secret", "client_secret", func(c *Client) {
			c.TokenEndpointAuthMethod, c.GrantTypes = AuthMethodNone, []string{GrantAuthorizationCode}
		}},
		{"client_credentials for a public client", "grant_types", func(c *Client) { c.TokenEndpointAuthMethod, c.Secrets = AuthMethodNone, nil }},
		{"unknown grant", "grant_types", func(c *Client) { c.GrantTypes = []string{GrantAuthorizationCode, "password"} }},
		{"refresh without code", "grant_types", func(c *Client) { c.GrantTypes = []string{GrantRefreshToken} }},
		{"grant listed twice", "grant_types", func(c *Client) { c.GrantTypes = append(c.GrantTypes, GrantRefreshToken) }},
		{"code without a redirect URI", "redirect_uris", func(c *Client) { c.RedirectURIs = nil }},
		{"redirect URI listed twice", "redirect_uris", func(c *Client) { c.RedirectURIs = append(c.RedirectURIs, c.RedirectURIs[0]) }},
		{"javascript: after logout", "post_logout_redirect_uris", func(c *Client) { c.PostLogoutRedirectURIs = []string{"javascript:alert(1)"} }},
		{"two scopes in one", "scope", func(c *Client) { c.Scopes = []string{"a b"} }},
		{"empty scope", "scope", func(c *Client) { c.Scopes = []string{""} }},
		{"relative audience", "audiences", func(c *Client) { c.Audiences = []string{"api.example.com"} }},
		{"audience with a fragment", "audiences", func(c *Client) { c.Audiences = []string{"https://api.example.com/#x"} }},
		{"audience of a scheme alone", "audiences", func(c *Client) { c.Audiences = []string{"https:"} }},
		{"unsigned ID tokens", "id_token_signed_response_alg", func(c *Client) { c.IDTokenSignedResponseAlg = "none" }},
		{"ID tokens under its secret", "id_token_signed_response_alg", func(c *Client) { c.IDTokenSignedResponseAlg = "HS256" }},
		{"an algorithm in lower case", "id_token_signed_response_alg", func(c *Client) { c.IDTokenSignedResponseAlg = "es256" }},
		{"unsigned access tokens", "access_token_signed_response_alg", func(c *Client) { c.AccessTokenSignedResponseAlg = "none" }},
		{"an algorithm that is not made here", "access_token_signed_response_alg", func(c *Client) { c.AccessTokenSignedResponseAlg = "ES512" }},
		{"data: logo", "logo_uri", func(c *Client) { c.LogoURI = "data:image/svg+xml,<svg/>" }},
		{"javascript: home page", "client_uri", func(c *Client) { c.ClientURI = "JavaScript://x/%0aalert(1)" }},
		{"userinfo in policy", "policy_uri", func(c *Client) { c.PolicyURI = "https://bank.example@evil.test/" }},
		{"relative terms", "tos_uri", func(c *Client) { c.TermsURI = "/terms" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := webApp()
			tt.change(&c)
			err := c.Validate()
			var field *FieldError
			if !errors.As(err, &field) || field.Field != tt.field {
				t.Errorf("Validate() = %v, want a fault of %s", err, tt.field)
			}
			if n := len(err.(interface{ Unwrap() []error }).Unwrap()); n != 1 {
				t.Errorf("%d faults, want 1: %v", n, err)
			}
		})
	}
}

func TestCheckSigningAlgorithmSaysWhy(t *testing.T) {
	const choice = "it must be RS256, PS256, ES256 or EdDSA"
	const unsigned = "would leave tokens unsigned, for anyone to write; " + choice
	const shared = "signs with a secret that whoever verifies would have to share, and could sign with; " + choice
	for name, want := range map[string]string{
		"none": unsigned, "None": unsigned, "nOnE": unsigned, "HS256": shared, "HS512": shared, "hs256": shared,
		"ES512": "must be RS256, PS256, ES256 or EdDSA", "rs256": "must be RS256, PS256, ES256 or EdDSA", "": "must be RS256, PS256, ES256 or EdDSA",
	} {
		if err := CheckSigningAlgorithm(name); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", name, err, want)
		}
	}
	for _, name := range SigningAlgorithms() {
		if err := CheckSigningAlgorithm(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidateReportsAllFaultsTogether(t *testing.T) {
	c := Client{ID: "", GrantTypes: []string{"x"}, RedirectURIs: []string{"a", "b"}, Audiences: []string{"c"}}
	err := c.Validate()
	for _, want := range []string{"client_id: ", "client_secret: ", `grant_types: "x"`, `redirect_uris: "a"`, `redirect_uris: "b"`, `audiences: "c"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing from:\n%v", want, err)
		}
	}
}

func TestRedirectURIsThatMayBeRegistered(t *testing.T) {
	for _, uri := range []string{
		"https://app.example.com", "https://app.example.com/", "https://app.example.com:8443/cb?x=1", "https://xn--bcher-kva.example/cb", "https://10.0.0.1/cb",
		"https://[2001:db8::1]:8443/cb", "https://my_host/cb", "https://APP.example.com/a%20b", "https://user.example.com/@me", "https://a.example/cb/...",
		"http://127.0.0.1", "http://127.0.0.1/", "http://127.0.0.1:8080/cb", "http://[::1]/cb", "http://localhost:3000/api/auth/callback/signet",
		"com.example.app:/cb", "com.example.app://oauth/cb", "com.example.App:/", "com.example.app:/cb?x=1",
	} {
		if err := checkRedirectURI(uri); err != nil {
			t.Errorf("%q: %v", uri, err)
		}
	}
}

func TestRedirectURIsThatMayNotBeRegistered(t *testing.T) {
	for _, uri := range []string{
		"", "/cb", "cb", "app.example.com/cb", "app.example.com:8080/cb", "//app.example.com/cb", "https:", "https:/", "https://", "https:///cb", "https:app.example.com/cb",
		"HTTPS://app.example.com/cb", "http://app.example.com/cb", "http://127.0.0.2/cb", "http://LOCALHOST/cb", "http://localhost./cb", "http://127.0.0.1.evil.test/",
		"http://[::]/cb", "http://[0:0:0:0:0:0:0:1]/cb", "http://0x7f000001/cb",
		"https://app.example.com/cb#", "https://app.example.com/cb#x", "http://127.0.0.1/#", "com.example.app:/cb#x",
		"https://user@app.example.com/cb", "https://user:pw@app.example.com/cb", "https://@app.example.com/cb", "http://x@127.0.0.1/cb", "com.example.app://u@h/cb", "com.example.app://u@h?x",
		"https://*.example.com/cb", "https://app.example.com/*", "https://app.example.com/cb?*",
		"https://app.example.com/a b", " https://app.example.com/", "https://app.example.com/\n", "https://app.example.com/\t", "https://app.example.com\\cb", "https://app.example.com/\x00",
		"https://app.example.com/%zz", "https://app.example.com/%2", "https://app.example.com/<x>", "https://bücher.example/cb", "https://app.example.com/é",
		"https://app.example.com:/cb", "https://app.example.com:0/cb", "https://app.example.com:99999/cb", "https://app.example.com:abc/cb", "https://app..example.com/", "https://.example.com/",
		"https://1.2.3/cb", "https://127.1/cb", "https://2130706433/", "https://a.0x7f/", "https://256.1.1.1/", "https://[::1/cb", "https://[fe80::1%25eth0]/cb", "https://[1.2.3.4]/",
		"https://app.example.com/../cb", "https://app.example.com/a/./cb", "https://app.example.com/%2e%2e/cb", "https://app.example.com/..;x/cb", "com.example.app:/../cb",
		"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "about:blank", "blob:https://app.example.com/x",
		"myapp:/cb", "urn:ietf:wg:oauth:2.0:oob", "com.example.app:", "com.example.app:cb", ".app:/cb", "com..app:/cb", "com.:/cb", "1com.example:/cb", "intent://x", "ftp://a.example/cb",
		"https://app.example.com/" + strings.Repeat("a", maxURI),
	} {
		if err := checkRedirectURI(uri); err == nil {
			t.Errorf("%q passed", uri)
		}
	}
}
