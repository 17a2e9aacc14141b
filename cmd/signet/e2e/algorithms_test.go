package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"signet/clients"
	"signet/cmd/signet/config"
	"signet/keys"
)

// everyAlgorithm configures the server to sign with all there are.
func everyAlgorithm(cfg *config.Config) { cfg.Keys.Algorithms = keys.Algorithms() }

// signedWith are the algorithms of a client's tokens.
func signedWith(idToken, accessToken string) func(*clients.Client) {
	return func(c *clients.Client) {
		c.IDTokenSignedResponseAlg, c.AccessTokenSignedResponseAlg = idToken, accessToken
	}
}

// Each client has its tokens signed as it was registered, and what others wrote
// verifies them: go-oidc the ID token and its at_hash, go-oidc and npm's jose
// the access token, by the published keys.
func TestEveryAlgorithm(t *testing.T) {
	i := start(t, everyAlgorithm)
	ada := i.person(t, "ada")
	b := newBrowser(t)
	jose := joseVerifier(t, i)
	for _, tt := range []struct{ id, access, wantID, wantAccess string }{
		{"RS256", "RS256", "RS256", "RS256"},
		{"PS256", "PS256", "PS256", "PS256"},
		{"ES256", "ES256", "ES256", "ES256"},
		{"EdDSA", "EdDSA", "EdDSA", "EdDSA"},
		{"ES256", "", "ES256", "RS256"},
		{"", "EdDSA", "RS256", "EdDSA"},
		{"", "", "RS256", "RS256"},
	} {
		t.Run("ID token "+tt.wantID+", access token "+tt.wantAccess, func(t *testing.T) {
			b.t = t
			id := "app-" + tt.id + "-" + tt.access
			r := &relyingOn{t: t, i: i, id: id, wantID: tt.wantID, wantAccess: tt.wantAccess}
			r.secret = i.webApp(t, id, signedWith(tt.id, tt.access))
			provider, conf := app(t, i, id, r.secret, "openid", "email", "offline_access")
			verifier := oauth2.GenerateVerifier()
			code := b.authorize(conf.AuthCodeURL("a-state", oidc.Nonce("a-nonce"), oauth2.S256ChallengeOption(verifier)), "ada")
			token, err := conf.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			r.check(provider, token)
			if sub, ok := jose(token.AccessToken); !ok || sub != ada.ID {
				t.Errorf("jose reads the access token as %q, %t", sub, ok)
			}
			hint := token.Extra("id_token").(string)
			if p := b.get(i.authorizeURL(id, map[string]string{"prompt": "none", "scope": "openid", "id_token_hint": hint})); p.param("code") == "" {
				t.Errorf("the ID token is no hint: %s", p.Location)
			}

			token.Expiry = time.Now().Add(-time.Minute)
			if token, err = conf.TokenSource(t.Context(), token).Token(); err != nil {
				t.Fatal(err)
			}
			r.check(provider, token)
		})
	}
}

// relyingOn is a client that relies on the algorithms of its tokens.
type relyingOn struct {
	t                  *testing.T
	i                  *issuer
	id, secret         string
	wantID, wantAccess string
}

func (r *relyingOn) check(provider *oidc.Provider, token *oauth2.Token) {
	r.t.Helper()
	raw, _ := token.Extra("id_token").(string)
	// go-oidc takes the algorithms from the discovery document.
	id, err := provider.Verifier(&oidc.Config{ClientID: r.id}).Verify(r.t.Context(), raw)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		r.t.Errorf("at_hash: %v", err)
	}
	set := oidc.NewRemoteKeySet(r.t.Context(), r.i.URL+"/.well-known/jwks.json")
	api := oidc.NewVerifier(r.i.URL, set, &oidc.Config{ClientID: testAPI, SupportedSigningAlgs: []string{r.wantAccess}})
	if access, err := api.Verify(r.t.Context(), token.AccessToken); err != nil || access.Subject != id.Subject {
		r.t.Errorf("the access token at an API: %v", err)
	}
	r.checkHeader(raw, r.wantID, "JWT")
	r.checkHeader(token.AccessToken, r.wantAccess, "at+jwt")
	r.i.wantAlive(r.t, r.id, r.secret, token.AccessToken)
}

// checkHeader checks that a token names its algorithm, and a published key of
// it.
func (r *relyingOn) checkHeader(token, alg, typ string) {
	r.t.Helper()
	header := decodeSegment(r.t, token, 0)
	kid, _ := header["kid"].(string)
	if header["alg"] != alg || header["typ"] != typ || len(header) != 3 {
		r.t.Errorf("header %v, want %s and %s", header, alg, typ)
	}
	if got := r.i.published(r.t)[kid]; got != alg {
		r.t.Errorf("the key %q is published for %q, not for %s", kid, got, alg)
	}
}

// published is the algorithm of every published key by its kid, which no other
// key may have.
func (i *issuer) published(t testing.TB) map[string]string {
	t.Helper()
	a := i.send(t, http.MethodGet, "/.well-known/jwks.json", "", "", nil)
	list, _ := a.Body["keys"].([]any)
	algorithms := map[string]string{}
	for _, entry := range list {
		key := entry.(map[string]any)
		kid, _ := key["kid"].(string)
		if _, twice := algorithms[kid]; twice || kid == "" || key["use"] != "sig" {
			t.Errorf("kid %q, use %v: %s", kid, key["use"], a.Raw)
		}
		algorithms[kid], _ = key["alg"].(string)
	}
	return algorithms
}

// An app written with openid-client, which takes no other algorithm than the
// one it is set to expect.
func TestEveryAlgorithmWithOpenIDClient(t *testing.T) {
	modules := nodeModules(t, "openid-client")
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "no Node here: no app in another language signs in")
	}
	i := start(t, everyAlgorithm)
	ada := i.person(t, "ada")
	b := newBrowser(t)
	signIn := func(t *testing.T, id, secret, alg string) (sub, refused string) {
		t.Helper()
		b.t = t
		verifier, challenge := pkcePair(t)
		code := b.authorize(i.authorizeURL(id, map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}), "ada")
		callback := testCallback + "?code=" + code + "&state=a-state&iss=" + i.URL
		cmd := exec.CommandContext(t.Context(), node, filepath.Join("testdata", "sign-in.mjs"), i.URL, id, secret, alg, callback, verifier)
		cmd.Env = append(os.Environ(), "SIGNET_NODE_MODULES="+modules)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Sub, Error string }
		if err := json.Unmarshal(out, &answer); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return answer.Sub, answer.Error
	}
	for _, alg := range keys.Algorithms() {
		t.Run(alg, func(t *testing.T) {
			secret := i.webApp(t, "app-"+alg, signedWith(alg, alg))
			if sub, refused := signIn(t, "app-"+alg, secret, alg); sub != ada.ID {
				t.Errorf("signed in as %q: %s", sub, refused)
			}
		})
	}
	t.Run("another than expected", func(t *testing.T) {
		secret := i.webApp(t, "app", signedWith("ES256", ""))
		if sub, refused := signIn(t, "app", secret, "RS256"); sub != "" || refused == "" {
			t.Errorf("an ID token by ES256 is taken where RS256 is expected: %q", sub)
		}
	})
}

// Without RS256 the first algorithm is the default, and the metadata promises
// no other.
func TestWithoutRS256(t *testing.T) {
	i := start(t, func(cfg *config.Config) { cfg.Keys.Algorithms = []string{"ES256", "EdDSA"} })
	i.person(t, "ada")
	a := i.tokens(t, newBrowser(t), "ada", "app", i.webApp(t, "app"))
	for _, name := range []string{"id_token", "access_token"} {
		if alg := decodeSegment(t, a.str(name), 0)["alg"]; alg != "ES256" {
			t.Errorf("the %s is signed with %v", name, alg)
		}
	}
	metadata := i.send(t, http.MethodGet, "/.well-known/openid-configuration", "", "", nil)
	list, _ := metadata.Body["id_token_signing_alg_values_supported"].([]any)
	if !slices.Equal(list, []any{"ES256", "EdDSA"}) {
		t.Errorf("id_token_signing_alg_values_supported is %v", list)
	}
}

// A client of the database has an algorithm that the server is not set up for:
// the start says so, and the client is told to come again, with a code or a
// refresh token that stays good until the operator has mended it.
func TestAnAlgorithmThatTheServerLacks(t *testing.T) {
	before := start(t)
	before.person(t, "ada")
	secret := before.webApp(t, "app", signedWith("EdDSA", ""))

	i := start(t, func(cfg *config.Config) {
		cfg.DataDir, cfg.Database = before.Dir, "sqlite:"+filepath.Join(before.Dir, "signet.db")
	})
	const reason = `\"EdDSA\" is not among keys.algorithms (RS256)`
	if log := i.log.String(); !strings.Contains(log, reason) || !strings.Contains(log, `"client_id":"app","field":"id_token_signed_response_alg"`) {
		t.Errorf("the start says nothing of the client:\n%s", log)
	}
	verifier, challenge := pkcePair(t)
	code := newBrowser(t).authorize(i.authorizeURL("app", map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}), "ada")
	for range 2 {
		a := i.exchange(t, "app", secret, code, verifier)
		a.wantRefused(t, http.StatusServiceUnavailable, "temporarily_unavailable")
		if a.Header.Get("Retry-After") == "" {
			t.Error("a 503 without Retry-After")
		}
	}
	i.change(t, "app", signedWith("", ""))
	a := i.exchange(t, "app", secret, code, verifier)
	if a.Status != http.StatusOK {
		t.Fatalf("the code was spent: %d %s", a.Status, a.Raw)
	}
	i.change(t, "app", signedWith("", "EdDSA"))
	i.refresh(t, "app", secret, a.str("refresh_token")).wantRefused(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	i.change(t, "app", signedWith("RS256", "RS256"))
	// Later than the grace, so that a spent refresh token would be found out.
	i.clock.Advance(5 * time.Minute)
	if a := i.refresh(t, "app", secret, a.str("refresh_token")); a.Status != http.StatusOK {
		t.Errorf("the refresh token was spent: %d %s", a.Status, a.Raw)
	}
}
