package login

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// Factor is one more way for somebody who is signed in to prove who they are.
type Factor interface {
	// Level says what a sign-in with it counts as.
	Level() Level
	// Enrolled reports whether the person with this subject has it.
	Enrolled(ctx context.Context, subject string) (bool, error)
	// Check returns nil when response is that person's, ErrMismatch when it is not,
	// ErrBusy when it cannot be said now, and any other error when the store fails.
	// A response that can be guessed has to be good once, and for few guesses: that
	// is for the factor to see to.
	Check(ctx context.Context, subject, response string) error
}

// Level is a level of authentication that a factor leads to.
type Level struct {
	// ACR is its authentication context class, AMR the method (RFC 8176, section 2).
	ACR, AMR string
	// Ask is what the page asks for, such as "Code from your app".
	Ask string
}

// StepUpStore raises sessions.
type StepUpStore interface {
	// RaiseSession stores the TokenHash, AMR, ACR and AuthTime of s in the session
	// with its ID, on condition that this has the token hash had and was not ended.
	// Otherwise it returns ErrNotFound.
	RaiseSession(ctx context.Context, s Session, had string) error
}

// ErrNoFactor says that no factor leads this person to the level that was asked for.
var ErrNoFactor = errors.New("no factor leads to this level")

// checkFactors refuses factors whose levels cannot be told apart.
func checkFactors(factors []Factor, store StepUpStore) error {
	if len(factors) > 0 && store == nil {
		return errors.New("login: factors need the StepUps store")
	}
	seen := []string{ACRSingleFactor}
	for _, f := range factors {
		level := f.Level()
		if level.ACR == "" || level.AMR == "" || slices.Contains(seen, level.ACR) {
			return fmt.Errorf("login: the factor of acr %q and amr %q must have both, and an acr of its own", level.ACR, level.AMR)
		}
		seen = append(seen, level.ACR)
	}
	return nil
}

// Levels returns the acr values that a sign-in can reach, the lowest first.
func (s *Service) Levels() []string {
	levels := []string{ACRSingleFactor}
	for _, f := range s.factors {
		levels = append(levels, f.Level().ACR)
	}
	return levels
}

// CanStepUp reports whether the person with this subject, who is signed in, can
// reach the level acr, or a higher one, by one more factor.
func (s *Service) CanStepUp(ctx context.Context, subject, acr string) (bool, error) {
	_, err := s.factorFor(ctx, subject, acr)
	if errors.Is(err, ErrNoFactor) {
		return false, nil
	}
	return err == nil, err
}

// FactorLevel returns the level to which the factor leads that the person is to be
// asked for, to reach acr. It returns ErrNoFactor for none.
func (s *Service) FactorLevel(ctx context.Context, subject, acr string) (Level, error) {
	f, err := s.factorFor(ctx, subject, acr)
	if err != nil {
		return Level{}, err
	}
	return f.Level(), nil
}

// factorFor is the lowest factor that the person has and that leads to acr.
func (s *Service) factorFor(ctx context.Context, subject, acr string) (Factor, error) {
	from := slices.Index(s.Levels(), acr)
	if from < 0 {
		return nil, ErrNoFactor
	}
	// The first level is that of every session, and no factor's.
	for _, f := range s.factors[max(from-1, 0):] {
		has, err := f.Enrolled(ctx, subject)
		if err != nil {
			return nil, fmt.Errorf("find a factor: %w", err)
		}
		if has {
			return f, nil
		}
	}
	return nil, ErrNoFactor
}

// StepUp raises a live session to the level acr by one more factor. It returns the
// session as it is now, and a new token for the cookie: the old one, which was good
// for less, opens nothing any more. The `sid` stays, so that apps see one session.
//
// AuthTime stays too: it says when the person proved who they are from nothing, and
// a code from a device is not that.
func (s *Service) StepUp(ctx context.Context, session Session, acr, response string) (Session, string, error) {
	f, err := s.factorFor(ctx, session.Subject, acr)
	if err != nil {
		return Session{}, "", err
	}
	if err := f.Check(ctx, session.Subject, response); err != nil {
		if errors.Is(err, ErrMismatch) {
			s.logger.InfoContext(ctx, "step-up refused", slog.String("subject", session.Subject), slog.String("amr", f.Level().AMR))
		}
		return Session{}, "", err
	}
	token, hash, err := s.newToken()
	if err != nil {
		return Session{}, "", err
	}
	had, level := session.TokenHash, f.Level()
	session.TokenHash, session.ACR, session.AMR = hash, level.ACR, slices.Clone(session.AMR)
	if !slices.Contains(session.AMR, level.AMR) {
		session.AMR = append(session.AMR, level.AMR)
	}
	err = s.stepUps.RaiseSession(ctx, session, had)
	if errors.Is(err, ErrNotFound) {
		return Session{}, "", ErrNoSession // ended meanwhile, or raised in another tab
	}
	if err != nil {
		return Session{}, "", fmt.Errorf("raise session: %w", err)
	}
	return session, token, nil
}
