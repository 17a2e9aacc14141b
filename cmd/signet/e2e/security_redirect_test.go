package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"signet/clients"
)

// confusedURIs are spellings that some server or browser has once taken for
// the registered https://app.example.test/callback,
// https://app.example.test/bye?from=signet, https://app.example.test/order?a=1&b=2
// or https://xn--bcher-kva.example.test/callback, without being them.
func confusedURIs() map[string]string {
	return map[string]string{
		"another host":                    "https://evil.test/callback",
		"userinfo":                        "https://app.example.test@evil.test/callback",
		"userinfo with a password":        "https://app.example.test:443@evil.test/callback",
		"userinfo before the host":        "https://evil@app.example.test/callback",
		"several @":                       "https://app.example.test@app.example.test@evil.test/callback",
		"@ encoded":                       "https://app.example.test%40evil.test/callback",
		"suffix":                          "https://app.example.test.evil.test/callback",
		"prefix":                          "https://evilapp.example.test/callback",
		"subdomain":                       "https://x.app.example.test/callback",
		"trailing dot":                    "https://app.example.test./callback",
		"port":                            "https://app.example.test:443/callback",
		"other port":                      "https://app.example.test:8443/callback",
		"empty port":                      "https://app.example.test:/callback",
		"http":                            "http://app.example.test/callback",
		"scheme in capitals":              "HTTPS://app.example.test/callback",
		"no scheme":                       "//app.example.test/callback",
		"javascript":                      "javascript://app.example.test/callback",
		"data":                            "data:text/html,<script>alert(1)</script>",
		"relative":                        "/callback",
		"host in capitals":                "https://APP.example.test/callback",
		"path in capitals":                "https://app.example.test/Callback",
		"longer path":                     "https://app.example.test/callback2",
		"sub path":                        "https://app.example.test/callback/x",
		"trailing slash":                  "https://app.example.test/callback/",
		"doubled slash":                   "https://app.example.test//callback",
		"parent":                          "https://app.example.test/callback/../steal",
		"parent and back":                 "https://app.example.test/x/../callback",
		"parent after a semicolon":        "https://app.example.test/callback/..;/steal",
		"parameter":                       "https://app.example.test/callback;x=1",
		"parent encoded":                  "https://app.example.test/callback/%2e%2e/steal",
		"parent encoded in capitals":      "https://app.example.test/callback/%2E%2E/steal",
		"parent half encoded":             "https://app.example.test/callback/.%2e/steal",
		"parent encoded twice":            "https://app.example.test/callback/%252e%252e/steal",
		"slash encoded":                   "https://app.example.test%2Fcallback",
		"letter encoded":                  "https://app.example.test/%63allback",
		"overlong slash":                  "https://app.example.test/%c0%afcallback",
		"NUL encoded":                     "https://app.example.test/callback%00",
		"NUL":                             "https://app.example.test/callback\x00",
		"newline":                         "https://app.example.test/callback\n",
		"newline and a header":            "https://app.example.test/callback\r\nLocation: https://evil.test/",
		"newline encoded":                 "https://app.example.test/callback%0d%0aLocation:%20https://evil.test/",
		"tab":                             "https://app.example.test/\tcallback",
		"tab in the scheme":               "ht\ttps://app.example.test/callback",
		"leading space":                   " https://app.example.test/callback",
		"trailing space":                  "https://app.example.test/callback ",
		"backslash for the host":          `https://evil.test\@app.example.test/callback`,
		"backslashes for slashes":         `https:\\app.example.test\callback`,
		"backslash in the path":           `https://app.example.test\callback`,
		"slash, backslash":                `/\app.example.test/callback`,
		"fragment":                        "https://app.example.test/callback#x",
		"empty fragment":                  "https://app.example.test/callback#",
		"fragment before @":               "https://evil.test#@app.example.test/callback",
		"query added":                     "https://app.example.test/callback?x=1",
		"empty query":                     "https://app.example.test/callback?",
		"query before @":                  "https://evil.test?@app.example.test/callback",
		"full width dot":                  "https://app。example.test/callback",
		"full width letters":              "https://ａpp.example.test/callback",
		"cyrillic letter":                 "https://аpp.example.test/callback",
		"IDN of that":                     "https://xn--pp-6kc.example.test/callback",
		"invalid UTF-8":                   "https://app.example.test/callback\xff",
		"two URIs":                        "https://app.example.test/callback https://evil.test/",
		"wildcard":                        "https://*.example.test/callback",
		"registered query, one more":      "https://app.example.test/bye?from=signet&x=1",
		"registered query, another value": "https://app.example.test/bye?from=evil",
		"registered query, twice":         "https://app.example.test/bye?from=signet&from=evil",
		"registered query left out":       "https://app.example.test/bye",
		"registered query, reordered":     "https://app.example.test/order?b=2&a=1",
		"registered query, encoded":       "https://app.example.test/bye?fr%6fm=signet",
		"no slashes":                      "https:app.example.test/callback",
		"one slash":                       "https:/app.example.test/callback",
		"three slashes":                   "https:///app.example.test/callback",
		"slash and @":                     "https://app.example.test/@evil.test/callback",
		"@ twice before the host":         "https://app.example.test@@evil.test/callback",
		"userinfo encoded twice":          "https://app.example.test%2540evil.test/callback",
		"backslash before @":              `https://app.example.test\@evil.test/callback`,
		"backslash encoded":               "https://app.example.test/callback%5c..%5csteal",
		"backslash encoded in the host":   "https://app.example.test%5cevil.test/callback",
		"semicolon before the parent":     "https://app.example.test/;/../callback",
		"parent, semicolon encoded":       "https://app.example.test/callback/..%3b/steal",
		"parent, slash encoded":           "https://app.example.test/callback/..%2fsteal",
		"parent with a NUL":               "https://app.example.test/callback/.%00./steal",
		"a dot":                           "https://app.example.test/./callback",
		"a dot encoded":                   "https://app.example.test/%2e/callback",
		"parent at the end":               "https://app.example.test/callback/x/..",
		"parent half encoded in capitals": "https://app.example.test/callback/%2E./steal",
		"UTF-16 dot":                      "https://app.example.test/callback/%u002e%u002e/steal",
		"tab in the host":                 "https://app.example\t.test/callback",
		"tab encoded":                     "https://app.example.test/callback%09",
		"newline in the host":             "https://app.example.test\n.evil.test/callback",
		"newline before it all":           "\nhttps://app.example.test/callback",
		"carriage return":                 "https://app.example.test/call\rback",
		"vertical tab":                    "https://app.example.test/callback\v",
		"line separator":                  "https://app.example.test/callback\u2028",
		"no-break space":                  "\u00a0https://app.example.test/callback",
		"byte order mark":                 "\ufeffhttps://app.example.test/callback",
		"space in the host":               "https://app.example.test .evil.test/callback",
		"plus for a space":                "https://app.example.test/callback+",
		"fragment encoded":                "https://app.example.test/callback%23x",
		"fragment for the host":           "https://app.example.test#.evil.test/callback",
		"query encoded":                   "https://app.example.test/callback%3fx=1",
		"query for the host":              "https://app.example.test?.evil.test/callback",
		"registered query, first added":   "https://app.example.test/bye?x=1&from=signet",
		"registered query, in capitals":   "https://app.example.test/bye?FROM=signet",
		"registered query, semicolon":     "https://app.example.test/bye?from=signet;x=1",
		"registered query, trailing &":    "https://app.example.test/bye?from=signet&",
		"registered query, second ?":      "https://app.example.test/bye?from=signet?",
		"registered query, with a code":   "https://app.example.test/bye?from=signet&code=stolen",
		"registered query, entity":        "https://app.example.test/order?a=1&amp;b=2",
		"port 0":                          "https://app.example.test:0/callback",
		"port with zeros":                 "https://app.example.test:0443/callback",
		"ftp":                             "ftp://app.example.test/callback",
		"ws":                              "wss://app.example.test/callback",
		"view-source":                     "view-source:https://app.example.test/callback",
		"blob":                            "blob:https://app.example.test/callback",
		"scheme encoded":                  "https%3A//app.example.test/callback",
		"encoded as a whole":              "https%3A%2F%2Fapp.example.test%2Fcallback",
		"full width slash":                "https://evil.test／app.example.test/callback",
		"fraction slash":                  "https://evil.test⁄app.example.test/callback",
		"a ligature of two letters":       "https://app.example.test.evil℀test/callback",
		"zero width":                      "https://app.example\u200b.test/callback",
		"soft hyphen":                     "https://app.exam\u00adple.test/callback",
		"IDN as its letters":              "https://bücher.example.test/callback",
		"IDN in capitals":                 "https://XN--BCHER-KVA.example.test/callback",
		"IDN in other letters":            "https://BÜCHER.example.test/callback",
		"IDN decomposed":                  "https://bu\u0308cher.example.test/callback",
		"IDN encoded":                     "https://b%C3%BCcher.example.test/callback",
		"IDN of another":                  "https://xn--bucher-3ya.example.test/callback",
		"huge":                            "https://app.example.test/callback" + strings.Repeat("/a", 2000),
	}
}

// confusedLoopback are spellings near the registered http://127.0.0.1/native,
// http://127.0.0.1:7777/port, http://[::1]/six and http://localhost/named.
// fosite's own loopback matching ignores scheme and userinfo.
func confusedLoopback() map[string]string {
	return map[string]string{
		"https":                  "https://127.0.0.1/native",
		"https with a port":      "https://127.0.0.1:9/native",
		"userinfo":               "http://evil@127.0.0.1:9/native",
		"userinfo for the host":  "http://127.0.0.1@evil.test/native",
		"userinfo with port":     "http://127.0.0.1:9@evil.test/native",
		"suffix":                 "http://127.0.0.1.evil.test/native",
		"suffix after the port":  "http://127.0.0.1:9.evil.test/native",
		"localhost":              "http://localhost/native",
		"localhost with a port":  "http://localhost:9/native",
		"localhost suffix":       "http://localhost.evil.test/native",
		"127.1":                  "http://127.1/native",
		"127.0.0.2":              "http://127.0.0.2/native",
		"octal":                  "http://0177.0.0.1/native",
		"hex":                    "http://0x7f000001/native",
		"decimal":                "http://2130706433/native",
		"0.0.0.0":                "http://0.0.0.0/native",
		"IPv6 instead":           "http://[::1]/native",
		"IPv4 instead":           "http://127.0.0.1/six",
		"mapped IPv4":            "http://[::ffff:127.0.0.1]/native",
		"long IPv6":              "http://[0:0:0:0:0:0:0:1]/six",
		"IPv6 with a zone":       "http://[::1%25lo]/six",
		"IPv6 without brackets":  "http://::1/six",
		"another path":           "http://127.0.0.1:9/other",
		"longer path":            "http://127.0.0.1:9/native/x",
		"no path":                "http://127.0.0.1:9",
		"dot segments":           "http://127.0.0.1:9/x/../native",
		"query":                  "http://127.0.0.1:9/native?x=1",
		"fragment":               "http://127.0.0.1:9/native#x",
		"port 0":                 "http://127.0.0.1:0/native",
		"port too large":         "http://127.0.0.1:65536/native",
		"port with a zero":       "http://127.0.0.1:09/native",
		"port with a sign":       "http://127.0.0.1:+9/native",
		"empty port":             "http://127.0.0.1:/native",
		"two ports":              "http://127.0.0.1:9:9/native",
		"backslash":              `http://127.0.0.1:9\native`,
		"capital scheme":         "HTTP://127.0.0.1:9/native",
		"several @":              "http://127.0.0.1@127.0.0.1@evil.test/native",
		"@ encoded":              "http://127.0.0.1%40evil.test/native",
		"no path and userinfo":   "http://127.0.0.1:9@evil.test",
		"dash":                   "http://127.0.0.1-evil.test/native",
		"subdomain":              "http://x.127.0.0.1/native",
		"trailing dot":           "http://127.0.0.1./native",
		"127.0.0.01":             "http://127.0.0.01/native",
		"three parts":            "http://127.0.1/native",
		"percent in the address": "http://127%2e0%2e0%2e1/native",
		"full width digits":      "http://１２７.0.0.1/native",
		"ideographic dots":       "http://127。0。0。1/native",
		"a name that resolves":   "http://localtest.me/native",
		"localhost for six":      "http://localhost/six",
		"IPv6 shortened less":    "http://[0::1]/six",
		"IPv6 with zeros":        "http://[::0001]/six",
		"mapped IPv4 in hex":     "http://[::ffff:7f00:1]/native",
		"unspecified IPv6":       "http://[::]/six",
		"IPv6 with userinfo":     "http://[::1]@evil.test/six",
		"IPv6 port and userinfo": "http://[::1]:9@evil.test/six",
		"IPv6 suffix":            "http://[::1].evil.test/six",
		"IPv6 by https":          "https://[::1]/six",
		"IPv6 unclosed":          "http://[::1/six",
		"bracketed IPv4":         "http://[127.0.0.1]/native",
		"named by number":        "http://127.0.0.1:9/named",
		"named by IPv6":          "http://[::1]:9/named",
		"named, trailing dot":    "http://localhost.:9/named",
		"named, in capitals":     "http://LOCALHOST:9/named",
		"named, subdomain":       "http://x.localhost:9/named",
		"named, suffix":          "http://localhost.evil.test:9/named",
		"named, longer":          "http://localhosts:9/named",
		"named, localdomain":     "http://localhost.localdomain:9/named",
		"named, userinfo":        "http://localhost:9@evil.test/named",
		"named, user localhost":  "http://localhost@evil.test/named",
		"named by https":         "https://localhost:9/named",
		"query before the path":  "http://127.0.0.1:9?/native",
		"case of the path":       "http://127.0.0.1:9/Native",
		"path encoded":           "http://127.0.0.1:9/nativ%65",
		"doubled slash":          "http://127.0.0.1:9//native",
		"semicolon":              "http://127.0.0.1:9/native;x",
		"tab in the port":        "http://127.0.0.1:\t9/native",
		"newline":                "http://127.0.0.1:9/native\n",
		"port in full width":     "http://127.0.0.1:９/native",
		"port by name":           "http://127.0.0.1:http/native",
		"private scheme, other":  "com.example.app2:/cb",
		"private scheme, slashs": "com.example.app://evil/cb",
		"private scheme, upper":  "COM.example.app:/cb",
	}
}

// Redirect URI confusion (fosite CVE-2020-15233, GHSA-grfp-q2mm-hfp6,
// pocket-id CVE-2026-28512, keycloak CVE-2024-8883, CVE-2026-7504,
// CVE-2026-3872): on a mismatch the person gets a page, and never a redirect.
func TestRedirectURIConfusion(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	i.webApp(t, "app", firstParty, func(c *clients.Client) {
		c.RedirectURIs = []string{testCallback, "https://app.example.test/bye?from=signet", "https://app.example.test/order?a=1&b=2", "https://xn--bcher-kva.example.test/callback"}
	})
	i.webApp(t, "native", public, func(c *clients.Client) {
		c.RedirectURIs = []string{"http://127.0.0.1/native", "http://127.0.0.1:7777/port", "http://[::1]/six", "http://localhost/named", "com.example.app:/cb"}
		c.AllowLocalhost = true
	})
	// Signed in, so that a match would be answered with a code at once.
	ada := newBrowser(t)
	ada.authorize(i.authorizeURL("app", nil), "ada")
	for client, table := range map[string]map[string]string{"app": confusedURIs(), "native": confusedLoopback()} {
		for name, uri := range table {
			t.Run(client+", "+name, func(t *testing.T) {
				for _, change := range []map[string]string{
					{},
					{"response_mode": "form_post"},
					{"prompt": "none"},
					{"response_type": "token"}, // an error must not be sent there either
				} {
					change["redirect_uri"] = uri
					ada.get(i.authorizeURL(client, change)).wantErrorPage(t)
				}
				// Nor may a script read what became of it.
				form := url.Values{"client_id": {client}, "redirect_uri": {uri}, "response_type": {"code"}, "scope": {"openid"}}
				for _, a := range []answer{
					i.ask(t, http.MethodGet, "/oauth2/authorize?"+form.Encode(), appOrigin, nil, nil),
					i.ask(t, http.MethodPost, "/oauth2/authorize", appOrigin, form, nil),
				} {
					if a.wantNotShared(t); a.Status < 400 || a.Status > 499 || a.Header.Get("Location") != "" {
						t.Errorf("%d, Location %q", a.Status, a.Header.Get("Location"))
					}
				}
			})
		}
	}
	for name, target := range map[string]string{
		"twice, the good one first": i.authorizeURL("app", nil) + "&redirect_uri=https%3A%2F%2Fevil.test%2F",
		"twice, the good one last":  i.authorizeURL("app", map[string]string{"redirect_uri": "https://evil.test/"}) + "&redirect_uri=" + url.QueryEscape(testCallback),
		"left out, several there":   i.authorizeURL("app", map[string]string{"redirect_uri": ""}),
		"that of another client":    i.authorizeURL("native", nil),
		"an unknown client":         i.authorizeURL("nobody", nil),
		"a client id twice":         i.authorizeURL("app", nil) + "&client_id=native",
		"no client":                 i.authorizeURL("", map[string]string{"client_id": ""}),
	} {
		t.Run(name, func(t *testing.T) { ada.get(target).wantErrorPage(t) })
	}
}

// What has to match: the same bytes, the registered query kept, and on
// loopback any port (RFC 8252, section 7.3), also without a path.
func TestRedirectURIThatMatches(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	i.webApp(t, "app", firstParty, func(c *clients.Client) {
		c.AllowLocalhost = true
		c.RedirectURIs = []string{
			testCallback, "https://app.example.test/bye?from=signet", "http://127.0.0.1/native", "http://127.0.0.1:7777/port",
			"http://[::1]/six", "http://localhost/named", "http://127.0.0.1:1", "com.example.app:/cb",
		}
		c.AllowLocalhost = true
	})
	ada := newBrowser(t)
	for _, uri := range []string{
		testCallback, "https://app.example.test/bye?from=signet", "http://127.0.0.1/native", "http://127.0.0.1:55555/native",
		"http://127.0.0.1:7778/port", "http://127.0.0.1/port", "http://[::1]:55555/six", "http://localhost:55555/named",
		"http://127.0.0.1:55555", "com.example.app:/cb",
	} {
		t.Run(uri, func(t *testing.T) {
			p := ada.get(i.authorizeURL("app", map[string]string{"redirect_uri": uri}))
			if p.byID("sign-in") != nil {
				p = ada.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
			}
			location := p.Header.Get("Location")
			separator := "?"
			if strings.Contains(uri, "?") {
				separator = "&"
			}
			if !strings.HasPrefix(location, uri+separator) || p.param("code") == "" {
				t.Errorf("%d %s, want a code at %s", p.Status, location, uri)
			}
		})
	}
}

// The same for post_logout_redirect_uri: never a redirect to what is not
// registered, nor without a hint of this server and of this app.
func TestPostLogoutRedirectConfusion(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	uris := func(c *clients.Client) {
		c.PostLogoutRedirectURIs = []string{testCallback, "https://app.example.test/bye?from=signet", "https://app.example.test/order?a=1&b=2", "https://xn--bcher-kva.example.test/callback"}
	}
	secret := i.webApp(t, "app", uris)
	otherSecret := i.webApp(t, "other", func(c *clients.Client) { c.PostLogoutRedirectURIs = []string{"https://other.test/bye"} })
	native := func(c *clients.Client) {
		c.PostLogoutRedirectURIs = []string{"http://127.0.0.1/native", "http://127.0.0.1:7777/port", "http://[::1]/six", "http://localhost/named", "com.example.app:/cb"}
		c.AllowLocalhost = true
	}
	nativeSecret := i.webApp(t, "native", native)
	ada := newBrowser(t)
	tokens := i.tokens(t, ada, "ada", "app", secret)
	hint := tokens.str("id_token")
	foreign := i.tokens(t, ada, "ada", "other", otherSecret).str("id_token")
	nativeHint := i.tokens(t, ada, "ada", "native", nativeSecret).str("id_token")

	stillSignedIn := func(t *testing.T) {
		t.Helper()
		if p := ada.get(i.authorizeURL("app", map[string]string{"prompt": "none"})); p.param("code") == "" {
			t.Errorf("the session ended: %s", p.Header.Get("Location"))
		}
	}
	logout := func(q url.Values) *page { return ada.get(i.URL + "/oauth2/logout?" + q.Encode()) }

	for h, table := range map[string]map[string]string{hint: confusedURIs(), nativeHint: confusedLoopback()} {
		for name, uri := range table {
			t.Run(name, func(t *testing.T) {
				q := url.Values{"id_token_hint": {h}, "post_logout_redirect_uri": {uri}, "state": {"s"}}
				logout(q).wantErrorPage(t)
				q.Del("id_token_hint")
				logout(q).wantErrorPage(t)
			})
		}
	}
	good := "https://app.example.test/bye?from=signet"
	for name, q := range map[string]url.Values{
		"without a hint":                {"post_logout_redirect_uri": {good}, "client_id": {"app"}},
		"the hint of another app":       {"post_logout_redirect_uri": {good}, "id_token_hint": {foreign}},
		"another app's id":              {"post_logout_redirect_uri": {good}, "id_token_hint": {hint}, "client_id": {"other"}},
		"another app's hint and our id": {"post_logout_redirect_uri": {good}, "id_token_hint": {foreign}, "client_id": {"app"}},
		"an access token as the hint":   {"post_logout_redirect_uri": {good}, "id_token_hint": {tokens.str("access_token")}},
		"a refresh token as the hint":   {"post_logout_redirect_uri": {good}, "id_token_hint": {tokens.str("refresh_token")}},
		"an unsigned hint":              {"post_logout_redirect_uri": {good}, "id_token_hint": {unsigned(hint)}},
		"twice":                         {"post_logout_redirect_uri": {good, "https://evil.test/"}, "id_token_hint": {hint}},
		"two hints":                     {"post_logout_redirect_uri": {good}, "id_token_hint": {hint, foreign}},
	} {
		t.Run(name, func(t *testing.T) { logout(q).wantErrorPage(t) })
	}
	stillSignedIn(t)

	t.Run("the right one, with nothing but the state", func(t *testing.T) {
		p := logout(url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {good}, "state": {"s t&ate"}})
		if p.byID("logout-confirm") != nil {
			p = ada.submit(p, "logout-confirm", nil)
		}
		if got := p.Header.Get("Location"); got != good+"&state=s+t%26ate" {
			t.Errorf("%d %q, want the registered URI with the state", p.Status, got)
		}
		p = ada.get(i.authorizeURL("app", map[string]string{"prompt": "none"}))
		p.wantErrorRedirect(t, i.URL, testCallback, "login_required", "a-state")
	})
}

// unsigned is a token with its signature replaced by `alg: none`.
func unsigned(token string) string {
	parts := strings.Split(token, ".")
	return encodePart(`{"alg":"none","typ":"JWT"}`) + "." + parts[1] + "."
}

// A logout that no app can vouch for asks first: an image on another site
// must not sign people out, by GET or by POST.
func TestLogoutByAStrangerAsksFirst(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	ada := newBrowser(t)
	i.tokens(t, ada, "ada", "app", secret)
	eve := i.person(t, "eve")
	eves := i.tokens(t, newBrowser(t), "eve", "app", secret).str("id_token")
	for name, q := range map[string]url.Values{
		"nothing":               {},
		"a client id":           {"client_id": {"app"}},
		"somebody else's hint":  {"id_token_hint": {eves}},
		"and their return path": {"id_token_hint": {eves}, "post_logout_redirect_uri": {"https://app.example.test/bye"}},
		"a logout hint":         {"logout_hint": {eve.ID}},
	} {
		t.Run(name, func(t *testing.T) {
			p := ada.get(i.URL + "/oauth2/logout?" + q.Encode())
			if p.byID("logout-confirm") == nil {
				t.Fatalf("was not asked: %d %s", p.Status, p.Header.Get("Location"))
			}
			p.wantGuarded(t)
			// Confirmed by another site: the token of the form is missing.
			for _, csrf := range []string{"", "x", strings.Repeat("A", 43)} {
				form := url.Values{"csrf": {csrf}}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.URL+"/oauth2/logout/confirm", strings.NewReader(form.Encode()))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", formType)
				ada.follow(req).wantErrorPage(t)
			}
		})
	}
	if p := ada.get(i.authorizeURL("app", map[string]string{"prompt": "none"})); p.param("code") == "" {
		t.Errorf("the session ended: %s", p.Header.Get("Location"))
	}
}
