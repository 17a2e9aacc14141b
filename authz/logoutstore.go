package authz

import (
	"context"
	"time"
)

// Reached is an app that a sign-in session has signed its person in to, and that
// wants to hear of the end.
type Reached struct {
	// SID is the `sid` that the app was told, and SessionID the session that
	// stands for it now. They differ after the person has signed in anew.
	SID, SessionID string
	ClientID       string
	// Subject is the person's own ID, Sub what the app knows them by.
	Subject, Sub string
	// Back and Front say how the app wants to hear of it.
	Back, Front bool
	// ExpiresAt is when the session is over in any case.
	ExpiresAt time.Time
}

// LogoutDelivery is one logout token on its way to one app (OpenID Connect
// Back-Channel Logout 1.0, section 2.5).
type LogoutDelivery struct {
	SID, ClientID string
	// Subject is the person's own ID, Sub what the app knows them by.
	Subject, Sub string
	// Attempts is how often it was sent, the one under way included.
	Attempts int
	// NextAt is when the next attempt is due, zero when there will be none. Of a
	// delivery that was claimed it is when the claim ends.
	NextAt time.Time
	// CreatedAt is when the session ended, DeliveredAt when the app took the
	// token, zero before.
	CreatedAt, DeliveredAt time.Time
	// Status is the HTTP status of the last answer, 0 for none, and Error says in
	// words why it did not do.
	Status int
	Error  string
}

// LogoutRetention is how long it can be seen what became of a logout token,
// counted from the end of the session.
const LogoutRetention = 7 * 24 * time.Hour

// LogoutStore keeps which apps a session has reached, and the logout tokens that
// they have yet to get.
//
// The stores themselves enqueue the deliveries, in the transaction that ends a
// session (login.SessionStore.EndSession, login.Directory.EndSessions): one for
// each Reached of the session with Back, due at once. So none is lost, whoever
// ends it and whatever happens next.
type LogoutStore interface {
	// CreateReachingGrant does what GrantStore.CreateGrant does and, in the same
	// transaction, keeps r unless there is one with its SID and ClientID.
	CreateReachingGrant(ctx context.Context, g Grant, r Reached) error
	// ReachedClients returns what the session with this ID stands for, ordered by
	// ClientID and SID.
	ReachedClients(ctx context.Context, sessionID string) ([]Reached, error)
	// MoveReached lets the session to, which ends at expires, stand for all that
	// the session from stood for.
	MoveReached(ctx context.Context, from, to string, expires time.Time) error
	// PendingLogouts returns when the first delivery to each app is due, for all
	// apps that have yet to get one.
	PendingLogouts(ctx context.Context) (map[string]time.Time, error)
	// ClaimLogouts returns up to limit deliveries to a client that are due at now,
	// with NextAt at until, which is stored: nobody else claims them before. It
	// counts the attempt.
	ClaimLogouts(ctx context.Context, clientID string, now, until time.Time, limit int) ([]LogoutDelivery, error)
	// SettleLogouts writes what became of deliveries that were claimed until a
	// time. One that was claimed by somebody else since is left alone.
	SettleLogouts(ctx context.Context, until time.Time, done []LogoutDelivery) error
}

// LogoutFinder finds logout tokens for operators.
type LogoutFinder interface {
	// LogoutDeliveries returns the newest limit deliveries, the newest first; all
	// says whether those that were delivered are among them.
	LogoutDeliveries(ctx context.Context, all bool, limit int) ([]LogoutDelivery, error)
}
