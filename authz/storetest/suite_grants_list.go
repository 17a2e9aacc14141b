package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"signet/authz"
)

func extendGrant(t *testing.T, b Backend) {
	ctx := t.Context()
	must(t, b.CreateGrant(ctx, freshGrant("g")))
	must(t, b.RedeemCode(ctx, "g", authz.Spend{Generation: 1, At: at(10), Expires: fine(20)}))
	seen, err := b.Grant(ctx, "g")
	must(t, err)
	index := authz.StatusIndex{List: "l", Index: 7, Expires: utc(25)}
	must(t, b.ExtendGrant(ctx, seen, authz.Spend{Expires: fine(30), Live: []authz.StatusIndex{index}}))
	want := freshGrant("g")
	want.RedeemedAt, want.RotatedAt, want.Generation, want.ExpiresAt, want.Live = utc(10), utc(10), 1, utc(30), []authz.StatusIndex{index}
	now, err := b.Grant(ctx, "g")
	must(t, err)
	same(t, "extended grant", now, want)

	other, nowhere, unlisted := now, now, now
	other.Generation, nowhere.ID, unlisted.Live = 2, "nowhere", nil
	for name, seen := range map[string]authz.Grant{
		"an expiry that has moved": seen, "another generation": other, "a grant that is not there": nowhere, "live tokens that it did not see": unlisted,
	} {
		if err := b.ExtendGrant(ctx, seen, authz.Spend{Expires: at(40)}); !errors.Is(err, authz.ErrConflict) {
			t.Errorf("%s: got %v, want ErrConflict", name, err)
		}
	}
	must(t, b.RevokeGrant(ctx, "g", at(31), "signed out"))
	if err := b.ExtendGrant(ctx, now, authz.Spend{Expires: at(40)}); !errors.Is(err, authz.ErrConflict) {
		t.Errorf("extending after revocation: got %v, want ErrConflict", err)
	}
}

// raceExtend: as the expiry stands at its end, nothing but the live tokens
// tells one refresh from another; none may be lost.
func raceExtend(t *testing.T, b Backend) {
	must(t, b.CreateGrant(t.Context(), freshGrant("g")))
	must(t, b.RedeemCode(t.Context(), "g", authz.Spend{Generation: 1, At: at(10), Expires: at(20)}))
	seen, err := b.Grant(t.Context(), "g")
	must(t, err)
	won, lost := race(t, 50, isConflict, func(i int) error {
		live := append(slices.Clone(seen.Live), authz.StatusIndex{List: "l", Index: i, Expires: utc(25)})
		return b.ExtendGrant(t.Context(), seen, authz.Spend{Expires: at(20), Live: live})
	})
	if won != 1 || lost != 49 {
		t.Errorf("%d extensions won and %d lost, want 1 and 49", won, lost)
	}
}

// manyGrants stores two grants for each of two people, clients and sessions,
// ids g00 to g15, not in that order.
func manyGrants(t *testing.T, b Backend) []authz.Grant {
	t.Helper()
	all := make([]authz.Grant, 16)
	for i := range all {
		g := freshGrant(fmt.Sprintf("g%02d", i))
		g.Subject, g.ClientID, g.SessionID = fmt.Sprint("person-", i%2), fmt.Sprint("client-", i/2%2), fmt.Sprint("session-", i/4%2)
		g.ExpiresAt = utc(30)
		all[i] = g
	}
	for i := range all {
		must(t, b.CreateGrant(t.Context(), all[(i*7)%16]))
	}
	return all
}

// collect reads every page of a listing.
func collect(t *testing.T, b Backend, f authz.GrantFilter, limit int) []authz.Grant {
	t.Helper()
	var all []authz.Grant
	after := ""
	for range 100 {
		page, err := b.Grants(t.Context(), f, after, limit)
		must(t, err)
		if len(page) > limit {
			t.Fatalf("a page of %d grants, the limit is %d", len(page), limit)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		after = page[len(page)-1].ID
	}
	t.Fatal("the pages do not end")
	return nil
}

func listGrants(t *testing.T, b Backend) {
	if page, err := b.Grants(t.Context(), authz.GrantFilter{}, "", 10); err != nil || len(page) != 0 {
		t.Errorf("an empty store: %v, %v", page, err)
	}
	stored := manyGrants(t, b)
	for _, f := range []authz.GrantFilter{
		{}, {ID: "g05"}, {ID: "g"}, {Subject: "person-1"}, {ClientID: "client-0"}, {SessionID: "session-1"},
		{Subject: "person-0", ClientID: "client-1"}, {Subject: "person-1", ClientID: "client-1", SessionID: "session-0"},
		{Subject: "PERSON-1"}, {Subject: "person-1", SessionID: "nowhere"}, {ID: "g05", Subject: "person-0"},
	} {
		var want []authz.Grant
		for _, g := range stored {
			if f.Matches(&g) {
				want = append(want, g)
			}
		}
		for _, limit := range []int{1, 3, 16, 100} {
			same(t, fmt.Sprintf("%+v by %d", f, limit), collect(t, b, f, limit), want)
		}
	}
}

func listLiveGrants(t *testing.T, b Backend) {
	alive, expired, revoked, forever := freshGrant("alive"), freshGrant("expired"), freshGrant("revoked"), freshGrant("forever")
	alive.ExpiresAt, expired.ExpiresAt, revoked.ExpiresAt, forever.ExpiresAt = at(21), at(20), at(30), at(30)
	for _, g := range []authz.Grant{alive, expired, revoked, forever} {
		must(t, b.CreateGrant(t.Context(), g))
	}
	must(t, b.RevokeGrant(t.Context(), "revoked", at(10), "x"))
	ids := func(f authz.GrantFilter) (out []string) {
		for _, g := range collect(t, b, f, 2) {
			out = append(out, g.ID)
		}
		return out
	}
	if got := ids(authz.GrantFilter{LiveAt: at(20)}); !slices.Equal(got, []string{"alive", "forever"}) {
		t.Errorf("alive: %q", got)
	}
	if got := ids(authz.GrantFilter{}); len(got) != 4 {
		t.Errorf("all: %q", got)
	}
}

func revokeManyGrants(t *testing.T, b Backend) {
	stored := manyGrants(t, b)
	must(t, b.RevokeGrant(t.Context(), "g03", at(9), "before"))
	done, err := b.RevokeGrants(t.Context(), []string{"g01", "g03", "nowhere", "g07"}, fine(10), "asked — „jetzt“")
	must(t, err)
	if !slices.Equal(done, []string{"g01", "g07"}) {
		t.Errorf("revoked %q", done)
	}
	for i := range stored {
		switch stored[i].ID {
		case "g01", "g07":
			stored[i].RevokedAt, stored[i].RevokedReason = utc(10), "asked — „jetzt“"
		case "g03":
			stored[i].RevokedAt, stored[i].RevokedReason = utc(9), "before"
		}
	}
	same(t, "all grants", collect(t, b, authz.GrantFilter{}, 100), stored)
	if done, err := b.RevokeGrants(t.Context(), nil, at(11), "x"); err != nil || len(done) != 0 {
		t.Errorf("revoking none: %q, %v", done, err)
	}
}

// revokeByFilter goes through more than one batch of authz.RevokeGrants.
func revokeByFilter(t *testing.T, b Backend) {
	const theirs = 450
	for i := range theirs {
		g := freshGrant(fmt.Sprintf("theirs-%03d", i))
		g.Subject, g.ExpiresAt = "ann", at(30)
		must(t, b.CreateGrant(t.Context(), g))
	}
	other := freshGrant("other")
	other.ExpiresAt = at(30)
	must(t, b.CreateGrant(t.Context(), other))
	if _, err := authz.RevokeGrants(t.Context(), b, authz.GrantFilter{LiveAt: at(1)}, at(10), "x", nil); !errors.Is(err, authz.ErrNoFilter) {
		t.Errorf("an empty filter: got %v, want ErrNoFilter", err)
	}
	var told []string
	note := func(g authz.Grant) { told = append(told, g.ID) }
	n, err := authz.RevokeGrants(t.Context(), b, authz.GrantFilter{Subject: "ann"}, at(10), "left", note)
	must(t, err)
	if n != theirs || len(told) != theirs {
		t.Errorf("%d grants revoked, %d told of, want %d", n, len(told), theirs)
	}
	if n, err := authz.RevokeGrants(t.Context(), b, authz.GrantFilter{Subject: "ann"}, at(11), "again", nil); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
	live := collect(t, b, authz.GrantFilter{LiveAt: at(12)}, 100)
	if len(live) != 1 || live[0].ID != "other" {
		t.Errorf("alive afterwards: %d grants", len(live))
	}
	count := 0
	must(t, authz.EachGrant(t.Context(), b, authz.GrantFilter{Subject: "ann"}, func(g authz.Grant) error {
		if count++; g.RevokedReason != "left" {
			return fmt.Errorf("grant %s: %q", g.ID, g.RevokedReason)
		}
		return nil
	}))
	if count != theirs {
		t.Errorf("EachGrant gave %d grants, want %d", count, theirs)
	}
}

// raceRevokeMany: each grant is revoked once, and whoever refreshes meanwhile
// finds it dead.
func raceRevokeMany(t *testing.T, b Backend) {
	manyGrants(t, b)
	var ids []string
	for _, g := range collect(t, b, authz.GrantFilter{}, 100) {
		must(t, b.RedeemCode(t.Context(), g.ID, authz.Spend{Generation: 1, At: at(10), Expires: at(30)}))
		ids = append(ids, g.ID)
	}
	var mu sync.Mutex
	total := 0
	race(t, 16, isConflict, func(i int) error {
		if i >= 10 {
			return b.Rotate(t.Context(), ids[i], 1, authz.Spend{Generation: 2, At: at(11), Expires: at(30)})
		}
		done, err := b.RevokeGrants(t.Context(), ids, at(12), "x")
		mu.Lock()
		defer mu.Unlock()
		total += len(done)
		return err
	})
	if total != len(ids) {
		t.Errorf("%d revocations of %d grants", total, len(ids))
	}
	if live := collect(t, b, authz.GrantFilter{LiveAt: at(13)}, 100); len(live) != 0 {
		t.Errorf("%d grants live", len(live))
	}
}
