package authz

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Prefixes let secret scanners recognise what leaked.
const (
	codePrefix    = "sgc_"
	refreshPrefix = "sgr_"
	accessPrefix  = "sga_"
)

const (
	grantIDBytes = 16
	macBytes     = sha256.Size
)

// errCredential says that a string is not a code, refresh token or opaque
// access token of ours.
var errCredential = errors.New("not a credential of this server")

// credentials holds the keys that are made of the server secret. It makes and
// reads authorization codes, refresh tokens and opaque access tokens (opaque.go),
// and makes pairwise subjects (subject.go). A code and a refresh token carry the id
// of their grant, a refresh token its generation as well, under an HMAC of the
// server secret. So a spent one still finds its row, reuse is told apart from
// garbage, the successor of a refresh token can be made again without having been
// stored, and the database alone forges nothing.
type credentials struct {
	codeKey, refreshKey, accessKey, subjectKey []byte
	encoding                                   *base64.Encoding
}

func newCredentials(secret []byte) (*credentials, error) {
	if len(secret) < 32 {
		return nil, fmt.Errorf("the server secret has %d bytes, it needs 32", len(secret))
	}
	c := &credentials{encoding: base64.RawURLEncoding.Strict()}
	for label, key := range map[string]*[]byte{
		"authorization code": &c.codeKey, "refresh token": &c.refreshKey, "opaque access token": &c.accessKey,
		"pairwise subject": &c.subjectKey,
	} {
		k, err := hkdf.Key(sha256.New, secret, nil, "signet "+label, 32)
		if err != nil {
			return nil, fmt.Errorf("derive the %s key: %w", label, err)
		}
		*key = k
	}
	return c, nil
}

// newID returns 128 random bits in lowercase hex, for a grant or a `jti`.
func newID(rand io.Reader) (string, error) {
	b := make([]byte, grantIDBytes)
	if _, err := io.ReadFull(rand, b); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// code returns the authorization code of a grant.
func (c *credentials) code(grantID string) (string, error) {
	id, err := hex.DecodeString(grantID)
	if err != nil || len(id) != grantIDBytes {
		return "", fmt.Errorf("grant id %q is malformed", grantID)
	}
	return codePrefix + c.seal(c.codeKey, id), nil
}

// refreshToken returns the refresh token of one generation of a grant.
func (c *credentials) refreshToken(grantID string, generation int) (string, error) {
	id, err := hex.DecodeString(grantID)
	if err != nil || len(id) != grantIDBytes || generation < 1 {
		return "", fmt.Errorf("grant id %q or generation %d is malformed", grantID, generation)
	}
	return refreshPrefix + c.seal(c.refreshKey, binary.BigEndian.AppendUint32(id, uint32(generation))), nil
}

// parseCode returns the grant id of an authorization code.
func (c *credentials) parseCode(code string) (string, error) {
	b, err := c.open(c.codeKey, codePrefix, code, grantIDBytes)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(b), nil
}

// parseRefreshToken returns the grant id and the generation of a refresh token.
func (c *credentials) parseRefreshToken(token string) (string, int, error) {
	b, err := c.open(c.refreshKey, refreshPrefix, token, grantIDBytes+4)
	if err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(b[:grantIDBytes]), int(binary.BigEndian.Uint32(b[grantIDBytes:])), nil
}

func (c *credentials) seal(key, payload []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(payload)
	return c.encoding.EncodeToString(mac.Sum(payload))
}

func (c *credentials) open(key []byte, prefix, s string, size int) ([]byte, error) {
	body, ok := strings.CutPrefix(s, prefix)
	if !ok || len(body) != c.encoding.EncodedLen(size+macBytes) {
		return nil, errCredential
	}
	b, err := c.encoding.DecodeString(body)
	if err != nil {
		return nil, errCredential
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(b[:size])
	if !hmac.Equal(mac.Sum(nil), b[size:]) {
		return nil, errCredential
	}
	return b[:size], nil
}
