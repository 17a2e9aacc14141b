package login

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// setupLifetime is long enough to get from a terminal to a browser.
const setupLifetime = time.Hour

var (
	// ErrSetupLink says that a set-up link does not work: never made, used,
	// expired or replaced, or somebody is there already.
	ErrSetupLink = errors.New("this set-up link is used or expired; restart the server for a new one")
	// ErrPeopleExist says that there is nothing left to set up.
	ErrPeopleExist = errors.New("people exist already, so there is no first one to set up; use `signet users create`")
)

// NewSetupLink makes the token of the link by which the first administrator
// is created. It works once, for an hour, and takes the place of every link
// made before. With people in the database it returns ErrPeopleExist.
func (s *Service) NewSetupLink(ctx context.Context) (token string, expires time.Time, err error) {
	if err := s.checkEmpty(ctx); err != nil {
		return "", time.Time{}, err
	}
	token, hash, err := s.newToken()
	if err != nil {
		return "", time.Time{}, err
	}
	expires = s.now().Add(setupLifetime)
	if err := s.setup.ReplaceSetupLink(ctx, SetupLink{TokenHash: hash, ExpiresAt: expires}); err != nil {
		return "", time.Time{}, fmt.Errorf("keep set-up link: %w", err)
	}
	return token, expires, nil
}

// CheckSetupLink returns nil when the link with this token works now, and
// ErrSetupLink when it does not.
func (s *Service) CheckSetupLink(ctx context.Context, token string) error {
	hash, ok := hashToken(token)
	if !ok {
		return ErrSetupLink
	}
	link, err := s.setup.SetupLink(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return ErrSetupLink
	}
	if err != nil {
		return fmt.Errorf("find set-up link: %w", err)
	}
	if !s.now().Before(link.ExpiresAt) {
		return ErrSetupLink
	}
	err = s.checkEmpty(ctx)
	if errors.Is(err, ErrPeopleExist) {
		return ErrSetupLink
	}
	return err
}

// SetUp creates the first administrator and uses the link up, both or neither.
// It returns ErrSetupLink, *FieldErrors for p (the link stays good then),
// ErrTaken and ErrBusy.
func (s *Service) SetUp(ctx context.Context, token string, p NewPerson) (Person, error) {
	// First of all: a stranger without the link gets no password hashed.
	if err := s.CheckSetupLink(ctx, token); err != nil {
		return Person{}, err
	}
	p.Admin = true
	p, err := p.validate(true)
	if err != nil {
		return Person{}, err
	}
	person, err := s.build(ctx, p)
	if err != nil {
		return Person{}, err
	}
	hash, _ := hashToken(token)
	err = s.setup.UseSetupLink(ctx, hash, person)
	if errors.Is(err, ErrNotFound) {
		return Person{}, ErrSetupLink
	}
	if err != nil {
		return Person{}, fmt.Errorf("set up: %w", err)
	}
	return person, nil
}

// checkEmpty returns ErrPeopleExist unless the database has no one in it.
func (s *Service) checkEmpty(ctx context.Context) error {
	n, err := s.setup.CountPeople(ctx)
	if err != nil {
		return fmt.Errorf("count people: %w", err)
	}
	if n > 0 {
		return ErrPeopleExist
	}
	return nil
}
