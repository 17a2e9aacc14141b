package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// foreignKey is a key of the issuer that somebody moves away from.
var foreignKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// block is a PEM block of what marshal makes of a key.
func block[K any](t testing.TB, typ string, marshal func(K) ([]byte, error), key K) []byte {
	t.Helper()
	der, err := marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der})
}

// jwk is a JWK of a key, or a set of several.
func jwk(t testing.TB, keys ...jose.JSONWebKey) []byte {
	t.Helper()
	var v any = jose.JSONWebKeySet{Keys: keys}
	if len(keys) == 1 {
		v = keys[0]
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestParseForeign(t *testing.T) {
	rsaKey := foreignKey()
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ec384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	params := []byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n")
	old := jose.JSONWebKey{Key: rsaKey, KeyID: "old-1", Algorithm: "PS256", Use: "sig"}
	pkcs8 := block(t, "PRIVATE KEY", x509.MarshalPKCS8PrivateKey, any(rsaKey))
	tests := []struct {
		name     string
		file     []byte
		kid, alg string
		want     Foreign
		private  bool
		fault    string
	}{
		{"PKCS #8", pkcs8, "k", "", Foreign{KID: "k", Algorithm: "RS256"}, true, ""},
		{"PKCS #8 for PS256", pkcs8, "k", "PS256", Foreign{KID: "k", Algorithm: "PS256"}, true, ""},
		{"PKCS #8 of Ed25519", block(t, "PRIVATE KEY", x509.MarshalPKCS8PrivateKey, any(edKey)), "k", "", Foreign{KID: "k", Algorithm: "EdDSA"}, true, ""},
		{"PKCS #1", block(t, "RSA PRIVATE KEY", func(k *rsa.PrivateKey) ([]byte, error) { return x509.MarshalPKCS1PrivateKey(k), nil }, rsaKey), "k", "", Foreign{KID: "k", Algorithm: "RS256"}, true, ""},
		{"SEC 1 as openssl writes it", append(params, block(t, "EC PRIVATE KEY", x509.MarshalECPrivateKey, ecKey)...), "k", "", Foreign{KID: "k", Algorithm: "ES256"}, true, ""},
		{"a public key", block(t, "PUBLIC KEY", x509.MarshalPKIXPublicKey, any(&rsaKey.PublicKey)), "k", "", Foreign{KID: "k", Algorithm: "RS256"}, false, ""},
		{"a JWK with all it needs", jwk(t, old), "", "", Foreign{KID: "old-1", Algorithm: "PS256"}, true, ""},
		{"a public JWK", jwk(t, old.Public()), "", "", Foreign{KID: "old-1", Algorithm: "PS256"}, false, ""},
		{"one of a set", jwk(t, old, jose.JSONWebKey{Key: ecKey, KeyID: "old-2"}), "old-2", "", Foreign{KID: "old-2", Algorithm: "ES256"}, true, ""},

		{"nothing", nil, "k", "", Foreign{}, false, "neither PEM nor a JWK"},
		{"no id", pkcs8, "", "", Foreign{}, false, "does not say which id"},
		{"another id", jwk(t, old), "new", "", Foreign{}, false, `has the id "old-1", not "new"`},
		{"an id that would break a line", pkcs8, "a\nb", "", Foreign{}, false, "printable ASCII"},
		{"another algorithm", jwk(t, old), "", "RS256", Foreign{}, false, "is for PS256, not for RS256"},
		{"an algorithm of another kind", pkcs8, "k", "ES256", Foreign{}, false, "not one for ES256"},
		{"HS256", pkcs8, "k", "HS256", Foreign{}, false, `"HS256" is not known`},
		{"a secret", []byte(`{"kty":"oct","k":"c2VjcmV0","kid":"k","alg":"HS256"}`), "", "", Foreign{}, false, "a shared secret"},
		{"P-384", block(t, "EC PRIVATE KEY", x509.MarshalECPrivateKey, ec384), "k", "", Foreign{}, false, "signs for none of"},
		{"short RSA", block(t, "PRIVATE KEY", x509.MarshalPKCS8PrivateKey, any(smallKeys()[0])), "k", "", Foreign{}, false, "1024 bits"},
		{"several PEM blocks", slices.Concat(pkcs8, pkcs8), "k", "", Foreign{}, false, "several PEM blocks"},
		{"an encrypted key", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}}), "k", "", Foreign{}, false, "decrypt it first"},
		{"another PEM block", pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: []byte{1}}), "k", "", Foreign{}, false, "\"DH PARAMETERS\" is no key"},
		{"a set without a choice", jwk(t, old, jose.JSONWebKey{Key: ecKey, KeyID: "old-2"}), "", "", Foreign{}, false, "several keys"},
		{"a set without this one", jwk(t, old, jose.JSONWebKey{Key: ecKey, KeyID: "old-2"}), "old-3", "", Foreign{}, false, `no key "old-3"`},
		{"an encryption key", jwk(t, jose.JSONWebKey{Key: rsaKey, KeyID: "k", Use: "enc"}), "", "", Foreign{}, false, `for "enc"`},
		{"an empty set", []byte(`{"keys":[]}`), "", "", Foreign{}, false, "no key"},
		{"broken JSON", []byte(`{"kty":"RSA","n":"AQAB"}`), "k", "", Foreign{}, false, "JWK"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseForeign(tt.file, tt.kid, tt.alg)
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("got %+v, %v; want a fault that says %q", got, err, tt.fault)
				}
				return
			}
			if err != nil || got.KID != tt.want.KID || got.Algorithm != tt.want.Algorithm || got.Private() != tt.private {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// FuzzParseForeign: whatever is in a file, a key that comes out can be stored.
func FuzzParseForeign(f *testing.F) {
	f.Add(jwk(f, jose.JSONWebKey{Key: foreignKey(), KeyID: "k", Algorithm: "RS256"}), "", "")
	f.Add(block(f, "PUBLIC KEY", x509.MarshalPKIXPublicKey, any(&foreignKey().PublicKey)), "k", "PS256")
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`), "k", "")
	f.Add([]byte(`{"kty":"oct","k":"AA"}`), "k", "HS256")
	f.Fuzz(func(t *testing.T, file []byte, kid, alg string) {
		key, err := ParseForeign(file, kid, alg)
		if err != nil {
			return
		}
		s, err := newSealer(testSealingKey, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if rec, err := key.record(s, true); err != nil || rec.KID == "" || !slices.Contains(Algorithms(), rec.Algorithm) {
			t.Errorf("%+v, %v", rec, err)
		}
	})
}

// foreign is foreignKey as it comes out of a file.
func foreign(t testing.TB) Foreign {
	t.Helper()
	f, err := ParseForeign(jwk(t, jose.JSONWebKey{Key: foreignKey(), KeyID: "hydra-2024", Algorithm: algRS256}), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// foreignToken is a token that the other issuer has signed.
func foreignToken(t testing.TB) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: foreignKey(), KeyID: "hydra-2024"}}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestImportIntoANewStore: who moves here signs on with the same key, and it
// rotates out like any other.
func TestImportIntoANewStore(t *testing.T) {
	b := newBench(t)
	key, err := Import(t.Context(), b.config(), foreign(t), ImportOptions{})
	if err != nil || key.State != StateActive || key.KID != "hydra-2024" || key.Generation != 1 {
		t.Fatalf("%+v, %v", key, err)
	}
	r := b.mustOpen()
	if b.store.count() != 1 || signerKID(t, r) != "hydra-2024" {
		t.Fatal("the ring made a key of its own")
	}
	if _, err := r.Verify(foreignToken(t)); err != nil {
		t.Error(err)
	}
	b.clock.advance(22 * time.Hour)
	if err := r.keep(t.Context()); err != nil || len(jwksKIDs(t, r)) != 2 {
		t.Errorf("it does not rotate: %v", err)
	}
	b.clock.advance(2 * time.Hour)
	if signerKID(t, r) == "hydra-2024" {
		t.Error("it does not hand over")
	}
}

func TestImportBesideOurKeys(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	own := signerKID(t, r)
	key, err := Import(t.Context(), b.config(), foreign(t), ImportOptions{})
	if err != nil || key.State != StateAnnounced || !key.ActiveAt.Equal(b.clock.Now().Add(2*time.Hour)) {
		t.Fatalf("%+v, %v", key, err)
	}
	if err := r.keep(t.Context()); err != nil || signerKID(t, r) != own || len(jwksKIDs(t, r)) != 2 {
		t.Errorf("it is not announced: %v", err)
	}
	before := b.store.count()
	if _, err := Import(t.Context(), b.config(), foreign(t), ImportOptions{}); err == nil || !strings.Contains(err.Error(), "already") || b.store.count() != before {
		t.Errorf("imported twice: %v", err)
	}
}

func TestImportNow(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	b.clock.advance(time.Hour)
	key, err := Import(t.Context(), b.config(), foreign(t), ImportOptions{Now: true})
	if err != nil || key.State != StateActive {
		t.Fatalf("%+v, %v", key, err)
	}
	if err := r.keep(t.Context()); err != nil || signerKID(t, r) != "hydra-2024" {
		t.Errorf("it does not sign: %v", err)
	}
}

// TestImportVerifyOnly: tokens of the other issuer are good for a while, and
// nothing is ever signed with its key, whose private part is not even stored.
func TestImportVerifyOnly(t *testing.T) {
	b := newBench(t)
	key, err := Import(t.Context(), b.config(), foreign(t), ImportOptions{VerifyOnly: true, KeepFor: 24 * time.Hour})
	if err != nil || key.State != StateVerifyOnly {
		t.Fatalf("%+v, %v", key, err)
	}
	s, _ := newSealer(testSealingKey, rand.Reader)
	secret, err := s.unseal("hydra-2024", b.store.records[0].Sealed)
	if err != nil || bytes.Contains(secret, foreignKey().D.Bytes()) {
		t.Errorf("the private key is stored (%v)", err)
	}
	r := b.mustOpen()
	if own := signerKID(t, r); own == "hydra-2024" || !slices.Equal(jwksKIDs(t, r), []string{own, "hydra-2024"}) {
		t.Errorf("the JWKS holds %v, signed by %s", jwksKIDs(t, r), own)
	}
	if _, err := r.Verify(foreignToken(t)); err != nil {
		t.Error(err)
	}
	b.clock.advance(24*time.Hour - 1)
	if _, err := r.Verify(foreignToken(t)); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	b.clock.advance(1)
	if _, err := r.Verify(foreignToken(t)); err == nil {
		t.Error("it stays for ever")
	}
}

func TestImportRefusals(t *testing.T) {
	public := foreign(t)
	public.private = nil
	es, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	other := Foreign{KID: "k", Algorithm: "ES256", public: crypto.PublicKey(&es.PublicKey), private: es}
	wrong := newBench(t).config()
	wrong.SealingKey = otherSealingKey
	for _, tt := range []struct {
		name string
		key  Foreign
		o    ImportOptions
		want string
	}{
		{"a public key to sign with", public, ImportOptions{}, "verify-only"},
		{"an algorithm that is not in use", other, ImportOptions{}, "keys.algorithms does not have"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			if _, err := Import(t.Context(), b.config(), tt.key, tt.o); err == nil || !strings.Contains(err.Error(), tt.want) || b.store.count() != 0 {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("the same key by another name", func(t *testing.T) {
		b := newBench(t)
		if _, err := Import(t.Context(), b.config(), foreign(t), ImportOptions{}); err != nil {
			t.Fatal(err)
		}
		again := foreign(t)
		again.KID = "another"
		if _, err := Import(t.Context(), b.config(), again, ImportOptions{VerifyOnly: true}); err == nil || !strings.Contains(err.Error(), `with the id "hydra-2024"`) || b.store.count() != 1 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the wrong sealing key", func(t *testing.T) {
		b := newBench(t)
		b.mustOpen()
		cfg := b.config()
		cfg.SealingKey = otherSealingKey
		if _, err := Import(t.Context(), cfg, foreign(t), ImportOptions{}); err == nil || b.store.count() != 1 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("over the head of an announced key", func(t *testing.T) {
		b := newBench(t)
		b.mustRotate(b.mustOpen())
		if _, err := Import(t.Context(), b.config(), foreign(t), ImportOptions{Now: true}); err == nil || !strings.Contains(err.Error(), "announced already") {
			t.Errorf("got %v", err)
		}
	})
}
