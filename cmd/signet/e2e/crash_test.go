package e2e

import (
	"encoding/json"
	"flag"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/authz/storetest"
)

// The whole of it:
//
//	go test ./cmd/signet/e2e -run TestCrash -v -timeout 30m -kills 100
var kills = flag.Int("kills", 5, "how often the server is killed in a crash test")

// crashApps is how many apps are at work when the server dies.
const crashApps = 6

// TestCrash kills the server with -9, again and again, while apps exchange
// codes and refresh; and, every third time, the database. Whatever was answered
// 200 is honoured afterwards; what was cut off can be tried again, and signs
// nobody out; nothing is redeemed twice; and the database opens each time.
func TestCrash(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		in := newInstall(t)
		crash(t, in, nil)
		var verdict string
		if err := in.openDatabase().QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
			t.Errorf("the database: %q, %v", verdict, err)
		}
	})
	t.Run("Postgres", func(t *testing.T) {
		database := storetest.NewCrashingPostgres(t)
		t.Setenv("SIGNET_DATABASE", database.URL)
		crash(t, newInstall(t), database.Crash)
	})
}

// crash has apps at work while their server, and the database if it can, dies
// and comes back.
func crash(t *testing.T, in *install, crashDatabase func()) {
	c := newCrash(t, in)
	c.databaseDies = crashDatabase != nil
	var server *exec.Cmd
	server, _ = in.launch()
	c.signIn()
	for range crashApps {
		c.apps.Go(c.app)
	}
	for k := range *kills {
		// Somewhere in the work: how far it is, is up to the machine.
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
		if err := server.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = server.Wait()
		if crashDatabase != nil && k%3 == 0 {
			crashDatabase()
		}
		before := c.done.Load()
		server, _ = in.launch()
		c.await(before + crashApps) // it works again
		if crashDatabase != nil && k%3 == 1 {
			crashDatabase() // beneath a server that runs
		}
		if t.Failed() {
			break
		}
	}
	close(c.stop)
	c.apps.Wait()
	c.replayAll()
	t.Logf("%d kills; %d codes redeemed and %d refreshes answered, %d requests cut off, of which %d were refreshes that got their answer later; %d codes whose answer was lost",
		*kills, len(c.redeemed), c.refreshed.Load(), c.cut.Load(), c.resumed.Load(), c.lost.Load())
}

// crashTest is what apps do while the server comes and goes.
type crashTest struct {
	// databaseDies says that the database may be away beneath a server that runs:
	// then, and only then, "try again later" is an answer that is allowed.
	databaseDies bool

	t      *testing.T
	i      *issuer
	in     *install
	secret string
	jar    *browser
	stop   chan struct{}
	apps   sync.WaitGroup

	done, refreshed, cut, resumed, lost atomic.Int64

	mu       sync.Mutex
	redeemed []string // codes that were answered 200
}

func newCrash(t *testing.T, in *install) *crashTest {
	t.Helper()
	c := &crashTest{t: t, in: in, i: &issuer{URL: in.URL}, stop: make(chan struct{}), jar: newBrowser(t)}
	cmd := in.command("users", "create", "--username", "ada", "--password-stdin")
	cmd.Stdin = strings.NewReader(testPassword + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, stderr, code := in.run("clients", "create", "--id", "app", "--redirect-uri", testCallback, "--first-party", "--json")
	var client struct {
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(out), &client); err != nil || code != 0 {
		t.Fatal(err, stderr)
	}
	c.secret = client.Secret
	return c
}

// signIn makes the session that all apps share.
func (c *crashTest) signIn() { c.jar.authorize(c.i.authorizeURL("app", nil), "ada") }

// await waits until the apps have got so many answers.
func (c *crashTest) await(answers int64) {
	c.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for c.done.Load() < answers && !c.t.Failed() {
		if time.Now().After(deadline) {
			c.t.Fatalf("no answers for a minute after the server came back")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (c *crashTest) over() bool {
	select {
	case <-c.stop:
		return true
	default:
		return c.t.Failed()
	}
}

// app gets a code, redeems it, and refreshes a few times; over and over.
func (c *crashTest) app() {
	client := &http.Client{Jar: c.jar.client.Jar, CheckRedirect: c.jar.client.CheckRedirect, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for !c.over() {
		code := c.authorize(client)
		if code == "" {
			continue
		}
		a, ok := c.redeem(client, code)
		for n := 0; ok && n < 8 && !c.over(); n++ {
			a, ok = c.refresh(client, a.str("refresh_token"))
		}
	}
}

// authorize gets a code by the session, without a page.
func (c *crashTest) authorize(client *http.Client) string {
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.i.authorizeURL("app", nil), nil)
	if err != nil {
		c.t.Error(err)
		return ""
	}
	a, answered := c.send(client, req)
	if !answered {
		return ""
	}
	location, err := url.Parse(a.Header.Get("Location"))
	if err == nil && c.databaseDies && location.Query().Get("error") == "server_error" {
		c.cut.Add(1)
		return ""
	}
	if err != nil || location.Query().Get("code") == "" {
		c.t.Errorf("authorize: %d %s %s", a.Status, location, a.Raw)
		return ""
	}
	return location.Query().Get("code")
}

// redeem exchanges a code. If the answer does not come, trying again finds the
// code unspent, or spent for an answer that was lost: then the app has to start
// over, and nobody has tokens.
func (c *crashTest) redeem(client *http.Client, code string) (answer, bool) {
	for tries := 0; !c.over(); tries++ {
		a, answered := c.post(client, redeemForm(code))
		switch {
		case !answered:
		case a.Status == http.StatusOK:
			c.mu.Lock()
			c.redeemed = append(c.redeemed, code)
			c.mu.Unlock()
			return a, true
		case tries > 0 && a.str("error") == "invalid_grant":
			c.lost.Add(1)
			return a, false
		default:
			c.t.Errorf("a fresh code: %d %s", a.Status, a.Raw)
			return a, false
		}
	}
	return answer{}, false
}

// refresh refreshes until it is answered: a crash signs nobody out.
func (c *crashTest) refresh(client *http.Client, token string) (answer, bool) {
	for tries := 0; !c.over(); tries++ {
		a, answered := c.post(client, refreshForm(token))
		if !answered {
			continue
		}
		if a.Status != http.StatusOK {
			c.t.Errorf("a refresh token that was answered 200, after %d requests were cut off: %d %s", tries, a.Status, a.Raw)
			return a, false
		}
		c.refreshed.Add(1)
		if tries > 0 {
			c.resumed.Add(1)
		}
		return a, true
	}
	return answer{}, false
}

func (c *crashTest) post(client *http.Client, form url.Values) (answer, bool) {
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.i.URL+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Error(err)
		return answer{}, false
	}
	req.Header.Set("Content-Type", formType)
	req.SetBasicAuth("app", c.secret)
	return c.send(client, req)
}

// send returns false when the server died before it had answered in full, or
// had no database.
func (c *crashTest) send(client *http.Client, req *http.Request) (answer, bool) {
	resp, err := client.Do(req)
	if err == nil {
		defer resp.Body.Close()
		var body []byte
		away := c.databaseDies && resp.StatusCode >= http.StatusInternalServerError
		if body, err = io.ReadAll(resp.Body); err == nil && !away {
			a := answer{Status: resp.StatusCode, Header: resp.Header, Raw: string(body)}
			_ = json.Unmarshal(body, &a.Body) // authorize answers with a redirect
			c.done.Add(1)
			return a, true
		}
	}
	c.cut.Add(1)
	time.Sleep(20 * time.Millisecond) // while it is down, it refuses at once
	return answer{}, false
}

// replayAll presents every code again that was answered 200.
func (c *crashTest) replayAll() {
	c.t.Helper()
	client := &http.Client{}
	defer client.CloseIdleConnections()
	for _, code := range c.redeemed {
		a, answered := c.post(client, redeemForm(code))
		for deadline := time.Now().Add(time.Minute); !answered && time.Now().Before(deadline); {
			a, answered = c.post(client, redeemForm(code)) // the database was the last to die
		}
		if a.str("error") != "invalid_grant" {
			c.t.Fatalf("a code that was redeemed: %d %s", a.Status, a.Raw)
		}
	}
	if len(c.redeemed) == 0 || c.refreshed.Load() == 0 {
		c.t.Error("the apps did nothing")
	}
}
