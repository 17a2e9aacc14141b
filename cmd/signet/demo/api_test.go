package demo

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"signet/clients"
)

func TestAPIVerifiesAccessTokens(t *testing.T) {
	d, b := startDemo(t), newBrowser(t)
	b.signIn(d)
	u := onlyUser(t, d)
	access := u.tokens.AccessToken

	status, _, body := fetch(t, d.API+"/photos", access)
	if status != http.StatusOK || !strings.Contains(body, u.claims["sub"].(string)) {
		t.Fatalf("a good token: %d %s", status, body)
	}

	refused := map[string]string{
		"the ID token":      u.idToken,
		"the refresh token": u.tokens.RefreshToken,
		"not a JWT":         "x.y.z",
		"no signature":      access[:strings.LastIndex(access, ".")+1],
	}
	for part, at := range map[string]int{
		"header": 10, "payload": strings.Index(access, ".") + 20, "signature": strings.LastIndex(access, ".") + 20,
	} {
		refused["one byte changed in the "+part] = changeByte(access, at)
	}
	for name, token := range refused {
		t.Run(name, func(t *testing.T) {
			status, challenge, _ := fetch(t, d.API+"/photos", token)
			if status != http.StatusUnauthorized || !strings.Contains(challenge, `error="invalid_token"`) {
				t.Errorf("%d, WWW-Authenticate: %s", status, challenge)
			}
		})
	}
	t.Run("no token", func(t *testing.T) {
		status, challenge, _ := fetch(t, d.API+"/photos", "")
		if status != http.StatusUnauthorized || challenge != `Bearer realm="photos"` {
			t.Errorf("%d, WWW-Authenticate: %s", status, challenge)
		}
	})
}

// changeByte is token with another letter at one place.
func changeByte(token string, at int) string {
	letter := byte('A')
	if token[at] == letter {
		letter = 'B'
	}
	return token[:at] + string(letter) + token[at+1:]
}

// Tokens of the same issuer that are for another API, or lack the scope.
func TestAPIRefusesTokensForOthers(t *testing.T) {
	d := startDemo(t)
	tests := []struct {
		name, audience, scope string
		status                int
		code                  string
	}{
		{"right audience and scope", d.API, scopePhotos, http.StatusOK, ""},
		{"another audience", "https://other.example", scopePhotos, http.StatusUnauthorized, "invalid_token"},
		{"another scope", d.API, "photos.write", http.StatusForbidden, "insufficient_scope"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token := serviceToken(t, d, "service-"+strings.ReplaceAll(tt.name, " ", "-"), tt.audience, tt.scope)
			status, challenge, body := fetch(t, d.API+"/photos", token)
			if status != tt.status || (tt.code != "" && !strings.Contains(challenge, `error="`+tt.code+`"`)) {
				t.Errorf("%d, WWW-Authenticate: %s\n%s", status, challenge, body)
			}
		})
	}
}

// serviceToken is a token that the service with this id gets for itself.
func serviceToken(t *testing.T, d *Demo, id, audience, scope string) string {
	t.Helper()
	plain, secret, err := clients.NewSecret(nil, time.Now().UTC())
	if err != nil {
		t.Fatal(err)
	}
	err = d.issuer.Store.CreateClient(t.Context(), clients.Client{
		ID: id, Name: id, Secrets: []clients.Secret{secret}, Source: clients.SourceCLI,
		GrantTypes: []string{clients.GrantClientCredentials}, Scopes: []string{scope}, Audiences: []string{audience},
		CreatedAt: time.Now().UTC(), UpdatedAt: time.Now().UTC(),
	})
	if err != nil {
		t.Fatal(err)
	}
	cc := clientcredentials.Config{ClientID: id, ClientSecret: plain, TokenURL: d.Issuer + "/oauth2/token", Scopes: []string{scope}}
	token, err := cc.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}
