package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"signet/clients"
	"signet/cmd/signet/config"
)

// allowLoopback lets the server fetch from the test's own servers.
func allowLoopback(cfg *config.Config) {
	cfg.Fetch.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// byURI makes a client authenticate with the keys at uri.
func byURI(uri string) func(*clients.Client) {
	return func(c *clients.Client) {
		c.TokenEndpointAuthMethod, c.Secrets, c.JWKS, c.JWKSURI = clients.AuthMethodPrivateKeyJWT, nil, nil, uri
	}
}

// publisher is an app's jwks_uri, which counts who asks.
type publisher struct {
	*httptest.Server
	hits atomic.Int64

	mu     sync.Mutex
	set    []byte
	header http.Header
	status int
	wait   chan struct{}
}

func publishKeys(t testing.TB, all ...jose.JSONWebKey) *publisher {
	p := &publisher{status: http.StatusOK}
	p.rotate(t, all...)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.hits.Add(1)
		p.mu.Lock()
		set, status, wait := p.set, p.status, p.wait
		maps.Copy(w.Header(), p.header)
		p.mu.Unlock()
		if wait != nil {
			<-wait
		}
		w.WriteHeader(status)
		_, _ = w.Write(set)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) rotate(t testing.TB, all ...jose.JSONWebKey) {
	set := publicSet(t, all...)
	p.change(func() { p.set = set })
}

func (p *publisher) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// wantFetches checks how often the keys were fetched since the last look.
func (p *publisher) wantFetches(t testing.TB, what string, want int64) {
	t.Helper()
	if got := p.hits.Swap(0); got != want {
		t.Errorf("%s: the keys were fetched %d times, want %d", what, got, want)
	}
}

// Assertions that are not the client's, or not for this server, or not for now.
// The claims are refused with a signature that is right.
func TestForgedAssertions(t *testing.T) {
	i := start(t)
	app, other := i.assertor(t, "app", credentialsOnly), i.assertor(t, "other", credentialsOnly)
	now := app.now()
	for name, change := range map[string]map[string]any{
		"no jti": {"jti": nil}, "an empty jti": {"jti": ""}, "a jti too long": {"jti": strings.Repeat("j", 256)}, "a jti that is a number": {"jti": 1},
		"no exp": {"exp": nil}, "exp null": {"exp": json.RawMessage("null")}, "exp in words": {"exp": "tomorrow"}, "exp as text": {"exp": "9999999999"},
		"exp past": {"exp": now.Add(-2 * time.Minute).Unix()}, "exp 0": {"exp": 0}, "exp negative": {"exp": -1},
		"exp too far": {"exp": now.Add(time.Hour + 3*time.Minute).Unix()}, "exp in a year": {"exp": now.AddDate(1, 0, 0).Unix()},
		"exp in ten years": {"exp": now.AddDate(10, 0, 0).Unix()}, "exp in milliseconds": {"exp": now.Add(time.Minute).UnixMilli()},
		"exp endless": {"exp": json.RawMessage("1e300")}, "exp beyond numbers": {"exp": json.RawMessage("1e999")},
		"nbf to come": {"nbf": now.Add(5 * time.Minute).Unix()}, "iat to come": {"iat": now.Add(5 * time.Minute).Unix()},
		"no aud": {"aud": nil}, "aud empty": {"aud": ""}, "aud an empty list": {"aud": []string{}}, "another aud": {"aud": "https://evil.example.test"},
		"two aud":              {"aud": []string{i.URL, "https://evil.example.test"}},
		"two aud of ours":      {"aud": []string{i.URL, i.URL + "/oauth2/token"}},
		"aud with a slash":     {"aud": i.URL + "/"},
		"aud another endpoint": {"aud": i.URL + "/oauth2/introspect"},
		"aud that begins so":   {"aud": i.URL + ".evil.example.test"},
		"aud the client":       {"aud": "app"},
		"no iss":               {"iss": nil}, "another iss": {"iss": "other"}, "iss the server": {"iss": i.URL},
		"no sub": {"sub": nil}, "another sub": {"sub": "other"}, "sub empty": {"sub": "", "iss": ""}, "sub a list": {"sub": []string{"app"}},
		"of a stranger": {"sub": "nobody", "iss": "nobody"}, "of the other": {"sub": "other", "iss": "other"},
	} {
		i.wantClient(t, name, app.sign(app.claims(change), nil), false)
	}
	for _, typ := range []string{"at+jwt", "dpop+jwt", "oauth-authz-req+jwt", "logout+jwt", "secevent+jwt"} {
		i.wantClient(t, "typ "+typ, app.sign(app.claims(nil), map[string]any{"typ": typ}), false)
	}
	for name, assertion := range forgedAssertions(t, app, other) {
		i.wantClient(t, name, assertion, false)
	}
	once := app.good()
	i.wantClient(t, "a good one", once, true)
	for range 3 {
		i.wantClient(t, "a replay", once, false)
	}
	// The same jti in another assertion is a replay, that of another client is not.
	again := app.claims(map[string]any{"jti": "the-same"})
	i.wantClient(t, "a jti", app.sign(again, nil), true)
	again["exp"] = now.Add(10 * time.Minute).Unix()
	i.wantClient(t, "the jti again, with a later exp", app.sign(again, nil), false)
	i.wantClient(t, "the jti of another client", other.sign(other.claims(map[string]any{"jti": "the-same"}), nil), true)
	i.clock.Advance(20 * time.Minute)
	i.wantClient(t, "one that has expired, replayed", once, false)
	if log := i.log.String(); strings.Contains(log, once) || strings.Contains(log, strings.Split(once, ".")[2]) {
		t.Error("the log holds an assertion")
	}
}

// forgedAssertions are assertions that app did not sign.
func forgedAssertions(t *testing.T, app, other *assertor) map[string]string {
	t.Helper()
	good := strings.Split(app.good(), ".")
	stranger := *app
	stranger.key = newClientKey(t, "ES256", app.key.KeyID)
	unknown := *app
	unknown.key.KeyID = "gone"
	asOther := *other
	asOther.id = app.id
	withKID := asOther
	withKID.key.KeyID = app.key.KeyID
	out := map[string]string{
		"signed by a stranger":              stranger.good(),
		"signed by a stranger, with jwk":    stranger.sign(app.claims(nil), map[string]any{"jwk": stranger.key.Public()}),
		"an unknown kid":                    unknown.good(),
		"signed by another client":          asOther.good(),
		"signed by another client, our kid": withKID.good(),
		"no signature":                      good[0] + "." + good[1] + ".",
		"the signature of another":          good[0] + "." + good[1] + "." + strings.Split(app.good(), ".")[2],
		"a signature of zeros":              good[0] + "." + good[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"crit":                              app.sign(app.claims(nil), map[string]any{"crit": []string{"x"}, "x": 1}),
		"huge":                              app.sign(app.claims(map[string]any{"x": strings.Repeat("x", 20<<10)}), nil),
		"not a JWT":                         "x",
		"five parts":                        "a.b.c.d.e",
		"JSON":                              `{"payload":"e30"}`,
		"a payload that is a list":          encodePart(`{"alg":"ES256"}`) + "." + encodePart(`["app"]`) + "." + good[2],
		"a payload that is deep":            encodePart(`{"alg":"ES256"}`) + "." + encodePart(strings.Repeat(`{"sub":`, 1000)+"1"+strings.Repeat("}", 1000)) + "." + good[2],
	}
	pkix, err := x509.MarshalPKIXPublicKey(app.key.Public().Key)
	must(t, err)
	secrets := map[string][]byte{
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix}), "DER": pkix,
		"JWK": []byte(marshal(t, app.key.Public())), "JWKS": publicSet(t, app.key), "nothing": nil,
	}
	for _, alg := range []string{"HS256", "HS512", "ES256", "none", "None", ""} {
		header := encodePart(marshal(t, map[string]any{"alg": alg, "kid": app.key.KeyID}))
		out["alg "+alg+" unsigned"] = header + "." + good[1] + "."
		for name, secret := range secrets {
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(header + "." + good[1]))
			out["alg "+alg+" keyed with "+name] = header + "." + good[1] + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
		}
	}
	return out
}

// A client is held to its method: one that signs has no other way in, and one
// with a secret, or with nothing, does not get in by signing.
func TestClientsAreHeldToTheirMethod(t *testing.T) {
	i := start(t)
	app := i.assertor(t, "app", credentialsOnly)
	secret := i.webApp(t, "job", credentialsOnly)
	i.webApp(t, "spa", public)
	i.assertor(t, "off", credentialsOnly, func(c *clients.Client) { c.Disabled = true })
	off := i.assertor(t, "off2", credentialsOnly)
	i.change(t, "off2", func(c *clients.Client) { c.Disabled = true })
	strict := i.assertor(t, "strict", credentialsOnly)
	i.change(t, "strict", func(c *clients.Client) {
		signsAssertions(t, strict.key, newClientKey(t, "PS256", "strict-2"))(c)
		c.TokenEndpointAuthSigningAlg = "PS256"
	})

	for name, a := range map[string]answer{
		"a signing client with no assertion":    i.post(t, "/oauth2/token", "app", "", clientCredentials),
		"a signing client with a secret":        i.post(t, "/oauth2/token", "app", secret, clientCredentials),
		"a signing client, secret in the body":  i.post(t, "/oauth2/token", "", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "client_secret": {secret}}),
		"a client with a secret, by assertion":  i.token(t, as(app, "job").good()),
		"a public client, by assertion":         i.token(t, as(app, "spa").good()),
		"a disabled client":                     i.token(t, off.good()),
		"an algorithm it is not registered for": i.token(t, strict.good()),
		"client_id of another":                  i.post(t, "/oauth2/token", "", "", withParam(asserting(clientCredentials, app.good()), "client_id", "job")),
		"no client_assertion_type":              i.post(t, "/oauth2/token", "", "", withParam(asserting(clientCredentials, app.good()), "client_assertion_type", "")),
		"SAML":                                  i.post(t, "/oauth2/token", "", "", withParam(asserting(clientCredentials, app.good()), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")),
		"a type and nothing to it":              i.post(t, "/oauth2/token", "", "", asserting(clientCredentials, "")),
	} {
		t.Run(name, func(t *testing.T) { a.wantRefused(t, http.StatusUnauthorized, "invalid_client") })
	}
	for name, a := range map[string]answer{
		"an assertion and Basic":            i.post(t, "/oauth2/token", "job", secret, asserting(clientCredentials, app.good())),
		"an assertion and Basic of its own": i.post(t, "/oauth2/token", "app", "x", asserting(clientCredentials, app.good())),
		"an assertion and a secret":         i.post(t, "/oauth2/token", "", "", withParam(asserting(clientCredentials, app.good()), "client_secret", "x")),
		"two assertions":                    i.post(t, "/oauth2/token", "", "", url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": asserting(clientCredentials, "")["client_assertion_type"], "client_assertion": {app.good(), app.good()}}),
	} {
		t.Run(name, func(t *testing.T) { a.wantRefused(t, http.StatusBadRequest, "invalid_request") })
	}
	if a := i.post(t, "/oauth2/token", "", "", withParam(asserting(clientCredentials, app.good()), "client_id", "app")); a.Status != http.StatusOK {
		t.Errorf("with its own client_id: %d %s", a.Status, a.Raw)
	}
	for _, path := range []string{"/oauth2/introspect", "/oauth2/revoke"} {
		form, once := url.Values{"token": {"x"}}, app.good()
		if a := i.post(t, path, "", "", asserting(form, once)); a.Status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.Status, a.Raw)
		}
		i.post(t, path, "", "", asserting(form, once)).wantRefused(t, http.StatusUnauthorized, "invalid_client")
		i.wantClient(t, "what was used at "+path, once, false)
	}
}

// as signs for another client.
func as(a *assertor, id string) *assertor {
	other := *a
	other.id = id
	return &other
}

func withParam(form url.Values, name, value string) url.Values {
	form.Set(name, value)
	return form
}

// What the server itself has signed is nobody's assertion, not even for a client
// that names the server's keys as its own.
func TestOwnTokensAreNoAssertions(t *testing.T) {
	v := newVictim(t)
	for name, token := range map[string]string{"access token": v.access, "ID token": v.id} {
		v.wantClient(t, "an "+name, token, false)
	}
	keys := v.send(t, http.MethodGet, "/.well-known/jwks.json", "", "", nil)
	v.webApp(t, "mirror", credentialsOnly, func(c *clients.Client) {
		c.TokenEndpointAuthMethod, c.Secrets, c.JWKS = clients.AuthMethodPrivateKeyJWT, nil, json.RawMessage(keys.Raw)
	})
	for name, token := range map[string]string{"access token": v.access, "ID token": v.id} {
		v.post(t, "/oauth2/token", "", "", withParam(asserting(clientCredentials, token), "client_id", "mirror")).wantRefused(t, http.StatusUnauthorized, "invalid_client")
		v.wantClient(t, "an "+name, token, false)
	}
}
