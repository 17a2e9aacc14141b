package keys

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
)

// Only returns the set with no other key than the one of a kid, or false.
func (s KeySet) Only(kid string) (KeySet, bool) {
	var one KeySet
	one.set.Keys = s.set.Key(kid)
	return one, len(one.set.Keys) > 0
}

// MarshalJSON writes the set as a JWKS (RFC 7517, section 5).
func (s KeySet) MarshalJSON() ([]byte, error) { return json.Marshal(s.set) }

// PEM writes every key as a SubjectPublicKeyInfo (RFC 7468, section 13), which
// has no room for a kid. Where there are several, it stands in a line before
// each, which readers skip (RFC 7468, section 2); one key stands alone, for the
// readers that do not.
func (s KeySet) PEM() ([]byte, error) {
	var out bytes.Buffer
	for _, key := range s.set.Keys {
		der, err := x509.MarshalPKIXPublicKey(key.Key)
		if err != nil {
			return nil, fmt.Errorf("marshalling the public key %s: %w", key.KeyID, err)
		}
		if len(s.set.Keys) > 1 {
			fmt.Fprintf(&out, "%s %s\n", key.Algorithm, key.KeyID)
		}
		if err := pem.Encode(&out, &pem.Block{Type: "PUBLIC KEY", Bytes: der}); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
