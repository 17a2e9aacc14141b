package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"signet/authz/login"
	"signet/clients"
)

var errChange = errors.New("change refused")

// replaceClient makes the client with c.ID all that c is.
func replaceClient(ctx context.Context, b Backend, c clients.Client) error {
	return b.UpdateClient(ctx, c.ID, func(stored *clients.Client) error { *stored = c; return nil })
}

// replacePerson makes the person with p.ID all that p is.
func replacePerson(ctx context.Context, b Backend, p login.Person) error {
	return b.UpdatePerson(ctx, p.ID, func(stored *login.Person) error { *stored = p; return nil })
}

func clientChangeFails(t *testing.T, b Backend) {
	must(t, b.CreateClient(t.Context(), fullClient("a")))
	err := b.UpdateClient(t.Context(), "a", func(c *clients.Client) error {
		same(t, "what change gets", *c, fullClient("a"))
		c.Name, c.Scopes[0], *c.RefreshTokenGrace = "x", "x", 1
		return errChange
	})
	if !errors.Is(err, errChange) {
		t.Errorf("got %v, want the error of change", err)
	}
	got, err := b.Client(t.Context(), "a")
	must(t, err)
	same(t, "client after a change that failed", got, fullClient("a"))

	must(t, b.UpdateClient(t.Context(), "a", func(c *clients.Client) error { c.ID = "b"; return nil }))
	got, err = b.Client(t.Context(), "a")
	must(t, err)
	same(t, "client whose id was to change", got, fullClient("a"))
}

func personChangeFails(t *testing.T, b Backend) {
	ann := fullPerson("1", "ann", "ann@example.com")
	must(t, b.CreatePerson(t.Context(), ann))
	err := b.UpdatePerson(t.Context(), "1", func(p *login.Person) error {
		same(t, "what change gets", *p, ann)
		p.Username, p.Groups[0], p.Profile.Address.Country = "x", "x", "x"
		return errChange
	})
	if !errors.Is(err, errChange) {
		t.Errorf("got %v, want the error of change", err)
	}
	must(t, b.UpdatePerson(t.Context(), "1", func(p *login.Person) error { p.ID = "2"; return nil }))
	got, err := b.PersonByLogin(t.Context(), key(t, "ann"))
	must(t, err)
	same(t, "person after a change that failed and one of the id", got, fullPerson("1", "ann", "ann@example.com"))
}

func never(error) bool { return false }

// raceClientChanges: whoever rotates a secret must not undo what somebody else
// disables at the same moment.
func raceClientChanges(t *testing.T, b Backend) {
	must(t, b.CreateClient(t.Context(), clients.Client{ID: "a"}))
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("scope-%02d", i))
	}
	race(t, 21, never, func(i int) error {
		return b.UpdateClient(t.Context(), "a", func(c *clients.Client) error {
			if i == 20 {
				c.Disabled = true
			} else {
				c.Scopes = append(c.Scopes, want[i])
			}
			return nil
		})
	})
	got, err := b.Client(t.Context(), "a")
	must(t, err)
	slices.Sort(got.Scopes)
	if !got.Disabled || !slices.Equal(got.Scopes, want) {
		t.Errorf("changes were lost: disabled %t, scopes %q", got.Disabled, got.Scopes)
	}
}

// racePersonChanges: a new password must not let in again whoever is being
// disabled at the same moment.
func racePersonChanges(t *testing.T, b Backend) {
	must(t, b.CreatePerson(t.Context(), login.Person{ID: "1", Username: "ann"}))
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("group-%02d", i))
	}
	race(t, 22, never, func(i int) error {
		return b.UpdatePerson(t.Context(), "1", func(p *login.Person) error {
			switch i {
			case 20:
				p.Disabled = true
			case 21:
				p.PasswordHash = "new"
			default:
				p.Groups = append(p.Groups, want[i])
			}
			return nil
		})
	})
	got, err := b.Person(t.Context(), "1")
	must(t, err)
	slices.Sort(got.Groups)
	if !got.Disabled || got.PasswordHash != "new" || !slices.Equal(got.Groups, want) {
		t.Errorf("changes were lost: %+v", got)
	}
}
