package login

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// ErrMismatch says that this name and password do not sign anyone in. It is
// the one answer to an unknown name, a wrong password, a disabled person and
// one who has no password: who asks must not learn which.
var ErrMismatch = errors.New("the username or the password is wrong")

// SignIn returns the person with this username or email and password, or
// ErrMismatch. Every answer costs exactly one password hash of the configured
// cost, so that its time does not tell who exists; only people whose password
// was set under another cost take what that one takes. It returns ErrBusy when
// too many others are signing in or ctx ends first, and any other error when
// the store fails.
func (s *Service) SignIn(ctx context.Context, nameOrEmail, password string) (Person, error) {
	person, err := s.findByLogin(ctx, nameOrEmail)
	if err != nil {
		return Person{}, err
	}
	hash, reason := s.hashOf(person)
	prepared, err := preparePassword(password)
	if err != nil {
		// No stored hash is of a password like this. Checked all the same, for
		// the time it takes.
		hash, prepared, reason = s.dummy, "", "wrong password"
	}
	match, err := s.hasher.verify(ctx, hash, prepared)
	if err != nil {
		return Person{}, err
	}
	if !match && reason == "" {
		reason = "wrong password"
	}
	if reason != "" {
		// The name is not logged: people type their password into it.
		s.logger.InfoContext(ctx, "sign-in refused", slog.String("reason", reason), slog.String("subject", person.ID))
		return Person{}, ErrMismatch
	}
	return person, nil
}

// findByLogin returns the person with this name, and the zero Person when
// there is none. A space before or after the name, which phones like to add,
// does not count.
func (s *Service) findByLogin(ctx context.Context, nameOrEmail string) (Person, error) {
	key, err := Key(strings.TrimSpace(nameOrEmail))
	if err != nil {
		return Person{}, nil
	}
	person, err := s.people.PersonByLogin(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return Person{}, nil
	}
	if err != nil {
		return Person{}, fmt.Errorf("find person: %w", err)
	}
	return person, nil
}

// hashOf returns the hash to check a password against: the person's own, and
// the dummy for lack of one. reason says why the person is not let in whatever
// the password, and is empty if they may be.
func (s *Service) hashOf(p Person) (hash phc, reason string) {
	if p.ID == "" {
		return s.dummy, "unknown person"
	}
	if p.PasswordHash == "" {
		return s.dummy, "no password"
	}
	hash, err := parsePHC(p.PasswordHash)
	if err != nil {
		return s.dummy, err.Error()
	}
	if p.Disabled {
		return hash, "disabled"
	}
	return hash, ""
}
