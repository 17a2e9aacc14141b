package keys

import (
	"context"
	"errors"
	"time"
)

// ErrExists says that a key with this KID, or this algorithm and generation, is
// already there: another node made it first, and that one is as good.
var ErrExists = errors.New("a key of this id, or of this algorithm and generation, exists")

// Record is a signing key as the database holds it: its private part sealed,
// its state left to be computed from its times.
type Record struct {
	// KID is the RFC 7638 thumbprint of the public key; an imported key keeps
	// the id that it came with.
	KID string
	// Algorithm is the JWS algorithm (RFC 7518, section 3.1), such as RS256.
	Algorithm string
	// Generation counts the keys of one algorithm from 1; the pair is unique.
	Generation int
	// PublicJWK is the public key as a JWK (RFC 7517).
	PublicJWK []byte
	// Sealed is the private key, or the public one of a key that is VerifyOnly,
	// under AES-256-GCM with the KID as additional data.
	Sealed []byte
	// VerifyOnly keys never sign. They come from another issuer, so that the
	// tokens it signed go on being verified, and are published from
	// AnnouncedAt to RemovedAt.
	VerifyOnly bool
	// AnnouncedAt, ActiveAt, RetiredAt and RemovedAt are in UTC. A key is
	// published from AnnouncedAt to RemovedAt and signs from ActiveAt to
	// RetiredAt.
	AnnouncedAt, ActiveAt, RetiredAt, RemovedAt time.Time
	// RevokedAt is when an operator took the key out at once, zero if nobody
	// did; RevokedReason is what the operator gave as the reason.
	RevokedAt     time.Time
	RevokedReason string
}

// revoked says whether the key was taken out.
func (r Record) revoked() bool { return !r.RevokedAt.IsZero() }

// Store keeps key records. The one in authz/store is shared by every node.
type Store interface {
	// Keys returns every record, ordered by algorithm and generation.
	Keys(ctx context.Context) ([]Record, error)
	// ChangeKeys hands all records, ordered as Keys orders them, to change and
	// stores what it returns, in one transaction that no other change of keys
	// comes between: a record whose KID is there replaces that one, any other
	// is added. When change returns an error, nothing is stored and ChangeKeys
	// returns that error. It returns ErrExists when the KID or the (algorithm,
	// generation) of an added record is taken. All other writers wait for
	// change: it must be quick, and must not use the store.
	ChangeKeys(ctx context.Context, change func(all []Record) (changed []Record, err error)) error
}
