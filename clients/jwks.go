package clients

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

const (
	minRSABits = 2048 // RFC 7518, section 3.3
	maxRSABits = 8192 // more takes long to verify by, for a stranger's asking
	maxKeyID   = 200  // characters of a kid
	maxSetKeys = 50   // keys of a set
)

// privateMembers are what a public key never has (RFC 7518, sections 6.2.2,
// 6.3.2 and 6.4).
var privateMembers = [...]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// publicKey is what Validate has to know of one key of a JWK set.
type publicKey struct {
	kty, alg, use string
}

// verifies reports whether the key can verify signatures by alg; empty is any
// of SigningAlgorithms.
func (k publicKey) verifies(alg string) bool {
	if k.use == "enc" {
		return false
	}
	return alg == "" || (k.alg == "" || k.alg == alg) && slices.Contains(algorithmsOf(k.kty), alg)
}

// algorithmsOf are the algorithms that a type of key signs with here.
func algorithmsOf(kty string) []string {
	switch kty {
	case "RSA":
		return []string{"RS256", "PS256"}
	case "EC":
		return []string{"ES256"}
	}
	return []string{"EdDSA"}
}

// parseJWKS reads a set of public keys (RFC 7517, section 5). Its error says
// which key is wrong, and never holds one.
func parseJWKS(doc json.RawMessage) ([]publicKey, error) {
	if len(doc) > maxKeys {
		return nil, fmt.Errorf("has %d bytes; it must not have more than %d", len(doc), maxKeys)
	}
	// Members are looked up by their exact names: encoding/json would take "D"
	// for "d" in a struct.
	var set map[string]json.RawMessage
	var raw []map[string]json.RawMessage
	if json.Unmarshal(doc, &set) != nil || set == nil || json.Unmarshal(set["keys"], &raw) != nil {
		return nil, errors.New(`must be a JWK set: an object with the array "keys" (RFC 7517, section 5)`)
	}
	if len(raw) == 0 || len(raw) > maxSetKeys {
		return nil, fmt.Errorf("has %d keys; it must have 1 to %d", len(raw), maxSetKeys)
	}
	var out []publicKey
	seen := map[string]bool{}
	for i, members := range raw {
		key, err := parseJWK(members)
		if err != nil {
			return nil, fmt.Errorf("key %d of keys: %w", i+1, err)
		}
		kid := stringMember(members, "kid")
		if kid != "" && seen[kid] {
			return nil, fmt.Errorf("key %d of keys: the kid %q is that of an earlier key; each kid stands once", i+1, kid)
		}
		seen[kid] = true
		out = append(out, key)
	}
	return out, nil
}

// parseJWK checks one key (RFC 7517, section 4).
func parseJWK(members map[string]json.RawMessage) (publicKey, error) {
	for _, name := range privateMembers {
		if _, there := members[name]; there {
			return publicKey{}, fmt.Errorf("has the private member %q; send public keys alone, and make a new pair: this one is no secret any more", name)
		}
	}
	for _, name := range []string{"kty", "kid", "use", "alg", "crv", "n", "e", "x", "y"} {
		if value, there := members[name]; there && json.Unmarshal(value, new(string)) != nil {
			return publicKey{}, fmt.Errorf("%s must be a string", name)
		}
	}
	key := publicKey{kty: stringMember(members, "kty"), alg: stringMember(members, "alg"), use: stringMember(members, "use")}
	if kid := stringMember(members, "kid"); len(kid) > maxKeyID {
		return key, fmt.Errorf("kid must not be longer than %d characters", maxKeyID)
	}
	if !slices.Contains([]string{"RSA", "EC", "OKP"}, key.kty) {
		return key, fmt.Errorf("kty %q must be RSA, EC or OKP", clippedText(key.kty))
	}
	if key.use == "enc" {
		return key, nil // nothing is encrypted here: a key for that is carried along
	}
	if can := algorithmsOf(key.kty); key.alg != "" && !slices.Contains(can, key.alg) {
		return key, fmt.Errorf("alg %q does not go with kty %s here; it must be %s", clippedText(key.alg), key.kty, orList(can))
	}
	switch key.kty {
	case "RSA":
		return key, checkRSA(members)
	case "EC":
		return key, checkP256(members)
	}
	return key, checkEd25519(members)
}

// orList is choice for a list that may have one entry.
func orList(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return choice(names)
}

func checkRSA(members map[string]json.RawMessage) error {
	n, e := bytesMember(members, "n"), bytesMember(members, "e")
	bits, exponent := new(big.Int).SetBytes(n).BitLen(), new(big.Int).SetBytes(e)
	switch {
	case n == nil || e == nil:
		return errors.New("n and e must be the modulus and the exponent in base64url (RFC 7518, section 6.3.1)")
	case bits < minRSABits || bits > maxRSABits:
		return fmt.Errorf("has %d bits; an RSA key must have %d to %d", bits, minRSABits, maxRSABits)
	case exponent.BitLen() > 31 || exponent.Int64() < 3 || exponent.Bit(0) == 0:
		return errors.New("e must be an odd number from 3 to 2147483647, such as AQAB")
	}
	return nil
}

func checkP256(members map[string]json.RawMessage) error {
	if crv := stringMember(members, "crv"); crv != "P-256" {
		return fmt.Errorf("crv %q must be P-256", clippedText(crv))
	}
	x, y := bytesMember(members, "x"), bytesMember(members, "y")
	if len(x) != 32 || len(y) != 32 {
		return errors.New("x and y must be the coordinates in base64url, 32 bytes each (RFC 7518, section 6.2.1)")
	}
	if _, err := ecdh.P256().NewPublicKey(slices.Concat([]byte{4}, x, y)); err != nil {
		return errors.New("x and y are no point of P-256")
	}
	return nil
}

func checkEd25519(members map[string]json.RawMessage) error {
	if crv := stringMember(members, "crv"); crv != "Ed25519" {
		return fmt.Errorf("crv %q must be Ed25519", clippedText(crv))
	}
	if len(bytesMember(members, "x")) != 32 {
		return errors.New("x must be the public key in base64url, 32 bytes (RFC 8037, section 2)")
	}
	return nil
}

// stringMember is a member that is a string, or "".
func stringMember(members map[string]json.RawMessage, name string) string {
	var s string
	_ = json.Unmarshal(members[name], &s) // absent, or refused before
	return s
}

// bytesMember is a member in base64url without padding, or nil.
func bytesMember(members map[string]json.RawMessage, name string) []byte {
	b, err := base64.RawURLEncoding.Strict().DecodeString(stringMember(members, name))
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}
