package keys

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
)

// Backend makes private keys and signs with them. The ring needs no more of a
// private key than crypto.Signer, so it may live where nobody can read it: in a
// PKCS #11 token or a key management service. What stands in the Store for such
// a key is a reference, sealed as a private key is.
type Backend interface {
	// Name stands in the references; it must not change.
	Name() string
	// Generate makes a key pair for one of Algorithms and returns a reference
	// by which Open finds it. rsaBits is for RSA alone.
	Generate(ctx context.Context, alg string, rsaBits int) (ref []byte, err error)
	// Open returns the key of a reference. Signatures are made in parallel.
	Open(ctx context.Context, ref []byte) (crypto.Signer, error)
}

// inMemory is the Backend of a ring that is given no other. Its references are
// the private keys themselves, as PKCS #8.
type inMemory struct{ rand io.Reader }

func (inMemory) Name() string { return "" }

func (b inMemory) Generate(_ context.Context, alg string, rsaBits int) ([]byte, error) {
	a, err := algorithmOf(alg)
	if err != nil {
		return nil, err
	}
	key, err := a.generate(b.rand, rsaBits)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

func (inMemory) Open(_ context.Context, ref []byte) (crypto.Signer, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(ref)
	if err != nil {
		return nil, ErrDamaged
	}
	// Once for each key, or every signature would pay for it.
	if key, ok := parsed.(*rsa.PrivateKey); ok {
		key.Precompute()
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, ErrDamaged
	}
	return signer, nil
}

// derSequence begins every DER structure that is sealed (PKCS #8, or the
// SubjectPublicKeyInfo of a key that is verify-only); no Name begins with it.
const derSequence = 0x30

// reference is what is sealed for a key of a back end.
func reference(b Backend, ref []byte) []byte {
	if b.Name() == "" {
		return ref
	}
	return append([]byte(b.Name()+":"), ref...)
}

// openReference is the key that a sealed reference leads to. Keys that were
// made in memory go on working when another back end is chosen.
func (c Config) openReference(ctx context.Context, sealed []byte) (crypto.Signer, error) {
	if len(sealed) > 0 && sealed[0] == derSequence {
		return inMemory{c.Rand}.Open(ctx, sealed)
	}
	name, ref, ok := bytes.Cut(sealed, []byte(":"))
	switch {
	case !ok:
		return nil, ErrDamaged
	case string(name) != c.Backend.Name():
		return nil, fmt.Errorf("it is held by %q, which this server does not use", name)
	}
	key, err := c.Backend.Open(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if key == nil {
		return nil, errors.New("its back end has no such key")
	}
	return key, nil
}
