package keys

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// memStore is a Store in memory. Several rings may share one.
type memStore struct {
	mu           sync.Mutex
	records      []Record
	down         bool
	reads        int
	inserts      int
	beforeChange func()
}

var errDown = errors.New("the store is down")

func (s *memStore) Keys(context.Context) ([]Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.down {
		return nil, errDown
	}
	out := slices.Clone(s.records)
	for i := range out {
		out[i].Sealed = bytes.Clone(out[i].Sealed)
		out[i].PublicJWK = bytes.Clone(out[i].PublicJWK)
	}
	return out, nil
}

func (s *memStore) ChangeKeys(_ context.Context, change func([]Record) ([]Record, error)) error {
	if s.beforeChange != nil {
		s.beforeChange()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return errDown
	}
	changed, err := change(sorted(s.records))
	if err != nil {
		return err
	}
	for _, rec := range changed {
		if i := slices.IndexFunc(s.records, func(r Record) bool { return r.KID == rec.KID }); i >= 0 {
			s.records[i] = rec
			continue
		}
		if slices.ContainsFunc(s.records, func(r Record) bool { return r.Algorithm == rec.Algorithm && r.Generation == rec.Generation }) {
			return ErrExists
		}
		s.inserts++
		s.records = append(s.records, rec)
	}
	return nil
}

func (s *memStore) setDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// readCount is how often the keys were asked for.
func (s *memStore) readCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// count is how many keys the store holds.
func (s *memStore) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.records)
}

// fakeClock stands still until it is moved.
type fakeClock struct{ now atomic.Pointer[time.Time] }

func newClock() *fakeClock {
	c := &fakeClock{}
	c.set(time.Date(2030, 3, 1, 12, 0, 0, 0, time.UTC))
	return c
}

func (c *fakeClock) Now() time.Time          { return *c.now.Load() }
func (c *fakeClock) set(t time.Time)         { c.now.Store(&t) }
func (c *fakeClock) advance(d time.Duration) { c.set(c.Now().Add(d)) }

// smallKeys are RSA keys too short for use, but quick to make and sign with.
// The time a test takes must not go into making keys.
var smallKeys = sync.OnceValue(func() []*rsa.PrivateKey {
	out := make([]*rsa.PrivateKey, 24)
	for i := range out {
		key, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			panic(err)
		}
		out[i] = key
	}
	return out
})

var errNoSmallKeys = errors.New("the test has used all its small keys")

// bench is what the rings of one test share: a store, a clock, a supply of keys.
type bench struct {
	t     testing.TB
	store *memStore
	clock *fakeClock
	used  atomic.Int64
	log   *bytes.Buffer
}

func newBench(t testing.TB) *bench {
	return &bench{t: t, store: &memStore{}, clock: newClock(), log: &bytes.Buffer{}}
}

// smallBackend makes keys of smallKeys for RSA, and real ones for the others,
// which are quick to make.
type smallBackend struct {
	inMemory
	b *bench
}

func (s smallBackend) Generate(ctx context.Context, alg string, bits int) ([]byte, error) {
	if a, err := algorithmOf(alg); err != nil || a.fits(smallKeys()[0].Public()) != nil {
		return s.inMemory.Generate(ctx, alg, bits)
	}
	n := int(s.b.used.Add(1)) - 1
	if n >= len(smallKeys()) {
		return nil, errNoSmallKeys
	}
	return x509.MarshalPKCS8PrivateKey(smallKeys()[n])
}

var testSealingKey = bytes.Repeat([]byte{7}, sealingKeySize)

// config is a valid configuration: the JWKS cached for 1 h, keys announced for
// 2 h and rotated daily.
func (b *bench) config() Config {
	return Config{
		Store: b.store, SealingKey: testSealingKey,
		Schedule: Schedule{
			RotateEvery: 24 * time.Hour, AnnounceFor: 2 * time.Hour, KeepFor: 3 * time.Hour, TokenLifetime: 2 * time.Hour,
			MaxAge: 45 * time.Minute, StaleFor: 15 * time.Minute, ReloadEvery: time.Minute,
		},
		Backend: smallBackend{inMemory{rand.Reader}, b},
		Now:     b.clock.Now, Logger: slog.New(slog.NewTextHandler(b.log, nil)),
	}.withDefaults()
}

// open opens a ring with small keys.
func (b *bench) open(cfg Config) (*Ring, error) { return Open(b.t.Context(), cfg) }

func (b *bench) mustOpen() *Ring {
	b.t.Helper()
	r, err := b.open(b.config())
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// mustRotate has the next key of the one algorithm made, and returns it.
func (b *bench) mustRotate(r *Ring) Key {
	b.t.Helper()
	made, err := r.Rotate(b.t.Context(), RotateOptions{})
	if err != nil || len(made) != 1 {
		b.t.Fatalf("%v, %v", made, err)
	}
	return made[0]
}

// jwksKIDs is the kids of the JWKS in their order.
func jwksKIDs(t testing.TB, r *Ring) []string {
	t.Helper()
	set, err := r.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Keys []struct {
			KID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(set.Body, &doc); err != nil {
		t.Fatal(err)
	}
	var kids []string
	for _, key := range doc.Keys {
		kids = append(kids, key.KID)
	}
	return kids
}

// signerKID signs and returns the kid of the key that did.
func signerKID(t testing.TB, r *Ring) string {
	t.Helper()
	token, err := r.Sign(algRS256, "at+jwt", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Verify(token)
	if err != nil {
		t.Fatalf("a ring refuses its own token: %v", err)
	}
	return got.KID
}
