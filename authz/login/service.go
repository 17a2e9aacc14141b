package login

import (
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"time"
)

// defaultSessionLifetime is a working day with a long lunch: people sign in
// once a day, and a forgotten browser is safe by the next.
const defaultSessionLifetime = 12 * time.Hour

// SessionLimits is how long a session lasts.
type SessionLimits struct {
	// Lifetime ends it in any case, counted from the sign-in.
	Lifetime time.Duration
	// Idle ends it when it was not used for so long; 0 is Lifetime.
	Idle time.Duration
}

// Config is what a Service needs. The stores have to be given; every other
// field has a default.
type Config struct {
	People   PeopleStore
	Sessions SessionStore
	Setup    SetupStore
	// Factors are what people can prove beside a password, in the order of the
	// levels that they lead to. StepUps raises sessions; only factors need it.
	Factors []Factor
	StepUps StepUpStore
	// Session is how long a sign-in lasts; 12 hours by default. Remembered is
	// how long it does for those who ask to be kept signed in; without a
	// Lifetime nobody can.
	Session, Remembered SessionLimits
	// Argon2 is what a password hash costs; see DefaultArgon2.
	Argon2 Argon2Params
	// HashConcurrency is how many passwords are hashed at once, each in
	// Argon2.MemoryKiB of memory; GOMAXPROCS by default. 32 times as many wait
	// in line, and whoever comes then gets ErrBusy.
	HashConcurrency int
	// Now is the clock, Rand the source of randomness, Logger the log.
	Now    func() time.Time
	Rand   io.Reader
	Logger *slog.Logger
}

// Service signs people in and keeps their sessions. It is safe for use by
// several goroutines.
type Service struct {
	people   PeopleStore
	sessions SessionStore
	setup    SetupStore
	factors  []Factor
	stepUps  StepUpStore
	limits   SessionLimits
	longer   SessionLimits
	hasher   *hasher
	// dummy stands in for the hash of a person who has none, so that signing
	// in costs the same whoever is named. No password matches it.
	dummy  phc
	now    func() time.Time
	rand   io.Reader
	logger *slog.Logger
}

// New returns a Service, or an error when cfg cannot work.
func New(cfg Config) (*Service, error) {
	if cfg.People == nil || cfg.Sessions == nil || cfg.Setup == nil {
		return nil, errors.New("login: the People, Sessions and Setup stores must be given")
	}
	for _, d := range []time.Duration{cfg.Session.Lifetime, cfg.Session.Idle, cfg.Remembered.Lifetime, cfg.Remembered.Idle} {
		if d < 0 {
			return nil, errors.New("login: no lifetime of a session may be negative")
		}
	}
	if cfg.HashConcurrency < 0 {
		return nil, errors.New("login: HashConcurrency must not be negative")
	}
	if err := checkFactors(cfg.Factors, cfg.StepUps); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	if err := cfg.Argon2.Validate(); err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	s := &Service{
		people: cfg.People, sessions: cfg.Sessions, setup: cfg.Setup, factors: cfg.Factors, stepUps: cfg.StepUps,
		limits: cfg.Session, longer: cfg.Remembered,
		hasher: newHasher(cfg.Argon2, cfg.HashConcurrency, cfg.Rand),
		now:    func() time.Time { return cfg.Now().UTC().Round(0) },
		rand:   cfg.Rand, logger: cfg.Logger,
	}
	var err error
	if s.dummy, err = s.hasher.dummy(); err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	return s, nil
}

// setDefaults fills what was left out.
func (c *Config) setDefaults() {
	if c.Session.Lifetime == 0 {
		c.Session.Lifetime = defaultSessionLifetime
	}
	if c.Argon2 == (Argon2Params{}) {
		c.Argon2 = DefaultArgon2()
	}
	if c.HashConcurrency == 0 {
		c.HashConcurrency = runtime.GOMAXPROCS(0)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = crand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// random returns n random bytes.
func (s *Service) random(n int) ([]byte, error) { return readRandom(s.rand, n) }

// newID returns 128 random bits in lowercase hex.
func (s *Service) newID() (string, error) {
	b, err := s.random(16)
	return hex.EncodeToString(b), err
}

// newToken returns a secret of 256 random bits in base64url, to give away, and
// its hash, to keep.
func (s *Service) newToken() (token, hash string, err error) {
	b, err := s.random(tokenBytes)
	if err != nil {
		return "", "", err
	}
	token = base64.RawURLEncoding.EncodeToString(b)
	hash, _ = hashToken(token)
	return token, hash, nil
}

const tokenBytes = 32

// hashToken returns the lowercase hex SHA-256 of a token, under which it is
// stored, and false for what cannot be one of ours. Finding a token by its
// hash gives its characters away to no stopwatch.
func hashToken(token string) (string, bool) {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return "", false
	}
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:]), true
}

// readRandom reads n bytes of randomness.
func readRandom(r io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return b, nil
}
