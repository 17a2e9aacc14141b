package verify

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestVerifyReturnsTheClaims(t *testing.T) {
	key := newKey(t, "1")
	v := newVerifier(t, newIssuer(t, key))
	now := time.Now().Truncate(time.Second)
	token := key.sign(t, typ("at+jwt"), claimsWith(map[string]any{
		"aud": []string{"https://other.example", testAudience}, "sid": "s", "auth_time": now.Add(-time.Hour).Unix(),
		"acr": "2", "amr": []string{"pwd", "otp"}, "tenant": "north", "cnf": map[string]any{"jkt": "x"},
	}))
	c, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	var own struct{ Tenant string }
	if err := json.Unmarshal(c.Raw, &own); err != nil || own.Tenant != "north" {
		t.Errorf("raw claims %s", c.Raw)
	}
	switch {
	case c.Issuer != testIssuer, c.Subject != "ada", c.ClientID != "shop", c.ID != "1", c.SessionID != "s", c.ACR != "2", !c.Bound,
		!slices.Equal(c.Audience, []string{"https://other.example", testAudience}), !slices.Equal(c.AMR, []string{"pwd", "otp"}),
		!c.IssuedAt.Equal(now) && !c.IssuedAt.Equal(now.Add(time.Second)), !c.AuthTime.Equal(now.Add(-time.Hour)), c.Expires.Sub(c.IssuedAt) != 10*time.Minute:
		t.Errorf("claims %+v", c)
	case !c.HasScope("orders:read"), !c.HasScope("orders:write"), c.HasScope("orders"), c.HasScope(""):
		t.Errorf("scopes %q", c.Scopes)
	case c.Require("orders:read", "orders:write") != nil, !errors.Is(c.Require("orders:read", "x"), ErrScope):
		t.Error("Require")
	}
}

// Each algorithm, with the key that says it and with one that does not.
func TestVerifyAlgorithms(t *testing.T) {
	rsaKey := newRSAKey(t, "rsa", 2048)
	for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.RS512, jose.PS256} {
		rsaKey.alg = alg
		v := newVerifier(t, newIssuer(t, rsaKey), func(c *Config) { c.Algorithms = []string{string(alg)} })
		if _, err := v.Verify(t.Context(), goodToken(t, rsaKey)); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
	// The key says PS256, the token RS256, and both are accepted in general.
	rsaKey.alg = jose.PS256
	v := newVerifier(t, newIssuer(t, rsaKey))
	rsaKey.alg = jose.RS256
	if _, err := v.Verify(t.Context(), goodToken(t, rsaKey)); !errors.Is(err, ErrSignature) {
		t.Errorf("another algorithm than the key's: %v", err)
	}
}

// forge joins a header and claims with a signature over them.
func forge(header string, claims any, sign func(input []byte) []byte) string {
	body, _ := json.Marshal(claims)
	b64 := base64.RawURLEncoding
	input := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString(body)
	return input + "." + b64.EncodeToString(sign([]byte(input)))
}

func TestAttacks(t *testing.T) {
	key, rsaKey, stranger := newKey(t, "1"), newRSAKey(t, "rsa", 2048), newKey(t, "1")
	der, err := x509.MarshalPKIXPublicKey(rsaKey.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	publicJWK, _ := rsaKey.jwk().MarshalJSON()
	mac := func(secret []byte) func([]byte) []byte {
		return func(input []byte) []byte { h := hmac.New(sha256.New, secret); h.Write(input); return h.Sum(nil) }
	}
	signed := func(header map[string]any, changes map[string]any) string {
		return key.sign(t, header, claimsWith(changes))
	}
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	with := func(name string, value any) map[string]any { return map[string]any{"typ": "at+jwt", name: value} }
	good := signed(typ("at+jwt"), nil)
	head, rest, _ := strings.Cut(good, ".")
	otherPayload, _, _ := strings.Cut(strings.SplitN(signed(typ("at+jwt"), map[string]any{"sub": "eve"}), ".", 2)[1], ".")
	encrypter, err := jose.NewEncrypter(jose.A128GCM, jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: rsaKey.private.Public(), KeyID: "rsa"}, (&jose.EncrypterOptions{}).WithType("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := encrypter.Encrypt([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	jwe, _ := encrypted.CompactSerialize()

	tests := []struct {
		name, token string
		want        error
	}{
		{"empty", "", ErrMalformed},
		{"not a JWT", "x.y.z", ErrMalformed},
		{"two parts", head + "." + otherPayload, ErrMalformed},
		{"no signature", good[:strings.LastIndex(good, ".")+1], ErrMalformed},
		{"no header", "." + rest, ErrMalformed},
		{"JSON serialisation", `{"payload":"e30","signatures":[]}`, ErrMalformed},
		{"JWE", jwe, ErrMalformed},
		{"oversize", head + "." + strings.Repeat("A", maxToken) + "." + rest, ErrMalformed},
		{"oversize header", strings.Repeat("A", maxHeader+4) + "." + rest, ErrMalformed},
		{"line break", head + "\n." + rest, ErrMalformed},
		{"padding", head + "=." + rest, ErrMalformed},
		{"payload swapped", head + "." + otherPayload + good[strings.LastIndex(good, "."):], ErrSignature},
		{"another's signature", stranger.sign(t, typ("at+jwt"), claimsWith(nil)), ErrSignature},
		{"alg none", forge(`{"alg":"none","kid":"1","typ":"at+jwt"}`, claimsWith(nil), func([]byte) []byte { return []byte{0} }), ErrMalformed},
		{"alg None", forge(`{"alg":"None","kid":"1","typ":"at+jwt"}`, claimsWith(nil), func([]byte) []byte { return []byte{0} }), ErrMalformed},
		{"HS256 with the public key as PEM", forge(`{"alg":"HS256","kid":"rsa","typ":"at+jwt"}`, claimsWith(nil), mac(publicPEM)), ErrMalformed},
		{"HS256 with the public key as DER", forge(`{"alg":"HS256","kid":"rsa","typ":"at+jwt"}`, claimsWith(nil), mac(der)), ErrMalformed},
		{"HS256 with the public key as JWK", forge(`{"alg":"HS256","kid":"rsa","typ":"at+jwt"}`, claimsWith(nil), mac(publicJWK)), ErrMalformed},
		{"another key's algorithm", forge(`{"alg":"RS256","kid":"1","typ":"at+jwt"}`, claimsWith(nil), func([]byte) []byte { return make([]byte, 256) }), ErrSignature},
		{"alg twice", forge(`{"alg":"none","alg":"ES256","kid":"1","typ":"at+jwt"}`, claimsWith(nil), func([]byte) []byte { return make([]byte, 64) }), ErrMalformed},
		{"ALG", forge(`{"ALG":"ES256","kid":"1","typ":"at+jwt"}`, claimsWith(nil), func([]byte) []byte { return make([]byte, 64) }), ErrMalformed},
		{"no kid", forge(`{"alg":"ES256","typ":"at+jwt"}`, claimsWith(nil), func([]byte) []byte { return make([]byte, 64) }), ErrMalformed},
		{"kid that is no string", forge(`{"alg":"ES256","kid":1,"typ":"at+jwt"}`, claimsWith(nil), func([]byte) []byte { return make([]byte, 64) }), ErrMalformed},
		{"header that is no object", forge(`[]`, claimsWith(nil), func([]byte) []byte { return make([]byte, 64) }), ErrMalformed},
		{"unknown kid", newKey(t, "../../etc/passwd").sign(t, typ("at+jwt"), claimsWith(nil)), ErrUnknownKey},
		{"jku", signed(with("jku", "https://evil.example/keys"), nil), ErrMalformed},
		{"x5u", signed(with("x5u", "https://evil.example/cert"), nil), ErrMalformed},
		{"jwk", signed(with("jwk", stranger.jwk()), nil), ErrMalformed},
		{"x5c", signed(with("x5c", []string{}), nil), ErrMalformed},
		{"crit", signed(with("crit", []string{"exp"}), nil), ErrMalformed},
		{"b64", signed(with("b64", true), nil), ErrMalformed},
		{"ID token", signed(typ("JWT"), nil), ErrType},
		{"no type", signed(nil, nil), ErrType},
		{"logout token", signed(typ("logout+jwt"), nil), ErrType},
		{"status list token", signed(typ("statuslist+jwt"), nil), ErrType},
		{"another issuer", signed(typ("at+jwt"), map[string]any{"iss": "https://id.example/other"}), ErrIssuer},
		{"the issuer with a slash", signed(typ("at+jwt"), map[string]any{"iss": testIssuer + "/"}), ErrIssuer},
		{"another audience", signed(typ("at+jwt"), map[string]any{"aud": "https://other.example"}), ErrAudience},
		{"part of the audience", signed(typ("at+jwt"), map[string]any{"aud": []string{testAudience + "/", "https://api"}}), ErrAudience},
		{"expired", signed(typ("at+jwt"), map[string]any{"exp": ago(31 * time.Second)}), ErrExpired},
		{"not yet", signed(typ("at+jwt"), map[string]any{"nbf": ago(-time.Minute)}), ErrNotYetValid},
		{"issued in the future", signed(typ("at+jwt"), map[string]any{"iat": ago(-time.Minute)}), ErrNotYetValid},
		{"claims that are no object", key.sign(t, typ("at+jwt"), []byte(`[]`)), ErrMalformed},
		{"claims that are no JSON", key.sign(t, typ("at+jwt"), []byte(`x`)), ErrMalformed},
		{"a claim twice", key.sign(t, typ("at+jwt"), []byte(`{"iss":"a","iss":"b"}`)), ErrMalformed},
		{"EXP", signed(typ("at+jwt"), map[string]any{"exp": nil, "EXP": ago(-time.Hour)}), ErrMalformed},
		{"exp as a string", signed(typ("at+jwt"), map[string]any{"exp": "9999999999"}), ErrMalformed},
		{"exp that overflows", signed(typ("at+jwt"), map[string]any{"exp": 1e300}), ErrMalformed},
		{"negative iat", signed(typ("at+jwt"), map[string]any{"iat": -1}), ErrMalformed},
		{"scope as an array", signed(typ("at+jwt"), map[string]any{"scope": []string{"a"}}), ErrMalformed},
		{"status of another kind", signed(typ("at+jwt"), map[string]any{"status": map[string]any{}}), ErrStatus},
	}
	for _, claim := range []string{"iss", "sub", "aud", "client_id", "exp", "iat", "jti"} {
		tests = append(tests, struct {
			name, token string
			want        error
		}{"no " + claim, signed(typ("at+jwt"), map[string]any{claim: nil}), ErrMalformed})
	}
	f := newIssuer(t, key, rsaKey)
	v := newVerifier(t, f)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if c, err := v.Verify(t.Context(), tt.token); !errors.Is(err, tt.want) || c != nil {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
	if f.count(discoveryURL) != 1 || f.count(jwksURL) != 1 || f.total() != 2 {
		t.Errorf("requests: %v", f.counts)
	}
	for name, token := range map[string]string{
		"good": good, "AT+JWT": signed(typ("AT+JWT"), nil), "application/at+jwt": signed(typ("application/at+jwt"), nil),
		"expired within the leeway": signed(typ("at+jwt"), map[string]any{"exp": ago(20 * time.Second)}),
		"fractions of a second":     signed(typ("at+jwt"), map[string]any{"iat": float64(ago(0)) + 0.5}),
		"parameters that are inert": signed(map[string]any{"typ": "at+jwt", "x5t": "x", "cty": "json"}, nil),
		"no scope":                  signed(typ("at+jwt"), map[string]any{"scope": nil}),
	} {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every byte of a token changed, and every length that it can be cut to.
func TestTamperedTokensAreRefused(t *testing.T) {
	key := newKey(t, "1")
	v := newVerifier(t, newIssuer(t, key))
	good := goodToken(t, key)
	for i := range len(good) {
		for _, c := range []byte{good[i] ^ 1, good[i] ^ 0x20, '.', '=', '\n', 0} {
			if c == good[i] {
				continue
			}
			if _, err := v.Verify(t.Context(), good[:i]+string([]byte{c})+good[i+1:]); err == nil {
				t.Fatalf("byte %d changed to %q", i, c)
			}
		}
		if _, err := v.Verify(t.Context(), good[:i]); err == nil {
			t.Fatalf("cut to %d bytes", i)
		}
	}
}

func TestCanonicalIsStrictBase64URL(t *testing.T) {
	for range 2000 {
		raw := make([]byte, 1+time.Now().Nanosecond()%7)
		_, _ = rand.Read(raw)
		s := base64.RawURLEncoding.EncodeToString(raw)
		if !canonical(s) {
			t.Fatalf("%q of %x", s, raw)
		}
		for c := range 256 {
			changed := s[:len(s)-1] + string([]byte{byte(c)})
			_, err := base64.RawURLEncoding.Strict().DecodeString(changed)
			if want := err == nil && c != '\n' && c != '\r'; canonical(changed) != want {
				t.Fatalf("%q: %v, want %v", changed, !want, want)
			}
		}
	}
	if canonical("") {
		t.Error("nothing at all")
	}
}

func TestNewRefusesWhatIsUnsafe(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no issuer":       func(c *Config) { c.Issuer = "" },
		"http":            func(c *Config) { c.Issuer = "http://id.example" },
		"a loopback name": func(c *Config) { c.Issuer = "http://localhost.example" },
		"query":           func(c *Config) { c.Issuer = "https://id.example?x" },
		"fragment":        func(c *Config) { c.Issuer = "https://id.example#" },
		"user":            func(c *Config) { c.Issuer = "https://a@id.example" },
		"no audience":     func(c *Config) { c.Audience = "" },
		"JWKS over http":  func(c *Config) { c.JWKSURI = "http://id.example/keys" },
		"HS256":           func(c *Config) { c.Algorithms = []string{"RS256", "HS256"} },
		"none":            func(c *Config) { c.Algorithms = []string{"none"} },
		"realm":           func(c *Config) { c.Realm = `a", error="b` },
		"realm, CRLF":     func(c *Config) { c.Realm = "a\r\nSet-Cookie: b" },
		"status policy":   func(c *Config) { c.Status = 7 },
	} {
		cfg := Config{Issuer: testIssuer, Audience: testAudience}
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, issuer := range []string{"http://127.0.0.1:9096", "http://[::1]", "http://localhost:9096", "https://id.example/"} {
		if _, err := New(Config{Issuer: issuer, Audience: testAudience}); err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}
