package e2e

import (
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"signet/cmd/signet/config"
	"signet/keys/verify"
)

// With the ttl that the figure is quoted for:
//
//	go test ./cmd/signet/e2e -run TestRevocationReachesAnAPI -v -status-ttl 5s
var statusTTL = flag.Duration("status-ttl", time.Second, "the ttl of status lists in a test")

// elsewhere sends what is meant for the issuer to another of its nodes.
type elsewhere struct{ node string }

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = strings.TrimPrefix(e.node, "http://")
	return http.DefaultTransport.RoundTrip(r)
}

// TestRevocationReachesAnAPI: an API that verifies offline, with keys/verify, and
// asks nobody but for the JWKS and the status list, refuses a token soon after it
// was revoked: within the list's ttl, on the node that revoked it and on
// another.
func TestRevocationReachesAnAPI(t *testing.T) {
	short := func(c *config.Config) { c.Tokens.StatusTTL = *statusTTL }
	i := start(t, short)
	other := i.node(t, short)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	for name, node := range map[string]string{"the node that revoked it": i.URL, "another node": other.URL} {
		t.Run(name, func(t *testing.T) {
			v, err := verify.New(verify.Config{Issuer: i.URL, Audience: testAPI, Client: &http.Client{Transport: elsewhere{node}}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(v.Close)
			api := httptest.NewServer(v.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })))
			t.Cleanup(api.Close)
			call := func(token string) *http.Response {
				t.Helper()
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+token)
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				return resp
			}
			a, kept := i.tokens(t, newBrowser(t), "ada", "app", secret), i.tokens(t, newBrowser(t), "ada", "app", secret)
			token := a.str("access_token")
			if resp := call(token); resp.StatusCode != http.StatusNoContent {
				t.Fatalf("a good token: %d %s", resp.StatusCode, resp.Header.Get("WWW-Authenticate"))
			}
			i.revoke(t, "app", secret, a.str("refresh_token"))
			revoked := time.Now()
			for call(token).StatusCode == http.StatusNoContent {
				if time.Since(revoked) > time.Minute {
					t.Fatal("the revoked token is still good after a minute")
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Logf("ttl %s: refused %s after the 200 of /revoke", *statusTTL, time.Since(revoked).Round(time.Millisecond))
			if _, err := v.Verify(t.Context(), token); !errors.Is(err, verify.ErrRevoked) {
				t.Errorf("refused for another reason: %v", err)
			}
			if resp := call(kept.str("access_token")); resp.StatusCode != http.StatusNoContent {
				t.Errorf("another token: %d %s", resp.StatusCode, resp.Header.Get("WWW-Authenticate"))
			}
		})
	}
}
