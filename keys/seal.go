package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// ErrSealingKey says that a private key was sealed under another sealing key
// than the one at hand. The ring never makes new keys to get around it: that
// would void every token there is.
var ErrSealingKey = errors.New("the sealing key file is not the one this database's keys were sealed with; " +
	"put back the file that belongs to this database, or restore both from the same backup")

// errSealingKeyOf is ErrSealingKey for one key.
func errSealingKeyOf(kid string) error { return fmt.Errorf("signing key %s: %w", kid, ErrSealingKey) }

// ErrDamaged says that a record was changed after it was sealed.
var ErrDamaged = errors.New("the record is damaged: it was changed after it was sealed; restore the database from a backup")

const (
	// sealingKeySize is the length of an AES-256 key in bytes.
	sealingKeySize = 32
	// sealVersion is the first byte of every sealed key, so that another
	// format can follow.
	sealVersion = 1
	// sealMarkSize is the length of the mark that tells which sealing key
	// was used: it tells a wrong file from a damaged record, which
	// AES-GCM alone cannot.
	sealMarkSize = 8
	// gcmNonceSize is that of NIST SP 800-38D, section 8.2.2. Nonces are
	// random; with a handful of keys a year they do not repeat.
	gcmNonceSize = 12
)

// sealer seals private keys under one sealing key:
//
//	version (1) | mark (8) | nonce (12) | AES-256-GCM(secret, AAD = kid)
//
// The secret is a private key as PKCS #8, a reference to one in a Backend, or
// the SubjectPublicKeyInfo of a key that is verify-only.
type sealer struct {
	aead cipher.AEAD
	mark []byte
	rand io.Reader
}

// newSealer takes a 32-byte key.
func newSealer(key []byte, rand io.Reader) (*sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("signet sealing key mark"))
	return &sealer{aead: aead, mark: mac.Sum(nil)[:sealMarkSize], rand: rand}, nil
}

// seal encrypts a secret and binds it to its kid.
func (s *sealer) seal(kid string, secret []byte) ([]byte, error) {
	out := make([]byte, 0, 1+sealMarkSize+gcmNonceSize+len(secret)+s.aead.Overhead())
	out = append(out, sealVersion)
	out = append(out, s.mark...)
	var nonce [gcmNonceSize]byte
	if _, err := io.ReadFull(s.rand, nonce[:]); err != nil {
		return nil, fmt.Errorf("sealing a key: %w", err)
	}
	out = append(out, nonce[:]...)
	return s.aead.Seal(out, nonce[:], secret, []byte(kid)), nil
}

// unseal is the inverse of seal. Its errors are ErrSealingKey and ErrDamaged.
func (s *sealer) unseal(kid string, sealed []byte) ([]byte, error) {
	const head = 1 + sealMarkSize
	if len(sealed) < head+gcmNonceSize+s.aead.Overhead() || sealed[0] != sealVersion {
		return nil, ErrDamaged
	}
	if !hmac.Equal(sealed[1:head], s.mark) {
		return nil, ErrSealingKey
	}
	secret, err := s.aead.Open(nil, sealed[head:head+gcmNonceSize], sealed[head+gcmNonceSize:], []byte(kid))
	if err != nil {
		return nil, ErrDamaged
	}
	return secret, nil
}

// marked says whether something was sealed under this sealing key, by its mark
// alone.
func (s *sealer) marked(sealed []byte) bool {
	const head = 1 + sealMarkSize
	return len(sealed) >= head && sealed[0] == sealVersion && hmac.Equal(sealed[1:head], s.mark)
}

// owns checks that all records were sealed under this sealing key. A node that
// still has the former one after a change of it must not add a key that no other
// could open.
func (s *sealer) owns(records []Record) error {
	for _, rec := range records {
		if len(rec.Sealed) > sealMarkSize && rec.Sealed[0] == sealVersion && !s.marked(rec.Sealed) {
			return errSealingKeyOf(rec.KID)
		}
	}
	return nil
}
