package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"signet/authz"
	"signet/authz/login"
)

// everyPage opens each page there is, in states that matter.
func everyPage(t *testing.T, w *world) map[string]answer {
	t.Helper()
	pages := map[string]answer{}
	b := w.browser()
	page := b.begin()
	pages["login"] = b.get(page)
	pages["login refused"] = b.post(page, url.Values{"csrf": {pages["login"].csrf()}, "username": {"ada"}, "password": {"no"}})
	consent := b.signIn(page, "ada").location()
	pages["consent"] = b.get(consent)
	w.authz.logout = authz.Logout{Confirm: true, Client: &w.authz.client}
	pages["logout"] = b.get(w.server.url(pathLogout) + "?state=x")
	w.authz.mu.Lock()
	w.authz.consents["sub-ada"] = true
	w.authz.mu.Unlock()
	pages["account"] = b.get(w.server.url(pathAccount)).want(200)
	pages["account sign-in"] = w.browser().get(w.server.url(pathAccount)).want(200)
	w.authz.mu.Lock()
	delete(w.authz.consents, "sub-ada")
	w.authz.mu.Unlock()
	pages["home signed in"] = b.get(w.server.url("/"))
	b.post(consent, url.Values{"csrf": {pages["consent"].csrf()}, "answer": {"allow"}})
	pages["done"] = b.get(consent)
	pages["form_post"] = b.get(w.server.url(pathAuthorize) + "?" + authorizeQuery("response_mode", "form_post"))
	pages["lost"] = w.browser().get(page)
	pages["refused"] = b.get(w.server.url(pathAuthorize) + "?client_id=nobody")
	pages["not found"] = b.get(w.server.url("/nowhere"))
	pages["logged out"] = b.get(w.server.url(pathLoggedOut))
	pages["setup"] = b.get(w.server.url(pathSetup) + setupToken)
	pages["setup dead"] = b.get(w.server.url(pathSetup) + "wrong")
	pages["home"] = w.browser().get(w.server.url("/"))
	w.clock.add(lifetime * 2)
	return pages
}

func TestEveryPageHasTheSecurityHeaders(t *testing.T) {
	w := newWorld(t, pathIssuer)
	for name, p := range everyPage(t, w) {
		h := p.Header()
		for header, want := range map[string]string{
			"X-Content-Type-Options":    "nosniff",
			"X-Frame-Options":           "DENY",
			"Referrer-Policy":           "no-referrer",
			"Cache-Control":             "no-store",
			"Strict-Transport-Security": "max-age=31536000",
			"Content-Type":              "text/html; charset=UTF-8",
		} {
			if h.Get(header) != want {
				t.Errorf("%s: %s is %q, want %q", name, header, h.Get(header), want)
			}
		}
		csp := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'self'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: policy %q lacks %s", name, csp, part)
			}
		}
		if strings.Contains(csp, "unsafe") || (strings.Contains(csp, "script-src") && name != "form_post") {
			t.Errorf("%s: policy %q", name, csp)
		}
		for _, bad := range []string{"<style", " style=", " onclick=", "javascript:"} {
			if strings.Contains(p.body, bad) {
				t.Errorf("%s: the page has %q", name, bad)
			}
		}
		if !strings.Contains(p.body, `<html lang="en" dir="ltr">`) || strings.Count(p.body, "<h1>") != 1 {
			t.Errorf("%s: language or heading missing", name)
		}
	}
	if h := newWorld(t, httpIssuer).browser().get("/").Header(); h.Get("Strict-Transport-Security") != "" {
		t.Error("HSTS from an http issuer")
	}
}

func TestCookieAttributes(t *testing.T) {
	for _, tc := range []struct {
		issuer, browser, session, flow, path string
		secure                               bool
	}{
		{httpsIssuer, "__Host-signet_browser", "__Host-signet_session", "__Secure-signet_flow", "/interaction/", true},
		{httpIssuer, "signet_browser", "signet_session", "signet_flow", "/interaction/", false},
		{pathIssuer, "__Host-signet_browser_", "__Host-signet_session_", "__Secure-signet_flow", "/tenant/interaction/", true},
	} {
		b := newWorld(t, tc.issuer).browser()
		got := b.get(b.w.server.url(pathAuthorize) + "?" + authorizeQuery())
		page := got.location()
		cookies := append(got.Result().Cookies(), b.signIn(page, "ada").Result().Cookies()...)
		seen := map[string]bool{}
		for _, ck := range cookies {
			if !ck.HttpOnly || ck.Secure != tc.secure || ck.SameSite != http.SameSiteLaxMode || ck.Domain != "" {
				t.Errorf("%s: %s", tc.issuer, ck)
			}
			switch {
			case strings.HasPrefix(ck.Name, tc.flow):
				id := strings.Split(strings.TrimPrefix(page, tc.issuer+pathInteraction), "/")[0]
				if ck.Path != tc.path+id || ck.MaxAge <= int(lifetime.Seconds()) {
					t.Errorf("%s: flow cookie %s", tc.issuer, ck)
				}
				seen["flow"] = true
			case strings.HasPrefix(ck.Name, tc.browser):
				seen["browser"] = ck.Path == "/" && ck.MaxAge > 0
			case strings.HasPrefix(ck.Name, tc.session):
				seen["session"] = ck.Path == "/" && ck.MaxAge == 0
			default:
				t.Errorf("%s: unexpected cookie %s", tc.issuer, ck)
			}
		}
		if len(seen) != 3 || !seen["browser"] || !seen["session"] {
			t.Errorf("%s: cookies %v", tc.issuer, seen)
		}
	}
}

// Guards against zitadel CVE-2023-49097 and CVE-2025-64101: links follow the
// Host header.
func TestHostileHostHeadersChangeNothing(t *testing.T) {
	fetch := func(hostile bool) string {
		w := newWorld(t, pathIssuer, func(c *Config) { c.Rand = &counting{} })
		b := w.browser()
		if hostile {
			for _, name := range []string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Original-Url", "X-Rewrite-Url", "X-Forwarded-Ssl", "X-Http-Method-Override"} {
				b.head.Set(name, "evil.test")
			}
			b.head.Set("Forwarded", "host=evil.test;proto=http")
			inner := w.http
			w.http = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { r.Host = "evil.test"; inner.ServeHTTP(rw, r) })
		}
		var all strings.Builder
		page := b.begin()
		all.WriteString(page)
		for _, target := range []string{page, "/tenant/", "/tenant/oauth2/authorize?client_id=nobody", "/tenant/setup/" + setupToken, "/tenant/logged-out", "/tenant/x"} {
			p := b.get(target)
			all.WriteString(p.body)
			for _, ck := range p.Result().Cookies() {
				all.WriteString(ck.String())
			}
		}
		return all.String()
	}
	plain, poisoned := fetch(false), fetch(true)
	if strings.Contains(poisoned, "evil.test") || plain != poisoned {
		t.Error("a header changed a page, a link or a cookie")
	}
}

// counting is randomness that repeats itself in every test world.
type counting struct{ n byte }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		c.n++
		p[i] = c.n
	}
	return len(p), nil
}

func TestHostileTextIsEscapedOnEveryPage(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>'` + "\u202e"
	w := newWorld(t, httpsIssuer)
	w.authz.client.Name, w.authz.client.PolicyURI, w.authz.client.TermsURI = evil, "javascript:alert(3)", `https://x.test/"onclick="alert(4)`
	w.authz.scopes = []authz.ScopeText{{Name: evil, Text: evil}}
	w.authz.old = w.authz.scopes
	w.login.people[evil] = login.Person{ID: "sub-evil", Username: evil}
	w.authz.people["sub-evil"] = w.login.people[evil]
	b := w.browser()
	page := b.begin("login_hint", evil, "state", evil, "response_mode", "form_post")
	seen := []answer{b.get(page)}
	seen = append(seen, b.post(page, url.Values{"csrf": {seen[0].csrf()}, "username": {evil}, "password": {evil}}))
	consent := b.signIn(page, evil).location()
	seen = append(seen, b.get(consent))
	w.authz.logout = authz.Logout{Confirm: true, Client: &w.authz.client}
	seen = append(seen, b.get(pathLogout+"?"+url.Values{"state": {evil}, evil: {evil}}.Encode()))
	seen = append(seen, b.post(consent, url.Values{"csrf": {seen[2].csrf()}, "answer": {"allow"}}))
	w.authz.fail = &authz.Error{Code: evil, Description: evil, Status: 400}
	seen = append(seen, b.get(pathAuthorize+"?"+authorizeQuery()))
	seen = append(seen, b.post(pathSetup+setupToken, url.Values{"username": {evil}, "email": {evil}, "name": {evil}}))
	tags := regexp.MustCompile(`<script[^>]*>`)
	for i, p := range seen {
		for _, tag := range tags.FindAllString(p.body, -1) {
			if !strings.HasPrefix(tag, `<script src="/static/form-post.js`) {
				t.Errorf("page %d: %s", i, tag)
			}
		}
		for _, bad := range []string{"<img", `"javascript:`, `"onclick=`} {
			if strings.Contains(p.body, bad) {
				t.Errorf("page %d has %q:\n%s", i, bad, p.body)
			}
		}
	}
	if strings.Contains(seen[0].body, "<strong><bdi>"+"\u202e") || !strings.Contains(seen[0].body, "<bdi>&#34;&gt;&lt;script&gt;") {
		t.Errorf("the app's name is not isolated:\n%s", seen[0].body)
	}
}

// Guards against echo CVE-2026-55677 and open redirects by odd paths.
func TestPathTricksAreNotFoundAndNeverRedirect(t *testing.T) {
	for _, issuer := range []string{httpsIssuer, pathIssuer} {
		w := newWorld(t, issuer)
		for _, path := range []string{
			"/admin%2Fx", "//evil.test", "//evil.test/%2e%2e", "/%2f%2fevil.test", "/%5cevil.test", "/oauth2//authorize", "/oauth2/authorize/", "/x/../oauth2/authorize",
			"/oauth2/%61uthorize", "/oauth2/authorize;x", "/setup/a%2fb", "/setup/" + setupToken + "/", "/static/", "/static/../routes.go", "/static/%2e%2e%2froutes.go", "/static/style.css/",
			"/interaction/", "/interaction/x/login/..", "/.well-known/", "/.well-known/openid-configuration/", "/%00", "/\t/evil.test", "/oauth2/logout/confirm/x",
		} {
			r := httptest.NewRequest("GET", issuer+"/", nil)
			u, err := url.ParseRequestURI(w.server.base + strings.ReplaceAll(path, "\t", "%09"))
			if err != nil {
				t.Fatal(path, err)
			}
			r.URL = u
			rec := httptest.NewRecorder()
			w.http.ServeHTTP(rec, r)
			if rec.Code != 404 || rec.Header().Get("Location") != "" {
				t.Errorf("%s%s: %d to %q", issuer, path, rec.Code, rec.Header().Get("Location"))
			}
		}
	}
}

func TestBodiesOver64KiBAreRefused(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	b := w.browser()
	page := b.begin()
	big := strings.Repeat("a", maxBody+1)
	for _, path := range []string{page, httpsIssuer + pathAuthorize, httpsIssuer + "/oauth2/token", httpsIssuer + pathSetup + setupToken} {
		for _, chunked := range []bool{false, true} {
			r := httptest.NewRequest("POST", path, strings.NewReader(big))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if chunked {
				r.ContentLength = -1
			}
			rec := httptest.NewRecorder()
			w.http.ServeHTTP(rec, r)
			if rec.Code != 413 {
				t.Errorf("%s (chunked %v): %d", path, chunked, rec.Code)
			}
			if strings.HasSuffix(path, "/token") != strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") {
				t.Errorf("%s: %s", path, rec.Header().Get("Content-Type"))
			}
		}
	}
}

func TestWrongContentTypeIsRefused(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	r := httptest.NewRequest("POST", httpsIssuer+pathAuthorize, strings.NewReader(`{"client_id":"photos"}`))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	w.http.ServeHTTP(rec, r)
	if rec.Code != 415 || len(w.authz.seen) != 0 {
		t.Fatalf("%d", rec.Code)
	}
}
