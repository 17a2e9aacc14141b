package e2e

import (
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"signet/authz/store"
	"signet/clients"
	"signet/cmd/signet/config"
)

// Requests write nothing about the client; the server tells the database in the
// background, which secret it was included.
func TestLastUseIsKeptBySecret(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "signet.db")
	secrets := map[string]clients.Secret{}
	t.Run("a server", func(t *testing.T) {
		i := start(t, func(c *config.Config) { c.Database = database })
		old := i.webApp(t, "job", func(c *clients.Client) {
			c.GrantTypes, c.RedirectURIs, c.PostLogoutRedirectURIs = []string{clients.GrantClientCredentials}, nil, nil
			secrets["old"] = c.Secrets[0]
		})
		plain, fresh, err := clients.NewSecret(nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		secrets["new"] = fresh
		i.change(t, "job", func(c *clients.Client) {
			c.Secrets[0].ExpiresAt = time.Now().Add(time.Hour)
			c.Secrets = append([]clients.Secret{fresh}, c.Secrets...)
		})
		i.webApp(t, "idle")
		token := func(id, secret string) {
			t.Helper()
			i.post(t, "/oauth2/token", id, secret, url.Values{"grant_type": {"client_credentials"}})
		}
		token("job", old)
		i.queries.take()
		for range 3 {
			token("job", old)
		}
		if _, writes := i.queries.take(); len(writes) != 0 {
			t.Errorf("three tokens wrote %q", writes)
		}
		token("job", plain+"x")
		token("idle", "wrong")
		token("nobody", "wrong")
	})
	st, err := store.Open(t.Context(), store.Config{Database: database})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	uses, err := st.ClientUses(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, u := range uses {
		used[u.ClientID+" "+u.Credential] = true
	}
	oldest, newest := secrets["old"], secrets["new"]
	if len(uses) != 2 || !used["job "] || !used["job "+oldest.Fingerprint()] || used["job "+newest.Fingerprint()] {
		t.Errorf("got %v", uses)
	}
}

// A client without allow_localhost gets nobody sent to localhost, also when it was
// registered for it before there was the switch.
func TestLocalhostNeedsItsSwitch(t *testing.T) {
	i := start(t)
	i.webApp(t, "app", firstParty, func(c *clients.Client) {
		c.AllowLocalhost, c.RedirectURIs = true, []string{"http://localhost/cb"}
		c.PostLogoutRedirectURIs = []string{"http://localhost/out"}
	})
	uri := map[string]string{"redirect_uri": "http://localhost:3000/cb"}
	b := newBrowser(t)
	if p := b.get(i.authorizeURL("app", uri)); p.byID("sign-in") == nil {
		t.Errorf("with the switch: %d", p.Status)
	}
	i.change(t, "app", func(c *clients.Client) { c.AllowLocalhost = false })
	b.get(i.authorizeURL("app", uri)).wantErrorPage(t)
	b.get(i.authorizeURL("app", map[string]string{"redirect_uri": "http://localhost/cb"})).wantErrorPage(t)
	b.get(i.authorizeURL("app", map[string]string{"redirect_uri": "", "scope": "profile"})).wantErrorPage(t)
	b.get(i.URL + "/oauth2/logout?" + url.Values{"client_id": {"app"}, "post_logout_redirect_uri": {"http://localhost/out"}}.Encode()).wantErrorPage(t)
}
