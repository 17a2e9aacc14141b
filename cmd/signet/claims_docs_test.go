package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"signet/authz/store"
	"signet/clients"
	"signet/cmd/signet/config"
)

// guide is docs/claims.md.
func guide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/claims.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks are the examples in one language of a guide.
func blocks(text, language string) []string {
	var out []string
	for _, m := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)\n```\n").FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// words splits a command line of a guide as a shell does, as far as the guides go.
func words(line string) []string {
	var out []string
	for _, w := range regexp.MustCompile(`(?:[^\s'"]|'[^']*'|"[^"]*")+`).FindAllString(line, -1) {
		if strings.Contains(w, "'") {
			w = strings.ReplaceAll(w, "'", "")
		} else {
			w = strings.ReplaceAll(w, `"`, "")
		}
		out = append(out, w)
	}
	return out
}

// shop registers the app of the guide, and puts the server key where the first
// start would.
func (c *cli) shop(st *store.Store) {
	c.t.Helper()
	c.write(filepath.Join("data", "secrets", "server.key"), strings.Repeat("k", config.SecretBytes))
	shop := clients.Client{
		ID: "shop", TokenEndpointAuthMethod: clients.AuthMethodNone, Source: clients.SourceCLI,
		RedirectURIs: []string{"https://shop.example.com/callback"}, GrantTypes: []string{clients.GrantAuthorizationCode, clients.GrantRefreshToken},
		Scopes: []string{"openid", "profile", "email", "offline_access"},
	}
	if err := st.CreateClient(context.Background(), shop); err != nil {
		c.t.Fatal(err)
	}
}

// The commands of docs/claims.md do what it says, and its rules come to the claims
// that it shows.
func TestDocumentedClaims(t *testing.T) {
	c := newCLI(t, "")
	st, _ := c.room()
	c.shop(st)
	c.stdin = "correct horse battery\n"
	var commands []string
	for _, block := range blocks(guide(t), "sh") {
		commands = append(commands, strings.Split(block, "\n")...)
	}
	if len(commands) != 4 {
		t.Fatalf("the guide has the commands %q", commands)
	}
	run := func(line string) string { return c.must(words(line)[1:]...) }
	run(commands[0])
	examples := blocks(guide(t), "json")
	if len(examples) != 4 {
		t.Fatalf("the guide has %d examples", len(examples))
	}
	for i := 0; i < len(examples); i += 2 {
		wantClaims(c, st, examples[i], examples[i+1])
	}
	for _, line := range commands[2:] {
		if out := run(line); !strings.Contains(out, `"iss"`) || strings.Contains(out, `"offline_access"`) {
			t.Errorf("%s: %s", line, out)
		}
	}
	run(commands[1])
	got := c.object("users", "show", "ada")
	if want := map[string]any{"dept": "research", "sites": []any{"london", "paris"}}; !reflect.DeepEqual(got["attributes"], want) ||
		!reflect.DeepEqual(got["groups"], []any{"staff", "leads"}) {
		t.Errorf("after the update: %v %v", got["attributes"], got["groups"])
	}
}

// wantClaims gives the app these rules and checks what a preview then says about
// the person, beside what the protocol owns.
func wantClaims(c *cli, st *store.Store, rules, result string) {
	c.t.Helper()
	err := st.UpdateClient(context.Background(), "shop", func(client *clients.Client) error {
		if err := client.Patch([]byte(`{"claims": `+rules+`}`), clients.Operator); err != nil {
			return err
		}
		return client.Validate()
	})
	if err != nil {
		c.t.Fatalf("%s: %v", rules, err)
	}
	var want map[string]map[string]any
	c.decode(result, &want)
	if places := slices.Sorted(maps.Keys(want)); !slices.Equal(places, []string{"access_token", "id_token", "userinfo"}) {
		c.t.Fatalf("the example says what is in %q", places)
	}
	preview := c.object("token", "preview", "--client", "shop", "--user", "ada")
	for place, want := range want {
		got := preview[place].(map[string]any)["claims"].(map[string]any)
		maps.DeleteFunc(got, func(name string, _ any) bool {
			return clients.ReservedClaim(name) || name == "updated_at" // the guide cannot know when
		})
		if !reflect.DeepEqual(got, want) {
			c.t.Errorf("%s\n%s: got %v, want %v", rules, place, got, want)
		}
	}
}
