package keys

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// What Verify refuses a token for.
var (
	// ErrMalformed: not a compact JWS as a ring writes it.
	ErrMalformed = errors.New("the token is malformed")
	// ErrUnknownKey: its kid names no key that is published now.
	ErrUnknownKey = errors.New("the token names a key that is not published")
	// ErrSignature: the signature does not belong to header and payload.
	ErrSignature = errors.New("the token's signature is wrong")
)

// maxToken is the size in bytes of the largest token that Verify looks at.
// Real ones are under 2 KiB, and proxies refuse headers of 8 to 16 KiB.
const maxToken = 16 << 10

// strict decodes base64url with no padding (RFC 7515, section 2) in its one
// canonical form: unused bits in the last character must be zero, or one
// token could be written in several ways.
var strict = base64.RawURLEncoding.Strict()

// Verified is a token whose signature is one of ours. Whether it is still
// valid, and for what, is for the caller to see: Typ must always be compared.
type Verified struct {
	Typ, KID, Algorithm string
	Payload             []byte
}

// Verify checks a compact JWS against the published keys, and no others: no
// header can bring or point to a key. Its errors are ErrMalformed,
// ErrUnknownKey and ErrSignature.
func (r *Ring) Verify(token string) (Verified, error) {
	head, err := parseHeader(token)
	if err != nil {
		return Verified{}, err
	}
	key, ok := r.current().published[head.KID]
	if !ok {
		return Verified{}, ErrUnknownKey
	}
	// The algorithm is that of the key; the header may only agree
	// (RFC 8725, section 3.1).
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(key.alg.name)})
	if err != nil {
		return Verified{}, ErrMalformed
	}
	if head.Payload, err = jws.Verify(key.public); err != nil {
		return Verified{}, ErrSignature
	}
	return head, nil
}

// parseHeader checks the form of a token before anything else looks at it and
// returns what its header says. As the ring signs nothing but alg, kid and typ,
// another header parameter (jwk, jku, x5u, x5c, crit, b64, …) can only be an
// attempt, and is refused by not being one of these.
func parseHeader(token string) (Verified, error) {
	header, err := decodeParts(token)
	if err != nil {
		return Verified{}, err
	}
	var params map[string]string
	if err := json.Unmarshal(header, &params); err != nil || len(params) != 3 {
		return Verified{}, ErrMalformed
	}
	head := Verified{Typ: params["typ"], KID: params["kid"], Algorithm: params["alg"]}
	if head.Typ == "" || head.KID == "" || head.Algorithm == "" {
		return Verified{}, ErrMalformed
	}
	return head, nil
}

// decodeParts returns the header of a compact JWS whose three parts are all
// canonical base64url, or ErrMalformed.
func decodeParts(token string) (header []byte, err error) {
	if len(token) > maxToken {
		return nil, ErrMalformed
	}
	// Three parts: a JWE has five, JSON serialisation other characters.
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, ErrMalformed
	}
	for i, part := range parts {
		// encoding/base64 skips line breaks, even when strict.
		if part == "" || strings.ContainsAny(part, "\r\n") {
			return nil, ErrMalformed
		}
		decoded, err := strict.DecodeString(part)
		if err != nil {
			return nil, ErrMalformed
		}
		if i == 0 {
			header = decoded
		}
	}
	return header, nil
}
