package keys

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestFirstKeyIsActiveAtOnce(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	keys := r.Keys()
	if len(keys) != 1 || keys[0].State != StateActive || keys[0].Generation != 1 || !keys[0].ActiveAt.Equal(b.clock.Now()) {
		t.Fatalf("keys %+v", keys)
	}
	if got := jwksKIDs(t, r); !slices.Equal(got, []string{keys[0].KID}) || signerKID(t, r) != keys[0].KID {
		t.Errorf("JWKS %v", got)
	}
	again := b.mustOpen()
	if b.store.count() != 1 || signerKID(t, again) != keys[0].KID {
		t.Error("opening again made another key")
	}
}

// TestOpenMakesAKeyOfTheConfiguredSize is the one test on keys as they ship;
// the token is checked with the standard library alone.
func TestOpenMakesAKeyOfTheConfiguredSize(t *testing.T) {
	for _, bits := range []int{0, 3072} {
		cfg := newBench(t).config()
		cfg.Algorithms, cfg.RSABits, cfg.Rand, cfg.Backend = nil, bits, nil, nil
		r, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		token, err := r.Sign(algRS256, "at+jwt", []byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		pub := r.current().signers[algRS256].public.Key.(*rsa.PublicKey)
		if pub.N.BitLen() != cmp.Or(bits, 2048) {
			t.Errorf("a key of %d bits, %d configured", pub.N.BitLen(), bits)
		}
		dot := strings.LastIndex(token, ".")
		digest := sha256.Sum256([]byte(token[:dot]))
		sig, err := b64.DecodeString(token[dot+1:])
		if err != nil {
			t.Fatal(err)
		}
		if err := rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], sig); err != nil {
			t.Error(err)
		}
	}
}

// TestKeyTakesOverAndLeavesWithoutReload: after the next key was read once,
// the hand-over and the removal need the clock alone.
func TestKeyTakesOverAndLeavesWithoutReload(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	first := signerKID(t, r)
	start, cfg := b.clock.Now(), b.config()
	announced, over := cfg.RotateEvery-cfg.AnnounceFor, cfg.RotateEvery
	removed := over + cfg.KeepFor
	b.clock.advance(announced)
	if err := r.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	made := r.Keys()[1]
	b.store.setDown(true)
	for _, tt := range []struct {
		name   string
		at     time.Duration
		signer string
		jwks   []string
	}{
		{"announced", announced, first, []string{first, made.KID}},
		{"just before the hand-over", over - 1, first, []string{first, made.KID}},
		{"hand-over", over, made.KID, []string{made.KID, first}},
		{"just before the removal", removed - 1, made.KID, []string{made.KID, first}},
		{"removal", removed, made.KID, []string{made.KID}},
		{"a clock put back", over - 1, first, []string{first, made.KID}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.clock.set(start.Add(tt.at))
			if got := jwksKIDs(t, r); !slices.Equal(got, tt.jwks) {
				t.Errorf("JWKS %v, want %v", got, tt.jwks)
			}
			if got := signerKID(t, r); got != tt.signer {
				t.Errorf("signed by %s, want %s", got, tt.signer)
			}
		})
	}
}

func TestTokenOfARemovedKeyIsUnknown(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	token, err := r.Sign(algRS256, "at+jwt", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rotate(t.Context(), RotateOptions{}); err != nil {
		t.Fatal(err)
	}
	b.clock.advance(b.config().RotateEvery + b.config().KeepFor - 1)
	if _, err := r.Verify(token); err != nil {
		t.Errorf("before the removal: %v", err)
	}
	b.clock.advance(1)
	if _, err := r.Verify(token); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("after the removal: %v", err)
	}
	if got := b.mustOpen().Keys(); got[0].State != StateRemoved {
		t.Errorf("a new ring lists it as %s", got[0].State)
	}
}

func TestRotateAnnouncesFirstAndOnlyOnce(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	first := signerKID(t, r)
	now := b.clock.Now()
	made := b.mustRotate(r)
	if made.State != StateAnnounced || made.Generation != 2 || !made.ActiveAt.Equal(now.Add(b.config().AnnounceFor)) {
		t.Errorf("made %+v", made)
	}
	if old := r.Keys()[0]; !old.RetiredAt.Equal(made.ActiveAt) || old.KID != first {
		t.Errorf("the key before it: %+v", old)
	}
	b.clock.advance(time.Minute)
	if again := b.mustRotate(r); again.KID != made.KID || b.store.count() != 2 {
		t.Errorf("rotating again gave %+v, %d keys", again, b.store.count())
	}
	b.clock.advance(b.config().AnnounceFor)
	if third := b.mustRotate(r); third.Generation != 3 {
		t.Errorf("after the hand-over: %+v", third)
	}
}

// doors holds every caller back until all n have come, again and again.
func doors(n int) func() {
	var mu sync.Mutex
	arrived := 0
	open := []chan struct{}{make(chan struct{})}
	return func() {
		mu.Lock()
		door := open[arrived/n]
		if arrived++; arrived%n == 0 {
			open = append(open, make(chan struct{}))
			close(door)
		}
		mu.Unlock()
		<-door
	}
}

// TestNodesThatRotateAtOnceMakeOneKey holds every node at the door of the
// store until all have found that they need a key, and again until all have
// made one; the store takes the first.
func TestNodesThatRotateAtOnceMakeOneKey(t *testing.T) {
	const nodes = 4
	for _, tt := range []struct {
		name string
		want int
		do   func(t *testing.T, b *bench) func() (string, error)
	}{
		{"first key", 1, func(t *testing.T, b *bench) func() (string, error) {
			return func() (string, error) {
				r, err := b.open(b.config())
				if err != nil {
					return "", err
				}
				return r.Keys()[0].KID, nil
			}
		}},
		{"next key", 2, func(t *testing.T, b *bench) func() (string, error) {
			b.mustOpen()
			return func() (string, error) {
				r, err := b.open(b.config())
				if err != nil {
					return "", err
				}
				made, err := r.Rotate(context.Background(), RotateOptions{})
				if err != nil {
					return "", err
				}
				return made[0].KID, nil
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			rotate := tt.do(t, b)
			b.store.beforeChange = doors(nodes)
			kids, errs := make([]string, nodes), make([]error, nodes)
			var done sync.WaitGroup
			for i := range nodes {
				done.Go(func() { kids[i], errs[i] = rotate() })
			}
			done.Wait()
			for i := range nodes {
				if errs[i] != nil || kids[i] != kids[0] {
					t.Errorf("node %d: %s, %v; node 0 has %s", i, kids[i], errs[i], kids[0])
				}
			}
			if b.store.count() != tt.want {
				t.Errorf("%d keys in the store, want %d", b.store.count(), tt.want)
			}
		})
	}
}

// TestDownPastRetirement: no node ran when the last key was to retire, even to
// be removed. It signs on, its successor is announced in full, and the store
// then tells every node the same.
func TestDownPastRetirement(t *testing.T) {
	for name, down := range map[string]time.Duration{
		"past the announcement": 23 * time.Hour,
		"past RetiredAt":        25 * time.Hour,
		"past RemovedAt":        400 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			first := signerKID(t, b.mustOpen())
			b.clock.advance(down)
			back := b.clock.Now()

			r := b.mustOpen()
			if signerKID(t, r) != first || !slices.Equal(jwksKIDs(t, r), []string{first}) {
				t.Fatal("the ring opens without its old signer")
			}
			if err := r.keep(t.Context()); err != nil {
				t.Fatal(err)
			}
			keys := r.Keys()
			if len(keys) != 2 || keys[0].State != StateActive || keys[1].State != StateAnnounced {
				t.Fatalf("keys %+v", keys)
			}
			if got := keys[1].ActiveAt.Sub(back); got < b.config().MinAnnounce() {
				t.Errorf("the next key is announced for %s only", got)
			}
			if !keys[0].RetiredAt.Equal(keys[1].ActiveAt) || !keys[0].RemovedAt.Equal(keys[1].ActiveAt.Add(b.config().KeepFor)) {
				t.Errorf("times of the old key were not moved: %+v", keys[0])
			}
			b.clock.set(keys[1].ActiveAt)
			if signerKID(t, r) != keys[1].KID || len(jwksKIDs(t, r)) != 2 {
				t.Error("no hand-over")
			}
		})
	}
}

// TestUnreadableStore: a ring goes on with the keys it knows for as long as the
// schedule says; then another node may have put a new one in their place, and it
// stops, says so, and begins again when it has read the store.
func TestUnreadableStore(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	first := signerKID(t, r)
	b.store.setDown(true)
	b.clock.advance(b.config().RotateEvery - 1)
	if err := r.keep(t.Context()); !errors.Is(err, errDown) {
		t.Fatalf("got %v", err)
	}
	if _, err := r.Rotate(t.Context(), RotateOptions{}); !errors.Is(err, errDown) {
		t.Errorf("rotated with %v", err)
	}
	if _, err := r.Revoke(t.Context(), first, "a test"); !errors.Is(err, errDown) {
		t.Errorf("revoked with %v", err)
	}
	if _, err := b.open(b.config()); !errors.Is(err, errDown) {
		t.Errorf("opened with %v", err)
	}
	if signerKID(t, r) != first || r.Ready() != nil {
		t.Error("the signer changed")
	}

	b.clock.advance(1)
	for name, err := range map[string]error{
		"Ready":      r.Ready(),
		"SigningAlg": func() error { _, err := r.SigningAlg(""); return err }(),
		"Sign":       func() error { _, err := r.Sign(algRS256, "JWT", []byte(`{}`)); return err }(),
	} {
		if !errors.Is(err, ErrNoSigner) || !strings.Contains(err.Error(), "could not be read since 2030-03-01T12:00:00Z") {
			t.Errorf("%s past the end of the newest key known: %v", name, err)
		}
	}
	if got := jwksKIDs(t, r); !slices.Equal(got, []string{first}) {
		t.Errorf("the JWKS holds %v; the tokens that are out are still good", got)
	}

	b.store.setDown(false)
	if err := r.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if signerKID(t, r) != first || r.Ready() != nil {
		t.Error("the store says that no other key is there, but the ring does not sign")
	}
}

// TestEmptiedStore: a ring that runs makes no new keys in the place of those
// that were deleted beneath it; that would end every token there is.
func TestEmptiedStore(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	first := signerKID(t, r)
	records := b.store.records
	b.store.records = nil
	if err := r.keep(t.Context()); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), first) || b.store.count() != 0 {
		t.Errorf("got %v, %d keys", err, b.store.count())
	}
	if signerKID(t, r) != first {
		t.Error("it signs with another key")
	}
	b.store.records = records
	if err := r.keep(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestReloadUnsealsAKeyOnce(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	key := r.current().signers[algRS256]
	if err := r.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.current().signers[algRS256] != key {
		t.Error("an unchanged key was read anew")
	}
}
