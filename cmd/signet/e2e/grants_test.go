package e2e

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"signet/authz"
	"signet/clients"
)

// Operators revoke by person, client and session; nobody else loses anything.
func TestOperatorRevokesGrants(t *testing.T) {
	i := start(t)
	ada, bob := i.person(t, "ada"), i.person(t, "bob")
	first, second := i.webApp(t, "first"), i.webApp(t, "second", func(c *clients.Client) { c.AccessTokenFormat = clients.AccessTokenOpaque })
	type held struct{ client, secret, access, refresh string }
	get := func(b *browser, who, client, secret string) held {
		a := i.tokens(t, b, who, client, secret)
		return held{client, secret, a.str("access_token"), a.str("refresh_token")}
	}
	adas, bobs, adasPhone := newBrowser(t), newBrowser(t), newBrowser(t)
	all := map[string]*held{}
	add := func(name string, h held) { all[name] = &h }
	add("ada first", get(adas, "ada", "first", first))
	add("ada second", get(adas, "ada", "second", second))
	add("ada phone", get(adasPhone, "ada", "first", first))
	add("bob first", get(bobs, "bob", "first", first))
	add("bob second", get(bobs, "bob", "second", second))
	check := func(when string, dead ...string) {
		t.Helper()
		for name, h := range all {
			isDead := strings.Contains(" "+strings.Join(dead, ",")+",", name+",")
			a := i.refresh(t, h.client, h.secret, h.refresh)
			if u := i.userinfo(t, h.access); (u.Status == http.StatusOK) == isDead || (a.Status == http.StatusOK) == isDead {
				t.Errorf("%s, %s: refresh %d, userinfo %d", when, name, a.Status, u.Status)
			}
			if a.Status == http.StatusOK {
				h.refresh, h.access = a.str("refresh_token"), a.str("access_token")
			}
		}
	}
	revoke := func(f authz.GrantFilter, want int) {
		t.Helper()
		if n, err := i.Provider.RevokeGrants(t.Context(), f, "because"); err != nil || n != want {
			t.Fatalf("%+v: %d grants, %v; want %d", f, n, err, want)
		}
	}
	check("before")
	if n, err := i.Provider.RevokeGrants(t.Context(), authz.GrantFilter{}, "x"); n != 0 || !errors.Is(err, authz.ErrNoFilter) {
		t.Errorf("no filter: %d, %v", n, err)
	}
	phone := decodeSegment(t, all["ada phone"].access, 1)["sid"].(string)
	revoke(authz.GrantFilter{SessionID: phone}, 1)
	check("by session", "ada phone")
	revoke(authz.GrantFilter{Subject: ada.ID, ClientID: "second"}, 1)
	check("by person and client", "ada phone", "ada second")
	revoke(authz.GrantFilter{Subject: ada.ID}, 1)
	check("by person", "ada phone", "ada second", "ada first")
	revoke(authz.GrantFilter{ClientID: "first"}, 1)
	check("by client", "ada phone", "ada second", "ada first", "bob first")
	revoke(authz.GrantFilter{ClientID: "first"}, 0)
	found := i.events(t, "grant_revoked")
	if len(found) != 4 || found[3]["sub"] != bob.ID || found[3]["client_id"] != "first" || found[3]["reason"] != "because" {
		t.Errorf("audit: %v", found)
	}
}

// The commands, beside a running server.
func TestGrantsCommands(t *testing.T) {
	in := newInstall(t)
	i := &issuer{URL: in.URL}
	_, stop := in.serve()
	defer stop()
	run := func(v any, args ...string) {
		t.Helper()
		cmd := in.command(append(args, "--json")...)
		cmd.Stdin = strings.NewReader(testPassword + "\n")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		must(t, json.Unmarshal(out, v))
	}
	var made map[string]any
	run(&made, "users", "create", "--username", "ada", "--password-stdin")
	run(&made, "clients", "create", "--id", "app", "--redirect-uri", testCallback)
	secret := made["client_secret"].(string)
	a := i.tokens(t, newBrowser(t), "ada", "app", secret)

	var list []map[string]any
	run(&list, "grants", "list", "--user", "ada", "--client", "app")
	if len(list) != 1 || list[0]["username"] != "ada" || list[0]["state"] != "active" || list[0]["scope"] != "openid profile email offline_access" {
		t.Fatalf("listed %v", list)
	}
	var done map[string]any
	run(&done, "grants", "revoke", list[0]["grant_id"].(string), "--reason", "a test")
	if ids, _ := done["revoked"].([]any); len(ids) != 1 {
		t.Errorf("revoked %v", done)
	}
	i.refresh(t, "app", secret, a.str("refresh_token")).wantRefused(t, http.StatusBadRequest, "invalid_grant")
	i.userinfo(t, a.str("access_token")).wantBadToken(t)
	run(&list, "grants", "list")
	if len(list) != 0 {
		t.Errorf("alive: %v", list)
	}
}
