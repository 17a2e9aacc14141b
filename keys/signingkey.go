package keys

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// signingKey is a key that was unsealed and checked. It does not change; all
// snapshots that know the key share one.
type signingKey struct {
	kid    string
	alg    algorithm
	signer crypto.Signer
	rand   io.Reader
	public jose.JSONWebKey
	// publicJSON is public, marshalled once.
	publicJSON []byte
	// byTyp holds a jose.Signer for each typ header that was asked for. The
	// caller's code knows a handful.
	byTyp sync.Map
}

// generateKey makes a key pair and its sealed record, without times. It takes
// up to seconds (RSA), so no transaction may be open around it.
func (r *Ring) generateKey() (Record, error) {
	signer, err := r.generate(r.cfg.Rand, r.cfg.RSABits)
	if err != nil {
		return Record{}, fmt.Errorf("making a signing key: %w", err)
	}
	return r.sealKey(signer)
}

// sealKey makes the record, without times, of a private key.
func (r *Ring) sealKey(signer crypto.Signer) (Record, error) {
	kid, err := thumbprint(signer.Public())
	if err != nil {
		return Record{}, err
	}
	public, err := json.Marshal(publicJWK(signer.Public(), kid, r.cfg.Algorithm))
	if err != nil {
		return Record{}, fmt.Errorf("marshalling a public key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return Record{}, fmt.Errorf("marshalling a private key: %w", err)
	}
	defer clear(der)
	sealed, err := r.sealer.seal(kid, der)
	if err != nil {
		return Record{}, err
	}
	return Record{KID: kid, Algorithm: r.cfg.Algorithm, PublicJWK: public, Sealed: sealed}, nil
}

// openKey unseals a record and proves that it is what it says. What is
// published is derived from the private key, never from the PublicJWK column:
// one who can write to the database, but has not the sealing key, cannot slip
// in a key of their own.
func (r *Ring) openKey(rec Record) (*signingKey, error) {
	alg, err := algorithmOf(rec.Algorithm)
	if err != nil {
		return nil, err
	}
	der, err := r.sealer.unseal(rec.KID, rec.Sealed)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, ErrDamaged
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok || !alg.fits(signer.Public()) {
		return nil, fmt.Errorf("%w (it is no key for %s)", ErrDamaged, rec.Algorithm)
	}
	// Once for each key, or every signature would pay for it.
	if key, ok := signer.(*rsa.PrivateKey); ok {
		key.Precompute()
	}
	return r.checkKey(rec, alg, signer)
}

// checkKey compares the private key of a record with the record's names for it.
func (r *Ring) checkKey(rec Record, alg algorithm, signer crypto.Signer) (*signingKey, error) {
	kid, err := thumbprint(signer.Public())
	if err != nil {
		return nil, err
	}
	public := publicJWK(signer.Public(), kid, rec.Algorithm)
	publicJSON, err := json.Marshal(public)
	if err != nil {
		return nil, fmt.Errorf("marshalling a public key: %w", err)
	}
	var stored jose.JSONWebKey
	if err := json.Unmarshal(rec.PublicJWK, &stored); err != nil || !stored.IsPublic() {
		return nil, fmt.Errorf("%w (its public key cannot be read)", ErrDamaged)
	}
	storedKID, err := thumbprint(stored.Key)
	if err != nil || kid != rec.KID || storedKID != rec.KID {
		return nil, fmt.Errorf("%w (its public and private keys are not a pair)", ErrDamaged)
	}
	return &signingKey{
		kid: kid, alg: alg, signer: signer, rand: r.cfg.Rand,
		public: public, publicJSON: publicJSON,
	}, nil
}
