package verify

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	// Not encoding/json, which takes ALG for alg and the last of two: a reader
	// that sees another header than the signer did is a way in (RFC 7515,
	// section 4).
	"github.com/go-jose/go-jose/v4/json"
)

// JWT types (RFC 9068, section 2.1; Token Status List, section 5.1).
const (
	typeAccessToken = "at+jwt"
	typeStatusList  = "statuslist+jwt"
)

const (
	// maxToken is the size in bytes of the largest token that is looked at.
	// Real ones are under 2 KiB, and servers refuse headers of 8 to 16 KiB.
	maxToken = 16 << 10
	// maxHeader is the same for its JOSE header, which is read before anything
	// is known of its author.
	maxHeader = 4 << 10
)

// header is what the JOSE header of a token may say here.
type header struct{ alg, kid, typ string }

// open verifies a JWT of a type and returns its claims: signed by a key that
// the issuer publishes, with the algorithm of that key.
func (v *Verifier) open(ctx context.Context, token, typ string, limit int) ([]byte, error) {
	head, err := parseHeader(token, limit)
	if err != nil {
		return nil, err
	}
	// Before the key is looked for, so that what cannot be accepted anyway is no
	// reason to fetch anything.
	if !sameType(head.typ, typ) {
		return nil, fmt.Errorf("%w: typ is %q, not %q", ErrType, clip(head.typ), typ)
	}
	if !slices.Contains(v.cfg.Algorithms, head.alg) {
		return nil, fmt.Errorf("%w: alg is %q", ErrMalformed, clip(head.alg))
	}
	key, err := v.key(ctx, head.kid)
	if err != nil {
		return nil, err
	}
	// The algorithm is that of the key; the header may only agree
	// (RFC 8725, section 3.1).
	if string(key.alg) != head.alg {
		return nil, fmt.Errorf("%w: alg is %q and that of the key is %s", ErrSignature, head.alg, key.alg)
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{key.alg})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	payload, err := jws.Verify(key.public)
	if err != nil {
		return nil, ErrSignature
	}
	return payload, nil
}

// parseHeader checks the form of a token before anything else looks at it, and
// returns what its header says.
func parseHeader(token string, limit int) (header, error) {
	if len(token) > limit {
		return header{}, fmt.Errorf("%w: %d bytes", ErrMalformed, len(token))
	}
	// Three parts: a JWE has five, and the JSON serialisation other characters.
	if n := strings.Count(token, "."); n != 2 {
		return header{}, fmt.Errorf("%w: %d parts", ErrMalformed, n+1)
	}
	for part := range strings.SplitSeq(token, ".") {
		if !canonical(part) {
			return header{}, fmt.Errorf("%w: not base64url", ErrMalformed)
		}
	}
	encoded, _, _ := strings.Cut(token, ".")
	if len(encoded) > maxHeader {
		return header{}, fmt.Errorf("%w: the header has %d bytes", ErrMalformed, len(encoded))
	}
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return header{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var params map[string]any
	if err := json.Unmarshal(decoded, &params); err != nil {
		return header{}, fmt.Errorf("%w: the header: %w", ErrMalformed, err)
	}
	return readHeader(params)
}

func readHeader(params map[string]any) (header, error) {
	// They bring a key or say where one is (RFC 8725, section 3.10), change how
	// the token is to be read (RFC 7515, section 4.1.11; RFC 7797), or belong to
	// encryption. Nobody needs them here, and whoever sends them is refused
	// rather than half understood.
	for _, name := range [...]string{"jku", "jwk", "x5u", "x5c", "crit", "b64", "enc", "zip"} {
		if _, found := params[name]; found {
			return header{}, fmt.Errorf("%w: the header has %q", ErrMalformed, name)
		}
	}
	var head header
	head.alg, _ = params["alg"].(string)
	head.kid, _ = params["kid"].(string)
	head.typ, _ = params["typ"].(string) // missing is another type than any
	if head.alg == "" || head.kid == "" {
		return header{}, fmt.Errorf("%w: the header has no alg or no kid", ErrMalformed)
	}
	return head, nil
}

// canonical reports whether s is the one way to write some bytes, one at least,
// in base64url without padding (RFC 7515, section 2): unused bits in the last
// character must be zero, or one token could be written in several ways.
// encoding/base64 takes line breaks, even when strict.
func canonical(s string) bool {
	last := -1
	for i := range len(s) {
		if last = sixBits(s[i]); last < 0 {
			return false
		}
	}
	switch len(s) % 4 {
	case 0:
		return len(s) > 0
	case 2:
		return last&0x0f == 0
	case 3:
		return last&0x03 == 0
	}
	return false
}

// sixBits is the value of a character of base64url, or -1.
func sixBits(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 26
	case c >= '0' && c <= '9':
		return int(c-'0') + 52
	case c == '-':
		return 62
	case c == '_':
		return 63
	}
	return -1
}

// sameType compares a typ header with the type due: a media type, of which
// "application/" may be left out, in any case (RFC 7515, section 4.1.9).
func sameType(typ, due string) bool {
	typ = strings.ToLower(typ)
	return strings.TrimPrefix(typ, "application/") == due
}
