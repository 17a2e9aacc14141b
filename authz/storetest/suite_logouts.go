package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"signet/authz"
	"signet/authz/login"
	"signet/clients"
)

// reached is an app that a session has reached and that wants logout tokens.
func reached(session, client string) authz.Reached {
	return authz.Reached{
		SID: session, SessionID: session, ClientID: client, Subject: "ann", Sub: "pairwise-ann", Back: true, ExpiresAt: utc(50),
	}
}

// reach makes sessions of ann that have reached apps: grants with new ids.
func reach(t *testing.T, b Backend, session string, apps ...string) {
	t.Helper()
	must(t, b.CreateSession(t.Context(), login.Session{ID: session, TokenHash: session, Subject: "ann", ExpiresAt: utc(50)}))
	for _, app := range apps {
		must(t, b.CreateReachingGrant(t.Context(), freshGrant(session+app), reached(session, app)))
	}
}

// reachedOnce: the first code for an app counts, and every grant is there.
func reachedOnce(t *testing.T, b Backend) {
	ctx := t.Context()
	reach(t, b, "s", "b", "a")
	again := reached("s", "a")
	again.Sub = "other"
	must(t, b.CreateReachingGrant(ctx, freshGrant("again"), again))
	front := reached("t", "a")
	front.Back, front.Front = false, true
	must(t, b.CreateReachingGrant(ctx, freshGrant("front"), front))
	got, err := b.ReachedClients(ctx, "s")
	must(t, err)
	same(t, "reached", got, []authz.Reached{reached("s", "a"), reached("s", "b")})
	if got, err = b.ReachedClients(ctx, "t"); err != nil || !slices.Equal(got, []authz.Reached{front}) {
		t.Errorf("by the front channel: %+v, %v", got, err)
	}
	for _, id := range []string{"sa", "sb", "again", "front"} {
		if _, err := b.Grant(ctx, id); err != nil {
			t.Errorf("grant %s: %v", id, err)
		}
	}
	// Both or neither: a grant that cannot be leaves nothing behind.
	if err := b.CreateReachingGrant(ctx, freshGrant("again"), reached("u", "a")); err == nil {
		t.Error("a grant was made twice")
	}
	if got, err = b.ReachedClients(ctx, "u"); err != nil || len(got) != 0 {
		t.Errorf("of a grant that was not made: %+v, %v", got, err)
	}
}

// queuedLogouts: whoever ends sessions queues one logout token for each session
// and app with a back channel, and no more of them however often.
func queuedLogouts(t *testing.T, b Backend) {
	ctx := t.Context()
	reach(t, b, "s", "a", "b")
	reach(t, b, "t", "a")
	reach(t, b, "u", "a")
	front := reached("s", "c")
	front.Back, front.Front = false, true
	must(t, b.CreateReachingGrant(ctx, freshGrant("front"), front))
	want := func(session, client string, second int) authz.LogoutDelivery {
		return authz.LogoutDelivery{SID: session, ClientID: client, Subject: "ann", Sub: "pairwise-ann", NextAt: utc(second), CreatedAt: utc(second)}
	}
	for range 2 {
		must(t, b.EndSession(ctx, "s", at(10)))
		must(t, b.EndSession(ctx, "nowhere", at(10)))
		got, err := b.LogoutDeliveries(ctx, true, 10)
		must(t, err)
		same(t, "after one session", got, []authz.LogoutDelivery{want("s", "a", 10), want("s", "b", 10)})
	}
	for range 2 {
		_, err := b.EndSessions(ctx, login.SessionFilter{Subject: "ann"}, at(20))
		must(t, err)
		got, err := b.LogoutDeliveries(ctx, true, 3)
		must(t, err)
		same(t, "after all sessions", got, []authz.LogoutDelivery{want("t", "a", 20), want("u", "a", 20), want("s", "a", 10)})
	}
	pending, err := b.PendingLogouts(ctx)
	must(t, err)
	if len(pending) != 2 || !pending["a"].Equal(utc(10)) || !pending["b"].Equal(utc(10)) {
		t.Errorf("pending: %v", pending)
	}
}

// claimedLogouts: what is claimed is nobody else's until the claim ends, and
// whoever comes late with an outcome changes nothing.
func claimedLogouts(t *testing.T, b Backend) {
	ctx := t.Context()
	reach(t, b, "s", "a", "b")
	must(t, b.EndSession(ctx, "s", at(10)))
	claim := func(now, until, want int) []authz.LogoutDelivery {
		t.Helper()
		got, err := b.ClaimLogouts(ctx, "a", at(now), at(until), 10)
		must(t, err)
		if len(got) != want {
			t.Fatalf("claimed at %d: %+v, want %d", now, got, want)
		}
		return got
	}
	claim(9, 19, 0)
	first := claim(10, 20, 1)[0]
	if first.Attempts != 1 || first.ClientID != "a" || first.Sub != "pairwise-ann" || !first.NextAt.Equal(utc(20)) {
		t.Errorf("claimed: %+v", first)
	}
	claim(19, 29, 0)
	second := claim(20, 30, 1)[0] // the first node has died
	late := first
	late.NextAt, late.DeliveredAt = utc(0), utc(21)
	must(t, b.SettleLogouts(ctx, at(20), []authz.LogoutDelivery{late}))
	claim(29, 39, 0)
	second.NextAt, second.Status, second.Error = utc(40), 500, "it says no"
	must(t, b.SettleLogouts(ctx, at(30), []authz.LogoutDelivery{second}))
	claim(39, 49, 0)
	third := claim(40, 50, 1)[0]
	if third.Attempts != 3 || third.Status != 500 || third.Error != "it says no" {
		t.Errorf("claimed for the third time: %+v", third)
	}
	third.NextAt, third.DeliveredAt, third.Status, third.Error = authz.LogoutDelivery{}.NextAt, utc(41), 200, ""
	must(t, b.SettleLogouts(ctx, at(50), []authz.LogoutDelivery{third}))
	claim(59, 59, 0)
	got, err := b.LogoutDeliveries(ctx, false, 10)
	must(t, err)
	if len(got) != 1 || got[0].ClientID != "b" {
		t.Errorf("not delivered: %+v", got)
	}
	if got, err = b.LogoutDeliveries(ctx, true, 10); err != nil || len(got) != 2 || got[0].DeliveredAt.IsZero() || got[0].Attempts != 3 {
		t.Errorf("all: %+v, %v", got, err)
	}
}

// movedReached: the apps of a session that was taken over are told when the new
// one ends, with the sid that they know, and not before.
func movedReached(t *testing.T, b Backend) {
	ctx := t.Context()
	reach(t, b, "old", "a")
	reach(t, b, "new")
	must(t, b.MoveReached(ctx, "old", "new", utc(55)))
	must(t, b.CreateReachingGrant(ctx, freshGrant("more"), reached("new", "a")))
	must(t, b.EndSession(ctx, "old", at(10)))
	if got, err := b.LogoutDeliveries(ctx, true, 10); err != nil || len(got) != 0 {
		t.Errorf("at the end of the old one: %+v, %v", got, err)
	}
	must(t, b.EndSession(ctx, "new", at(20)))
	got, err := b.LogoutDeliveries(ctx, true, 10)
	must(t, err)
	if len(got) != 2 || got[0].SID != "new" || got[1].SID != "old" {
		t.Errorf("at the end of the new one: %+v", got)
	}
	all, err := b.ReachedClients(ctx, "new")
	must(t, err)
	if len(all) != 2 || !all[1].ExpiresAt.Equal(utc(55)) {
		t.Errorf("reached: %+v", all)
	}
}

// sweptLogouts: rows go when they are of no use, or with their client.
func sweptLogouts(t *testing.T, b Backend) {
	ctx := t.Context()
	for _, id := range []string{"a", "b"} {
		must(t, b.CreateClient(ctx, clients.Client{ID: id}))
	}
	reach(t, b, "s", "a", "b")
	must(t, b.EndSession(ctx, "s", at(10)))
	must(t, b.DeleteClient(ctx, "b"))
	removed, err := b.Sweep(ctx, utc(55), 100)
	must(t, err)
	if removed["session_clients"] != 1 || removed["logout_deliveries"] != 0 {
		t.Errorf("after the session: %v", removed)
	}
	removed, err = b.Sweep(ctx, utc(11).Add(authz.LogoutRetention), 100)
	must(t, err)
	if removed["logout_deliveries"] != 1 {
		t.Errorf("a week later: %v", removed)
	}
}

// raceLogouts: of many nodes, one gets each delivery.
func raceLogouts(t *testing.T, b Backend) {
	const rows, nodes = 40, 4
	for i := range rows {
		reach(t, b, fmt.Sprint(i), "a")
	}
	if _, err := b.EndSessions(t.Context(), login.SessionFilter{Subject: "ann"}, at(10)); err != nil {
		t.Fatal(err)
	}
	claimed := make([][]authz.LogoutDelivery, nodes)
	race(t, nodes, func(error) bool { return false }, func(i int) error {
		for {
			got, err := b.ClaimLogouts(context.Background(), "a", at(11), at(50), 3)
			if err != nil || len(got) == 0 {
				return err
			}
			claimed[i] = append(claimed[i], got...)
		}
	})
	seen := map[string]bool{}
	for _, d := range slices.Concat(claimed...) {
		if seen[d.SID] {
			t.Errorf("%s was claimed twice", d.SID)
		}
		seen[d.SID] = true
	}
	if len(seen) != rows {
		t.Errorf("%d of %d were claimed", len(seen), rows)
	}
}
