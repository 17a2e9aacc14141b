package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/store"
	"signet/cmd/signet/config"
	"signet/cmd/signet/server"
)

// withGrants is a folder with ada and bob, the clients shop and blog, and grants
// as a server would have left them at noon.
func withGrants(t *testing.T) (c *cli, ada, bob string) {
	t.Helper()
	c = newCLI(t, "")
	noon := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	c.now = func() time.Time { return noon }
	c.stdin = "correct horse battery\n"
	ada = c.object("users", "create", "--username", "ada", "--email", "ada@example.com", "--password-stdin")["sub"].(string)
	bob = c.object("users", "create", "--username", "bob", "--password-stdin")["sub"].(string)
	for _, id := range []string{"shop", "blog"} {
		c.must("clients", "create", "--id", id, "--redirect-uri", "https://"+id+".example.com/")
	}
	c.inStore(func(st *store.Store) {
		for i, g := range []authz.Grant{
			{Subject: ada, ClientID: "shop", SessionID: "s1", RedeemedAt: noon, Generation: 1, ExpiresAt: noon.Add(time.Hour)},
			{Subject: ada, ClientID: "blog", SessionID: "s1", RedeemedAt: noon, Generation: 2, RotatedAt: noon, ExpiresAt: noon.Add(time.Hour)},
			{Subject: bob, ClientID: "shop", SessionID: "s2", ExpiresAt: noon.Add(time.Minute)},
			{Subject: bob, ClientID: "shop", SessionID: "s2", RedeemedAt: noon, ExpiresAt: noon},
			{Subject: "gone", ClientID: "shop", SessionID: "s3", RedeemedAt: noon, ExpiresAt: noon.Add(time.Hour)},
		} {
			g.ID, g.CreatedAt, g.Scopes, g.Audiences = grantID(i), noon.Add(-time.Hour), []string{"openid", "email"}, []string{"https://api.example.com"}
			if err := st.CreateGrant(t.Context(), g); err != nil {
				t.Fatal(err)
			}
		}
	})
	return c, ada, bob
}

func grantID(n int) string { return fmt.Sprintf("%032x", n) }

func (c *cli) inStore(do func(*store.Store)) {
	c.t.Helper()
	cfg, err := config.Load(c.dir+"/config.yaml", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	st, err := server.OpenStore(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		c.t.Fatal(err)
	}
	defer st.Close()
	do(st)
}

// listed are the numbers of the grants that a list shows.
func (c *cli) listed(args ...string) []int {
	c.t.Helper()
	var out []int
	for _, g := range c.array(append([]string{"grants", "list"}, args...)...) {
		var n int
		if _, err := fmt.Sscanf(g["grant_id"].(string), "%x", &n); err != nil {
			c.t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

func TestGrantsList(t *testing.T) {
	c, ada, _ := withGrants(t)
	for _, v := range []struct {
		args []string
		want []int
	}{
		{nil, []int{0, 1, 2, 4}},
		{[]string{"--all"}, []int{0, 1, 2, 3, 4}},
		{[]string{"--user", "ADA"}, []int{0, 1}},
		{[]string{"--user", "ada@example.com"}, []int{0, 1}},
		{[]string{"--user", ada}, []int{0, 1}},
		{[]string{"--client", "shop"}, []int{0, 2, 4}},
		{[]string{"--client", "shop", "--user", "bob", "--all"}, []int{2, 3}},
		{[]string{"--session", "s1"}, []int{0, 1}},
		{[]string{"--session", "s1", "--client", "blog"}, []int{1}},
		{[]string{"--session", "nowhere"}, nil},
	} {
		if got := c.listed(v.args...); !slices.Equal(got, v.want) {
			t.Errorf("%v: got %v, want %v", v.args, got, v.want)
		}
	}
	want := []string{
		"GRANT ID USER CLIENT SCOPE CREATED EXPIRES STATE",
		grantID(2) + " bob shop openid email 2030-01-01 11:00:00 UTC 2030-01-01 12:01:00 UTC pending",
		grantID(3) + " bob shop openid email 2030-01-01 11:00:00 UTC 2030-01-01 12:00:00 UTC expired",
	}
	if got := rows(c.must("grants", "list", "--user", "bob", "--all")); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := c.must("grants", "list", "--session", "nowhere"); got != "No such grants.\n" {
		t.Errorf("got %s", got)
	}
	g := c.array("grants", "list", "--client", "blog")[0]
	if g["sub"] != ada || g["username"] != "ada" || g["sid"] != "s1" || g["scope"] != "openid email" || len(g["aud"].([]any)) != 1 ||
		g["state"] != "active" || g["refreshed_at"] != "2030-01-01T12:00:00Z" || g["expires_at"] != "2030-01-01T13:00:00Z" || g["revoked_at"] != nil {
		t.Errorf("got %v", g)
	}
}

func TestGrantsRevoke(t *testing.T) {
	c, _, _ := withGrants(t)
	if got := c.must("grants", "revoke", grantID(0), "--reason", " asked by mail "); got != "Grant "+grantID(0)+" is revoked.\n" {
		t.Errorf("got %s", got)
	}
	if got := c.must("grants", "revoke", grantID(0), grantID(3), "--reason", "again"); got != "There was no live grant to revoke. Nothing has changed.\n" {
		t.Errorf("got %s", got)
	}
	if got := c.object("grants", "revoke", "--user", "ada", "--client", "shop", "--reason", "x"); len(got["revoked"].([]any)) != 0 {
		t.Errorf("revoked again: %v", got)
	}
	if got := c.object("grants", "revoke", "--session", "s1", "--reason", "x"); len(got["revoked"].([]any)) != 1 || got["reason"] != "x" {
		t.Errorf("got %v", got)
	}
	if got := c.must("grants", "revoke", "--client", "shop", "--reason", "x"); got != "2 grants are revoked.\n" {
		t.Errorf("got %s", got)
	}
	if got := c.listed(); len(got) != 0 {
		t.Errorf("alive: %v", got)
	}
	if got := rows(c.must("grants", "list", "--all", "--session", "s1")); len(got) != 3 || !strings.HasSuffix(got[1], " revoked: asked by mail") {
		t.Errorf("got %q", got)
	}
	c.now = func() time.Time { return time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC) }
	if got := c.array("grants", "list", "--all", "--user", "ada")[0]; got["state"] != "revoked" || got["revoked_at"] != "2030-01-01T12:00:00Z" || got["revoked_reason"] != "asked by mail" {
		t.Errorf("got %v", got)
	}
}

func TestGrantsRefused(t *testing.T) {
	c, _, _ := withGrants(t)
	for _, v := range []struct {
		want string
		args []string
	}{
		{`there is nobody called "eve"; "signet users list" shows all`, []string{"list", "--user", "eve"}},
		{`there is nobody called "eve"; "signet users list" shows all`, []string{"revoke", "--user", "eve", "--reason", "x"}},
		{`there is no client "b"; "signet clients list" shows all`, []string{"revoke", "--client", "b", "--reason", "x"}},
		{`there is no grant "` + grantID(9) + `"; "signet grants list --all" shows those that are kept. Nothing was changed`, []string{"revoke", grantID(0), grantID(9), "--reason", "x"}},
	} {
		c.refused("signet: "+v.want, append([]string{"grants"}, v.args...)...)
	}
	for _, v := range []struct {
		want string
		args []string
	}{
		{"which grants? Name their ids, or give --user, --client or --session", []string{"--reason", "x"}},
		{"which grants?", []string{"--user", "", "--reason", "x"}},
		{"give ids, or --user, --client and --session, not both", []string{grantID(0), "--user", "ada", "--reason", "x"}},
		{"--reason is missing", []string{grantID(0)}},
		{"--reason is missing", []string{"--user", "ada", "--reason", " "}},
	} {
		code, out, errs := c.run(append([]string{"grants", "revoke"}, v.args...)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, v.want) {
			t.Errorf("%v: exit %d %s%s", v.args, code, out, errs)
		}
	}
	if got := c.listed(); len(got) != 4 {
		t.Errorf("a refused command revoked something: %v are left", got)
	}
}
