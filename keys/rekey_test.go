package keys

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

var otherSealingKey = bytes.Repeat([]byte{8}, sealingKeySize)

func TestRekey(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	b.mustRotate(r)
	before := r.Keys()
	if n, err := Rekey(t.Context(), b.store, testSealingKey, otherSealingKey); err != nil || n != 2 {
		t.Fatalf("%d keys, %v", n, err)
	}
	if _, err := b.open(b.config()); !errors.Is(err, ErrSealingKey) {
		t.Errorf("with the old key: %v", err)
	}
	cfg := b.config()
	cfg.SealingKey = otherSealingKey
	fresh, err := b.open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got := fresh.Keys(); !reflect.DeepEqual(got, before) || signerKID(t, fresh) != before[0].KID {
		t.Errorf("the keys are\n%+v\nand were\n%+v", got, before)
	}
	// A node that runs goes on with what it has, but adds nothing that the
	// others could not open.
	b.clock.advance(time.Hour)
	if err := r.keep(t.Context()); err != nil || signerKID(t, r) != before[0].KID {
		t.Errorf("a node that runs: %v", err)
	}
	b.clock.advance(26 * time.Hour)
	if err := r.keep(t.Context()); !errors.Is(err, ErrSealingKey) || b.store.count() != 2 {
		t.Errorf("made a key under the old sealing key: %v", err)
	}
	if err := fresh.keep(t.Context()); err != nil || b.store.count() != 3 {
		t.Errorf("the restarted node: %v", err)
	}
}

// TestRevokeAfterRekey: a node that still has the old sealing key does not know
// the new key, but does not sign with the revoked one either.
func TestRevokeAfterRekey(t *testing.T) {
	b := newBench(t)
	behind := b.mustOpen()
	first := signerKID(t, behind)
	if _, err := Rekey(t.Context(), b.store, testSealingKey, otherSealingKey); err != nil {
		t.Fatal(err)
	}
	cfg := b.config()
	cfg.SealingKey = otherSealingKey
	fresh, err := b.open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.clock.advance(time.Hour)
	b.mustRevoke(fresh, first)
	if err := behind.keep(t.Context()); !errors.Is(err, ErrSealingKey) {
		t.Errorf("got %v", err)
	}
	if _, err := behind.SigningAlg(""); !errors.Is(err, ErrNoSigner) || behind.Ready() == nil {
		t.Errorf("it signs on: %v", err)
	}
	if _, err := behind.JWKS(); err != ErrNoKeys {
		t.Errorf("it publishes on: %v", err)
	}
}

// TestRekeyAllOrNothing: whatever is wrong, nothing has changed.
func TestRekeyAllOrNothing(t *testing.T) {
	for _, tt := range []struct {
		name     string
		from, to []byte
		damage   func(b *bench)
		want     string
	}{
		{"the wrong old key", otherSealingKey, bytes.Repeat([]byte{9}, 32), nil, "not the one"},
		{"the same key", testSealingKey, testSealingKey, nil, "is the old one"},
		{"a short key", testSealingKey, otherSealingKey[:31], nil, "32 bytes"},
		{"one damaged record", testSealingKey, otherSealingKey, func(b *bench) { b.store.records[1].Sealed[40] ^= 1 }, "damaged"},
		{"a store that is down", testSealingKey, otherSealingKey, func(b *bench) { b.store.setDown(true) }, "down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.mustRotate(b.mustOpen())
			if tt.damage != nil {
				tt.damage(b)
			}
			before := bytes.Clone(b.store.records[0].Sealed)
			if _, err := Rekey(t.Context(), b.store, tt.from, tt.to); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if !bytes.Equal(before, b.store.records[0].Sealed) {
				t.Error("a record was sealed anew")
			}
		})
	}
}
