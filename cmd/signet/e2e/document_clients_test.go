package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"signet/clients"
)

// openid-client, which knows nothing of documents, with a URL as its client_id.
func TestOpenIDClientWithClientDocument(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted)
	ada := i.person(t, "ada")
	id := host.publish("/client.json", nil)
	ask := askNode(t, "openid-client", "document.mjs", i.URL, id, testCallback)
	var answer struct {
		Authorize, Sub, Error string
		Refreshed             bool
	}
	if err := ask("begin", &answer); err != nil || answer.Error != "" {
		t.Fatal(err, answer.Error)
	}
	b := newBrowser(t)
	p := b.submit(b.get(answer.Authorize), "sign-in", map[string]string{"username": "ada", "password": testPassword})
	p = b.submit(p, "allow", nil)
	if p.param("code") == "" {
		t.Fatalf("%d %s", p.Status, p.Location)
	}
	if err := ask(p.Location.String(), &answer); err != nil || answer.Error != "" || answer.Sub != ada.ID || !answer.Refreshed {
		t.Errorf("%v, %+v", err, answer)
	}
}

// documentAssertion is a client assertion (RFC 7523, section 2.2).
func (i *issuer) documentAssertion(t *testing.T, key *ecdsa.PrivateKey, kid, clientID string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := i.clock.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": clientID, "sub": clientID, "aud": i.URL, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// A document with keys makes a client that has to prove itself, by the keys that
// stand there now.
func TestClientDocumentWithKeys(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted)
	i.person(t, "ada")
	var made []*ecdsa.PrivateKey
	publish := func(kid string) string {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, key)
		return host.publish("/client.json", map[string]any{
			"token_endpoint_auth_method": clients.AuthMethodPrivateKeyJWT,
			"jwks":                       jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: kid, Algorithm: "ES256", Use: "sig"}}},
		})
	}
	id := publish("one")
	verifier, challenge := pkcePair(t)
	code := newBrowser(t).authorize(i.documentURL(id, challenge, nil), "ada")
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {testCallback}}
	i.post(t, "/oauth2/token", id, "", form).wantRefused(t, http.StatusUnauthorized, "invalid_client")
	by := func(form url.Values, key *ecdsa.PrivateKey, kid string) answer {
		form.Set("client_id", id)
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", i.documentAssertion(t, key, kid, id))
		return i.post(t, "/oauth2/token", "", "", form)
	}
	tokens := by(form, made[0], "one")
	if tokens.Status != http.StatusOK {
		t.Fatalf("exchange: %d %s", tokens.Status, tokens.Raw)
	}
	publish("two")
	i.clock.Advance(11 * time.Minute)
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.str("refresh_token")}}
	by(refresh, made[0], "one").wantRefused(t, http.StatusUnauthorized, "invalid_client")
	if a := by(refresh, made[1], "two"); a.Status != http.StatusOK {
		t.Errorf("by the key that the document has now: %d %s", a.Status, a.Raw)
	}
}
