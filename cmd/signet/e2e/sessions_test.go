package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/authz/login"
	"signet/cmd/signet/config"
)

// signInAt signs in at the person's page, which is that of a session then.
func (b *browser) signInAt(i *issuer, username string, remember bool) *page {
	b.t.Helper()
	fields := map[string]string{"username": username, "password": testPassword}
	if remember {
		fields["remember"] = "1"
	}
	p := b.submit(b.get(i.URL+"/account"), "sign-in", fields)
	if p.Status != http.StatusOK || !strings.Contains(p.Body, `id="sessions"`) {
		b.t.Fatalf("signed in and got %d:\n%s", p.Status, p.Body)
	}
	return p
}

// knownAt asks the server who is signed in, as a use of the session.
func (b *browser) knownAt(i *issuer) bool {
	b.t.Helper()
	return strings.Contains(b.get(i.URL+"/").Body, "You are signed in")
}

func shortSessions(c *config.Config) {
	c.Session = config.Session{Lifetime: 12 * time.Hour, Idle: 2 * time.Hour, RememberLifetime: 10 * 24 * time.Hour, RememberIdle: 3 * 24 * time.Hour}
}

// A session ends when it is not used for a while, and in any case when it is old.
func TestSessionLifetimes(t *testing.T) {
	for name, c := range map[string]struct {
		remember       bool
		idle, lifetime time.Duration
	}{
		"until the browser closes": {false, 2 * time.Hour, 12 * time.Hour},
		"remembered":               {true, 3 * 24 * time.Hour, 10 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			i := start(t, shortSessions)
			i.person(t, "ada")
			b := newBrowser(t)
			b.signInAt(i, "ada", c.remember)
			i.clock.Advance(c.idle + time.Second)
			if b.knownAt(i) {
				t.Error("unused for too long, and still signed in")
			}
			b.signInAt(i, "ada", c.remember)
			const steps = 8
			for n := range steps {
				i.clock.Advance((c.lifetime - time.Minute) / steps)
				if !b.knownAt(i) {
					t.Fatalf("signed out while it was used, at step %d", n)
				}
			}
			i.clock.Advance(2 * time.Minute)
			if b.knownAt(i) {
				t.Error("older than its lifetime, and still signed in")
			}
		})
	}
}

// The cookie of a session goes with the browser unless the person wants it kept,
// and nobody is asked where that is off.
func TestRememberedCookie(t *testing.T) {
	i := start(t, shortSessions)
	i.person(t, "ada")
	for _, remember := range []bool{false, true} {
		b := newBrowser(t)
		p := b.get(i.URL + "/account")
		form := url.Values{"csrf": {p.field("csrf")}, "username": {"ada"}, "password": {testPassword}}
		if remember {
			form.Set("remember", "1")
		}
		resp := b.send(i.URL+"/account/login", form)
		n := slices.IndexFunc(resp.Cookies(), func(c *http.Cookie) bool { return strings.Contains(c.Name, "session") })
		if n < 0 {
			t.Fatalf("no session cookie: %d", resp.StatusCode)
		}
		want := 0
		if remember {
			want = 10 * 24 * 3600
		}
		if got := resp.Cookies()[n].MaxAge; got != want {
			t.Errorf("remembered %t: Max-Age %d, want %d", remember, got, want)
		}
	}
	off := start(t, func(c *config.Config) { c.Session.RememberLifetime = 0 })
	off.person(t, "ada")
	b := newBrowser(t)
	if p := b.get(off.URL + "/account"); strings.Contains(p.Body, `id="remember"`) {
		t.Error("the box is there though it does nothing")
	}
	p := b.get(off.URL + "/account")
	resp := b.send(off.URL+"/account/login", url.Values{"csrf": {p.field("csrf")}, "username": {"ada"}, "password": {testPassword}, "remember": {"1"}})
	for _, c := range resp.Cookies() {
		if strings.Contains(c.Name, "session") && c.MaxAge != 0 {
			t.Errorf("kept for %d s though it is off", c.MaxAge)
		}
	}
}

// However a person is signed out everywhere, the next request of each browser
// knows.
func TestSignedOutEverywhere(t *testing.T) {
	for name, end := range map[string]func(*issuer, string) error{
		"another password": func(i *issuer, id string) error { return i.Login.SetPassword(t.Context(), id, testPassword+" 2") },
		"disabled": func(i *issuer, id string) error {
			if err := i.Login.SetDisabled(t.Context(), id, true); err != nil {
				return err
			}
			return i.Login.SetDisabled(t.Context(), id, false) // and they do not come back
		},
		"by the operator": func(i *issuer, id string) error {
			_, err := i.Login.EndSessions(t.Context(), login.SessionFilter{Subject: id})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := start(t)
			ada := i.person(t, "ada")
			i.person(t, "bob")
			one, two, other := newBrowser(t), newBrowser(t), newBrowser(t)
			one.signInAt(i, "ada", false)
			two.signInAt(i, "ada", true)
			other.signInAt(i, "bob", false)
			if err := end(i, ada.ID); err != nil {
				t.Fatal(err)
			}
			if one.knownAt(i) || two.knownAt(i) {
				t.Error("still signed in")
			}
			if !other.knownAt(i) {
				t.Error("somebody else was signed out")
			}
		})
	}
}

// The admin API: another password and DELETE sign a person out everywhere, and
// an operator sees where a session is from.
func TestAdminSignsOutEverywhere(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada")
	o := i.operator(t)
	for _, c := range []struct {
		method, path, body string
	}{
		{http.MethodPatch, "/people/" + ada.ID, `{"password":"` + testPassword + `"}`},
		{http.MethodDelete, "/people/" + ada.ID + "/sessions", ""},
	} {
		b := newBrowser(t)
		b.signInAt(i, "ada", true)
		live := o.call(http.MethodGet, "/sessions?sub="+ada.ID, "", http.StatusOK).items()
		if len(live) != 1 || live[0]["address"] != "127.0.0.1" || live[0]["remembered"] != true {
			t.Errorf("the sessions: %v", live)
		}
		o.call(c.method, c.path, c.body, http.StatusOK)
		if b.knownAt(i) {
			t.Errorf("%s %s: still signed in", c.method, c.path)
		}
	}
}
