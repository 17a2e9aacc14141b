package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"signet/keys"
)

func fullKey(kid, algorithm string, generation int) keys.Record {
	return keys.Record{
		KID: kid, Algorithm: algorithm, Generation: generation,
		PublicJWK: []byte(`{"kty":"RSA","n":"AQAB"}`), Sealed: []byte{0, 1, 0xff, 0xfe, '\n', 0}, VerifyOnly: true,
		AnnouncedAt: utc(1), ActiveAt: utc(2), RetiredAt: utc(3), RemovedAt: utc(4),
		RevokedAt: utc(5), RevokedReason: "the laptop it was copied to was stolen",
	}
}

// bareKey is fullKey without all that may be left out.
func bareKey(kid, algorithm string, generation int) keys.Record {
	return keys.Record{
		KID: kid, Algorithm: algorithm, Generation: generation, PublicJWK: []byte(`{}`), Sealed: []byte{1},
	}
}

// storing is a change that stores changed, whatever is there.
func storing(changed ...keys.Record) func([]keys.Record) ([]keys.Record, error) {
	return func([]keys.Record) ([]keys.Record, error) { return changed, nil }
}

// allKeys fails unless Keys answers want, and a change gets the same.
func allKeys(t *testing.T, b Backend, want ...keys.Record) {
	t.Helper()
	all, err := b.Keys(t.Context())
	must(t, err)
	var changing []keys.Record
	must(t, b.ChangeKeys(t.Context(), func(all []keys.Record) ([]keys.Record, error) {
		changing = all
		return nil, nil
	}))
	if len(all) == 0 && len(changing) == 0 && len(want) == 0 {
		return
	}
	same(t, "keys", all, want)
	same(t, "keys as change gets them", changing, want)
}

func keyRoundTrip(t *testing.T, b Backend) {
	allKeys(t, b)
	zoned := fullKey("d", "RS256", 9)
	zoned.AnnouncedAt, zoned.ActiveAt, zoned.RetiredAt, zoned.RemovedAt = fine(1), fine(2), fine(3), fine(4)
	zoned.RevokedAt = fine(5)
	must(t, b.ChangeKeys(t.Context(), storing(zoned)))
	must(t, b.ChangeKeys(t.Context(), storing(fullKey("c", "RS256", 10), bareKey("a", "RS256", 1))))
	must(t, b.ChangeKeys(t.Context(), storing(fullKey("b", "ES256", 1))))
	must(t, b.ChangeKeys(t.Context(), storing()))
	allKeys(t, b, fullKey("b", "ES256", 1), bareKey("a", "RS256", 1), fullKey("d", "RS256", 9), fullKey("c", "RS256", 10))
}

func keyReplace(t *testing.T, b Backend) {
	bystander := fullKey("2", "RS256", 2)
	must(t, b.ChangeKeys(t.Context(), storing(fullKey("1", "RS256", 1), bystander)))
	must(t, b.ChangeKeys(t.Context(), storing(bareKey("1", "RS256", 1))))
	allKeys(t, b, bareKey("1", "RS256", 1), bystander)
	must(t, b.ChangeKeys(t.Context(), storing(fullKey("1", "EdDSA", 7))))
	allKeys(t, b, fullKey("1", "EdDSA", 7), bystander)
}

func keyAddAndReplace(t *testing.T, b Backend) {
	must(t, b.ChangeKeys(t.Context(), storing(bareKey("1", "RS256", 1))))
	must(t, b.ChangeKeys(t.Context(), func(all []keys.Record) ([]keys.Record, error) {
		all[0].RetiredAt, all[0].RemovedAt = fine(20), fine(30)
		return append(all, fullKey("2", "RS256", 2)), nil
	}))
	want := bareKey("1", "RS256", 1)
	want.RetiredAt, want.RemovedAt = utc(20), utc(30)
	allKeys(t, b, want, fullKey("2", "RS256", 2))
}

func keyTaken(t *testing.T, b Backend) {
	must(t, b.ChangeKeys(t.Context(), storing(bareKey("1", "RS256", 1), bareKey("2", "RS256", 2))))
	for name, changed := range map[string][]keys.Record{
		"new key of a taken generation":       {fullKey("late", "RS256", 2)},
		"two new keys of one generation":      {fullKey("3", "RS256", 3), fullKey("4", "RS256", 3)},
		"two new keys of one id":              {fullKey("3", "RS256", 3), fullKey("3", "RS256", 4)},
		"old key moved to a taken generation": {fullKey("2", "RS256", 1)},
	} {
		// What could be stored stands on both sides of what cannot.
		changed = append([]keys.Record{fullKey("1", "RS256", 1)}, changed...)
		changed = append(changed, fullKey("good", "ES256", 1))
		if err := b.ChangeKeys(t.Context(), storing(changed...)); !errors.Is(err, keys.ErrExists) {
			t.Errorf("%s: got %v, want ErrExists", name, err)
		}
		allKeys(t, b, bareKey("1", "RS256", 1), bareKey("2", "RS256", 2))
	}
}

func keyChangeFails(t *testing.T, b Backend) {
	must(t, b.ChangeKeys(t.Context(), storing(bareKey("1", "RS256", 1))))
	refused := errors.New("refused")
	for _, cause := range []error{refused, fmt.Errorf("for a reason: %w", refused), keys.ErrExists} {
		err := b.ChangeKeys(t.Context(), func([]keys.Record) ([]keys.Record, error) {
			return []keys.Record{fullKey("1", "RS256", 1), fullKey("2", "RS256", 2)}, cause
		})
		if err != cause {
			t.Errorf("got %v, want the error of change itself: %v", err, cause)
		}
		allKeys(t, b, bareKey("1", "RS256", 1))
	}
}

func keyChangeCancelled(t *testing.T, b Backend) {
	must(t, b.ChangeKeys(t.Context(), storing(bareKey("1", "RS256", 1))))
	ctx, cancel := context.WithCancel(t.Context())
	err := b.ChangeKeys(ctx, func([]keys.Record) ([]keys.Record, error) {
		cancel()
		return []keys.Record{fullKey("1", "RS256", 1), fullKey("2", "RS256", 2)}, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	allKeys(t, b, bareKey("1", "RS256", 1))
}

func keyCopies(t *testing.T, b Backend) {
	spoil := func(records []keys.Record) {
		for i := range records {
			records[i].PublicJWK[0], records[i].Sealed[0] = 'x', 'x'
			records[i].KID, records[i].Generation = "spoilt", 99
		}
	}
	must(t, b.ChangeKeys(t.Context(), storing(fullKey("1", "RS256", 1))))
	var got, returned []keys.Record
	must(t, b.ChangeKeys(t.Context(), func(all []keys.Record) ([]keys.Record, error) {
		got, returned = all, []keys.Record{fullKey("2", "RS256", 2)}
		spoil(all)
		return returned, nil
	}))
	allKeys(t, b, fullKey("1", "RS256", 1), fullKey("2", "RS256", 2))
	spoil(got)
	spoil(returned)
	allKeys(t, b, fullKey("1", "RS256", 1), fullKey("2", "RS256", 2))

	must(t, b.ChangeKeys(t.Context(), func(all []keys.Record) ([]keys.Record, error) {
		got = all
		return all, nil
	}))
	spoil(got)
	allKeys(t, b, fullKey("1", "RS256", 1), fullKey("2", "RS256", 2))
}

// raceKeys: a change that comes between two others loses nothing of either.
func raceKeys(t *testing.T, b Backend) {
	must(t, b.ChangeKeys(t.Context(), storing(bareKey("first", "RS256", 1))))
	none := func(error) bool { return false }
	race(t, 20, none, func(i int) error {
		return b.ChangeKeys(t.Context(), func(all []keys.Record) ([]keys.Record, error) {
			runtime.Gosched() // lets another in, if one can come between
			first, last := all[0], all[len(all)-1]
			first.RevokedReason += "."
			return []keys.Record{first, bareKey(fmt.Sprint("next", i), "RS256", last.Generation+1)}, nil
		})
	})
	all, err := b.Keys(t.Context())
	must(t, err)
	if len(all) != 21 {
		t.Fatalf("%d keys, want 21", len(all))
	}
	for i, k := range all {
		if k.Generation != i+1 {
			t.Errorf("key %d of 21 has generation %d", i+1, k.Generation)
		}
	}
	if n := len(all[0].RevokedReason); n != 20 {
		t.Errorf("%d of 20 changes of the first key are there", n)
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
