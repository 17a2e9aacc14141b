package e2e

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/cmd/signet/config"
)

func page200(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(body))
	}
}

// wantRefusedDocument: a page that says what is wrong with the document, a log
// line with what was expected, and nothing stored.
func (i *issuer) wantRefusedDocument(t *testing.T, id, words string) {
	t.Helper()
	_, challenge := pkcePair(t)
	p := newBrowser(t).get(i.documentURL(id, challenge, nil))
	p.wantErrorPage(t)
	if text := strings.ReplaceAll(p.Body, "&#39;", "'"); !strings.Contains(text, words) {
		t.Errorf("the page does not say %q:\n%s", words, p.Body)
	}
	if log := i.log.String(); !strings.Contains(log, `"expected":`) {
		t.Errorf("the log does not say what was expected:\n%s", log)
	}
	if n := i.stored(t); n != 0 {
		t.Errorf("%d clients are stored", n)
	}
}

// Hostile and broken documents (SECURITY: SSRF and hostile metadata).
func TestHostileClientDocuments(t *testing.T) {
	host := newDocumentHost(t)
	good := func(path string) string {
		return fmt.Sprintf(`{"client_id": %q, "redirect_uris": [%q]`, host.URL+path, testCallback)
	}
	for name, c := range map[string]struct {
		change map[string]any
		page   http.HandlerFunc
		words  string
	}{
		"another client_id":     {change: map[string]any{"client_id": "https://app.example.test/client.json"}, words: "its client_id is not the very address"},
		"no client_id":          {change: map[string]any{"client_id": nil}, words: "its client_id is not the very address"},
		"client_id of a list":   {change: map[string]any{"client_id": []string{host.URL}}, words: "its client_id is not the very address"},
		"a secret":              {change: map[string]any{"client_secret": "hunter2"}, words: "it has a client_secret"},
		"a secret that expires": {change: map[string]any{"client_secret_expires_at": 0}, words: "it has a client_secret_expires_at"},
		"secret authentication": {change: map[string]any{"token_endpoint_auth_method": "client_secret_basic"}, words: "token_endpoint_auth_method"},
		"secret in the body":    {change: map[string]any{"token_endpoint_auth_method": "client_secret_post"}, words: "token_endpoint_auth_method"},
		"a private key": {change: map[string]any{"jwks": map[string]any{"keys": []any{map[string]any{"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "d": "d"}}}},
			words: "not public"},
		"a symmetric key":      {change: map[string]any{"jwks": map[string]any{"keys": []any{map[string]any{"kty": "oct", "k": "aaaa"}}}}, words: "not public"},
		"no redirect URIs":     {change: map[string]any{"redirect_uris": nil}, words: "redirect_uris"},
		"javascript redirect":  {change: map[string]any{"redirect_uris": []string{testCallback, "javascript:alert(1)"}}, words: "redirect_uris"},
		"data redirect":        {change: map[string]any{"redirect_uris": []string{"data:text/html,x"}}, words: "redirect_uris"},
		"http redirect":        {change: map[string]any{"redirect_uris": []string{"http://app.example.test/callback"}}, words: "redirect_uris"},
		"wildcard redirect":    {change: map[string]any{"redirect_uris": []string{"https://*.example.test/callback"}}, words: "redirect_uris"},
		"javascript logo":      {change: map[string]any{"logo_uri": "javascript:alert(1)"}, words: "logo_uri"},
		"javascript policy":    {change: map[string]any{"policy_uri": "javascript:alert(1)"}, words: "policy_uri"},
		"no code grant":        {change: map[string]any{"grant_types": []string{"client_credentials"}}, words: "grant_types"},
		"a name that turns":    {change: map[string]any{"client_name": "Bank\u202egpj.exe"}, words: "client_name"},
		"an unknown algorithm": {change: map[string]any{"id_token_signed_response_alg": "EdDSA"}, words: "id_token_signed_response_alg"},

		"404": {page: http.NotFound, words: "the status 404"},
		"500": {page: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) }, words: "the status 500"},
		"201": {page: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(201)
			fmt.Fprint(w, good("/201")+"}")
		}, words: "the status 201"},
		"redirect":                  {page: http.RedirectHandler("/elsewhere", http.StatusFound).ServeHTTP, words: "redirects are not followed"},
		"html":                      {page: page200("text/html", "<p>hello</p>"), words: "content type is not application/json"},
		"plain text":                {page: page200("text/plain", good("/plain_text")+"}"), words: "content type is not application/json"},
		"html that says it is JSON": {page: page200("application/json", "<p>hello</p>"), words: "must be one JSON object"},
		"a list":                    {page: page200("application/json", "[]"), words: "must be one JSON object"},
		"two objects":               {page: page200("application/json", "{}{}"), words: "must be one JSON object"},
		"cut off":                   {page: page200("application/json", good("/cut_off")), words: "must be one JSON object"},
		"a member twice":            {page: page200("application/json", good("/a_member_twice")+`, "redirect_uris": ["https://evil.test/"]}`), words: "is given twice"},
		"huge":                      {page: page200("application/json", good("/huge")+`, "x": "`+strings.Repeat("x", 11<<10)+`"}`), words: "larger than 10240 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := "/" + strings.ReplaceAll(name, " ", "_")
			id := host.URL + path
			if c.page != nil {
				host.serve(path, c.page)
			} else {
				host.publish(path, c.change)
			}
			// The limit for one address must not stand in for the reason.
			own := start(t, host.trusted)
			own.wantRefusedDocument(t, id, c.words)
		})
	}
	host.serve("/elsewhere", func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
}

// A host that never ends its answer holds nobody for longer than a fetch may
// take.
func TestSlowClientDocument(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted)
	over := make(chan struct{})
	id := host.serve("/slow", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{"))
		w.(http.Flusher).Flush()
		select {
		case <-over:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(over) })
	began := time.Now()
	i.wantRefusedDocument(t, id, "could not be reached")
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}

// Addresses that are not public, by number and by name, are not asked.
func TestClientDocumentsAtPrivateAddresses(t *testing.T) {
	host := newDocumentHost(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(host.URL, "https://"), ":")
	i := start(t, func(c *config.Config) { c.Fetch.ExtraCAFile = host.caFile })
	for _, id := range []string{
		host.URL + "/client.json", "https://localhost:" + port + "/client.json", "https://[::1]:" + port + "/client.json",
		"https://[::ffff:127.0.0.1]:" + port + "/client.json", "https://0.0.0.0:" + port + "/client.json",
		"https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/client.json", "https://192.168.0.1/client.json",
	} {
		t.Run(id, func(t *testing.T) { i.wantRefusedDocument(t, id, "not at a public address") })
	}
	if n := host.fetches(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// A client_id that is no address of a document.
func TestMalformedClientDocumentURLs(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted)
	for id, words := range map[string]string{
		host.URL:                                  "must have a path",
		host.URL + "/a/../client.json":            "must not have . or ..",
		host.URL + "/client.json?x=1":             "must not have a query",
		host.URL + "/client.json#x":               "must not have a fragment",
		"https://u@127.0.0.1/c":                   "must not have a user name",
		host.URL + "/" + strings.Repeat("a", 200): "must not be longer",
		"http" + strings.TrimPrefix(host.URL, "https") + "/client.json": "No app is registered",
	} {
		t.Run(words, func(t *testing.T) { i.wantRefusedDocument(t, id, words) })
	}
	if n := host.fetches(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// The operator's lists, before and after a person has allowed an app.
func TestClientDocumentHosts(t *testing.T) {
	host := newDocumentHost(t)
	id := host.publish("/client.json", nil)
	for name, configure := range map[string]func(*config.Config){
		"denied":      func(c *config.Config) { c.ClientDocuments.DenyHosts = []string{"127.0.0.1"} },
		"not allowed": func(c *config.Config) { c.ClientDocuments.AllowHosts = []string{"app.example.com", "*.example.com"} },
		"both": func(c *config.Config) {
			c.ClientDocuments.AllowHosts, c.ClientDocuments.DenyHosts = []string{"127.0.0.1"}, []string{"127.0.0.1"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := start(t, host.trusted, configure)
			i.wantRefusedDocument(t, id, "does not take apps from 127.0.0.1")
		})
	}
	if n := host.fetches(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
	t.Run("allowed", func(t *testing.T) {
		i := start(t, host.trusted, func(c *config.Config) { c.ClientDocuments.AllowHosts = []string{"127.0.0.1"} })
		i.person(t, "ada")
		tokens := i.signInTo(t, newBrowser(t), "ada", id, nil)
		later := start(t, host.trusted, func(c *config.Config) {
			c.DataDir, c.Database = i.Dir, "sqlite:"+filepath.Join(i.Dir, "signet.db")
			c.ClientDocuments.DenyHosts = []string{"127.0.0.1"}
		})
		later.refresh(t, id, "", tokens.str("refresh_token")).wantRefused(t, http.StatusUnauthorized, "invalid_client")
	})
}

// Whatever the document says, the app gets what the operator lets such apps
// have, and the redirect goes nowhere else.
func TestClientDocumentAsksForMore(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted, func(c *config.Config) { c.Registration.Audiences = []string{testAPI} })
	i.person(t, "ada")
	id := host.publish("/client.json", map[string]any{
		"scope": "openid offline_access signet:write photos.read", "audiences": []string{"https://bank.example.test/"},
		"first_party": true, "consent": "skip", "require_pkce": false, "introspection": "any", "allowed_origins": []string{"https://evil.test"},
	})
	_, challenge := pkcePair(t)
	ada := newBrowser(t)
	for _, scope := range []string{"openid signet:write", "openid photos.read", "openid profile"} {
		ada.get(i.documentURL(id, challenge, map[string]string{"scope": scope})).wantErrorRedirect(t, i.URL, testCallback, "invalid_scope", "a-state")
	}
	ada.get(i.documentURL(id, challenge, map[string]string{"scope": "openid", "resource": "https://bank.example.test/"})).
		wantErrorRedirect(t, i.URL, testCallback, "invalid_target", "a-state")
	ada.get(i.documentURL(id, "", map[string]string{"scope": "openid", "code_challenge_method": ""})).
		wantErrorRedirect(t, i.URL, testCallback, "invalid_request", "a-state")
	for _, uri := range []string{"https://evil.test/callback", testCallback + "/x", "http://localhost.evil.test/callback"} {
		ada.get(i.documentURL(id, challenge, map[string]string{"redirect_uri": uri})).wantErrorPage(t)
	}
	if n := i.stored(t); n != 0 {
		t.Errorf("%d clients are stored", n)
	}
	i.signInTo(t, ada, "ada", id, map[string]string{"scope": "openid"})
	c := i.storedDocument(t, id)
	if c.FirstParty || c.RequirePKCE != nil || c.Introspection != "" || len(c.AllowedOrigins) > 0 || c.ScopeAllowed("signet:write") {
		t.Errorf("stored as %+v", c)
	}
}

// A thousand client_ids store nothing and cause few fetches; one bad address is
// asked once; apps that people use go on meanwhile. The token endpoint fetches
// for nobody.
func TestFloodOfClientDocuments(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted)
	i.person(t, "ada")
	ada := newBrowser(t)
	known := host.publish("/known.json", nil)
	tokens := i.signInTo(t, ada, "ada", known, nil)
	before, fetched := i.stored(t), host.fetches()

	_, challenge := pkcePair(t)
	busy := 0
	for n := range 1000 {
		path := fmt.Sprintf("/flood/%d", n)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.documentURL(host.publish(path, nil), challenge, nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		if a := do(t, req); a.Status == http.StatusServiceUnavailable {
			busy++
		}
	}
	// A test that is slow enough sees a few minutes begin.
	caused := host.fetches() - fetched
	if caused == 0 || caused > 200 || busy+caused != 1000 {
		t.Errorf("1000 client_ids caused %d fetches, %d were told to come again", caused, busy)
	}
	if n := i.stored(t); n != before {
		t.Errorf("%d clients are stored, %d before", n, before)
	}
	t.Logf("1000 client_ids: %d fetches, %d answers 503, nothing stored", caused, busy)

	i.clock.Advance(11 * time.Minute)
	if a := i.refresh(t, known, "", tokens.str("refresh_token")); a.Status != http.StatusOK {
		t.Errorf("an app that is in use: %d %s", a.Status, a.Raw)
	}
	if p := ada.get(i.documentURL(known, challenge, nil)); p.byID("allow") == nil {
		t.Errorf("an app that is in use: %d\n%s", p.Status, p.Body)
	}
	for range 5 {
		ada.get(i.documentURL(host.URL+"/missing.json", challenge, nil)).wantErrorPage(t)
	}
	if n := host.fetches("/missing.json"); n != 1 {
		t.Errorf("a bad address was asked %d times", n)
	}
	fetched = host.fetches()
	i.post(t, "/oauth2/token", host.publish("/stranger.json", nil), "", url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}).
		wantRefused(t, http.StatusUnauthorized, "invalid_client")
	if host.fetches() != fetched {
		t.Error("the token endpoint has fetched a stranger's document")
	}
}

// Requests for one document at the same time share one fetch.
func TestClientDocumentIsFetchedOnce(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted, func(c *config.Config) {
		c.Fetch.AllowNetworks = append(c.Fetch.AllowNetworks, netip.MustParsePrefix("::1/128"))
	})
	arrived, release := make(chan struct{}), make(chan struct{})
	host.publish("/client.json", nil)
	host.mu.Lock()
	page := host.pages["/client.json"]
	host.mu.Unlock()
	id := host.serve("/client.json", func(w http.ResponseWriter, r *http.Request) {
		close(arrived) // twice would panic
		<-release
		page(w, r)
	})
	_, challenge := pkcePair(t)
	target := i.documentURL(id, challenge, nil)
	statuses := make(chan int)
	ask := func() {
		resp, err := http.DefaultTransport.RoundTrip(mustRequest(t, target))
		if err != nil {
			statuses <- 0
			return
		}
		resp.Body.Close()
		statuses <- resp.StatusCode
	}
	go ask()
	<-arrived
	for range 9 {
		go ask()
	}
	close(release)
	for range 10 {
		if s := <-statuses; s != http.StatusSeeOther {
			t.Errorf("status %d", s)
		}
	}
	if n := host.fetches("/client.json"); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func mustRequest(t testing.TB, target string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}
