package keys

import (
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Sign returns payload as a compact JWS (RFC 7515, section 7.1) by the key
// that is active now. The protected header is exactly alg, kid and typ; typ is
// one of the few constants of the caller, such as "at+jwt".
func (r *Ring) Sign(typ string, payload []byte) (string, error) {
	if typ == "" {
		return "", errors.New("signing: a token needs a typ")
	}
	key := r.current().signer
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

// signerFor returns the signer for one typ, made on its first use.
func (k *signingKey) signerFor(typ string) (jose.Signer, error) {
	if signer, ok := k.byTyp.Load(typ); ok {
		return signer.(jose.Signer), nil
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: k.alg.name, Key: opaqueSigner{k}},
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
	return []jose.SignatureAlgorithm{o.key.alg.name}
}

// SignPayload signs the digest of the signing input (RFC 7515, section 5.1).
func (o opaqueSigner) SignPayload(payload []byte, alg jose.SignatureAlgorithm) ([]byte, error) {
	if alg != o.key.alg.name {
		return nil, jose.ErrUnsupportedAlgorithm
	}
	digest := o.key.alg.hash.New()
	digest.Write(payload)
	return o.key.signer.Sign(o.key.rand, digest.Sum(nil), o.key.alg.hash)
}
