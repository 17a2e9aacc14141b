package keys

import (
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/go-jose/go-jose/v4"
)

// algRS256 is RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3), which
// every OpenID Connect client has to support.
const algRS256 = "RS256"

// algorithm is what the ring needs to know of one JWS algorithm. Another one
// is another row here; its keys have a schedule of their own.
type algorithm struct {
	name     jose.SignatureAlgorithm
	hash     crypto.Hash
	generate func(rand io.Reader, rsaBits int) (crypto.Signer, error)
	fits     func(crypto.PublicKey) bool
}

// algorithmOf looks an algorithm up by its name in a JWS header.
func algorithmOf(name string) (algorithm, error) {
	switch name {
	case algRS256:
		return algorithm{name: jose.RS256, hash: crypto.SHA256, generate: generateRSA, fits: isRSA}, nil
	default:
		return algorithm{}, fmt.Errorf("signing algorithm %q is not known to this release; it knows %s", name, algRS256)
	}
}

func generateRSA(rand io.Reader, bits int) (crypto.Signer, error) {
	key, err := rsa.GenerateKey(rand, bits)
	if err != nil {
		return nil, err
	}
	return key, nil
}

func isRSA(pub crypto.PublicKey) bool {
	_, ok := pub.(*rsa.PublicKey)
	return ok
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
