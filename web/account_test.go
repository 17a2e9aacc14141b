package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/authz/login"
)

func TestAccountAsksWhoIsThere(t *testing.T) {
	w := newWorld(t, pathIssuer)
	b := w.browser()
	at := w.server.url(pathAccount)
	p := b.get(at).want(200).contains(`id="sign-in"`, `id="remember"`, "to see your account").lacks(" checked")
	form := url.Values{"csrf": {p.csrf()}, "username": {"ada"}, "password": {"wrong"}, "remember": {"1"}}
	b.post(at+"/login", form).want(200).contains(`role="alert"`, `value="ada"`, " checked").lacks("wrong")
	form.Set("password", password)
	form.Set("csrf", "forged")
	b.post(at+"/login", form).want(403).contains(`id="sign-in"`)
	form.Set("csrf", p.csrf())
	b.post(at+"/login", form).wantLocation(at)
	b.get(at).want(200).contains("<bdi>ada</bdi>", "This browser", `id="no-others"`, `id="no-apps"`, "kept signed in")
}

// The person of a session is gone or disabled: nobody is signed in.
func TestAccountOfNobody(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	b := w.browser()
	b.signIn(b.begin(), "ada")
	at := w.server.url(pathAccount)
	p := b.get(at).want(200).contains(`id="sessions"`)
	delete(w.authz.people, "sub-ada")
	b.get(at).want(200).contains(`id="sign-in"`)
	token := csrfField.FindStringSubmatch(p.body)
	if token != nil {
		t.Fatalf("a page without forms has a token: %v", token)
	}
	b.post(at+"/apps/revoke", url.Values{"client_id": {"photos"}}).wantLocation(at)
}

// Somebody else signs in in another tab: the old page's forms do nothing.
func TestAccountFormsAreBoundToTheSession(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	b := w.browser()
	b.signIn(b.begin(), "ada")
	w.authz.consents["sub-ada"], w.authz.consents["sub-bob"] = true, true
	at := w.server.url(pathAccount)
	old := b.get(at).want(200).csrf()
	b.post(at+"/login", url.Values{"csrf": {w.server.seal.Token(b.cookie(w.server.names.browser), "account-login")}, "username": {"bob"}, "password": {password}}).want(303)
	for _, path := range []string{"/sessions/end", "/sessions/end-others", "/apps/revoke"} {
		b.post(at+path, url.Values{"csrf": {old}, "client_id": {"photos"}, "sid": {"sid-1"}}).want(403)
	}
	if !w.authz.consents["sub-bob"] || !w.authz.consents["sub-ada"] {
		t.Error("an app lost its access")
	}
	fresh := b.get(at).want(200).csrf()
	b.post(at+"/apps/revoke", url.Values{"csrf": {fresh}, "client_id": {"photos"}}).wantLocation(at + "?said=revoked.")
	if w.authz.consents["sub-bob"] || !w.authz.consents["sub-ada"] {
		t.Error("not exactly bob's was taken back")
	}
}

func TestEndingTheSessionAtHandSignsOut(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	b := w.browser()
	b.signIn(b.begin(), "ada")
	token := w.server.accountToken(b.cookie(w.server.names.browser), &login.Session{ID: "sid-1"})
	at := w.server.url(pathAccount)
	b.post(at+"/sessions/end", url.Values{"csrf": {token}, "sid": {"sid-1"}}).wantLocation(w.server.url(pathLoggedOut))
	if b.cookie(w.server.names.session) != "" {
		t.Error("the cookie stays")
	}
}

func TestDevicesInWords(t *testing.T) {
	words := english()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":       "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":               "Safari on macOS",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36": "Samsung Internet on Android",
		"Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1":       "Chrome on iPad",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                              "Firefox on Linux",
		"curl/8.5.0": "curl", "Something (Windows)": "Browser on Windows", "": "Unknown browser", "<script>%s": "Unknown browser",
	} {
		if got := words.device(agent); got != want {
			t.Errorf("%s: %q, want %q", agent, got, want)
		}
	}
}

func TestMomentsInWords(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		-time.Hour: "just now", 59 * time.Second: "just now", time.Minute: "a minute ago", 59 * time.Minute: "59 minutes ago",
		time.Hour: "an hour ago", 23*time.Hour + 59*time.Minute: "23 hours ago", 24 * time.Hour: "a day ago", 29 * 24 * time.Hour: "29 days ago",
		34 * 24 * time.Hour: "on 31 March 2026",
	} {
		m := english().moment(now.Add(-ago), now)
		if m.Words != want || !strings.HasSuffix(m.Exact, " UTC") {
			t.Errorf("%s: %+v, want %q", ago, m, want)
		}
	}
	if m := english().moment(time.Time{}, now); m != (moment{}) {
		t.Errorf("no time: %+v", m)
	}
}
