package clients

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// The public keys of the tests.
type testKeys struct{ rsa, ec, ed string }

func makeKeys(t testing.TB) testKeys {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	modulus := new(big.Int).Lsh(big.NewInt(1), 2047)
	modulus.SetBit(modulus, 0, 1)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return testKeys{
		rsa: fmt.Sprintf(`{"kty":"RSA","kid":"r","n":%q,"e":"AQAB"}`, b64(modulus.Bytes())),
		ec:  fmt.Sprintf(`{"kty":"EC","kid":"e","crv":"P-256","x":%q,"y":%q}`, b64(point[1:33]), b64(point[33:])),
		ed:  fmt.Sprintf(`{"kty":"OKP","kid":"o","crv":"Ed25519","x":%q}`, b64(make([]byte, 32))),
	}
}

func keySet(keys ...string) json.RawMessage {
	return json.RawMessage(`{"keys":[` + strings.Join(keys, ",") + `]}`)
}

// signing makes a client one that signs assertions with these keys.
func signing(c *Client, keys ...string) {
	c.TokenEndpointAuthMethod, c.Secrets, c.JWKS = AuthMethodPrivateKeyJWT, nil, keySet(keys...)
}

func TestValidateTakesEveryField(t *testing.T) {
	keys := makeKeys(t)
	hour := time.Hour
	for name, change := range map[string]func(*Client){
		"three kinds of keys":            func(c *Client) { signing(c, keys.rsa, keys.ec, keys.ed) },
		"keys by their address":          func(c *Client) { signing(c); c.JWKS, c.JWKSURI = nil, "https://app.example.com/keys?x=1" },
		"the one algorithm":              func(c *Client) { signing(c, keys.rsa, keys.ec); c.TokenEndpointAuthSigningAlg = "ES256" },
		"a key for encryption beside":    func(c *Client) { signing(c, keys.rsa, `{"kty":"EC","use":"enc","crv":"P-521","x":"AA","y":"AA"}`) },
		"keys of a client with a secret": func(c *Client) { c.JWKS = keySet(keys.ec) },
		"localhost by its switch":        func(c *Client) { c.AllowLocalhost, c.RedirectURIs = true, []string{"http://localhost:3000/cb"} },
		"native": func(c *Client) {
			c.ApplicationType, c.RedirectURIs = ApplicationNative, []string{"com.example.app:/cb", "http://127.0.0.1/cb", "http://[::1]/cb", "https://app.example.com/claimed"}
		},
		"web": func(c *Client) {
			c.ApplicationType, c.RedirectURIs = ApplicationWeb, []string{"https://a.example/", "http://127.0.0.1/cb"}
		},
		"origins": func(c *Client) {
			c.AllowedOrigins = []string{"https://a.example", "https://a.example:8443", "http://localhost:3000", "http://[::1]:1", "capacitor://localhost"}
		},
		"languages": func(c *Client) {
			c.Localized = map[string]string{"client_name#fr": "Boutique", "client_name#zh-Hant-TW": "店", "tos_uri#de": "https://a.example/agb"}
		},
		"consent skipped": func(c *Client) { c.FirstParty, c.Consent = true, ConsentSkip },
		"consent always":  func(c *Client) { c.Consent = ConsentAlways },
		"groups":          func(c *Client) { c.AllowedGroups = []string{"staff", "people of Zürich"} },
		"pairwise, one host": func(c *Client) {
			c.SubjectType, c.RedirectURIs = SubjectPairwise, []string{"https://a.example/1", "https://a.example:1/2"}
		},
		"pairwise, several hosts": func(c *Client) {
			c.SubjectType, c.SectorIdentifierURI = SubjectPairwise, "https://s.example/s"
			c.RedirectURIs = []string{"https://a.example/1", "https://b.example/2"}
		},
		"max_age and acr": func(c *Client) {
			c.DefaultMaxAge, c.RequireAuthTime, c.DefaultACRValues = &hour, true, []string{"urn:mace:silver", "1"}
		},
		"logout": func(c *Client) {
			c.BackchannelLogoutURI, c.FrontchannelLogoutURI = "https://x.example/bc?a=b", "https://app.example.com:443/fc"
		},
		"logout of a local app": func(c *Client) {
			c.RedirectURIs, c.FrontchannelLogoutURI = []string{"http://127.0.0.1/cb"}, "http://127.0.0.1:9/fc"
		},
		"sign-in begun elsewhere": func(c *Client) { c.InitiateLoginURI = "https://app.example.com/login" },
		"requests of its own": func(c *Client) {
			c.RequestURIs, c.RequestObjectSigningAlg = []string{"https://app.example.com/r.jwt", "https://app.example.com/v#2", "http://127.0.0.1:9/r"}, "PS256"
		},
		"contacts and software": func(c *Client) {
			c.Contacts, c.SoftwareID, c.SoftwareVersion = []string{"ops@example.com", "+41 44 000 00 00"}, "4NRB1-0XZABZI9E6-5SM3R", "2.1"
		},
		"userinfo signed":         func(c *Client) { c.UserinfoSignedResponseAlg = "ES256" },
		"a hundred redirect URIs": func(c *Client) { c.RedirectURIs = many(100) },
	} {
		c := webApp()
		change(&c)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("https://app.example.com/%d", i)
	}
	return out
}

// One rule a row: what is refused, by the field, and words of the reason.
func TestValidateRefusesFieldByField(t *testing.T) {
	keys := makeKeys(t)
	long := 3651 * day
	half := 1500 * time.Millisecond
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	short := fmt.Sprintf(`{"kty":"RSA","n":%q,"e":"AQAB"}`, base64.RawURLEncoding.EncodeToString(private.N.Bytes()))
	type change = func(*Client)
	jwks := func(set string) change { return func(c *Client) { c.JWKS = json.RawMessage(set) } }
	with := func(key, old, new string) change { return jwks(string(keySet(strings.Replace(key, old, new, 1)))) }
	for _, tt := range []struct {
		field, reason string
		change        change
	}{
		{"token_endpoint_auth_method", "is not supported yet", func(c *Client) { c.TokenEndpointAuthMethod = "self_signed_tls_client_auth" }},
		{"token_endpoint_auth_method", "it keeps none", func(c *Client) { c.TokenEndpointAuthMethod = "client_secret_jwt" }},
		{"token_endpoint_auth_method", "must be client_secret_basic, client_secret_post, private_key_jwt or none", func(c *Client) { c.TokenEndpointAuthMethod = "basic" }},
		{"client_secret", "must not have a secret", func(c *Client) { s := c.Secrets; signing(c, keys.ec); c.Secrets = s }},
		{"token_endpoint_auth_signing_alg", "alone", func(c *Client) { c.TokenEndpointAuthSigningAlg = "ES256" }},
		{"token_endpoint_auth_signing_alg", `"none" must be RS256`, func(c *Client) { signing(c, keys.ec); c.TokenEndpointAuthSigningAlg = "none" }},
		{"jwks", "needs the client's public keys", func(c *Client) { signing(c); c.JWKS = nil }},
		{"jwks", "beside jwks_uri", func(c *Client) { signing(c, keys.ec); c.JWKSURI = "https://a.example/keys" }},
		{"jwks", "has no key for signatures by RS256", func(c *Client) { signing(c, keys.ec); c.TokenEndpointAuthSigningAlg = "RS256" }},
		{"jwks", "has no key for signatures by", func(c *Client) { signing(c, strings.Replace(keys.ec, "{", `{"use":"enc",`, 1)) }},
		{"jwks", "must be a JWK set", jwks(`[]`)},
		{"jwks", "must be a JWK set", jwks(`{"keys":{}}`)},
		{"jwks", "must be a JWK set", jwks(`{"Keys":[]}`)},
		{"jwks", "must be a JWK set", jwks(`{"keys":[1]}`)},
		{"jwks", "has 0 keys", jwks(`{"keys":[]}`)},
		{"jwks", "has 51 keys", func(c *Client) { c.JWKS = keySet(strings.Split(strings.Repeat("{} ", 51), " ")[:51]...) }},
		{"jwks", "must not have more than 65536", jwks(`{"keys":[],"x":"` + strings.Repeat("x", maxKeys) + `"}`)},
		{"jwks", "the kid \"e\" is that of an earlier key", func(c *Client) { c.JWKS = keySet(keys.ec, keys.ec) }},
		{"jwks", `kty "oct" must be`, jwks(`{"keys":[{"kty":"oct"}]}`)},
		{"jwks", `private member "k"`, jwks(`{"keys":[{"kty":"oct","k":"AA"}]}`)},
		{"jwks", `kid must be a string`, jwks(`{"keys":[{"kty":"EC","kid":1}]}`)},
		{"jwks", `kid must not be longer`, jwks(`{"keys":[{"kty":"EC","kid":"` + strings.Repeat("x", 201) + `"}]}`)},
		{"jwks", `has 1024 bits`, func(c *Client) { c.JWKS = keySet(short) }},
		{"jwks", `e must be an odd number`, with(keys.rsa, "AQAB", "AQ")},
		{"jwks", `n and e must be`, with(keys.rsa, "AQAB", "A=")},
		{"jwks", `alg "ES256" does not go with kty RSA`, with(keys.rsa, "{", `{"alg":"ES256",`)},
		{"jwks", `alg "ES384" does not go with kty EC here; it must be ES256`, with(keys.ec, "{", `{"alg":"ES384",`)},
		{"jwks", `crv "P-384" must be P-256`, with(keys.ec, "P-256", "P-384")},
		{"jwks", `crv "Ed448" must be Ed25519`, with(keys.ed, "Ed25519", "Ed448")},
		{"jwks", `are no point of P-256`, jwks(`{"keys":[{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}]}`)},
		{"jwks", `x and y must be`, with(keys.ec, `"y"`, `"z"`)},
		{"jwks", `x must be the public key`, with(keys.ed, `"x":"AA`, `"x":"`)},
		{"jwks_uri", "must use https", func(c *Client) { c.JWKSURI = "http://app.example.com/keys" }},
		{"jwks_uri", "fragment", func(c *Client) { c.JWKSURI = "https://app.example.com/keys#x" }},
		{"jwks_uri", "user name", func(c *Client) { c.JWKSURI = "https://a:b@app.example.com/keys" }},
		{"jwks_uri", "must start with", func(c *Client) { c.JWKSURI = "file:///etc/passwd" }},
		{"application_type", `"browser" must be web or native`, func(c *Client) { c.ApplicationType = "browser" }},
		{"redirect_uris", "private-use schemes are for application_type native", func(c *Client) { c.ApplicationType, c.RedirectURIs = ApplicationWeb, []string{"com.example.app:/cb"} }},
		{"redirect_uris", "allow_localhost", func(c *Client) { c.RedirectURIs = []string{"http://localhost:3000/cb"} }},
		{"post_logout_redirect_uris", "allow_localhost", func(c *Client) { c.PostLogoutRedirectURIs = []string{"http://localhost/"} }},
		{"redirect_uris", "has 101 entries; it must not have more than 100", func(c *Client) { c.RedirectURIs = many(101) }},
		{"allowed_origins", "wildcard", func(c *Client) { c.AllowedOrigins = []string{"*"} }},
		{"allowed_origins", "sandboxed", func(c *Client) { c.AllowedOrigins = []string{"null"} }},
		{"allowed_origins", "with no user name, path or default port: https://a.example", func(c *Client) { c.AllowedOrigins = []string{"https://a.example/"} }},
		{"allowed_origins", "with no user name, path or default port: https://a.example", func(c *Client) { c.AllowedOrigins = []string{"https://me@a.example"} }},
		{"allowed_origins", "lower case", func(c *Client) { c.AllowedOrigins = []string{"https://A.example"} }},
		{"allowed_origins", "default port: https://a.example", func(c *Client) { c.AllowedOrigins = []string{"https://a.example:443"} }},
		{"allowed_origins", "default port: http://localhost", func(c *Client) { c.AllowedOrigins = []string{"http://localhost:80"} }},
		{"allowed_origins", "must use https", func(c *Client) { c.AllowedOrigins = []string{"http://a.example"} }},
		{"allowed_origins", "must not use the scheme", func(c *Client) { c.AllowedOrigins = []string{"file://x"} }},
		{"allowed_origins", "must be an origin", func(c *Client) { c.AllowedOrigins = []string{"capacitor://a..b"} }},
		{"allowed_origins", "listed twice", func(c *Client) { c.AllowedOrigins = []string{"https://a.example", "https://a.example"} }},
		{"client_name#f_r", "language tag", func(c *Client) { c.Localized = map[string]string{"client_name#f_r": "x"} }},
		{"client_name#", "language tag", func(c *Client) { c.Localized = map[string]string{"client_name#": "x"} }},
		{"client_name#fr", "same language", func(c *Client) { c.Localized = map[string]string{"client_name#FR": "x", "client_name#fr": "y"} }},
		{"client_name#fr", "control characters", func(c *Client) { c.Localized = map[string]string{"client_name#fr": "x\u202e"} }},
		{"logo_uri#fr", "https or http", func(c *Client) { c.Localized = map[string]string{"logo_uri#fr": "data:x"} }},
		{"contacts#fr", "can have a language", func(c *Client) { c.Localized = map[string]string{"contacts#fr": "x"} }},
		{"client_name", "101 times", func(c *Client) {
			c.Localized = map[string]string{}
			for i := range 101 {
				c.Localized[fmt.Sprintf("client_name#x-%d", i)] = "x"
			}
		}},
		{"consent", "needs first_party", func(c *Client) { c.Consent = ConsentSkip }},
		{"consent", `"never" must be always, remember or skip`, func(c *Client) { c.Consent = "never" }},
		{"allowed_groups", "must not be empty", func(c *Client) { c.AllowedGroups = []string{"a", " "} }},
		{"allowed_groups", "listed twice", func(c *Client) { c.AllowedGroups = []string{"a", "a"} }},
		{"subject_type", `"private" must be public or pairwise`, func(c *Client) { c.SubjectType = "private" }},
		{"sector_identifier_uri", "several hosts", func(c *Client) {
			c.SubjectType, c.RedirectURIs = SubjectPairwise, []string{"https://a.example/", "https://b.example/"}
		}},
		{"sector_identifier_uri", "must use https", func(c *Client) { c.SectorIdentifierURI = "http://s.example/" }},
		{"default_max_age", "out of range", func(c *Client) { c.DefaultMaxAge = &long }},
		{"default_max_age", "whole seconds", func(c *Client) { c.DefaultMaxAge = &half }},
		{"default_acr_values", "one word", func(c *Client) { c.DefaultACRValues = []string{"a b"} }},
		{"initiate_login_uri", "must use https", func(c *Client) { c.InitiateLoginURI = "http://a.example/" }},
		{"request_uris", "must use https", func(c *Client) { c.RequestURIs = []string{"http://a.example/r"} }},
		{"request_uris", "listed twice", func(c *Client) { c.RequestURIs = []string{"https://a.example/r", "https://a.example/r"} }},
		{"request_object_signing_alg", "must be RS256, PS256, ES256 or EdDSA", func(c *Client) { c.RequestObjectSigningAlg = "none" }},
		{"backchannel_logout_uri", "fragment", func(c *Client) { c.BackchannelLogoutURI = "https://a.example/#x" }},
		{"backchannel_logout_uri", ". or ..", func(c *Client) { c.BackchannelLogoutURI = "https://a.example/../x" }},
		{"frontchannel_logout_uri", "scheme, host and port", func(c *Client) { c.FrontchannelLogoutURI = "https://other.example/" }},
		{"frontchannel_logout_uri", "scheme, host and port", func(c *Client) { c.FrontchannelLogoutURI = "https://app.example.com:8443/" }},
		{"contacts", "must not be empty", func(c *Client) { c.Contacts = []string{""} }},
		{"software_id", "200 characters", func(c *Client) { c.SoftwareID = strings.Repeat("x", 201) }},
		{"software_version", "control characters", func(c *Client) { c.SoftwareVersion = "1\n2" }},
		{"userinfo_signed_response_alg", "unsigned", func(c *Client) { c.UserinfoSignedResponseAlg = "none" }},
		{"scope", "has 501 entries", func(c *Client) { c.Scopes = many(501) }},
		{"client_metadata", "must not have more than 65536", func(c *Client) {
			c.RedirectURIs = many(100)
			for i := range c.RedirectURIs {
				c.RedirectURIs[i] += "/" + strings.Repeat("x", 1000)
			}
		}},
	} {
		c := webApp()
		tt.change(&c)
		err := c.Validate()
		var field *FieldError
		if !errors.As(err, &field) || field.Field != tt.field || !strings.Contains(field.Reason, tt.reason) {
			t.Errorf("got %v, want %s: … %s", err, tt.field, tt.reason)
			continue
		}
		if n := len(err.(interface{ Unwrap() []error }).Unwrap()); n != 1 {
			t.Errorf("%s: %d faults, want 1: %v", tt.field, n, err)
		}
	}
}

func TestLocalhostIsMatchedByItsSwitchAlone(t *testing.T) {
	c := Client{RedirectURIs: []string{"http://localhost/cb", "http://127.0.0.1/cb"}, PostLogoutRedirectURIs: []string{"http://localhost/out"}}
	for _, allowed := range []bool{false, true} {
		c.AllowLocalhost = allowed
		for _, uri := range []string{"http://localhost/cb", "http://localhost:3000/cb"} {
			if _, ok := c.MatchRedirectURI(uri); ok != allowed {
				t.Errorf("allow_localhost %v: %s matches: %v", allowed, uri, ok)
			}
		}
		if _, ok := c.MatchPostLogoutRedirectURI("http://localhost:1/out"); ok != allowed {
			t.Errorf("allow_localhost %v: after logout: %v", allowed, ok)
		}
		if _, ok := c.MatchRedirectURI("http://127.0.0.1:9/cb"); !ok {
			t.Errorf("allow_localhost %v: 127.0.0.1 does not match", allowed)
		}
	}
}
