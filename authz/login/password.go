package login

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"
)

const (
	minPassword = 8    // characters (NIST SP 800-63B, section 5.1.1.2)
	maxPassword = 1024 // characters; more is no passphrase but an attack

	saltBytes = 16 // RFC 9106, section 3.1
	keyBytes  = 32

	// queuePerSlot bounds who waits for a hash: at some 30 to 50 ms each, the
	// last in line is served within two seconds, before a person gives up.
	queuePerSlot = 32
)

// ErrBusy says that too many passwords are being checked already, or that the
// caller gave up waiting. Trying again in a moment helps.
var ErrBusy = errors.New("too many people are signing in at once; try again in a moment")

// Argon2Params is what one hash costs (argon2id, RFC 9106).
type Argon2Params struct {
	// MemoryKiB is the memory in KiB.
	MemoryKiB uint32
	// Iterations is the number of passes over it.
	Iterations uint32
	// Parallelism is the number of lanes.
	Parallelism uint8
}

// DefaultArgon2 returns 19 MiB, 2 passes, 1 lane: what OWASP advises for a
// server that has to check many passwords at once.
func DefaultArgon2() Argon2Params {
	return Argon2Params{MemoryKiB: 19456, Iterations: 2, Parallelism: 1}
}

// Bounds of what is accepted, also from the database: a row that was tampered
// with must not make the server allocate all memory.
const (
	maxMemoryKiB   = 1 << 20
	maxIterations  = 100
	maxParallelism = 64
)

// Validate says what is wrong with the parameters.
func (p Argon2Params) Validate() error {
	switch {
	case p.Parallelism < 1 || p.Parallelism > maxParallelism:
		return fmt.Errorf("argon2: parallelism must be from 1 to %d", maxParallelism)
	case p.Iterations < 1 || p.Iterations > maxIterations:
		return fmt.Errorf("argon2: iterations must be from 1 to %d", maxIterations)
	case p.MemoryKiB < 8*uint32(p.Parallelism) || p.MemoryKiB > maxMemoryKiB:
		return fmt.Errorf("argon2: memory must be from 8 KiB for each lane to %d KiB", maxMemoryKiB)
	}
	return nil
}

// preparePassword returns the form of a password that is hashed, so that it
// does not depend on the keyboard it was typed on (PRECIS OpaqueString,
// RFC 8265, section 4.2), or a *FieldError.
func preparePassword(password string) (string, error) {
	if len(password) <= maxPassword*utf8.UTFMax {
		if !utf8.ValidString(password) {
			return "", &FieldError{"password", "must be valid UTF-8"}
		}
		if password != "" {
			prepared, err := precis.OpaqueString.String(password)
			if err != nil {
				return "", &FieldError{"password", "must not have control characters or characters that Unicode does not know"}
			}
			password = prepared
		}
	}
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return "", &FieldError{"password", fmt.Sprintf("must have at least %d characters", minPassword)}
	case n > maxPassword:
		return "", &FieldError{"password", fmt.Sprintf("must not be longer than %d characters", maxPassword)}
	}
	return password, nil
}

// phc is a parsed password hash.
type phc struct {
	params    Argon2Params
	salt, key []byte
}

// errPHC does not repeat the hash: it would end up in a log.
var errPHC = errors.New("the stored password hash cannot be read; set a new password")

// String returns the hash in the PHC string format.
func (h phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.params.MemoryKiB, h.params.Iterations, h.params.Parallelism, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

// parsePHC reads what String writes and nothing else: one spelling for each
// hash, and parameters within bounds.
func parsePHC(s string) (phc, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 {
		return phc{}, errPHC
	}
	var n [3]uint64
	costs := strings.Split(parts[3], ",")
	if len(costs) != len(n) {
		return phc{}, errPHC
	}
	for i, name := range []string{"m=", "t=", "p="} {
		value, _ := strings.CutPrefix(costs[i], name)
		var err error
		if n[i], err = strconv.ParseUint(value, 10, 32); err != nil {
			return phc{}, errPHC
		}
	}
	salt, errS := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	key, errK := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if errS != nil || errK != nil || n[2] > maxParallelism || len(salt) < 8 || len(salt) > 64 || len(key) < 16 || len(key) > 64 {
		return phc{}, errPHC
	}
	h := phc{params: Argon2Params{MemoryKiB: uint32(n[0]), Iterations: uint32(n[1]), Parallelism: uint8(n[2])}, salt: salt, key: key}
	if h.params.Validate() != nil || h.String() != s {
		return phc{}, errPHC
	}
	return h, nil
}

// hasher hashes passwords, a bounded number at once, because each takes a
// processor and many megabytes: unbounded, a burst of sign-ins is an outage.
type hasher struct {
	params Argon2Params
	rand   io.Reader
	places chan struct{} // held from arriving to leaving
	slots  chan struct{} // held while hashing
	// derive is argon2.IDKey; tests count its calls.
	derive func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte
}

func newHasher(params Argon2Params, concurrency int, rand io.Reader) *hasher {
	return &hasher{
		params: params, rand: rand, derive: argon2.IDKey,
		places: make(chan struct{}, concurrency*(1+queuePerSlot)),
		slots:  make(chan struct{}, concurrency),
	}
}

// hash returns the PHC string of a prepared password, or ErrBusy.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt, err := readRandom(h.rand, saltBytes)
	if err != nil {
		return "", err
	}
	p := phc{params: h.params, salt: salt, key: make([]byte, keyBytes)}
	if p.key, err = h.compute(ctx, p, password); err != nil {
		return "", err
	}
	return p.String(), nil
}

// verify reports whether a prepared password has this hash, or ErrBusy.
func (h *hasher) verify(ctx context.Context, p phc, password string) (bool, error) {
	key, err := h.compute(ctx, p, password)
	return err == nil && subtle.ConstantTimeCompare(key, p.key) == 1, err
}

// dummy returns a hash that no password has and that costs what ours cost.
func (h *hasher) dummy() (phc, error) {
	b, err := readRandom(h.rand, saltBytes+keyBytes)
	if err != nil {
		return phc{}, err
	}
	return phc{params: h.params, salt: b[:saltBytes], key: b[saltBytes:]}, nil
}

// compute waits for its turn and derives a key of the length of p.key.
func (h *hasher) compute(ctx context.Context, p phc, password string) ([]byte, error) {
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
	default:
		return nil, ErrBusy
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrBusy, err)
	}
	return h.derive([]byte(password), p.salt, p.params.Iterations, p.params.MemoryKiB, p.params.Parallelism, uint32(len(p.key))), nil
}
