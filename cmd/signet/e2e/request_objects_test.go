package e2e

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/clients"
	"signet/keys"
)

// requester registers an app that has a secret and signs its requests too.
func (i *issuer) requester(t testing.TB, id, alg string, change ...func(*clients.Client)) (*assertor, string) {
	t.Helper()
	a := &assertor{t: t, id: id, audience: i.URL, key: newClientKey(t, alg, id+"-1"), now: i.clock.Now}
	secret := i.webApp(t, id, append([]func(*clients.Client){func(c *clients.Client) { c.JWKS = publicSet(t, a.key) }}, change...)...)
	return a, secret
}

// object is a signed request with these members, nil for none, in place of those
// of a good one.
func (a *assertor) object(change map[string]any, header map[string]any) string {
	a.t.Helper()
	claims := map[string]any{
		"iss": a.id, "aud": a.audience, "client_id": a.id, "response_type": "code", "redirect_uri": testCallback,
		"scope": "openid", "state": "signed-state", "nonce": "signed-nonce", "exp": a.now().Add(time.Minute).Unix(),
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return a.sign(claims, header)
}

// Requests that an app has signed, by value: every algorithm, by GET and by POST,
// through the sign-in pages; what is signed wins over what stands beside it.
func TestRequestObjects(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	for _, alg := range keys.Algorithms() {
		t.Run(alg, func(t *testing.T) {
			id := "app-" + alg
			app, secret := i.requester(t, id, alg, func(c *clients.Client) { c.RequestObjectSigningAlg = alg })
			b := newBrowser(t)
			target := i.authorizeURL(id, map[string]string{
				"request": app.object(map[string]any{"max_age": 10000, "login_hint": "ada"}, nil), "scope": "openid profile email", "state": "other", "nonce": "other",
			})
			p := b.get(target)
			if got := p.byID("username"); got == nil || attr(got, "value") != "ada" {
				t.Fatalf("the login_hint of the object is not on the page: %d", p.Status)
			}
			p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
			if strings.Contains(p.Body, "See your email address") {
				t.Error("the scope beside the object is asked for")
			}
			p = b.submit(p, "allow", nil)
			if p.param("state") != "signed-state" || p.param("iss") != i.URL {
				t.Fatalf("redirect to %s", p.Location)
			}
			tokens := i.exchange(t, id, secret, p.param("code"), "")
			if c := decodeSegment(t, tokens.str("id_token"), 1); c["nonce"] != "signed-nonce" || tokens.str("scope") != "openid" {
				t.Errorf("nonce %v, scope %s", c["nonce"], tokens.Raw)
			}
			for _, b := range []*browser{b, newBrowser(t)} {
				p := b.follow(postedAuthorization(t, i, target))
				if p.param("code") == "" && p.byID("sign-in") == nil {
					t.Errorf("POST: %d %v", p.Status, p.Location)
				}
			}
		})
	}
}

// A redirect URI that only the object names works, and has to be registered.
func TestRedirectURIInARequestObject(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	const second = "https://app.example.test/second"
	app, _ := i.requester(t, "app", "RS256", func(c *clients.Client) { c.RedirectURIs = append(c.RedirectURIs, second) })
	with := func(outside string, object string) string {
		return i.authorizeURL("app", map[string]string{"redirect_uri": outside, "request": object})
	}
	b := newBrowser(t)
	b.authorize(i.authorizeURL("app", map[string]string{"scope": "openid"}), "ada")
	for _, outside := range []string{"", testCallback, "https://evil.test/"} {
		p := b.get(with(outside, app.object(map[string]any{"redirect_uri": second}, nil)))
		if p.param("code") == "" || !strings.HasPrefix(p.Location.String(), second) {
			t.Errorf("%q beside: %d %v", outside, p.Status, p.Location)
		}
	}
	p := b.get(with(testCallback, app.object(map[string]any{"redirect_uri": "https://evil.test/"}, nil)))
	if p.Location != nil || !strings.Contains(p.Body, "Request refused") {
		t.Errorf("an unregistered one inside: %d %v", p.Status, p.Location)
	}
	// Nothing but the object, whose signature is no good, says where to go.
	bad := app.object(map[string]any{"redirect_uri": second}, nil)
	if p := b.get(with("", bad[:len(bad)-8]+"AAAAAAAA")); p.Location != nil || !strings.Contains(p.Body, "Request refused") {
		t.Errorf("a bad signature and no redirect_uri beside: %d %v", p.Status, p.Location)
	}
}

// What is wrong with an object is told by redirect, where that is trusted without
// it, and nothing of the object counts.
func TestBadRequestObjects(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	app, _ := i.requester(t, "app", "RS256", firstParty)
	stranger := &assertor{t: t, id: "app", audience: i.URL, key: newClientKey(t, "RS256", "app-1"), now: i.clock.Now}
	ps, _ := i.requester(t, "ps", "RS256", firstParty, func(c *clients.Client) { c.RequestObjectSigningAlg = "PS256" })
	i.webApp(t, "keyless", firstParty)
	i.webApp(t, "off", func(c *clients.Client) { c.Disabled = true })
	good := app.object(nil, nil)
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(good, ".")[1] + "."
	now := i.clock.Now()
	b := newBrowser(t)
	b.authorize(i.authorizeURL("app", nil), "ada")
	change := func(name string, value any) string { return app.object(map[string]any{name: value}, nil) }
	for name, object := range map[string]string{
		"alg none":                      none,
		"no signature":                  strings.Join(strings.Split(good, ".")[:2], ".") + ".",
		"no JWT":                        "x",
		"an encrypted one":              "a.b.c.d.e",
		"another's key, by the same id": stranger.object(nil, nil),
		"one letter changed":            good[:len(good)-9] + flip(good[len(good)-9]) + good[len(good)-8:],
		"another client_id":             change("client_id", "ps"),
		"another response_type":         change("response_type", "token"),
		"another iss":                   change("iss", "ps"),
		"another aud":                   change("aud", "https://other.example.test"),
		"expired":                       change("exp", now.Add(-2*time.Minute).Unix()),
		"not valid yet":                 change("nbf", now.Add(2*time.Minute).Unix()),
		"made in the future":            change("iat", now.Add(2*time.Minute).Unix()),
		"an exp that is text":           change("exp", "soon"),
		"a client assertion":            app.sign(app.claims(nil), nil),
		"an access token's typ":         app.object(nil, map[string]any{"typ": "at+jwt"}),
		"a logout token's typ":          app.object(nil, map[string]any{"typ": "logout+jwt"}),
		"an assertion's typ":            app.object(nil, map[string]any{"typ": "client-authentication+jwt"}),
		"a request in it":               change("request", good),
		"a request_uri in it":           change("request_uri", "https://app.example.test/r"),
		"a state that is a number":      change("state", 7),
		"a scope that is a list":        change("scope", []string{"openid"}),
	} {
		t.Run(name, func(t *testing.T) {
			b := &browser{t: t, client: b.client}
			b.get(i.authorizeURL("app", map[string]string{"request": object})).wantErrorRedirect(t, i.URL, testCallback, "invalid_request_object", "a-state")
		})
	}
	for name, r := range map[string]struct{ client, object, code string }{
		"another algorithm than the client's": {"ps", ps.object(nil, nil), "invalid_request_object"},
		"a client without keys":               {"keyless", good, "invalid_request_object"},
		"another client's object":             {"keyless", ps.object(nil, nil), "invalid_request_object"},
		"a prompt that does not go together":  {"app", change("prompt", "none login"), "invalid_request"},
		"a registration in it":                {"app", change("registration", map[string]any{}), "registration_not_supported"},
		"an unknown response_mode in it":      {"app", change("response_mode", "telepathy"), "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			state := "a-state"
			if strings.HasPrefix(r.code, "invalid_request") && r.code != "invalid_request_object" || strings.HasPrefix(r.code, "registration") {
				state = "signed-state" // the object is good: what it says counts
			}
			newBrowser(t).get(i.authorizeURL(r.client, map[string]string{"request": r.object})).wantErrorRedirect(t, i.URL, testCallback, r.code, state)
		})
	}
	t.Run("by value and by reference", func(t *testing.T) {
		p := newBrowser(t).get(i.authorizeURL("app", map[string]string{"request": good, "request_uri": "https://app.example.test/r"}))
		p.wantErrorRedirect(t, i.URL, testCallback, "invalid_request", "a-state")
	})
	for name, target := range map[string]string{
		"twice":                 i.authorizeURL("app", map[string]string{"request": good}) + "&request=" + good,
		"without a client_id":   i.authorizeURL("app", map[string]string{"request": good, "client_id": ""}),
		"of a disabled client":  i.authorizeURL("off", map[string]string{"request": good}),
		"of an unknown client":  i.authorizeURL("nobody", map[string]string{"request": good}),
		"to a foreign redirect": i.authorizeURL("app", map[string]string{"request": "x", "redirect_uri": "https://evil.test/"}),
	} {
		if p := newBrowser(t).get(target); p.Location != nil || !strings.Contains(p.Body, "Request refused") {
			t.Errorf("%s: %d %v", name, p.Status, p.Location)
		}
	}
	// And an object is no client assertion.
	assertor, _ := i.requester(t, "both", "RS256", credentialsOnly, func(c *clients.Client) { c.TokenEndpointAuthMethod, c.Secrets = clients.AuthMethodPrivateKeyJWT, nil })
	i.wantClient(t, "a request object", assertor.object(map[string]any{"jti": "1"}, nil), false)
}

// What an object leaves out, the parameters beside it say; typ and time limits as
// RFC 9101 has them are welcome.
func TestRequestObjectsFillIn(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	app, secret := i.requester(t, "app", "ES256", firstParty, func(c *clients.Client) { c.Audiences = []string{testAPI, "https://two.example.test/"} })
	b := newBrowser(t)
	b.authorize(i.authorizeURL("app", nil), "ada")
	now := i.clock.Now()
	for name, object := range map[string]string{
		"almost nothing":  app.sign(map[string]any{"state": "signed-state"}, nil),
		"typ of RFC 9101": app.object(map[string]any{"scope": nil}, map[string]any{"typ": "oauth-authz-req+jwt"}),
		"typ JWT":         app.object(map[string]any{"scope": nil}, map[string]any{"typ": "JWT"}),
		"aud, a list":     app.object(map[string]any{"scope": nil, "aud": []string{"https://x.test", i.URL}}, nil),
		"within the skew": app.object(map[string]any{"scope": nil, "exp": now.Add(-30 * time.Second).Unix(), "nbf": now.Add(30 * time.Second).Unix()}, nil),
		"null":            app.object(map[string]any{"scope": nil, "prompt": json.RawMessage("null")}, nil),
		"resources":       app.object(map[string]any{"scope": nil, "resource": []string{testAPI, "https://two.example.test/"}}, nil),
		"claims":          app.object(map[string]any{"scope": nil, "claims": map[string]any{"userinfo": map[string]any{"name": nil}}}, nil),
	} {
		p := b.get(i.authorizeURL("app", map[string]string{"request": object, "nonce": "signed-nonce"}))
		if p.param("code") == "" || p.param("state") != "signed-state" {
			t.Errorf("%s: %d %v", name, p.Status, p.Location)
			continue
		}
		tokens := i.exchange(t, "app", secret, p.param("code"), "")
		if tokens.str("scope") != "openid profile email offline_access" {
			t.Errorf("%s: %s", name, tokens.Raw)
		}
		if aud, _ := decodeSegment(t, tokens.str("access_token"), 1)["aud"].([]any); name == "resources" && len(aud) != 2 {
			t.Errorf("resources: aud is %v", aud)
		}
	}
}

// A request_uri is fetched, if and only if the client has registered it, and kept
// for a short time.
func TestRequestURI(t *testing.T) {
	i := start(t, allowLoopback)
	i.person(t, "ada")
	app, _ := i.requester(t, "app", "RS256", firstParty)
	published := publishKeys(t)
	publish := func(text string, status int) {
		published.change(func() { published.set, published.status = []byte(text), status })
	}
	published.change(func() { published.header = http.Header{"Cache-Control": {"max-age=60"}} })
	uri := published.URL + "/request.jwt"
	i.change(t, "app", func(c *clients.Client) { c.RequestURIs = []string{uri} })
	b := newBrowser(t)
	b.authorize(i.authorizeURL("app", nil), "ada")
	ask := func(uri string) *page {
		return b.get(i.authorizeURL("app", map[string]string{"request_uri": uri, "state": "outer"}))
	}
	publish(app.object(nil, nil)+"\n", http.StatusOK)
	for range 3 {
		if p := ask(uri); p.param("code") == "" || p.param("state") != "signed-state" {
			t.Fatalf("%d %v", p.Status, p.Location)
		}
	}
	published.wantFetches(t, "three requests", 1)

	// A new fragment is a new version; so is the old one, once it is too old.
	publish(app.object(map[string]any{"state": "second"}, nil), http.StatusOK)
	if p := ask(uri + "#v2"); p.param("state") != "second" {
		t.Errorf("a new fragment: %v", p.Location)
	}
	i.clock.Advance(61 * time.Second)
	publish(app.object(map[string]any{"state": "third"}, nil), http.StatusOK)
	if p := ask(uri); p.param("state") != "third" {
		t.Errorf("after its time: %v", p.Location)
	}
	published.wantFetches(t, "a new fragment, and an old object", 2)

	// Through the sign-in page it is fetched once, and not again.
	page := newBrowser(t)
	p := page.get(i.authorizeURL("app", map[string]string{"request_uri": uri}))
	publish("gone", http.StatusNotFound)
	i.clock.Advance(10 * time.Minute)
	if p := page.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword}); p.param("code") == "" || p.param("state") != "third" {
		t.Errorf("through the pages: %d %v", p.Status, p.Location)
	}
	published.hits.Store(0)
	for range 3 {
		ask(uri).wantErrorRedirect(t, i.URL, testCallback, "invalid_request_uri", "outer")
	}
	published.wantFetches(t, "a server that fails", 1)
	i.clock.Advance(11 * time.Second)
	publish("x", http.StatusOK)
	ask(uri).wantErrorRedirect(t, i.URL, testCallback, "invalid_request_object", "outer")
	published.hits.Store(0)
	for _, foreign := range []string{
		uri + "?x", uri + "/", published.URL, published.URL + "/REQUEST.jwt", "urn:ietf:params:oauth:request_uri:x", "file:///etc/passwd",
		"http://169.254.169.254/", strings.Repeat("x", 3000), uri + "#" + strings.Repeat("x", 3000),
	} {
		ask(foreign).wantErrorRedirect(t, i.URL, testCallback, "invalid_request_uri", "outer")
	}
	published.wantFetches(t, "addresses that are not registered", 0)
}

// Where a registered request_uri leads inside, it is not fetched.
func TestRequestURIDoesNotReachInside(t *testing.T) {
	i := start(t)
	reached := false
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer inside.Close()
	i.requester(t, "app", "RS256", func(c *clients.Client) { c.RequestURIs = []string{inside.URL + "/r"} })
	p := newBrowser(t).get(i.authorizeURL("app", map[string]string{"request_uri": inside.URL + "/r"}))
	p.wantErrorRedirect(t, i.URL, testCallback, "invalid_request_uri", "a-state")
	if reached {
		t.Error("a host inside was reached")
	}
}

// The keys of the app may be at a jwks_uri; an app rotates them as for assertions.
func TestRequestObjectByJWKSURI(t *testing.T) {
	i := start(t, allowLoopback)
	i.person(t, "ada")
	app, _ := i.requester(t, "app", "PS256", firstParty)
	published := publishKeys(t, app.key)
	i.change(t, "app", func(c *clients.Client) { c.JWKS, c.JWKSURI = nil, published.URL+"/jwks.json" })
	b := newBrowser(t)
	b.authorize(i.authorizeURL("app", nil), "ada")
	for range 2 {
		if p := b.get(i.authorizeURL("app", map[string]string{"request": app.object(nil, nil)})); p.param("code") == "" {
			t.Fatalf("%d %v", p.Status, p.Location)
		}
		app.key = newClientKey(t, "PS256", "app-2")
		published.rotate(t, app.key)
	}
}

// A request object of its own costs no query more than a plain request.
func TestQueriesOfRequestObjects(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	app, _ := i.requester(t, "app", "ES256")
	b := newBrowser(t)
	object := url.Values{"request": {app.object(nil, nil)}}.Encode()
	b.authorize(i.authorizeURL("app", nil)+"&"+object, "ada")
	i.queries.take()
	p := b.get(i.authorizeURL("app", nil) + "&" + object)
	if r, w := i.queries.take(); p.param("code") == "" || len(r) != 4 || len(w) != 1 {
		t.Errorf("%d reads and %d writes, want 4 and 1: %q %q", len(r), len(w), r, w)
	}
}
