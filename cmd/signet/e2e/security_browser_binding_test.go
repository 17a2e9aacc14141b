package e2e

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// cookies returns what the browser would send to this address.
func (b *browser) cookies(t testing.TB, target string) []*http.Cookie {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return b.client.Jar.Cookies(u)
}

func (b *browser) cookie(t testing.TB, target, name string) string {
	t.Helper()
	for _, c := range b.cookies(t, target) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// plant puts a cookie into the browser, as a stranger with some way in would.
func (b *browser) plant(t testing.TB, target, name, value string) {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: u.Path}})
}

// signedIn reports whether the browser has a session.
func (b *browser) signedIn(i *issuer) bool {
	b.t.Helper()
	p := b.get(i.authorizeURL("first-party", map[string]string{"prompt": "none"}))
	return p.param("code") != ""
}

// wantNobody checks that a sign-in or a consent led nowhere.
func wantNobody(t *testing.T, i *issuer, b *browser, p *page) {
	t.Helper()
	if p.Location != nil && p.Location.Host != p.URL.Host {
		t.Errorf("redirected to %s", p.Location)
	}
	if strings.Contains(p.Header.Get("Location")+p.Body, "code=") {
		t.Errorf("a code: %s\n%s", p.Header.Get("Location"), p.Body)
	}
	for _, c := range p.Header["Set-Cookie"] {
		if strings.HasPrefix(c, sessionCookie+"=") && !strings.Contains(c, "Max-Age=0") {
			t.Errorf("a session began: %s", c)
		}
	}
	if b.signedIn(i) {
		t.Error("the browser is signed in")
	}
}

const (
	sessionCookie = "signet_session"
	browserCookie = "signet_browser"
	flowCookie    = "signet_flow"
)

var adas = map[string]string{"username": "ada", "password": testPassword}

func newBindingIssuer(t *testing.T) *issuer {
	i := start(t)
	i.person(t, "ada")
	i.person(t, "eve")
	i.webApp(t, "app")
	i.webApp(t, "first-party", firstParty)
	return i
}

// A sign-in that began in one browser cannot be finished in another
// (dex CVE-2022-39222): whoever sends Ada a link to a page of his own flow
// must not get a code for Ada.
func TestSignInIsBoundToTheBrowser(t *testing.T) {
	i := newBindingIssuer(t)
	for name, attack := range map[string]func(t *testing.T, a, b *browser, pageA *page) *http.Request{
		"the link alone": func(t *testing.T, _, b *browser, pageA *page) *http.Request {
			b.get(pageA.URL.String()).wantErrorPage(t)
			return b.submission(pageA, "sign-in", adas)
		},
		"after a flow of B's own": func(_ *testing.T, _, b *browser, pageA *page) *http.Request {
			b.get(i.authorizeURL("first-party", nil))
			return b.submission(pageA, "sign-in", adas)
		},
		"with the form token of B's own flow": func(_ *testing.T, _, b *browser, pageA *page) *http.Request {
			own := b.get(i.authorizeURL("first-party", nil))
			return b.submission(pageA, "sign-in", map[string]string{"username": "ada", "password": testPassword, "csrf": csrfOf(own)})
		},
		"with A's flow cookie planted": func(t *testing.T, a, b *browser, pageA *page) *http.Request {
			b.get(i.authorizeURL("first-party", nil))
			b.plant(t, pageA.URL.String(), flowCookie, a.cookie(t, pageA.URL.String(), flowCookie))
			b.get(pageA.URL.String()).wantErrorPage(t)
			return b.submission(pageA, "sign-in", adas)
		},
		"with A's flow cookie planted for all paths": func(t *testing.T, a, b *browser, pageA *page) *http.Request {
			own := b.get(i.authorizeURL("first-party", nil))
			b.plant(t, i.URL+"/", flowCookie, a.cookie(t, pageA.URL.String(), flowCookie))
			if p := b.get(own.URL.String()); p.byID("sign-in") == nil {
				t.Errorf("a planted cookie breaks B's own flow: %d", p.Status)
			}
			return b.submission(pageA, "sign-in", adas)
		},
		"with A's browser id planted, without the flow cookie": func(t *testing.T, a, b *browser, pageA *page) *http.Request {
			b.plant(t, i.URL+"/", browserCookie, a.cookie(t, i.URL+"/", browserCookie))
			return b.submission(pageA, "sign-in", adas)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newBrowser(t), newBrowser(t)
			pageA := a.get(i.authorizeURL("first-party", nil))
			p := b.follow(attack(t, a, b, pageA))
			p.wantErrorPage(t)
			wantNobody(t, i, b, p)
			wantNobody(t, i, a, a.get(pageA.URL.String()))
		})
	}
}

func csrfOf(p *page) string {
	for n := range p.root.Descendants() {
		if n.Data == "input" && attr(n, "name") == "csrf" {
			return attr(n, "value")
		}
	}
	return ""
}

// A consent page that Ada sees cannot be answered from another browser, nor
// by somebody else who signed in meanwhile in hers.
func TestConsentIsBoundToBrowserAndPerson(t *testing.T) {
	i := newBindingIssuer(t)
	eves := map[string]string{"username": "eve", "password": testPassword}
	// consent opens the consent page of the app as somebody.
	consent := func(b *browser, who map[string]string, state string) *page {
		p := b.get(i.authorizeURL("app", map[string]string{"state": state}))
		if p.byID("sign-in") != nil {
			p = b.submit(p, "sign-in", who)
		}
		if p.byID("allow") == nil {
			b.t.Fatalf("no consent page: %d\n%s", p.Status, p.Body)
		}
		return p
	}

	t.Run("answered in another browser", func(t *testing.T) {
		a, b := newBrowser(t), newBrowser(t)
		pageA := consent(a, adas, "s")
		consent(b, eves, "s")
		p := b.submit(pageA, "allow", nil)
		p.wantErrorPage(t)
		if p := a.get(pageA.URL.String()); p.byID("allow") == nil {
			t.Error("Ada is not asked any more")
		}
	})
	t.Run("answered with another flow's form", func(t *testing.T) {
		a := newBrowser(t)
		first, second := consent(a, adas, "first"), consent(a, adas, "second")
		p := a.submit(first, "allow", map[string]string{"csrf": csrfOf(second)})
		if p.Location != nil && p.Location.Host != p.URL.Host || p.byID("allow") == nil {
			t.Errorf("accepted: %d %s", p.Status, p.Header.Get("Location"))
		}
	})
	t.Run("without the form token", func(t *testing.T) {
		a := newBrowser(t)
		page := consent(a, adas, "s")
		for _, token := range []string{"", "x", strings.Repeat("A", 43)} {
			if p := a.submit(page, "allow", map[string]string{"csrf": token}); p.param("code") != "" {
				t.Errorf("accepted with the token %q", token)
			}
		}
		// Deny without a token would be a nuisance only, and is refused too.
		if p := a.submit(page, "deny", map[string]string{"csrf": ""}); p.param("error") != "" {
			t.Error("denied without a token")
		}
	})
	t.Run("by GET", func(t *testing.T) {
		a := newBrowser(t)
		page := consent(a, adas, "s")
		p := a.get(page.URL.String() + "?" + url.Values{"csrf": {csrfOf(page)}, "answer": {"allow"}}.Encode())
		if p.param("code") != "" {
			t.Error("a link allows")
		}
	})
	t.Run("from another site", func(t *testing.T) {
		for name, header := range map[string]http.Header{
			"cross-site":   {"Sec-Fetch-Site": {"cross-site"}},
			"same-site":    {"Sec-Fetch-Site": {"same-site"}},
			"an old one":   {"Origin": {"https://evil.test"}},
			"another port": {"Origin": {"http://127.0.0.1:1"}},
			"disagreeing":  {"Origin": {i.URL}, "Sec-Fetch-Site": {"cross-site"}},
		} {
			a := newBrowser(t)
			req := a.submission(consent(a, adas, "s"), "allow", nil)
			maps.Copy(req.Header, header)
			if p := a.follow(req); p.Status != http.StatusForbidden || p.Location != nil {
				t.Errorf("%s: %d %s", name, p.Status, p.Header.Get("Location"))
			}
		}
	})
	t.Run("somebody else signed in meanwhile", func(t *testing.T) {
		a := newBrowser(t)
		page := consent(a, adas, "s")
		p := a.get(i.authorizeURL("first-party", map[string]string{"prompt": "login"}))
		if p = a.submit(p, "sign-in", eves); p.param("code") == "" {
			t.Fatalf("Eve could not sign in: %d", p.Status)
		}
		p = a.submit(page, "allow", nil) // Ada's answer, Eve's session
		if p.param("code") != "" {
			t.Fatal("Ada's answer was taken for Eve's")
		}
		if p.byID("allow") == nil {
			t.Errorf("Eve is not asked: %d %s", p.Status, p.Header.Get("Location"))
		}
	})
}

// The session's secret changes at every sign-in, so that one which was planted
// before (session fixation) or is known from before signs nobody in.
func TestSessionChangesAtSignIn(t *testing.T) {
	i := newBindingIssuer(t)
	planted := strings.Repeat("A", 43)
	b, stranger := newBrowser(t), newBrowser(t)
	b.plant(t, i.URL+"/", sessionCookie, planted)
	p := b.get(i.authorizeURL("first-party", nil))
	if p = b.submit(p, "sign-in", adas); p.param("code") == "" {
		t.Fatalf("sign-in: %d\n%s", p.Status, p.Body)
	}
	first := b.cookie(t, i.URL+"/", sessionCookie)
	if first == planted || first == "" {
		t.Fatalf("the session cookie is %q after the sign-in", first)
	}
	stranger.plant(t, i.URL+"/", sessionCookie, planted)
	if stranger.signedIn(i) {
		t.Error("the planted session is signed in")
	}

	p = b.get(i.authorizeURL("first-party", map[string]string{"prompt": "login"}))
	if p = b.submit(p, "sign-in", adas); p.param("code") == "" {
		t.Fatalf("second sign-in: %d\n%s", p.Status, p.Body)
	}
	second := b.cookie(t, i.URL+"/", sessionCookie)
	if second == first {
		t.Error("the second sign-in kept the session")
	}
	stranger.plant(t, i.URL+"/", sessionCookie, first)
	if stranger.signedIn(i) {
		t.Error("the session before the second sign-in still counts")
	}
	// Each flow has its own random id as well.
	one, two := newBrowser(t).get(i.authorizeURL("app", nil)), newBrowser(t).get(i.authorizeURL("app", nil))
	if one.URL.Path == two.URL.Path {
		t.Errorf("two flows share %s", one.URL.Path)
	}
}
