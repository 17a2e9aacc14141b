package authz

import (
	"context"
	"errors"
	"time"

	"signet/clients"
)

// Errors that every store returns for these cases, wrapped or bare.
var (
	// ErrNotFound says that there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that a conditional update found the row in another
	// state: somebody else spent the code or the refresh token first.
	ErrConflict = errors.New("already spent")
)

// Grant is one authorization that a person gave a client, from the code to
// its last refresh token: one row, whatever the traffic.
type Grant struct {
	// ID is 128 random bits in lowercase hex. The code and every refresh
	// token carry it, authenticated by HMAC.
	ID        string
	ClientID  string
	Subject   string
	SessionID string

	// Scopes and Audiences are what was granted; a refresh can narrow a
	// token below them and never widen them.
	Scopes    []string
	Audiences []string
	// Claims are those that were asked for by name, beside what scopes release.
	Claims AskedClaims

	// RedirectURI is the redirect_uri parameter of the authorization request,
	// empty when it had none (RFC 6749, section 4.1.3).
	RedirectURI string
	// Nonce goes into the ID tokens (OpenID Connect Core, section 3.1.3.7).
	Nonce string
	// CodeChallenge is the S256 challenge (RFC 7636), empty without PKCE.
	CodeChallenge string
	// AuthTime, ACR and AMR describe the sign-in the grant was made in.
	AuthTime time.Time
	ACR      string
	AMR      []string

	// CodeExpiresAt ends the authorization code.
	CodeExpiresAt time.Time
	// RedeemedAt is when the code was exchanged; zero before.
	RedeemedAt time.Time
	// Generation is that of the current refresh token: 0 when there is none,
	// 1 for the one issued with the code, one more at each rotation.
	Generation int
	// RotatedAt is when Generation became current.
	RotatedAt time.Time
	// CreatedAt, and ExpiresAt: when nothing that came from the grant can be
	// valid any more and the row may go.
	CreatedAt time.Time
	ExpiresAt time.Time
	// RevokedAt is when the grant was revoked, zero while it lives, and
	// RevokedReason says why, in words for an operator.
	RevokedAt     time.Time
	RevokedReason string

	// Live are the status indexes of its access tokens that may not have
	// expired, the newest last; nil when there are none.
	Live []StatusIndex
}

// Revoked reports whether the grant was taken back.
func (g *Grant) Revoked() bool { return !g.RevokedAt.IsZero() }

// Spend is what becomes of a grant whose code or refresh token is spent.
type Spend struct {
	// Generation is that of the refresh token that goes out now, 0 for none.
	Generation int
	// At is the time of it, and Expires when the grant ends.
	At, Expires time.Time
	// Live replaces the status indexes of the grant.
	Live []StatusIndex
}

// GrantStore keeps grants. Single use is always one conditional UPDATE and
// its count of rows, never read-then-write.
type GrantStore interface {
	// CreateGrant inserts g.
	CreateGrant(ctx context.Context, g Grant) error
	// Grant returns the grant with this id, whatever its state, or ErrNotFound.
	Grant(ctx context.Context, id string) (Grant, error)
	// RedeemCode sets RedeemedAt and RotatedAt to s.At, and Generation,
	// ExpiresAt and Live to those of s, on condition that the code was not
	// redeemed and the grant not revoked. Otherwise it returns ErrConflict.
	RedeemCode(ctx context.Context, id string, s Spend) error
	// Rotate sets RotatedAt to s.At, and Generation, ExpiresAt and Live to
	// those of s, on condition that Generation is current and the grant not
	// revoked. Otherwise it returns ErrConflict. As every change of Live
	// changes Generation too, the Live of s, which was made from the one that
	// was read with current, can lose nothing.
	Rotate(ctx context.Context, id string, current int, s Spend) error
	// ExtendGrant sets ExpiresAt and Live to those of s, on condition that
	// Generation, ExpiresAt and Live are those of seen and the grant not revoked:
	// nothing was refreshed since it was read. Otherwise it returns ErrConflict.
	ExtendGrant(ctx context.Context, seen Grant, s Spend) error
	// RevokeGrant sets RevokedAt and RevokedReason if the grant is not revoked
	// yet and, in the same transaction, marks each of its status indexes that
	// has not expired at that time. Revoking twice, or a grant that is gone,
	// is no error.
	RevokeGrant(ctx context.Context, id string, at time.Time, reason string) error
}

// TokenStore keeps the revocations of single JWT access tokens while they
// would still be valid.
type TokenStore interface {
	// RevokeToken records that the token with this jti, which expires at
	// expires, is revoked and, in the same transaction, marks its status
	// index, if it has one: a zero index has no List. Doing it twice is no
	// error.
	RevokeToken(ctx context.Context, jti string, index StatusIndex, expires time.Time) error
	// TokenRevoked reports whether the token with this jti was revoked.
	TokenRevoked(ctx context.Context, jti string) (bool, error)
}

// ConsentStore remembers which scopes a person allowed a client.
type ConsentStore interface {
	// ConsentedScopes returns the scopes that were allowed, none if none were.
	ConsentedScopes(ctx context.Context, subject, clientID string) ([]string, error)
	// SaveConsent replaces the scopes that subject allowed clientID.
	SaveConsent(ctx context.Context, subject, clientID string, scopes []string, at time.Time) error
	// ConsentsOf returns what subject allowed, ordered by client.
	ConsentsOf(ctx context.Context, subject string) ([]Consent, error)
	// ForgetConsent removes what subject allowed clientID. That there is nothing
	// is no error.
	ForgetConsent(ctx context.Context, subject, clientID string) error
}

// Consent is what a person allowed a client for later, too.
type Consent struct {
	ClientID string
	Scopes   []string
	// At is when they were last asked, in UTC.
	At time.Time
}

// ClientStore finds clients.
type ClientStore interface {
	// Client returns the client with this id, disabled or not, or
	// clients.ErrNotFound.
	Client(ctx context.Context, id string) (clients.Client, error)
}
