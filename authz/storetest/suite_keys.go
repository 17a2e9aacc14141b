package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"signet/keys"
)

func fullKey(kid, algorithm string, generation int) keys.Record {
	return keys.Record{
		KID: kid, Algorithm: algorithm, Generation: generation,
		PublicJWK: []byte(`{"kty":"RSA","n":"AQAB"}`), Sealed: []byte{0, 1, 0xff, 0xfe, '\n', 0},
		AnnouncedAt: utc(1), ActiveAt: utc(2), RetiredAt: utc(3), RemovedAt: utc(4),
	}
}

func allKeys(t *testing.T, b Backend, want ...keys.Record) {
	t.Helper()
	all, err := b.Keys(t.Context())
	must(t, err)
	if len(all) == 0 && len(want) == 0 {
		return
	}
	same(t, "keys", all, want)
}

func keyRoundTrip(t *testing.T, b Backend) {
	allKeys(t, b)
	zoned := fullKey("d", "RS256", 9)
	zoned.AnnouncedAt, zoned.ActiveAt, zoned.RetiredAt, zoned.RemovedAt = fine(1), fine(2), fine(3), fine(4)
	must(t, b.InsertKey(t.Context(), zoned, nil))
	must(t, b.InsertKey(t.Context(), fullKey("c", "RS256", 10), nil))
	endless := fullKey("a", "RS256", 1)
	endless.RetiredAt, endless.RemovedAt = time.Time{}, time.Time{}
	must(t, b.InsertKey(t.Context(), endless, nil))
	must(t, b.InsertKey(t.Context(), fullKey("b", "ES256", 1), nil))
	allKeys(t, b, fullKey("b", "ES256", 1), endless, fullKey("d", "RS256", 9), fullKey("c", "RS256", 10))
}

func keyRetires(t *testing.T, b Backend) {
	must(t, b.InsertKey(t.Context(), fullKey("1", "RS256", 1), nil))
	prev := fullKey("1", "RS256", 1)
	prev.RetiredAt, prev.RemovedAt = fine(20), fine(30)
	// Only the two times of prev may be taken over.
	prev.Sealed, prev.PublicJWK, prev.ActiveAt = nil, nil, at(40)
	must(t, b.InsertKey(t.Context(), fullKey("2", "RS256", 2), &prev))

	want := fullKey("1", "RS256", 1)
	want.RetiredAt, want.RemovedAt = utc(20), utc(30)
	allKeys(t, b, want, fullKey("2", "RS256", 2))
}

func keyTaken(t *testing.T, b Backend) {
	must(t, b.InsertKey(t.Context(), fullKey("1", "RS256", 1), nil))
	must(t, b.InsertKey(t.Context(), fullKey("2", "RS256", 2), nil))
	prev := fullKey("1", "RS256", 1)
	prev.RetiredAt, prev.RemovedAt = at(20), at(30)
	if err := b.InsertKey(t.Context(), fullKey("late", "RS256", 2), &prev); !errors.Is(err, keys.ErrExists) {
		t.Errorf("a taken generation: got %v, want ErrExists", err)
	}
	allKeys(t, b, fullKey("1", "RS256", 1), fullKey("2", "RS256", 2))
}

func keyUnknownPrev(t *testing.T, b Backend) {
	must(t, b.InsertKey(t.Context(), fullKey("1", "RS256", 1), nil))
	prev := fullKey("nowhere", "RS256", 1)
	if err := b.InsertKey(t.Context(), fullKey("2", "RS256", 2), &prev); err == nil || errors.Is(err, keys.ErrExists) {
		t.Errorf("an unknown predecessor: got %v, want another error", err)
	}
	allKeys(t, b, fullKey("1", "RS256", 1))
}

func raceKey(t *testing.T, b Backend) {
	must(t, b.InsertKey(t.Context(), fullKey("1", "RS256", 1), nil))
	won, lost := race(t, 20, func(err error) bool { return errors.Is(err, keys.ErrExists) }, func(i int) error {
		prev := fullKey("1", "RS256", 1)
		prev.RetiredAt = at(20 + i)
		next := fullKey(fmt.Sprint("next", i), "RS256", 2)
		next.ActiveAt = at(20 + i)
		return b.InsertKey(t.Context(), next, &prev)
	})
	if won != 1 || lost != 19 {
		t.Errorf("%d insertions won and %d lost, want 1 and 19", won, lost)
	}
	all, err := b.Keys(t.Context())
	must(t, err)
	if len(all) != 2 || !all[0].RetiredAt.Equal(all[1].ActiveAt) {
		t.Errorf("the first key does not retire when the winner becomes active: %+v", all)
	}
}

func fingerprints(t *testing.T, b Backend) {
	for _, step := range []struct {
		name, value string
		want        bool
	}{
		{"server.key", "secret", true},
		{"server.key", "secret", true},
		{"server.key", "other", false},
		{"server.key", "", false},
		{"sealing.key", "other", true},
		{"server.key", "secret", true},
	} {
		match, err := b.Fingerprint(t.Context(), step.name, []byte(step.value))
		must(t, err)
		if match != step.want {
			t.Errorf("%s with %q: got %v, want %v", step.name, step.value, match, step.want)
		}
	}
}

func raceFingerprint(t *testing.T, b Backend) {
	differs := errors.New("another value was first")
	won, lost := race(t, 20, func(err error) bool { return errors.Is(err, differs) }, func(i int) error {
		match, err := b.Fingerprint(t.Context(), "server.key", []byte{byte(i)})
		if err == nil && !match {
			return differs
		}
		return err
	})
	if won != 1 || lost != 19 {
		t.Errorf("%d first values won and %d lost, want 1 and 19", won, lost)
	}
}
