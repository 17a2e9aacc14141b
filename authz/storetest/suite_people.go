package storetest

import (
	"errors"
	"fmt"
	"testing"

	"signet/authz/login"
)

func fullPerson(id, username, email string) login.Person {
	return login.Person{
		ID: id, Username: username, Email: email, EmailVerified: true,
		PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
		Profile: login.Profile{
			Name: "Ann Ünicode 日本 🔏", GivenName: "Ann", FamilyName: "Ünicode", MiddleName: "M.", Nickname: "<ann>",
			ProfileURL: "https://ann.example/?a&b", Picture: "https://ann.example/p.png", Website: "https://ann.example",
			Gender: "female", Birthdate: "1980-02-29", Zoneinfo: "Europe/Paris", Locale: "fr-CA",
			PhoneNumber: "+1 (425) 555-1212", PhoneNumberVerified: true,
			Address: &login.Address{
				Formatted: "1 Rue\nParis", StreetAddress: "1 Rue", Locality: "Paris",
				Region: "Île-de-France", PostalCode: "75001", Country: "FR",
			},
		},
		Groups:     []string{"staff", "日本"},
		Attributes: login.Attributes{"dept": "Ventes & Co", "level": 3.5, "remote": false, "tags": []string{"a", "日本"}, "none": []string{}},
		Admin:      true, Disabled: true,
		CreatedAt: utc(1), UpdatedAt: utc(2),
	}
}

func personRoundTrip(t *testing.T, b Backend) {
	for _, p := range []login.Person{
		fullPerson("full", "Ann", "Ann@Example.com"),
		{ID: "bare", Username: "bare"},
		{ID: "empty", Username: "empty", Groups: []string{}, Profile: login.Profile{Address: &login.Address{}}},
		fullPerson("twice", "same@example.com", "same@example.com"),
	} {
		must(t, b.CreatePerson(t.Context(), p))
		got, err := b.Person(t.Context(), p.ID)
		must(t, err)
		same(t, "person "+p.ID, got, p)
	}
	p := fullPerson("zones", "zones", "zones@example.com")
	p.CreatedAt, p.UpdatedAt = fine(1), fine(2)
	must(t, b.CreatePerson(t.Context(), p))
	got, err := b.Person(t.Context(), "zones")
	must(t, err)
	same(t, "times in UTC with microseconds", got, fullPerson("zones", "zones", "zones@example.com"))
}

// key is login.Key, which must accept name.
func key(t *testing.T, name string) string {
	t.Helper()
	k, err := login.Key(name)
	must(t, err)
	return k
}

func personByLogin(t *testing.T, b Backend) {
	p := fullPerson("1", "Ann", "Ann.Lee@Example.com")
	must(t, b.CreatePerson(t.Context(), p))
	for _, name := range []string{"Ann", "ann", "ANN", "ａｎｎ", "Ann.Lee@Example.com", "ann.lee@example.com"} {
		got, err := b.PersonByLogin(t.Context(), key(t, name))
		must(t, err)
		same(t, "signing in as "+name, got, p)
	}
	for _, name := range []string{"bob", "an", "ann.lee"} {
		if _, err := b.PersonByLogin(t.Context(), key(t, name)); !errors.Is(err, login.ErrNotFound) {
			t.Errorf("signing in as %s: got %v, want ErrNotFound", name, err)
		}
	}
	if _, err := b.PersonByLogin(t.Context(), ""); !errors.Is(err, login.ErrNotFound) {
		t.Errorf("signing in with the empty key: got %v, want ErrNotFound", err)
	}
	if _, err := b.Person(t.Context(), "nowhere"); !errors.Is(err, login.ErrNotFound) {
		t.Errorf("Person: got %v, want ErrNotFound", err)
	}
}

func personTaken(t *testing.T, b Backend) {
	must(t, b.CreatePerson(t.Context(), fullPerson("1", "ann", "ann@example.com")))
	must(t, b.CreatePerson(t.Context(), login.Person{ID: "2", Username: "no-email"}))
	must(t, b.CreatePerson(t.Context(), login.Person{ID: "3", Username: "no-email-either"}))
	for _, taken := range []login.Person{
		{ID: "4", Username: "ANN", Email: "new@example.com"},
		{ID: "4", Username: "ａｎｎ"},
		{ID: "4", Username: "new", Email: "ANN@EXAMPLE.COM"},
		{ID: "4", Username: "Ann@Example.com"},
	} {
		if err := b.CreatePerson(t.Context(), taken); !errors.Is(err, login.ErrTaken) {
			t.Errorf("creating %q <%s>: got %v, want ErrTaken", taken.Username, taken.Email, err)
		}
		if _, err := b.Person(t.Context(), "4"); !errors.Is(err, login.ErrNotFound) {
			t.Errorf("%q was stored in part: %v", taken.Username, err)
		}
	}
	must(t, b.CreatePerson(t.Context(), login.Person{ID: "4", Username: "new", Email: "new@example.com"}))
	if n, err := b.CountPeople(t.Context()); err != nil || n != 4 {
		t.Errorf("CountPeople: got %d, %v, want 4", n, err)
	}
}

func personUpdate(t *testing.T, b Backend) {
	must(t, b.CreatePerson(t.Context(), fullPerson("1", "ann", "ann@example.com")))
	must(t, b.CreatePerson(t.Context(), fullPerson("2", "bob", "bob@example.com")))

	p := login.Person{ID: "1", Username: "anna", Email: "anna@example.com", CreatedAt: at(40), UpdatedAt: fine(41)}
	must(t, replacePerson(t.Context(), b, p))
	p.CreatedAt, p.UpdatedAt = utc(1), utc(41)
	got, err := b.PersonByLogin(t.Context(), key(t, "anna@example.com"))
	must(t, err)
	same(t, "updated to zero values", got, p)
	for _, old := range []string{"ann", "ann@example.com"} {
		if _, err := b.PersonByLogin(t.Context(), key(t, old)); !errors.Is(err, login.ErrNotFound) {
			t.Errorf("the old name %s: got %v, want ErrNotFound", old, err)
		}
	}

	// A name that was given up is free for others, and one's own in another
	// case is not taken.
	must(t, replacePerson(t.Context(), b, fullPerson("2", "BOB", "ann@example.com")))
	got, err = b.Person(t.Context(), "2")
	must(t, err)
	same(t, "second person", got, fullPerson("2", "BOB", "ann@example.com"))

	gone := login.Person{ID: "nowhere", Username: "nobody"}
	if err := replacePerson(t.Context(), b, gone); !errors.Is(err, login.ErrNotFound) {
		t.Errorf("UpdatePerson: got %v, want ErrNotFound", err)
	}
	must(t, b.CreatePerson(t.Context(), login.Person{ID: "3", Username: "nobody"}))
}

func personUpdateAtomic(t *testing.T, b Backend) {
	must(t, b.CreatePerson(t.Context(), fullPerson("1", "ann", "ann@example.com")))
	must(t, b.CreatePerson(t.Context(), fullPerson("2", "bob", "bob@example.com")))
	for _, p := range []login.Person{
		{ID: "1", Username: "Bob", Email: "ann@example.com"},
		{ID: "1", Username: "anna", Email: "BOB@example.com"},
	} {
		if err := replacePerson(t.Context(), b, p); !errors.Is(err, login.ErrTaken) {
			t.Errorf("taking over %q <%s>: got %v, want ErrTaken", p.Username, p.Email, err)
		}
		for _, name := range []string{"ann", "ann@example.com"} {
			got, err := b.PersonByLogin(t.Context(), key(t, name))
			must(t, err)
			same(t, "after the refused update, "+name, got, fullPerson("1", "ann", "ann@example.com"))
		}
	}
}

func personOrder(t *testing.T, b Backend) {
	if all, err := b.People(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("People of an empty store: %v, %v", all, err)
	}
	for i, name := range []string{"bob", "Zoe", "ann", "Bea"} {
		must(t, b.CreatePerson(t.Context(), fullPerson(fmt.Sprint(i), name, name+"@example.com")))
	}
	all, err := b.People(t.Context())
	must(t, err)
	same(t, "people by username key", all, []login.Person{
		fullPerson("2", "ann", "ann@example.com"), fullPerson("3", "Bea", "Bea@example.com"),
		fullPerson("0", "bob", "bob@example.com"), fullPerson("1", "Zoe", "Zoe@example.com"),
	})
}

func racePerson(t *testing.T, b Backend) {
	won, lost := race(t, 20, func(err error) bool { return errors.Is(err, login.ErrTaken) }, func(i int) error {
		return b.CreatePerson(t.Context(), login.Person{ID: fmt.Sprint(i), Username: "ann"})
	})
	if n, err := b.CountPeople(t.Context()); won != 1 || lost != 19 || n != 1 || err != nil {
		t.Errorf("%d creations won, %d lost, %d people (%v), want 1, 19 and 1", won, lost, n, err)
	}
}
