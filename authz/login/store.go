package login

import (
	"context"
	"errors"
	"time"
)

// Errors that every store returns for these cases, wrapped or bare.
var (
	// ErrNotFound says that there is no such person, session or link.
	ErrNotFound = errors.New("not found")
	// ErrTaken says that the username or the email belongs to someone else.
	ErrTaken = errors.New("username or email is taken")
)

// PeopleStore keeps people.
type PeopleStore interface {
	// CreatePerson inserts p, or returns ErrTaken.
	CreatePerson(ctx context.Context, p Person) error
	// UpdatePerson lets change alter the person with this ID and stores what it
	// made of them, but for ID and CreatedAt, which never change. Nobody else
	// changes the person meanwhile, so that of two changes neither undoes the
	// other. It returns ErrNotFound, ErrTaken or the error of change, and then
	// nothing is stored. change may be called again, on a fresh copy, and must
	// not use the store.
	UpdatePerson(ctx context.Context, id string, change func(*Person) error) error
	// Person returns the person with this ID, or ErrNotFound.
	Person(ctx context.Context, id string) (Person, error)
	// PersonByLogin returns the person whose Username or Email has this Key
	// (see Key), or ErrNotFound.
	PersonByLogin(ctx context.Context, key string) (Person, error)
	// People returns all people, ordered by username key.
	People(ctx context.Context) ([]Person, error)
}

// SessionStore keeps sign-in sessions.
type SessionStore interface {
	// CreateSession inserts s.
	CreateSession(ctx context.Context, s Session) error
	// SessionByToken returns the session with this TokenHash, whatever its
	// state, or ErrNotFound.
	SessionByToken(ctx context.Context, tokenHash string) (Session, error)
	// TouchSession sets LastUsed to at and ExpiresAt to expires, on condition
	// that the session has not ended and that its LastUsed is that of seen: of
	// two requests at once, one writes. A session of another state is left as it
	// is, which is no error.
	TouchSession(ctx context.Context, seen Session, at, expires time.Time) error
	// LatestSessions returns the first limit sessions that f means, the newest
	// CreatedAt first.
	LatestSessions(ctx context.Context, f SessionFilter, limit int) ([]Session, error)
	// EndSession sets EndedAt of the session with this ID if it has none.
	// Ending a session that is gone or already ended is no error.
	EndSession(ctx context.Context, id string, at time.Time) error
	// EndSessions sets EndedAt of every session that f means and that is alive
	// at that time, in one UPDATE, and returns those, in no order. The filter
	// must name a subject: it returns ErrNoFilter otherwise.
	EndSessions(ctx context.Context, f SessionFilter, at time.Time) ([]Session, error)
}

// ErrNoFilter says that EndSessions was not told whose sessions are meant.
var ErrNoFilter = errors.New("no person was named")

// SessionFilter says which sessions are meant: those that match every field
// that is set.
type SessionFilter struct {
	// Subject is that of Session.
	Subject string
	// ID is that of the one session that is meant, and Except that of one that
	// is not.
	ID, Except string
	// LiveAt, if not zero, leaves out what was ended or has expired by then.
	LiveAt time.Time
}

// Matches reports whether v is meant.
func (f SessionFilter) Matches(v *Session) bool {
	return (f.Subject == "" || f.Subject == v.Subject) &&
		(f.ID == "" || f.ID == v.ID) && (f.Except == "" || f.Except != v.ID) &&
		(f.LiveAt.IsZero() || v.EndedAt.IsZero() && f.LiveAt.Before(v.ExpiresAt))
}

// Directory finds people and sessions for operators, page by page: however many
// there are, it reads no more of them than a page has.
type Directory interface {
	// PeoplePage returns the first limit people whose ID comes after the one
	// given, ordered by ID.
	PeoplePage(ctx context.Context, after string, limit int) ([]Person, error)
	// SessionsPage returns the first limit sessions that f means and whose ID
	// comes after the one given, ordered by ID.
	SessionsPage(ctx context.Context, f SessionFilter, after string, limit int) ([]Session, error)
	// SessionByID returns the session with this ID, whatever its state, or
	// ErrNotFound.
	SessionByID(ctx context.Context, id string) (Session, error)
}

// SetupStore keeps the one set-up link of an empty database.
type SetupStore interface {
	// ReplaceSetupLink removes every link there is and inserts l.
	ReplaceSetupLink(ctx context.Context, l SetupLink) error
	// SetupLink returns the link with this hash, or ErrNotFound.
	SetupLink(ctx context.Context, tokenHash string) (SetupLink, error)
	// UseSetupLink deletes the link with this hash and inserts p, both or
	// neither. It returns ErrNotFound when the link is gone (so that of two
	// racing uses one wins) and ErrTaken for the person.
	UseSetupLink(ctx context.Context, tokenHash string, p Person) error
	// CountPeople tells whether the database is empty.
	CountPeople(ctx context.Context) (int64, error)
}
