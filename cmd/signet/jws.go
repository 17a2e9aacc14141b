package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// publishedKey is one key of a JWKS (RFC 7517, section 4), as far as it is
// needed to check RS256.
type publishedKey struct {
	KID string `json:"kid"`
	KTY string `json:"kty"`
	Alg string `json:"alg"`
	N   string `json:"n"`
	E   string `json:"e"`
}

// parseJWKS reads the keys of a JWKS.
func parseJWKS(body []byte) ([]publishedKey, error) {
	var set struct {
		Keys []publishedKey `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, errors.New("what was found there is not a JWKS: a JSON object with a list \"keys\"")
	}
	return set.Keys, nil
}

// checkSignature says in words why the signature of a compact JWS is not
// valid, or returns nil. It takes the key that the token names out of keys, and
// no other (RFC 8725, section 3.1).
func checkSignature(token, alg, kid string, keys []publishedKey) error {
	switch {
	case strings.EqualFold(alg, "none"):
		return errors.New("it is not signed (alg is none), so anyone can have written it")
	case alg != "RS256":
		return fmt.Errorf("its alg is %q; this server signs with RS256 alone", alg)
	case kid == "":
		return errors.New("its header has no kid, so the key that signed it cannot be told; this server always names one")
	}
	for _, k := range keys {
		if k.KID == kid {
			return k.check(token)
		}
	}
	var kids []string
	for _, k := range keys {
		kids = append(kids, k.KID)
	}
	return fmt.Errorf("its kid %q is not in the JWKS, which has %s: another server signed it, or its key has been removed since", kid, strings.Join(kids, ", "))
}

// check verifies RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3).
func (k publishedKey) check(token string) error {
	n, errN := base64.RawURLEncoding.DecodeString(k.N)
	e, errE := base64.RawURLEncoding.DecodeString(k.E)
	if k.KTY != "RSA" || k.Alg != "" && k.Alg != "RS256" || errN != nil || errE != nil || len(e) == 0 || len(e) > 4 {
		return fmt.Errorf("the key %q in the JWKS is not an RSA key for RS256", k.KID)
	}
	dot := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.Strict().DecodeString(token[dot+1:])
	if err != nil {
		return errors.New("its signature is not base64url; was it cut off while copying?")
	}
	digest := sha256.Sum256([]byte(token[:dot]))
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature); err != nil {
		return errors.New("its signature does not match: it was changed after it was signed, or cut off while copying")
	}
	return nil
}
