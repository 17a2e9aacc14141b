package keys

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

var b64 = base64.RawURLEncoding

// forge joins a header and a payload with a signature over them.
func forge(header string, payload string, sign func(input []byte) []byte) string {
	input := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(payload))
	return input + "." + b64.EncodeToString(sign([]byte(input)))
}

// byRing signs with the ring's own private key, whatever the header says.
func byRing(t testing.TB, r *Ring) func([]byte) []byte {
	return func(input []byte) []byte {
		sig, err := opaqueSigner{r.current().signers[algRS256]}.SignPayload(input, jose.RS256)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
}

func refused(err error) bool {
	return errors.Is(err, ErrMalformed) || errors.Is(err, ErrUnknownKey) || errors.Is(err, ErrSignature)
}

func TestSignWritesExactlyAlgKidTyp(t *testing.T) {
	r := newBench(t).mustOpen()
	for _, typ := range []string{"at+jwt", "JWT", "logout+jwt", "at+jwt"} {
		token, err := r.Sign(algRS256, typ, []byte(`{"sub":"s"}`))
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(token, ".")
		raw, err := b64.DecodeString(parts[0])
		if err != nil || len(parts) != 3 {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		kid := r.Keys()[0].KID
		if want := fmt.Sprintf(`{"alg":"RS256","kid":%q,"typ":%q}`, kid, typ); string(raw) != want {
			t.Errorf("header %s, want %s", raw, want)
		}
		got, err := r.Verify(token)
		if err != nil || got.Typ != typ || got.KID != kid || got.Algorithm != "RS256" || string(got.Payload) != `{"sub":"s"}` {
			t.Errorf("verified as %+v, %v", got, err)
		}
	}
	if _, err := r.Sign(algRS256, "", []byte(`{}`)); err == nil {
		t.Error("signed a token without typ")
	}
}

// TestTamperedTokensAreRefused changes every byte of a token; the last one of
// each segment to every other value, as base64url may have bits to spare there.
func TestTamperedTokensAreRefused(t *testing.T) {
	r := newBench(t).mustOpen()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	// Payloads of every length modulo 3, so every kind of last character.
	for _, payload := range []string{`{"sub":"anna"}`, `{"sub":"annab"}`, `{"sub":"annabe"}`} {
		token, err := r.Sign(algRS256, "at+jwt", []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(token) {
			tries := []byte{token[i] ^ 1, token[i] ^ 0x20, alphabet[(i*7)%64], '.', '=', '\n', 0}
			if i+1 == len(token) || token[i+1] == '.' {
				tries = nil
				for c := range 256 {
					tries = append(tries, byte(c))
				}
			}
			for _, c := range tries {
				if c == token[i] {
					continue
				}
				changed := token[:i] + string([]byte{c}) + token[i+1:]
				if _, err := r.Verify(changed); !refused(err) {
					t.Fatalf("byte %d of %d, %q to %q: %v", i, len(token), token[i], c, err)
				}
			}
			for _, c := range []string{"\n", "\r", " ", "=", "A", "."} {
				if _, err := r.Verify(token[:i] + c + token[i:]); !refused(err) {
					t.Fatalf("%q added before byte %d: %v", c, i, err)
				}
			}
			if _, err := r.Verify(token[:i]); !refused(err) {
				t.Fatalf("cut to %d bytes of %d: %v", i, len(token), err)
			}
			if i > 0 {
				if _, err := r.Verify(token[i:]); !refused(err) {
					t.Fatalf("without the first %d bytes: %v", i, err)
				}
			}
		}
		for _, c := range []string{"\n", " ", "=", "A", "."} {
			if _, err := r.Verify(token + c); !refused(err) {
				t.Fatalf("%q added at the end: %v", c, err)
			}
		}
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	other := newBench(t)
	other.used.Store(5)
	stranger := other.mustOpen()
	kid := r.Keys()[0].KID
	pub := smallKeys()[0].Public()
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PublicKey(&smallKeys()[0].PublicKey)
	asPEM := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	jwk, _ := json.Marshal(publicJWK(smallKeys()[5].Public(), "evil", algRS256))
	mac := func(key []byte) func([]byte) []byte {
		return func(input []byte) []byte {
			h := hmac.New(sha256.New, key)
			h.Write(input)
			return h.Sum(nil)
		}
	}
	head := func(alg, kid, more string) string {
		return fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"%s}`, alg, kid, more)
	}
	none := func([]byte) []byte { return nil }
	ours, theirs := byRing(t, r), byRing(t, stranger)
	const claims = `{"sub":"admin"}`
	tests := []struct {
		name, token string
		want        error
	}{
		{"empty", "", ErrMalformed},
		{"two dots", "..", ErrMalformed},
		{"alg none, no signature", forge(head("none", kid, ""), claims, none), ErrMalformed},
		{"alg None with a signature", forge(head("None", kid, ""), claims, ours), ErrMalformed},
		{"alg missing", forge(fmt.Sprintf(`{"kid":%q,"typ":"at+jwt"}`, kid), claims, ours), ErrMalformed},
		{"HS256 keyed with the PEM", forge(head("HS256", kid, ""), claims, mac(asPEM("PUBLIC KEY", spki))), ErrMalformed},
		{"HS256 keyed with the PKCS #1 PEM", forge(head("HS256", kid, ""), claims, mac(asPEM("RSA PUBLIC KEY", pkcs1))), ErrMalformed},
		{"HS256 keyed with the DER", forge(head("HS256", kid, ""), claims, mac(spki)), ErrMalformed},
		{"HS256 keyed with the modulus", forge(head("HS256", kid, ""), claims, mac(smallKeys()[0].N.Bytes())), ErrMalformed},
		{"RS256 in name, HMAC in fact", forge(head("RS256", kid, ""), claims, mac(spki)), ErrSignature},
		{"another algorithm of the same key", forge(head("RS512", kid, ""), claims, ours), ErrMalformed},
		{"a stranger's key under our kid", forge(head("RS256", kid, ""), claims, theirs), ErrSignature},
		{"a stranger's kid", forge(head("RS256", stranger.Keys()[0].KID, ""), claims, theirs), ErrUnknownKey},
		{"no kid", forge(`{"alg":"RS256","typ":"at+jwt"}`, claims, ours), ErrMalformed},
		{"empty kid", forge(head("RS256", "", ""), claims, ours), ErrMalformed},
		{"kid null", forge(`{"alg":"RS256","kid":null,"typ":"at+jwt"}`, claims, ours), ErrMalformed},
		{"kid a number", forge(`{"alg":"RS256","kid":1,"typ":"at+jwt"}`, claims, ours), ErrMalformed},
		{"kid like a path", forge(head("RS256", "../../../../dev/null", ""), claims, ours), ErrUnknownKey},
		{"kid like a query", forge(head("RS256", "x' UNION SELECT 'key", ""), claims, ours), ErrUnknownKey},
		{"huge kid", forge(head("RS256", strings.Repeat("k", 8<<10), ""), claims, ours), ErrUnknownKey},
		{"kid beyond the size limit", forge(head("RS256", strings.Repeat("k", maxToken), ""), claims, ours), ErrMalformed},
		{"huge payload", forge(head("RS256", kid, ""), strings.Repeat("p", maxToken), ours), ErrMalformed},
		{"typ missing", forge(fmt.Sprintf(`{"alg":"RS256","kid":%q}`, kid), claims, ours), ErrMalformed},
		{"jwk", forge(head("RS256", "evil", `,"jwk":`+string(jwk)), claims, theirs), ErrMalformed},
		{"jwk beside our kid", forge(head("RS256", kid, `,"jwk":`+string(jwk)), claims, theirs), ErrMalformed},
		{"jku", forge(head("RS256", kid, `,"jku":"http://127.0.0.1:1/jwks.json"`), claims, ours), ErrMalformed},
		{"x5u", forge(head("RS256", kid, `,"x5u":"http://127.0.0.1:1/cert.pem"`), claims, ours), ErrMalformed},
		{"x5c", forge(head("RS256", kid, `,"x5c":["`+base64.StdEncoding.EncodeToString(spki)+`"]`), claims, ours), ErrMalformed},
		{"crit", forge(head("RS256", kid, `,"crit":["b64"],"b64":true`), claims, ours), ErrMalformed},
		{"b64 false", forge(head("RS256", kid, `,"b64":false`), claims, ours), ErrMalformed},
		{"alg twice", forge(fmt.Sprintf(`{"alg":"HS256","alg":"RS256","kid":%q,"typ":"at+jwt"}`, kid), claims, ours), ErrMalformed},
		{"ALG in capitals", forge(fmt.Sprintf(`{"ALG":"RS256","kid":%q,"typ":"at+jwt"}`, kid), claims, ours), ErrMalformed},
		{"header is no object", forge(`["RS256"]`, claims, ours), ErrMalformed},
		{"header with a tail", forge(head("RS256", kid, "")+"{}", claims, ours), ErrMalformed},
		{"deep header", forge(strings.Repeat(`{"a":`, 2000)+"1"+strings.Repeat("}", 2000), claims, ours), ErrMalformed},
		{"payload detached", func() string {
			p := strings.Split(forge(head("RS256", kid, ""), claims, ours), ".")
			return p[0] + ".." + p[2]
		}(), ErrMalformed},
		{"JWE", encrypted(t, claims), ErrMalformed},
		{"JSON serialisation, flattened", serialised(t, r, claims), ErrMalformed},
		{"JSON serialisation, general", general(t, r, claims), ErrMalformed},
		{"white space around", " " + forge(head("RS256", kid, ""), claims, ours) + "\n", ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := r.Verify(tt.token); !errors.Is(err, tt.want) {
				t.Errorf("got %+v, %v; want %v", got, err, tt.want)
			}
		})
	}
	t.Run("the same by the rules is accepted", func(t *testing.T) {
		if _, err := r.Verify(forge(head("RS256", kid, ""), claims, ours)); err != nil {
			t.Error(err)
		}
	})
	t.Run("payload swapped between tokens", func(t *testing.T) {
		one, _ := r.Sign(algRS256, "at+jwt", []byte(`{"sub":"anna"}`))
		two, _ := r.Sign(algRS256, "at+jwt", []byte(`{"sub":"admin"}`))
		p, q := strings.Split(one, "."), strings.Split(two, ".")
		if _, err := r.Verify(p[0] + "." + q[1] + "." + p[2]); !errors.Is(err, ErrSignature) {
			t.Error(err)
		}
	})
}

// encrypted is a compact JWE to the ring's own public key.
func encrypted(t *testing.T, claims string) string {
	t.Helper()
	enc, err := jose.NewEncrypter(jose.A128GCM, jose.Recipient{Algorithm: jose.RSA_OAEP, Key: smallKeys()[0].Public()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	jwe, err := enc.Encrypt([]byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwe.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// serialised is a token with a right signature in JSON form.
func serialised(t *testing.T, r *Ring, claims string) string {
	t.Helper()
	signer, err := r.current().signers[algRS256].signerFor("at+jwt")
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	return jws.FullSerialize()
}

// general is serialised, with its signature in a list.
func general(t *testing.T, r *Ring, claims string) string {
	t.Helper()
	var flat struct{ Payload, Protected, Signature string }
	if err := json.Unmarshal([]byte(serialised(t, r, claims)), &flat); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, flat.Payload, flat.Protected, flat.Signature)
}

// FuzzVerify: whatever a stranger sends, Verify neither panics nor accepts
// anything but what the ring signed, in the one form it wrote it.
func FuzzVerify(f *testing.F) {
	r := newBench(f).mustOpen()
	token, err := r.Sign(algRS256, "at+jwt", []byte(`{"sub":"anna"}`))
	if err != nil {
		f.Fatal(err)
	}
	kid := r.Keys()[0].KID
	f.Add(token)
	f.Add(token + "A")
	f.Add(forge(`{"alg":"none"}`, `{}`, func([]byte) []byte { return nil }))
	f.Add(forge(`{"alg":"HS256","kid":"`+kid+`","typ":"JWT"}`, `{}`, func(b []byte) []byte { return b }))
	f.Add(forge(`{"alg":"RS256","kid":"`+kid+`","typ":"JWT","jwk":{"kty":"RSA"}}`, `{}`, byRing(f, r)))
	f.Add("a.b.c.d.e")
	f.Add(`{"payload":"","signatures":[]}`)
	f.Fuzz(func(t *testing.T, in string) {
		got, err := r.Verify(in)
		switch {
		case err == nil && in != token:
			t.Fatalf("accepted %q as %+v", in, got)
		case err != nil && !refused(err):
			t.Fatalf("an error of another kind: %v", err)
		case err != nil && (got.Payload != nil || got.KID != ""):
			t.Fatalf("refused, and yet returned %+v", got)
		}
	})
}
