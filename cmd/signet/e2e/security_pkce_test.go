package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"signet/clients"
)

// PKCE stripped or downgraded at the authorization endpoint (authentik
// CVE-2023-48228, CVE-2024-23647; RFC 9700, section 4.8): no code is issued.
func TestPKCEDowngradeAtAuthorize(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	yes := true
	i.webApp(t, "app")
	i.webApp(t, "spa", public)
	i.webApp(t, "strict", func(c *clients.Client) { c.RequirePKCE = &yes })
	_, challenge := pkcePair(t)
	verifier := strings.Repeat("v", 43)
	for name, attack := range map[string]struct {
		client string
		change map[string]string
	}{
		"public client without a challenge":     {"spa", nil},
		"public client with a nonce alone":      {"spa", map[string]string{"nonce": "n-0S6_WzA2Mj"}},
		"required and left out":                 {"strict", nil},
		"neither challenge nor nonce":           {"app", map[string]string{"nonce": ""}},
		"a nonce without openid":                {"app", map[string]string{"scope": "profile"}},
		"method left out":                       {"app", map[string]string{"code_challenge": challenge}},
		"method left out, public":               {"spa", map[string]string{"code_challenge": challenge}},
		"plain":                                 {"app", map[string]string{"code_challenge": verifier, "code_challenge_method": "plain"}},
		"plain, public":                         {"spa", map[string]string{"code_challenge": verifier, "code_challenge_method": "plain"}},
		"plain with an S256 challenge":          {"spa", map[string]string{"code_challenge": challenge, "code_challenge_method": "plain"}},
		"method in lower case":                  {"spa", map[string]string{"code_challenge": challenge, "code_challenge_method": "s256"}},
		"unknown method":                        {"spa", map[string]string{"code_challenge": challenge, "code_challenge_method": "S512"}},
		"method without a challenge":            {"spa", map[string]string{"code_challenge_method": "S256"}},
		"method without a challenge, with none": {"app", map[string]string{"code_challenge_method": "S256"}},
		"challenge too short":                   {"spa", map[string]string{"code_challenge": challenge[:42], "code_challenge_method": "S256"}},
		"challenge too long":                    {"spa", map[string]string{"code_challenge": challenge + "A", "code_challenge_method": "S256"}},
		"challenge padded":                      {"spa", map[string]string{"code_challenge": challenge + "=", "code_challenge_method": "S256"}},
		"challenge with a newline":              {"spa", map[string]string{"code_challenge": challenge + "\n", "code_challenge_method": "S256"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newBrowser(t).get(i.authorizeURL(attack.client, attack.change))
			p.wantErrorRedirect(t, i.URL, testCallback, "invalid_request", "a-state")
		})
	}
	t.Run("challenge twice", func(t *testing.T) {
		target := i.authorizeURL("spa", map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"})
		p := newBrowser(t).get(target + "&code_challenge=" + strings.Repeat("A", 43))
		p.wantErrorRedirect(t, i.URL, testCallback, "invalid_request", "a-state")
	})
}

// PKCE stripped or downgraded at the token endpoint: refused, and then the
// code is dead, also for the right verifier (fosite deletes the challenge at
// the first wrong verifier and would take none at all at the second).
func TestPKCEDowngradeAtToken(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	i.webApp(t, "spa", public)
	ada := newBrowser(t)
	_, foreign := pkcePair(t)
	for _, client := range []struct{ id, secret string }{{"app", secret}, {"spa", ""}} {
		for name, attack := range map[string]func(form url.Values, verifier, challenge string){
			"no verifier":           func(f url.Values, _, _ string) { f.Del("code_verifier") },
			"an empty verifier":     func(f url.Values, _, _ string) { f.Set("code_verifier", "") },
			"another verifier":      func(f url.Values, _, _ string) { f.Set("code_verifier", foreign) },
			"the challenge itself":  func(f url.Values, _, c string) { f.Set("code_verifier", c) },
			"one character more":    func(f url.Values, v, _ string) { f.Set("code_verifier", v+"A") },
			"one character less":    func(f url.Values, v, _ string) { f.Set("code_verifier", v[:len(v)-1]) },
			"another case":          func(f url.Values, v, _ string) { f.Set("code_verifier", strings.ToLower(v)) },
			"too short a verifier":  func(f url.Values, _, _ string) { f.Set("code_verifier", "short") },
			"too long a verifier":   func(f url.Values, _, _ string) { f.Set("code_verifier", strings.Repeat("v", 129)) },
			"a verifier with signs": func(f url.Values, v, _ string) { f.Set("code_verifier", v[:50]+"!\"%") },
			"a new challenge at the token endpoint": func(f url.Values, _, _ string) {
				f.Set("code_verifier", strings.Repeat("v", 43))
				f.Set("code_challenge", strings.Repeat("v", 43))
				f.Set("code_challenge_method", "plain")
			},
		} {
			t.Run(client.id+", "+name, func(t *testing.T) {
				verifier, challenge := pkcePair(t)
				code := ada.authorize(i.authorizeURL(client.id, map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}), "ada")
				form := codeForm(code, verifier)
				attack(form, verifier, challenge)
				i.post(t, "/oauth2/token", client.id, client.secret, form).wantRefused(t, http.StatusBadRequest, "invalid_grant")
				for _, again := range []string{"", verifier} {
					i.exchange(t, client.id, client.secret, code, again).wantRefused(t, http.StatusBadRequest, "invalid_grant")
				}
			})
		}
	}

	// RFC 9700, section 4.8.2: a verifier for a code without a challenge means
	// that somebody took the challenge out of the authorization request.
	t.Run("a verifier where no challenge was sent", func(t *testing.T) {
		verifier, _ := pkcePair(t)
		code := ada.authorize(i.authorizeURL("app", nil), "ada")
		i.exchange(t, "app", secret, code, verifier).wantRefused(t, http.StatusBadRequest, "invalid_grant")
		i.exchange(t, "app", secret, code, "").wantRefused(t, http.StatusBadRequest, "invalid_grant")
	})
	t.Run("verifier twice", func(t *testing.T) {
		code, verifier := i.freshCode(t, ada, "ada", "app")
		form := codeForm(code, verifier)
		form.Add("code_verifier", foreign)
		i.post(t, "/oauth2/token", "app", secret, form).wantRefused(t, http.StatusBadRequest, "invalid_request")
	})
	// The challenge is bound to the code, not to the client or the session.
	t.Run("the verifier of another code", func(t *testing.T) {
		code, _ := i.freshCode(t, ada, "ada", "app")
		_, second := i.freshCode(t, ada, "ada", "app")
		i.exchange(t, "app", secret, code, second).wantRefused(t, http.StatusBadRequest, "invalid_grant")
	})
}
