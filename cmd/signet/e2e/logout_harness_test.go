package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"signet/clients"
)

// logoutApp is an app that is told when people sign out.
type logoutApp struct {
	*httptest.Server
	t          testing.TB
	id, secret string
	// calls are the requests that have come in; answer, if set, is asked what to
	// say, by the request's context so that a sleeper wakes with the caller.
	calls  chan logoutCall
	answer func(r *http.Request) int
}

// logoutCall is one request to a backchannel_logout_uri.
type logoutCall struct {
	method, contentType string
	header              http.Header
	form                url.Values
}

// logoutApp registers an app with a server of its own.
func (i *issuer) logoutApp(t testing.TB, id string, answer func(*http.Request) int, change ...func(*clients.Client)) *logoutApp {
	t.Helper()
	a := &logoutApp{t: t, id: id, calls: make(chan logoutCall, 1000), answer: answer}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	a.secret = i.webApp(t, id, append([]func(*clients.Client){func(c *clients.Client) { c.BackchannelLogoutURI = a.URL + "/bc?a=b" }}, change...)...)
	return a
}

func (a *logoutApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, err := url.ParseQuery(string(body))
	if err != nil || r.URL.RawQuery != "a=b" {
		a.t.Errorf("%s %s: %q", r.Method, r.URL, body)
	}
	a.calls <- logoutCall{r.Method, r.Header.Get("Content-Type"), r.Header, form}
	status := http.StatusOK
	if a.answer != nil {
		status = a.answer(r)
	}
	w.WriteHeader(status)
}

// called waits for a request. Only a server that never makes it takes as long as
// the limit.
func (a *logoutApp) called() logoutCall {
	a.t.Helper()
	select {
	case c := <-a.calls:
		return c
	case <-time.After(time.Minute):
		a.t.Fatalf("%s was told nothing", a.id)
		return logoutCall{}
	}
}

// quiet checks that no request has come in.
func (a *logoutApp) quiet(when string) {
	a.t.Helper()
	select {
	case c := <-a.calls:
		a.t.Errorf("%s: %s was told %v", when, a.id, c.form)
	default:
	}
}

// logoutToken verifies a call as an app has to (OpenID Connect Back-Channel Logout
// 1.0, section 2.6), and returns the claims and the token.
func (i *issuer) logoutToken(t testing.TB, a *logoutApp, c logoutCall) (claims map[string]any, raw string) {
	t.Helper()
	raw = c.form.Get("logout_token")
	if c.method != http.MethodPost || c.contentType != formType || len(c.form) != 1 || raw == "" || c.header.Get("Authorization") != "" || c.header.Get("Cookie") != "" {
		t.Fatalf("the request is %+v", c)
	}
	var set jose.JSONWebKeySet
	decodeInto(t, newBrowser(t).get(i.URL+"/.well-known/jwks.json").Body, &set)
	token, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := token.Verify(set.Key(token.Signatures[0].Protected.KeyID)[0])
	if err != nil {
		t.Fatal(err)
	}
	if typ := token.Signatures[0].Protected.ExtraHeaders["typ"]; typ != "logout+jwt" {
		t.Errorf("typ is %v", typ)
	}
	decodeInto(t, string(payload), &claims)
	iat, _ := claims["iat"].(float64)
	exp, _ := claims["exp"].(float64)
	now := float64(i.clock.Now().Unix())
	if claims["iss"] != i.URL || claims["aud"] != a.id || iat > now || iat < now-60 || exp != iat+120 || claims["jti"] == "" || claims["nonce"] != nil {
		t.Errorf("claims: %v", claims)
	}
	events, _ := claims["events"].(map[string]any)
	if event, ok := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any); !ok || len(event) != 0 || len(events) != 1 {
		t.Errorf("events: %v", claims["events"])
	}
	return claims, raw
}

// enter signs a person in to an app, or shows that they are.
func (a *logoutApp) enter(i *issuer, b *browser, username string, change ...string) answer {
	a.t.Helper()
	verifier, challenge := pkcePair(a.t)
	params := map[string]string{"code_challenge": challenge, "code_challenge_method": "S256", "scope": "openid"}
	if len(change) > 0 {
		params["scope"] = strings.Join(change, " ")
	}
	got := i.exchange(a.t, a.id, a.secret, b.authorize(i.authorizeURL(a.id, params), username), verifier)
	if got.Status != http.StatusOK {
		a.t.Fatalf("%s: %d %s", a.id, got.Status, got.Raw)
	}
	return got
}

// leave signs out by the logout endpoint, with the hint of an ID token.
func (b *browser) leave(i *issuer, idToken string) *page {
	b.t.Helper()
	p := b.get(i.URL + "/oauth2/logout?" + url.Values{
		"id_token_hint": {idToken}, "post_logout_redirect_uri": {"https://app.example.test/bye"}, "state": {"s"},
	}.Encode())
	if p.byID("logout-confirm") != nil {
		p = b.submit(p, "logout-confirm", nil)
	}
	return p
}
