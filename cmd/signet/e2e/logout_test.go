package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/authz/login"
	"signet/authz/storetest"
	"signet/clients"
	"signet/cmd/signet/config"
)

func decodeInto(t testing.TB, raw string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(raw), v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
}

// Signing out at one app tells every other app of the session: one token each,
// with the sub and sid of its ID tokens, which is good for nothing else.
func TestBackChannelLogout(t *testing.T) {
	i := start(t, allowLoopback)
	ada := i.person(t, "ada")
	i.person(t, "bob")
	mail := i.logoutApp(t, "mail", nil)
	shop := i.logoutApp(t, "shop", nil, func(c *clients.Client) { c.SubjectType = clients.SubjectPairwise })
	never := i.logoutApp(t, "never", nil)
	plain := i.webApp(t, "plain")
	b, bobs := newBrowser(t), newBrowser(t)
	first := mail.enter(i, b, "ada")
	mail.enter(i, b, "ada") // a second code, and no second token
	second := shop.enter(i, b, "ada")
	i.tokens(t, b, "ada", "plain", plain)
	others := mail.enter(i, bobs, "bob")

	if p := b.leave(i, first.str("id_token")); p.Location == nil || p.Location.String() != "https://app.example.test/bye?state=s" {
		t.Fatalf("went to %v: %s", p.Location, p.Body)
	}
	claims, _ := i.logoutToken(t, mail, mail.called())
	if claims["sub"] != ada.ID || claims["sid"] != decodeSegment(t, first.str("id_token"), 1)["sid"] {
		t.Errorf("mail was told %v", claims)
	}
	claims, raw := i.logoutToken(t, shop, shop.called())
	id := decodeSegment(t, second.str("id_token"), 1)
	if claims["sub"] != id["sub"] || claims["sub"] == ada.ID || claims["sid"] != id["sid"] {
		t.Errorf("shop was told %v, its ID token says %v", claims, id)
	}
	i.wantDelivered(t, 2)
	mail.quiet("one token for each session and app")
	shop.quiet("one token for each session and app")
	never.quiet("an app that was not used")

	// The grants went with the session; bob's, of another session, did not.
	for _, gone := range []string{first.str("access_token"), second.str("access_token")} {
		i.userinfo(t, gone).wantBadToken(t)
	}
	if a := i.userinfo(t, others.str("access_token")); a.Status != http.StatusOK {
		t.Errorf("bob: %d %s", a.Status, a.Raw)
	}
	v := newVictim(t)
	v.wantNoAccess(t, raw)
	i.userinfo(t, raw).wantBadToken(t)
	i.introspect(t, "plain", plain, raw).wantInactive(t)
	bobs.get(i.authorizeURL("plain", map[string]string{"prompt": "none", "id_token_hint": raw})).wantErrorRedirect(t, i.URL, testCallback, "invalid_request", "a-state")
	bobs.get(i.URL + "/oauth2/logout?" + url.Values{"id_token_hint": {raw}, "post_logout_redirect_uri": {"https://app.example.test/bye"}}.Encode()).wantErrorPage(t)
	i.refresh(t, "shop", shop.secret, raw).wantRefused(t, http.StatusBadRequest, "invalid_grant")
}

// wantDelivered waits until so many logout tokens were taken by their apps, and
// checks that no more are on the way.
func (i *issuer) wantDelivered(t testing.TB, n int) {
	t.Helper()
	for range 6000 {
		all, err := i.Store.LogoutDeliveries(t.Context(), true, 100000)
		if err != nil {
			t.Fatal(err)
		}
		done := 0
		for _, d := range all {
			if !d.DeliveredAt.IsZero() {
				done++
			}
		}
		if done == n && len(all) == n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not %d deliveries", n)
}

// Every end of a session is one: "Not you?", another person's sign-in, the
// operator's. The same person's sign-in is none: the new session stands for the
// old one, and its end reaches what the old one had reached.
func TestEveryEndReachesTheApps(t *testing.T) {
	i := start(t, allowLoopback)
	ada := i.person(t, "ada")
	i.person(t, "bob")
	mail, o := i.logoutApp(t, "mail", nil), i.operator(t)
	sidOf := func(a answer) any { return decodeSegment(t, a.str("id_token"), 1)["sid"] }
	wantSID := func(when string, want any) {
		t.Helper()
		if claims, _ := i.logoutToken(t, mail, mail.called()); claims["sid"] != want {
			t.Errorf("%s: told of %v, want %v", when, claims["sid"], want)
		}
	}
	again := func(b *browser, username string) {
		p := b.get(i.authorizeURL("mail", map[string]string{"prompt": "login"}))
		b.submit(p, "sign-in", map[string]string{"username": username, "password": testPassword})
	}
	b := newBrowser(t)
	old := mail.enter(i, b, "ada", "openid", "offline_access")
	again(b, "ada")
	if all, err := i.Store.LogoutDeliveries(t.Context(), true, 10); err != nil || len(all) != 0 {
		t.Errorf("the same person, once more: %+v, %v", all, err)
	}
	again(b, "bob")
	wantSID("another person", sidOf(old))
	if a := i.refresh(t, "mail", mail.secret, old.str("refresh_token")); a.Status != http.StatusOK {
		t.Errorf("a grant with offline_access: %d %s", a.Status, a.Raw)
	}

	b = newBrowser(t)
	first := mail.enter(i, b, "ada")
	p := b.get(i.authorizeURL("mail", map[string]string{"prompt": "consent"}))
	b.submit(p, "not-you", nil)
	wantSID("Not you?", sidOf(first))
	i.userinfo(t, first.str("access_token")).wantBadToken(t)

	one := mail.enter(i, newBrowser(t), "ada")
	o.call(http.MethodDelete, "/sessions/"+sidOf(one).(string), "", http.StatusNoContent)
	wantSID("the operator", sidOf(one))
	i.userinfo(t, one.str("access_token")).wantBadToken(t)
	all := mail.enter(i, newBrowser(t), "ada")
	o.call(http.MethodDelete, "/people/"+ada.ID+"/sessions", "", http.StatusOK)
	wantSID("the operator, everywhere", sidOf(all))
	i.userinfo(t, all.str("access_token")).wantBadToken(t)
	i.wantDelivered(t, 4)
}

// An app that sleeps and one that fails keep neither the person nor the other
// apps waiting: those have their tokens while the sleeper sleeps.
func TestSleepingAppHoldsUpNobody(t *testing.T) {
	i := start(t, allowLoopback)
	i.person(t, "ada")
	asleep := make(chan struct{})
	awake := i.logoutApp(t, "z-awake", nil)
	sleeper := i.logoutApp(t, "a-sleeper", func(r *http.Request) int { <-asleep; return http.StatusOK })
	failing := i.logoutApp(t, "b-failing", func(*http.Request) int { return http.StatusInternalServerError })
	t.Cleanup(func() { close(asleep) }) // before the servers close, which wait for it
	for range 3 {
		b := newBrowser(t)
		last := awake.enter(i, b, "ada")
		sleeper.enter(i, b, "ada")
		failing.enter(i, b, "ada")
		b.leave(i, last.str("id_token"))
		sleeper.called()
		failing.called()
		i.logoutToken(t, awake, awake.called())
	}
	i.wantLog(t, `"event":"logout_retry"`, `the app answered 500`)
}

// wantLog waits until the log has a line with all parts.
func (i *issuer) wantLog(t testing.TB, parts ...string) {
	t.Helper()
	for range 6000 {
		for line := range strings.Lines(i.log.String()) {
			found := true
			for _, part := range parts {
				found = found && strings.Contains(line, part)
			}
			if found {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no line with %q in the log", parts)
}

// What an app did not take is sent again, by a server that was started since,
// with a token that is made anew.
func TestLogoutTokenSurvivesARestart(t *testing.T) {
	a := start(t, allowLoopback)
	a.person(t, "ada")
	status := make(chan int, 2)
	mail := a.logoutApp(t, "mail", func(*http.Request) int { return <-status })
	b := newBrowser(t)
	tokens := mail.enter(a, b, "ada")
	status <- http.StatusServiceUnavailable
	b.leave(a, tokens.str("id_token"))
	first, _ := a.logoutToken(t, mail, mail.called())
	a.wantLog(t, `"event":"logout_retry"`, `"client_id":"mail"`, `the app answered 503`)
	status <- http.StatusNoContent
	next := start(t, allowLoopback, func(c *config.Config) {
		c.DataDir, c.Database, c.Issuer = a.Dir, "sqlite:"+filepath.Join(a.Dir, "signet.db"), a.URL
	})
	mail.quiet("before its time")
	next.clock.Advance(11 * time.Second)
	next.Provider.WakeLogouts()
	second, _ := next.logoutToken(t, mail, mail.called())
	if second["jti"] == first["jti"] || second["sid"] != first["sid"] {
		t.Errorf("told %v and then %v", first, second)
	}
	next.wantDelivered(t, 1)
}

// After a few attempts the server gives up, and the operator can see it.
func TestLogoutTokenIsGivenUp(t *testing.T) {
	i := start(t, allowLoopback)
	i.person(t, "ada")
	mail := i.logoutApp(t, "mail", func(*http.Request) int { return http.StatusBadRequest })
	b := newBrowser(t)
	b.leave(i, mail.enter(i, b, "ada").str("id_token"))
	for n := range 6 {
		mail.called()
		i.wantLog(t, `"client_id":"mail"`, `"attempts":`+string(rune('1'+n)))
		i.clock.Advance(3 * time.Hour)
		i.Provider.WakeLogouts()
	}
	i.wantLog(t, `"event":"logout_failed"`, `the app answered 400`)
	all, err := i.Store.LogoutDeliveries(t.Context(), false, 10)
	if err != nil || len(all) != 1 || all[0].Status != http.StatusBadRequest || !all[0].NextAt.IsZero() {
		t.Errorf("%+v, %v", all, err)
	}
	mail.quiet("after it was given up")
}

// Two nodes on one Postgres send each token once.
func TestTwoNodesSendLogoutTokensOnce(t *testing.T) {
	database := storetest.Postgres(t)
	on := func(c *config.Config) { c.Database = database }
	a := start(t, allowLoopback, on)
	b := start(t, allowLoopback, on, func(c *config.Config) { c.DataDir, c.Issuer = a.Dir, a.URL })
	ada := a.person(t, "ada")
	mail := a.logoutApp(t, "mail", nil)
	const sessions = 30
	told := map[any]int{}
	for range sessions {
		mail.enter(a, newBrowser(t), "ada")
	}
	if _, err := a.Store.EndSessions(t.Context(), login.SessionFilter{Subject: ada.ID}, a.clock.Now()); err != nil {
		t.Fatal(err)
	}
	a.Provider.WakeLogouts()
	b.Provider.WakeLogouts()
	for range sessions {
		claims, _ := a.logoutToken(t, mail, mail.called())
		told[claims["sid"]]++
	}
	a.wantDelivered(t, sessions)
	mail.quiet("once each")
	if len(told) != sessions {
		t.Errorf("%d sessions of %d", len(told), sessions)
	}
}

// Apps that the browser tells: a page with their frames, and no other origin,
// that goes on to where the logout was to end, without script.
func TestFrontChannelLogout(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	front := func(c *clients.Client) { c.FrontchannelLogoutURI = "https://app.example.test/fc?x=1" }
	secret := i.webApp(t, "front", front)
	i.webApp(t, "unused", front)
	b := newBrowser(t)
	a := i.tokens(t, b, "ada", "front", secret)
	p := b.leave(i, a.str("id_token"))
	sid := decodeSegment(t, a.str("id_token"), 1)["sid"].(string)
	want := "https://app.example.test/fc?x=1&" + url.Values{"iss": {i.URL}, "sid": {sid}}.Encode()
	var frames []string
	for n := range p.root.Descendants() {
		if n.Data == "iframe" {
			frames = append(frames, attr(n, "src"))
		}
	}
	if p.Status != http.StatusOK || len(frames) != 1 || frames[0] != want || !strings.Contains(p.Body, "Signed out") {
		t.Fatalf("%d, frames %q, want %q:\n%s", p.Status, frames, want, p.Body)
	}
	const bye = "https://app.example.test/bye?state=s"
	if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "; frame-src https://app.example.test;") || strings.Contains(csp, "script-src") {
		t.Errorf("CSP: %s", csp)
	}
	if on := p.byID("continue"); on == nil || attr(on, "href") != bye || p.Header.Get("Refresh") != "3; url="+bye {
		t.Errorf("goes on by %q:\n%s", p.Header.Get("Refresh"), p.Body)
	}
	if p := b.get(i.authorizeURL("front", map[string]string{"prompt": "none"})); p.param("error") != "login_required" {
		t.Errorf("still signed in: %s", p.Location)
	}
	// Once they are signed out there is nobody to be told.
	if p := b.leave(i, a.str("id_token")); p.Location == nil || p.Location.String() != bye {
		t.Errorf("again: %v", p.Location)
	}
	var meta map[string]any
	decodeInto(t, b.get(i.URL+"/.well-known/openid-configuration").Body, &meta)
	for _, flag := range []string{"backchannel_logout_supported", "backchannel_logout_session_supported", "frontchannel_logout_supported", "frontchannel_logout_session_supported"} {
		if meta[flag] != true {
			t.Errorf("%s: %v", flag, meta[flag])
		}
	}
}
