package keys

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
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
	// MaxAge is for how long the set may be cached, in whole seconds.
	MaxAge time.Duration
}

// JWKS returns the keys published now, the signing one first. It returns
// ErrNoKeys rather than an empty set.
//
// MaxAge is such that no key can begin to sign within it that is not in the
// set. Any key this node does not know of was announced after the store was
// last read and signs no sooner than minAnnounce after that. While the store is
// read on schedule this is the configured MaxAge; when it cannot be read, the
// promise shrinks, down to ReloadEvery, so that verifiers come back soon.
func (r *Ring) JWKS() (JWKS, error) {
	now := r.cfg.Now()
	snap := r.at(now)
	if len(snap.jwks) == 0 {
		return JWKS{}, ErrNoKeys
	}
	safe := snap.deck.readAt.Add(r.cfg.minAnnounce()).Sub(now)
	maxAge := min(r.cfg.MaxAge, max(safe, r.cfg.ReloadEvery))
	return JWKS{Body: snap.jwks, ETag: snap.etag, MaxAge: maxAge.Truncate(time.Second)}, nil
}

// marshalJWKS writes the set and its ETag; nothing when there are no keys.
func marshalJWKS(keys []*signingKey) (body []byte, etag string) {
	if len(keys) == 0 {
		return nil, ""
	}
	jwks := make([][]byte, len(keys))
	for i, key := range keys {
		jwks[i] = key.publicJSON
	}
	body = append(body, `{"keys":[`...)
	body = append(body, bytes.Join(jwks, []byte(","))...)
	body = append(body, `]}`...)
	sum := sha256.Sum256(body)
	return body, `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}
