package keys

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"
)

// Config is what a Ring needs. Store, SealingKey and Schedule are required; the
// rest has defaults.
type Config struct {
	// Store holds the key records; every node of one issuer shares it.
	Store Store
	// SealingKey is the 32-byte AES-256 key that private keys are sealed
	// under. It must not come from the database that Store is.
	SealingKey []byte
	// Algorithms are the JWS algorithms to have keys of; RS256 is the default.
	Algorithms []string
	// RSABits is the modulus length of new RSA keys: 2048 (default), 3072 or
	// 4096.
	RSABits int
	// Schedule is the pace of the keys of every algorithm.
	Schedule
	// Backend makes and holds private keys; nil makes them in memory and
	// leaves them, sealed, to the Store.
	Backend Backend
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Rand is the source of keys and nonces; nil is crypto/rand.Reader.
	Rand io.Reader
	// Logger is where the ring tells of its keys; nil is slog.Default().
	Logger *slog.Logger
}

// withDefaults returns c with its empty optional fields filled in.
func (c Config) withDefaults() Config {
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{algRS256}
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
	if c.Backend == nil {
		c.Backend = inMemory{c.Rand}
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
	for i, alg := range c.Algorithms {
		if _, err := algorithmOf(alg); err != nil {
			faults = append(faults, fmt.Errorf("keys: %w", err))
		}
		fault(slices.Contains(c.Algorithms[:i], alg), "keys: %s is listed twice", alg)
	}
	fault(c.RSABits != 2048 && c.RSABits != 3072 && c.RSABits != 4096, "keys: RSA keys of %d bits are not supported; choose 2048, 3072 or 4096", c.RSABits)
	if err := c.Schedule.Validate(); err != nil {
		faults = append(faults, fmt.Errorf("keys: %w", err))
	}
	return errors.Join(faults...)
}

// defaultAlg is the algorithm for those who ask for none: RS256, as OpenID
// Connect has it (Registration, section 2), or the first where there is no
// RS256.
func (c Config) defaultAlg() string {
	if slices.Contains(c.Algorithms, algRS256) {
		return algRS256
	}
	return c.Algorithms[0]
}
