package keys

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func TestSealedRecordShowsNothingOfThePrivateKey(t *testing.T) {
	b := newBench(t)
	b.mustOpen()
	rec := b.store.records[0]
	key := smallKeys()[0]
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+16 <= len(der); i += 8 {
		if bytes.Contains(rec.Sealed, der[i:i+16]) {
			t.Fatalf("bytes %d to %d of the PKCS #8 form stand in the sealed record", i, i+16)
		}
	}
	for _, secret := range [][]byte{key.D.Bytes(), key.Primes[0].Bytes(), key.Primes[1].Bytes()} {
		if bytes.Contains(rec.Sealed, secret) || bytes.Contains(whole, secret) {
			t.Fatal("a secret number stands in the record")
		}
	}
	if bytes.Contains(rec.PublicJWK, []byte(`"d"`)) || strings.Contains(b.log.String(), "PRIVATE") {
		t.Error("a private member is in the public key or the log")
	}
}

func TestSealIsRandomised(t *testing.T) {
	s, err := newSealer(testSealingKey, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	one, err1 := s.seal("kid", []byte("private"))
	two, err2 := s.seal("kid", []byte("private"))
	if err1 != nil || err2 != nil || bytes.Equal(one, two) {
		t.Errorf("sealing twice gives the same bytes (%v, %v)", err1, err2)
	}
}

func TestAnyFlippedByteOfASealedKeyIsRefused(t *testing.T) {
	s, err := newSealer(testSealingKey, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := s.seal("kid", []byte("the private key"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		want := ErrDamaged
		if i >= 1 && i < 1+sealMarkSize {
			want = ErrSealingKey
		}
		if _, err := s.unseal("kid", changed); !errors.Is(err, want) {
			t.Errorf("byte %d: %v, want %v", i, err, want)
		}
	}
	for n := range sealed {
		if _, err := s.unseal("kid", sealed[:n]); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := s.unseal("another kid", sealed); !errors.Is(err, ErrDamaged) {
		t.Errorf("under another kid: %v", err)
	}
	if der, err := s.unseal("kid", sealed); err != nil || string(der) != "the private key" {
		t.Errorf("unchanged: %q, %v", der, err)
	}
}

func TestWrongSealingKeyIsNamedAndTouchesNothing(t *testing.T) {
	b := newBench(t)
	b.mustOpen()
	before, _ := b.store.Keys(t.Context())
	inserts := b.store.inserts

	cfg := b.config()
	cfg.SealingKey = bytes.Repeat([]byte{8}, sealingKeySize)
	_, err := b.open(cfg)
	if !errors.Is(err, ErrSealingKey) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{before[0].KID, "sealing key file is not the one this database's keys were sealed with", "put back"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	after, _ := b.store.Keys(t.Context())
	if !reflect.DeepEqual(before, after) || b.store.inserts != inserts {
		t.Error("the store was changed")
	}
	if got := signerKID(t, b.mustOpen()); got != before[0].KID {
		t.Errorf("with the right file again the signer is %s, was %s", got, before[0].KID)
	}
}

func TestDamagedRecordsAreRefused(t *testing.T) {
	tests := []struct {
		name   string
		damage func(b *bench, rec *Record)
		want   error
	}{
		{"a flipped byte in the sealed key", func(_ *bench, rec *Record) { rec.Sealed[len(rec.Sealed)/2] ^= 1 }, ErrDamaged},
		{"no sealed key", func(_ *bench, rec *Record) { rec.Sealed = nil }, ErrDamaged},
		{"another kid", func(_ *bench, rec *Record) { rec.KID += "x" }, ErrDamaged},
		{"no public key", func(_ *bench, rec *Record) { rec.PublicJWK = nil }, ErrDamaged},
		{"the public key of another", func(_ *bench, rec *Record) {
			rec.PublicJWK, _ = json.Marshal(publicJWK(smallKeys()[9].Public(), rec.KID, rec.Algorithm))
		}, ErrDamaged},
		{"a private key in the public column", func(_ *bench, rec *Record) {
			rec.PublicJWK, _ = json.Marshal(jose.JSONWebKey{Key: smallKeys()[0], KeyID: rec.KID})
		}, ErrDamaged},
		{"sealed, but no private key", func(b *bench, rec *Record) {
			s, _ := newSealer(testSealingKey, rand.Reader)
			rec.Sealed, _ = s.seal(rec.KID, []byte("not PKCS #8"))
		}, ErrDamaged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.mustOpen()
			tt.damage(b, &b.store.records[0])
			_, err := b.open(b.config())
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if !strings.Contains(err.Error(), "restore") {
				t.Errorf("%q does not say how to mend it", err)
			}
			if b.store.count() != 1 {
				t.Error("a key was made in its place")
			}
		})
	}
}

func TestKeyOfAnUnknownAlgorithmIsNamed(t *testing.T) {
	b := newBench(t)
	b.mustOpen()
	b.store.records[0].Algorithm = "XX512"
	if _, err := b.open(b.config()); err == nil || !strings.Contains(err.Error(), `"XX512" is not known to this release`) {
		t.Errorf("got %v", err)
	}
}

// TestDatabaseAloneCannotPublishAKey: one who can write to the database but
// has not the sealing key adds a key of their own, to forge tokens with.
func TestDatabaseAloneCannotPublishAKey(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	good := signerKID(t, r)
	evil, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	kid, err := thumbprint(crypto.PublicKey(&evil.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	public, _ := json.Marshal(publicJWK(&evil.PublicKey, kid, algRS256))
	foreign, _ := newSealer(bytes.Repeat([]byte{9}, sealingKeySize), rand.Reader)
	der, _ := x509.MarshalPKCS8PrivateKey(evil)
	sealed, _ := foreign.seal(kid, der)
	now := b.clock.Now()
	for name, blob := range map[string][]byte{"sealed under another key": sealed, "the sealed bytes of our key": b.store.records[0].Sealed} {
		t.Run(name, func(t *testing.T) {
			b.store.records = append(b.store.records[:1:1], Record{
				KID: kid, Algorithm: algRS256, Generation: 2, PublicJWK: public, Sealed: blob,
				AnnouncedAt: now.Add(-3 * 3600e9), ActiveAt: now.Add(3600e9), RetiredAt: now.Add(7200e9), RemovedAt: now.Add(9000e9),
			})
			if err := r.keep(t.Context()); err == nil {
				t.Error("the ring took the key in")
			}
			if kids := jwksKIDs(t, r); len(kids) != 1 || kids[0] != good {
				t.Errorf("the JWKS holds %v", kids)
			}
			if _, err := b.open(b.config()); err == nil {
				t.Error("a new ring opens with the key")
			}
		})
	}
}
