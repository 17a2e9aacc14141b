package keys

import (
	"encoding/json"
	"errors"

	"github.com/go-jose/go-jose/v4"
)

// KeySet is a JWKS that an issuer has published (RFC 7517, section 5), as its
// readers have it: they cannot see a Ring.
type KeySet struct{ set jose.JSONWebKeySet }

// ParseJWKS reads the document of a JWKS. Keys of kinds that are not known are
// left out (RFC 7517, section 5).
func ParseJWKS(body []byte) (KeySet, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &doc); err != nil || doc.Keys == nil {
		return KeySet{}, errors.New(`what was found there is not a JWKS: a JSON object with a list "keys"`)
	}
	var s KeySet
	for _, raw := range doc.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) == nil && key.IsPublic() {
			s.set.Keys = append(s.set.Keys, key)
		}
	}
	return s, nil
}

// KIDs lists the keys of the set.
func (s KeySet) KIDs() []string {
	kids := make([]string, len(s.set.Keys))
	for i, key := range s.set.Keys {
		kids[i] = key.KeyID
	}
	return kids
}

// Verify checks the signature of a compact JWS by the key of the set that its
// kid names, and no other. Only algorithms that a Ring can sign with are
// taken. Its errors are ErrMalformed, ErrUnknownKey and ErrSignature.
func (s KeySet) Verify(token string) error {
	if _, err := decodeParts(token); err != nil {
		return err
	}
	jws, err := jose.ParseSignedCompact(token, joseAlgorithms())
	if err != nil {
		return ErrMalformed
	}
	found := s.set.Key(jws.Signatures[0].Protected.KeyID)
	if len(found) == 0 {
		return ErrUnknownKey
	}
	if _, err := jws.Verify(found[0]); err != nil {
		return ErrSignature
	}
	return nil
}
