package e2e

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"signet/cmd/signet/config"
)

// poison is what a request can say about where it was sent.
var poison = map[string][]string{
	"X-Forwarded-Host":       {"evil.test"},
	"X-Forwarded-Server":     {"evil.test"},
	"X-Forwarded-Proto":      {"gopher"},
	"X-Forwarded-Scheme":     {"gopher"},
	"X-Forwarded-Ssl":        {"on"},
	"X-Forwarded-Port":       {"666"},
	"X-Forwarded-Prefix":     {"/evil"},
	"X-Forwarded-Path":       {"/evil"},
	"X-Forwarded-For":        {"6.6.6.6"},
	"X-Real-Ip":              {"6.6.6.6"},
	"Forwarded":              {"for=6.6.6.6;host=evil.test;proto=gopher"},
	"X-Host":                 {"evil.test"},
	"X-Original-Host":        {"evil.test"},
	"X-Original-Url":         {"/evil"},
	"X-Rewrite-Url":          {"/evil"},
	"X-Http-Method-Override": {"DELETE"},
	"X-Request-Id":           {"evil.test"},
	"Front-End-Https":        {"on"},
	"Via":                    {"1.1 evil.test"},
	"Referer":                {"https://evil.test/"},
}

// poisoned sends every request with a hostile Host and all of poison.
type poisoned struct{ host string }

func (p poisoned) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Host = p.host
	for name, values := range poison {
		req.Header[name] = values
	}
	return http.DefaultTransport.RoundTrip(req)
}

// wantNoPoison checks that nothing of the request's claims is in an answer.
func wantNoPoison(t testing.TB, what string, header http.Header, body string) {
	t.Helper()
	all := body
	for name, values := range header {
		all += "\n" + name + ": " + strings.Join(values, ", ")
	}
	for _, bad := range []string{"evil", "gopher", "666", "6.6.6.6"} {
		for line := range strings.Lines(all) {
			if strings.Contains(line, bad) && !strings.Contains(line, "error-id") && !strings.Contains(line, "X-Request-Id") && !strings.Contains(line, "csrf") &&
				!strings.Contains(line, "Set-Cookie") && !strings.Contains(line, "Date") && (bad != "666" || strings.Contains(line, ":666")) {
				t.Errorf("%s: %q in %s", what, bad, line)
			}
		}
	}
}

// Host header poisoning (zitadel CVE-2023-49097, CVE-2025-64101): the issuer
// comes from the configuration alone, so whatever Host, Forwarded and
// X-Forwarded-* say, discovery, `iss` and every link stay byte for byte the
// same. Not even a trusted proxy may change them.
func TestHostHeaderPoisoning(t *testing.T) {
	for name, configure := range map[string]func(*config.Config){
		"stranger":      func(*config.Config) {},
		"trusted proxy": func(c *config.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} },
	} {
		t.Run(name, func(t *testing.T) {
			i := start(t, configure)
			i.person(t, "ada")
			secret := i.webApp(t, "app")
			for _, path := range []string{
				"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json",
			} {
				wantSameBytes(t, i.address(), path)
			}
			testPoisonedFlow(t, i, secret)
			if name == "stranger" && strings.Contains(i.log.String(), "6.6.6.6") {
				t.Error("a stranger's X-Forwarded-For is believed in the log")
			}
		})
	}
}

// wantSameBytes asks for a document in every hostile way and compares.
func wantSameBytes(t *testing.T, address, path string) {
	t.Helper()
	clean := raw(t, address, rawGet(path, address))
	if clean.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, clean.Status, clean.Raw)
	}
	requests := map[string]string{
		"absolute form":      rawGet("http://evil.test"+path, "evil.test"),
		"absolute form, TLS": rawGet("https://evil.test"+path, address),
		"host and port":      rawGet(path, "evil.test:666"),
		"host with an @":     rawGet(path, address+"@evil.test"),
		"IPv6 host":          rawGet(path, "[::1]:666"),
		"capital host":       rawGet(path, strings.ToUpper("evil.test")),
		"empty host":         rawGet(path, ""),
		"HTTP/1.0, no host":  "GET " + path + " HTTP/1.0\r\n\r\n",
		"two hosts":          rawGet(path, address, "Host: evil.test"),
		"host with a path":   rawGet(path, "evil.test/x"),
		"host with a space":  rawGet(path, "evil.test x"),
		"a query":            rawGet(path+"?host=evil.test&issuer=https://evil.test", address),
	}
	var every []string
	for name, values := range poison {
		line := name + ": " + values[0]
		requests[name] = rawGet(path, "evil.test", line)
		every = append(every, line)
	}
	requests["everything at once"] = rawGet(path, "evil.test", every...)
	for name, request := range requests {
		got := raw(t, address, request)
		switch {
		case got.Status == http.StatusBadRequest && !strings.Contains(got.Raw, "evil"): // no HTTP at all
		case got.Status != http.StatusOK || got.Raw != clean.Raw:
			t.Errorf("%s, %s: %d, differs:\n%s", path, name, got.Status, got.Raw)
		}
	}
}

// testPoisonedFlow goes through sign-in, consent, errors, exchange, userinfo
// and logout with every request poisoned.
func testPoisonedFlow(t *testing.T, i *issuer, secret string) {
	b := newBrowser(t)
	b.client.Transport = poisoned{"evil.test"}
	check := func(p *page) *page {
		t.Helper()
		wantNoPoison(t, p.URL.Path, p.Header, p.Body)
		wantOwnLinks(t, i, p)
		return p
	}
	verifier, challenge := pkcePair(t)
	proof := map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}
	p := check(b.get(i.authorizeURL("app", proof)))
	if !strings.HasPrefix(p.URL.String(), i.URL+"/interaction/") {
		t.Errorf("the sign-in page is at %s", p.URL)
	}
	p = check(b.submit(p, "sign-in", map[string]string{"username": "ada", "password": "wrong password"}))
	p = check(b.submit(p, "sign-in", adas))
	p = check(b.submit(p, "allow", nil))
	if p.param("iss") != i.URL || p.param("code") == "" {
		t.Fatalf("the response is %s, want iss %s", p.Location, i.URL)
	}
	code := p.param("code")
	check(b.get(i.authorizeURL("app", map[string]string{"redirect_uri": "https://other.test/"}))).wantErrorPage(t)
	check(b.get(i.authorizeURL("app", map[string]string{"scope": "nope"}))).wantErrorRedirect(t, i.URL, testCallback, "invalid_scope", "a-state")
	check(b.get(i.authorizeURL("app", map[string]string{"response_mode": "form_post", "prompt": "none"})))
	check(b.get(i.URL + "/"))
	check(b.get(i.URL + "/nothing-here"))
	check(b.get(i.URL + "/setup/" + strings.Repeat("A", 43)))

	a := poisonedPost(t, i, "/oauth2/token", secret, codeForm(code, verifier))
	if a.Status != http.StatusOK {
		t.Fatalf("exchange: %d %s", a.Status, a.Raw)
	}
	for _, token := range []string{"access_token", "id_token"} {
		if iss := decodeSegment(t, a.str(token), 1)["iss"]; iss != i.URL {
			t.Errorf("iss of the %s is %v, want %s", token, iss, i.URL)
		}
	}
	refused := poisonedPost(t, i, "/oauth2/token", secret, codeForm(code, verifier))
	wantNoPoison(t, "a refused exchange", refused.Header, refused.Raw)
	refused = poisonedPost(t, i, "/oauth2/token", "wrong", codeForm(code, verifier))
	wantNoPoison(t, "a refused client", refused.Header, refused.Raw)
	refused.wantRefused(t, http.StatusUnauthorized, "invalid_client")
	check(b.get(i.URL + "/oauth2/logout"))
}

func poisonedPost(t testing.TB, i *issuer, path, secret string, form url.Values) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", formType)
	req.SetBasicAuth("app", secret)
	resp, err := poisoned{"evil.test"}.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return readAnswer(t, resp)
}

// wantOwnLinks checks that every link and form of a page is the issuer's, but
// for the one that ends at the app.
func wantOwnLinks(t testing.TB, i *issuer, p *page) {
	t.Helper()
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for _, a := range n.Attr {
			if !slices.Contains([]string{"href", "src", "action"}, a.Key) {
				continue
			}
			u, err := p.URL.Parse(a.Val)
			if err != nil || (!strings.HasPrefix(u.String(), i.URL+"/") && !strings.HasPrefix(u.String(), testCallback)) {
				t.Errorf("<%s %s=%q> on %s", n.Data, a.Key, a.Val, p.URL.Path)
			}
		}
	}
}

// The same for an issuer with a path behind a proxy that ends TLS: links are
// https and below the path, though the request came in as plain HTTP.
func TestHostHeaderPoisoningBehindAProxy(t *testing.T) {
	var address string
	i := start(t, func(c *config.Config) {
		address = c.Listen
		c.Issuer = "https://id.example.test/tenant"
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	i.webApp(t, "app")
	for _, path := range []string{
		"/tenant/.well-known/openid-configuration", "/.well-known/openid-configuration/tenant", "/.well-known/openid-configuration",
		"/.well-known/oauth-authorization-server/tenant", "/tenant/.well-known/jwks.json",
	} {
		wantSameBytes(t, address, path)
	}
	for name, change := range map[string]map[string]string{
		"sign-in": nil, "told the app": {"scope": "nope"}, "page": {"redirect_uri": "https://other.test/"},
	} {
		target, err := url.Parse(i.authorizeURL("app", change))
		if err != nil {
			t.Fatal(err)
		}
		a := raw(t, address, rawGet(target.RequestURI(), "evil.test", "X-Forwarded-Proto: http", "X-Forwarded-Host: evil.test", "Forwarded: host=evil.test;proto=http"))
		wantNoPoison(t, name, a.Header, a.Raw)
		location := a.Header.Get("Location")
		if (name == "sign-in" && !strings.HasPrefix(location, i.URL+"/interaction/")) ||
			(name == "told the app" && !strings.Contains(location, url.Values{"iss": {i.URL}}.Encode())) ||
			(name == "page" && (location != "" || !strings.Contains(a.Raw, `href="/tenant/static/`))) {
			t.Errorf("%s: %d %q\n%s", name, a.Status, location, a.Raw)
		}
	}
}
