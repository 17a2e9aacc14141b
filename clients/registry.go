package clients

import (
	"context"
	crand "crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Errors of a Registry, beside those of Store and the *FieldErrors of Validate.
var (
	// ErrDeclared says that config.yaml declares the client, and so alone may
	// change it.
	ErrDeclared = errors.New("the client is declared in the configuration")
	// ErrPublic says that a public client has no secret to rotate.
	ErrPublic = errors.New("a public client has no secret")
	// ErrHasSecret says that the client has a secret, which is rotated and not
	// set.
	ErrHasSecret = errors.New("the client has a secret already")
)

// RegistryConfig is what a Registry needs.
type RegistryConfig struct {
	Store Store
	// Check refuses, with *FieldErrors, what this server cannot do, such as an
	// algorithm that it has no key for. Nil refuses nothing. It is asked about
	// the fields that a change named, and all of a new client's.
	Check func(c *Client, named func(field string) bool) error
	// Now and Rand default to the real ones.
	Now  func() time.Time
	Rand io.Reader
}

// Registry registers clients and changes them. Every door but config.yaml, which
// Reconcile serves, goes through it.
type Registry struct{ cfg RegistryConfig }

// NewRegistry returns a Registry.
func NewRegistry(cfg RegistryConfig) *Registry {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Check == nil {
		cfg.Check = func(*Client, func(string) bool) error { return nil }
	}
	return &Registry{cfg}
}

// Registered is a client as it was stored, and the secret that it was given.
type Registered struct {
	Client Client
	// Secret is in plain text, this once; empty when none was made.
	Secret string
}

// Create registers c: an ID and what else was left out is filled in, and a
// client that needs a secret gets one, or the given one, unless that is nil. It
// returns ErrExists, or the *FieldErrors of what is wrong with c.
func (r *Registry) Create(ctx context.Context, c Client, given *string) (Registered, error) {
	if err := r.complete(&c); err != nil {
		return Registered{}, err
	}
	plain := ""
	switch {
	case c.NeedsSecret():
		made, s, err := r.newSecret(given)
		if err != nil {
			return Registered{}, err
		}
		plain, c.Secrets = made, []Secret{s}
	case given != nil:
		return Registered{}, noSecret(&c)
	}
	if err := errors.Join(c.Validate(), r.cfg.Check(&c, anyField)); err != nil {
		return Registered{}, err
	}
	if err := r.cfg.Store.CreateClient(ctx, c); err != nil {
		return Registered{}, err
	}
	return Registered{Client: c, Secret: plain}, nil
}

// complete fills in what a new client was not given.
func (r *Registry) complete(c *Client) (err error) {
	if c.ID == "" {
		if c.ID, err = NewID(r.cfg.Rand); err != nil {
			return err
		}
	}
	c.Fill()
	now := r.cfg.Now().UTC()
	c.CreatedAt, c.UpdatedAt = now, now
	return nil
}

// Update lets change alter the client with this id, and validates and stores
// what it made of it. A public client that is made confidential is given a
// secret (or the given one) and goes on needing PKCE, which was all it had in its
// place, unless change said otherwise; one that is made public loses its secrets.
// It returns ErrNotFound, ErrDeclared, ErrHasSecret when a secret is given and
// there is one, the error of change, or *FieldErrors; then nothing has changed.
func (r *Registry) Update(ctx context.Context, id string, given *string, change func(*Client) error) (Registered, error) {
	var out Registered
	err := r.cfg.Store.UpdateClient(ctx, id, func(c *Client) error {
		if c.Source == SourceConfig {
			return ErrDeclared
		}
		before := c.Metadata()
		wasPublic := c.Public()
		if err := change(c); err != nil {
			return err
		}
		out = Registered{}
		switch {
		case !c.NeedsSecret():
			if given != nil {
				return noSecret(c)
			}
			c.Secrets = nil
		case len(c.Secrets) == 0:
			made, s, err := r.newSecret(given)
			if err != nil {
				return err
			}
			out.Secret, c.Secrets = made, []Secret{s}
		case given != nil:
			return ErrHasSecret
		}
		if wasPublic && !c.Public() && c.RequirePKCE == nil {
			c.RequirePKCE = new(true)
		}
		after := c.Metadata()
		named := func(field string) bool { return !sameValue(before.Get(field), after.Get(field)) }
		if err := errors.Join(c.Validate(), r.cfg.Check(c, named)); err != nil {
			return err
		}
		c.UpdatedAt = r.cfg.Now().UTC()
		out.Client = *c
		return nil
	})
	return out, err
}

// RotateSecret puts a new secret, or the given one, beside the newest old one,
// which works for the overlap. Two live at most: whoever rotates twice within one
// overlap ends the first for good. It returns ErrPublic for a client that has
// no secrets, and what Update does.
func (r *Registry) RotateSecret(ctx context.Context, id string, given *string, overlap time.Duration) (Registered, error) {
	plain := ""
	out, err := r.Update(ctx, id, nil, func(c *Client) error {
		if !c.NeedsSecret() {
			return ErrPublic
		}
		made, fresh, err := r.newSecret(given)
		if err != nil {
			return err
		}
		plain = made
		c.rotateSecret(fresh, overlap, r.cfg.Now().UTC())
		return nil
	})
	out.Secret = plain
	return out, err
}

// rotateSecret puts fresh beside the newest secret that still lives.
func (c *Client) rotateSecret(fresh Secret, overlap time.Duration, now time.Time) {
	old := slices.DeleteFunc(slices.Clone(c.Secrets), func(s Secret) bool {
		return overlap == 0 || s.Hash == fresh.Hash || !s.live(now)
	})
	c.Secrets = []Secret{fresh}
	if len(old) == 0 {
		return
	}
	last := slices.MaxFunc(old, func(x, y Secret) int { return x.CreatedAt.Compare(y.CreatedAt) })
	if end := now.Add(overlap); last.ExpiresAt.IsZero() || last.ExpiresAt.After(end) {
		last.ExpiresAt = end
	}
	c.Secrets = append(c.Secrets, last)
}

// newSecret makes a secret, or hashes the one that was given. plain is empty
// then: whoever gave it has it.
func (r *Registry) newSecret(given *string) (plain string, s Secret, err error) {
	if given == nil {
		return NewSecret(r.cfg.Rand, r.cfg.Now())
	}
	s, err = HashSecret(r.cfg.Rand, *given, r.cfg.Now())
	return "", s, err
}

// noSecret refuses a secret for a client that authenticates without one.
func noSecret(c *Client) error {
	return &FieldError{"client_secret", fmt.Sprintf("a client with token_endpoint_auth_method %s has no secret", c.TokenEndpointAuthMethod)}
}

// NeedsSecret reports whether the client authenticates with a secret.
func (c *Client) NeedsSecret() bool {
	switch c.TokenEndpointAuthMethod {
	case AuthMethodAny, AuthMethodBasic, AuthMethodPost:
		return true
	}
	return false
}

// Fill gives c what was left out (nil, not empty): the name is the id; a client
// with redirect URIs signs people in and stays signed in, one without speaks for
// itself. What is filled in never allows more than a grant that the client has.
func (c *Client) Fill() {
	if c.Name == "" {
		c.Name = c.ID
	}
	if c.GrantTypes == nil {
		c.GrantTypes = []string{GrantClientCredentials}
		if len(c.RedirectURIs) > 0 {
			c.GrantTypes = []string{GrantAuthorizationCode, GrantRefreshToken}
		}
	}
	if c.Scopes == nil && slices.Contains(c.GrantTypes, GrantAuthorizationCode) {
		c.Scopes = []string{"openid", "profile", "email"}
		if slices.Contains(c.GrantTypes, GrantRefreshToken) {
			c.Scopes = append(c.Scopes, "offline_access")
		}
	}
}

// NewID makes a client_id that nobody has to guess at: 80 random bits in letters
// and digits. A nil rand means crypto/rand.
func NewID(rand io.Reader) (string, error) {
	if rand == nil {
		rand = crand.Reader
	}
	b := make([]byte, 10)
	if _, err := io.ReadFull(rand, b); err != nil {
		return "", fmt.Errorf("read randomness for a client_id: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(b)), nil
}

func anyField(string) bool { return true }
