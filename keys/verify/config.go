package verify

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// StatusPolicy says what the status list of a token is good for.
type StatusPolicy int

const (
	// StatusRequired, the default, fails closed: when a token names a status
	// list that cannot be had, it is not accepted (ErrUnavailable, 503). Who
	// could keep the list from an API could otherwise use a revoked token there.
	// Short outages are bridged by Config.StatusMaxStale, and a token that names
	// no list needs none.
	StatusRequired StatusPolicy = iota
	// StatusBestEffort fails open: a token whose list cannot be had counts as
	// not revoked. It is then good until it expires, as it would be without lists.
	StatusBestEffort
	// StatusIgnored fetches no lists at all.
	StatusIgnored
)

// Config is what a Verifier is made of. Issuer and Audience are required; the
// zero value of everything else is a default for production.
type Config struct {
	// Issuer is whose tokens count, byte for byte as in its metadata. It is an
	// https URL; http is accepted for the loopback alone.
	Issuer string
	// Audience is this API's URI. It must be among the audiences of a token.
	Audience string

	// JWKSURI is where the keys are. By default the issuer's metadata says it
	// (OpenID Connect Discovery, section 4; RFC 8414, section 3).
	JWKSURI string
	// Algorithms are the signature algorithms that count, of RS256, RS384,
	// RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA. Which of them a
	// token must have, its key says. RS256, PS256, ES256 and EdDSA by default.
	Algorithms []string
	// Leeway is how far the clocks of the issuer and of this machine may be
	// apart: 30 s by default, none when negative.
	Leeway time.Duration

	// KeysMaxStale is how long keys go on being used after their time when the
	// issuer cannot be reached: an hour by default, none when negative. In an
	// outage longer than that the tokens themselves, which nobody renews, have
	// expired.
	KeysMaxStale time.Duration
	// KeyRefetch is the shortest time between two fetches of the keys for the
	// sake of tokens that name an unknown one, and of a status list for tokens
	// beyond its end: 30 s by default. The name of a key is what a stranger wrote.
	KeyRefetch time.Duration

	// Status says what happens when a status list cannot be had.
	Status StatusPolicy
	// StatusMaxStale is how long a status list goes on being used after its time
	// when no newer one can be had: 5 minutes by default, none when negative.
	// Never beyond its exp. It is how long a revocation can be missed by an API
	// that is cut off.
	StatusMaxStale time.Duration

	// Timeout bounds a fetch, and so how long a request may have to wait for
	// one: 5 s by default.
	Timeout time.Duration
	// Realm is the realm of the challenges (RFC 9110, section 11.5); none when
	// empty.
	Realm string

	// Client does the fetches; by default one of the package's own. Its redirect
	// policy is replaced: redirects stay within one origin.
	Client *http.Client
	// Logger hears of refused requests and failed fetches; nobody by default.
	Logger *slog.Logger
	// Now is the clock; time.Now by default.
	Now func() time.Time
}

// check fills in the defaults, or says what is wrong.
func (c *Config) check() error {
	if _, err := parseSecureURL(c.Issuer); err != nil {
		return fmt.Errorf("the issuer: %w", err)
	}
	if strings.ContainsAny(c.Issuer, "?#") {
		return errors.New("the issuer must have no query and no fragment (RFC 8414, section 2)")
	}
	if c.Audience == "" {
		return errors.New("an audience is needed: the URI of this API")
	}
	if c.JWKSURI != "" {
		if _, err := parseSecureURL(c.JWKSURI); err != nil {
			return fmt.Errorf("the JWKS URI: %w", err)
		}
	}
	if strings.ContainsFunc(c.Realm, func(r rune) bool { return !quotable(r) }) {
		return errors.New("the realm may consist of printable ASCII without quotation marks and backslashes")
	}
	if c.Status < StatusRequired || c.Status > StatusIgnored {
		return errors.New("there is no such status policy")
	}
	if err := c.checkAlgorithms(); err != nil {
		return err
	}
	c.setDefaults()
	return nil
}

func (c *Config) checkAlgorithms() error {
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{"RS256", "PS256", "ES256", "EdDSA"}
		return nil
	}
	c.Algorithms = slices.Clone(c.Algorithms)
	for _, alg := range c.Algorithms {
		// Never none and never a MAC, whose key would be the public one
		// (RFC 8725, sections 2.1 and 3.1).
		if keyFamily(jose.SignatureAlgorithm(alg)) == "" {
			return fmt.Errorf("%q is not an algorithm of public keys that is known here", alg)
		}
	}
	return nil
}

func (c *Config) setDefaults() {
	c.Leeway = orDefault(c.Leeway, 30*time.Second)
	c.KeysMaxStale = orDefault(c.KeysMaxStale, time.Hour)
	c.KeyRefetch = max(orDefault(c.KeyRefetch, 30*time.Second), time.Second)
	c.StatusMaxStale = orDefault(c.StatusMaxStale, 5*time.Minute)
	if c.Timeout <= 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// orDefault reads a duration whose zero means the default and below it none.
func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return max(d, 0)
}

// quotable reports whether a rune may stand in a quoted string as it is
// (RFC 6750, section 3).
func quotable(r rune) bool { return r >= ' ' && r <= '~' && r != '"' && r != '\\' }
