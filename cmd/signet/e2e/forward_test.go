package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"signet/authz/login"
)

// A person opens a page behind a proxy: they sign in, come back to the very page, and
// the site learns who they are. The second site asks nothing. Signing out at the
// issuer is signing out of both.
func TestForwardAuth(t *testing.T) {
	i, staff, all := guardSites(t)
	i.person(t, "ada")
	b := newBrowser(t)
	const path = "/a%20page/it's?q=1&r=a%2Fb+c"
	p, asked := b.open(staff.URL+path, "ada")
	if want := "GET " + path + " as ada|ada@example.test|Ada Example|staff"; !asked || p.Status != http.StatusOK || p.Body != want {
		t.Fatalf("asked %t, %d %s: %q, want %q", asked, p.Status, p.URL, p.Body, want)
	}
	if got := p.Header.Get("Verify-Cache-Control"); got != "no-store" {
		t.Errorf("an answer to the proxy may be kept: %q", got)
	}
	i.queries.take()
	b.get(staff.URL + "/next")
	if r, w := i.queries.take(); len(r) != 2 || len(w) != 0 { // session, person
		t.Errorf("verify: %d reads and %d writes, the budget is 2 and 0: %q %q", len(r), len(w), r, w)
	}
	if p, asked := b.open(all.URL+"/", "ada"); asked || p.Status != http.StatusOK || !strings.HasPrefix(p.Body, "GET / as ada|") {
		t.Errorf("the second site: asked %t, %d %q", asked, p.Status, p.Body)
	}
	b.signOut(i)
	for _, site := range []*guarded{staff, all} {
		if p := b.get(site.URL + "/next"); p.Location == nil || p.Location.Path != "/auth/start" {
			t.Errorf("%s after signing out: %d %v", site.URL, p.Status, p.Location)
		}
	}
	if p, asked := b.open(staff.URL+"/next", "ada"); !asked || !strings.HasPrefix(p.Body, "GET /next as ada|") {
		t.Errorf("signed in again: asked %t, %d %q", asked, p.Status, p.Body)
	}
}

// The sign-in page names the site, and costs what an authorization costs: nothing is
// written before somebody signs in, then the session and the use of the code.
func TestForwardSignInPageAndBudget(t *testing.T) {
	i, staff, _ := guardSites(t)
	i.person(t, "ada")
	b := newBrowser(t)
	start := b.get(staff.URL + "/")
	i.queries.take()
	p := b.get(start.Location.String())
	if !strings.Contains(p.Body, "The wiki") || !strings.Contains(p.Body, staff.host) {
		t.Errorf("the page does not say what it is for:\n%s", p.Body)
	}
	if r, w := i.queries.take(); len(r) != 0 || len(w) != 0 {
		t.Errorf("the page: %q %q", r, w)
	}
	p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
	if _, w := i.queries.take(); len(w) != 1 || p.param("code") == "" {
		t.Errorf("the sign-in: %q, %v", w, p.Location)
	}
	b.get(p.Location.String())
	if _, w := i.queries.take(); len(w) != 1 {
		t.Errorf("the callback: %q", w)
	}
	// Two tabs that began before anybody signed in both arrive.
	b = newBrowser(t)
	first, second := b.get(staff.URL+"/one"), b.get(staff.URL+"/two")
	if p, _ := b.open(second.Location.String(), "ada"); !strings.HasPrefix(p.Body, "GET /two as ada") {
		t.Errorf("the second tab: %d %q", p.Status, p.Body)
	}
	if p, asked := b.open(first.Location.String(), "ada"); asked || !strings.HasPrefix(p.Body, "GET /one as ada") {
		t.Errorf("the first tab: asked %t, %d %q", asked, p.Status, p.Body)
	}
}

// Each proxy gets the answer that it understands.
func TestForwardAnswersPerProxy(t *testing.T) {
	i, _, _ := guardSites(t)
	const start = "https://wiki.example.test/.signet/start?rd="
	for name, tt := range map[string]struct {
		headers map[string]string
		status  int
		rd      string
	}{
		"nginx":            {map[string]string{"X-Original-URL": "https://wiki.example.test/a?b=c"}, 401, "/a?b=c"},
		"nginx, with port": {map[string]string{"X-Original-URL": "https://wiki.example.test:443/a"}, 401, "/a"},
		"nginx, both":      {map[string]string{"X-Original-URL": "https://wiki.example.test/a", "X-Forwarded-Host": "wiki.example.test"}, 401, "/a"},
		"Caddy, Traefik":   {map[string]string{"X-Forwarded-Host": "wiki.example.test", "X-Forwarded-Uri": "/a?b=c", "X-Forwarded-Proto": "https"}, 302, "/a?b=c"},
		"a person's page":  {map[string]string{"X-Forwarded-Host": "wiki.example.test", "X-Forwarded-Uri": "/", "Sec-Fetch-Mode": "navigate"}, 302, "/"},
		"a script":         {map[string]string{"X-Forwarded-Host": "wiki.example.test", "X-Forwarded-Uri": "/a", "Sec-Fetch-Mode": "cors"}, 401, "/a"},
		"a WebSocket":      {map[string]string{"X-Forwarded-Host": "wiki.example.test", "X-Forwarded-Uri": "/a", "Connection": "Upgrade", "Upgrade": "websocket"}, 401, "/a"},
		"no path":          {map[string]string{"X-Forwarded-Host": "WIKI.example.test"}, 302, "/"},
		"a very long path": {map[string]string{"X-Forwarded-Host": "wiki.example.test", "X-Forwarded-Uri": "/a?" + strings.Repeat("b", 3000)}, 302, "/a"},
		"our own path":     {map[string]string{"X-Forwarded-Host": "wiki.example.test", "X-Forwarded-Uri": "/.signet/start?rd=x"}, 302, "/"},
	} {
		resp := i.verify(t, tt.headers)
		want := start + url.QueryEscape("https://wiki.example.test"+tt.rd)
		if resp.StatusCode != tt.status || resp.Header.Get("Location") != want || resp.Header.Get("X-Auth-Redirect") != want || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v, want %d %s", name, resp.StatusCode, resp.Header, tt.status, want)
		}
	}
	resp := i.visit(t, "/.signet/start", map[string]string{"X-Original-URL": "https://wiki.example.test/.signet/start"})
	ck := resp.Cookies()
	if len(ck) != 1 || ck[0].Name != "__Host-signet_forward_browser" || !ck[0].Secure || !ck[0].HttpOnly || ck[0].Path != "/" || ck[0].SameSite != http.SameSiteLaxMode {
		t.Errorf("the cookie of a site with https: %v", ck)
	}
	if to, err := resp.Location(); err != nil || to.Query().Get("rd") != "https://wiki.example.test/" || !strings.HasPrefix(to.String(), i.URL+"/auth/start?") {
		t.Errorf("sent to %v, %v", to, err)
	}
}

// What a site is told is what is true now.
func TestForwardTellsWhatIsTrueNow(t *testing.T) {
	i, _, all := guardSites(t)
	ada := i.person(t, "ada")
	b := newBrowser(t)
	b.open(all.URL+"/", "ada")
	if _, err := i.Login.UpdatePerson(t.Context(), ada.ID, func(p *login.Person) error {
		p.Profile.Name, p.Email, p.Groups = "Zoë", "", []string{"one", "two, admin", "three"}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if p := b.get(all.URL + "/"); p.Body != "GET / as ada||Zoë|one,three" {
		t.Errorf("told %q", p.Body)
	}
}
