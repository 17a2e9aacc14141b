package login

import (
	"context"
	"fmt"
)

// CreatePerson adds someone and returns them. It returns *FieldErrors, joined,
// for what is wrong with p, ErrTaken when the username or the email belongs to
// someone else, and ErrBusy when the password cannot be hashed now.
func (s *Service) CreatePerson(ctx context.Context, p NewPerson) (Person, error) {
	p, err := p.validate(false)
	if err != nil {
		return Person{}, err
	}
	person, err := s.build(ctx, p)
	if err != nil {
		return Person{}, err
	}
	if err := s.people.CreatePerson(ctx, person); err != nil {
		return Person{}, fmt.Errorf("create person: %w", err)
	}
	return person, nil
}

// build makes a Person of a validated NewPerson: a new subject identifier, and
// the password hashed.
func (s *Service) build(ctx context.Context, p NewPerson) (Person, error) {
	id, err := s.newID()
	if err != nil {
		return Person{}, err
	}
	hash := ""
	if p.Password != "" {
		if hash, err = s.hasher.hash(ctx, p.Password); err != nil {
			return Person{}, err
		}
	}
	now := s.now()
	return Person{
		ID: id, Username: p.Username, Email: p.Email, EmailVerified: p.EmailVerified, PasswordHash: hash,
		Profile: p.Profile, Groups: p.Groups, Attributes: p.Attributes, Admin: p.Admin, CreatedAt: now, UpdatedAt: now,
	}, nil
}

// SetPassword replaces the password of the person with this ID. It returns a
// *FieldError for a password that is refused, ErrNotFound and ErrBusy. All of the
// person's sessions end: whoever had the old password is signed out.
func (s *Service) SetPassword(ctx context.Context, id, password string) error {
	password, err := preparePassword(password)
	if err != nil {
		return err
	}
	// Hashed before the change, which keeps all others waiting.
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	if err := s.update(ctx, id, func(p *Person) { p.PasswordHash = hash }); err != nil {
		return err
	}
	_, err = s.EndSessions(ctx, SessionFilter{Subject: id})
	return err
}

// SetDisabled keeps the person with this ID from signing in, or lets them in
// again. Their sessions end at once. It returns ErrNotFound.
func (s *Service) SetDisabled(ctx context.Context, id string, disabled bool) error {
	if err := s.update(ctx, id, func(p *Person) { p.Disabled = disabled }); err != nil || !disabled {
		return err
	}
	_, err := s.EndSessions(ctx, SessionFilter{Subject: id})
	return err
}

// update changes the person with this ID.
func (s *Service) update(ctx context.Context, id string, change func(*Person)) error {
	err := s.people.UpdatePerson(ctx, id, func(p *Person) error {
		change(p)
		p.UpdatedAt = s.now()
		return nil
	})
	if err != nil {
		return fmt.Errorf("update person: %w", err)
	}
	return nil
}
