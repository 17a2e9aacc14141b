package login

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

const (
	// AMRPassword is the `amr` value of a sign-in by password (RFC 8176,
	// section 2).
	AMRPassword = "pwd"
	// ACRSingleFactor is the `acr` of every session there is: somebody proved
	// who they are by one factor. OpenID Connect Core, section 2, keeps "0"
	// for less than that (level 1 of ISO/IEC 29115) and leaves other values to
	// the server; "1" is that level.
	ACRSingleFactor = "1"
)

// ErrNoSession says that there is no session that counts: none with this
// token, or one that has expired or was ended.
var ErrNoSession = errors.New("no session")

// StartSession begins a session of the person with this subject, who has just
// proved who they are in the ways of amr. It returns the session and the token
// for the cookie: 256 random bits that are stored nowhere, only their hash is.
// A new sign-in always starts a new session; an old token is never taken over,
// and so whoever proves more of who they are gets another id, too. on is kept for
// the person to see, cut to a sensible length; Remembered of it is taken back
// where nobody can be remembered.
func (s *Service) StartSession(ctx context.Context, subject string, amr []string, on Device) (Session, string, error) {
	if subject == "" {
		return Session{}, "", errors.New("start session: no subject")
	}
	id, err := s.newID()
	if err != nil {
		return Session{}, "", err
	}
	token, hash, err := s.newToken()
	if err != nil {
		return Session{}, "", err
	}
	on.Address, on.UserAgent = clean(on.Address, maxAddress), clean(on.UserAgent, maxUserAgent)
	on.Remembered = on.Remembered && s.Remembers() > 0
	now := s.now()
	session := Session{
		ID: id, TokenHash: hash, Subject: subject, AuthTime: now, AMR: slices.Clone(amr), ACR: ACRSingleFactor,
		Device: on, CreatedAt: now, LastUsed: now,
	}
	limits := s.limitsOf(&session)
	session.ExpiresLatest = now.Add(limits.Lifetime)
	session.ExpiresAt = limits.expiry(&session, now)
	if err := s.sessions.CreateSession(ctx, session); err != nil {
		return Session{}, "", fmt.Errorf("start session: %w", err)
	}
	return session, token, nil
}

// Session returns the live session with this cookie token, or ErrNoSession.
// Whether its person may still have tokens is for authz to decide, which reads
// the person in any case.
func (s *Service) Session(ctx context.Context, token string) (Session, error) {
	hash, ok := hashToken(token)
	if !ok {
		return Session{}, ErrNoSession
	}
	session, err := s.sessions.SessionByToken(ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return Session{}, ErrNoSession
	}
	if err != nil {
		return Session{}, fmt.Errorf("find session: %w", err)
	}
	if !session.Live(s.now()) {
		return Session{}, ErrNoSession
	}
	s.touch(ctx, &session)
	return session, nil
}

// Sessions returns the first limit sessions that f means, the newest first, as
// they are stored.
func (s *Service) Sessions(ctx context.Context, f SessionFilter, limit int) ([]Session, error) {
	all, err := s.sessions.LatestSessions(ctx, f, limit)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return all, nil
}

// EndSession ends the session with this ID. Ending one that is gone or already
// ended is no error.
func (s *Service) EndSession(ctx context.Context, id string) error {
	if err := s.sessions.EndSession(ctx, id, s.now()); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// EndSessions ends every live session that f means, at once, and returns those.
// The filter must name a person, so that nobody's request reaches the sessions
// of another: it returns ErrNoFilter otherwise.
func (s *Service) EndSessions(ctx context.Context, f SessionFilter) ([]Session, error) {
	ended, err := s.sessions.EndSessions(ctx, f, s.now())
	if err != nil {
		return nil, fmt.Errorf("end sessions: %w", err)
	}
	return ended, nil
}
