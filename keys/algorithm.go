package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// algorithm is what the ring needs to know of one JWS algorithm (RFC 7518,
// section 3.1; RFC 8037). Another one is another row of algorithms. Each has
// keys of its own, on a schedule of their own: RFC 7517, section 4.4, ties a
// key to one algorithm, even where RSA would fit two.
type algorithm struct {
	name string
	// half is the hash whose left half makes an at_hash (OpenID Connect Core,
	// section 3.1.3.6).
	half     crypto.Hash
	generate func(rand io.Reader, rsaBits int) (crypto.Signer, error)
	// fits returns why a public key cannot be one of this algorithm.
	fits func(crypto.PublicKey) error
	// sign makes the signature of a JWS signing input (RFC 7515, section 5.1).
	sign func(key crypto.Signer, rand io.Reader, input []byte) ([]byte, error)
}

// algorithms are those that a ring can sign with. "none" and the HMACs are not
// among them, and never will be: a token must be verifiable by those who could
// not have made it.
var algorithms = []algorithm{
	// Every OpenID Connect client has to support it (Core, section 15.1).
	{"RS256", crypto.SHA256, generateRSA, fitsRSA, signRS256},
	{"PS256", crypto.SHA256, generateRSA, fitsRSA, signPS256},
	{"ES256", crypto.SHA256, generateP256, fitsP256, signES256},
	// SHA-512 is the hash within Ed25519 (RFC 8032, section 5.1).
	{"EdDSA", crypto.SHA512, generateEd25519, fitsEd25519, signEd25519},
}

// algRS256 is what clients expect that ask for nothing (OpenID Connect
// Registration, section 2).
const algRS256 = "RS256"

// Algorithms returns the names of the JWS algorithms that a ring can sign with.
func Algorithms() []string {
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = a.name
	}
	return names
}

// HashOf returns the hash that belongs to a JWS algorithm, as at_hash needs it
// (OpenID Connect Core, section 3.1.3.6), or an error if a ring cannot sign
// with that algorithm.
func HashOf(alg string) (crypto.Hash, error) {
	a, err := algorithmOf(alg)
	return a.half, err
}

// algorithmOf looks an algorithm up by its name in a JWS header.
func algorithmOf(name string) (algorithm, error) {
	i := slices.IndexFunc(algorithms, func(a algorithm) bool { return a.name == name })
	if i < 0 {
		return algorithm{}, fmt.Errorf("signing algorithm %q is not known to this release; it knows %s", name, strings.Join(Algorithms(), ", "))
	}
	return algorithms[i], nil
}

// joseAlgorithms are the algorithms as go-jose names them.
func joseAlgorithms() []jose.SignatureAlgorithm {
	names := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, a := range algorithms {
		names[i] = jose.SignatureAlgorithm(a.name)
	}
	return names
}

func generateRSA(rand io.Reader, bits int) (crypto.Signer, error) {
	return rsa.GenerateKey(rand, bits)
}

func generateP256(rand io.Reader, _ int) (crypto.Signer, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand)
}

func generateEd25519(rand io.Reader, _ int) (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand)
	return key, err
}

func fitsRSA(pub crypto.PublicKey) error {
	if _, ok := pub.(*rsa.PublicKey); !ok {
		return errors.New("it is no RSA key")
	}
	return nil
}

func fitsP256(pub crypto.PublicKey) error {
	if key, ok := pub.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		return errors.New("it is no key on the curve P-256")
	}
	return nil
}

func fitsEd25519(pub crypto.PublicKey) error {
	if _, ok := pub.(ed25519.PublicKey); !ok {
		return errors.New("it is no Ed25519 key")
	}
	return nil
}

// digest is the SHA-256 of a signing input.
func digest(input []byte) []byte {
	h := crypto.SHA256.New()
	h.Write(input)
	return h.Sum(nil)
}

// signRS256 is RSASSA-PKCS1-v1_5 (RFC 7518, section 3.3).
func signRS256(key crypto.Signer, rand io.Reader, input []byte) ([]byte, error) {
	return key.Sign(rand, digest(input), crypto.SHA256)
}

// signPS256 is RSASSA-PSS with a salt as long as the hash (RFC 7518, section
// 3.5).
func signPS256(key crypto.Signer, rand io.Reader, input []byte) ([]byte, error) {
	return key.Sign(rand, digest(input), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
}

// signES256 turns the ASN.1 of crypto.Signer into the two 32-byte numbers of a
// JWS (RFC 7518, section 3.4).
func signES256(key crypto.Signer, rand io.Reader, input []byte) ([]byte, error) {
	der, err := key.Sign(rand, digest(input), crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var sig struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &sig); err != nil || len(rest) > 0 || sig.R.BitLen() > 256 || sig.S.BitLen() > 256 {
		return nil, errors.New("the key made a signature that is none of ECDSA on P-256")
	}
	out := make([]byte, 64)
	sig.R.FillBytes(out[:32])
	sig.S.FillBytes(out[32:])
	return out, nil
}

// signEd25519 signs the input itself, not a digest of it (RFC 8037, section 3.1).
func signEd25519(key crypto.Signer, rand io.Reader, input []byte) ([]byte, error) {
	return key.Sign(rand, input, crypto.Hash(0))
}

// thumbprint is the base64url SHA-256 thumbprint of a public key (RFC 7638).
func thumbprint(pub crypto.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: pub}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("thumbprint of a public key: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// publicJWK is the public key as it stands in the JWKS (RFC 7517, section 4).
func publicJWK(pub crypto.PublicKey, kid, alg string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: pub, KeyID: kid, Algorithm: alg, Use: "sig"}
}
