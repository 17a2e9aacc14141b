package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"signet/clients"
	"signet/keys"
)

// assertor is an app that proves itself with a key of its own (private_key_jwt).
type assertor struct {
	t        testing.TB
	id       string
	audience string
	key      jose.JSONWebKey
	now      func() time.Time
}

// newClientKey makes a key for one of keys.Algorithms.
func newClientKey(t testing.TB, alg, kid string) jose.JSONWebKey {
	t.Helper()
	var key crypto.Signer
	var err error
	switch alg {
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: alg, Use: "sig"}
}

// publicSet is the JWK set of these keys, as an app publishes it.
func publicSet(t testing.TB, all ...jose.JSONWebKey) json.RawMessage {
	t.Helper()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range all {
		set.Keys = append(set.Keys, key.Public())
	}
	return json.RawMessage(marshal(t, set))
}

// signsAssertions makes a client authenticate with these keys.
func signsAssertions(t testing.TB, all ...jose.JSONWebKey) func(*clients.Client) {
	set := publicSet(t, all...)
	return func(c *clients.Client) {
		c.TokenEndpointAuthMethod, c.Secrets, c.JWKS = clients.AuthMethodPrivateKeyJWT, nil, set
	}
}

// assertor registers an app that signs with a new ES256 key.
func (i *issuer) assertor(t testing.TB, id string, change ...func(*clients.Client)) *assertor {
	t.Helper()
	key := newClientKey(t, "ES256", id+"-1")
	i.webApp(t, id, append([]func(*clients.Client){signsAssertions(t, key)}, change...)...)
	return &assertor{t: t, id: id, audience: i.URL, key: key, now: i.clock.Now}
}

// claims are those of a good assertion, changed; nil takes one out.
func (a *assertor) claims(change map[string]any) map[string]any {
	now := a.now()
	c := map[string]any{"iss": a.id, "sub": a.id, "aud": a.audience, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// sign signs claims with the app's key, and these members in the header beside.
func (a *assertor) sign(claims, header map[string]any) string {
	a.t.Helper()
	opts := &jose.SignerOptions{}
	for name, value := range header {
		opts.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(a.key.Algorithm), Key: a.key}, opts)
	if err != nil {
		a.t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(marshal(a.t, claims)))
	if err != nil {
		a.t.Fatal(err)
	}
	out, err := jws.CompactSerialize()
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

// good is a fresh assertion.
func (a *assertor) good() string { return a.sign(a.claims(nil), nil) }

// asserting is form with an assertion in it.
func asserting(form url.Values, assertion string) url.Values {
	out := maps.Clone(form)
	out.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	out.Set("client_assertion", assertion)
	return out
}

var clientCredentials = url.Values{"grant_type": {"client_credentials"}}

// token asks for a token with an assertion.
func (i *issuer) token(t testing.TB, assertion string) answer {
	t.Helper()
	return i.post(t, "/oauth2/token", "", "", asserting(clientCredentials, assertion))
}

// wantClient checks that an assertion is taken, or refused.
func (i *issuer) wantClient(t testing.TB, what, assertion string, taken bool) {
	t.Helper()
	a := i.token(t, assertion)
	if taken && a.Status != http.StatusOK {
		t.Errorf("%s: %d %s", what, a.Status, a.Raw)
	}
	if !taken {
		if a.Status == http.StatusOK {
			t.Errorf("%s: accepted", what)
			return
		}
		a.wantRefused(t, http.StatusUnauthorized, "invalid_client")
	}
}

// Every algorithm, at every endpoint, with and without a client_id and a kid.
func TestPrivateKeyJWT(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	b := newBrowser(t)
	for _, alg := range keys.Algorithms() {
		t.Run(alg, func(t *testing.T) {
			b.t = t
			id := "app-" + alg
			app := &assertor{t: t, id: id, audience: i.URL, key: newClientKey(t, alg, "k"), now: i.clock.Now}
			i.webApp(t, id, signsAssertions(t, app.key), func(c *clients.Client) {
				c.GrantTypes, c.TokenEndpointAuthSigningAlg = append(c.GrantTypes, clients.GrantClientCredentials), alg
			})
			code, verifier := i.freshCode(t, b, "ada", id)
			form := codeForm(code, verifier)
			form.Set("client_id", id)
			tokens := i.post(t, "/oauth2/token", "", "", asserting(form, app.good()))
			if tokens.Status != http.StatusOK {
				t.Fatalf("exchange: %d %s", tokens.Status, tokens.Raw)
			}
			tokens = i.post(t, "/oauth2/token", "", "", asserting(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.str("refresh_token")}}, app.good()))
			if tokens.Status != http.StatusOK {
				t.Fatalf("refresh: %d %s", tokens.Status, tokens.Raw)
			}
			access := url.Values{"token": {tokens.str("access_token")}}
			if seen := i.post(t, "/oauth2/introspect", "", "", asserting(access, app.good())); seen.Body["active"] != true {
				t.Errorf("introspection: %d %s", seen.Status, seen.Raw)
			}
			if done := i.post(t, "/oauth2/revoke", "", "", asserting(access, app.good())); done.Status != http.StatusOK {
				t.Errorf("revocation: %d %s", done.Status, done.Raw)
			}
			if seen := i.post(t, "/oauth2/introspect", "", "", asserting(access, app.good())); seen.Body["active"] != false {
				t.Errorf("introspection afterwards: %d %s", seen.Status, seen.Raw)
			}
			app.key.KeyID = ""
			i.wantClient(t, "without a kid", app.good(), true)
		})
	}
}

// What libraries write differently, and means the same.
func TestPrivateKeyJWTOfManyLibraries(t *testing.T) {
	i := start(t)
	app := i.assertor(t, "app", credentialsOnly)
	now := app.now()
	for name, change := range map[string]map[string]any{
		"as it should be":               nil,
		"for the token endpoint":        {"aud": i.URL + "/oauth2/token"},
		"aud as a list of one":          {"aud": []string{i.URL}},
		"fractions of a second":         {"exp": float64(now.Add(time.Minute).UnixMilli()) / 1000, "iat": float64(now.UnixMilli()) / 1000},
		"no iat":                        {"iat": nil},
		"with nbf":                      {"nbf": now.Unix()},
		"a clock that is 50 s ahead":    {"iat": now.Add(50 * time.Second).Unix(), "nbf": now.Add(50 * time.Second).Unix(), "exp": now.Add(110 * time.Second).Unix()},
		"a clock that is 50 s behind":   {"iat": now.Add(-110 * time.Second).Unix(), "exp": now.Add(-50 * time.Second).Unix()},
		"signed for an hour":            {"exp": now.Add(time.Hour).Unix()},
		"a jti of 255 characters":       {"jti": string(slices.Repeat([]rune{'é'}, 255))},
		"claims that nobody knows here": {"client_id": "app", "x": map[string]any{"a": 1}},
	} {
		i.wantClient(t, name, app.sign(app.claims(change), nil), true)
	}
	strict := i.assertor(t, "strict", credentialsOnly, func(c *clients.Client) { c.AssertionAudience = clients.AssertionAudienceIssuer })
	i.wantClient(t, "for the issuer, where nothing else is taken", strict.good(), true)
	i.wantClient(t, "for the token endpoint, where the issuer is asked for", strict.sign(strict.claims(map[string]any{"aud": i.URL + "/oauth2/token"}), nil), false)
	for _, typ := range []string{"JWT", "jwt", "client-authentication+jwt", "application/client-authentication+jwt"} {
		i.wantClient(t, "typ "+typ, app.sign(app.claims(nil), map[string]any{"typ": typ}), true)
	}
}

// A use costs one write, and whoever cannot sign makes the server write nothing.
func TestAssertionQueryBudget(t *testing.T) {
	i := start(t)
	app := i.assertor(t, "app", credentialsOnly)
	i.token(t, app.good()) // reserves indexes of a status list
	thief := &assertor{t: t, id: "app", audience: i.URL, key: newClientKey(t, "ES256", "app-1"), now: app.now}
	good := app.good()
	for _, tt := range []struct {
		what, assertion string
		reads, writes   int
	}{
		{"an assertion", good, 1, 1},
		{"a replay", good, 1, 1}, // which inserts nothing
		{"another's signature", thief.good(), 1, 0},
		{"expired", app.sign(app.claims(map[string]any{"exp": 1}), nil), 1, 0},
		{"nobody's", (&assertor{t: t, id: "nobody", key: thief.key, now: app.now}).good(), 1, 0},
		{"not a JWT", "a.b.c", 0, 0},
	} {
		i.queries.take()
		i.token(t, tt.assertion)
		if r, w := i.queries.take(); len(r) != tt.reads || len(w) != tt.writes {
			t.Errorf("%s: %d reads and %d writes, the budget is %d and %d\n%q\n%q", tt.what, len(r), len(w), tt.reads, tt.writes, r, w)
		}
	}
}

// An app written with openid-client, by jwks_uri: client_credentials and a
// sign-in.
func TestPrivateKeyJWTWithOpenIDClient(t *testing.T) {
	modules := nodeModules(t, "openid-client")
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "no Node here: no app in another language authenticates")
	}
	i := start(t, allowLoopback)
	ada := i.person(t, "ada")
	b := newBrowser(t)
	for _, alg := range keys.Algorithms() {
		t.Run(alg, func(t *testing.T) {
			b.t = t
			id, key := "app-"+alg, newClientKey(t, alg, "k")
			published := publishKeys(t, key)
			i.webApp(t, id, byURI(published.URL+"/jwks.json"), func(c *clients.Client) { c.GrantTypes = append(c.GrantTypes, clients.GrantClientCredentials) })
			file := filepath.Join(t.TempDir(), "key.json")
			must(t, os.WriteFile(file, []byte(marshal(t, key)), 0o600))
			verifier, challenge := pkcePair(t)
			code := b.authorize(i.authorizeURL(id, map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}), "ada")
			callback := testCallback + "?code=" + code + "&state=a-state&iss=" + i.URL
			cmd := exec.CommandContext(t.Context(), node, filepath.Join("testdata", "assertion.mjs"), i.URL, id, file, callback, verifier)
			cmd.Env = append(os.Environ(), "SIGNET_NODE_MODULES="+modules)
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			must(t, err)
			var answer struct {
				Sub, Service, Error string
				Active              bool
			}
			if err := json.Unmarshal(out, &answer); err != nil || answer.Error != "" || answer.Sub != ada.ID || answer.Service != id || !answer.Active {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
