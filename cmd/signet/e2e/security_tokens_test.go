package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/clients"
)

func encodePart(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func marshal(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// victim is a running server with a person, two apps and live tokens.
type victim struct {
	*issuer
	browser             *browser
	secret, otherSecret string
	access, id, refresh string
	// header and claims of the access token.
	header, claims map[string]any
}

func newVictim(t *testing.T) *victim {
	i := start(t)
	v := &victim{issuer: i, browser: newBrowser(t)}
	i.person(t, "ada")
	v.secret = i.webApp(t, "app")
	v.otherSecret = i.webApp(t, "other")
	a := i.tokens(t, v.browser, "ada", "app", v.secret)
	v.access, v.id, v.refresh = a.str("access_token"), a.str("id_token"), a.str("refresh_token")
	v.header, v.claims = decodeSegment(t, v.access, 0), decodeSegment(t, v.access, 1)
	return v
}

// sign lets the server's own keys sign a token of any type.
func (v *victim) sign(t testing.TB, typ string, claims map[string]any) string {
	t.Helper()
	alg, err := v.Keys.SigningAlg("")
	if err != nil {
		t.Fatal(err)
	}
	token, err := v.Keys.Sign(alg, typ, []byte(marshal(t, claims)))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// wantNoAccess presents a token where access tokens are taken.
func (v *victim) wantNoAccess(t testing.TB, token string) {
	t.Helper()
	v.userinfo(t, token).wantBadToken(t)
	v.post(t, "/oauth2/userinfo", "", "", url.Values{"access_token": {token}}).wantBadToken(t)
	v.introspect(t, "app", v.secret, token).wantInactive(t)
}

// wantNoHint presents a token where ID tokens are taken.
func (v *victim) wantNoHint(t testing.TB, token string) {
	t.Helper()
	p := v.browser.get(v.authorizeURL("app", map[string]string{"prompt": "none", "id_token_hint": token}))
	p.wantErrorRedirect(t, v.URL, testCallback, "invalid_request", "a-state")
	v.browser.get(v.URL + "/oauth2/logout?" + url.Values{
		"id_token_hint": {token}, "post_logout_redirect_uri": {"https://app.example.test/bye"},
	}.Encode()).wantErrorPage(t)
}

// wantRevokeIgnores presents a token to be revoked: RFC 7009, section 2.2
// answers 200 to what is no token.
func (v *victim) wantRevokeIgnores(t testing.TB, token string) {
	t.Helper()
	a := v.post(t, "/oauth2/revoke", "app", v.secret, url.Values{"token": {token}})
	if a.Status != http.StatusOK || a.Raw != "" {
		t.Errorf("revoke: %d %s, want 200 and nothing", a.Status, a.Raw)
	}
	a.wantNoStore(t)
}

// wantUnharmed checks that the attacks cost the owner nothing.
func (v *victim) wantUnharmed(t testing.TB) {
	t.Helper()
	v.wantAlive(t, "app", v.secret, v.access)
	if a := v.introspect(t, "app", v.secret, v.refresh); a.Body["active"] != true {
		t.Errorf("the refresh token is dead: %s", a.Raw)
	}
	if p := v.browser.get(v.authorizeURL("app", map[string]string{"prompt": "none", "id_token_hint": v.id})); p.param("code") == "" {
		t.Errorf("the session or the hint is dead: %d %s", p.Status, p.Header.Get("Location"))
	}
}

// One token taken for another (fosite's StatelessJWTValidator takes ID tokens
// as access tokens; keycloak#34146): every type is checked where a token is
// accepted, also when the signature is the server's own.
func TestOneTokenTakenForAnother(t *testing.T) {
	v := newVictim(t)
	if v.header["typ"] != "at+jwt" {
		t.Errorf("an access token has typ %v, want at+jwt (RFC 9068, section 2.1)", v.header["typ"])
	}
	with := func(change map[string]any) map[string]any {
		c := maps.Clone(v.claims)
		maps.Copy(c, change)
		for k, val := range c {
			if val == nil {
				delete(c, k)
			}
		}
		return c
	}
	now := time.Now().Unix()
	notAccess := map[string]string{
		"ID token":            v.id,
		"refresh token":       v.refresh,
		"client secret":       v.secret,
		"logout token":        v.sign(t, "logout+jwt", with(map[string]any{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}})),
		"status list token":   v.sign(t, "statuslist+jwt", with(map[string]any{"status_list": map[string]any{"bits": 1, "lst": "eNrbuRgAAhcBXQ"}})),
		"client assertion":    v.sign(t, "client-authentication+jwt", with(map[string]any{"iss": "app", "sub": "app", "aud": v.URL})),
		"introspection JWT":   v.sign(t, "token-introspection+jwt", v.claims),
		"userinfo JWT":        v.sign(t, "JWT", v.claims),
		"authorization JWT":   v.sign(t, "oauth-authz-req+jwt", v.claims),
		"security event":      v.sign(t, "secevent+jwt", v.claims),
		"DPoP proof":          v.sign(t, "dpop+jwt", v.claims),
		"typ with more to it": v.sign(t, "at+jwt; x", v.claims),
		"another issuer":      v.sign(t, "at+jwt", with(map[string]any{"iss": "https://evil.test"})),
		"issuer with a slash": v.sign(t, "at+jwt", with(map[string]any{"iss": v.URL + "/"})),
		"no issuer":           v.sign(t, "at+jwt", with(map[string]any{"iss": nil})),
		"expired":             v.sign(t, "at+jwt", with(map[string]any{"exp": now - 1})),
		"no expiry":           v.sign(t, "at+jwt", with(map[string]any{"exp": nil})),
		"expiry as a string":  v.sign(t, "at+jwt", with(map[string]any{"exp": fmt.Sprint(now + 600)})),
		"no jti":              v.sign(t, "at+jwt", with(map[string]any{"jti": nil})),
		"no client":           v.sign(t, "at+jwt", with(map[string]any{"client_id": nil})),
		"no subject":          v.sign(t, "at+jwt", with(map[string]any{"sub": nil})),
		"a grant that is not": v.sign(t, "at+jwt", with(map[string]any{"grant_id": strings.Repeat("0", 32), "jti": "another"})),
	}
	for name, token := range notAccess {
		t.Run(name+" as an access token", func(t *testing.T) {
			v.userinfo(t, token).wantBadToken(t)
			v.post(t, "/oauth2/userinfo", "", "", url.Values{"access_token": {token}}).wantBadToken(t)
			if name != "refresh token" { // which introspection knows for what it is
				v.introspect(t, "app", v.secret, token).wantInactive(t)
				v.wantRevokeIgnores(t, token)
			}
			v.introspect(t, "other", v.otherSecret, token).wantInactive(t)
		})
	}
	for name, token := range map[string]string{
		"access token": v.access, "refresh token": v.refresh, "logout token": notAccess["logout token"],
		"status list token": notAccess["status list token"], "client assertion": notAccess["client assertion"],
	} {
		t.Run(name+" as an id_token_hint", func(t *testing.T) { v.wantNoHint(t, token) })
	}
	for name, token := range map[string]string{"access token": v.access, "ID token": v.id, "logout token": notAccess["logout token"]} {
		t.Run(name+" as a refresh token", func(t *testing.T) {
			v.issuer.refresh(t, "app", v.secret, token).wantRefused(t, http.StatusBadRequest, "invalid_grant")
		})
		t.Run(name+" as a code", func(t *testing.T) {
			v.exchange(t, "app", v.secret, token, "").wantRefused(t, http.StatusBadRequest, "invalid_grant")
		})
		t.Run(name+" as client authentication", func(t *testing.T) {
			for _, form := range []url.Values{
				{"client_assertion": {token}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}},
				{"client_assertion": {token}, "client_id": {"app"}},
				{"client_secret": {token}, "client_id": {"app"}},
			} {
				form.Set("grant_type", "client_credentials")
				v.post(t, "/oauth2/token", "", "", form).wantRefused(t, http.StatusUnauthorized, "invalid_client")
			}
			v.send(t, http.MethodPost, "/oauth2/introspect", formType, "token="+token, http.Header{"Authorization": {"Bearer " + token}}).
				wantRefused(t, http.StatusUnauthorized, "invalid_client")
		})
	}
	v.wantUnharmed(t)
}

// A token for an app itself says nothing about a person, also when the app is
// called like one.
func TestClientTokenIsNoPersons(t *testing.T) {
	v := newVictim(t)
	ada := v.claims["sub"].(string)
	secret := v.webApp(t, "robot", func(c *clients.Client) { c.GrantTypes = append(c.GrantTypes, "client_credentials") })
	twin := v.webApp(t, ada, func(c *clients.Client) { c.GrantTypes = append(c.GrantTypes, "client_credentials") })
	for id, s := range map[string]string{"robot": secret, ada: twin} {
		a := v.post(t, "/oauth2/token", id, s, url.Values{"grant_type": {"client_credentials"}})
		if a.Status != http.StatusOK || a.str("refresh_token") != "" || a.str("id_token") != "" {
			t.Fatalf("client_credentials: %d %s", a.Status, a.Raw)
		}
		got := v.userinfo(t, a.str("access_token"))
		got.wantRefused(t, http.StatusForbidden, "insufficient_scope")
		if c := got.Header.Get("WWW-Authenticate"); !strings.Contains(c, `error="insufficient_scope"`) {
			t.Errorf("WWW-Authenticate %q", c)
		}
		for _, scope := range []string{"openid", "offline_access", "openid profile"} {
			v.post(t, "/oauth2/token", id, s, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}).
				wantRefused(t, http.StatusBadRequest, "invalid_scope")
		}
	}
}

// A token cut off anywhere is refused at every door (zitadel CVE-2026-27840).
func TestTruncatedTokens(t *testing.T) {
	v := newVictim(t)
	for n := range len(v.access) {
		v.userinfo(t, v.access[:n]).wantBadTokenOrNone(t, n)
		v.introspect(t, "app", v.secret, v.access[:n]).wantInactiveOrMissing(t, n)
		if n > 0 {
			v.wantRevokeIgnores(t, v.access[:n])
		}
		if t.Failed() {
			t.Fatalf("cut at %d of %d", n, len(v.access))
		}
	}
	for n := 1; n < len(v.id); n++ {
		v.wantNoHint(t, v.id[:n])
		if t.Failed() {
			t.Fatalf("cut at %d of %d", n, len(v.id))
		}
	}
	for n := 1; n < len(v.refresh); n++ {
		v.issuer.refresh(t, "app", v.secret, v.refresh[:n]).wantRefused(t, http.StatusBadRequest, "invalid_grant")
		v.wantRevokeIgnores(t, v.refresh[:n])
		v.introspect(t, "app", v.secret, v.refresh[:n]).wantInactive(t)
		if t.Failed() {
			t.Fatalf("cut at %d of %d", n, len(v.refresh))
		}
	}
	v.wantUnharmed(t)
}

func (a answer) wantBadTokenOrNone(t testing.TB, n int) {
	t.Helper()
	if n == 0 {
		a.wantRefused(t, http.StatusUnauthorized, "invalid_token")
		return
	}
	a.wantBadToken(t)
}

func (a answer) wantInactiveOrMissing(t testing.TB, n int) {
	t.Helper()
	if n == 0 {
		a.wantRefused(t, http.StatusBadRequest, "invalid_request")
		return
	}
	a.wantInactive(t)
}

// One changed character anywhere in a token, and it is refused.
func TestChangedTokens(t *testing.T) {
	v := newVictim(t)
	for n := range len(v.access) {
		bad := v.access[:n] + flip(v.access[n]) + v.access[n+1:]
		v.userinfo(t, bad).wantBadToken(t)
		v.introspect(t, "app", v.secret, bad).wantInactive(t)
		if t.Failed() {
			t.Fatalf("changed at %d of %d", n, len(v.access))
		}
	}
	for n := range len(v.refresh) {
		bad := v.refresh[:n] + flip(v.refresh[n]) + v.refresh[n+1:]
		v.issuer.refresh(t, "app", v.secret, bad).wantRefused(t, http.StatusBadRequest, "invalid_grant")
		if t.Failed() {
			t.Fatalf("changed at %d of %d", n, len(v.refresh))
		}
	}
	// One token has one spelling: unused bits, padding and line breaks that a
	// lenient decoder skips make another.
	for name, bad := range map[string]string{
		"padded": v.access + "==", "space": v.access[:20] + " " + v.access[20:], "a dot more": v.access + ".",
		"a part more": v.access + ".AA", "no signature": v.access[:strings.LastIndex(v.access, ".")+1],
		"two tokens": v.access + v.access, "quoted": `"` + v.access + `"`, "comma": v.access + "," + v.access,
		"signature of the ID token": v.access[:strings.LastIndex(v.access, ".")] + v.id[strings.LastIndex(v.id, "."):],
		"last bits":                 v.access[:len(v.access)-1] + nextBits(v.access[len(v.access)-1]),
	} {
		t.Run(name, func(t *testing.T) { v.userinfo(t, bad).wantBadToken(t) })
	}
	for name, bad := range map[string]string{"newline": v.access[:20] + "\n" + v.access[20:], "newline at the end": v.access + "\r\n", "NUL": v.access + "\x00"} {
		t.Run(name, func(t *testing.T) {
			v.introspect(t, "app", v.secret, bad).wantInactive(t)
			v.post(t, "/oauth2/userinfo", "", "", url.Values{"access_token": {bad}}).wantBadToken(t)
		})
	}
	v.wantUnharmed(t)
}

// nextBits returns the base64url character whose value is one higher: in the
// last place of a 256-byte signature only its unused bits differ.
func nextBits(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[(strings.IndexByte(alphabet, c)+1)%64])
}
