package keys

import (
	"context"
	"errors"
	"time"
)

// ErrExists says that a key with this algorithm and generation is already
// there: another node made it first, and that one is as good.
var ErrExists = errors.New("a key of this algorithm and generation exists")

// Record is a signing key as the database holds it: its private part sealed,
// its state left to be computed from the four times.
type Record struct {
	// KID is the RFC 7638 thumbprint of the public key.
	KID string
	// Algorithm is the JWS algorithm (RFC 7518, section 3.1), such as RS256.
	Algorithm string
	// Generation counts the keys of one algorithm from 1; the pair is unique.
	Generation int
	// PublicJWK is the public key as a JWK (RFC 7517).
	PublicJWK []byte
	// Sealed is the private key, PKCS #8, under AES-256-GCM with the KID as
	// additional data.
	Sealed []byte
	// AnnouncedAt, ActiveAt, RetiredAt and RemovedAt are in UTC. A key is
	// published from AnnouncedAt to RemovedAt and signs from ActiveAt to
	// RetiredAt.
	AnnouncedAt, ActiveAt, RetiredAt, RemovedAt time.Time
}

// Store keeps key records. The one in authz/store is shared by every node.
type Store interface {
	// Keys returns every record, ordered by algorithm and generation.
	Keys(ctx context.Context) ([]Record, error)
	// InsertKey adds next and, in the same transaction, moves the RetiredAt
	// and RemovedAt of the record prev.KID to those of prev (prev is nil for
	// the first key of an algorithm). It returns ErrExists when (algorithm,
	// generation) is taken, and then changes nothing.
	InsertKey(ctx context.Context, next Record, prev *Record) error
}
