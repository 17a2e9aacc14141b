package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/login"
)

// Sweeper removes what has expired.
type Sweeper interface {
	// Sweep removes up to limit rows of each table whose expiry lies before a
	// time, and returns how many those were, by table.
	Sweep(ctx context.Context, before time.Time, limit int) (removed map[string]int, err error)
}

// sweepExpired: what has expired goes, what has not and what never will stays.
func sweepExpired(t *testing.T, b Backend) {
	ctx := t.Context()
	for name, expires := range map[string]time.Time{"old": utc(10), "edge": utc(20), "new": utc(30), "never": {}} {
		must(t, b.CreateGrant(ctx, authz.Grant{ID: name, ClientID: "c", Subject: "s", ExpiresAt: expires}))
		must(t, b.CreateSession(ctx, login.Session{ID: name, TokenHash: name, Subject: "s", ExpiresAt: expires}))
		must(t, b.RevokeToken(ctx, name, authz.StatusIndex{}, expires))
	}
	removed, err := b.Sweep(ctx, utc(20), 100)
	must(t, err)
	same(t, "removed", removed, map[string]int{"grants": 1, "sessions": 1, "revoked_tokens": 1})
	for _, name := range []string{"edge", "new", "never"} {
		if _, err := b.Grant(ctx, name); err != nil {
			t.Errorf("grant %s: %v", name, err)
		}
		if _, err := b.SessionByToken(ctx, name); err != nil {
			t.Errorf("session %s: %v", name, err)
		}
		if revoked, err := b.TokenRevoked(ctx, name); err != nil || !revoked {
			t.Errorf("token %s: %t, %v", name, revoked, err)
		}
	}
	if _, err := b.Grant(ctx, "old"); !errors.Is(err, authz.ErrNotFound) {
		t.Errorf("the expired grant: %v", err)
	}
	if revoked, err := b.TokenRevoked(ctx, "old"); err != nil || revoked {
		t.Errorf("the expired token: %t, %v", revoked, err)
	}
	again, err := b.Sweep(ctx, utc(20), 100)
	must(t, err)
	same(t, "removed again", again, map[string]int{})
}

// sweepInBatches: never more than limit at once, and in the end all.
func sweepInBatches(t *testing.T, b Backend) {
	const rows, limit = 25, 10
	for i := range rows {
		must(t, b.CreateGrant(t.Context(), authz.Grant{ID: fmt.Sprint(i), ClientID: "c", Subject: "s", ExpiresAt: utc(i)}))
	}
	var batches []int
	for {
		removed, err := b.Sweep(t.Context(), utc(59), limit)
		must(t, err)
		if removed["grants"] == 0 {
			break
		}
		batches = append(batches, removed["grants"])
	}
	same(t, "batches", batches, []int{10, 10, 5})
}

// raceSweep: nodes that sweep at once remove every row once.
func raceSweep(t *testing.T, b Backend) {
	const rows, nodes = 60, 4
	for i := range rows {
		must(t, b.CreateGrant(t.Context(), authz.Grant{ID: fmt.Sprint(i), ClientID: "c", Subject: "s", ExpiresAt: utc(1)}))
	}
	counts := make([]int, nodes)
	race(t, nodes, func(error) bool { return false }, func(i int) error {
		for {
			removed, err := b.Sweep(context.Background(), utc(2), 7)
			if err != nil || removed["grants"] == 0 {
				return err
			}
			counts[i] += removed["grants"]
		}
	})
	total := 0
	for _, n := range counts {
		total += n
	}
	if total != rows {
		t.Errorf("%d rows were removed of %d: %v", total, rows, counts)
	}
}
