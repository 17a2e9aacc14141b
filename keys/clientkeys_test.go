package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// clientSet is a JWK set of these keys.
func clientSet(t testing.TB, jwks ...jose.JSONWebKey) *ClientKeys {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: jwks})
	if err != nil {
		t.Fatal(err)
	}
	set, err := ParseClientKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// clientJWS signs header and payload as a client does, whatever they are.
func clientJWS(t testing.TB, key crypto.Signer, alg string, header map[string]any) string {
	t.Helper()
	a, err := algorithmOf(alg)
	if err != nil {
		t.Fatal(err)
	}
	h := map[string]any{"alg": alg}
	maps.Copy(h, header)
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString(text) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"a":1}`))
	sig, err := a.sign(key, rand.Reader, []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// clientPairs is a key for each algorithm.
func clientPairs(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	out := map[string]crypto.Signer{}
	for _, a := range algorithms {
		key, err := a.generate(rand.Reader, leastRSA)
		if err != nil {
			t.Fatal(err)
		}
		out[a.name] = key
	}
	return out
}

func TestClientKeysVerify(t *testing.T) {
	pairs := clientPairs(t)
	var jwks []jose.JSONWebKey
	for alg, key := range pairs {
		jwks = append(jwks, jose.JSONWebKey{Key: key.Public(), KeyID: alg, Use: "sig", Algorithm: alg})
	}
	set := clientSet(t, jwks...)
	for alg, key := range pairs {
		for name, header := range map[string]map[string]any{"by kid": {"kid": alg}, "without a kid": nil, "with more": {"kid": alg, "x5t": "x", "iat": 1, "typ": "JWT"}} {
			v, err := set.Verify(clientJWS(t, key, alg, header), nil)
			if err != nil || string(v.Payload) != `{"a":1}` || v.Algorithm != alg {
				t.Errorf("%s, %s: %+v, %v", alg, name, v, err)
			}
		}
		if _, err := set.Verify(clientJWS(t, key, alg, nil), []string{"other"}); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%s where another is asked for: %v", alg, err)
		}
		other := clientPairs(t)[alg]
		if _, err := set.Verify(clientJWS(t, other, alg, map[string]any{"kid": alg}), nil); !errors.Is(err, ErrSignature) {
			t.Errorf("%s by another key: %v", alg, err)
		}
		if _, err := set.Verify(clientJWS(t, other, alg, nil), nil); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("%s by another key, without a kid: %v", alg, err)
		}
		if _, err := set.Verify(clientJWS(t, key, alg, map[string]any{"kid": "gone"}), nil); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("%s by an unknown kid: %v", alg, err)
		}
	}
	// Ed25519 is EdDSA, in the header and in the JWK.
	for _, named := range []string{"", "EdDSA", "Ed25519"} {
		set := clientSet(t, jose.JSONWebKey{Key: pairs["EdDSA"].Public(), KeyID: "k", Algorithm: named})
		if v, err := set.Verify(clientJWS(t, pairs["EdDSA"], "EdDSA", map[string]any{"alg": "Ed25519", "kid": "k"}), []string{"EdDSA"}); err != nil || v.Algorithm != "EdDSA" {
			t.Errorf("Ed25519 by a key for %q: %+v, %v", named, v, err)
		}
		if _, err := set.Verify(clientJWS(t, clientPairs(t)["EdDSA"], "EdDSA", map[string]any{"alg": "Ed25519", "kid": "k"}), nil); !errors.Is(err, ErrSignature) {
			t.Errorf("Ed25519 by another key: %v", err)
		}
	}
	if _, err := set.Verify(clientJWS(t, pairs["ES256"], "ES256", map[string]any{"alg": "Ed25519", "kid": "ES256"}), nil); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("Ed25519 by a key for ES256: %v", err)
	}
	// The key's alg counts, and a key without one serves both of RSA.
	if _, err := set.Verify(clientJWS(t, pairs["RS256"], "PS256", map[string]any{"kid": "RS256"}), nil); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("PS256 by a key for RS256: %v", err)
	}
	both := clientSet(t, jose.JSONWebKey{Key: pairs["RS256"].Public()})
	for _, alg := range []string{"RS256", "PS256"} {
		if _, err := both.Verify(clientJWS(t, pairs["RS256"], alg, nil), nil); err != nil {
			t.Errorf("%s by an RSA key for anything: %v", alg, err)
		}
	}
	// Not every one of very many is tried.
	many := []jose.JSONWebKey{}
	for range maxTries {
		many = append(many, jose.JSONWebKey{Key: clientPairs(t)["EdDSA"].Public(), KeyID: "other"})
	}
	crowd := clientSet(t, append(many, jose.JSONWebKey{Key: pairs["EdDSA"].Public(), KeyID: "k"})...)
	if _, err := crowd.Verify(clientJWS(t, pairs["EdDSA"], "EdDSA", nil), nil); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("the key after the last that is tried: %v", err)
	}
	if _, err := crowd.Verify(clientJWS(t, pairs["EdDSA"], "EdDSA", map[string]any{"kid": "k"}), nil); err != nil {
		t.Errorf("the same by its kid: %v", err)
	}
	// Two keys of one kid, as some have while they rotate.
	twins := clientSet(t, jose.JSONWebKey{Key: clientPairs(t)["ES256"].Public(), KeyID: "k"}, jose.JSONWebKey{Key: pairs["ES256"].Public(), KeyID: "k"})
	if _, err := twins.Verify(clientJWS(t, pairs["ES256"], "ES256", map[string]any{"kid": "k"}), nil); err != nil {
		t.Errorf("the second key of a kid: %v", err)
	}
}

// Nothing that a header says makes a signature good, or the server ask anyone.
func TestClientKeysRefuseForgeries(t *testing.T) {
	var calls atomic.Int64
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	defer evil.Close()
	pairs, own := clientPairs(t), clientPairs(t)
	key := pairs["RS256"].Public().(*rsa.PublicKey)
	set := clientSet(t, jose.JSONWebKey{Key: key, KeyID: "k"})
	pkix, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	ownJWK := jose.JSONWebKey{Key: own["RS256"].Public(), KeyID: "k", Algorithm: "RS256"}
	forged := map[string]string{
		"jwk":      clientJWS(t, own["RS256"], "RS256", map[string]any{"kid": "k", "jwk": ownJWK}),
		"jku":      clientJWS(t, own["RS256"], "RS256", map[string]any{"kid": "k", "jku": evil.URL}),
		"x5u":      clientJWS(t, own["RS256"], "RS256", map[string]any{"kid": "k", "x5u": evil.URL}),
		"jwk, new": clientJWS(t, own["RS256"], "RS256", map[string]any{"jwk": ownJWK}),
		"crit":     clientJWS(t, pairs["RS256"], "RS256", map[string]any{"kid": "k", "crit": []string{"exp"}, "exp": 1}),
		"b64":      clientJWS(t, pairs["RS256"], "RS256", map[string]any{"kid": "k", "crit": []string{"b64"}, "b64": false}),
		"b64 true": clientJWS(t, pairs["RS256"], "RS256", map[string]any{"kid": "k", "b64": true}),
		"RS512":    clientJWS(t, pairs["RS256"], "RS256", map[string]any{"kid": "k", "alg": "RS512"}),
		"ES256":    clientJWS(t, pairs["RS256"], "RS256", map[string]any{"kid": "k", "alg": "ES256"}),
		"a list":   clientJWS(t, pairs["RS256"], "RS256", map[string]any{"kid": []string{"k"}}),
		"empty":    "", "dots": "..", "JWE": "a.b.c.d.e", "huge": strings.Repeat("a", maxToken+1), "JSON": `{"payload":"e30","signatures":[]}`,
	}
	good := clientJWS(t, pairs["RS256"], "RS256", map[string]any{"kid": "k"})
	parts := strings.Split(good, ".")
	forged["no signature"] = parts[0] + "." + parts[1] + "."
	forged["padded"] = good + "=="
	forged["alg twice"] = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"k","alg":"RS256"}`)) + "." + parts[1] + "." + parts[2]
	for _, alg := range []string{"none", "None", "", "HS256", "HS512"} {
		h := base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf(`{"alg":%q,"kid":"k"}`, alg)))
		for name, secret := range map[string][]byte{"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix}), "DER": pkix, "modulus": key.N.Bytes()} {
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(h + "." + parts[1]))
			forged[alg+" by "+name] = h + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
		}
		forged[alg+" with its signature"] = h + "." + parts[1] + "." + parts[2]
		forged[alg+" with none"] = h + "." + parts[1] + "."
	}
	for name, token := range forged {
		if v, err := set.Verify(token, nil); err == nil || v.Payload != nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("%d requests were made because a header said so", n)
	}
	if _, err := set.Verify(good, nil); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestParseClientKeys(t *testing.T) {
	pairs := clientPairs(t)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, private, _ := ed25519.GenerateKey(rand.Reader)
	good := jose.JSONWebKey{Key: pairs["ES256"].Public(), KeyID: "good"}
	for name, bad := range map[string]any{
		"too short":         jose.JSONWebKey{Key: short.Public(), KeyID: "k"},
		"another curve":     jose.JSONWebKey{Key: p384.Public(), KeyID: "k"},
		"for encryption":    jose.JSONWebKey{Key: pairs["RS256"].Public(), Use: "enc"},
		"not to verify":     map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(private[32:]), "key_ops": []string{"sign"}},
		"private":           jose.JSONWebKey{Key: private, KeyID: "k"},
		"a shared secret":   jose.JSONWebKey{Key: []byte("0123456789012345"), KeyID: "k"},
		"of another alg":    jose.JSONWebKey{Key: pairs["RS256"].Public(), Algorithm: "RS512"},
		"of an alg unlike":  jose.JSONWebKey{Key: pairs["RS256"].Public(), Algorithm: "ES256"},
		"of an unknown kty": map[string]any{"kty": "new", "kid": "k"},
		"no object":         7,
		"null":              nil,
	} {
		text, err := json.Marshal(map[string]any{"keys": []any{bad, good}})
		if err != nil {
			t.Fatal(err)
		}
		set, err := ParseClientKeys(text)
		if err != nil || set.Len() != 1 || set.keys[0].kid != "good" {
			t.Errorf("%s: %v, %v; want the other key alone", name, set, err)
		}
	}
	many := `{"keys":[` + strings.TrimSuffix(strings.Repeat(`{},`, maxClientKeys+1), ",") + `]}`
	for _, bad := range []string{"", "null", "[]", "{}", `{"keys":null}`, `{"keys":{}}`, `{"keys":"a"}`, "<html>", many} {
		if _, err := ParseClientKeys([]byte(bad)); err == nil {
			t.Errorf("%.30q is taken for a JWK set", bad)
		}
	}
	if set, err := ParseClientKeys([]byte(`{"keys":[]}`)); err != nil || set.Len() != 0 {
		t.Errorf("an empty set: %v, %v", set, err)
	}
}

func FuzzClientKeysVerify(f *testing.F) {
	pairs := clientPairs(f)
	set := clientSet(f, jose.JSONWebKey{Key: pairs["ES256"].Public(), KeyID: "k"})
	good := clientJWS(f, pairs["ES256"], "ES256", map[string]any{"kid": "k"})
	f.Add(good)
	f.Add("..")
	f.Add("e30.e30.AA")
	f.Fuzz(func(t *testing.T, token string) {
		_, err := set.Verify(token, nil)
		if err == nil && token != good {
			t.Errorf("%q verifies", token)
		}
		if _, again := Unverified(token); errors.Is(again, ErrMalformed) && !errors.Is(err, ErrMalformed) {
			t.Errorf("%q is malformed only to one of two: %v", token, err)
		}
	})
}
