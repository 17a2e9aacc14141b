package e2e

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// secretsSeen collects everything that must never stand in a log.
type secretsSeen map[string]string

// page remembers what a page and its redirect hold.
func (s secretsSeen) page(t *testing.T, name string, p *page) *page {
	t.Helper()
	if token := csrfOf(p); token != "" {
		s[name+": form token"] = token
	}
	if code := p.param("code"); code != "" {
		s[name+": code"] = code
	}
	for _, line := range p.Header["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil && c.Value != "" {
			s[name+": cookie "+c.Name] = c.Value
		}
	}
	if id, ok := strings.CutPrefix(p.URL.Path, "/interaction/"); ok {
		s[name+": flow id"] = strings.Split(id, "/")[0]
	}
	return p
}

func (s secretsSeen) tokens(name string, a answer) answer {
	for _, kind := range []string{"access_token", "refresh_token", "id_token"} {
		if token := a.str(kind); token != "" {
			s[name+": "+kind] = token
			if parts := strings.Split(token, "."); len(parts) == 3 {
				s[name+": signature of "+kind], s[name+": payload of "+kind] = parts[2], parts[1]
			}
		}
	}
	return a
}

// No token, code, secret, password or query string in a log (tiled#1440,
// IdentityServer4#3055), also at level debug, also when something was refused.
func TestNoSecretInTheLog(t *testing.T) {
	i := start(t)
	seen := secretsSeen{}
	setup, _, err := i.Login.NewSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen["set-up link"] = setup
	b := newBrowser(t)
	p := seen.page(t, "set-up", b.get(i.URL+"/setup/"+setup))
	seen["password"] = "the-password-of-ada-0001"
	b.submit(p, "create", map[string]string{"username": "ada", "password": seen["password"], "email": "ada@example.test"})
	b.submit(p, "create", map[string]string{"username": "ada", "password": seen["password"]})

	seen["client secret"] = i.webApp(t, "app")
	seen["other secret"] = i.webApp(t, "other")
	seen["state"], seen["nonce"], seen["login hint"] = "state-value-000001", "nonce-value-000002", "login-hint-000003"
	verifier, challenge := pkcePair(t)
	seen["verifier"], seen["challenge"] = verifier, challenge
	target := i.authorizeURL("app", map[string]string{
		"state": seen["state"], "nonce": seen["nonce"], "login_hint": seen["login hint"],
		"code_challenge": challenge, "code_challenge_method": "S256",
	})
	p = seen.page(t, "sign-in", b.get(target))
	seen["wrong password"], seen["password as the name"] = "a-wrong-password-0004", "typed-into-the-wrong-field-5"
	seen.page(t, "refused", b.submit(p, "sign-in", map[string]string{"username": "ada", "password": seen["wrong password"]}))
	seen.page(t, "refused", b.submit(p, "sign-in", map[string]string{"username": seen["password as the name"], "password": "x"}))
	p = seen.page(t, "consent", b.submit(p, "sign-in", map[string]string{"username": "ada", "password": seen["password"]}))
	seen["session"], seen["browser"] = b.cookie(t, i.URL+"/", sessionCookie), b.cookie(t, i.URL+"/", browserCookie)
	p = seen.page(t, "response", b.submit(p, "allow", nil))
	code := p.param("code")
	if code == "" {
		t.Fatalf("no code: %d\n%s", p.Status, p.Body)
	}

	secret := seen["client secret"]
	first := seen.tokens("exchange", i.exchange(t, "app", secret, code, verifier))
	i.introspect(t, "app", secret, first.str("access_token"))
	i.introspect(t, "app", secret, first.str("refresh_token"))
	i.userinfo(t, first.str("access_token"))
	second := seen.tokens("refresh", i.refresh(t, "app", secret, first.str("refresh_token")))
	if first.Status != http.StatusOK || second.Status != http.StatusOK {
		t.Fatalf("%d %s, %d %s", first.Status, first.Raw, second.Status, second.Raw)
	}
	refusedWithSecrets(t, i, b, seen, first, second)

	log := i.log.String()
	for what, value := range seen {
		if len(value) < 8 {
			t.Fatalf("%s is %q: too short to look for", what, value)
		}
		for _, form := range []string{value, url.QueryEscape(value), strings.TrimSuffix(marshal(t, value)[1:], `"`)} {
			if n := strings.Index(log, form); n >= 0 {
				t.Errorf("the log holds the %s:\n%s", what, log[strings.LastIndex(log[:n], "\n")+1:n+len(form)])
				break
			}
		}
	}
	// A credential begins with these; the middle of a random id can hold them.
	if found := regexp.MustCompile(`(^|[^A-Za-z0-9_-])(sgc_|sgr_|eyJ)`).FindString(log); found != "" {
		t.Errorf("the log holds a credential:\n%s", lineWith(log, found))
	}
	for _, mark := range []string{"?code=", "&code=", "token=", "client_secret=", "grant_type=", "Bearer ", "Basic ", "response_type="} {
		if strings.Contains(log, mark) {
			t.Errorf("the log holds %q, of a query string, a form or a header:\n%s", mark, lineWith(log, mark))
		}
	}
	if !strings.Contains(log, "grant revoked") || !strings.Contains(log, `"client_id":"app"`) {
		t.Errorf("the log does not say what happened:\n%s", log)
	}
}

// refusedWithSecrets has everything refused that can be, with live secrets in
// the wrong places.
func refusedWithSecrets(t *testing.T, i *issuer, b *browser, seen secretsSeen, first, second answer) {
	t.Helper()
	secret, other := seen["client secret"], seen["other secret"]
	access, refresh, id := second.str("access_token"), second.str("refresh_token"), first.str("id_token")
	code := seen["response: code"]
	for _, value := range []string{access, refresh, id, code, secret, seen["session"], "not-a-token-0006" + code} {
		i.userinfo(t, value)
		i.introspect(t, "other", other, value)
		i.exchange(t, "other", other, value, "")
		i.refresh(t, "other", other, value)
		i.post(t, "/oauth2/revoke", "other", other, url.Values{"token": {value}})
		i.post(t, "/oauth2/token", "app", value, url.Values{"grant_type": {"client_credentials"}})
		i.post(t, "/oauth2/token", "app", secret, url.Values{"grant_type": {"client_credentials"}, "code": {value, value}})
		i.send(t, http.MethodGet, "/oauth2/userinfo?access_token="+url.QueryEscape(value), "", "", nil)
		i.send(t, http.MethodGet, "/oauth2/token?code="+url.QueryEscape(value), "", "", nil)
		i.send(t, http.MethodPost, "/oauth2/token?code="+url.QueryEscape(value)+"%zz", formType, "code="+url.QueryEscape(value)+"%zz", nil)
		i.send(t, http.MethodPost, "/oauth2/token", "application/json", marshal(t, map[string]string{"code": value}), nil)
		i.send(t, http.MethodPost, "/oauth2/introspect", formType, "token="+value+";x", http.Header{"Authorization": {"Basic " + value}})
		i.send(t, http.MethodGet, "/"+url.PathEscape(value), "", "", http.Header{"Referer": {i.URL + "/cb?code=" + url.QueryEscape(value)}})
		i.send(t, http.MethodGet, "/setup/"+url.PathEscape(value), "", "", http.Header{"Cookie": {"signet_session=" + url.QueryEscape(value)}, "User-Agent": {url.QueryEscape(value)}})
		i.send(t, http.MethodGet, "/interaction/"+url.PathEscape(value)+"/login", "", "", http.Header{"X-Request-Id": {url.QueryEscape(value)}})
		b.get(i.authorizeURL("app", map[string]string{"id_token_hint": value, "prompt": "none"}))
		b.get(i.authorizeURL("app", map[string]string{"request": value, "claims": value}))
		b.get(i.authorizeURL("app", map[string]string{"code_challenge": value, "max_age": "0"}))
		b.get(i.URL + "/oauth2/logout?" + url.Values{"id_token_hint": {value}}.Encode())
	}
	// Replay and reuse, which the log has to tell of without the credential.
	i.clock.Advance(2 * time.Minute)
	i.refresh(t, "app", secret, first.str("refresh_token"))
	i.exchange(t, "app", secret, code, "")
	p := b.get(i.URL + "/oauth2/logout?" + url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {"https://app.example.test/bye"}, "state": {seen["state"]}}.Encode())
	if p.byID("logout-confirm") != nil {
		b.submit(p, "logout-confirm", nil)
	}
}

// lineWith returns the first line of a log that holds a mark.
func lineWith(log, mark string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, mark) {
			return line
		}
	}
	return ""
}
