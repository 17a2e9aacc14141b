package main

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"signet/authz/store"
	"signet/clients"
	"signet/cmd/signet/config"
	"signet/cmd/signet/server"
)

// stored is the client as the database holds it, read beside the commands.
func (c *cli) stored(id string) clients.Client {
	c.t.Helper()
	st := c.store()
	defer st.Close()
	client, err := st.Client(context.Background(), id)
	if err != nil {
		c.t.Fatal(err)
	}
	return client
}

// saveUses notes last uses, as a running server does.
func (c *cli) saveUses(uses ...clients.Use) {
	c.t.Helper()
	st := c.store()
	defer st.Close()
	if err := st.SaveClientUses(context.Background(), uses); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cli) store() *store.Store {
	c.t.Helper()
	cfg, err := config.Load(c.dir+"/config.yaml", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	st, err := server.OpenStore(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		c.t.Fatal(err)
	}
	return st
}

func TestClientsCreateFillsInWhatIsLeftOut(t *testing.T) {
	c := newCLI(t, "")
	app := c.object("clients", "create", "--id", "app", "--redirect-uri", "https://app.example.com/cb")
	for name, want := range map[string]any{
		"client_id": "app", "client_name": "app", "scope": "openid profile email offline_access",
		"grant_types": []any{"authorization_code", "refresh_token"}, "response_types": []any{"code"},
		"redirect_uris": []any{"https://app.example.com/cb"}, "post_logout_redirect_uris": []any{}, "audiences": []any{},
		"first_party": false, "id_token_claims": false, "access_token_status_list": true, "disabled": false, "source": "cli", "client_secret_expires_at": 0.0,
		"require_pkce": nil, "token_endpoint_auth_method": nil,
	} {
		if !reflect.DeepEqual(app[name], want) {
			t.Errorf("%s is %v, want %v", name, app[name], want)
		}
	}
	secret, _ := app["client_secret"].(string)
	if client := c.stored("app"); len(secret) != 43 || !client.CheckSecret(secret, time.Now()) {
		t.Errorf("the secret %q does not work", secret)
	}

	job := c.object("clients", "create", "--name", "Nightly", "--audience", "https://api.example.com", "--scope", "orders:read orders:write", "--scope", "x")
	if id := job["client_id"].(string); len(id) != 16 || job["scope"] != "orders:read orders:write x" || !reflect.DeepEqual(job["grant_types"], []any{"client_credentials"}) {
		t.Errorf("got %v", job)
	}

	spa := c.object("clients", "create", "--id", "spa", "--public", "--redirect-uri", "http://127.0.0.1/cb", "--grant", "authorization_code",
		"--first-party", "--require-pkce", "--id-token-claims", "--client-uri", "https://spa.example.com/", "--tos-uri", "https://spa.example.com/tos",
		"--post-logout-redirect-uri", "http://127.0.0.1/out")
	if spa["client_secret"] != nil || spa["client_secret_expires_at"] != nil || spa["token_endpoint_auth_method"] != "none" || spa["scope"] != "openid profile email" ||
		spa["first_party"] != true || spa["require_pkce"] != true || spa["id_token_claims"] != true || spa["client_uri"] == nil || spa["tos_uri"] == nil {
		t.Errorf("got %v", spa)
	}
}

func TestClientsCreateWithAGivenSecret(t *testing.T) {
	c := newCLI(t, "")
	file := c.write("secret", "a-secret-that-the-operator-made-elsewhere\n")
	out := c.object("clients", "create", "--id", "a", "--secret-file", file)
	c.stdin = "another-secret-from-a-vault\n"
	c.object("clients", "create", "--id", "b", "--secret-file", "-")
	if out["client_secret"] != nil {
		t.Error("a secret that was given is printed")
	}
	a, b := c.stored("a"), c.stored("b")
	if !a.CheckSecret("a-secret-that-the-operator-made-elsewhere", time.Now()) || !b.CheckSecret("another-secret-from-a-vault", time.Now()) {
		t.Error("a given secret does not work")
	}
}

func TestASecretIsShownOnce(t *testing.T) {
	c := newCLI(t, "")
	out := c.must("clients", "create", "--id", "a")
	secret := ""
	for _, row := range rows(out) {
		if rest, ok := strings.CutPrefix(row, "client_secret "); ok {
			secret = rest
		}
	}
	if len(secret) != 43 || !strings.Contains(out, "This is the only time that client_secret is shown") {
		t.Fatalf("got %s", out)
	}
	hash := c.stored("a").Secrets[0].Hash
	for _, args := range [][]string{{"clients", "list"}, {"clients", "show", "a"}, {"clients", "disable", "a"}, {"clients", "update", "a", "--name", "A"}} {
		for _, more := range [][]string{nil, {"--json"}} {
			if out := c.must(append(args, more...)...); strings.Contains(out, secret) || strings.Contains(out, hash) {
				t.Errorf("signet %s shows the secret or its hash", strings.Join(args, " "))
			}
		}
	}
}

func TestClientsListAndShow(t *testing.T) {
	c := newCLI(t, "")
	if got := c.array("clients", "list"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if got := c.must("clients", "list"); got != "No clients yet; \"signet clients create\" makes one.\n" {
		t.Errorf("got %s", got)
	}
	c.must("clients", "create", "--id", "b", "--name", "Bee")
	c.must("clients", "create", "--id", "a", "--public", "--redirect-uri", "https://a.example.com/")
	c.must("clients", "disable", "b")
	want := []string{
		"CLIENT ID NAME TYPE GRANTS STATE FROM",
		"a a public authorization_code refresh_token enabled cli",
		"b Bee confidential client_credentials disabled cli",
	}
	if got := rows(c.must("clients", "list")); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := c.array("clients", "list"); len(got) != 2 || got[0]["client_id"] != "a" || got[1]["disabled"] != true {
		t.Errorf("got %v", got)
	}
	if got := c.object("clients", "show", "b"); got["client_name"] != "Bee" || got["client_secret"] != nil {
		t.Errorf("got %v", got)
	}
}

func TestClientsUpdateChangesOnlyWhatIsGiven(t *testing.T) {
	c := newCLI(t, "")
	c.must("clients", "create", "--id", "a", "--name", "A", "--redirect-uri", "https://a.example.com/1", "--redirect-uri", "https://a.example.com/2",
		"--scope", "openid", "--audience", "https://api.example.com", "--first-party", "--require-pkce=false", "--id-token-claims",
		"--token-endpoint-auth-method", "client_secret_post", "--logo-uri", "https://a.example.com/logo.png", "--policy-uri", "https://a.example.com/privacy")
	c.must("clients", "disable", "a")
	for _, change := range []struct {
		args  []string
		field string
		want  any
	}{
		{[]string{"--name", "B"}, "client_name", "B"},
		{[]string{"--redirect-uri", "https://a.example.com/3"}, "redirect_uris", []any{"https://a.example.com/3"}},
		{[]string{"--audience", ""}, "audiences", []any{}},
		{[]string{"--scope", "openid", "--scope", "email"}, "scope", "openid email"},
		{[]string{"--first-party=false"}, "first_party", false},
		{[]string{"--require-pkce"}, "require_pkce", true},
		{[]string{"--id-token-claims=false"}, "id_token_claims", false},
		{[]string{"--access-token-status-list=false"}, "access_token_status_list", false},
		{[]string{"--token-endpoint-auth-method", "client_secret_basic"}, "token_endpoint_auth_method", "client_secret_basic"},
		{[]string{"--public=false"}, "", nil},
		{[]string{"--post-logout-redirect-uri", "https://a.example.com/out"}, "post_logout_redirect_uris", []any{"https://a.example.com/out"}},
		{[]string{"--grant", "authorization_code"}, "grant_types", []any{"authorization_code"}},
	} {
		want := c.object("clients", "show", "a")
		if change.field != "" {
			want[change.field] = change.want
		}
		got := c.object(append([]string{"clients", "update", "a"}, change.args...)...)
		if !maps.EqualFunc(got, want, func(x, y any) bool { return reflect.DeepEqual(x, y) }) {
			t.Errorf("%v:\n got %v\nwant %v", change.args, got, want)
		}
	}
	if c.object("clients", "disable", "a", "--undo")["disabled"] != false {
		t.Error("disable --undo leaves the client disabled")
	}
}

func TestAPublicClientMadeConfidentialKeepsPKCE(t *testing.T) {
	c := newCLI(t, "")
	c.must("clients", "create", "--id", "a", "--public", "--redirect-uri", "https://a.example.com/")
	got := c.object("clients", "update", "a", "--public=false")
	secret, _ := got["client_secret"].(string)
	if client := c.stored("a"); client.Public() || !client.CheckSecret(secret, time.Now()) || got["require_pkce"] != true {
		t.Errorf("got %v", got)
	}
	got = c.object("clients", "update", "a", "--public")
	if client := c.stored("a"); !client.Public() || len(client.Secrets) > 0 || got["require_pkce"] != true {
		t.Errorf("got %v", got)
	}
	if got = c.object("clients", "update", "a", "--public=false", "--require-pkce=false"); got["require_pkce"] != false {
		t.Errorf("got %v", got)
	}
}

func TestRotateSecretLetsTheOldOneWorkForAWhile(t *testing.T) {
	c := newCLI(t, "")
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	c.now = func() time.Time { return now }
	var secrets []string
	create := c.object("clients", "create", "--id", "a")
	secrets = append(secrets, create["client_secret"].(string))
	rotate := func(args ...string) map[string]any {
		t.Helper()
		got := c.object(append([]string{"clients", "rotate-secret", "a"}, args...)...)
		secrets = append(secrets, got["client_secret"].(string))
		return got
	}
	work := func(when string, at time.Time, want ...bool) {
		t.Helper()
		client := c.stored("a")
		for i, secret := range secrets {
			if got := client.CheckSecret(secret, at); got != want[i] {
				t.Errorf("%s: secret %d works: %v", when, i, got)
			}
		}
	}
	if got := rotate(); got["previous_secret_expires_at"] != float64(now.Add(24*time.Hour).Unix()) || got["client_secret_expires_at"] != 0.0 {
		t.Errorf("got %v", got)
	}
	work("in the overlap", now.Add(24*time.Hour-time.Second), true, true)
	work("after it", now.Add(24*time.Hour), false, true)
	if out := c.must("clients", "show", "a"); !strings.Contains(out, "two; the older works until 2030-01-02 12:00:00 UTC (24 h more)") {
		t.Errorf("got %s", out)
	}

	now = now.Add(time.Hour)
	rotate("--overlap", "2d")
	work("after a second rotation", now.Add(time.Minute), false, true, true)
	if n := len(c.stored("a").Secrets); n != 2 {
		t.Errorf("%d secrets are kept", n)
	}
	now = now.Add(time.Hour)
	rotate("--overlap", "0")
	work("without overlap", now, false, false, false, true)
}

func TestClientsOfTheConfigurationAreChangedThere(t *testing.T) {
	c := newCLI(t, "clients:\n- client_id: shop\n  public: true\n  redirect_uris: [https://shop.example.com/]\n")
	want := `signet: the client "shop" is declared in config.yaml; change it there and start the server again`
	c.refused(want, "clients", "create", "--id", "shop")

	// As `serve` stores it at its start.
	cfg, err := config.Load(c.dir+"/config.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	st, err := server.OpenStore(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() // open all the while, as under a running server
	declared, err := cfg.DeclaredClients()
	if err != nil {
		t.Fatal(err)
	}
	if err := st.CreateClient(context.Background(), declared[0].Client); err != nil {
		t.Fatal(err)
	}
	c.refused(want, "clients", "update", "shop", "--name", "Mine")
	c.refused(want, "clients", "disable", "shop")
	c.refused(want, "clients", "rotate-secret", "shop")
	if got := c.object("clients", "show", "shop"); got["source"] != "config" || got["client_name"] != "shop" {
		t.Errorf("got %v", got)
	}
}

func TestClientsRefusedInOneLine(t *testing.T) {
	c := newCLI(t, "")
	c.must("clients", "create", "--id", "a")
	c.must("clients", "create", "--id", "spa", "--public", "--redirect-uri", "https://spa.example.com/")
	short := c.write("short", "hunter2\n")
	for _, v := range []struct {
		want string
		args []string
	}{
		{`the client_id "a" is taken; choose another with --id, or change that client with "signet clients update a"`, []string{"create", "--id", "a"}},
		{`there is no client "b"; "signet clients list" shows all`, []string{"show", "b"}},
		{`there is no client "b"; "signet clients list" shows all`, []string{"update", "b", "--name", "B"}},
		{`there is no client "b"; "signet clients list" shows all`, []string{"disable", "b"}},
		{`there is no client "b"; "signet clients list" shows all`, []string{"rotate-secret", "b"}},
		{`--id: must not be empty`, []string{"create", "--id", ""}},
		{`--secret-file: must have at least 8 characters`, []string{"create", "--secret-file", short}},
		{`--secret-file: cannot read it: none: no such file or directory; name a file that this user may read`, []string{"create", "--secret-file", c.dir + "/none"}},
		{`--redirect-uri: "http://x.example.com/" must use https; http is for 127.0.0.1 and [::1] alone; --scope: "a\"" must be one word of visible ASCII characters without " and \`,
			[]string{"create", "--redirect-uri", "http://x.example.com/", "--scope", `a"`}},
		{`--grant: client_credentials needs a confidential client: a public one cannot prove who it is`, []string{"create", "--public"}},
		{`--redirect-uri: authorization_code needs at least one redirect URI`, []string{"update", "spa", "--redirect-uri", ""}},
		{`it has a secret already; "signet clients rotate-secret a --secret-file FILE" puts another beside it for a while`, []string{"update", "a", "--secret-file", short}},
		{`a public client has no secret; "signet clients update spa --public=false" gives it one`, []string{"rotate-secret", "spa"}},
	} {
		c.refused("signet: "+v.want, append([]string{"clients"}, v.args...)...)
	}
}

func TestEveryFieldErrorNamesAFlagThatExists(t *testing.T) {
	cmd := newClientsCreate(&app{stdout: io.Discard})
	have := map[string]bool{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) { have[f.Name] = true })
	for _, field := range append(clients.Fields(), clients.Field{Name: "client_id"}, clients.Field{Name: "client_secret"}, clients.Field{Name: "client_name#fr"}) {
		if flag := flagOf(field.Name); !have[flag] {
			t.Errorf("%s names --%s, which is no flag", field.Name, flag)
		}
		if field.Alias != "" && !have[field.Alias] {
			t.Errorf("%s has no flag --%s", field.Name, field.Alias)
		}
	}
}
