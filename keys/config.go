package keys

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Config is what a Ring needs. Store, SealingKey and the five durations are
// required; the rest has defaults.
type Config struct {
	// Store holds the key records; every node of one issuer shares it.
	Store Store
	// SealingKey is the 32-byte AES-256 key that private keys are sealed
	// under. It must not come from the database that Store is.
	SealingKey []byte
	// Algorithm is the JWS algorithm of new keys and of signing: RS256, which
	// is also the default.
	Algorithm string
	// RSABits is the modulus length of new RSA keys: 2048 (default), 3072 or
	// 4096.
	RSABits int
	// RotateEvery is how long a key signs. It must exceed AnnounceFor.
	RotateEvery time.Duration
	// AnnounceFor is how long a key is published before it signs: at least
	// MaxAge plus twice ReloadEvery.
	AnnounceFor time.Duration
	// KeepFor is how long a key stays published after it last signed: at
	// least the longest lifetime of a token plus the clock skew of verifiers.
	KeepFor time.Duration
	// MaxAge is the longest time that anyone may cache the JWKS.
	MaxAge time.Duration
	// ReloadEvery is how often Run reads the store. It also bounds how far
	// the clocks of two nodes may differ.
	ReloadEvery time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Rand is the source of keys and nonces; nil is crypto/rand.Reader.
	Rand io.Reader
	// Logger is where the ring tells of its keys; nil is slog.Default().
	Logger *slog.Logger
}

// margin is what AnnounceFor must exceed MaxAge by: a node may hear of a new
// key one ReloadEvery after it was announced, and hand out the old JWKS until
// then; as much again is for clocks that differ.
func (c Config) margin() time.Duration { return 2 * c.ReloadEvery }

// minAnnounce is the shortest time for which any key but the first is
// published before it signs.
func (c Config) minAnnounce() time.Duration { return c.MaxAge + c.margin() }

// withDefaults returns c with its empty optional fields filled in.
func (c Config) withDefaults() Config {
	if c.Algorithm == "" {
		c.Algorithm = algRS256
	}
	if c.RSABits == 0 {
		c.RSABits = 2048
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// validate returns all faults of c, joined.
func (c Config) validate() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(c.Store == nil, "keys: a store is missing")
	fault(len(c.SealingKey) != sealingKeySize, "keys: the sealing key has %d bytes; it must have %d", len(c.SealingKey), sealingKeySize)
	if _, err := algorithmOf(c.Algorithm); err != nil {
		faults = append(faults, fmt.Errorf("keys: %w", err))
	}
	fault(c.RSABits != 2048 && c.RSABits != 3072 && c.RSABits != 4096, "keys: RSA keys of %d bits are not supported; choose 2048, 3072 or 4096", c.RSABits)
	fault(c.MaxAge < time.Second, "keys: max-age of the JWKS is %s; it must be at least 1s", c.MaxAge)
	fault(c.ReloadEvery <= 0, "keys: the reload interval is %s; it must be longer than 0", c.ReloadEvery)
	fault(c.KeepFor <= 0, "keys: keys are kept for %s after they signed; it must be at least the longest lifetime of a token", c.KeepFor)
	fault(c.AnnounceFor < c.minAnnounce(),
		"keys: keys are announced for %s, but verifiers may hold the JWKS for %s and nodes may hear of a key %s late; announce for at least %s",
		c.AnnounceFor, c.MaxAge, c.margin(), c.minAnnounce())
	fault(c.RotateEvery <= c.AnnounceFor, "keys: keys rotate every %s, but each is announced for %s before; rotate less often, or announce for less time", c.RotateEvery, c.AnnounceFor)
	return errors.Join(faults...)
}
