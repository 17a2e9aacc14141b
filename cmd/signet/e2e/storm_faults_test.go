package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
)

// careless is an issuer whose keys come and go as a test says.
type careless struct {
	*httptest.Server
	keys  map[string]*ecdsa.PrivateKey
	asked atomic.Int64

	mu        sync.Mutex
	published []string
}

func newCareless(t *testing.T, cacheControl string, kids ...string) *careless {
	c := &careless{keys: map[string]*ecdsa.PrivateKey{}}
	for _, kid := range kids {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c.keys[kid] = key
	}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.asked.Add(1)
		c.mu.Lock()
		defer c.mu.Unlock()
		var set jose.JSONWebKeySet
		for _, kid := range c.published {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: c.keys[kid].Public(), KeyID: kid, Algorithm: "ES256", Use: "sig"})
		}
		w.Header().Set("Cache-Control", cacheControl)
		_ = json.NewEncoder(w).Encode(set)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *careless) publish(kids ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.published = kids
}

func (c *careless) token(t *testing.T, kid string) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("at+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: c.keys[kid], KeyID: kid}}, options)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	token, err := josejwt.Signed(signer).Claims(josejwt.Claims{
		Issuer: c.URL, Subject: "job", Audience: josejwt.Audience{testAPI},
		IssuedAt: josejwt.NewNumericDate(now), Expiry: josejwt.NewNumericDate(now.Add(time.Hour)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// What the storms say is worth something only if the verifiers do refuse what
// a careless issuer signs: here they must.
func TestCachingVerifiersFindFaults(t *testing.T) {
	t.Run("a key that signs before every cache has it", func(t *testing.T) {
		c := newCareless(t, "public, max-age=3000, stale-while-revalidate=600", "old", "new")
		c.publish("old")
		verifiers := cachingVerifiers(t, c.URL)
		for _, v := range verifiers {
			if err := v.verify(c.token(t, "old")); err != nil {
				t.Errorf("%s: a good token: %v", v.name, err)
			}
		}
		c.publish("old", "new")
		for _, v := range verifiers {
			if v.verify(c.token(t, "new")) == nil {
				t.Errorf("%s has asked for the JWKS before its time", v.name)
			}
		}
		if n := int(c.asked.Load()); n != len(verifiers) {
			t.Errorf("the JWKS was asked for %d times by %d verifiers", n, len(verifiers))
		}
	})
	t.Run("a key that leaves before its last token has expired", func(t *testing.T) {
		c := newCareless(t, "public, max-age=1, stale-while-revalidate=1", "old", "new")
		c.publish("old")
		verifiers := cachingVerifiers(t, c.URL)
		started := time.Now()
		for _, v := range verifiers {
			if err := v.verify(c.token(t, "old")); err != nil {
				t.Errorf("%s: a good token: %v", v.name, err)
			}
		}
		c.publish("new")
		for _, v := range verifiers {
			c.awaits(t, v, "the new key", func() bool { return v.verify(c.token(t, "new")) == nil })
			if took := time.Since(started); took < time.Second {
				t.Errorf("%s has a new JWKS after %s", v.name, took)
			}
			c.awaits(t, v, "the end of the old key", func() bool { return v.verify(c.token(t, "old")) != nil })
		}
	})
}

// awaits waits for what a verifier does once its JWKS is too old.
func (c *careless) awaits(t *testing.T, v cachingVerifier, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not see %s", v.name, what)
		}
	}
}
