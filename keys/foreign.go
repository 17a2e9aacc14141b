package keys

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// Foreign is a key of another issuer, read from a file.
type Foreign struct {
	// KID is the id by which that issuer's tokens name it.
	KID string
	// Algorithm is one of Algorithms.
	Algorithm string
	// public is always there, private if the file had it.
	public  crypto.PublicKey
	private crypto.Signer
}

// Private says whether the private key was in the file.
func (f Foreign) Private() bool { return f.private != nil }

// leastRSA is the shortest RSA modulus in bits that RFC 7518, section 3.3,
// allows.
const leastRSA = 2048

// ParseForeign reads a key, public or private, from PEM (PKCS #8, PKCS #1, SEC 1
// or SubjectPublicKeyInfo), a JWK (RFC 7517), or a JWK set. kid chooses among
// several keys, and names one that has no id of its own; alg does the same for
// the algorithm, which otherwise follows from the kind of the key: RS256, ES256
// or EdDSA.
func ParseForeign(file []byte, kid, alg string) (Foreign, error) {
	key, err := parseForeign(file, kid)
	if err != nil {
		return Foreign{}, err
	}
	f := Foreign{KID: key.KeyID, Algorithm: key.Algorithm, public: key.Key}
	if signer, ok := key.Key.(crypto.Signer); ok {
		f.private, f.public = signer, signer.Public()
	}
	if err := f.settle(kid, alg); err != nil {
		return Foreign{}, err
	}
	return f, nil
}

// settle fills in what the file left out and checks the whole.
func (f *Foreign) settle(kid, alg string) error {
	switch {
	case f.KID == "":
		f.KID = kid
	case kid != "" && kid != f.KID:
		return fmt.Errorf("the key in the file has the id %q, not %q", f.KID, kid)
	}
	if f.KID == "" {
		return errors.New("the file does not say which id the key has: give the kid that stands in the header of its tokens")
	}
	if len(f.KID) > 200 || strings.ContainsFunc(f.KID, func(r rune) bool { return r < 0x20 || r > 0x7E }) {
		return errors.New("the id of the key must be printable ASCII, and not longer than 200 characters")
	}
	switch {
	case f.Algorithm == "":
		f.Algorithm = alg
	case alg != "" && alg != f.Algorithm:
		return fmt.Errorf("the key in the file is for %s, not for %s", f.Algorithm, alg)
	}
	if f.Algorithm == "" {
		i := slices.IndexFunc(algorithms, func(a algorithm) bool { return a.fits(f.public) == nil })
		if i < 0 {
			return fmt.Errorf("a key of this kind signs for none of %s", strings.Join(Algorithms(), ", "))
		}
		f.Algorithm = algorithms[i].name
	}
	a, err := algorithmOf(f.Algorithm)
	if err != nil {
		return err
	}
	if err := a.fits(f.public); err != nil {
		return fmt.Errorf("the key is not one for %s: %w", f.Algorithm, err)
	}
	if key, ok := f.public.(*rsa.PublicKey); ok && key.N.BitLen() < leastRSA {
		return fmt.Errorf("the RSA key has %d bits; anything below %d can be broken", key.N.BitLen(), leastRSA)
	}
	return nil
}

// parseForeign finds the one key in a file.
func parseForeign(file []byte, kid string) (jose.JSONWebKey, error) {
	block, rest := pem.Decode(file)
	if block == nil {
		return parseJWK(file, kid)
	}
	// openssl ecparam writes the name of the curve before the key.
	if next, more := pem.Decode(rest); block.Type == "EC PARAMETERS" && next != nil {
		block, rest = next, more
	}
	if next, _ := pem.Decode(rest); next != nil {
		return jose.JSONWebKey{}, errors.New("the file holds several PEM blocks; import one key at a time")
	}
	key, err := parsePEM(block)
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("the PEM block cannot be read: %w", err)
	}
	return jose.JSONWebKey{Key: key}, nil
}

// parseJWK reads a JWK, or the one of a set that has this kid.
func parseJWK(file []byte, kid string) (jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(file, &set); err != nil {
		return jose.JSONWebKey{}, errors.New("the file is neither PEM nor a JWK nor a JWK set")
	}
	if set.Keys == nil {
		set.Keys = []json.RawMessage{file}
	}
	var found []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(raw); err != nil {
			return jose.JSONWebKey{}, fmt.Errorf("the JWK cannot be read: %w", err)
		}
		if len(set.Keys) == 1 || kid == "" || key.KeyID == kid {
			found = append(found, key)
		}
	}
	switch len(found) {
	case 0:
		return jose.JSONWebKey{}, fmt.Errorf("the JWK set has no key %q", kid)
	case 1:
		return found[0], checkJWK(found[0])
	}
	return jose.JSONWebKey{}, errors.New("the JWK set holds several keys; say by its kid which one")
}

// checkJWK returns why a JWK can be no key for signatures that others verify.
func checkJWK(key jose.JSONWebKey) error {
	if _, secret := key.Key.([]byte); secret {
		return errors.New("the JWK is a shared secret (kty oct): whoever verifies with it could sign as well")
	}
	if key.Use != "" && key.Use != "sig" {
		return fmt.Errorf("the JWK is for %q, not for signatures", key.Use)
	}
	if !key.Valid() {
		return errors.New("the JWK is not a valid key")
	}
	return nil
}

// parsePEM reads the kinds of blocks that issuers keep their keys in.
func parsePEM(block *pem.Block) (any, error) {
	switch block.Type {
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return cert.PublicKey, nil
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("the private key is encrypted; decrypt it first (openssl pkey -in FILE)")
	}
	return nil, fmt.Errorf("%q is no key", block.Type)
}
