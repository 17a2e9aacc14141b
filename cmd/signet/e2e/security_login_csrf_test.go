package e2e

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/cmd/signet/config"
)

// A stranger's sign-in cannot be planted (login CSRF): Eve's form, filled with
// Eve's password and posted from her site by Ada's browser, signs nobody in.
func TestLoginCSRF(t *testing.T) {
	i := newBindingIssuer(t)
	eves := map[string]string{"username": "eve", "password": testPassword}
	eve := newBrowser(t)
	evesPage := eve.get(i.authorizeURL("first-party", nil))
	for name, header := range map[string]http.Header{
		"nothing said":  {},
		"cross-site":    {"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.test"}},
		"same-site":     {"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://evil.example.test"}},
		"an old engine": {"Origin": {"https://evil.test"}},
		"opaque origin": {"Origin": {"null"}},
		"capitals":      {"Sec-Fetch-Site": {"Same-Origin"}},
	} {
		t.Run(name, func(t *testing.T) {
			ada := newBrowser(t)
			adasPage := ada.get(i.authorizeURL("first-party", nil))
			for _, target := range []*page{evesPage, adasPage} {
				req := ada.submission(target, "sign-in", map[string]string{"username": "eve", "password": testPassword, "csrf": csrfOf(evesPage)})
				maps.Copy(req.Header, header)
				wantNobody(t, i, ada, ada.follow(req))
			}
			if name == "nothing said" || name == "opaque origin" {
				return // there the form token alone decides
			}
			req := ada.submission(adasPage, "sign-in", adas)
			maps.Copy(req.Header, header)
			p := ada.follow(req)
			p.wantErrorPage(t)
			wantNobody(t, i, ada, p)
		})
	}
	if p := eve.submit(evesPage, "sign-in", eves); p.param("code") == "" {
		t.Errorf("Eve herself cannot sign in: %d", p.Status)
	}
}

// A form token that is missing or changed signs nobody in, and says so on the
// page, with what was typed kept but the password.
func TestSignInNeedsTheFormToken(t *testing.T) {
	i := newBindingIssuer(t)
	b := newBrowser(t)
	page := b.get(i.authorizeURL("first-party", nil))
	good := csrfOf(page)
	for _, token := range []string{"", "x", good[:len(good)-1], good + "A", flip(good[0]) + good[1:], strings.Repeat("A", 43)} {
		p := b.submit(page, "sign-in", map[string]string{"username": "ada", "password": testPassword, "csrf": token})
		wantNobody(t, i, b, p)
		if p.byID("sign-in") == nil || strings.Contains(p.Body, testPassword) {
			t.Errorf("token %q: not the form, or the password came back: %d", token, p.Status)
		}
		p.wantGuarded(t)
	}
	p := b.get(page.URL.String() + "?" + url.Values{"csrf": {good}, "username": {"ada"}, "password": {testPassword}}.Encode())
	wantNobody(t, i, b, p)
	if p := b.submit(page, "sign-in", adas); p.param("code") == "" {
		t.Errorf("the form itself does not work any more: %d", p.Status)
	}
}

// The sealed request in the flow cookie cannot be changed, nor moved to
// another flow, nor used when it is too old.
func TestFlowCookieIsSealed(t *testing.T) {
	i := newBindingIssuer(t)
	b := newBrowser(t)
	page := b.get(i.authorizeURL("first-party", nil))
	other := b.get(i.authorizeURL("first-party", map[string]string{"state": "other"}))
	target := page.URL.String()
	flow := strings.TrimSuffix(target, "/login")
	sealed := b.cookie(t, target, flowCookie)
	bad := []string{"", "x", sealed + "A", sealed + sealed, b.cookie(t, other.URL.String(), flowCookie)}
	for n := 0; n < len(sealed); n += 7 {
		bad = append(bad, sealed[:n], sealed[:n]+flip(sealed[n])+sealed[n+1:])
	}
	for _, value := range bad {
		b.plant(t, flow, flowCookie, value)
		b.get(target).wantErrorPage(t)
		b.submit(page, "sign-in", adas).wantErrorPage(t)
		if t.Failed() {
			t.Fatalf("with the cookie %q", value)
		}
	}
	for _, id := range []string{strings.Repeat("A", 22), "x", "..", "%2e%2e", page.URL.Path, ""} {
		if p := b.get(i.URL + "/interaction/" + id + "/login"); p.Status < 400 || p.Status > 499 {
			t.Errorf("flow id %q: %d", id, p.Status)
		}
	}
	b.plant(t, flow, flowCookie, sealed)
	i.clock.Advance(31 * time.Minute)
	p := b.submit(page, "sign-in", adas)
	if p.Status != http.StatusGone || p.byID("start-again") == nil {
		t.Errorf("an expired page: %d\n%s", p.Status, p.Body)
	}
	wantNobody(t, i, b, p)
	i.clock.Advance(-31 * time.Minute)
	if p := b.submit(page, "sign-in", adas); p.param("code") == "" {
		t.Errorf("the cookie itself does not work any more: %d", p.Status)
	}
}

// Cookies cannot be read by scripts, sent by other sites' forms, or, over
// https, planted by a sibling subdomain (RFC 6265bis, section 4.1.3).
func TestCookieAttributes(t *testing.T) {
	var address string
	i := start(t, func(c *config.Config) {
		address = c.Listen
		c.Issuer = "https://id.example.test"
	})
	i.webApp(t, "app")
	target, err := url.Parse(i.authorizeURL("app", nil))
	if err != nil {
		t.Fatal(err)
	}
	a := raw(t, address, rawGet(target.RequestURI(), "id.example.test"))
	if a.Status != http.StatusSeeOther {
		t.Fatalf("authorize: %d %s", a.Status, a.Raw)
	}
	var names []string
	for _, line := range a.Header["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, c.Name)
		if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Domain != "" {
			t.Errorf("%s", line)
		}
		if strings.HasPrefix(c.Name, "__Host-") && c.Path != "/" {
			t.Errorf("%s: a __Host- cookie needs Path=/", line)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"__Host-signet_browser", "__Secure-signet_flow"}) {
		t.Errorf("cookies %q", names)
	}
	if a.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security over https")
	}
}
