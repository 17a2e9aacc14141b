package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// freePort is a port that nothing listens on.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// lockedBuffer may be read while a server writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestCommandsWorkWhileTheServerRuns(t *testing.T) {
	port := freePort(t)
	issuer := fmt.Sprintf("http://127.0.0.1:%d", port)
	c := newCLI(t, fmt.Sprintf("issuer: %s\nlisten: 127.0.0.1:%d\n", issuer, port))
	var out, log lockedBuffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &log, now: time.Now}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan int, 1)
	go func() { done <- run(ctx, a, []string{"serve", "--config", c.dir + "/config.yaml"}) }()
	defer stop()
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(issuer + "/.well-known/jwks.json")
		if err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK {
			break
		}
		if time.Since(start) > 30*time.Second {
			t.Fatalf("the server does not answer: %v\n%s%s", err, out.String(), log.String())
		}
	}
	for _, said := range []string{issuer + "\n", issuer + "/.well-known/openid-configuration\n", issuer + "/.well-known/jwks.json\n", issuer + "/setup/"} {
		if !strings.Contains(out.String(), said) {
			t.Errorf("the server does not say %s:\n%s", said, out.String())
		}
	}
	c.refused(fmt.Sprintf("signet: cannot listen on 127.0.0.1:%d: another process has this port; stop it, or set listen (SIGNET_LISTEN) to another", port), "serve")

	c.stdin = "correct horse battery"
	c.object("users", "create", "--username", "ada", "--password-stdin")
	made := c.object("clients", "create", "--id", "job")
	form := strings.NewReader("grant_type=client_credentials&client_id=job&client_secret=" + made["client_secret"].(string))
	resp, err := http.Post(issuer+"/oauth2/token", "application/x-www-form-urlencoded", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer bytes.Buffer
	answer.ReadFrom(resp.Body)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if c.decode(answer.String(), &token); token.AccessToken == "" {
		t.Fatalf("no token for a client made beside the server: %s", answer.String())
	}
	for _, more := range [][]string{nil, {"--jwks", issuer + "/.well-known/jwks.json"}} {
		if got := c.object(append([]string{"token", "inspect", token.AccessToken}, more...)...); got["valid"] != true {
			t.Errorf("got %v", got)
		}
	}

	stop()
	if code := <-done; code != exitDone {
		t.Errorf("a server that was told to stop exits with %d:\n%s", code, log.String())
	}
	if secret := made["client_secret"].(string); strings.Contains(log.String(), secret) || strings.Contains(log.String(), token.AccessToken) {
		t.Error("a secret or a token is in the log")
	}
}
