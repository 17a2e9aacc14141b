package verify

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// publicKey is a key of the issuer's and the one algorithm it is for.
type publicKey struct {
	alg    jose.SignatureAlgorithm
	public any
}

// keySet is a JWKS by kid.
type keySet map[string]publicKey

const (
	// keysFresh is how long keys are used when the issuer does not say.
	keysFresh = 5 * time.Minute
	// minRSABits is what RFC 7518, section 3.3, demands.
	minRSABits = 2048
)

// key finds the key with a kid. One that is not in the set may have been
// published since; but as the kid of a token is what a stranger wrote, the
// issuer is asked at most once in each KeyRefetch.
func (v *Verifier) key(ctx context.Context, kid string) (publicKey, error) {
	set, err := v.keys.get(ctx)
	if err != nil {
		return publicKey{}, err
	}
	key, found := set.value[kid]
	if found {
		return key, nil
	}
	if set, err = v.keys.newer(ctx, set, v.cfg.KeyRefetch); err != nil {
		return publicKey{}, err
	}
	if key, found = set.value[kid]; !found {
		return publicKey{}, fmt.Errorf("%w: kid is %q", ErrUnknownKey, clip(kid))
	}
	return key, nil
}

// loadKeys fetches the JWKS.
func (v *Verifier) loadKeys(ctx context.Context, last *edition[keySet]) (*edition[keySet], error) {
	address, err := v.discovery.jwksURI(ctx, v)
	if err != nil {
		return nil, err
	}
	etag := ""
	if last != nil {
		etag = last.etag
	}
	a, err := v.get(ctx, address, "application/jwk-set+json, application/json", etag)
	if err != nil {
		v.discovery.forget() // it may have moved
		return nil, err
	}
	var set keySet
	if a.notModified {
		set = last.value
	} else if set, err = parseKeys(a.body, v.cfg.Algorithms); err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	fresh := a.fresh
	if !a.cached {
		fresh = keysFresh
	}
	// A promise of nothing is one too many requests, not a request for each token.
	fresh = max(fresh, min(v.cfg.KeyRefetch, keysFresh))
	return newEdition(set, a.etag, a.fetched, fresh, a.renewing, v.cfg.KeysMaxStale), nil
}

// parseKeys reads a JWKS (RFC 7517, section 5). Keys that are of no use here
// are passed over; a set without any other is an error, and not one that makes
// every token invalid.
func parseKeys(body []byte, algorithms []string) (keySet, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("not a JWKS: %w", err)
	}
	set := keySet{}
	for _, raw := range doc.Keys {
		var jwk jose.JSONWebKey
		if json.Unmarshal(raw, &jwk) != nil || jwk.KeyID == "" || (jwk.Use != "" && jwk.Use != "sig") {
			continue
		}
		alg := algorithmOf(&jwk)
		if _, twice := set[jwk.KeyID]; twice || !slices.Contains(algorithms, string(alg)) {
			continue
		}
		set[jwk.KeyID] = publicKey{alg: alg, public: jwk.Key}
	}
	if len(set) == 0 {
		return nil, errors.New("the JWKS has no key that can be used")
	}
	return set, nil
}

// algorithmOf is the one algorithm that a key is for: what its alg says if that
// fits the key, otherwise the usual one for its kind, and "" for a key that
// cannot be used: a secret or private one, say, which has no place in a JWKS.
func algorithmOf(jwk *jose.JSONWebKey) jose.SignatureAlgorithm {
	var family string
	var usual jose.SignatureAlgorithm
	switch key := jwk.Key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return ""
		}
		family, usual = "RSA", jose.RS256
	case *ecdsa.PublicKey:
		family = key.Curve.Params().Name
		usual = map[string]jose.SignatureAlgorithm{"P-256": jose.ES256, "P-384": jose.ES384, "P-521": jose.ES512}[family]
	case ed25519.PublicKey:
		family, usual = "Ed25519", jose.EdDSA
	}
	alg := jose.SignatureAlgorithm(jwk.Algorithm)
	if alg == "" {
		alg = usual
	}
	if family == "" || keyFamily(alg) != family {
		return ""
	}
	return alg
}

// keyFamily is the kind of key that an algorithm works with, "" for one that
// is not a signature by a public key that is known here.
func keyFamily(alg jose.SignatureAlgorithm) string {
	switch alg {
	case jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512:
		return "RSA"
	case jose.ES256:
		return "P-256"
	case jose.ES384:
		return "P-384"
	case jose.ES512:
		return "P-521"
	case jose.EdDSA:
		return "Ed25519"
	}
	return ""
}
