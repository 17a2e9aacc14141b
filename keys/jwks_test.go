package keys

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestJWKSHoldsPublicMembersOnly(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	if _, err := r.Rotate(t.Context()); err != nil {
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
	if _, err := r.Rotate(t.Context()); err != nil || tag(r) == before {
		t.Errorf("another set has the same ETag (%v)", err)
	}
}

func TestEmptySetIsAnError(t *testing.T) {
	if body, etag := marshalJWKS(nil); body != nil || etag != "" {
		t.Errorf("an empty set is marshalled as %s", body)
	}
	b := newBench(t)
	r := b.mustOpen()
	r.snap.Store(&snapshot{deck: r.current().deck})
	if set, err := r.JWKS(); err != ErrNoKeys || set.Body != nil {
		t.Errorf("got %s, %v", set.Body, err)
	}
}

// TestMaxAgeShrinksWhenTheStoreIsSilent: another node may have announced a key
// that this one does not know.
func TestMaxAgeShrinksWhenTheStoreIsSilent(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen() // max-age 1 h, read every minute
	for _, tt := range []struct {
		silent, want time.Duration
	}{
		{0, time.Hour},
		{time.Minute, time.Hour},
		{2 * time.Minute, time.Hour},
		{3 * time.Minute, 59 * time.Minute},
		{31*time.Minute + time.Second/2, 30*time.Minute + 59*time.Second},
		{62 * time.Minute, time.Minute},
		{48 * time.Hour, time.Minute},
	} {
		start := b.clock.Now()
		b.clock.advance(tt.silent)
		set, err := r.JWKS()
		if err != nil || set.MaxAge != tt.want {
			t.Errorf("silent for %s: max-age %s, %v; want %s", tt.silent, set.MaxAge, err, tt.want)
		}
		b.clock.set(start)
	}
}
