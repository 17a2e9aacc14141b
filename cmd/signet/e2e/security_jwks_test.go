package e2e

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"signet/clients"
	"signet/cmd/signet/config"
)

// uriAssertor registers an app whose keys are at a jwks_uri.
func (i *issuer) uriAssertor(t testing.TB, id string) (*assertor, *publisher) {
	t.Helper()
	key := newClientKey(t, "ES256", id+"-1")
	p := publishKeys(t, key)
	i.webApp(t, id, byURI(p.URL+"/jwks.json"), credentialsOnly)
	return &assertor{t: t, id: id, audience: i.URL, key: key, now: i.clock.Now}, p
}

// Keys are fetched once and kept; a new key counts at once, without anybody being
// told; one that is gone from the set counts until the set is no longer fresh.
func TestClientRotatesItsKeys(t *testing.T) {
	i := start(t, allowLoopback)
	app, published := i.uriAssertor(t, "app")
	published.header = http.Header{"Cache-Control": {"max-age=3600"}}
	for range 3 {
		i.wantClient(t, "the first key", app.good(), true)
	}
	published.wantFetches(t, "three assertions", 1)

	first := app.key
	second := newClientKey(t, "ES256", "app-2")
	published.rotate(t, second)
	app.key = second
	i.wantClient(t, "the new key", app.good(), true)
	published.wantFetches(t, "a new kid", 1)
	app.key = first
	i.wantClient(t, "the old key, which is gone", app.good(), false)
	published.wantFetches(t, "an unknown kid just after", 0)

	// Another one right away: not before the limit has passed.
	third := newClientKey(t, "ES256", "app-3")
	published.rotate(t, second, third)
	app.key = third
	i.wantClient(t, "a third key, too soon", app.good(), false)
	published.wantFetches(t, "a third key, too soon", 0)
	i.clock.Advance(11 * time.Second)
	i.wantClient(t, "a third key", app.good(), true)
	published.wantFetches(t, "a third key", 1)

	// A key that was taken out is no good once the set has been fetched again.
	published.rotate(t, third)
	i.clock.Advance(2 * time.Hour)
	app.key = second
	i.wantClient(t, "a key that was taken out", app.good(), false)
	published.wantFetches(t, "when the set is old", 2) // as it is old, and for the kid
}

// Anybody can make up a kid, and an app's server is not to be flooded for it; nor
// do those who have a good key wait meanwhile.
func TestFloodOfUnknownKIDs(t *testing.T) {
	i := start(t, allowLoopback)
	app, published := i.uriAssertor(t, "app")
	i.wantClient(t, "a good one", app.good(), true)
	published.wantFetches(t, "a good one", 1)
	wait := make(chan struct{})
	published.change(func() { published.wait = wait })
	flood := make([]string, 100)
	for n := range flood {
		made := *app
		made.key = newClientKey(t, "ES256", fmt.Sprint("made-up-", n))
		flood[n] = made.good()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		atOnce(len(flood), func(n int) { i.wantClient(t, "a kid that is made up", flood[n], false) })
	}()
	for published.hits.Load() == 0 { // until the flood has its fetch
		time.Sleep(time.Millisecond)
	}
	for range 3 {
		i.wantClient(t, "a good one while the flood waits", app.good(), true)
	}
	close(wait)
	<-done
	published.wantFetches(t, "the flood", 1)
	for range 5 {
		i.clock.Advance(11 * time.Second)
		for _, assertion := range flood[:10] {
			i.wantClient(t, "a kid that is made up", assertion, false)
		}
	}
	published.wantFetches(t, "ten made-up kids every 11 seconds", 5)
}

// While an app's server is down, its keys go on counting for a while; then they
// do not, and it is asked no more than now and then.
func TestKeysOfAServerThatIsDown(t *testing.T) {
	i := start(t, allowLoopback)
	app, published := i.uriAssertor(t, "app")
	i.wantClient(t, "a good one", app.good(), true)
	published.wantFetches(t, "a good one", 1)
	for name, broken := range map[string]func(){
		"an error":  func() { published.status = http.StatusInternalServerError },
		"not found": func() { published.status = http.StatusNotFound },
		"a page":    func() { published.status, published.set = http.StatusOK, []byte("<html>") },
		"a redirect": func() {
			published.status, published.header = http.StatusFound, http.Header{"Location": {"/jwks.json"}}
		},
	} {
		published.change(broken)
		i.clock.Advance(5 * time.Minute)
		i.wantClient(t, name, app.good(), true)
		i.wantClient(t, name+", again", app.good(), true)
		published.wantFetches(t, name, 1)
	}
	if !strings.Contains(i.log.String(), "the keys of a client could not be fetched") {
		t.Error("the log does not say that keys could not be fetched")
	}
	i.clock.Advance(2 * time.Hour)
	for range 5 {
		i.wantClient(t, "long after", app.good(), false)
	}
	published.wantFetches(t, "long after", 1)
	published.change(func() { published.status, published.header = http.StatusOK, nil })
	published.rotate(t, app.key)
	i.clock.Advance(11 * time.Second)
	i.wantClient(t, "when it is up again", app.good(), true)
}

// Many requests that need the same keys fetch them once.
func TestFetchesOfKeysAreJoined(t *testing.T) {
	i := start(t, allowLoopback)
	app, published := i.uriAssertor(t, "app")
	good := make([]string, 30)
	for n := range good {
		good[n] = app.good()
	}
	atOnce(len(good), func(n int) { i.wantClient(t, "at once", good[n], true) })
	published.wantFetches(t, "at once", 1)
}

// A jwks_uri that leads into the server's own network (SECURITY, 14) lets nobody
// in, reaches nothing, and the log says why.
func TestJWKSURIDoesNotReachInside(t *testing.T) {
	var hits atomic.Int64
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer inner.Close()
	port := inner.URL[strings.LastIndexByte(inner.URL, ':'):]
	i := start(t)
	n := 0
	refused := func(what, uri, reason string) {
		t.Helper()
		n++
		id := fmt.Sprint("app-", n)
		app := i.assertor(t, id, credentialsOnly)
		i.change(t, id, byURI(uri))
		before := len(i.log.String())
		i.wantClient(t, what, app.good(), false)
		if log := i.log.String()[before:]; !strings.Contains(log, reason) {
			t.Errorf("%s: the log does not say %q: %s", what, reason, log)
		}
	}
	const private, bad = "not at a public address", "the URL cannot be fetched"
	for _, host := range []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "0.0.0.0", "[::]", "localhost"} {
		refused("https "+host, "https://"+host+port+"/jwks.json", private)
		refused("http "+host, "http://"+host+port+"/jwks.json", "plain http")
	}
	for _, host := range []string{"169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "192.168.0.1", "100.100.100.200"} {
		refused(host, "https://"+host+"/latest/meta-data", private)
	}
	for _, uri := range []string{
		"https://2130706433" + port, "https://0x7f.1" + port, "https://0177.0.0.1" + port, "https://127.1" + port, "https://127.0.0.1." + port,
		"https://user@127.0.0.1" + port, "file:///etc/passwd", "https://[fe80::1%25lo]" + port, "https://\uff11\uff12\uff17.0.0.1" + port,
	} {
		refused(uri, uri, bad)
	}
	if got := hits.Load(); got != 0 {
		t.Errorf("%d requests came through", got)
	}

	// Where the operator has allowed one address, a redirect leads nowhere else.
	i = start(t, allowLoopback)
	for name, target := range map[string]string{"another port": inner.URL, "metadata": "http://169.254.169.254/", "itself": "/jwks.json"} {
		var asked atomic.Int64
		outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			http.Redirect(w, r, target, http.StatusFound)
		}))
		refused("a redirect to "+name, outer.URL, "status 302")
		outer.Close()
		if got := asked.Load(); got != 1 {
			t.Errorf("a redirect to %s: asked %d times", name, got)
		}
	}
	large := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"keys":[` + strings.Repeat(" ", 2<<20)))
	}))
	defer large.Close()
	refused("a set that is too large", large.URL, "too large")
	if got := hits.Load(); got != 0 {
		t.Errorf("%d redirects were followed", got)
	}
}

// An app within the operator's network, with a certificate of the operator's own
// authority.
func TestJWKSURIWithAPrivateCA(t *testing.T) {
	key := newClientKey(t, "ES256", "k")
	set := publicSet(t, key)
	inner := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set) }))
	defer inner.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: inner.Certificate().Raw}), 0o600))
	for name, known := range map[string]string{"known": file, "unknown": ""} {
		i := start(t, allowLoopback, func(cfg *config.Config) { cfg.Fetch.ExtraCAFile = known })
		i.webApp(t, "app", byURI(inner.URL), credentialsOnly)
		app := &assertor{t: t, id: "app", audience: i.URL, key: key, now: i.clock.Now}
		i.wantClient(t, "an authority that is "+name, app.good(), known != "")
		if told := strings.Contains(i.log.String(), "certificate"); told != (known == "") {
			t.Errorf("%s: the log speaks of a certificate: %t", name, told)
		}
	}
}

// With the database failing, an assertion is neither used nor refused: 503.
func TestAssertionWithoutADatabase(t *testing.T) {
	i := start(t)
	app := i.assertor(t, "app", credentialsOnly)
	assertion := app.good()
	breakTables(t, &victim{issuer: i}, "client_assertions")
	a := i.token(t, assertion)
	a.wantRefused(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	if a.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
}

// What is promised is what is done.
func TestMetadataOfClientAuthentication(t *testing.T) {
	i := start(t)
	a := i.send(t, http.MethodGet, "/.well-known/openid-configuration", "", "", nil)
	for _, endpoint := range []string{"token", "introspection", "revocation"} {
		methods := fmt.Sprint(a.Body[endpoint+"_endpoint_auth_methods_supported"])
		if !strings.Contains(methods, clients.AuthMethodPrivateKeyJWT) {
			t.Errorf("%s: methods %s", endpoint, methods)
		}
		if algs := fmt.Sprint(a.Body[endpoint+"_endpoint_auth_signing_alg_values_supported"]); algs != "[RS256 PS256 ES256 EdDSA]" {
			t.Errorf("%s: algorithms %s", endpoint, algs)
		}
	}
}
