package keys

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ErrNoSigner says that no key of an algorithm may sign now.
var ErrNoSigner = errors.New("no signing key may sign now")

// SigningAlg returns the algorithm that a token is to be signed with: preferred
// itself or, if that is empty, the default of the ring. It returns ErrNoSigner
// when no key may sign: preferred is not in use or its first key is only
// announced yet, or the store could not be read for so long that the newest key
// known may have been replaced.
func (r *Ring) SigningAlg(preferred string) (string, error) {
	snap := r.current()
	alg := preferred
	if alg == "" {
		alg = snap.defaultAlg
	}
	if snap.signers[alg] == nil {
		r.nudge()
		return "", snap.noSigner(alg)
	}
	return alg, nil
}

// SigningKID returns the kid of the key that would sign with alg now, which
// SigningAlg has chosen. It returns ErrNoSigner as SigningAlg does.
func (r *Ring) SigningKID(alg string) (string, error) {
	snap := r.current()
	key := snap.signers[alg]
	if key == nil {
		r.nudge()
		return "", snap.noSigner(alg)
	}
	return key.kid, nil
}

// Sign returns payload as a compact JWS (RFC 7515, section 7.1) by the key that
// is active now for an algorithm, which SigningAlg has chosen. The protected
// header is exactly alg, kid and typ; typ is one of the few constants of the
// caller, such as "at+jwt". It returns ErrNoSigner as SigningAlg does.
func (r *Ring) Sign(alg, typ string, payload []byte) (string, error) {
	if typ == "" {
		return "", errors.New("signing: a token needs a typ")
	}
	snap := r.current()
	key := snap.signers[alg]
	if key == nil {
		r.nudge()
		return "", snap.noSigner(alg)
	}
	signer, err := key.signerFor(typ)
	if err != nil {
		return "", fmt.Errorf("signing with key %s: %w", key.kid, err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing with key %s: %w", key.kid, err)
	}
	return jws.CompactSerialize()
}

// Ready returns nil when tokens can be signed in every algorithm in use, or why
// they cannot. An algorithm whose first key is only announced yet does not
// count: it is not overdue.
func (r *Ring) Ready() error {
	snap := r.current()
	for _, alg := range r.cfg.Algorithms {
		if snap.signers[alg] == nil && snap.overdue(alg) {
			r.nudge()
			return snap.noSigner(alg)
		}
	}
	if snap.signers[snap.defaultAlg] == nil {
		return snap.noSigner(snap.defaultAlg)
	}
	return nil
}

// noSigner is ErrNoSigner with what is known of the reason.
func (s *snapshot) noSigner(alg string) error {
	last, ok := s.deck.last(alg)
	switch {
	case !ok:
		return fmt.Errorf("%w: there is no key for %s; keys.algorithms must have it", ErrNoSigner, alg)
	case s.overdue(alg):
		return fmt.Errorf("%w: the newest key known for %s was to sign until %s, and the database could not be read since %s, so that another may have taken its place",
			ErrNoSigner, alg, last.record.RetiredAt.Format(time.RFC3339), s.deck.readAt.Format(time.RFC3339))
	case s.from.Before(last.span.active):
		return fmt.Errorf("%w: the first key for %s is announced and signs from %s", ErrNoSigner, alg, last.record.ActiveAt.Format(time.RFC3339))
	}
	return fmt.Errorf("%w: %s is not in use any more", ErrNoSigner, alg)
}

// nudge has Run read the store now instead of at its time.
func (r *Ring) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// signerFor returns the signer for one typ, made on its first use.
func (k *signingKey) signerFor(typ string) (jose.Signer, error) {
	if signer, ok := k.byTyp.Load(typ); ok {
		return signer.(jose.Signer), nil
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.alg.name), Key: opaqueSigner{k}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)),
	)
	if err != nil {
		return nil, err
	}
	kept, _ := k.byTyp.LoadOrStore(typ, signer)
	return kept.(jose.Signer), nil
}

// opaqueSigner lets go-jose sign through crypto.Signer, so that the private
// key may be Go's own, another library's, or out of reach.
type opaqueSigner struct{ key *signingKey }

var _ jose.OpaqueSigner = opaqueSigner{}

// Public tells go-jose the kid; the key itself is not embedded.
func (o opaqueSigner) Public() *jose.JSONWebKey { return &o.key.public }

// Algs names the one algorithm of the key.
func (o opaqueSigner) Algs() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.SignatureAlgorithm(o.key.alg.name)}
}

// SignPayload makes the signature of a JWS signing input.
func (o opaqueSigner) SignPayload(input []byte, alg jose.SignatureAlgorithm) ([]byte, error) {
	if string(alg) != o.key.alg.name {
		return nil, jose.ErrUnsupportedAlgorithm
	}
	return o.key.alg.sign(o.key.signer, o.key.rand, input)
}
