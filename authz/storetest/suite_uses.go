package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"signet/clients"
)

func clientUses(t *testing.T, b Backend) {
	ctx := t.Context()
	for _, id := range []string{"b", "a"} {
		must(t, b.CreateClient(ctx, fullClient(id)))
	}
	if uses, err := b.ClientUses(ctx, ""); err != nil || len(uses) != 0 {
		t.Errorf("uses of nobody: %v, %v", uses, err)
	}
	must(t, b.SaveClientUses(ctx, nil))
	use := func(client, credential string, at time.Time) clients.Use {
		return clients.Use{ClientID: client, Credential: credential, At: at}
	}
	must(t, b.SaveClientUses(ctx, []clients.Use{
		use("b", "", fine(1)), use("a", "c0ffee", at(2)), use("a", "", at(3)), use("https://a.example/client.json", "", at(1)), use("gone", "", at(1)),
	}))
	want := []clients.Use{use("a", "", utc(3)), use("a", "c0ffee", utc(2)), use("b", "", utc(1))}
	got, err := b.ClientUses(ctx, "")
	must(t, err)
	same(t, "uses of all, in order", got, want)
	got, err = b.ClientUses(ctx, "a")
	must(t, err)
	same(t, "uses of one", got, want[:2])

	// Earlier, or less than the resolution later: what is stored stays.
	later := utc(3).Add(clients.UseResolution)
	must(t, b.SaveClientUses(ctx, []clients.Use{use("a", "", utc(2)), use("a", "c0ffee", utc(2).Add(clients.UseResolution-time.Microsecond))}))
	got, err = b.ClientUses(ctx, "a")
	must(t, err)
	same(t, "uses within the resolution", got, want[:2])
	must(t, b.SaveClientUses(ctx, []clients.Use{use("a", "", later)}))
	got, err = b.ClientUses(ctx, "a")
	must(t, err)
	same(t, "uses after it", got, []clients.Use{use("a", "", later), want[1]})
}

func raceClientUses(t *testing.T, b Backend) {
	var uses []clients.Use
	for i := range 150 { // more than one batch
		id := fmt.Sprintf("c%03d", i)
		must(t, b.CreateClient(t.Context(), clients.Client{ID: id}))
		uses = append([]clients.Use{{ClientID: id, At: utc(1)}}, uses...)
	}
	race(t, 4, func(error) bool { return false }, func(int) error { return b.SaveClientUses(t.Context(), uses) })
	if got, err := b.ClientUses(t.Context(), ""); err != nil || len(got) != 150 {
		t.Errorf("%d uses, %v", len(got), err)
	}
}

func clientDelete(t *testing.T, b Backend) {
	ctx := t.Context()
	for _, id := range []string{"a", "b"} {
		must(t, b.CreateClient(ctx, fullClient(id)))
		must(t, b.SaveConsent(ctx, "ann", id, []string{"openid"}, at(1)))
		must(t, b.SaveClientUses(ctx, []clients.Use{{ClientID: id, At: at(1)}}))
	}
	must(t, b.CreateGrant(ctx, freshGrant("g")))
	must(t, b.DeleteClient(ctx, "a"))
	if err := b.DeleteClient(ctx, "a"); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("deleting it again: got %v, want ErrNotFound", err)
	}
	if _, err := b.Client(ctx, "a"); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("the client after its deletion: %v", err)
	}
	uses, err := b.ClientUses(ctx, "")
	must(t, err)
	same(t, "uses", uses, []clients.Use{{ClientID: "b", At: utc(1)}})
	for id, want := range map[string][]string{"a": nil, "b": {"openid"}} {
		got, err := b.ConsentedScopes(ctx, "ann", id)
		must(t, err)
		same(t, "consent for "+id, got, want)
	}
	c, err := b.Client(ctx, "b")
	must(t, err)
	same(t, "another client", c, fullClient("b"))
	g, err := b.Grant(ctx, "g")
	must(t, err)
	same(t, "a grant", g, freshGrant("g"))
	must(t, b.CreateClient(ctx, fullClient("a"))) // the id is free again
}

func raceClientDelete(t *testing.T, b Backend) {
	must(t, b.CreateClient(t.Context(), fullClient("a")))
	won, lost := race(t, 10, func(err error) bool { return errors.Is(err, clients.ErrNotFound) }, func(i int) error {
		return b.DeleteClient(t.Context(), "a")
	})
	if won != 1 || lost != 9 {
		t.Errorf("%d deletions won and %d lost, want 1 and 9", won, lost)
	}
}
