package keys

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"strings"
	"sync"
	"testing"
)

// benchKey is the one RSA key of 2048 bits that all benchmarks use.
var benchKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// benchBackend has benchKey alone.
type benchBackend struct{ inMemory }

func (benchBackend) Generate(context.Context, string, int) ([]byte, error) {
	key, err := benchKey()
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// benchRing opens a ring that holds benchKey.
func benchRing(b *testing.B) *Ring {
	cfg := newBench(b).config()
	cfg.Backend = benchBackend{}
	r, err := Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// benchPayload is about as long as the claims of an access token.
var benchPayload = []byte(`{"sub":"` + strings.Repeat("s", 400) + `"}`)

// BenchmarkSign against BenchmarkRawRSA is what the ring adds to a signature.
func BenchmarkSign(b *testing.B) {
	r := benchRing(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Sign(algRS256, "at+jwt", benchPayload); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRawRSA is one bare PKCS #1 v1.5 signature by the same key.
func BenchmarkRawRSA(b *testing.B) {
	key := benchRing(b).current().signers[algRS256].signer.(*rsa.PrivateKey)
	digest := sha256.Sum256(benchPayload)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	r := benchRing(b)
	token, err := r.Sign(algRS256, "at+jwt", benchPayload)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJWKS(b *testing.B) {
	r := benchRing(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.JWKS(); err != nil {
			b.Fatal(err)
		}
	}
}
