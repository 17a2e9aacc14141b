package keys

import "github.com/go-jose/go-jose/v4"

// UnverifiedPayload returns what a compact JWS claims, without looking at its
// signature: for finding out whose keys to verify it by, and for nothing else.
func UnverifiedPayload(token string) ([]byte, error) {
	if _, err := decodeParts(token); err != nil {
		return nil, err
	}
	jws, err := jose.ParseSignedCompact(token, joseAlgorithms())
	if err != nil {
		return nil, ErrMalformed
	}
	return jws.UnsafePayloadWithoutVerification(), nil
}
