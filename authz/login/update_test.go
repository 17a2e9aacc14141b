package login

import (
	"errors"
	"reflect"
	"testing"
)

// A change is held to the rules of a new person, as a whole, and leaves alone
// what it does not touch.
func TestUpdatePerson(t *testing.T) {
	s := newBench(t)
	ann, err := s.CreatePerson(t.Context(), NewPerson{Username: "ann", Email: "ann@example.com", Groups: []string{"a"}, Profile: Profile{Name: "Ann"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreatePerson(t.Context(), NewPerson{Username: "bob"}); err != nil {
		t.Fatal(err)
	}
	hash, err := s.HashPassword(t.Context(), "correct horse battery staple")
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.UpdatePerson(t.Context(), ann.ID, func(p *Person) error {
		p.Email, p.PasswordHash = " new@example.com ", hash
		return nil
	})
	want := ann
	want.Email, want.PasswordHash, want.UpdatedAt = "new@example.com", hash, got.UpdatedAt
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	if _, err := s.SignIn(t.Context(), "new@example.com", "correct horse battery staple"); err != nil {
		t.Errorf("the new password: %v", err)
	}
	broken := errors.New("changed my mind")
	for name, v := range map[string]struct {
		change func(*Person) error
		is     func(error) bool
	}{
		"error":    {func(*Person) error { return broken }, func(err error) bool { return errors.Is(err, broken) }},
		"taken":    {func(p *Person) error { p.Username = "BOB"; return nil }, func(err error) bool { return errors.Is(err, ErrTaken) }},
		"nameless": {func(p *Person) error { p.Username = ""; return nil }, isFieldError},
		"group":    {func(p *Person) error { p.Groups = []string{"a", "a"}; return nil }, isFieldError},
		"link":     {func(p *Person) error { p.Profile.Website = "javascript:x"; return nil }, isFieldError},
	} {
		if _, err := s.UpdatePerson(t.Context(), ann.ID, v.change); !v.is(err) {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := s.people.Person(t.Context(), ann.ID); err != nil || !reflect.DeepEqual(after, want) {
			t.Errorf("%s changed %+v, %v", name, after, err)
		}
	}
	if _, err := s.UpdatePerson(t.Context(), "nobody", func(*Person) error { return nil }); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	if _, err := s.HashPassword(t.Context(), "short"); !isFieldError(err) {
		t.Errorf("a short password: %v", err)
	}
}

func isFieldError(err error) bool { return errors.As(err, new(*FieldError)) }
