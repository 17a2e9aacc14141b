package login

import (
	"context"
	"fmt"
	"slices"
)

// UpdatePerson lets change alter the person with this ID, checks the whole of
// what it made of them by the rules of CreatePerson, and returns them as they are
// stored. It returns the error of change, *FieldErrors, ErrTaken or ErrNotFound;
// then nothing has changed. See HashPassword for another password.
func (s *Service) UpdatePerson(ctx context.Context, id string, change func(*Person) error) (Person, error) {
	var out Person
	err := s.people.UpdatePerson(ctx, id, func(p *Person) error {
		// What change appends to must not be what the store holds.
		p.Groups, p.Attributes = slices.Clone(p.Groups), p.Attributes.Clone()
		if err := change(p); err != nil {
			return err
		}
		p.ID = id
		checked, err := NewPerson{
			Username: p.Username, Email: p.Email, EmailVerified: p.EmailVerified,
			Profile: p.Profile, Groups: p.Groups, Attributes: p.Attributes, Admin: p.Admin,
		}.validate(false)
		if err != nil {
			return err
		}
		p.Username, p.Email, p.EmailVerified = checked.Username, checked.Email, checked.EmailVerified
		p.Profile, p.Groups, p.Attributes = checked.Profile, checked.Groups, checked.Attributes
		p.UpdatedAt = s.now()
		out = *p
		return nil
	})
	if err != nil {
		return Person{}, fmt.Errorf("update person: %w", err)
	}
	return out, nil
}

// HashPassword returns what Person.PasswordHash is for a password. It takes as
// long as a sign-in: do it before UpdatePerson, which keeps all others waiting.
// It returns a *FieldError for a password that is refused, and ErrBusy.
func (s *Service) HashPassword(ctx context.Context, password string) (string, error) {
	password, err := preparePassword(password)
	if err != nil {
		return "", err
	}
	return s.hasher.hash(ctx, password)
}
