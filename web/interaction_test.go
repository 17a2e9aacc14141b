package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/authz/login"
)

const (
	httpsIssuer = "https://id.example.test"
	pathIssuer  = "https://id.example.test/tenant"
	httpIssuer  = "http://127.0.0.1:8080"
)

const callback = "https://photos.example.test/cb?"

func TestSignInConsentAndAnswer(t *testing.T) {
	for _, issuer := range []string{httpsIssuer, pathIssuer, httpIssuer} {
		t.Run(issuer, func(t *testing.T) {
			b := newWorld(t, issuer).browser()
			page := b.begin("login_hint", "ada")
			if !strings.HasPrefix(page, issuer+"/interaction/") || !strings.HasSuffix(page, "/login") {
				t.Fatalf("sent to %s", page)
			}
			b.get(page).want(200).contains("Photo Printer", `value="ada"`, `id="username"`, `id="password"`, `id="sign-in"`)
			consent := b.signIn(page, "ada").wantLocation(issuer + "/interaction/").location()
			p := b.get(consent).want(200).contains("Photo Printer", "photos.example.test", "See your name and picture", "profile",
				"<strong><bdi>ada</bdi></strong>", `id="allow"`, `id="deny"`)
			got := b.post(consent, url.Values{"csrf": {p.csrf()}, "answer": {"allow"}}).wantLocation(callback).location()
			if !strings.Contains(got, "code=SECRETCODE-sub-ada-1") || !strings.Contains(got, "state=STATE-1") {
				t.Fatalf("answer %s", got)
			}
			// Remembered: the next request needs no page.
			again := b.get(b.w.server.url(pathAuthorize) + "?" + authorizeQuery()).wantLocation(callback)
			if again.Header().Get("Cache-Control") != "no-store" || again.Header().Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("a code may be kept or told: %v", again.Header())
			}
		})
	}
}

func TestDenyTellsTheApp(t *testing.T) {
	b := newWorld(t, httpsIssuer).browser()
	consent := b.signIn(b.begin(), "ada").location()
	p := b.get(consent)
	got := b.post(consent, url.Values{"csrf": {p.csrf()}, "answer": {"deny"}}).wantLocation(callback).location()
	if !strings.Contains(got, "error=access_denied") || b.w.authz.codes() != 0 {
		t.Fatalf("answer %s, %d codes", got, b.w.authz.codes())
	}
}

func TestWrongPasswordKeepsTheNameAndSaysSo(t *testing.T) {
	b := newWorld(t, httpsIssuer).browser()
	page := b.begin()
	p := b.get(page)
	b.post(page, url.Values{"csrf": {p.csrf()}, "username": {"ada"}, "password": {"wrong-secret"}}).want(200).
		contains(`role="alert"`, "do not match", `value="ada"`, `href="#password"`, `aria-invalid="true"`, "Photo Printer", "<title>Error: ").
		lacks("wrong-secret")
	b.post(page, url.Values{"csrf": {p.csrf()}}).want(200).contains("Enter your username", "Enter your password")
	b.w.login.signErr = login.ErrBusy
	busy := b.post(page, url.Values{"csrf": {p.csrf()}, "username": {"ada"}, "password": {"x"}}).want(503).contains(`id="sign-in"`, `value="ada"`)
	if busy.Header().Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	b.w.login.signErr = nil
	b.signIn(page, "ada").want(http.StatusSeeOther)
}

// A form without our token, or with one of another page, flow or browser,
// signs nobody in and allows nothing.
func TestFormTokenIsBoundToBrowserFlowAndPage(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	b, other := w.browser(), w.browser()
	page, second := b.begin(), b.begin()
	foreign := other.get(other.begin()).csrf()
	for name, token := range map[string]string{
		"missing": "", "another browser": foreign, "another flow": b.get(second).csrf(), "junk": "AAAA",
	} {
		b.post(page, url.Values{"csrf": {token}, "username": {"ada"}, "password": {password}}).want(403).contains(`role="alert"`, `value="ada"`)
		if b.cookie(w.server.names.session) != "" {
			t.Fatalf("%s token: signed in", name)
		}
	}
	loginToken := b.get(page).csrf()
	consent := b.signIn(page, "ada").location()
	b.post(consent, url.Values{"csrf": {loginToken}, "answer": {"allow"}}).want(403).contains(`id="allow"`)
	b.post(strings.Replace(consent, "/consent", "/switch", 1), url.Values{"csrf": {loginToken}}).want(403)
	if w.authz.codes() != 0 || len(w.login.endedSessions()) != 0 {
		t.Fatal("a foreign token had an effect")
	}
}

// Guards against login CSRF and forged consent from other sites.
func TestCrossSitePostsAreRefused(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	for _, tc := range []struct {
		site, origin string
		status       int
	}{
		{"cross-site", "https://evil.test", 403},
		{"same-site", "https://other.example.test", 403},
		{"", "https://evil.test", 403},
		{"same-origin", httpsIssuer, 303},
		{"same-origin", "null", 303}, // what browsers send from a no-referrer page
		{"", "null", 303},
		{"", httpsIssuer, 303},
		{"", "", 303},
	} {
		b := w.browser()
		page := b.begin()
		form := url.Values{"csrf": {b.get(page).csrf()}, "username": {"ada"}, "password": {password}}
		if tc.site != "" {
			b.head.Set("Sec-Fetch-Site", tc.site)
		}
		if tc.origin != "" {
			b.head.Set("Origin", tc.origin)
		}
		if got := b.post(page, form); got.Code != tc.status {
			t.Errorf("Sec-Fetch-Site %q, Origin %q: %d, want %d", tc.site, tc.origin, got.Code, tc.status)
		}
	}
}

// Guards against dex CVE-2022-39222: a flow begun in one browser is carried on
// in another.
func TestFlowIsBoundToTheBrowserThatBeganIt(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	a, b := w.browser(), w.browser()
	page := a.begin()
	token := a.get(page).csrf()
	b.begin() // so that B has a browser id of its own
	u, _ := url.Parse(page)
	b.jar.SetCookies(u, a.jar.Cookies(u)[:0])
	b.get(page).want(400).contains("This page cannot go on")

	// The flow cookie planted in B, as a sibling subdomain could.
	for _, ck := range a.jar.Cookies(u) {
		if ck.Name == w.server.names.flow {
			b.jar.SetCookies(u, []*http.Cookie{{Name: ck.Name, Value: ck.Value, Path: u.Path, Secure: true}})
		}
	}
	b.get(page).want(400).contains("This page cannot go on")
	b.post(page, url.Values{"csrf": {token}, "username": {"ada"}, "password": {password}}).want(400)
	if b.cookie(w.server.names.session) != "" || w.authz.codes() != 0 {
		t.Fatal("B carried on A's flow")
	}
	a.get(page).want(200)
}

func TestPlantedFlowCookieBesideTheRealOneDoesNotCutItOff(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	b := w.browser()
	page := b.begin()
	b.head.Set("Cookie", w.server.names.flow+"=planted")
	b.get(page).want(200).contains(`id="sign-in"`)
}

func TestExpiredPageOffersToStartAgain(t *testing.T) {
	w := newWorld(t, pathIssuer)
	b := w.browser()
	page := b.begin("nonce", "n&1")
	token := b.get(page).csrf()
	w.clock.add(lifetime + time.Second)
	again := pathIssuer + "/oauth2/authorize?client_id=photos&amp;nonce=n%261&amp;response_type=code&amp;state=STATE-1"
	b.get(page).want(410).contains("too old", `id="start-again"`, again)
	b.post(page, url.Values{"csrf": {token}, "username": {"ada"}, "password": {password}}).want(410).contains(again)
	if b.cookie(w.server.names.session) != "" {
		t.Fatal("an expired page signed somebody in")
	}
}

func TestLostCookieSaysWhatToDo(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	page := w.browser().begin()
	w.browser().get(page).want(400).contains("cookies", "Go back to the app")
	w.browser().get("/interaction/short/login").want(404)
}

// The session id changes at every sign-in, and the old session ends.
func TestSessionChangesAtSignIn(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	b := w.browser()
	u, _ := url.Parse(httpsIssuer)
	b.jar.SetCookies(u, []*http.Cookie{{Name: w.server.names.session, Value: "fixed-by-a-stranger", Path: "/", Secure: true}})
	page := b.begin()
	b.signIn(page, "ada").want(303)
	first := b.cookie(w.server.names.session)
	if first != "session-token-1" {
		t.Fatalf("session %q", first)
	}
	// The same form again: a step back, a double click.
	token := w.server.seal.Token(strings.Split(page, "/")[4], b.cookie(w.server.names.browser), "login")
	b.post(page, url.Values{"csrf": {token}, "username": {"ada"}, "password": {password}}).wantLocation(httpsIssuer + "/interaction/")
	if second := b.cookie(w.server.names.session); second == first {
		t.Fatal("the session did not change")
	}
	if got := w.login.endedSessions(); len(got) != 1 || got[0] != "sid-1" {
		t.Fatalf("ended %v", got)
	}
}

func TestNotYouReturnsToSignInForTheSameRequest(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	b := w.browser()
	page := b.begin()
	consent := b.signIn(page, "ada").location()
	token := csrfField.FindStringSubmatch(b.get(consent).body)[1]
	b.post(strings.Replace(consent, "/consent", "/switch", 1), url.Values{"csrf": {token}}).wantLocation(page)
	if b.cookie(w.server.names.session) != "" || len(w.login.endedSessions()) != 1 {
		t.Fatal("the session lives on")
	}
	b.signIn(page, "bob").wantLocation(consent)
	b.get(consent).contains("<bdi>bob</bdi>")
}

// Somebody else signs in, in another tab, while a consent page is open: its
// Allow must not count for them.
func TestConsentCountsOnlyForThePersonWhoWasAsked(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	b := w.browser()
	first, second := b.begin(), b.begin()
	consent := b.signIn(first, "ada").location()
	asAda := b.get(consent).csrf()
	p := b.post(second, url.Values{"csrf": {w.server.seal.Token(strings.Split(second, "/")[4], b.cookie(w.server.names.browser), "login")}, "username": {"bob"}, "password": {password}})
	p.want(303)
	b.post(consent, url.Values{"csrf": {asAda}, "answer": {"allow"}}).want(403).contains("<bdi>bob</bdi>", `role="alert"`)
	if w.authz.codes() != 0 {
		t.Fatal("ada's Allow was taken for bob's")
	}
}

func TestSecondTabFindsTheSession(t *testing.T) {
	b := newWorld(t, httpsIssuer).browser()
	first, second := b.begin(), b.begin()
	if first == second {
		t.Fatal("two requests share a flow")
	}
	b.signIn(first, "ada").want(303)
	b.get(second).wantLocation(strings.Replace(second, "/login", "/consent", 1))
}

func TestBackAfterTheEnd(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	b := w.browser()
	page := b.begin()
	consent := b.signIn(page, "ada").location()
	token := b.get(consent).csrf()
	b.post(consent, url.Values{"csrf": {token}, "answer": {"allow"}}).wantLocation(callback)
	for _, p := range []string{page, consent} {
		b.get(p).want(200).contains("already finished", `id="start-again"`, "/oauth2/authorize?")
	}
	if w.authz.codes() != 1 {
		t.Fatal("looking back issued another code")
	}
	// The double click: the form arrives twice, the last answer is shown.
	b.post(consent, url.Values{"csrf": {token}, "answer": {"allow"}}).wantLocation(callback)
	w.clock.add(lifetime + time.Hour)
	b.get(page).want(200).contains("already finished")
}

// Another site's post comes without our cookies; it must not replace the
// browser id that the other tabs depend on.
func TestPostedAuthorizationFromAnotherSite(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	b := w.browser()
	q, _ := url.ParseQuery(authorizeQuery())
	b.head.Set("Sec-Fetch-Site", "cross-site")
	b.head.Set("Origin", "https://photos.example.test")
	got := b.post(pathAuthorize, q).want(303)
	if got.location() != httpsIssuer+pathAuthorize+"?"+q.Encode() || len(got.Result().Cookies()) != 0 {
		t.Fatalf("sent to %s with %d cookies", got.location(), len(got.Result().Cookies()))
	}
	b.get(got.location()).want(303)
	b.post(pathAuthorize, q).wantLocation(httpsIssuer + pathInteraction)
}

func TestRequestThatDoesNotFitIsToldToTheApp(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	b := w.browser()
	noise := strings.Builder{}
	for i := range 400 {
		noise.WriteString(w.server.seal.Token(strings.Repeat("x", i)))
	}
	got := b.get(pathAuthorize + "?" + authorizeQuery("nonce", noise.String())).wantLocation(callback).location()
	v, _ := url.Parse(got)
	q := v.Query()
	if q.Get("error") != "invalid_request" || q.Get("iss") != httpsIssuer || q.Get("state") != "STATE-1" || len(q) != 4 {
		t.Fatalf("answer %s", got)
	}
	if b.cookie(w.server.names.flow) != "" {
		t.Fatal("a flow was begun")
	}
	// What repeats is small: 20 KB of one letter is no problem.
	b.begin("nonce", strings.Repeat("a", 20000))
}

func TestFormPostWorksWithAndWithoutScript(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	w.authz.client.FirstParty = true
	b := w.browser()
	got := b.signIn(b.begin("response_mode", "form_post"), "ada").want(200)
	got.contains(`action="https://photos.example.test/cb"`, `name="code" value="SECRETCODE-sub-ada-1"`, `name="state" value="STATE-1"`,
		`id="continue"`, `<script src="/static/form-post.js?v=`)
	if csp := got.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
}
