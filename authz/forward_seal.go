package authz

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// What a seal is for. One is never taken for the other, nor for that of another site.
const (
	forwardCode   = "code"
	forwardCookie = "cookie"
)

// sealer encrypts and authenticates what browsers carry from one site to another.
type sealer struct {
	aead cipher.AEAD
	rand io.Reader
}

func newSealer(secret []byte, use string, rand io.Reader) (sealer, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "signet "+use, 32)
	if err != nil {
		return sealer{}, fmt.Errorf("derive the %s key: %w", use, err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCM(block)
	return sealer{aead, rand}, err
}

func (k sealer) seal(kind string, site *ForwardSite, plain []byte) (string, error) {
	nonce := make([]byte, k.aead.NonceSize())
	if _, err := io.ReadFull(k.rand, nonce); err != nil {
		return "", fmt.Errorf("reading randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(k.aead.Seal(nonce, nonce, plain, sealedFor(kind, site))), nil
}

// open undoes seal for the same kind and site, or returns errCredential.
func (k sealer) open(kind string, site *ForwardSite, sealed string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < k.aead.NonceSize() {
		return nil, errCredential
	}
	plain, err := k.aead.Open(nil, raw[:k.aead.NonceSize()], raw[k.aead.NonceSize():], sealedFor(kind, site))
	if err != nil {
		return nil, errCredential
	}
	return plain, nil
}

func sealedFor(kind string, site *ForwardSite) []byte { return []byte(kind + "\x00" + site.origin) }

// sealedCode is what a code says. Nothing of it is stored: its use is (see
// AssertionStore), for as long as it could be used again.
type sealedCode struct {
	ID      string `json:"i"`
	Session string `json:"s"`
	State   string `json:"b"`
	To      string `json:"r"`
	Expires int64  `json:"e"`
}

func (f *forwardSites) newCode(r *ForwardRequest, session string, expires time.Time) (string, error) {
	id, err := newID(f.rand)
	if err != nil {
		return "", err
	}
	plain, err := json.Marshal(sealedCode{ID: id, Session: session, State: r.state, To: r.to, Expires: expires.Unix()})
	if err != nil {
		return "", err
	}
	return f.seal(forwardCode, r.site, plain)
}

func (f *forwardSites) openCode(site *ForwardSite, code string) (c sealedCode, err error) {
	plain, err := f.open(forwardCode, site, code)
	if err == nil {
		err = json.Unmarshal(plain, &c)
	}
	return c, err
}

// ForwardState is what the issuer is told of a browser's id at a site: its hash, so
// that nothing in a URL lets another browser pass for it.
func ForwardState(browser string) string {
	sum := sha256.Sum256([]byte(browser))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// forwardStateLength is the length of a ForwardState.
const forwardStateLength = 43
