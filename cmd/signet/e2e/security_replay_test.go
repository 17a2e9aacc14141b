package e2e

import (
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"signet/authz/storetest"
	"signet/clients"
)

// The same assertion on two nodes, in sequence and at once, on either database.
func TestAssertionReplayOnTwoNodes(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		i := start(t)
		app := i.assertor(t, "app", credentialsOnly)
		raceForAssertion(t, app, i, i.node(t))
	})
	t.Run("postgres", func(t *testing.T) {
		database := storetest.Postgres(t)
		t.Setenv("SIGNET_DATABASE", database)
		outliveSlowMachines(t)
		c := startCluster(t, 2)
		app := assertorIn(t, c.install, database)
		var nodes []*issuer
		for _, n := range c.nodes {
			nodes = append(nodes, &issuer{URL: "http://127.0.0.1:" + n.port})
		}
		raceForAssertion(t, app, nodes...)
	})
}

// assertorIn registers an app in the database of processes.
func assertorIn(t *testing.T, in *install, database string) *assertor {
	t.Helper()
	st := openStore(t, database)
	key := newClientKey(t, "ES256", "k")
	c := clients.Client{ID: "signer", Name: "Signer", Source: clients.SourceCLI, Audiences: []string{testAPI}}
	credentialsOnly(&c)
	signsAssertions(t, key)(&c)
	must(t, c.Validate())
	must(t, st.CreateClient(t.Context(), c))
	return &assertor{t: t, id: "signer", audience: in.URL, key: key, now: time.Now}
}

// raceForAssertion sends assertions to all nodes: each is taken once.
func raceForAssertion(t *testing.T, app *assertor, nodes ...*issuer) {
	t.Helper()
	assertion := app.good()
	nodes[0].wantClient(t, "an assertion", assertion, true)
	for k, n := range append(nodes, nodes[0]) {
		n.wantClient(t, "again, at node "+nodes[k%len(nodes)].URL, assertion, false)
	}
	assertion = app.good()
	var done sync.WaitGroup
	answers := make([]answer, 50)
	for n := range answers {
		done.Go(func() { answers[n] = nodes[n%len(nodes)].token(t, assertion) })
	}
	done.Wait()
	won := 0
	for _, a := range answers {
		if a.Status == http.StatusOK {
			won++
			continue
		}
		a.wantRefused(t, http.StatusUnauthorized, "invalid_client")
	}
	if won != 1 {
		t.Errorf("%d of 50 uses of one assertion were taken, want 1", won)
	}
}

// What was used before a restart is used after it.
func TestAssertionReplayAfterRestart(t *testing.T) {
	in := newInstall(t)
	_, stop := in.serve()
	app := assertorIn(t, in, "sqlite:"+filepath.Join(in.dir, "data", "signet.db"))
	i := &issuer{URL: in.URL}
	assertion := app.good()
	i.wantClient(t, "an assertion", assertion, true)
	stop()
	in.serve()
	i.wantClient(t, "again, after a restart", assertion, false)
	i.wantClient(t, "a fresh one", app.good(), true)
}
