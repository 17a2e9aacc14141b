package clients

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Declared is a client as config.yaml has it.
type Declared struct {
	// Client is all but its secrets. Source, Secrets and the times are not
	// read.
	Client Client
	// PlainSecrets are the secrets in plain text: none for a public client,
	// two while the operator rotates one.
	PlainSecrets []string
}

// Reconcile compares the clients that config.yaml declares with those stored
// and returns which to create and which to update, complete and validated.
// Unchanged ones are left out, so that a start that changes nothing writes
// nothing. A client that has gone from config.yaml is updated to be disabled,
// never deleted: people's grants and the audit trail refer to it; declaring it
// again enables it again.
//
// A stored hash that a declared secret matches is kept: salted hashes differ
// each time and would else look like a change at every start. Stored secrets
// that are no longer declared are dropped. rand salts new hashes; nil means
// crypto/rand.
//
// All faults are returned together, and then nothing is to be created or
// updated. That a client_id belongs to a client made on the command line is a
// fault too.
func Reconcile(rand io.Reader, declared []Declared, stored []Client, now time.Time) (create, update []Client, err error) {
	var errs []error
	known := make(map[string]*Client, len(stored))
	for i := range stored {
		known[stored[i].ID] = &stored[i]
	}
	seen := make(map[string]bool, len(declared))
	for _, d := range declared {
		id := d.Client.ID
		old := known[id]
		if err := checkClash(id, seen[id], old); err != nil {
			errs = append(errs, err)
			continue
		}
		seen[id] = true
		c, wrong := d.resolve(rand, old, now)
		switch {
		case len(wrong) > 0:
			errs = append(errs, wrong...)
		case old == nil:
			create = append(create, c)
		case !same(c, *old):
			update = append(update, c)
		}
	}
	for _, s := range stored {
		if s.Source == SourceConfig && !seen[s.ID] && !s.Disabled {
			s.Disabled, s.UpdatedAt = true, now.UTC()
			update = append(update, s)
		}
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	return create, update, nil
}

// checkClash refuses an id that is declared twice or that an operator already
// used on the command line.
func checkClash(id string, declaredTwice bool, old *Client) error {
	switch {
	case declaredTwice:
		return fmt.Errorf("client %q: declared twice; give one of them another client_id", id)
	case old != nil && old.Source != SourceConfig:
		return fmt.Errorf("client %q: it was made with `signet clients create` and is kept as it is; remove it from the configuration, or give the one declared there another client_id", id)
	default:
		return nil
	}
}

// resolve turns a declared client into one to store.
func (d Declared) resolve(rand io.Reader, old *Client, now time.Time) (Client, []error) {
	c := d.Client
	c.Source = SourceConfig
	c.CreatedAt, c.UpdatedAt = now.UTC(), now.UTC()
	var stored []Secret
	if old != nil {
		c.CreatedAt = old.CreatedAt
		stored = old.Secrets
	}
	var errs []error
	c.Secrets = nil
	for _, plain := range d.PlainSecrets {
		s, err := keepSecret(rand, plain, stored, now)
		if err != nil {
			errs = append(errs, fmt.Errorf("client %q: %w", c.ID, err))
		}
		// A secret that is refused still counts as one: that there is none
		// would be a second complaint about the same line.
		if !slices.Contains(c.Secrets, s) {
			c.Secrets = append(c.Secrets, s)
		}
	}
	return c, append(errs, c.faultList(len(errs) > 0)...)
}

// faultList returns the faults of the client apart, each with its id.
// secretsReported leaves out those of its secrets.
func (c *Client) faultList(secretsReported bool) []error {
	var errs []error
	if joined, ok := c.Validate().(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			var field *FieldError
			if secretsReported && errors.As(err, &field) && field.Field == "client_secret" {
				continue
			}
			errs = append(errs, fmt.Errorf("client %q: %w", c.ID, err))
		}
	}
	return errs
}

// keepSecret returns the stored secret that plain matches, or hashes plain.
func keepSecret(rand io.Reader, plain string, stored []Secret, now time.Time) (Secret, error) {
	for _, s := range stored {
		if plain != "" && s.compare(plain) == 1 {
			return Secret{Hash: s.Hash, CreatedAt: s.CreatedAt}, nil
		}
	}
	return HashSecret(rand, plain, now)
}

// same reports whether two clients are equal but for the times they were
// written. A list that is nil equals one that is empty.
func same(a, b Client) bool {
	if !slices.EqualFunc(a.Secrets, b.Secrets, func(x, y Secret) bool {
		return x.Hash == y.Hash && x.ExpiresAt.Equal(y.ExpiresAt)
	}) {
		return false
	}
	// What the world sees of them is all that an operator can declare.
	a.CreatedAt, b.CreatedAt = time.Time{}, time.Time{}
	a.Secrets, b.Secrets = nil, nil
	return sameValue(a.Metadata(), b.Metadata())
}
