package demo

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

func startDemo(t *testing.T) *Demo {
	t.Helper()
	d, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// signIn goes from the app's home page through sign-in and consent.
func (b *browser) signIn(d *Demo) *page {
	b.t.Helper()
	p := b.press(b.open(d.App), "sign-in", nil)
	p = b.press(p, "sign-in", url.Values{"username": {d.Username}, "password": {d.Password}})
	return b.press(p, "allow", nil)
}

// onlyUser is who is signed in at the app, as the app knows them.
func onlyUser(t *testing.T, d *Demo) *user {
	t.Helper()
	d.app.sessions.mu.Lock()
	defer d.app.sessions.mu.Unlock()
	var found *user
	for _, s := range d.app.sessions.all {
		s.mu.Lock()
		if s.user != nil {
			if found != nil {
				t.Fatal("two people are signed in")
			}
			found = s.user
		}
		s.mu.Unlock()
	}
	if found == nil {
		t.Fatal("nobody is signed in")
	}
	return found
}

func TestWholeStory(t *testing.T) {
	d, b := startDemo(t), newBrowser(t)

	p := b.press(b.open(d.App), "sign-in", nil)
	if !strings.HasPrefix(p.url.String(), d.Issuer) {
		t.Fatalf("sign-in happens at %s, want the issuer", p.url)
	}
	p = b.press(p, "sign-in", url.Values{"username": {d.Username}, "password": {d.Password}})
	for _, want := range []string{"Photo Printer", "See your photos", scopePhotos} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("the consent page does not say %q:\n%s", want, p.text())
		}
	}
	p = b.press(p, "allow", nil)
	if p.url.String() != d.App+"/" || !strings.Contains(p.text(), "Hello, Ada Lovelace") {
		t.Fatalf("after consent: %s says\n%s", p.url, p.text())
	}
	if got := p.textOf("claims"); !strings.Contains(got, "iss "+d.Issuer) || !strings.Contains(got, clientID) {
		t.Errorf("ID token claims: %s", got)
	}
	if got := p.textOf("userinfo"); !strings.Contains(got, "email ada@example.com") {
		t.Errorf("userinfo: %s", got)
	}

	p = b.press(p, "call-api", nil)
	if got := p.textOf("answer"); !strings.Contains(got, "Analytical Engine") {
		t.Errorf("the API's answer: %q, notice %q", got, p.textOf("notice"))
	}

	before := *onlyUser(t, d).tokens
	p = b.press(p, "refresh", nil)
	after := *onlyUser(t, d).tokens
	if after.AccessToken == before.AccessToken || after.RefreshToken == before.RefreshToken {
		t.Error("refreshing changed no tokens")
	}
	if !strings.Contains(p.textOf("notice"), "new access token") {
		t.Errorf("notice after refreshing: %q", p.textOf("notice"))
	}
	if p = b.press(p, "call-api", nil); !strings.Contains(p.textOf("answer"), "Analytical Engine") {
		t.Errorf("the API refuses the new token: %s", p.text())
	}

	p = b.press(p, "sign-out", nil)
	if p.url.String() != d.App+signedOutPath || p.find("signed-out") == nil {
		t.Fatalf("after signing out: %s says\n%s", p.url, p.text())
	}
	_, err := d.app.oauth.TokenSource(t.Context(), &oauth2.Token{RefreshToken: after.RefreshToken}).Token()
	if refused := (*oauth2.RetrieveError)(nil); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		t.Errorf("the refresh token after signing out: %v, want invalid_grant", err)
	}
	if p = b.open(d.App); p.find("call-api") != nil {
		t.Error("the app still shows who was signed in")
	}
	if p = b.press(p, "sign-in", nil); p.find("password") == nil {
		t.Errorf("the issuer does not ask for the password again:\n%s", p.text())
	}
}

func TestSecondSignInAsksNothing(t *testing.T) {
	d, b := startDemo(t), newBrowser(t)
	b.signIn(d)
	p := b.open(d.App + "/sign-in")
	if p.url.String() != d.App+"/" || p.find("signed-in") == nil {
		t.Errorf("signed in and allowed before, yet the browser is at %s:\n%s", p.url, p.text())
	}
}

func TestDenying(t *testing.T) {
	d, b := startDemo(t), newBrowser(t)
	p := b.press(b.open(d.App), "sign-in", nil)
	p = b.press(p, "sign-in", url.Values{"username": {d.Username}, "password": {d.Password}})
	p = b.press(p, "deny", nil)
	if p.status != http.StatusForbidden || !strings.Contains(p.textOf("problem"), "did not allow") {
		t.Errorf("%d at %s:\n%s", p.status, p.url, p.text())
	}
}

// Two tabs may each have a sign-in under way, and either may come back first.
func TestTwoTabs(t *testing.T) {
	d, b := startDemo(t), newBrowser(t)
	first := b.press(b.open(d.App), "sign-in", nil)
	second := b.press(b.open(d.App), "sign-in", nil)
	second = b.press(second, "sign-in", url.Values{"username": {d.Username}, "password": {d.Password}})
	if p := b.press(second, "allow", nil); p.find("signed-in") == nil {
		t.Fatalf("second tab: %s", p.text())
	}
	p := b.press(first, "sign-in", url.Values{"username": {d.Username}, "password": {d.Password}})
	if p.find("signed-in") == nil {
		t.Errorf("first tab: %s", p.text())
	}
}

// Whoever lures a browser to the callback with an answer of their own gets
// nowhere (login CSRF), nor does an answer of another issuer (mix-up).
func TestCallbackRefusesForeignAnswers(t *testing.T) {
	d := startDemo(t)
	tests := map[string]func(b *browser) url.Values{
		"no sign-in under way": func(*browser) url.Values {
			return url.Values{"code": {"x"}, "state": {"x"}, "iss": {d.Issuer}}
		},
		"another state": func(b *browser) url.Values {
			b.begin(d.App)
			return url.Values{"code": {"x"}, "state": {"x"}, "iss": {d.Issuer}}
		},
		"another browser's state": func(b *browser) url.Values {
			b.begin(d.App)
			return url.Values{"code": {"x"}, "state": {newBrowser(t).begin(d.App)}, "iss": {d.Issuer}}
		},
		"another issuer": func(b *browser) url.Values {
			return url.Values{"code": {"x"}, "state": {b.begin(d.App)}, "iss": {"https://issuer.example"}}
		},
		"no issuer": func(b *browser) url.Values {
			return url.Values{"code": {"x"}, "state": {b.begin(d.App)}}
		},
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t)
			p := b.open(d.App + callbackPath + "?" + answer(b).Encode())
			if p.status != http.StatusBadRequest || p.find("problem") == nil {
				t.Errorf("%d: %s", p.status, p.text())
			}
		})
	}
}

// begin starts a sign-in at an app and returns its state.
func (b *browser) begin(app string) string {
	b.t.Helper()
	once := &http.Client{Jar: b.http.Jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := once.Get(app + "/sign-in")
	if err != nil {
		b.t.Fatal(err)
	}
	resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		b.t.Fatal(err)
	}
	return to.Query().Get("state")
}

func TestOtherSitesCannotPressButtons(t *testing.T) {
	d, b := startDemo(t), newBrowser(t)
	b.signIn(d)
	for _, path := range []string{"/call-api", "/refresh", "/sign-out"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.App+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://evil.example")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		if p := b.show(b.http.Do(req)); p.status != http.StatusForbidden {
			t.Errorf("POST %s from another site: %d", path, p.status)
		}
	}
	onlyUser(t, d) // still signed in
}

func TestEndsCleanly(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var d *Demo
	var said bytes.Buffer
	err := Run(ctx, slog.New(slog.DiscardHandler), func(running *Demo) error {
		d = running
		stop()
		return d.Describe(&said)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{d.Issuer, d.App, d.API, d.Username, d.Password} {
		if want == "" || !strings.Contains(said.String(), want) {
			t.Errorf("%q is not announced:\n%s", want, said.String())
		}
	}
	if _, err := os.Stat(d.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	for _, server := range []string{d.Issuer, d.App, d.API} {
		if c, err := net.DialTimeout("tcp", strings.TrimPrefix(server, "http://"), time.Second); err == nil {
			c.Close()
			t.Errorf("%s still answers", server)
		}
	}
}
