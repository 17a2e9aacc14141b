package clients

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// UseResolution is how exactly a last use is kept: what was noted less than
	// that before is not written again.
	UseResolution = time.Hour
	// maxUses bounds what a UseRecorder remembers. Beyond it, a use may be written
	// once more than needed, or late; none of it matters.
	maxUses = 100_000
	// maxUseFlush bounds what one Flush writes: the rest is for the next.
	maxUseFlush = 5_000
)

// Use is when a credential of a client was last used, to the hour or so.
type Use struct {
	// ClientID is the client's.
	ClientID string
	// Credential is Secret.Fingerprint of a secret, or "" for the client as a whole.
	Credential string
	// At is in UTC.
	At time.Time
}

// UseStore keeps last uses.
type UseStore interface {
	// ClientUses returns the uses of a client, or of every client for "",
	// ordered by client and credential.
	ClientUses(ctx context.Context, clientID string) ([]Use, error)
	// SaveClientUses stores uses. One that is not UseResolution later than what is
	// stored is left out, and so is one of a client that is not there.
	SaveClientUses(ctx context.Context, uses []Use) error
}

// UseRecorder remembers in memory who was used, so that a request writes nothing.
// It is safe for concurrent use. What was not flushed is lost with the process:
// last uses are for operators, and for the removal of clients that registered
// themselves, which asks for grants too.
type UseRecorder struct {
	mu sync.Mutex
	// pending is what the store is to be told, and saved what it was told last.
	pending, saved map[useKey]time.Time
}

type useKey struct{ client, credential string }

// NewUseRecorder returns an empty recorder.
func NewUseRecorder() *UseRecorder {
	return &UseRecorder{pending: map[useKey]time.Time{}, saved: map[useKey]time.Time{}}
}

// Note remembers that a credential was used, and its client with it.
func (r *UseRecorder) Note(clientID, credential string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(useKey{clientID, ""}, at)
	if credential != "" {
		r.note(useKey{clientID, credential}, at)
	}
}

func (r *UseRecorder) note(key useKey, at time.Time) {
	if at.Sub(r.saved[key]) < UseResolution {
		return
	}
	if _, known := r.pending[key]; known || len(r.pending) < maxUses {
		r.pending[key] = at
	}
}

// Flush writes what is new to st, and keeps it for the next time when that fails.
func (r *UseRecorder) Flush(ctx context.Context, st UseStore) error {
	r.mu.Lock()
	uses := make([]Use, 0, min(len(r.pending), maxUseFlush))
	for key, at := range r.pending {
		if len(uses) == maxUseFlush {
			break
		}
		uses = append(uses, Use{ClientID: key.client, Credential: key.credential, At: at})
	}
	r.mu.Unlock()
	if len(uses) == 0 {
		return nil
	}
	SortUses(uses)
	if err := st.SaveClientUses(ctx, uses); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.saved)+len(uses) > maxUses {
		clear(r.saved)
	}
	for _, u := range uses {
		key := useKey{u.ClientID, u.Credential}
		r.saved[key] = u.At
		delete(r.pending, key)
	}
	return nil
}

// SortUses orders uses by client and credential. Two nodes that write in this
// order never wait for each other in a circle.
func SortUses(uses []Use) {
	slices.SortFunc(uses, func(a, b Use) int {
		if n := strings.Compare(a.ClientID, b.ClientID); n != 0 {
			return n
		}
		return strings.Compare(a.Credential, b.Credential)
	})
}

// Fingerprint names the secret without telling it: the first 12 hexadecimal digits
// of its hash; "" when the stored form cannot be read.
func (s *Secret) Fingerprint() string {
	h, err := parseHash(s.Hash)
	if err != nil {
		return ""
	}
	return hex.EncodeToString(h.key)[:12]
}

// WithUses adds to the metadata m of c when it was last used, in seconds since
// 1970 and to the hour or so, and its secrets: when each was made, when it ends,
// and when it was last used. A secret stands there by its Fingerprint.
func (c *Client) WithUses(m Metadata, uses []Use) Metadata {
	last := map[string]int64{}
	for _, u := range uses {
		if u.ClientID == c.ID {
			last[u.Credential] = unix(u.At)
		}
	}
	if at := last[""]; at != 0 {
		m = m.With("last_used_at", at)
	}
	var secrets []Metadata
	for _, s := range c.Secrets {
		one := Metadata{{"fingerprint", s.Fingerprint()}, {"created_at", unix(s.CreatedAt)}, {"expires_at", unix(s.ExpiresAt)}}
		if at := last[s.Fingerprint()]; at != 0 {
			one = one.With("last_used_at", at)
		}
		secrets = append(secrets, one)
	}
	if secrets != nil {
		m = m.With("secrets", secrets)
	}
	return m
}
