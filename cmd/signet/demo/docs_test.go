package demo

import (
	"crypto/rand"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"signet/clients"
)

// The programs in docs/ are complete: these tests take them from there and run
// them against an issuer, so that nobody copies what does not work.

func TestDocumentedApps(t *testing.T) {
	d := startDemo(t)
	for _, language := range []string{"go", "js"} {
		t.Run(language, func(t *testing.T) {
			address := freeAddress(t)
			secret := registerShop(t, d, "shop-"+language, "http://"+address)
			startExample(t, "connect-an-app.md", language, address, map[string]string{
				"http://127.0.0.1:9096":  d.Issuer,
				"http://127.0.0.1:8080":  "http://" + address,
				quoted(language, "shop"): quoted(language, "shop-"+language),
			}, "CLIENT_SECRET="+secret)
			b := newBrowser(t)
			p := b.press(b.open("http://"+address), "sign-in", nil)
			p = b.press(p, "sign-in", url.Values{"username": {d.Username}, "password": {d.Password}})
			p = b.press(p, "allow", nil)
			if got := p.textOf("hello"); got != "Hello, Ada Lovelace" {
				t.Fatalf("signed in, %s says %d: %s", p.url, p.status, p.text())
			}
			p = b.press(p, "sign-out", nil)
			if p.url.Host != address || p.find("sign-in") == nil {
				t.Fatalf("signed out, %s says: %s", p.url, p.text())
			}
			if p = b.press(p, "sign-in", nil); p.find("password") == nil {
				t.Errorf("after signing out the password is not asked again: %s", p.text())
			}
			for name, answer := range map[string]url.Values{
				"another state":  {"code": {"x"}, "state": {"x"}, "iss": {d.Issuer}},
				"another issuer": {"code": {"x"}, "state": {b.begin("http://" + address)}, "iss": {"https://issuer.example"}},
			} {
				if p := b.open("http://" + address + "/callback?" + answer.Encode()); p.status < 400 {
					t.Errorf("%s: %d %s", name, p.status, p.text())
				}
			}
		})
	}
}

func TestDocumentedAPIs(t *testing.T) {
	d, b := startDemo(t), newBrowser(t)
	b.signIn(d)
	const audience, scope = "https://api.example.com", "orders:read"
	tokens := map[string]string{
		"good":             serviceToken(t, d, "good", audience, scope),
		"another audience": serviceToken(t, d, "other-audience", "https://other.example", scope),
		"another scope":    serviceToken(t, d, "other-scope", audience, "orders:write"),
		"an ID token":      onlyUser(t, d).idToken,
		"none":             "",
	}
	tokens["one byte changed"] = changeByte(tokens["good"], len(tokens["good"])/2)
	// So that nothing but typ tells it apart, an ID token for the audience:
	// one whose client has the API's name.
	tokens["an ID token for the audience"] = idTokenFor(t, d, audience)
	want := map[string]struct {
		status    int
		challenge string
	}{
		"good":                         {http.StatusOK, ""},
		"another audience":             {http.StatusUnauthorized, `Bearer error="invalid_token"`},
		"another scope":                {http.StatusForbidden, `Bearer error="insufficient_scope", scope="orders:read"`},
		"an ID token":                  {http.StatusUnauthorized, `Bearer error="invalid_token"`},
		"an ID token for the audience": {http.StatusUnauthorized, `Bearer error="invalid_token"`},
		"one byte changed":             {http.StatusUnauthorized, `Bearer error="invalid_token"`},
		"none":                         {http.StatusUnauthorized, "Bearer"},
	}
	// golang is the program with our own package; readers copy that to a path of theirs.
	for _, language := range []string{"go", "golang", "js"} {
		t.Run(language, func(t *testing.T) {
			address := freeAddress(t)
			_, port, _ := net.SplitHostPort(address)
			change := map[string]string{"http://127.0.0.1:9096": d.Issuer, "8081": port}
			if language == "golang" {
				change["orders/verify"] = "signet/keys/verify"
			}
			startExample(t, "connect-an-api.md", language, address, change)
			for name, want := range want {
				status, challenge, body := fetch(t, "http://"+address+"/orders", tokens[name])
				if status != want.status || !strings.HasPrefix(challenge, want.challenge) || (want.challenge == "Bearer" && challenge != "Bearer") {
					t.Errorf("%s: %d, WWW-Authenticate: %s\n%s", name, status, challenge, body)
				}
			}
		})
	}
}

// quoted writes a word as the language does.
func quoted(language, word string) string {
	if language == "go" {
		return `"` + word + `"`
	}
	return `'` + word + `'`
}

// startExample takes the program in one language out of a guide, changes what
// has to differ here, and runs it until the test ends.
func startExample(t *testing.T, guide, language, address string, change map[string]string, environ ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", guide))
	if err != nil {
		t.Fatal(err)
	}
	_, program, found := strings.Cut(string(text), "\n```"+language+"\n")
	program, _, closed := strings.Cut(program, "\n```\n")
	if !found || !closed {
		t.Fatalf("%s has no program in %s", guide, language)
	}
	for old, replacement := range change {
		if !strings.Contains(program, old) {
			t.Fatalf("the program in %s has no %s", language, old)
		}
		program = strings.ReplaceAll(program, old, replacement)
	}
	cmd := prepare(t, language, program)
	cmd.Env = append(os.Environ(), environ...)
	said := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("the program said:\n%s", said)
		}
	})
	waitFor(t, address, ended)
}

// prepare builds a Go program, or finds what a Node one needs.
func prepare(t *testing.T, language, program string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	if language != "js" {
		source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "example")
		write(t, source, program)
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, source).CombinedOutput(); err != nil {
			t.Fatalf("the program does not build: %v\n%s", err, out)
		}
		return exec.CommandContext(t.Context(), binary)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "Node is not installed")
	}
	modules, err := filepath.Abs(filepath.Join("..", "..", "..", ".ci", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(modules); err != nil {
		missing(t, "the Node packages are not installed: npm ci --prefix .ci")
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "example.mjs"), program)
	return exec.CommandContext(t.Context(), node, filepath.Join(dir, "example.mjs"))
}

// missing skips what this machine cannot run, but never in CI.
func missing(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// waitFor waits until something listens at address.
func waitFor(t *testing.T, address string, ended <-chan struct{}) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatal("the program ended")
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("the program does not listen")
		}
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// registerShop makes the client that the guide makes, and returns its secret.
func registerShop(t *testing.T, d *Demo, id, address string) string {
	t.Helper()
	plain, secret, err := clients.NewSecret(rand.Reader, time.Now().UTC())
	if err != nil {
		t.Fatal(err)
	}
	err = d.issuer.Store.CreateClient(t.Context(), clients.Client{
		ID: id, Name: "The shop", Secrets: []clients.Secret{secret}, Source: clients.SourceCLI,
		RedirectURIs:           []string{address + "/callback"},
		PostLogoutRedirectURIs: []string{address + "/"},
		GrantTypes:             []string{clients.GrantAuthorizationCode, clients.GrantRefreshToken},
		Scopes:                 []string{"openid", "profile", "email", "offline_access", "orders:read"},
		Audiences:              []string{"https://api.example.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// idTokenFor is an ID token for the client with this id.
func idTokenFor(t *testing.T, d *Demo, id string) string {
	t.Helper()
	callback := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<p id="code">%s</p>`, html.EscapeString(r.FormValue("code")))
	}))
	defer callback.Close()
	oauth := d.app.oauth
	oauth.ClientID, oauth.ClientSecret = id, registerShop(t, d, id, callback.URL)
	oauth.RedirectURL, oauth.Scopes = callback.URL+"/callback", []string{"openid"}
	b := newBrowser(t)
	p := b.open(oauth.AuthCodeURL("a-state", oidc.Nonce("a-nonce")))
	p = b.press(p, "sign-in", url.Values{"username": {d.Username}, "password": {d.Password}})
	tokens, err := oauth.Exchange(t.Context(), b.press(p, "allow", nil).textOf("code"))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	return raw
}
