package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/authz/login"
	"signet/cmd/signet/config"
)

// Guards against an open redirect: rd is a page of a guarded site, byte for byte, or
// nobody is sent anywhere.
func TestForwardNeverRedirectsElsewhere(t *testing.T) {
	i, staff, _ := guardSites(t)
	i.person(t, "ada")
	b := newBrowser(t)
	if p, _ := b.open(staff.URL+"/", "ada"); p.Status != http.StatusOK {
		t.Fatalf("signed in: %d", p.Status)
	}
	state := strings.Repeat("s", 43)
	for _, rd := range []string{
		"", "/", "//evil.test/", "https://evil.test/", "https://wiki.example.test", "https://wiki.example.test.evil.test/", "https://wiki.example.testx/",
		"http://wiki.example.test/", "HTTPS://wiki.example.test/", "https://WIKI.example.test/", "https://wiki.example.test:8443/", "https://wiki.example.test:443/",
		"https://wiki.example.test@evil.test/", "https://wiki.example.test:x@evil.test/", "https://ada@wiki.example.test/", "https://wiki.example.test\\@evil.test/",
		"https:wiki.example.test/", "https:/wiki.example.test/", "https:///wiki.example.test/", "https:\\\\wiki.example.test/", "javascript:alert(1)//https://wiki.example.test/",
		"data:text/html,x", " https://wiki.example.test/", "https://wiki.example.test/ x", "https://wiki.example.test/\r\nSet-Cookie: a=b", "https://wiki.example.test/\n",
		"https://wiki.example.test/\\evil.test", "https://wiki.example.test/#x", "https://wiki.example.test?x", "https://wiki.example.test\t/", "https://wiki.example.test./",
		"https://wiki.example.test/.signet/start?rd=x", "https://wiki.example.test/" + strings.Repeat("a", 2000), "https://wiki.example.test%2f@evil.test/", "https://wiki。example.test/",
		"https://*.example.test/", "*", "null", staff.host + "/", strings.Replace(staff.URL, "http:", "https:", 1) + "/",
	} {
		p := b.get(i.URL + "/auth/start?" + url.Values{"rd": {rd}, "state": {state}}.Encode())
		if p.Status != http.StatusBadRequest || p.Location != nil || p.Header.Get("Set-Cookie") != "" {
			t.Errorf("rd %q: %d %v", rd, p.Status, p.Location)
		}
	}
	good := url.Values{"rd": {staff.URL + "/"}, "state": {state}}
	for name, bad := range map[string]string{
		"two rd":       good.Encode() + "&rd=https%3A%2F%2Fevil.test%2F",
		"two states":   good.Encode() + "&state=x",
		"no state":     "rd=" + url.QueryEscape(staff.URL+"/"),
		"a short one":  "rd=" + url.QueryEscape(staff.URL+"/") + "&state=x",
		"prompt=none":  good.Encode() + "&prompt=none",
		"bad encoding": "rd=%zz",
	} {
		if p := b.get(i.URL + "/auth/start?" + bad); p.Status != http.StatusBadRequest || p.Location != nil {
			t.Errorf("%s: %d %v", name, p.Status, p.Location)
		}
	}
	// A path that looks like a host stays below the site.
	p, _ := b.open(staff.URL+"//evil.test/%5C%0d%0aX:%20y", "ada")
	if p.Status != http.StatusOK || p.Body[:strings.Index(p.Body, " as ")] != "GET //evil.test/%5C%0d%0aX:%20y" {
		t.Errorf("came back to %s: %q", p.URL, p.Body)
	}
}

// Guards against host header poisoning: only a configured host is answered for, and
// only a proxy's word counts (SECURITY 13).
func TestForwardBelievesProxiesAlone(t *testing.T) {
	i, staff, all := guardSites(t, func(c *config.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/28")}
	})
	i.person(t, "ada")
	b := newBrowser(t)
	b.open(staff.URL+"/", "ada")
	b.open(all.URL+"/", "ada")
	cookie := "signet_forward=" + b.cookieOf(staff.URL, "signet_forward")
	for name, headers := range map[string]map[string]string{
		"none":                     {},
		"Host alone":               {"Host": staff.host},
		"a foreign host":           {"X-Forwarded-Host": "evil.test", "X-Forwarded-Uri": "/"},
		"a foreign original":       {"X-Original-URL": "https://evil.test/"},
		"a host below":             {"X-Forwarded-Host": "a.wiki.example.test"},
		"a host with userinfo":     {"X-Original-URL": "http://" + staff.host + "@evil.test/"},
		"userinfo before a host":   {"X-Original-URL": "http://x@" + staff.host + "/"},
		"a list":                   {"X-Forwarded-Host": staff.host + ", evil.test"},
		"another port":             {"X-Forwarded-Host": "127.0.0.1:1"},
		"a dot":                    {"X-Forwarded-Host": "wiki.example.test."},
		"the port of http":         {"X-Forwarded-Host": "wiki.example.test:80"},
		"no scheme":                {"X-Original-URL": staff.host + "/"},
		"another scheme":           {"X-Original-URL": "ftp://" + staff.host + "/"},
		"the issuer":               {"X-Forwarded-Host": strings.TrimPrefix(i.URL, "http://")},
		"a visitor's own original": {"X-Original-URL": "http://" + staff.host + "/", "X-Forwarded-Host": all.host, "X-Forwarded-Uri": "/"},
		"a visitor's own host":     {"X-Original-URL": "https://wiki.example.test/", "X-Forwarded-Host": staff.host},
	} {
		headers["Cookie"] = cookie
		if resp := i.verify(t, headers); resp.StatusCode != http.StatusForbidden || resp.Header.Get("Location") != "" || resp.Header.Get("X-Auth-Redirect") != "" || resp.Header.Get("Remote-User") != "" {
			t.Errorf("%s: %d %v", name, resp.StatusCode, resp.Header)
		}
		for _, path := range []string{"/.signet/start?rd=https://evil.test/", "/.signet/callback?code=x"} {
			if resp := i.visit(t, path, headers); resp.StatusCode != http.StatusNotFound || len(resp.Cookies()) != 0 || resp.Header.Get("Location") != "" {
				t.Errorf("%s, %s: %d %v", name, path, resp.StatusCode, resp.Header)
			}
		}
	}
	for _, tt := range []struct {
		remote string
		want   int
	}{
		{"127.0.0.1:1", 200}, {"[::1]:1", 200}, {"203.0.113.9:1", 200}, {"[::ffff:203.0.113.9]:1", 200},
		{"203.0.113.16:1", 403}, {"198.51.100.1:1", 403}, {"10.0.0.1:1", 403}, {"[2001:db8::1]:1", 403}, {"", 403}, {"@", 403},
	} {
		r := httptest.NewRequest(http.MethodGet, i.URL+"/auth/verify", nil)
		r.RemoteAddr = tt.remote
		r.Header = http.Header{"X-Forwarded-Host": {staff.host}, "X-Forwarded-Uri": {"/"}, "Cookie": {cookie},
			"X-Forwarded-For": {"127.0.0.1"}, "X-Real-Ip": {"127.0.0.1"}, "Forwarded": {"for=127.0.0.1"}}
		w := httptest.NewRecorder()
		i.Handler.ServeHTTP(w, r)
		if w.Code != tt.want || (w.Header().Get("Remote-User") != "") != (tt.want == 200) {
			t.Errorf("from %s: %d %v, want %d", tt.remote, w.Code, w.Header(), tt.want)
		}
	}
}

// code begins at a site in b, signs in, and returns the callback without opening it.
func (g *guarded) code(b *browser) *url.URL {
	b.t.Helper()
	p := b.get(g.URL + "/page")
	p = b.get(p.Location.String())
	if p.byID("sign-in") != nil {
		p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
	}
	if p.param("code") == "" || p.Location.Path != "/.signet/callback" {
		b.t.Fatalf("no code: %d %v\n%s", p.Status, p.Location, p.Body)
	}
	return p.Location
}

// Guards against a code used twice, late, elsewhere or by somebody else, and against a
// planted sign-in.
func TestForwardCodeIsGoodOnce(t *testing.T) {
	i, staff, all := guardSites(t)
	i.person(t, "ada")
	refused := func(name string, b *browser, target string) {
		t.Helper()
		p := b.get(target)
		u, _ := url.Parse(target)
		site := "http://" + u.Host
		if p.Status != http.StatusBadRequest || p.Location != nil || b.cookieOf(site, "signet_forward") != "" || p.byID("open-site") == nil || p.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v\n%s", name, p.Status, p.Location, p.Body)
		}
	}
	b := newBrowser(t)
	callback := staff.code(b)
	other := newBrowser(t)
	refused("in a browser without a cookie", other, callback.String())
	other.get(staff.URL + "/")
	refused("in another browser", other, callback.String())
	elsewhere := *callback
	elsewhere.Host = all.host
	b.get(all.URL + "/")
	refused("at another host", b, elsewhere.String())
	for name, code := range map[string]string{
		"none": "", "junk": "AAAA", "cut": callback.Query().Get("code")[:40], "no base64": "?!",
		"changed": callback.Query().Get("code")[:60] + flip(callback.Query().Get("code")[60]) + callback.Query().Get("code")[61:],
	} {
		refused(name, b, staff.URL+"/.signet/callback?code="+url.QueryEscape(code))
	}
	if p := b.get(callback.String()); p.Status != http.StatusOK || !strings.HasPrefix(p.Body, "GET /page as ada") {
		t.Fatalf("the right browser at the right host: %d %q", p.Status, p.Body)
	}
	if p := b.get(callback.String()); p.Status != http.StatusBadRequest || p.Header.Get("Set-Cookie") != "" {
		t.Errorf("used again: %d", p.Status)
	}

	late := newBrowser(t)
	callback = staff.code(late)
	i.clock.Advance(time.Minute + time.Second)
	refused("expired", late, callback.String())
}

// 50 uses of one code at once: one is let in.
func TestForwardCodeRace(t *testing.T) {
	i, staff, _ := guardSites(t)
	i.person(t, "ada")
	b := newBrowser(t)
	callback := staff.code(b)
	cookie := "signet_forward_browser=" + b.cookieOf(staff.URL, "signet_forward_browser")
	var wg sync.WaitGroup
	statuses := make(chan int, 50)
	for range cap(statuses) {
		wg.Go(func() {
			r := httptest.NewRequest(http.MethodGet, callback.RequestURI(), nil)
			r.RemoteAddr = "127.0.0.1:1"
			r.Header = http.Header{"X-Forwarded-Host": {staff.host}, "Cookie": {cookie}}
			w := httptest.NewRecorder()
			i.Handler.ServeHTTP(w, r)
			statuses <- w.Code
		})
	}
	wg.Wait()
	close(statuses)
	count := map[int]int{}
	for s := range statuses {
		count[s]++
	}
	if count[http.StatusSeeOther] != 1 || count[http.StatusBadRequest] != 49 {
		t.Errorf("answers: %v", count)
	}
}

// Guards against a cookie of one site at another, changed ones, and one artefact used
// as another.
func TestForwardCookieIsOfOneSite(t *testing.T) {
	i, staff, all := guardSites(t)
	i.person(t, "ada")
	b := newBrowser(t)
	callback := staff.code(b)
	b.get(callback.String())
	b.open(all.URL+"/", "ada")
	own := b.cookieOf(all.URL, "signet_forward")
	ask := func(cookie string) int {
		return i.verify(t, map[string]string{"X-Forwarded-Host": all.host, "X-Forwarded-Uri": "/", "Cookie": "signet_forward=" + cookie}).StatusCode
	}
	if got := ask(own); got != http.StatusOK {
		t.Fatalf("its own cookie: %d", got)
	}
	sid := i.onlySession(t)
	bad := map[string]string{
		"of the other site": b.cookieOf(staff.URL, "signet_forward"), "the code": callback.Query().Get("code"), "the issuer's cookie": b.cookieOf(i.URL, "signet_session"),
		"the sid": sid, "the browser id": b.cookieOf(all.URL, "signet_forward_browser"), "none": "", "twice": own + own, "padded": own + "=",
	}
	for n := 0; n < len(own); n += 3 {
		bad["cut at "+own[:n]] = own[:n]
		bad["changed after "+own[:n]] = own[:n] + flip(own[n]) + own[n+1:]
	}
	for name, cookie := range bad {
		if got := ask(cookie); got != http.StatusFound {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := i.visit(t, "/.signet/callback?code="+own, map[string]string{"X-Forwarded-Host": all.host, "Cookie": "signet_forward_browser=" + b.cookieOf(all.URL, "signet_forward_browser")}); got.StatusCode != http.StatusBadRequest {
		t.Errorf("the cookie as a code: %d", got.StatusCode)
	}
}

// onlySession is the sid of the one session there is.
func (i *issuer) onlySession(t testing.TB) string {
	t.Helper()
	all, err := i.Store.SessionsPage(t.Context(), login.SessionFilter{}, "", 10)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d sessions, %v", len(all), err)
	}
	return all[0].ID
}

// What is taken from a person is taken at the next request, and comes back with it.
func TestForwardEndsWithItsReasons(t *testing.T) {
	i, staff, _ := guardSites(t)
	ada := i.person(t, "ada")
	b := newBrowser(t)
	b.open(staff.URL+"/", "ada")
	change := func(f func(*login.Person)) {
		t.Helper()
		if _, err := i.Login.UpdatePerson(t.Context(), ada.ID, func(p *login.Person) error { f(p); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	want := func(name string, status int) {
		t.Helper()
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, staff.URL+"/", nil)
		r.Header.Set("Cookie", "signet_forward="+b.cookieOf(staff.URL, "signet_forward"))
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, status)
		}
	}
	want("as it was", http.StatusOK)
	change(func(p *login.Person) { p.Groups = []string{"Staff", "staffing", "staf"} })
	want("out of the group", http.StatusForbidden)
	change(func(p *login.Person) { p.Groups = []string{"staff"} })
	want("in it again", http.StatusOK)
	change(func(p *login.Person) { p.Disabled = true })
	want("disabled", http.StatusFound)
	if p := b.get(b.get(staff.URL + "/").Location.String()); p.byID("sign-in") == nil || p.Location != nil {
		t.Errorf("a disabled person, with a live session at the issuer: %d %v", p.Status, p.Location)
	}
	change(func(p *login.Person) { p.Disabled = false })
	want("enabled", http.StatusOK)
	if err := i.Login.EndSession(t.Context(), i.onlySession(t)); err != nil {
		t.Fatal(err)
	}
	want("session ended by the operator", http.StatusFound)
	if p, asked := b.open(staff.URL+"/", "ada"); !asked || p.Status != http.StatusOK {
		t.Errorf("signed in again: asked %t, %d", asked, p.Status)
	}
	i.clock.Advance(12*time.Hour + time.Second)
	want("session expired", http.StatusFound)
}

// Guards against a sign-in carried from one browser to another (dex CVE-2022-39222),
// and against a log that tells where people go.
func TestForwardFlowIsBoundToItsBrowser(t *testing.T) {
	i, staff, _ := guardSites(t)
	i.person(t, "ada")
	b, other := newBrowser(t), newBrowser(t)
	p := b.get(b.get(staff.URL + "/").Location.String())
	if q := other.follow(b.submission(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})); q.Status != http.StatusBadRequest || q.param("code") != "" {
		t.Errorf("begun in one browser, carried on in another: %d %v", q.Status, q.Location)
	}
	// A wrong password loses nothing.
	if q := b.submit(p, "sign-in", map[string]string{"username": "ada", "password": "wrong"}); q.byID("sign-in") == nil || !strings.Contains(q.Body, "The wiki") {
		t.Errorf("a wrong password: %d\n%s", q.Status, q.Body)
	}
	if got := i.log.String(); strings.Contains(got, "rd=") || strings.Contains(got, testPassword) {
		t.Error("the log holds where somebody wanted to go")
	}
}
