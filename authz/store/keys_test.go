package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"signet/authz/store"
	"signet/keys"
)

func signingKey(kid string, generation int) keys.Record {
	return keys.Record{KID: kid, Algorithm: "RS256", Generation: generation, PublicJWK: []byte("{}"), Sealed: []byte("x")}
}

// storing is a change that stores changed, whatever is there.
func storing(changed ...keys.Record) func([]keys.Record) ([]keys.Record, error) {
	return func([]keys.Record) ([]keys.Record, error) { return changed, nil }
}

// Nodes that make the next key at once take turns: each sees the keys of those
// before it, and none is told that its generation is taken.
func TestTwoStoresChangeKeysInTurn(t *testing.T) {
	path := newFile(t)
	stores := []*store.Store{open(t, path), open(t, path)}
	if err := stores[0].ChangeKeys(t.Context(), storing(signingKey("first", 1))); err != nil {
		t.Fatal(err)
	}
	const each = 10
	var done sync.WaitGroup
	for i := range 4 {
		done.Go(func() {
			for n := range each {
				err := stores[i%2].ChangeKeys(t.Context(), func(all []keys.Record) ([]keys.Record, error) {
					last := all[len(all)-1]
					last.RevokedReason += "retired once"
					return []keys.Record{last, signingKey(fmt.Sprint(i, "-", n), last.Generation+1)}, nil
				})
				if err != nil {
					t.Errorf("changing the keys: %v", err)
				}
			}
		})
	}
	done.Wait()
	for i, s := range stores {
		all, err := s.Keys(t.Context())
		if err != nil || len(all) != 1+4*each {
			t.Fatalf("store %d has %d keys (%v), want %d", i, len(all), err, 1+4*each)
		}
		for n, k := range all {
			want := "retired once"
			if n == len(all)-1 {
				want = ""
			}
			if k.Generation != n+1 || k.RevokedReason != want {
				t.Errorf("store %d: key %d of %d is generation %d and %q, want %q", i, n+1, len(all), k.Generation, k.RevokedReason, want)
			}
		}
	}
}

// The keys are read by every node all the time: not even a change that takes
// long may hold up a reader, who sees what was there before it.
func TestKeysAreReadBesideAChange(t *testing.T) {
	path := newFile(t)
	s, other := open(t, path), open(t, path)
	first := signingKey("1", 1)
	if err := s.ChangeKeys(t.Context(), storing(first)); err != nil {
		t.Fatal(err)
	}
	err := s.ChangeKeys(t.Context(), func(all []keys.Record) ([]keys.Record, error) {
		for _, reader := range []*store.Store{s, other} {
			seen, err := reader.Keys(t.Context())
			if err != nil || len(seen) != 1 || !seen[0].RevokedAt.IsZero() {
				t.Errorf("keys beside a change: %+v, %v", seen, err)
			}
		}
		all[0].RevokedAt = time.Unix(1, 0)
		return all, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	seen, err := other.Keys(t.Context())
	if err != nil || len(seen) != 1 || !seen[0].RevokedAt.Equal(time.Unix(1, 0)) {
		t.Errorf("keys after the change: %+v, %v", seen, err)
	}
}
