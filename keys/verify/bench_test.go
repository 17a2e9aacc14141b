package verify

import (
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// BenchmarkVerify is a token with a status, everything cached:
// go test -bench . -benchmem ./keys/verify
func BenchmarkVerify(b *testing.B) {
	ps256 := newRSAKey(b, "rsa", 2048)
	rs256 := ps256
	ps256.alg = jose.PS256
	for _, key := range []testKey{rs256, ps256, newKey(b, "1")} {
		b.Run(string(key.alg), func(b *testing.B) {
			f := newIssuer(b, key)
			f.serveList(key.sign(b, typ("statuslist+jwt"), listClaims(1, make([]byte, 1<<17), 3600)))
			v := newVerifier(b, f)
			token := withStatus(b, key, 1<<19, testList)
			if _, err := v.Verify(b.Context(), token); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
