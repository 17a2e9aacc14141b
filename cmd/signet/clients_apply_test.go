package main

import (
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/authz"
	"signet/clients"
)

func TestApplyTwiceChangesNothingTheSecondTime(t *testing.T) {
	c := newCLI(t, "")
	c.write("secret", "a-secret-that-the-operator-made-elsewhere\n")
	file := c.write("clients.yaml", everyField+`- client_id: shop
  client_secret_file: secret
  redirect_uris: [https://shop.example.com/cb]
- client_id: job
  scope: orders:read
- client_id: spa
  public: true
  redirect_uris: [https://spa.example.com/cb]
`)
	first := c.object("clients", "apply", "-f", file)
	all := first["clients"].([]any)
	if first["changed"] != true || len(all) != 4 {
		t.Fatalf("got %v", first)
	}
	job := all[2].(map[string]any)
	if client := c.stored("job"); job["action"] != "create" || !client.CheckSecret(job["client_secret"].(string), time.Now()) || client.Source != clients.SourceFile {
		t.Errorf("got %v", job)
	}
	if client := c.stored("shop"); !client.CheckSecret("a-secret-that-the-operator-made-elsewhere", time.Now()) || all[1].(map[string]any)["client_secret"] != nil {
		t.Error("the secret of the file does not work, or is printed")
	}
	full := c.stored("full")
	for _, f := range clients.Fields() {
		if f.Name != "jwks_uri" && f.Value(&full) == nil {
			t.Errorf("%s is not set; the file has to name every field", f.Name)
		}
	}

	before := map[string]clients.Client{}
	for _, id := range []string{"full", "shop", "job", "spa"} {
		before[id] = c.stored(id)
	}
	for range 2 {
		second := c.object("clients", "apply", "-f", file, "--prune")
		if second["changed"] != false {
			t.Errorf("the second run changes something: %v", second)
		}
		if out := c.must("clients", "apply", "-f", file); out != "Nothing to change: 4 clients as declared.\n" {
			t.Errorf("got %s", out)
		}
	}
	for id, want := range before {
		if got := c.stored(id); !reflect.DeepEqual(got, want) {
			t.Errorf("%s was written: %+v\nwant %+v", id, got, want)
		}
	}

	// What is shown is a file too, here and on a server that has no such client.
	shown := c.write("shown.json", strings.ReplaceAll(c.must("clients", "show", "full", "--json"), "  ", "\t"))
	if again := c.object("clients", "apply", "-f", shown); again["changed"] != false {
		t.Errorf("what was shown changes something: %v", again)
	}
	other := newCLI(t, "")
	other.must("clients", "apply", "-f", shown)
	got := other.stored("full")
	got.CreatedAt, got.UpdatedAt = full.CreatedAt, full.UpdatedAt
	if !reflect.DeepEqual(got, full) {
		t.Errorf("on another server it is %+v\nwant %+v", got, full)
	}
}

func TestApplyChangesWhatIsNamed(t *testing.T) {
	c := newCLI(t, "")
	file := c.write("clients.yaml", "- client_id: a\n  client_name: A\n  redirect_uris: [https://a.example.com/]\n  refresh_token_grace: 10\n- client_id: b\n")
	c.must("clients", "apply", "-f", file)
	before := c.stored("a")
	c.write("clients.yaml", "- client_id: a\n  scope: [openid]\n  refresh_token_grace: null\n  grant_types: null\n")

	dry := c.must("clients", "apply", "-f", file, "--dry-run", "--prune")
	want := []string{
		"~ a", "scope: openid profile email offline_access → openid", "refresh_token_grace: 10 → nothing", "- b",
		"0 to create, 1 to update, 1 to delete, 0 unchanged. Nothing was changed (--dry-run).",
	}
	if got := rows(dry); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := c.stored("a"); !reflect.DeepEqual(got, before) {
		t.Errorf("a dry run changed %+v", got)
	}
	if got := c.object("clients", "apply", "-f", file, "--dry-run")["clients"].([]any)[0].(map[string]any); !reflect.DeepEqual(got["changes"], []any{
		map[string]any{"field": "scope", "old": "openid profile email offline_access", "new": "openid"},
		map[string]any{"field": "refresh_token_grace", "old": 10.0, "new": nil},
	}) {
		t.Errorf("got %v", got)
	}

	if out := c.must("clients", "apply", "-f", file, "--prune"); !strings.Contains(out, "- b: it had no live grants") || !strings.Contains(out, "0 created, 1 updated, 1 deleted, 0 unchanged.") {
		t.Errorf("got %s", out)
	}
	c.refused(`signet: there is no client "b"; "signet clients list" shows all`, "clients", "show", "b")
	if got := c.stored("a"); !slices.Equal(got.Scopes, []string{"openid"}) || got.RefreshTokenGrace != nil || got.Name != "A" || !slices.Equal(got.GrantTypes, before.GrantTypes) || !reflect.DeepEqual(got.Secrets, before.Secrets) {
		t.Errorf("got %+v", got)
	}
}

func TestApplyOfSecrets(t *testing.T) {
	c := newCLI(t, "")
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	c.now = func() time.Time { return now }
	file := c.write("clients.yaml", "- client_id: a\n  client_secret_file: s\n- client_id: https://b/../..\n")
	c.write("s", "the-first-secret-of-this-client-0000\n")
	dir := filepath.Join(c.dir, "kept")
	c.refused("clients.yaml:3: clients[1].client_id: its secret cannot be kept: --secrets-dir "+"kept is no folder; make it first",
		"clients", "apply", "-f", file, "--secrets-dir", dir)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	out := c.must("clients", "apply", "-f", file, "--secrets-dir", dir)
	kept := filepath.Join(dir, "https:%2F%2Fb%2F..%2F..")
	secret, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	info, _ := os.Stat(kept)
	client := c.stored("https://b/../..")
	if plain := strings.TrimSpace(string(secret)); strings.Contains(out, plain) || info.Mode().Perm() != 0o600 || !client.CheckSecret(plain, now) {
		t.Errorf("%s: %v %q", out, info.Mode(), secret)
	}

	// Another secret in the file is a rotation, once.
	c.write("s", "the-second-secret-of-this-client-111\n")
	out = c.must("clients", "apply", "-f", file)
	if a := c.stored("a"); len(a.Secrets) != 2 || !a.CheckSecret("the-first-secret-of-this-client-0000", now.Add(23*time.Hour)) || a.CheckSecret("the-first-secret-of-this-client-0000", now.Add(24*time.Hour)) ||
		!a.CheckSecret("the-second-secret-of-this-client-111", now) || strings.Contains(out, "the-second") {
		t.Errorf("%s%+v", out, a)
	}
	if got := c.object("clients", "apply", "-f", file); got["changed"] != false {
		t.Errorf("rotated again: %v", got)
	}

	// A public client that is made confidential gets a secret, one that is made
	// public loses it.
	c.write("clients.yaml", "- client_id: a\n  public: true\n  grant_types: [authorization_code]\n  redirect_uris: [https://a.example.com/]\n")
	if out = c.must("clients", "apply", "-f", file); len(c.stored("a").Secrets) != 0 || !strings.Contains(out, "client_secret: a secret → nothing") {
		t.Errorf("got %s", out)
	}
	c.write("clients.yaml", "- client_id: a\n  public: false\n")
	got := c.object("clients", "apply", "-f", file)["clients"].([]any)[0].(map[string]any)
	if a := c.stored("a"); a.Public() || !a.CheckSecret(got["client_secret"].(string), now) {
		t.Errorf("got %v", got)
	}
	if got := c.object("clients", "apply", "-f", file); got["changed"] != false {
		t.Errorf("changed again: %v", got)
	}
}

func TestApplyTellsEveryFaultAndChangesNothing(t *testing.T) {
	c := newCLI(t, "clients:\n- client_id: shop\n  public: true\n  redirect_uris: [https://shop.example.com/]\n")
	c.must("clients", "create", "--id", "mine", "--name", "Mine")
	one := c.write("one.yaml", `clients:
- client_id: good
- client_id: shop
- client_id: mine
- client_id: bad
  redirect_uris: [http://app.example.com/cb, http://localhost/]
  redirect_urs: []
  default_max_age: soon
  client_secret: hunter2hunter2
- client_name: nameless
`)
	two := c.write("two.json", "[\n\t{\"client_id\": \"good\",\n\t \"jwks\": {\"keys\": [{\"kty\": \"EC\", \"d\": \"AA\"}]}},\n\t{\"client_id\": \"keyless\", \"token_endpoint_auth_method\": \"private_key_jwt\", \"id_token_signed_response_alg\": \"ES256\"}\n]\n")
	code, out, errs := c.run("clients", "apply", "-f", one, "-f", two)
	want := `one.yaml:7: clients[3].redirect_urs: unknown key; did you mean "clients[3].redirect_uris"?
one.yaml:8: clients[3].default_max_age: "soon" is not a duration; write a number and a unit, such as 90s, 10m, 12h or 30d
one.yaml:9: clients[3].client_secret: unknown key; a secret stays out of this file: write it to one of its own and name that as "client_secret_file"
one.yaml:10: clients[4].client_id: is missing; every client of a file has one
`
	if code != exitRefused || out != "" || errs != want {
		t.Errorf("exit %d, %s%s\nwant %s", code, errs, out, want)
	}
	c.write("one.yaml", `clients:
- client_id: good
- client_id: shop
- client_id: mine
- client_id: bad
  redirect_uris: [http://app.example.com/cb, http://localhost/]
`)
	code, out, errs = c.run("clients", "apply", "-f", one, "-f", two)
	want = `one.yaml:3: clients[1].client_id: "shop" is declared in config.yaml; change it there, or take it out of one of the two
one.yaml:4: clients[2].client_id: "mine" was made by other means (cli); give --adopt to have files say what it is from now on, or take it out here
one.yaml:6: clients[3].redirect_uris: "http://app.example.com/cb" must use https; http is for 127.0.0.1 and [::1] alone
one.yaml:6: clients[3].redirect_uris: "http://localhost/" must name 127.0.0.1 or [::1]: localhost can be pointed elsewhere (RFC 8252, section 8.3); allow_localhost lets it by
two.json:2: clients[0].client_id: "good" is declared twice; each client_id stands once
two.json:4: clients[1].jwks: token_endpoint_auth_method private_key_jwt needs the client's public keys; give them here, or their address as jwks_uri
two.json:4: clients[1].id_token_signed_response_alg: "ES256" is not among keys.algorithms (RS256); add it there, or choose one of those
`
	if code != exitRefused || out != "" || errs != want {
		t.Errorf("exit %d, %s%s\nwant %s", code, errs, out, want)
	}
	if got := c.array("clients", "list"); len(got) != 1 {
		t.Errorf("something was made: %v", got)
	}

	c.write("one.yaml", "- client_id: mine\n  scope: x\n")
	if out := c.must("clients", "apply", "-f", one, "--adopt"); !strings.Contains(out, `source: cli → file`) {
		t.Errorf("got %s", out)
	}
	if mine := c.stored("mine"); mine.Source != clients.SourceFile || mine.Name != "Mine" || len(mine.Secrets) != 1 {
		t.Errorf("got %+v", mine)
	}
	for text, want := range map[string]string{
		"":                      "one.yaml: is empty; write \"clients: []\" for no client at all",
		"scopes: {}":            `one.yaml:1: scopes: unknown key`,
		"clients: {a: b}":       `one.yaml:1: clients: must be a list`,
		"- x":                   "one.yaml:1: clients[0]: must be a section",
		"[":                     "one.yaml:1: this is not YAML",
		"- client_id: a\n---\n": "one.yaml:2: a second document begins here",
	} {
		c.write("one.yaml", text)
		if code, _, errs := c.run("clients", "apply", "-f", one, "--prune"); code != exitRefused || !strings.HasPrefix(errs, want) {
			t.Errorf("%q: exit %d, %s", text, code, errs)
		}
	}
	if got := c.array("clients", "list"); len(got) != 1 {
		t.Errorf("something was deleted: %v", got)
	}
}

func TestClientsDelete(t *testing.T) {
	c := newCLI(t, "clients:\n- client_id: shop\n  public: true\n  redirect_uris: [https://shop.example.com/]\n")
	c.must("clients", "create", "--id", "a")
	c.refused(`signet: the client "shop" is declared in config.yaml; change it there and start the server again`, "clients", "delete", "shop")
	c.refused(`signet: there is no client "b"; "signet clients list" shows all`, "clients", "delete", "b")
	if out := c.must("clients", "delete", "a"); out != "The client a (a) is deleted; it had no live grants.\n" {
		t.Errorf("got %s", out)
	}
	c.refused(`signet: there is no client "a"; "signet clients list" shows all`, "clients", "show", "a")
	c.must("clients", "create", "--id", "a")
	c.must("clients", "create", "--id", "b")
	for _, id := range []string{"1", "2", "3"} {
		client := "a"
		if id == "3" {
			client = "b"
		}
		c.grant(authz.Grant{ID: id, ClientID: client, Subject: "ada", CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)})
	}
	if got := c.object("clients", "delete", "a"); got["deleted"] != true || got["client_id"] != "a" || got["grants_revoked"] != 2.0 {
		t.Errorf("got %v", got)
	}
	if left := c.array("grants", "list"); len(left) != 1 {
		t.Errorf("left alive: %v", left)
	}
}

// When something goes wrong in the middle, the secrets that were made until then
// are shown: nobody could ask for them again.
func TestApplyThatFailsInTheMiddleShowsItsSecrets(t *testing.T) {
	c := newCLI(t, "")
	file := c.write("clients.yaml", "- client_id: a\n- client_id: b\n- client_id: c\n")
	var out, errs bytes.Buffer
	a := c.app(&out, &errs)
	a.rand = io.LimitReader(rand.Reader, 40) // enough for one secret
	code := run(t.Context(), a, []string{"--config", c.dir + "/config.yaml", "clients", "apply", "-f", file})
	if code != exitRefused || !strings.Contains(out.String(), "1 created") || !strings.Contains(errs.String(), "client b: ") || !strings.Contains(errs.String(), "run it again") {
		t.Errorf("exit %d, %s%s", code, out.String(), errs.String())
	}
	_, rest, _ := strings.Cut(out.String(), "client_secret: ")
	secret, _, _ := strings.Cut(rest, "\n")
	if client := c.stored("a"); !client.CheckSecret(secret, time.Now()) {
		t.Errorf("the secret of the first is lost: %s", out.String())
	}
	if got := c.array("clients", "list"); len(got) != 1 {
		t.Errorf("made %v", got)
	}
}

// grant is a grant that somebody gave.
func (c *cli) grant(g authz.Grant) {
	c.t.Helper()
	st := c.store()
	defer st.Close()
	if err := st.CreateGrant(c.t.Context(), g); err != nil {
		c.t.Fatal(err)
	}
}
