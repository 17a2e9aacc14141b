package main

import (
	"context"
	"strings"
	"testing"

	"signet/clients"
)

func TestTokenPreview(t *testing.T) {
	c := newCLI(t, "")
	st, ring := c.room()
	c.shop(st)
	c.stdin = "correct horse battery\n"
	made := c.object("users", "create", "--username", "ada", "--email", "ada@example.com", "--group", "staff", "--password-stdin")
	part := func(v map[string]any, names ...string) map[string]any {
		for _, name := range names {
			v, _ = v[name].(map[string]any)
		}
		return v
	}
	got := c.object("token", "preview", "--client", "shop", "--user", "ada@example.com")
	if h := part(got, "access_token", "header"); h["typ"] != "at+jwt" || h["alg"] != "RS256" || h["kid"] != ring.Keys()[0].KID {
		t.Errorf("header %v", h)
	}
	if a := part(got, "access_token", "claims"); a["sub"] != made["sub"] || a["client_id"] != "shop" || a["scope"] != "openid profile email offline_access" || a["jti"] != nil {
		t.Errorf("access token %v", a)
	}
	if part(got, "id_token", "claims")["aud"] != "shop" || part(got, "userinfo", "claims")["email"] != "ada@example.com" || got["refresh_token"] != true {
		t.Errorf("got %v", got)
	}
	if got := c.object("token", "preview", "--client", "shop", "--user", "ada", "--scope", "email"); got["id_token"] != nil || got["userinfo"] != nil || got["refresh_token"] != false {
		t.Errorf("without openid: %v", got)
	}
	out := c.must("token", "preview", "--client", "shop", "--user", "ada")
	for _, want := range []string{"access token header\n", "ID token claims\n", "userinfo claims\n", "There would be a refresh token.", "Nothing was issued. Not shown"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing from %s", want, out)
		}
	}
}

func TestTokenPreviewSaysWhyNot(t *testing.T) {
	c := newCLI(t, "")
	c.refused("signet: "+errNoKeys.Error(), "token", "preview", "--client", "shop", "--user", "ada")
	st, _ := c.room()
	c.shop(st)
	c.stdin = "correct horse battery\n"
	c.must("users", "create", "--username", "ada", "--group", "staff", "--password-stdin")
	c.refused(`signet: there is nobody called "bob"; "signet users list" shows all`, "token", "preview", "--client", "shop", "--user", "bob")
	why := func(want string, more ...string) {
		t.Helper()
		c.refused("signet: nothing would be issued ("+want, append([]string{"token", "preview", "--user", "ada", "--client", "shop"}, more...)...)
	}
	why("invalid_client): No app is registered under this client_id.", "--client", "other")
	why("invalid_scope): The client may not ask for the scope admin. There is admin; it has to be one of openid profile email offline_access.", "--scope", "admin")
	change := func(f func(*clients.Client)) {
		t.Helper()
		if err := st.UpdateClient(context.Background(), "shop", func(c *clients.Client) error { f(c); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	change(func(c *clients.Client) { c.AllowedGroups = []string{"ops", "leads"} })
	why("invalid_grant): The person may not use this app. There is a person in none of them; it has to be a person in one of ops, leads.")
	change(func(c *clients.Client) {
		c.AllowedGroups, c.SubjectType, c.RedirectURIs = nil, clients.SubjectPairwise, []string{"http://127.0.0.1/cb"}
	})
	why("server_error): sector_identifier_uri: is needed for subject_type pairwise, as the redirect URIs do not have one host that is the app's own; name an https document that lists them")
	change(func(c *clients.Client) { c.SubjectType, c.Disabled = "", true })
	why("unauthorized_client): This app has been disabled.")
	c.must("users", "disable", "ada")
	change(func(c *clients.Client) { c.Disabled = false })
	why("invalid_grant): The grant has ended. There is a disabled account; it has to be an enabled account.")
	for want, args := range map[string][]string{"--client is missing": {"--user", "ada"}, "--user is missing": {"--client", "shop"}} {
		if code, _, errs := c.run(append([]string{"token", "preview"}, args...)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%q: exit %d, %s", args, code, errs)
		}
	}
}
