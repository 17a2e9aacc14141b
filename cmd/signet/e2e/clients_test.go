package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"signet/clients"
)

// TestEveryKindOfClient takes each combination of what a client can be through
// its whole life: sign-in, exchange, userinfo, refresh, introspection,
// revocation. Faults that one kind of client alone has hide from tests whose
// clients are all alike.
func TestEveryKindOfClient(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	b := newBrowser(t)
	n := 0
	for _, method := range []string{clients.AuthMethodAny, clients.AuthMethodBasic, clients.AuthMethodPost, clients.AuthMethodNone} {
		for _, audiences := range [][]string{nil, {testAPI}, {testAPI, "https://other.example.test/"}} {
			for _, scopes := range []string{"photos.read", "openid", "openid offline_access", "photos.read offline_access", "openid profile email offline_access photos.read"} {
				for _, first := range []bool{false, true} {
					n++
					id := fmt.Sprintf("app-%d", n)
					name := fmt.Sprintf("%s, %d audiences, %s, first party %t", method, len(audiences), scopes, first)
					t.Run(name, func(t *testing.T) {
						secret := i.webApp(t, id, func(c *clients.Client) {
							c.TokenEndpointAuthMethod, c.Audiences, c.Scopes, c.FirstParty = method, audiences, strings.Fields(scopes), first
						})
						b.t = t
						(&life{t, i, b, id, secret, method, scopes, audiences}).live()
					})
				}
			}
		}
	}
}

// life is one client's.
type life struct {
	t              *testing.T
	i              *issuer
	b              *browser
	id, secret     string
	method, scopes string
	audiences      []string
}

func (l *life) live() {
	l.t.Helper()
	verifier, challenge := pkcePair(l.t)
	code := l.b.authorize(l.i.authorizeURL(l.id, map[string]string{
		"scope": l.scopes, "code_challenge": challenge, "code_challenge_method": "S256",
	}), "ada")
	a := l.post("/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {testCallback}, "code_verifier": {verifier}})
	l.check(a)
	for range 2 {
		if !l.has("offline_access") {
			break
		}
		a = l.post("/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.str("refresh_token")}})
		l.check(a)
	}
	token := a.str("access_token")
	if a := l.i.userinfo(l.t, token); (a.Status == http.StatusOK) != l.has("openid") {
		l.t.Errorf("userinfo: %d %s", a.Status, a.Raw)
	}
	l.active(token, true)
	last := token
	if l.has("offline_access") {
		last = a.str("refresh_token")
	}
	if a := l.post("/oauth2/revoke", url.Values{"token": {last}}); a.Status != http.StatusOK {
		l.t.Errorf("revoke: %d %s", a.Status, a.Raw)
	}
	l.active(token, false)
}

func (l *life) has(scope string) bool { return slices.Contains(strings.Fields(l.scopes), scope) }

// check looks at a token response.
func (l *life) check(a answer) {
	l.t.Helper()
	if a.Status != http.StatusOK {
		l.t.Fatalf("%d %s", a.Status, a.Raw)
	}
	if got := a.str("id_token") != ""; got != l.has("openid") {
		l.t.Errorf("an ID token: %t", got)
	}
	if got := a.str("refresh_token") != ""; got != l.has("offline_access") {
		l.t.Errorf("a refresh token: %t", got)
	}
	want := l.i.URL
	if len(l.audiences) > 0 {
		want = l.audiences[0]
	}
	claims := decodeSegment(l.t, a.str("access_token"), 1)
	if claims["aud"] != want || claims["scope"] != l.scopes || a.str("scope") != l.scopes || claims["client_id"] != l.id {
		l.t.Errorf("claims %v, want aud %s and scope %q", claims, want, l.scopes)
	}
}

// active introspects an access token, where the client has the right to.
func (l *life) active(token string, want bool) {
	l.t.Helper()
	a := l.post("/oauth2/introspect", url.Values{"token": {token}})
	if l.method == clients.AuthMethodNone {
		a.wantRefused(l.t, http.StatusUnauthorized, "invalid_client")
		return
	}
	if a.Status != http.StatusOK || a.Body["active"] != want {
		l.t.Errorf("introspection: %d %s, want active %t", a.Status, a.Raw, want)
	}
}

// post authenticates the client in its own way.
func (l *life) post(path string, form url.Values) answer {
	l.t.Helper()
	switch l.method {
	case clients.AuthMethodNone:
		return l.i.post(l.t, path, l.id, "", form)
	case clients.AuthMethodPost:
		form.Set("client_secret", l.secret)
		return l.i.post(l.t, path, l.id, "", form)
	}
	return l.i.post(l.t, path, l.id, l.secret, form)
}
