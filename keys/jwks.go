package keys

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// ErrNoKeys says that the JWKS would be empty. An empty set is worse than an
// error: verifiers would cache it and refuse every token.
var ErrNoKeys = errors.New("there is no key to publish")

// JWKS is the published set of keys (RFC 7517, section 5), ready to be served.
type JWKS struct {
	// Body is the JSON document. It is shared: do not change it.
	Body []byte
	// ETag is strong and quoted (RFC 9110, section 8.8.3).
	ETag string
	// CacheControl is the header field: for how long the set may be used.
	CacheControl string
}

// document is a JWKS with the promise of a node that reads the store in time.
type document struct {
	JWKS
	maxAge, staleFor time.Duration
}

// JWKS returns the keys published now, the signing ones first. It returns
// ErrNoKeys rather than an empty set.
//
// CacheControl is such that no key can begin to sign within it that is not in
// the set. Any key this node does not know of was announced after the store was
// last read and signs no sooner than MinAnnounce after that. While the store is
// read on schedule this is MaxAge and StaleFor; when it cannot be read, the
// promise shrinks, down to nothing.
func (r *Ring) JWKS() (JWKS, error) {
	now := r.cfg.Now()
	snap := r.at(now)
	set := snap.jwks
	if len(set.Body) == 0 {
		return JWKS{}, ErrNoKeys
	}
	if safe := max(snap.deck.trusted.Sub(now), 0); safe < set.maxAge+set.staleFor {
		maxAge := min(set.maxAge, safe).Truncate(time.Second)
		set.CacheControl = cacheControl(maxAge, (safe - maxAge).Truncate(time.Second))
	}
	return set.JWKS, nil
}

// cacheControl is the header field of RFC 9111, section 5.2, and RFC 5861,
// section 3.
func cacheControl(maxAge, staleFor time.Duration) string {
	if staleFor == 0 {
		return fmt.Sprintf("public, max-age=%d", maxAge/time.Second)
	}
	return fmt.Sprintf("public, max-age=%d, stale-while-revalidate=%d", maxAge/time.Second, staleFor/time.Second)
}

// marshalJWKS writes the set and its ETag; nothing when there are no keys.
func marshalJWKS(keys []*signingKey, cfg Config) document {
	d := document{maxAge: cfg.MaxAge, staleFor: cfg.StaleFor}
	if len(keys) == 0 {
		return d
	}
	jwks := make([][]byte, len(keys))
	for i, key := range keys {
		jwks[i] = key.publicJSON
	}
	d.Body = append(d.Body, `{"keys":[`...)
	d.Body = append(d.Body, bytes.Join(jwks, []byte(","))...)
	d.Body = append(d.Body, `]}`...)
	sum := sha256.Sum256(d.Body)
	d.ETag = `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	d.CacheControl = cacheControl(d.maxAge, d.staleFor)
	return d
}
