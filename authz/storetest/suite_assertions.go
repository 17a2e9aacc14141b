package storetest

import (
	"context"
	"errors"
	"testing"

	"signet/authz"
)

// assertionOnce: each id once, whatever it expires at, until it was swept.
func assertionOnce(t *testing.T, b Backend) {
	ctx := t.Context()
	must(t, b.UseAssertion(ctx, "a", at(10)))
	must(t, b.UseAssertion(ctx, "b", at(30)))
	for id, expires := range map[string]int{"a": 10, "b": 50} {
		if err := b.UseAssertion(ctx, id, at(expires)); !errors.Is(err, authz.ErrConflict) {
			t.Errorf("%s again: got %v, want ErrConflict", id, err)
		}
	}
	removed, err := b.Sweep(ctx, utc(20), 100)
	must(t, err)
	same(t, "removed", removed, map[string]int{"client_assertions": 1})
	if err := b.UseAssertion(ctx, "b", at(30)); !errors.Is(err, authz.ErrConflict) {
		t.Errorf("one that has not expired, after the sweep: got %v, want ErrConflict", err)
	}
	must(t, b.UseAssertion(ctx, "a", at(30)))
}

// raceAssertion: of many at once, one wins.
func raceAssertion(t *testing.T, b Backend) {
	won, lost := race(t, 20, func(err error) bool { return errors.Is(err, authz.ErrConflict) }, func(int) error {
		return b.UseAssertion(context.Background(), "a", at(10))
	})
	if won != 1 || lost != 19 {
		t.Errorf("%d won and %d lost, want 1 and 19", won, lost)
	}
}
