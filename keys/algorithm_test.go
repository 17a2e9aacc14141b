package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// checkWithStdlib verifies a compact JWS with the standard library alone, so
// that a mistake that the JOSE library and the ring share would be seen.
func checkWithStdlib(alg string, pub crypto.PublicKey, token string) bool {
	dot := strings.LastIndex(token, ".")
	input := []byte(token[:dot])
	sig, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		return false
	}
	sum := sha256.Sum256(input)
	switch alg {
	case "RS256":
		return rsa.VerifyPKCS1v15(pub.(*rsa.PublicKey), crypto.SHA256, sum[:], sig) == nil
	case "PS256":
		return rsa.VerifyPSS(pub.(*rsa.PublicKey), crypto.SHA256, sum[:], sig, &rsa.PSSOptions{SaltLength: 32}) == nil
	case "ES256":
		return len(sig) == 64 && ecdsa.Verify(pub.(*ecdsa.PublicKey), sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
	case "EdDSA":
		return ed25519.Verify(pub.(ed25519.PublicKey), input, sig)
	}
	return false
}

// openWith opens a ring with these algorithms.
func (b *bench) openWith(algs ...string) *Ring {
	b.t.Helper()
	cfg := b.config()
	cfg.Algorithms = algs
	r, err := b.open(cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func TestEveryAlgorithmSigns(t *testing.T) {
	b := newBench(t)
	r := b.openWith(Algorithms()...)
	set, err := r.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var published jose.JSONWebKeySet
	if err := json.Unmarshal(set.Body, &published); err != nil || len(published.Keys) != len(Algorithms()) {
		t.Fatalf("%d keys published, %v", len(published.Keys), err)
	}
	readers, err := ParseJWKS(set.Body)
	if err != nil {
		t.Fatal(err)
	}
	kids := map[string]bool{}
	for _, alg := range Algorithms() {
		t.Run(alg, func(t *testing.T) {
			// Many, for the numbers of an ES256 signature may be short.
			for range 300 {
				token, err := r.Sign(alg, "at+jwt", []byte(`{"sub":"ada"}`))
				if err != nil {
					t.Fatal(err)
				}
				got, err := r.Verify(token)
				if err != nil || got.Algorithm != alg || got.Typ != "at+jwt" || string(got.Payload) != `{"sub":"ada"}` {
					t.Fatalf("%+v, %v", got, err)
				}
				key := published.Key(got.KID)[0]
				if key.Algorithm != alg || key.Use != "sig" || !checkWithStdlib(alg, key.Key, token) {
					t.Fatalf("the standard library refuses %s by %+v", token, key)
				}
				if err := readers.Verify(token); err != nil {
					t.Fatal(err)
				}
				kids[got.KID] = true
			}
		})
	}
	if len(kids) != len(Algorithms()) {
		t.Errorf("%d kids for %d algorithms", len(kids), len(Algorithms()))
	}
	if first := jwksKIDs(t, r)[0]; first != signerKID(t, r) {
		t.Errorf("the JWKS begins with %s, not with the key of the default algorithm", first)
	}
}

// TestKeyIsForOneAlgorithm: a key of one algorithm verifies nothing of another,
// not even where the kind of key would allow it (RFC 8725, section 3.1).
func TestKeyIsForOneAlgorithm(t *testing.T) {
	r := newBench(t).openWith(Algorithms()...)
	for _, alg := range Algorithms() {
		token, err := r.Sign(alg, "at+jwt", []byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(token, ".")
		var header map[string]string
		raw, _ := base64.RawURLEncoding.DecodeString(parts[0])
		if err := json.Unmarshal(raw, &header); err != nil {
			t.Fatal(err)
		}
		for _, other := range append(Algorithms(), "none", "HS256", "RS512", "ES384", "Ed25519") {
			if other == alg {
				continue
			}
			header["alg"] = other
			raw, _ := json.Marshal(header)
			if _, err := r.Verify(base64.RawURLEncoding.EncodeToString(raw) + "." + parts[1] + "." + parts[2]); err == nil {
				t.Errorf("a token of %s passes as %s", alg, other)
			}
		}
	}
}

func TestHashOf(t *testing.T) {
	for alg, want := range map[string]crypto.Hash{"RS256": crypto.SHA256, "PS256": crypto.SHA256, "ES256": crypto.SHA256, "EdDSA": crypto.SHA512} {
		if got, err := HashOf(alg); err != nil || got != want {
			t.Errorf("%s: %v, %v", alg, got, err)
		}
	}
	for _, alg := range []string{"none", "HS256", "", "rs256"} {
		if _, err := HashOf(alg); err == nil {
			t.Errorf("%q has a hash", alg)
		}
	}
}

func TestDefaultAlgorithm(t *testing.T) {
	for _, tt := range []struct {
		algs []string
		want string
	}{
		{[]string{"RS256"}, "RS256"},
		{[]string{"ES256", "RS256"}, "RS256"},
		{[]string{"ES256", "PS256"}, "ES256"},
	} {
		if got, err := newBench(t).openWith(tt.algs...).SigningAlg(""); err != nil || got != tt.want {
			t.Errorf("%v: %s, %v", tt.algs, got, err)
		}
	}
	r := newBench(t).openWith("RS256")
	if _, err := r.SigningAlg("ES256"); !errors.Is(err, ErrNoSigner) || !strings.Contains(err.Error(), "keys.algorithms") {
		t.Errorf("an algorithm that is not in use: %v", err)
	}
	if _, err := r.Sign("none", "at+jwt", nil); !errors.Is(err, ErrNoSigner) {
		t.Errorf("none: %v", err)
	}
}

// TestAddedAlgorithmIsAnnouncedFirst: verifiers hold a JWKS without it.
func TestAddedAlgorithmIsAnnouncedFirst(t *testing.T) {
	b := newBench(t)
	b.openWith("RS256")
	b.clock.advance(time.Hour)
	r := b.openWith("RS256", "ES256")
	if kids := jwksKIDs(t, r); len(kids) != 2 {
		t.Fatalf("the JWKS holds %v", kids)
	}
	_, err := r.SigningAlg("ES256")
	if !errors.Is(err, ErrNoSigner) || !strings.Contains(err.Error(), "signs from 2030-03-01T14:02:00Z") {
		t.Errorf("it signs at once, or: %v", err)
	}
	if err := r.Ready(); err != nil {
		t.Errorf("not ready: %v", err)
	}
	b.clock.advance(b.config().MinAnnounce())
	if alg, err := r.SigningAlg("ES256"); err != nil || alg != "ES256" {
		t.Errorf("after its announcement: %s, %v", alg, err)
	}
}

// TestAlgorithmThatTakesTheOthersPlace: until the first key of the new one may
// sign, the old one goes on, and its keys stay until their tokens expire.
func TestAlgorithmThatTakesTheOthersPlace(t *testing.T) {
	b := newBench(t)
	old := signerKID(t, b.openWith("RS256"))
	b.clock.advance(time.Hour)
	r := b.openWith("ES256")
	if alg, err := r.SigningAlg(""); err != nil || alg != "RS256" || r.Ready() != nil {
		t.Fatalf("before the first key of ES256 may sign: %s, %v, %v", alg, err, r.Ready())
	}
	b.clock.advance(b.config().MinAnnounce())
	if alg, err := r.SigningAlg(""); err != nil || alg != "ES256" {
		t.Fatalf("after that: %s, %v", alg, err)
	}
	cfg := b.config()
	b.clock.advance(cfg.RotateEvery + cfg.KeepFor - cfg.MinAnnounce() - time.Hour - 1)
	r = b.openWith("ES256")
	if !slices.Contains(jwksKIDs(t, r), old) {
		t.Error("the old key is gone before its time")
	}
	if _, err := r.SigningAlg("RS256"); !errors.Is(err, ErrNoSigner) || !strings.Contains(err.Error(), "not in use any more") {
		t.Errorf("RS256 past its end: %v", err)
	}
	b.clock.advance(1)
	if slices.Contains(jwksKIDs(t, r), old) {
		t.Error("the old key stays for ever")
	}
}

// TestKeepForThatGrows: tokens get a longer lifetime while a successor is
// announced already; the key that signs them stays for them all the same.
func TestKeepForThatGrows(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	first := signerKID(t, r)
	b.clock.advance(23 * time.Hour)
	if err := r.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := b.config()
	cfg.TokenLifetime, cfg.KeepFor = 20*time.Hour, 21*time.Hour
	r, err := b.open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	handOver := r.Keys()[1].ActiveAt
	b.clock.set(handOver.Add(21*time.Hour - 1))
	if !slices.Contains(jwksKIDs(t, r), first) {
		t.Error("the key left before its tokens did")
	}
	b.clock.advance(1)
	if slices.Contains(jwksKIDs(t, r), first) {
		t.Error("the key stays for ever")
	}
}
