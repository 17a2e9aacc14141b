package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// cachingVerifier is an API that verifies tokens by a JWKS which it caches, as
// long as the headers of the JWKS let it, and which it never asks for earlier:
// not even when it meets a key that it does not know. So a key that signs
// before every cache has it, or leaves before its last token has expired, makes
// verify fail.
type cachingVerifier struct {
	name string
	// verify checks signature, iss, aud and exp. Its error tells which keys
	// the verifier held.
	verify func(token string) error
}

// cachingVerifiers are four that others wrote, in three languages.
func cachingVerifiers(t *testing.T, issuer string) []cachingVerifier {
	t.Helper()
	return []cachingVerifier{
		{"go-oidc", goOIDCVerifier(t, issuer)},
		{"jwx", jwxVerifier(t, issuer)},
		{"jose", joseCachingVerifier(t, issuer)},
		{"PyJWT", pyJWTVerifier(t, issuer)},
	}
}

// goOIDCVerifier asks for the JWKS whenever it meets an unknown kid, so it has
// an HTTP cache beneath it.
func goOIDCVerifier(t *testing.T, issuer string) func(string) error {
	cache := &sharedCache{}
	ctx := oidc.ClientContext(t.Context(), &http.Client{Transport: cache})
	v := oidc.NewVerifier(issuer, oidc.NewRemoteKeySet(ctx, jwksOf(issuer)), &oidc.Config{
		ClientID: testAPI, SupportedSigningAlgs: []string{"RS256", "PS256", "ES256", "EdDSA"},
	})
	return func(token string) error {
		if _, err := v.Verify(ctx, token); err != nil {
			return holding(err, cache.last.Load())
		}
		return nil
	}
}

// jwxVerifier polls the JWKS by its max-age. Its clock ticks in seconds and
// its poll may be late; what may not be used any more is refreshed at once.
func jwxVerifier(t *testing.T, issuer string) func(string) error {
	answers := &unsharedCache{}
	cache, err := jwk.NewCache(t.Context(), httprc.NewClient())
	if err != nil {
		t.Fatal(err)
	}
	err = cache.Register(t.Context(), jwksOf(issuer), jwk.WithHTTPClient(&http.Client{Transport: answers}), jwk.WithMinInterval(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	keySet := func(ctx context.Context) (jwk.Set, error) {
		mu.Lock()
		defer mu.Unlock()
		if !answers.held.Load().isUsable() {
			return cache.Refresh(ctx, jwksOf(issuer))
		}
		return cache.Lookup(ctx, jwksOf(issuer))
	}
	return func(token string) error {
		set, err := keySet(t.Context())
		if err == nil {
			_, err = jwt.Parse([]byte(token), jwt.WithKeySet(set), jwt.WithIssuer(issuer), jwt.WithAudience(testAPI), jwt.WithRequiredClaim("exp"))
		}
		if err != nil {
			return holding(err, answers.held.Load())
		}
		return nil
	}
}

func jwksOf(issuer string) string { return issuer + "/.well-known/jwks.json" }

// holding adds to an error which keys a cache held, and how old they were.
func holding(err error, held *httpAnswer) error {
	if held == nil {
		return fmt.Errorf("%w; it held no keys", err)
	}
	return fmt.Errorf("%w; it held %s, asked for %s before (max-age %s, stale for %s more)",
		err, kidsOf(held.body), held.age().Round(time.Millisecond), held.fresh, held.stale)
}

// kidsOf lists the keys of a JWKS.
func kidsOf(jwks []byte) []string {
	var set jose.JSONWebKeySet
	if json.Unmarshal(jwks, &set) != nil {
		return nil
	}
	var kids []string
	for _, k := range set.Keys {
		kids = append(kids, k.KeyID)
	}
	return kids
}

func joseCachingVerifier(t *testing.T, issuer string) func(string) error {
	return lineVerifier(askNode(t, "jose", "verifier.mjs", issuer, testAPI))
}

func pyJWTVerifier(t *testing.T, issuer string) func(string) error {
	// Debian's package serves Debian's Python, which need not be the first in PATH.
	pythons := []string{"python3", "/usr/bin/python3"}
	i := slices.IndexFunc(pythons, func(python string) bool {
		return exec.CommandContext(t.Context(), python, "-c", "import jwt, cryptography").Run() == nil
	})
	if i < 0 {
		missing(t, "no Python with PyJWT and cryptography here (Debian: python3-jwt)")
	}
	return lineVerifier(askProcess(t, exec.CommandContext(t.Context(), pythons[i], filepath.Join("testdata", "verifier.py"), issuer, testAPI)))
}

// lineVerifier has a process verify.
func lineVerifier(ask asker) func(string) error {
	return func(token string) error {
		var answer struct {
			Error string
			Held  []string
			Age   float64
		}
		if err := ask(map[string]string{"token": token}, &answer); err != nil {
			return err
		}
		if answer.Error != "" {
			return fmt.Errorf("%s; it held %s, asked for %.3fs before", answer.Error, answer.Held, answer.Age)
		}
		return nil
	}
}
