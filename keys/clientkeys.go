package keys

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

const (
	// maxClientKeys bounds the keys of a client, and maxTries how many of them one
	// signature is tried against: whoever sends it has not shown to be anybody yet.
	maxClientKeys = 50
	maxTries      = 8
	// mostRSA bounds an RSA modulus in bits: the time it costs to verify grows with
	// its square, and it is a stranger who chooses it.
	mostRSA = 8192
)

// algEd25519 is another name of EdDSA on the curve that is meant here (RFC 9864),
// and the only one that newer libraries write.
const algEd25519 = "Ed25519"

// ErrAlgorithm says that a JWS is signed by an algorithm that its verifier does
// not take.
var ErrAlgorithm = errors.New("the token is signed with an algorithm that is not accepted here")

// ClientKeys are the public keys by which a client's signatures are verified.
type ClientKeys struct{ keys []clientKey }

// clientKey is one of them. kid and alg are empty where the JWK has none.
type clientKey struct {
	kid, alg string
	public   crypto.PublicKey
}

// ParseClientKeys reads a JWK set (RFC 7517, section 5). Keys that no signature of
// a client can be verified by are passed over, as the RFC asks for: those for
// encryption, of unknown kinds, shared secrets, RSA keys that are too short, and
// private ones, which by standing there belong to everyone. A set without any
// other key is none to complain of: nothing verifies by it.
func ParseClientKeys(set []byte) (*ClientKeys, error) {
	var doc struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(set, &doc); err != nil || doc.Keys == nil {
		return nil, errors.New(`not a JWK set: a JSON object with a list "keys" is wanted`)
	}
	if len(*doc.Keys) > maxClientKeys {
		return nil, fmt.Errorf("the JWK set has %d keys; %d is the most", len(*doc.Keys), maxClientKeys)
	}
	out := &ClientKeys{}
	for _, raw := range *doc.Keys {
		var use struct {
			Ops []string `json:"key_ops"`
		}
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &use) != nil || key.UnmarshalJSON(raw) != nil || use.Ops != nil && !slices.Contains(use.Ops, "verify") {
			continue
		}
		key.Algorithm = oldName(key.Algorithm)
		if checkJWK(key) == nil && key.IsPublic() && clientKeyFits(key) {
			out.keys = append(out.keys, clientKey{key.KeyID, key.Algorithm, key.Key})
		}
	}
	return out, nil
}

// clientKeyFits reports whether some algorithm of ours, or the one that the key
// is for, can be verified by it.
func clientKeyFits(key jose.JSONWebKey) bool {
	if k, ok := key.Key.(*rsa.PublicKey); ok && (k.N.BitLen() < leastRSA || k.N.BitLen() > mostRSA) {
		return false
	}
	return slices.ContainsFunc(algorithms, func(a algorithm) bool {
		return (key.Algorithm == "" || key.Algorithm == a.name) && a.fits(key.Key) == nil
	})
}

// Len returns how many keys can be verified by.
func (c *ClientKeys) Len() int { return len(c.keys) }

// Verify checks a compact JWS of a client, by one of these algorithms (nil is
// every one of Algorithms) and by the keys here alone: keys that its header brings
// or points to are not looked at. A header without a kid has the first few keys
// tried that fit. Its errors are ErrMalformed, ErrAlgorithm, ErrSignature, and
// ErrUnknownKey, which says that newer keys may know better.
func (c *ClientKeys) Verify(token string, algs []string) (Verified, error) {
	head, err := parseClientHeader(token)
	if err != nil {
		return Verified{}, err
	}
	alg, err := algorithmOf(oldName(head.Algorithm))
	if err != nil || algs != nil && !slices.Contains(algs, alg.name) {
		return Verified{}, ErrAlgorithm
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(head.Algorithm)})
	if err != nil {
		return Verified{}, ErrMalformed
	}
	tried := 0
	for _, key := range c.keys {
		// The key says what it is good for; the header may only agree (RFC 8725,
		// section 3.1).
		if head.KID != "" && key.kid != head.KID || key.alg != "" && key.alg != alg.name || alg.fits(key.public) != nil {
			continue
		}
		if tried++; tried > maxTries {
			break
		}
		if head.Payload, err = verifyJWS(jws, token, head.Algorithm, key.public); err == nil {
			head.Algorithm = alg.name
			return head, nil
		}
	}
	if tried > 0 && head.KID != "" {
		return Verified{}, ErrSignature
	}
	return Verified{}, ErrUnknownKey
}

// oldName is the name of an algorithm in RFC 7518 and RFC 8037.
func oldName(alg string) string {
	if alg == algEd25519 {
		return "EdDSA"
	}
	return alg
}

// verifyJWS checks one signature by one key that fits its algorithm. go-jose does,
// but for the new name of Ed25519, which it does not know.
func verifyJWS(jws *jose.JSONWebSignature, token, alg string, public crypto.PublicKey) ([]byte, error) {
	if alg != algEd25519 {
		return jws.Verify(public)
	}
	key, ok := public.(ed25519.PublicKey)
	input := token[:strings.LastIndexByte(token, '.')]
	if !ok || !ed25519.Verify(key, []byte(input), jws.Signatures[0].Signature) {
		return nil, ErrSignature
	}
	return jws.UnsafePayloadWithoutVerification(), nil
}

// Unverified returns the payload of a compact JWS of a client, for whoever has to
// know whose it says it is before it can be verified. The error is ErrMalformed.
func Unverified(token string) (payload []byte, err error) {
	if _, err := parseClientHeader(token); err != nil {
		return nil, err
	}
	return strict.DecodeString(strings.Split(token, ".")[1])
}

// parseClientHeader reads the header of a JWS that a client made. Its libraries
// put many things there, most of which are of no account. Two are not (RFC 7515,
// section 4.1.11; RFC 7797): they change what the rest means.
func parseClientHeader(token string) (Verified, error) {
	header, err := decodeParts(token)
	if err != nil {
		return Verified{}, err
	}
	var params struct {
		Algorithm string          `json:"alg"`
		KID       string          `json:"kid"`
		Typ       string          `json:"typ"`
		Critical  json.RawMessage `json:"crit"`
		B64       json.RawMessage `json:"b64"`
	}
	if err := json.Unmarshal(header, &params); err != nil || params.Critical != nil || params.B64 != nil {
		return Verified{}, ErrMalformed
	}
	return Verified{Typ: params.Typ, KID: params.KID, Algorithm: params.Algorithm}, nil
}
