package keys

import (
	"context"
	"crypto"
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
	kid string
	alg algorithm
	// signer is nil for a key that is verify-only.
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
func (r *Ring) generateKey(ctx context.Context, alg string) (Record, error) {
	ref, err := r.cfg.Backend.Generate(ctx, alg, r.cfg.RSABits)
	if err != nil {
		return Record{}, fmt.Errorf("making a signing key: %w", err)
	}
	defer clear(ref)
	sealed := reference(r.cfg.Backend, ref)
	signer, err := r.cfg.openReference(ctx, sealed)
	if err != nil {
		return Record{}, fmt.Errorf("making a signing key: %w", err)
	}
	kid, err := thumbprint(signer.Public())
	if err != nil {
		return Record{}, err
	}
	return r.sealer.record(kid, alg, signer.Public(), sealed)
}

// record makes the record, without times, of a key: secret is what is sealed
// for it.
func (s *sealer) record(kid, alg string, pub crypto.PublicKey, secret []byte) (Record, error) {
	public, err := json.Marshal(publicJWK(pub, kid, alg))
	if err != nil {
		return Record{}, fmt.Errorf("marshalling a public key: %w", err)
	}
	sealed, err := s.seal(kid, secret)
	if err != nil {
		return Record{}, err
	}
	return Record{KID: kid, Algorithm: alg, PublicJWK: public, Sealed: sealed}, nil
}

// openKey unseals a record and proves that it is what it says. What is
// published is derived from what was sealed, never from the PublicJWK column:
// one who can write to the database, but has not the sealing key, cannot slip
// in a key of their own.
func (r *Ring) openKey(ctx context.Context, rec Record) (*signingKey, error) {
	alg, err := algorithmOf(rec.Algorithm)
	if err != nil {
		return nil, err
	}
	secret, err := r.sealer.unseal(rec.KID, rec.Sealed)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	var signer crypto.Signer
	var pub crypto.PublicKey
	if rec.VerifyOnly {
		if pub, err = x509.ParsePKIXPublicKey(secret); err != nil {
			return nil, ErrDamaged
		}
	} else {
		if signer, err = r.cfg.openReference(ctx, secret); err != nil {
			return nil, err
		}
		pub = signer.Public()
	}
	if err := alg.fits(pub); err != nil {
		return nil, fmt.Errorf("%w (as a key for %s: %w)", ErrDamaged, rec.Algorithm, err)
	}
	if err := checkPublic(rec, pub); err != nil {
		return nil, err
	}
	public := publicJWK(pub, rec.KID, rec.Algorithm)
	publicJSON, err := json.Marshal(public)
	if err != nil {
		return nil, fmt.Errorf("marshalling a public key: %w", err)
	}
	return &signingKey{
		kid: rec.KID, alg: alg, signer: signer, rand: r.cfg.Rand,
		public: public, publicJSON: publicJSON,
	}, nil
}

// checkPublic compares the PublicJWK of a record with the key that was sealed.
func checkPublic(rec Record, pub crypto.PublicKey) error {
	sealed, err := thumbprint(pub)
	if err != nil {
		return err
	}
	var stored jose.JSONWebKey
	if err := json.Unmarshal(rec.PublicJWK, &stored); err != nil || !stored.IsPublic() {
		return fmt.Errorf("%w (its public key cannot be read)", ErrDamaged)
	}
	if print, err := thumbprint(stored.Key); err != nil || print != sealed || stored.KeyID != rec.KID {
		return fmt.Errorf("%w (its public and private keys are not a pair)", ErrDamaged)
	}
	return nil
}
