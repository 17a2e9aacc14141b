package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"signet/authz"
	"signet/clients"
)

func invitation(id string, uses, created, expires int) authz.Invitation {
	return authz.Invitation{ID: id, TokenHash: "hash of " + id, Uses: uses, UsesLeft: uses, Note: "for ü", CreatedAt: utc(created), ExpiresAt: utc(expires)}
}

func invitationRoundTrip(t *testing.T, b Backend) {
	ctx := t.Context()
	given := invitation("b", 3, 1, 9)
	given.CreatedAt, given.ExpiresAt = fine(1), fine(9)
	must(t, b.CreateInvitation(ctx, given))
	must(t, b.CreateInvitation(ctx, invitation("a", 1, 1, 8)))
	must(t, b.CreateInvitation(ctx, invitation("c", 1, 2, 8)))
	got, err := b.InvitationByToken(ctx, "hash of b")
	must(t, err)
	same(t, "invitation", got, invitation("b", 3, 1, 9))
	all, err := b.Invitations(ctx)
	must(t, err)
	same(t, "the newest first", all, []authz.Invitation{invitation("c", 1, 2, 8), invitation("a", 1, 1, 8), invitation("b", 3, 1, 9)})
	if b.CreateInvitation(ctx, authz.Invitation{ID: "d", TokenHash: "hash of a", ExpiresAt: utc(1)}) == nil {
		t.Error("two invitations have one token")
	}
	must(t, b.RevokeInvitation(ctx, "a"))
	for what, err := range map[string]error{
		"revoked twice":       b.RevokeInvitation(ctx, "a"),
		"found by its token":  second(b.InvitationByToken(ctx, "hash of a")),
		"found by its id":     second(b.InvitationByToken(ctx, "b")),
		"found by another's":  second(b.InvitationByToken(ctx, "HASH OF B")),
		"what cannot be kept": second(b.InvitationByToken(ctx, "a\x00b")),
	} {
		if !errors.Is(err, authz.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", what, err)
		}
	}
	removed, err := b.Sweep(ctx, utc(9), 10)
	must(t, err)
	same(t, "swept", removed, map[string]int{"invitations": 1})
}

func invitationUse(t *testing.T, b Backend) {
	ctx := t.Context()
	must(t, b.CreateInvitation(ctx, invitation("i", 2, 1, 9)))
	must(t, b.CreateInvitation(ctx, invitation("other", 1, 1, 9)))
	if err := b.RegisterClient(ctx, clients.Client{ID: "late"}, "hash of i", utc(9)); !errors.Is(err, authz.ErrConflict) {
		t.Errorf("at its end: got %v, want ErrConflict", err)
	}
	must(t, b.RegisterClient(ctx, fullClient("a"), "hash of i", utc(8)))
	must(t, b.RegisterClient(ctx, fullClient("b"), "hash of i", fine(8)))
	for _, hash := range []string{"hash of i", "i", "", "nobody's"} {
		if err := b.RegisterClient(ctx, clients.Client{ID: "c"}, hash, utc(2)); !errors.Is(err, authz.ErrConflict) {
			t.Errorf("with %q: got %v, want ErrConflict", hash, err)
		}
	}
	all, err := b.Clients(ctx)
	must(t, err)
	same(t, "registered", all, []clients.Client{fullClient("a"), fullClient("b")})
	got, err := b.InvitationByToken(ctx, "hash of i")
	must(t, err)
	spent := invitation("i", 2, 1, 9)
	spent.UsesLeft = 0
	same(t, "used up", got, spent)
	got, err = b.InvitationByToken(ctx, "hash of other")
	must(t, err)
	same(t, "another", got, invitation("other", 1, 1, 9))
}

func invitationKept(t *testing.T, b Backend) {
	ctx := t.Context()
	must(t, b.CreateInvitation(ctx, invitation("i", 1, 1, 9)))
	must(t, b.CreateClient(ctx, fullClient("a")))
	if err := b.RegisterClient(ctx, clients.Client{ID: "a"}, "hash of i", utc(2)); !errors.Is(err, clients.ErrExists) {
		t.Errorf("a taken id: got %v, want ErrExists", err)
	}
	got, err := b.InvitationByToken(ctx, "hash of i")
	must(t, err)
	same(t, "after a registration that failed", got, invitation("i", 1, 1, 9))
}

func raceInvitation(t *testing.T, b Backend) {
	must(t, b.CreateInvitation(t.Context(), invitation("i", 3, 1, 9)))
	won, lost := race(t, 20, func(err error) bool { return errors.Is(err, authz.ErrConflict) }, func(i int) error {
		return b.RegisterClient(t.Context(), clients.Client{ID: fmt.Sprint(i), Source: clients.SourceDynamic}, "hash of i", utc(2))
	})
	if all, err := b.Clients(t.Context()); won != 3 || lost != 17 || len(all) != 3 || err != nil {
		t.Errorf("%d registrations won and %d lost, %d clients stand, %v; want 3, 17 and 3", won, lost, len(all), err)
	}
}

// registered is a client that registered itself at a minute.
func registered(id string, minute int) clients.Client {
	return clients.Client{ID: id, Source: clients.SourceDynamic, CreatedAt: utc(minute), UpdatedAt: utc(minute)}
}

func unusedClients(t *testing.T, b Backend) {
	ctx := t.Context()
	grants := map[string]*authz.Grant{
		"unused":             nil,
		"new":                nil,
		"live":               {ExpiresAt: utc(59)},
		"for ever":           {},
		"expired since":      {ExpiresAt: utc(20)},
		"expired before":     {ExpiresAt: utc(19)},
		"revoked":            {ExpiresAt: utc(59), RevokedAt: utc(2), RevokedReason: "x"},
		"an operator's":      nil,
		"in the config file": nil,
	}
	for id, g := range grants {
		c := registered(id, 10)
		switch id {
		case "new":
			c = registered(id, 20)
		case "an operator's":
			c.Source = clients.SourceCLI
		case "in the config file":
			c.Source = clients.SourceConfig
		}
		must(t, b.CreateClient(ctx, c))
		must(t, b.SaveConsent(ctx, "ann", id, []string{"openid"}, at(1)))
		if g != nil {
			g.ID, g.ClientID, g.Subject = id, id, "ann"
			must(t, b.CreateGrant(ctx, *g))
		}
	}
	for limit, want := range map[int]int{10: 2, 1: 1} {
		if n, err := b.CountUnusedClients(ctx, limit); n != want || err != nil {
			t.Errorf("counted to %d: %d unused, %v; want %d", limit, n, err, want)
		}
	}
	must(t, b.CreateClient(ctx, registered("oldest", 1)))
	evicted, err := b.EvictUnusedClients(ctx, utc(20), 1)
	must(t, err)
	same(t, "evicted", evicted, []string{"oldest"})
	evicted, err = b.EvictUnusedClients(ctx, utc(10), 1)
	must(t, err)
	same(t, "evicted although they are young", len(evicted), 0)
	removed, err := b.SweepUnusedClients(ctx, utc(20), 100)
	must(t, err)
	slices.Sort(removed)
	same(t, "removed", removed, []string{"expired before", "revoked", "unused"})
	for id := range grants {
		_, err := b.Client(ctx, id)
		consent, errConsent := b.ConsentedScopes(ctx, "ann", id)
		must(t, errConsent)
		if gone := slices.Contains(removed, id); gone != errors.Is(err, clients.ErrNotFound) || gone != (consent == nil) {
			t.Errorf("%s: %v, consent %v", id, err, consent)
		}
	}
	removed, err = b.SweepUnusedClients(ctx, utc(20), 100)
	must(t, err)
	same(t, "removed again", len(removed), 0)
}

func unusedBatches(t *testing.T, b Backend) {
	for i := range 25 {
		must(t, b.CreateClient(t.Context(), registered(fmt.Sprint(i), i)))
	}
	var batches []int
	for {
		removed, err := b.SweepUnusedClients(t.Context(), utc(59), 10)
		must(t, err)
		if len(removed) == 0 {
			break
		}
		batches = append(batches, len(removed))
	}
	same(t, "batches", batches, []int{10, 10, 5})
}

// raceUnused: nodes that sweep at once, while people sign in, remove a client
// once, and never one that has a grant.
func raceUnused(t *testing.T, b Backend) {
	const rows, nodes = 40, 4
	for i := range rows {
		must(t, b.CreateClient(t.Context(), registered(fmt.Sprint(i), 1)))
	}
	gone := make([][]string, nodes)
	race(t, nodes+1, func(error) bool { return false }, func(i int) error {
		if i == nodes {
			for n := range rows / 2 {
				id := fmt.Sprint(n * 2)
				if _, err := b.Client(context.Background(), id); err == nil {
					if err := b.CreateGrant(context.Background(), authz.Grant{ID: id, ClientID: id, Subject: "s", CreatedAt: time.Now(), ExpiresAt: utc(50)}); err != nil {
						return err
					}
				}
			}
			return nil
		}
		for {
			removed, err := b.SweepUnusedClients(context.Background(), utc(2), 3)
			if err != nil || len(removed) == 0 {
				return err
			}
			gone[i] = append(gone[i], removed...)
		}
	})
	all := slices.Concat(gone...)
	slices.Sort(all)
	if once := slices.Compact(slices.Clone(all)); len(once) != len(all) {
		t.Errorf("a client was removed twice: %v", all)
	}
	left, err := b.Clients(t.Context())
	must(t, err)
	if len(left)+len(all) != rows {
		t.Errorf("%d clients are left and %d were removed of %d", len(left), len(all), rows)
	}
}
