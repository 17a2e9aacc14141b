package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"signet/authz/login"
	"signet/clients"
	"signet/cmd/signet/config"
	"signet/cmd/signet/server"
)

const (
	testPassword = "correct horse battery staple"
	testCallback = "https://app.example.test/callback"
	testAPI      = "https://api.example.test/"
)

// clock is the server's clock; tests move it instead of waiting.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// syncBuffer collects the server's log.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// queries counts the statements that the database gets.
type queries struct {
	mu            sync.Mutex
	reads, writes []string
}

func (q *queries) record(write bool, sql string) {
	// The sender of logout tokens looks for work in the background, and belongs to
	// no request.
	if !write && strings.Contains(sql, "MIN(next_at)") {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if write {
		q.writes = append(q.writes, sql)
	} else {
		q.reads = append(q.reads, sql)
	}
}

// take returns what was recorded since the last take.
func (q *queries) take() (reads, writes []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	reads, writes = q.reads, q.writes
	q.reads, q.writes = nil, nil
	return reads, writes
}

// issuer is a running server.
type issuer struct {
	*server.Server
	URL     string
	Dir     string
	clock   *clock
	log     *syncBuffer
	queries *queries
}

// start runs a server on a loopback port until the test ends.
func start(t testing.TB, configure ...func(*config.Config)) *issuer {
	t.Helper()
	return startWith(t, server.Options{}, configure...)
}

// startWith is start with options of its own; those of the harness stand above.
func startWith(t testing.TB, o server.Options, configure ...func(*config.Config)) *issuer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{URL: "http://" + ln.Addr().String(), Dir: t.TempDir(), clock: &clock{}, log: &syncBuffer{}, queries: &queries{}}
	cfg := config.Default()
	cfg.Issuer, cfg.Listen, cfg.DataDir = i.URL, ln.Addr().String(), i.Dir
	cfg.Database = "sqlite:" + filepath.Join(i.Dir, "signet.db")
	cfg.Scopes = map[string]string{"photos.read": "See your photos"}
	for _, change := range configure {
		change(cfg)
	}
	i.URL = cfg.Issuer
	log := slog.New(slog.NewJSONHandler(i.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Config, o.Logger, o.Now, o.OnQuery = cfg, log, i.clock.Now, i.queries.record
	i.Server, err = server.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- i.Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := i.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return i
}

// person creates someone who signs in with testPassword.
func (i *issuer) person(t testing.TB, username string) login.Person {
	t.Helper()
	p, err := i.Login.CreatePerson(t.Context(), login.NewPerson{
		Username: username, Email: username + "@example.test", EmailVerified: true, Password: testPassword,
		Profile: login.Profile{Name: strings.ToUpper(username[:1]) + username[1:] + " Example"}, Groups: []string{"staff"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// webApp registers a confidential third-party app, changed as asked, and
// returns its secret.
func (i *issuer) webApp(t testing.TB, id string, change ...func(*clients.Client)) string {
	t.Helper()
	plain, secret, err := clients.NewSecret(rand.Reader, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := clients.Client{
		ID: id, Name: "Photo Printer", Secrets: []clients.Secret{secret}, Source: clients.SourceCLI,
		RedirectURIs:           []string{testCallback},
		PostLogoutRedirectURIs: []string{"https://app.example.test/bye"},
		GrantTypes:             []string{clients.GrantAuthorizationCode, clients.GrantRefreshToken},
		Scopes:                 []string{"openid", "profile", "email", "offline_access", "photos.read"},
		Audiences:              []string{testAPI},
	}
	for _, f := range change {
		f(&c)
	}
	if c.Public() {
		c.Secrets = nil
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := i.Store.CreateClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return plain
}

// change changes a registered client.
func (i *issuer) change(t testing.TB, id string, f func(*clients.Client)) {
	t.Helper()
	if err := i.Store.UpdateClient(t.Context(), id, func(c *clients.Client) error { f(c); return nil }); err != nil {
		t.Fatal(err)
	}
}

func public(c *clients.Client) { c.TokenEndpointAuthMethod = clients.AuthMethodNone }

func firstParty(c *clients.Client) { c.FirstParty = true }

// pkcePair returns a verifier and its S256 challenge.
func pkcePair(t testing.TB) (verifier, challenge string) {
	t.Helper()
	verifier = rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	return verifier, base64.RawURLEncoding.EncodeToString(sum[:])
}

// authorizeURL is an authorization request with sensible parameters; change
// sets others, an empty value takes one out.
func (i *issuer) authorizeURL(clientID string, change map[string]string) string {
	q := url.Values{
		"client_id": {clientID}, "redirect_uri": {testCallback}, "response_type": {"code"},
		"scope": {"openid profile email offline_access"}, "state": {"a-state"}, "nonce": {"a-nonce"},
	}
	for k, v := range change {
		if v == "" {
			q.Del(k)
		} else {
			q.Set(k, v)
		}
	}
	return i.URL + "/oauth2/authorize?" + q.Encode()
}

// answer is the response of a JSON endpoint.
type answer struct {
	Status int
	Header http.Header
	Body   map[string]any
	Raw    string
}

func (a answer) str(name string) string { s, _ := a.Body[name].(string); return s }

// post sends a form to a back-channel endpoint; an empty secret makes it a
// public client's request.
func (i *issuer) post(t testing.TB, path, clientID, secret string, form url.Values) answer {
	t.Helper()
	form = maps.Clone(form)
	if secret == "" && clientID != "" {
		form.Set("client_id", clientID)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if secret != "" {
		req.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(secret))
	}
	return do(t, req)
}

func do(t testing.TB, req *http.Request) answer {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: resp.StatusCode, Header: resp.Header, Raw: string(raw)}
	if len(raw) > 0 && strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(raw, &a.Body); err != nil {
			t.Fatalf("%s: not JSON: %v\n%s", req.URL, err, raw)
		}
	}
	return a
}

// exchange redeems a code at the token endpoint.
func (i *issuer) exchange(t testing.TB, clientID, secret, code, verifier string) answer {
	t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {testCallback}}
	if verifier != "" {
		form.Set("code_verifier", verifier)
	}
	return i.post(t, "/oauth2/token", clientID, secret, form)
}

// refresh presents a refresh token.
func (i *issuer) refresh(t testing.TB, clientID, secret, token string) answer {
	t.Helper()
	return i.post(t, "/oauth2/token", clientID, secret, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// userinfo calls the userinfo endpoint with a token in the header.
func (i *issuer) userinfo(t testing.TB, token string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.URL+"/oauth2/userinfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return do(t, req)
}

// tokens signs a person in through the pages and redeems the code.
func (i *issuer) tokens(t testing.TB, b *browser, username, clientID, secret string) answer {
	t.Helper()
	verifier, challenge := pkcePair(t)
	code := b.authorize(i.authorizeURL(clientID, map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}), username)
	a := i.exchange(t, clientID, secret, code, verifier)
	if a.Status != http.StatusOK {
		t.Fatalf("exchange: %d %s", a.Status, a.Raw)
	}
	return a
}

// browser is a browser without scripts: cookies, forms, and redirects within
// one host.
type browser struct {
	t      testing.TB
	client *http.Client
}

func newBrowser(t testing.TB) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, client: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// page is what the browser shows, or the redirect that leaves the host.
type page struct {
	Status   int
	URL      *url.URL
	Header   http.Header
	Body     string
	Location *url.URL
	root     *html.Node
}

func (b *browser) get(target string) *page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, target, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.follow(req)
}

// follow sends req and follows redirects on the same host.
func (b *browser) follow(req *http.Request) *page {
	b.t.Helper()
	host := req.URL.Host
	for range 10 {
		resp, err := b.client.Do(req)
		if err != nil {
			b.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			b.t.Fatal(err)
		}
		p := &page{Status: resp.StatusCode, URL: req.URL, Header: resp.Header, Body: string(body)}
		p.root, _ = html.Parse(bytes.NewReader(body))
		location := resp.Header.Get("Location")
		if location == "" {
			return p
		}
		if p.Location, err = req.URL.Parse(location); err != nil {
			b.t.Fatal(err)
		}
		if p.Location.Host != host {
			return p
		}
		if req, err = http.NewRequestWithContext(b.t.Context(), http.MethodGet, p.Location.String(), nil); err != nil {
			b.t.Fatal(err)
		}
	}
	b.t.Fatal("too many redirects")
	return nil
}

// submit presses the button with this id, with the page's own fields and
// those of fill.
func (b *browser) submit(p *page, buttonID string, fill map[string]string) *page {
	b.t.Helper()
	return b.follow(b.submission(p, buttonID, fill))
}

// submission is the request that pressing a button would send.
func (b *browser) submission(p *page, buttonID string, fill map[string]string) *http.Request {
	b.t.Helper()
	button := p.byID(buttonID)
	if button == nil {
		b.t.Fatalf("no #%s on %s (%d):\n%s", buttonID, p.URL, p.Status, p.Body)
	}
	form := button.Parent
	for form != nil && form.Data != "form" {
		form = form.Parent
	}
	if form == nil {
		b.t.Fatalf("#%s stands in no form", buttonID)
	}
	values := url.Values{}
	for n := range form.Descendants() {
		if n.Data == "input" && attr(n, "name") != "" && attr(n, "type") != "checkbox" { // none is ticked at first
			values.Set(attr(n, "name"), attr(n, "value"))
		}
	}
	if name := attr(button, "name"); name != "" {
		values.Set(name, attr(button, "value"))
	}
	for k, v := range fill {
		values.Set(k, v)
	}
	action, err := p.URL.Parse(attr(form, "action"))
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, action.String(), strings.NewReader(values.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

// authorize goes through sign-in and consent, whichever is asked, and returns
// the code.
func (b *browser) authorize(target, username string) string {
	b.t.Helper()
	p := b.get(target)
	if p.byID("sign-in") != nil {
		p = b.submit(p, "sign-in", map[string]string{"username": username, "password": testPassword})
	}
	if p.byID("allow") != nil {
		p = b.submit(p, "allow", nil)
	}
	code := p.param("code")
	if code == "" {
		b.t.Fatalf("no code: %d %v\n%s", p.Status, p.Location, p.Body)
	}
	return code
}

// param is a parameter of the redirect that left the host.
func (p *page) param(name string) string {
	if p.Location == nil {
		return ""
	}
	return p.Location.Query().Get(name)
}

func (p *page) byID(id string) *html.Node {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && attr(n, "id") == id {
			return n
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// flip returns another character of the base64url alphabet that differs in
// the lowest bit of its value: the change that is hardest to notice.
func flip(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if n := strings.IndexByte(alphabet, c); n >= 0 {
		return alphabet[n^1 : n^1+1]
	}
	return "A"
}

// missing skips a test that this machine cannot run, and fails it where
// nothing may be skipped.
func missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}
