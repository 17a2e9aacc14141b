package clients

import (
	"crypto/pbkdf2"
	crand "crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

const (
	schemeSHA256 = "sha256"
	schemePBKDF2 = "pbkdf2-sha256"

	secretBytes = 32   // of randomness in a secret we make
	longSecret  = 32   // characters from which a given secret counts as random
	minSecret   = 8    // characters of a given secret
	maxSecret   = 1024 // characters of a given secret

	// pbkdf2Iterations costs about 20 ms of CPU. It is below what is advised
	// for people's passwords (600,000), because a client shows its secret at
	// every token request and anyone who knows a client_id can make the server
	// do this work. Secrets that we make, and given ones that are long enough,
	// need none of it.
	pbkdf2Iterations = 100_000
	maxIterations    = 10_000_000
	saltBytes        = 16
)

// NewSecret makes a client secret of 256 random bits, and its stored form. The
// plain text is base64url without padding, which every way of sending it
// leaves as it is. A nil rand means crypto/rand.
func NewSecret(rand io.Reader, now time.Time) (plain string, s Secret, err error) {
	b := make([]byte, secretBytes)
	if _, err := io.ReadFull(reader(rand), b); err != nil {
		return "", Secret{}, fmt.Errorf("read randomness for a client secret: %w", err)
	}
	plain = base64.RawURLEncoding.EncodeToString(b)
	return plain, Secret{Hash: sha256Hash(plain), CreatedAt: now.UTC()}, nil
}

// HashSecret makes the stored form of a secret that was given. One of 32
// characters or more is taken to be random and hashed once, since no one can
// try them all; a shorter one (8 at least) is stretched with PBKDF2 (RFC 8018)
// and costs CPU time at every use, by which its client can be told from an
// unknown one; client ids are no secret. It returns a *FieldError for a secret that
// is too short, too long or not printable ASCII (RFC 6749, appendix A.2).
func HashSecret(rand io.Reader, plain string, now time.Time) (Secret, error) {
	switch {
	case strings.ContainsFunc(plain, func(r rune) bool { return r < 0x20 || r > 0x7E }):
		return Secret{}, &FieldError{"client_secret", "may hold only printable ASCII characters"}
	case len(plain) < minSecret:
		return Secret{}, &FieldError{"client_secret", fmt.Sprintf("must have at least %d characters", minSecret)}
	case len(plain) > maxSecret:
		return Secret{}, &FieldError{"client_secret", fmt.Sprintf("must not be longer than %d characters", maxSecret)}
	case len(plain) >= longSecret:
		return Secret{Hash: sha256Hash(plain), CreatedAt: now.UTC()}, nil
	}
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(reader(rand), salt); err != nil {
		return Secret{}, fmt.Errorf("read randomness for a client secret's salt: %w", err)
	}
	key, err := pbkdf2.Key(sha256.New, plain, salt, pbkdf2Iterations, sha256.Size)
	if err != nil {
		return Secret{}, fmt.Errorf("hash a client secret: %w", err)
	}
	b64 := base64.RawStdEncoding
	hash := strings.Join([]string{schemePBKDF2, strconv.Itoa(pbkdf2Iterations), b64.EncodeToString(salt), b64.EncodeToString(key)}, "$")
	return Secret{Hash: hash, CreatedAt: now.UTC()}, nil
}

// DummySecret is a stored form that no secret matches. CheckSecret compares
// against it when a client has none, so an unknown client, checked as the zero
// Client, takes as long as a wrong secret of a known one.
func DummySecret() Secret {
	// The all-zero digest: nobody knows what hashes to it.
	return Secret{Hash: schemeSHA256 + "$" + strings.Repeat("0", sha256.Size*2)}
}

// CheckSecret reports whether plain is one of the client's secrets that live
// at now. Every secret is compared, in constant time, whether or not one
// before it matched. A public client has none and matches nothing. Whether the
// client is disabled is not asked here.
func (c *Client) CheckSecret(plain string, now time.Time) bool {
	_, ok := c.MatchSecret(plain, now)
	return ok
}

// MatchSecret is CheckSecret that also returns the Fingerprint of the secret
// that plain is.
func (c *Client) MatchSecret(plain string, now time.Time) (fingerprint string, ok bool) {
	checked := false
	if !c.Public() {
		for _, s := range c.Secrets {
			if s.live(now) {
				checked = true
				if s.compare(plain) == 1 {
					fingerprint, ok = s.Fingerprint(), plain != ""
				}
			}
		}
	}
	if !checked {
		dummy := DummySecret()
		dummy.compare(plain)
	}
	return fingerprint, ok
}

// live reports whether the secret is accepted at now.
func (s *Secret) live(now time.Time) bool {
	return s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt)
}

// compare returns 1 when plain is the secret and 0 otherwise, also when the
// stored form cannot be read.
func (s *Secret) compare(plain string) int {
	h, err := parseHash(s.Hash)
	if err != nil {
		return 0
	}
	if h.salt == nil {
		sum := sha256.Sum256([]byte(plain))
		return subtle.ConstantTimeCompare(sum[:], h.key)
	}
	key, err := pbkdf2.Key(sha256.New, plain, h.salt, h.iterations, len(h.key))
	if err != nil {
		return 0
	}
	return subtle.ConstantTimeCompare(key, h.key)
}

// secretHash is a parsed Secret.Hash; salt is nil for sha256.
type secretHash struct {
	iterations int
	salt, key  []byte
}

// errHash does not repeat the hash: it would end up in a log.
var errHash = errors.New("is stored in a form this release cannot read; rotate the client's secret")

// parseHash reads "sha256$HEX" or "pbkdf2-sha256$ITERATIONS$SALT$KEY", salt
// and key in base64 without padding.
func parseHash(s string) (secretHash, error) {
	scheme, rest, _ := strings.Cut(s, "$")
	switch parts := strings.Split(rest, "$"); {
	case scheme == schemeSHA256 && len(parts) == 1:
		key, err := hex.DecodeString(rest)
		if err != nil || len(key) != sha256.Size {
			return secretHash{}, errHash
		}
		return secretHash{key: key}, nil
	case scheme == schemePBKDF2 && len(parts) == 3:
		n, errN := strconv.ParseUint(parts[0], 10, 32)
		salt, errS := base64.RawStdEncoding.Strict().DecodeString(parts[1])
		key, errK := base64.RawStdEncoding.Strict().DecodeString(parts[2])
		if errors.Join(errN, errS, errK) != nil || n == 0 || n > maxIterations || len(salt) < 8 || len(key) != sha256.Size {
			return secretHash{}, errHash
		}
		return secretHash{iterations: int(n), salt: salt, key: key}, nil
	default:
		return secretHash{}, errHash
	}
}

func sha256Hash(plain string) string {
	sum := sha256.Sum256([]byte(plain))
	return schemeSHA256 + "$" + hex.EncodeToString(sum[:])
}

// reader returns r, or crypto/rand in its place.
func reader(r io.Reader) io.Reader {
	if r == nil {
		return crand.Reader
	}
	return r
}
