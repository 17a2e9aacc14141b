package verify

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	testIssuer   = "https://id.example/tenant"
	testAudience = "https://api.example"
	testList     = testIssuer + "/oauth2/status/1"
	discoveryURL = testIssuer + "/.well-known/openid-configuration"
	jwksURL      = testIssuer + "/keys"
)

// testKey is a key of the fake issuer.
type testKey struct {
	kid     string
	alg     jose.SignatureAlgorithm
	private crypto.Signer
}

func newKey(t testing.TB, kid string) testKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return testKey{kid, jose.ES256, private}
}

func newRSAKey(t testing.TB, kid string, bits int) testKey {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return testKey{kid, jose.RS256, private}
}

func (k testKey) jwk() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.kid, Algorithm: string(k.alg), Use: "sig"}
}

// sign writes a JWT; header is beside alg and kid.
func (k testKey) sign(t testing.TB, header map[string]any, claims any) string {
	t.Helper()
	o := &jose.SignerOptions{}
	for name, value := range header {
		o.WithHeader(jose.HeaderKey(name), value)
	}
	o.WithHeader("kid", k.kid)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: k.alg, Key: k.private}, o)
	if err != nil {
		t.Fatal(err)
	}
	body, ok := claims.([]byte)
	if !ok {
		if body, err = json.Marshal(claims); err != nil {
			t.Fatal(err)
		}
	}
	jws, err := signer.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func typ(s string) map[string]any { return map[string]any{"typ": s} }

// reply is what the fake issuer serves at one address.
type reply struct {
	status int
	header map[string]string
	body   []byte
	// delay is how long it takes; forever when negative.
	delay time.Duration
	// drip sends the header at once and the body never.
	drip bool
}

// fakeIssuer answers requests without a network, so that tests can run on a
// clock of their own, and counts them.
type fakeIssuer struct {
	mu      sync.Mutex
	replies map[string]reply
	counts  map[string]int
	etags   []string // If-None-Match of every request
	down    bool
}

func newIssuer(t testing.TB, published ...testKey) *fakeIssuer {
	f := &fakeIssuer{replies: map[string]reply{}, counts: map[string]int{}}
	f.serve(discoveryURL, reply{body: fmt.Appendf(nil, `{"issuer":%q,"jwks_uri":%q}`, testIssuer, jwksURL)})
	f.publish(t, published...)
	return f
}

func (f *fakeIssuer) serve(address string, r reply) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replies[address] = r
}

// publish serves keys with max-age 10 min and 1 min to renew.
func (f *fakeIssuer) publish(t testing.TB, keys ...testKey) {
	t.Helper()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.jwk())
	}
	body, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	f.serve(jwksURL, reply{body: body, header: map[string]string{
		"Cache-Control": "public, max-age=600, stale-while-revalidate=60",
		"ETag":          fmt.Sprintf(`"%x"`, sha256.Sum256(body)),
	}})
}

func (f *fakeIssuer) setDown(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

func (f *fakeIssuer) count(address string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[address]
}

func (f *fakeIssuer) total() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.counts {
		n += c
	}
	return n
}

// asked counts the requests with If-None-Match.
func (f *fakeIssuer) asked() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, etag := range f.etags {
		if etag != "" {
			n++
		}
	}
	return n
}

// never is a body that does not come.
type never struct{ ctx context.Context }

func (n never) Read([]byte) (int, error) { <-n.ctx.Done(); return 0, n.ctx.Err() }
func (n never) Close() error             { return nil }

func (f *fakeIssuer) RoundTrip(req *http.Request) (*http.Response, error) {
	address, etag := req.URL.String(), req.Header.Get("If-None-Match")
	f.mu.Lock()
	f.counts[address]++
	f.etags = append(f.etags, etag)
	r, found := f.replies[address]
	down := f.down
	f.mu.Unlock()
	if r.delay != 0 {
		var after <-chan time.Time
		if r.delay > 0 {
			after = time.After(r.delay)
		}
		select {
		case <-after:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	if down {
		return nil, io.ErrUnexpectedEOF
	}
	w := httptest.NewRecorder()
	for name, value := range r.header {
		w.Header().Set(name, value)
	}
	switch {
	case !found:
		w.WriteHeader(http.StatusNotFound)
	case etag != "" && etag == r.header["ETag"]:
		w.WriteHeader(http.StatusNotModified)
	case r.status != 0:
		w.WriteHeader(r.status)
	}
	_, _ = w.Write(r.body)
	resp := w.Result()
	resp.Request = req
	if r.drip {
		resp.Body = never{req.Context()}
	}
	return resp, nil
}

// newVerifier makes one for the fake issuer.
func newVerifier(t testing.TB, f *fakeIssuer, change ...func(*Config)) *Verifier {
	t.Helper()
	cfg := Config{Issuer: testIssuer, Audience: testAudience, Client: &http.Client{Transport: f}}
	for _, c := range change {
		c(&cfg)
	}
	v, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// claimsWith are those of a good token, with changes; nil takes one out.
func claimsWith(changes map[string]any) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": testIssuer, "sub": "ada", "aud": testAudience, "client_id": "shop", "scope": "orders:read orders:write",
		"iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(), "jti": "1",
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// goodToken is one that lives for a day.
func goodToken(t testing.TB, k testKey) string {
	return k.sign(t, typ("at+jwt"), claimsWith(map[string]any{"exp": time.Now().Add(24 * time.Hour).Unix()}))
}

// withStatus is a token of a day that has an index in a list.
func withStatus(t testing.TB, k testKey, idx any, uri string) string {
	return k.sign(t, typ("at+jwt"), claimsWith(map[string]any{
		"exp":    time.Now().Add(24 * time.Hour).Unix(),
		"status": map[string]any{"status_list": map[string]any{"idx": idx, "uri": uri}},
	}))
}

// encodeList packs bytes as a list.
func encodeList(packed []byte) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(packed)
	_ = w.Close()
	return base64.RawURLEncoding.EncodeToString(b.Bytes())
}

// listClaims are those of a list of bits, fresh for ttl seconds.
func listClaims(bits int, packed []byte, ttl int) map[string]any {
	now := time.Now()
	return map[string]any{
		"sub": testList, "iat": now.Unix(), "exp": now.Add(24 * time.Hour).Unix(), "ttl": ttl,
		"status_list": map[string]any{"bits": bits, "lst": encodeList(packed)},
	}
}

func (f *fakeIssuer) serveList(token string) {
	f.serve(testList, reply{body: []byte(token), header: map[string]string{
		"Content-Type": "application/statuslist+jwt", "ETag": `"` + token[len(token)-20:] + `"`,
	}})
}
