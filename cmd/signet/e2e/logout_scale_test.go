package e2e

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/clients"
)

var logoutSessions = flag.Int("logout-sessions", 100, "how many sessions TestLogoutScale signs out, of five apps each")

// counter is an app that counts what it is told.
type counter struct {
	n    atomic.Int64
	want int64
	done chan struct{}
}

func (c *counter) expect(n int) {
	c.done = make(chan struct{})
	c.n.Store(0)
	c.want = int64(n)
}

func (c *counter) ServeHTTP(http.ResponseWriter, *http.Request) {
	if c.n.Add(1) == c.want {
		close(c.done)
	}
}

// scaleApps registers apps of which the first one sleeps when it is told to.
func (i *issuer) scaleApps(t testing.TB, n int, sleep *atomic.Bool) []*counter {
	t.Helper()
	wake := make(chan struct{})
	apps := make([]*counter, n)
	for k := range apps {
		apps[k] = &counter{}
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if k == 0 && sleep.Load() {
				select {
				case <-wake:
				case <-r.Context().Done():
				}
				return
			}
			apps[k].ServeHTTP(w, r)
		}))
		t.Cleanup(app.Close)
		i.webApp(t, fmt.Sprint("app-", k), func(c *clients.Client) { c.BackchannelLogoutURI = app.URL + "/bc" })
	}
	t.Cleanup(func() { close(wake) })
	return apps
}

// sessionsOf makes sessions of a person that have reached every app.
func (i *issuer) sessionsOf(t testing.TB, subject string, sessions, apps int) {
	t.Helper()
	now := i.clock.Now()
	for n := range sessions {
		id := fmt.Sprintf("%s-%d", subject, n)
		if err := i.Store.CreateSession(t.Context(), login.Session{ID: id, TokenHash: id, Subject: subject, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		for k := range apps {
			client := fmt.Sprint("app-", k)
			err := i.Store.CreateReachingGrant(t.Context(),
				authz.Grant{ID: id + client, ClientID: client, Subject: subject, SessionID: id, CreatedAt: now, ExpiresAt: now.Add(time.Minute)},
				authz.Reached{SID: id, SessionID: id, ClientID: client, Subject: subject, Sub: subject, Back: true, ExpiresAt: now.Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestLogoutScale measures how long it takes to sign people out everywhere, and
// what an app that sleeps costs the others. That they are told at all while it
// sleeps is what it checks; the times are for the reader:
//
//	go test ./cmd/signet/e2e -run LogoutScale -v -logout-sessions 10000
func TestLogoutScale(t *testing.T) {
	const apps = 5
	sessions := *logoutSessions
	i := start(t, allowLoopback)
	var sleep atomic.Bool
	all := i.scaleApps(t, apps, &sleep)
	out := func(what, subject string, n int, told []*counter) {
		for _, a := range told {
			a.expect(n)
		}
		begun := time.Now()
		if _, err := i.Store.EndSessions(t.Context(), login.SessionFilter{Subject: subject}, i.clock.Now()); err != nil {
			t.Fatal(err)
		}
		ended := time.Since(begun)
		i.Provider.SessionsEnded(t.Context(), subject)
		answered := time.Since(begun)
		for _, a := range told {
			<-a.done
		}
		t.Logf("%-58s ended in %v, answered in %v, %d apps told in %v", what, ended.Round(time.Millisecond), answered.Round(time.Millisecond), len(told), time.Since(begun).Round(time.Millisecond))
	}
	i.sessionsOf(t, "many", sessions, apps)
	i.sessionsOf(t, "one", 1, apps)
	i.sessionsOf(t, "one-more", 1, apps)
	out(fmt.Sprintf("one person of one session, among %d", sessions), "one", 1, all)
	out(fmt.Sprintf("one person of %d sessions", sessions), "many", sessions, all)
	sleep.Store(true)
	out("one person of one session, an app asleep", "one-more", 1, all[1:])
	i.sessionsOf(t, "many-more", sessions, apps)
	out(fmt.Sprintf("one person of %d sessions, an app asleep", sessions), "many-more", sessions, all[1:])
	i.sessionsOf(t, "late", 1, apps)
	out("one person of one session, that app's queue behind", "late", 1, all[1:])
}
