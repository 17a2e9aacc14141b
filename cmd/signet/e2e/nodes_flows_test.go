package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"signet/authz/storetest"
)

// The whole of it:
//
//	go test ./cmd/signet/e2e -run TestFlowsOnThreeNodes -v -timeout 30m -flows 1000
var flows = flag.Int("flows", 30, "how many flows go through three nodes in a test")

const (
	flowWorkers = 6
	// flowsBySession is how many flows share one sign-in, which costs a password
	// hash.
	flowsBySession = 10
)

// TestFlowsOnThreeNodes: three nodes on one Postgres behind a proxy that sends
// every request to another one than the request before. Each step of a flow is
// on another node; sessions, codes, tokens, keys and revocations are good on
// all, also while one node at a time is killed and started again.
func TestFlowsOnThreeNodes(t *testing.T) {
	t.Setenv("SIGNET_DATABASE", storetest.Postgres(t))
	outliveSlowMachines(t)
	c := startCluster(t, 3)
	c.registerPerson("ada")
	f := &nodeFlows{t: t, c: c, i: &issuer{URL: c.URL}, secret: c.registerApp("app")}
	f.left.Store(int64(*flows))

	var workers sync.WaitGroup
	for range flowWorkers {
		workers.Go(f.work)
	}
	over := make(chan struct{})
	go func() { workers.Wait(); close(over) }()
	kills := 0
	for victim := 0; ; victim++ {
		select {
		case <-over:
			t.Logf("%d flows, each request on another node; %d kills; %d flows begun anew because a node died with the answer to a code",
				f.done.Load(), kills, f.anew.Load())
			if f.done.Load() != int64(*flows) && !t.Failed() {
				t.Errorf("%d of %d flows were done", f.done.Load(), *flows)
			}
			return
		case <-time.After(500 * time.Millisecond):
		}
		n := c.nodes[victim%len(c.nodes)]
		n.kill()
		f.killed.Add(1)
		kills++
		time.Sleep(100 * time.Millisecond) // the others do the work
		n.start()
	}
}

// outliveSlowMachines has tokens live longer than in a storm, and their keys with
// them: a flow may take its time.
func outliveSlowMachines(t *testing.T) {
	t.Setenv("SIGNET_TOKENS_ACCESS_TTL", "10m")
	t.Setenv("SIGNET_TOKENS_ID_TTL", "10m")
	t.Setenv("SIGNET_KEYS_KEEP_FOR", "11m")
}

// nodeFlows are flows of apps through a cluster.
type nodeFlows struct {
	t                        *testing.T
	c                        *cluster
	i                        *issuer
	secret                   string
	left, done, anew, killed atomic.Int64
}

func (f *nodeFlows) work() {
	provider, err := oidc.NewProvider(f.t.Context(), f.c.URL)
	if err != nil {
		f.t.Error(err)
		return
	}
	var b *browser
	for n := 0; f.left.Add(-1) >= 0 && !f.t.Failed(); n++ {
		if n%flowsBySession == 0 {
			b = newBrowser(f.t)
		}
		for !f.flow(provider, b) && !f.t.Failed() {
			f.anew.Add(1)
		}
		f.done.Add(1)
	}
}

// flow goes once through everything that an app does. It returns false when the
// answer to its code was lost with a node, and the app has to begin anew.
func (f *nodeFlows) flow(provider *oidc.Provider, b *browser) bool {
	ctx := f.t.Context()
	app := oauth2.Config{
		ClientID: "app", ClientSecret: f.secret, Endpoint: provider.Endpoint(), RedirectURL: testCallback,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess},
	}
	verifier := oauth2.GenerateVerifier()
	p := b.get(app.AuthCodeURL("state", oidc.Nonce("nonce"), oauth2.S256ChallengeOption(verifier)))
	if p.byID("sign-in") != nil {
		p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
	}
	if p.byID("allow") != nil {
		p = b.submit(p, "allow", nil)
	}
	if p.param("code") == "" {
		f.t.Errorf("no code: %d %s", p.Status, p.Body)
		return true
	}
	before := f.killed.Load()
	token, err := app.Exchange(ctx, p.param("code"), oauth2.VerifierOption(verifier))
	// The proxy has asked another node, which finds the code spent: nothing else
	// may go wrong with it.
	if lost := (*oauth2.RetrieveError)(nil); errors.As(err, &lost) && lost.ErrorCode == "invalid_grant" && f.killed.Load() != before {
		return false
	}
	if err == nil {
		err = f.use(ctx, provider, &app, token)
	}
	if err != nil {
		f.t.Error(err)
	}
	return true
}

// use verifies the tokens, asks for userinfo, refreshes, and revokes.
func (f *nodeFlows) use(ctx context.Context, provider *oidc.Provider, app *oauth2.Config, token *oauth2.Token) error {
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: "app"}).Verify(ctx, raw)
	if err != nil {
		return fmt.Errorf("ID token: %w", err)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		return fmt.Errorf("at_hash: %w", err)
	}
	for range 3 {
		person, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil || person.Subject != id.Subject {
			return fmt.Errorf("userinfo: %+v, %w", person, err)
		}
		token.Expiry = time.Now().Add(-time.Minute) // so that the library refreshes
		if token, err = app.TokenSource(ctx, token).Token(); err != nil {
			return fmt.Errorf("refresh: %w", err)
		}
	}
	if a := f.i.post(f.t, "/oauth2/revoke", "app", f.secret, url.Values{"token": {token.RefreshToken}}); a.Status != http.StatusOK {
		return fmt.Errorf("revoke: %d %s", a.Status, a.Raw)
	}
	for range len(f.c.nodes) { // on every node
		if a := f.i.introspect(f.t, "app", f.secret, token.AccessToken); a.Body["active"] != false {
			return fmt.Errorf("a revoked token: %d %s", a.Status, a.Raw)
		}
	}
	return nil
}
