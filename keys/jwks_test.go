package keys

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestJWKSHoldsPublicMembersOnly(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	if _, err := r.Rotate(t.Context(), RotateOptions{}); err != nil {
		t.Fatal(err)
	}
	set, err := r.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(set.Body, &doc); err != nil {
		t.Fatal(err)
	}
	var top map[string]any
	if err := json.Unmarshal(set.Body, &top); err != nil || len(top) != 1 {
		t.Errorf("members beside keys: %v, %v", top, err)
	}
	seen := map[string]bool{}
	for _, key := range doc.Keys {
		for member := range key {
			if !slices.Contains([]string{"kty", "n", "e", "use", "alg", "kid"}, member) {
				t.Errorf("member %q is published", member)
			}
		}
		if len(key) != 6 || key["kty"] != "RSA" || key["use"] != "sig" || key["alg"] != "RS256" || key["e"] != "AQAB" {
			t.Errorf("key %v", key)
		}
		if seen[key["kid"]] {
			t.Errorf("kid %s twice", key["kid"])
		}
		seen[key["kid"]] = true
	}
	if len(seen) != 2 {
		t.Errorf("%d keys", len(seen))
	}
	var parsed jose.JSONWebKeySet
	if err := json.Unmarshal(set.Body, &parsed); err != nil {
		t.Fatal(err)
	}
	for _, key := range parsed.Keys {
		if kid, err := thumbprint(key.Key); err != nil || kid != key.KeyID {
			t.Errorf("kid %s, thumbprint %s, %v", key.KeyID, kid, err)
		}
	}
}

// TestKIDIsTheThumbprintOfRFC7638 uses the example of its section 3.1.
func TestKIDIsTheThumbprintOfRFC7638(t *testing.T) {
	var key jose.JSONWebKey
	if err := json.Unmarshal([]byte(`{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB"}`), &key); err != nil {
		t.Fatal(err)
	}
	if got, err := thumbprint(key.Key); err != nil || got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestETagChangesWithTheSetAlone(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	tag := func(r *Ring) string {
		set, err := r.JWKS()
		if err != nil {
			t.Fatal(err)
		}
		return set.ETag
	}
	before := tag(r)
	if err := r.keep(t.Context()); err != nil || tag(r) != before || tag(b.mustOpen()) != before {
		t.Errorf("the same set has another ETag (%v)", err)
	}
	if len(before) < 10 || before[0] != '"' || before[len(before)-1] != '"' {
		t.Errorf("ETag %s is not a quoted string", before)
	}
	if _, err := r.Rotate(t.Context(), RotateOptions{}); err != nil || tag(r) == before {
		t.Errorf("another set has the same ETag (%v)", err)
	}
}

func TestEmptySetIsAnError(t *testing.T) {
	if set := marshalJWKS(nil, Config{}); set.Body != nil || set.ETag != "" {
		t.Errorf("an empty set is marshalled as %s", set.Body)
	}
	b := newBench(t)
	r := b.mustOpen()
	r.snap.Store(&snapshot{deck: r.current().deck})
	if set, err := r.JWKS(); err != ErrNoKeys || set.Body != nil {
		t.Errorf("got %s, %v", set.Body, err)
	}
}

// TestPromiseShrinksWhenTheStoreIsSilent: another node may have announced a key
// that this one does not know.
func TestPromiseShrinksWhenTheStoreIsSilent(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen() // max-age 45 min, stale for 15 min, read every minute
	for _, tt := range []struct {
		silent time.Duration
		want   string
	}{
		{0, "public, max-age=2700, stale-while-revalidate=900"},
		{time.Minute, "public, max-age=2700, stale-while-revalidate=900"},
		{2 * time.Minute, "public, max-age=2700, stale-while-revalidate=900"},
		{3 * time.Minute, "public, max-age=2700, stale-while-revalidate=840"},
		{17 * time.Minute, "public, max-age=2700"},
		{31*time.Minute + time.Second/2, "public, max-age=1859"},
		{61 * time.Minute, "public, max-age=60"},
		{62 * time.Minute, "public, max-age=0"},
		{48 * time.Hour, "public, max-age=0"},
		{-48 * time.Hour, "public, max-age=2700, stale-while-revalidate=900"}, // a clock put back
	} {
		start := b.clock.Now()
		b.clock.advance(tt.silent)
		if set, err := r.JWKS(); err != nil || set.CacheControl != tt.want {
			t.Errorf("silent for %s: %q, %v; want %q", tt.silent, set.CacheControl, err, tt.want)
		}
		b.clock.set(start)
	}
}

// countingBackend counts the signatures that are made with its keys.
type countingBackend struct {
	smallBackend
	signatures *atomic.Int64
}

func (c countingBackend) Name() string { return "counting" }

func (c countingBackend) Open(ctx context.Context, ref []byte) (crypto.Signer, error) {
	key, err := c.smallBackend.Open(ctx, ref)
	return countingSigner{key, c.signatures}, err
}

type countingSigner struct {
	crypto.Signer
	signatures *atomic.Int64
}

func (c countingSigner) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	c.signatures.Add(1)
	return c.Signer.Sign(rand, digest, opts)
}

// TestJWKSCostsNothing: neither a reading of the store nor a signature, nor
// an allocation.
func TestJWKSCostsNothing(t *testing.T) {
	b := newBench(t)
	cfg := b.config()
	var signatures atomic.Int64
	cfg.Backend = countingBackend{smallBackend{inMemory{rand.Reader}, b}, &signatures}
	r, err := b.open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if signerKID(t, r); signatures.Load() != 1 {
		t.Fatalf("%d signatures are counted after one", signatures.Load())
	}
	reads := b.store.readCount()
	allocations := testing.AllocsPerRun(1000, func() {
		if _, err := r.JWKS(); err != nil {
			t.Error(err)
		}
	})
	if allocations > 0 || signatures.Load() != 1 || b.store.readCount() != reads {
		t.Errorf("%g allocations each, %d signatures, %d readings", allocations, signatures.Load()-1, b.store.readCount()-reads)
	}
}
