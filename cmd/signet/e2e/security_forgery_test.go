package e2e

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// publicKey reads the server's key from its JWKS, as an attacker would.
func (v *victim) publicKey(t testing.TB) (key *rsa.PublicKey, jwk map[string]any) {
	t.Helper()
	a := v.send(t, http.MethodGet, "/.well-known/jwks.json", "", "", nil)
	list, _ := a.Body["keys"].([]any)
	if len(list) == 0 {
		t.Fatalf("JWKS: %d %s", a.Status, a.Raw)
	}
	jwk = list[0].(map[string]any)
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "oth"} {
		if _, ok := jwk[private]; ok {
			t.Errorf("the JWKS holds the private member %q", private)
		}
	}
	n, err := base64.RawURLEncoding.DecodeString(jwk["n"].(string))
	if err != nil {
		t.Fatal(err)
	}
	e, err := base64.RawURLEncoding.DecodeString(jwk["e"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, jwk
}

// Forged tokens (RFC 8725, sections 2.1 and 3.1; zitadel CVE-2026-27840;
// go-jose CVE-2025-27144, CVE-2026-34986): refused at userinfo, introspection,
// and as hints at the authorization and logout endpoints; revocation ignores
// them; and the server follows no link that one of them brings along.
func TestForgedTokens(t *testing.T) {
	v := newVictim(t)
	var calls atomic.Int64
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		http.Error(w, "never to be asked", http.StatusTeapot)
	}))
	defer evil.Close()
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, jwk := v.publicKey(t)

	// As an access token and as an ID token, with their own typ.
	for kind, genuine := range map[string]string{"at+jwt": v.access, "JWT": v.id} {
		for name, token := range forgeries(t, genuine, kind, evil.URL, own, public, jwk) {
			t.Run(kind+", "+name, func(t *testing.T) {
				v.wantNoAccess(t, token)
				v.wantNoHint(t, token)
				v.wantRevokeIgnores(t, token)
			})
		}
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("the server made %d requests because a token said so", n)
	}
	v.wantUnharmed(t)
}

// forgeries are tokens that no key of the server signed, by the ways in which
// verifiers have been talked into taking them.
func forgeries(t *testing.T, genuine, typ, evil string, own *rsa.PrivateKey, public *rsa.PublicKey, jwk map[string]any) map[string]string {
	t.Helper()
	parts := strings.Split(genuine, ".")
	kid := jwk["kid"].(string)
	claims := decodeSegment(t, genuine, 1)
	claims["sub"], claims["email"] = "admin", "admin@example.test"
	payload := encodePart(marshal(t, claims))
	header := func(change map[string]any) string {
		h := map[string]any{"alg": "RS256", "typ": typ, "kid": kid}
		maps.Copy(h, change)
		for k, val := range h {
			if val == nil {
				delete(h, k)
			}
		}
		return encodePart(marshal(t, h))
	}
	signed := func(change map[string]any) string {
		h := header(change)
		return h + "." + payload + "." + base64.RawURLEncoding.EncodeToString(signRS256(t, own, h+"."+payload))
	}
	ownJWK := map[string]any{
		"kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", "e": "AQAB",
		"n": base64.RawURLEncoding.EncodeToString(own.N.Bytes()),
	}
	out := map[string]string{
		"payload swapped":            parts[0] + "." + payload + "." + parts[2],
		"payload of one more claim":  parts[0] + "." + payload + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 256)),
		"signature of zeros":         parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 256)),
		"empty signature":            parts[0] + "." + parts[1] + ".",
		"a key of the attacker":      signed(nil),
		"an unknown kid":             signed(map[string]any{"kid": "attacker"}),
		"no kid":                     signed(map[string]any{"kid": nil}),
		"an empty kid":               signed(map[string]any{"kid": ""}),
		"a kid that is a number":     signed(map[string]any{"kid": 1}),
		"a kid that is a list":       signed(map[string]any{"kid": []string{kid}}),
		"kid: a file":                signed(map[string]any{"kid": "../../../../../../dev/null"}),
		"kid: SQL":                   signed(map[string]any{"kid": "x' UNION SELECT 'key' --"}),
		"kid: a URL":                 signed(map[string]any{"kid": evil + "/kid"}),
		"kid: NUL":                   signed(map[string]any{"kid": kid + "\x00"}),
		"kid: huge":                  signed(map[string]any{"kid": strings.Repeat("k", 4<<10)}),
		"jwk":                        signed(map[string]any{"jwk": ownJWK}),
		"jwk without a kid":          signed(map[string]any{"jwk": ownJWK, "kid": nil}),
		"jku":                        signed(map[string]any{"jku": evil + "/jwks.json"}),
		"jku and a kid of its own":   signed(map[string]any{"jku": evil + "/jwks.json", "kid": "attacker"}),
		"x5u":                        signed(map[string]any{"x5u": evil + "/cert.pem"}),
		"x5c":                        signed(map[string]any{"x5c": []string{base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&own.PublicKey))}}),
		"crit":                       signed(map[string]any{"crit": []string{"exp"}, "exp": 1}),
		"b64":                        signed(map[string]any{"b64": false, "crit": []string{"b64"}}),
		"zip":                        signed(map[string]any{"zip": "DEF"}),
		"issuer by URL":              signed(map[string]any{"iss": evil}),
		"typ left out":               signed(map[string]any{"typ": nil}),
		"alg: RS512":                 signed(map[string]any{"alg": "RS512"}),
		"alg: RS1":                   signed(map[string]any{"alg": "RS1"}),
		"alg: ES256":                 header(map[string]any{"alg": "ES256"}) + "." + payload + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"alg: EdDSA":                 header(map[string]any{"alg": "EdDSA"}) + "." + payload + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"header not JSON":            encodePart("RS256") + "." + payload + "." + parts[2],
		"header null":                encodePart("null") + "." + payload + "." + parts[2],
		"header a list":              encodePart(`["RS256"]`) + "." + payload + "." + parts[2],
		"header deep":                encodePart(strings.Repeat(`{"a":`, 5000)+"1"+strings.Repeat("}", 5000)) + "." + payload + "." + parts[2],
		"alg twice":                  encodePart(`{"alg":"RS256","alg":"none","typ":"`+typ+`","kid":"`+kid+`"}`) + "." + payload + ".",
		"only dots":                  strings.Repeat(".", 2),
		"many dots":                  strings.Repeat(".", 4000),
		"JSON serialisation":         `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"a JWE to the server's key":  encrypt(t, public, kid, genuine),
		"a JWE of five empty parts":  "....",
		"a JWE with a huge p2c":      encodePart(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAAAAAAAAA","kid":"`+kid+`"}`) + ".AAAA.AAAA.AAAA.AAAA",
		"nested in itself":           parts[0] + "." + encodePart(genuine) + "." + parts[2],
		"header of another spelling": encodePart(`{"typ":"`+typ+`","alg":"RS256","kid":"`+kid+`"} `) + "." + parts[1] + "." + parts[2],
	}
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "", "HS256 "} {
		h := header(map[string]any{"alg": alg})
		out["alg: "+alg] = h + "." + payload + "."
		out["alg: "+alg+", with a signature"] = h + "." + parts[1] + "." + parts[2]
	}
	out["alg left out"] = header(map[string]any{"alg": nil}) + "." + payload + "." + parts[2]
	for name, key := range confusedKeys(t, public, jwk) {
		for _, alg := range []string{"HS256", "RS256"} { // the second: HMAC under the right name
			h := header(map[string]any{"alg": alg})
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(h + "." + payload))
			out[alg+" keyed with "+name] = h + "." + payload + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
		}
	}
	return out
}

// confusedKeys are the bytes that a verifier has at hand when it takes a
// public key for an HMAC secret.
func confusedKeys(t *testing.T, public *rsa.PublicKey, jwk map[string]any) map[string][]byte {
	t.Helper()
	pkix, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PublicKey(public)
	pkixPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})
	return map[string][]byte{
		"nothing":              {},
		"PEM":                  pkixPEM,
		"PEM without newline":  []byte(strings.TrimSpace(string(pkixPEM))),
		"PKCS #1 PEM":          pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1}),
		"DER":                  pkix,
		"PKCS #1 DER":          pkcs1,
		"the modulus":          public.N.Bytes(),
		"the modulus in text":  []byte(jwk["n"].(string)),
		"the JWK":              []byte(marshal(t, jwk)),
		"the JWKS":             []byte(marshal(t, map[string]any{"keys": []any{jwk}})),
		"the kid":              []byte(jwk["kid"].(string)),
		"the exponent in text": []byte("AQAB"),
	}
}

func signRS256(t *testing.T, key *rsa.PrivateKey, input string) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(input))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// encrypt makes a JWE of content with RSA-OAEP-256 and A256GCM (RFC 7516).
func encrypt(t *testing.T, to *rsa.PublicKey, kid, content string) string {
	t.Helper()
	header := encodePart(`{"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT","kid":"` + kid + `"}`)
	cek, iv := make([]byte, 32), make([]byte, 12)
	_, _ = rand.Read(cek)
	_, _ = rand.Read(iv)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, to, cek, nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(cek)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	sealed := gcm.Seal(nil, iv, []byte(content), []byte(header))
	text, tag := sealed[:len(sealed)-16], sealed[len(sealed)-16:]
	b64 := base64.RawURLEncoding.EncodeToString
	return strings.Join([]string{header, b64(wrapped), b64(iv), b64(text), b64(tag)}, ".")
}
