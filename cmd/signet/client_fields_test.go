package main

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/clients"
	"signet/cmd/signet/config"
)

const edKey = `{"keys":[{"crv":"Ed25519","kid":"a","kty":"OKP","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}`

func TestClientsHaveAFlagForEveryField(t *testing.T) {
	c := newCLI(t, "")
	keys := c.write("keys.json", edKey)
	got := c.object("clients", "create", "--id", "a", "--client-name", "A", "--grant-type", "authorization_code", "--grant", "refresh_token",
		"--redirect-uri", "https://a.example.com/cb", "--token-endpoint-auth-method", "private_key_jwt", "--jwks", keys,
		"--localized", "client_name#fr=À", "--localized", "tos_uri#de=https://a.example.com/agb?a=b", "--consent", "always",
		"--default-max-age", "12h", "--allowed-group", "staff", "--claims", `{"groups":{"in":["id_token"]}}`, "--disabled")
	for name, want := range map[string]any{
		"client_name": "A", "client_name#fr": "À", "tos_uri#de": "https://a.example.com/agb?a=b", "grant_types": []any{"authorization_code", "refresh_token"},
		"token_endpoint_auth_method": "private_key_jwt", "consent": "always", "default_max_age": 43200.0, "allowed_groups": []any{"staff"},
		"claims": map[string]any{"groups": map[string]any{"in": []any{"id_token"}}}, "disabled": true, "client_secret": nil, "secrets": nil,
	} {
		if !reflect.DeepEqual(got[name], want) {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if a := c.stored("a"); string(a.JWKS) != edKey || len(a.Secrets) != 0 {
		t.Errorf("stored %+v", a)
	}
	shown := rows(c.must("clients", "show", "a"))
	for _, want := range []string{"client_name#fr À", "default_max_age 12h", `claims {"groups":{"in":["id_token"]}}`, "jwks " + edKey, "token_endpoint_auth_method private_key_jwt"} {
		if !slices.Contains(shown, want) {
			t.Errorf("%q is missing from %q", want, shown)
		}
	}
	c.stdin = edKey
	got = c.object("clients", "update", "a", "--jwks", "-", "--localized", "client_name#fr=", "--default-max-age", "", "--claims", "", "--disabled=false")
	if got["client_name#fr"] != nil || got["default_max_age"] != nil || got["claims"] != nil || got["disabled"] != false || got["consent"] != "always" {
		t.Errorf("updated %v", got)
	}
	for _, v := range []struct {
		want string
		args []string
	}{
		{"--jwks: is not JSON", []string{"--claims", "", "--jwks", c.write("broken", "{")}},
		{"--jwks: cannot read it: none: no such file or directory; name a file that this user may read", []string{"--jwks", c.dir + "/none"}},
		{"--claims: is not JSON", []string{"--claims", "{"}},
		{`--claims: [] must be an object of rules, such as {"groups": {"in": ["id_token"]}}`, []string{"--claims", "[]"}},
		{`--localized: "fr=x" must be a field, a language and a text, as in client_name#fr=Boutique`, []string{"--localized", "fr=x"}},
		{`--localized: logo_uri#fr: "x" must be an absolute URI, such as https://app.example.com/callback`, []string{"--localized", "logo_uri#fr=x"}},
		{`a public client has no secret; "signet clients update a --public=false" gives it one`, []string{"rotate-secret"}},
		{`--secret-file: a client with token_endpoint_auth_method private_key_jwt has no secret`, []string{"--secret-file", c.write("s", strings.Repeat("x", 32))}},
	} {
		switch v.args[0] {
		case "rotate-secret":
			c.refused("signet: "+v.want, "clients", "rotate-secret", "a")
		default:
			c.refused("signet: "+v.want, append([]string{"clients", "update", "a"}, v.args...)...)
		}
	}
}

// Every field can stand in config.yaml, and means the same there as in a file
// for apply.
func TestEveryFieldCanBeDeclared(t *testing.T) {
	c := newCLI(t, "")
	c.must("clients", "apply", "-f", c.write("clients.yaml", everyField))
	want := c.stored("full")
	declaring := newCLI(t, everyField)
	cfg, err := config.Load(declaring.dir+"/config.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	declared, err := cfg.DeclaredClients()
	if err != nil {
		t.Fatal(err)
	}
	got := declared[0].Client
	want.Source, want.CreatedAt, want.UpdatedAt = clients.SourceConfig, time.Time{}, time.Time{}
	if got.Secrets == nil {
		want.Secrets = nil
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("declared %+v\nwant     %+v", got, want)
	}
	bad := newCLI(t, `clients:
- client_id: a
  public: true
  client_name: A
  client_name#fr: 7
  contacts#fr: [x]
  consent: skip
  jwks: {keys: []}
  allowed_origins: "https://a.example.com"
  default_max_age: 4000d
  redirect_uris: [https://a.example.com/]
  logo_ury: x
`)
	bad.refused(`config.yaml:5: clients[0].client_name#fr: 7 must be text; put it in quotes: "7"
config.yaml:6: clients[0].contacts#fr: has a language, but contacts is the same in every one; take the "#fr" out
config.yaml:7: clients[0].consent: "skip" needs first_party: nobody but the operator may speak for the people
config.yaml:8: clients[0].jwks: has 0 keys; it must have 1 to 50
config.yaml:9: clients[0].allowed_origins: must be a list; write it as [first, second] or with "- " before each entry
config.yaml:10: clients[0].default_max_age: 96000h0m0s is out of range; it must be 0 to 3650d
config.yaml:12: clients[0].logo_ury: unknown key; did you mean "clients[0].logo_uri"?`, "config", "check")
}

func TestLastUseIsShown(t *testing.T) {
	c := newCLI(t, "")
	c.must("clients", "create", "--id", "a")
	c.must("clients", "rotate-secret", "a")
	old := c.stored("a").Secrets[1]
	at := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	c.saveUses(clients.Use{ClientID: "a", At: at}, clients.Use{ClientID: "a", Credential: old.Fingerprint(), At: at})
	out := strings.Join(rows(c.must("clients", "show", "a")), "\n")
	if !strings.Contains(out, "last_used about 2030-01-01 12:00:00 UTC\nthe newer secret: never\nthe older secret: about 2030-01-01 12:00:00 UTC") {
		t.Errorf("got %s", out)
	}
	for _, got := range []map[string]any{c.object("clients", "show", "a"), c.array("clients", "list")[0]} {
		secrets := got["secrets"].([]any)
		newer, older := secrets[0].(map[string]any), secrets[1].(map[string]any)
		if got["last_used_at"] != float64(at.Unix()) || newer["last_used_at"] != nil || older["last_used_at"] != float64(at.Unix()) || older["fingerprint"] != old.Fingerprint() {
			t.Errorf("got %v", got)
		}
	}
}

// The table of docs/clients.md is that of clients.Fields.
func TestTheGuideHasEveryField(t *testing.T) {
	guide, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[clients.Kind]string{
		clients.Text: "text", clients.Bool: "true or false", clients.List: "list", clients.Words: "words", clients.Seconds: "seconds", clients.Object: "object",
	}
	var want strings.Builder
	want.WriteString("| field | flag | value | itself | what it does |\n|---|---|---|---|---|\n")
	for _, f := range clients.Fields() {
		name, self := "`"+f.Name+"`", ""
		if f.Localized {
			name += " ¹"
		}
		if f.Self {
			self = "yes"
		}
		fmt.Fprintf(&want, "| %s | `--%s` | %s | %s | %s |\n", name, f.Flag, kinds[f.Kind], self, f.Help)
	}
	if !strings.Contains(string(guide), want.String()) {
		t.Errorf("docs/clients.md must have this table:\n%s", want.String())
	}
}
