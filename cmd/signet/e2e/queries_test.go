package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/clients"
)

// TestQueryBudget is what each step may ask of the database. A change that
// needs more has to change a number here, and say why. Writes are the
// promise: a grant costs one INSERT, and one UPDATE for each code or refresh
// token it spends; a JWT costs nothing. Its index in a status list comes from a
// block of 1024 that the node has reserved with one UPDATE, so that a token
// costs a thousandth of a write; here the first one has that done before the
// counting begins.
func TestQueryBudget(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	job := i.webApp(t, "job", func(c *clients.Client) {
		c.GrantTypes, c.RedirectURIs, c.PostLogoutRedirectURIs = []string{clients.GrantClientCredentials}, nil, nil
	})
	b := newBrowser(t)
	verifier, challenge := pkcePair(t)
	target := i.authorizeURL("app", map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"})
	budget := func(step string, reads, writes int) {
		t.Helper()
		r, w := i.queries.take()
		t.Logf("%-42s %d reads, %d writes", step, len(r), len(w))
		if len(r) != reads || len(w) != writes {
			t.Errorf("%s: %d reads and %d writes, the budget is %d and %d\nreads: %q\nwrites: %q", step, len(r), len(w), reads, writes, r, w)
		}
	}
	i.queries.take()
	i.post(t, "/oauth2/token", "job", job, url.Values{"grant_type": {"client_credentials"}})
	if _, w := i.queries.take(); len(w) != 2 {
		t.Errorf("the first token of a server: %d writes, want 2, for its list and its block: %q", len(w), w)
	}

	p := b.get(target)
	budget("authorize, nobody signed in: the page", 2, 0) // client; client again for the page
	p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
	budget("sign in: the session, and the consent page", 8, 1)
	b.submit(p, "allow", nil)
	budget("allow: the consent and the grant", 4, 2) // client, session, person, consent
	b.get(target)
	budget("authorize, silent", 4, 1) // client, session, person, consent
	// An app that wants to hear of the end of the session has a row of its own.
	i.webApp(t, "told", firstParty, func(c *clients.Client) { c.BackchannelLogoutURI = "https://app.example.test/bc" })
	i.queries.take()
	b.get(i.authorizeURL("told", nil))
	budget("authorize, silent, with a back channel", 3, 2) // client, session, person
	// The last use of a session is kept to five minutes, for one conditional
	// UPDATE; nothing is written in between.
	i.clock.Advance(6 * time.Minute)
	b.get(i.URL + "/")
	budget("a session that was not used for a while", 1, 1) // session; its last use
	b.get(i.URL + "/")
	budget("the same session again", 1, 0)
	b.get(i.URL + "/account")
	budget("the account page, with one app", 7, 0) // session, person, live and latest sessions, consents, grants, client
	p = b.get(target)
	budget("authorize, silent, once more", 4, 1)
	a := i.exchange(t, "app", secret, p.param("code"), verifier)
	budget("exchange", 3, 1) // client, grant, person
	a = i.refresh(t, "app", secret, a.str("refresh_token"))
	budget("refresh", 3, 1) // client, grant, person
	i.post(t, "/oauth2/introspect", "app", secret, url.Values{"token": {a.str("access_token")}})
	budget("introspect an access token", 5, 0) // client, revocations, the token's client, grant, person
	i.post(t, "/oauth2/introspect", "app", secret, url.Values{"token": {a.str("refresh_token")}})
	budget("introspect a refresh token", 3, 0) // client, grant, person
	i.userinfo(t, a.str("access_token"))
	budget("userinfo", 4, 0) // revocations, client, grant, person
	if a := i.post(t, "/oauth2/token", "job", job, url.Values{"grant_type": {"client_credentials"}}); a.Status != http.StatusOK {
		t.Fatal(a.Raw)
	}
	budget("client_credentials", 1, 0) // client
	signer := i.assertor(t, "signer", credentialsOnly)
	i.queries.take()
	i.wantClient(t, "an assertion", signer.good(), true)
	budget("client_credentials by private_key_jwt", 1, 1) // client; the use of the assertion
	// Scripts of other origins: the client that was looked up says whether its is
	// one, so that only a preflight asks, and not each time.
	const origin = "https://app.example.test"
	i.preflight(t, "/oauth2/token", origin)
	budget("preflight", 1, 0)
	i.preflight(t, "/oauth2/userinfo", origin)
	budget("preflight, some seconds later at most", 0, 0)
	i.ask(t, http.MethodGet, "/oauth2/userinfo", origin, nil, map[string]string{"Authorization": "Bearer " + a.str("access_token")}).wantShared(t, origin)
	budget("userinfo, from another origin", 4, 0)
	i.ask(t, http.MethodPost, "/oauth2/token", "https://evil.test", url.Values{"grant_type": {"refresh_token"}, "client_id": {"nobody"}}, nil).wantNotShared(t)
	budget("unknown client, from another origin", 2, 0) // client, origins
	i.post(t, "/oauth2/revoke", "app", secret, url.Values{"token": {a.str("access_token")}})
	budget("revoke an access token", 1, 2) // the token, and its mark in the list
	i.post(t, "/oauth2/revoke", "app", secret, url.Values{"token": {a.str("refresh_token")}})
	budget("revoke a refresh token", 2, 2) // the grant, and the marks of its access tokens
	list := statusOf(t, a.str("access_token")).URI
	for _, path := range []string{"/oauth2/status", strings.TrimPrefix(list, i.URL)} {
		i.queries.take()
		b.get(i.URL + path)
		r, w := i.queries.take()
		if len(r) == 0 || len(r) > 2 || len(w) != 0 {
			t.Errorf("%s for the first time: %d reads and %d writes: %q %q", path, len(r), len(w), r, w)
		}
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/jwks.json"} {
		b.get(i.URL + path)
		budget(path, 0, 0)
	}
	for name, bad := range map[string]string{
		"unknown client":     i.authorizeURL("nobody", nil),
		"wrong redirect URI": i.authorizeURL("app", map[string]string{"redirect_uri": "https://evil.example.test/"}),
	} {
		b.get(bad)
		budget("authorize, "+name, 1, 0)
	}
}
