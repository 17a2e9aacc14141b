package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"signet/authz/storetest"
	"signet/cmd/signet/server"
)

// Two processes on one Postgres are one issuer: each request of a flow goes to
// the other one than the request before it.
func TestPostgresFlowOnTwoNodes(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"direct": storetest.Postgres, "pgbouncer": storetest.PgBouncer} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SIGNET_DATABASE", database(t))
			outliveSlowMachines(t)
			c := startCluster(t, 2)
			secret := c.registerApp("app")
			c.registerPerson("ada")
			i := &issuer{URL: c.URL}
			b := newBrowser(t)

			a := i.tokens(t, b, "ada", "app", secret)
			for range c.nodes {
				if seen := i.userinfo(t, a.str("access_token")); seen.Status != http.StatusOK {
					t.Errorf("userinfo: %d %s", seen.Status, seen.Raw)
				}
			}
			for range 4 {
				if a = i.refresh(t, "app", secret, a.str("refresh_token")); a.Status != http.StatusOK {
					t.Fatalf("refresh: %d %s", a.Status, a.Raw)
				}
			}
			raceForOneCode(t, i, b, secret)
			if revoked := i.post(t, "/oauth2/revoke", "app", secret, url.Values{"token": {a.str("refresh_token")}}); revoked.Status != http.StatusOK {
				t.Errorf("revoke: %d %s", revoked.Status, revoked.Raw)
			}
			for range 2 {
				if again := i.refresh(t, "app", secret, a.str("refresh_token")); again.str("error") != "invalid_grant" {
					t.Errorf("refresh after the revocation: %d %s", again.Status, again.Raw)
				}
				if seen := i.userinfo(t, a.str("access_token")); seen.Status != http.StatusUnauthorized {
					t.Errorf("userinfo after the revocation: %d %s", seen.Status, seen.Raw)
				}
			}
			// A stranger's NUL is not a failure of the database.
			if a := i.post(t, "/oauth2/token", "a\x00b", "x", url.Values{"grant_type": {"client_credentials"}}); a.Status != http.StatusUnauthorized {
				t.Errorf("a client id that Postgres cannot hold: %d %s", a.Status, a.Raw)
			}
			for _, n := range c.nodes {
				if log := n.cmd.Stderr.(*syncBuffer).String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "postgres://") {
					t.Errorf("the log of a node:\n%s", log)
				}
			}
		})
	}
}

// raceForOneCode redeems one code 20 times at once, on both nodes.
func raceForOneCode(t *testing.T, i *issuer, b *browser, secret string) {
	t.Helper()
	verifier, challenge := pkcePair(t)
	code := b.authorize(i.authorizeURL("app", map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}), "ada")
	var done sync.WaitGroup
	answers := make([]answer, 20)
	for n := range answers {
		done.Go(func() { answers[n] = i.exchange(t, "app", secret, code, verifier) })
	}
	done.Wait()
	won := 0
	for _, a := range answers {
		if a.Status == http.StatusOK {
			won++
		} else if a.str("error") != "invalid_grant" {
			t.Errorf("a loser got %d %s", a.Status, a.Raw)
		}
	}
	if won != 1 {
		t.Errorf("%d redemptions of one code won, want 1", won)
	}
}

// registerApp creates a confidential app by command, and returns its secret.
func (in *install) registerApp(id string) string {
	in.t.Helper()
	out, stderr, code := in.run("clients", "create", "--id", id, "--redirect-uri", testCallback,
		"--scope", "openid profile email offline_access", "--audience", testAPI, "--json")
	var made struct {
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(out), &made); err != nil || code != 0 {
		in.t.Fatalf("clients create: exit %d, %v\n%s%s", code, err, out, stderr)
	}
	return made.Secret
}

// registerPerson creates by command somebody who signs in with testPassword.
func (in *install) registerPerson(username string) {
	in.t.Helper()
	cmd := in.command("users", "create", "--username", username, "--email", username+"@example.test", "--password-stdin")
	cmd.Stdin = strings.NewReader(testPassword + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		in.t.Fatal(fmt.Errorf("users create: %w\n%s", err, out))
	}
}

// Nodes that are started at once on an empty database all serve.
func TestPostgresNodesStartAtOnce(t *testing.T) {
	t.Setenv("SIGNET_DATABASE", storetest.Postgres(t))
	in := newInstall(t)
	in.prepareStorm()
	type process struct {
		cmd    *exec.Cmd
		stdout io.Reader
	}
	var running []process
	for range 3 {
		n := *in
		n.port = freePort(t)
		cmd := n.command("serve", "--json")
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = &syncBuffer{}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		running = append(running, process{cmd, stdout})
	}
	for _, p := range running {
		var where server.Announcement
		if err := json.NewDecoder(p.stdout).Decode(&where); err != nil {
			t.Errorf("not ready: %v\n%s", err, p.cmd.Stderr.(*syncBuffer))
		}
	}
}
