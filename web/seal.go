package web

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxSealed is how long a sealed request may be: browsers drop a cookie whose
// name, value and attributes pass 4096 bytes (RFC 6265, section 6.1).
const maxSealed = 3600

var (
	errSealed   = errors.New("sealed elsewhere, for another browser, or changed")
	errTooLarge = errors.New("the request does not fit into a cookie")
)

// sealer keeps pending requests secret and untouched in the browser, and
// authenticates forms. Both keys are derived from one, for these uses alone.
type sealer struct {
	aead cipher.AEAD
	mac  []byte
	rand io.Reader
}

func newSealer(key []byte, rand io.Reader) (*sealer, error) {
	enc, err := hkdf.Key(sha256.New, key, nil, "signet web pending request", 32)
	if err != nil {
		return nil, err
	}
	mac, err := hkdf.Key(sha256.New, key, nil, "signet web form token", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(enc)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &sealer{aead, mac, rand}, err
}

// saved is what a flow cookie holds.
type saved struct {
	// Created is when the flow began, in whole seconds.
	Created time.Time
	// Done says that the client has had its answer.
	Done bool
	// Request is what pending.Marshal wrote.
	Request []byte
}

// Seal encrypts v for one flow in one browser. It returns errTooLarge when
// the result does not fit into a cookie.
func (k *sealer) Seal(v saved, flow, browser string) (string, error) {
	var plain bytes.Buffer
	head := make([]byte, 9)
	binary.BigEndian.PutUint64(head, uint64(v.Created.Unix()))
	if v.Done {
		head[8] = 1
	}
	plain.Write(head)
	w, err := flate.NewWriter(&plain, flate.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err = w.Write(v.Request); err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", fmt.Errorf("compressing the request: %w", err)
	}
	nonce := make([]byte, k.aead.NonceSize())
	if _, err := io.ReadFull(k.rand, nonce); err != nil {
		return "", fmt.Errorf("reading randomness: %w", err)
	}
	out := base64.RawURLEncoding.EncodeToString(k.aead.Seal(nonce, nonce, plain.Bytes(), bound(flow, browser)))
	if len(out) > maxSealed {
		return "", errTooLarge
	}
	return out, nil
}

// Open undoes Seal, or returns errSealed.
func (k *sealer) Open(value, flow, browser string) (saved, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(raw) < k.aead.NonceSize() {
		return saved{}, errSealed
	}
	nonce, box := raw[:k.aead.NonceSize()], raw[k.aead.NonceSize():]
	plain, err := k.aead.Open(nil, nonce, box, bound(flow, browser))
	if err != nil || len(plain) < 9 {
		return saved{}, errSealed
	}
	// The seal says that we wrote this; the limit is what any request may be.
	req, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(plain[9:])), 2*maxBody))
	if err != nil {
		return saved{}, errSealed
	}
	created := time.Unix(int64(binary.BigEndian.Uint64(plain)), 0)
	return saved{Created: created, Done: plain[8] == 1, Request: req}, nil
}

// Token authenticates a form: it is valid for these parts alone, in order.
func (k *sealer) Token(parts ...string) string {
	m := hmac.New(sha256.New, k.mac)
	m.Write(bound(parts...))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// Check reports in constant time whether token is the Token of parts.
func (k *sealer) Check(token string, parts ...string) bool {
	return hmac.Equal([]byte(token), []byte(k.Token(parts...)))
}

// bound joins parts so that no two lists of parts read the same.
func bound(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}
