package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cli runs commands as an operator would, in a folder of their own.
type cli struct {
	t      *testing.T
	dir    string
	stdin  string
	prompt func(string) (string, error)
	now    func() time.Time
}

// newCLI makes a folder with a config.yaml of this text.
func newCLI(t *testing.T, configuration string) *cli {
	t.Helper()
	c := &cli{t: t, dir: t.TempDir(), now: time.Now}
	c.write("config.yaml", configuration)
	return c
}

func (c *cli) write(name, text string) string {
	c.t.Helper()
	file := filepath.Join(c.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return file
}

func (c *cli) app(stdout, stderr *bytes.Buffer) *app {
	return &app{stdin: strings.NewReader(c.stdin), stdout: stdout, stderr: stderr, now: c.now, prompt: c.prompt}
}

// run runs one command and returns its exit code and what it wrote.
func (c *cli) run(args ...string) (code int, stdout, stderr string) {
	c.t.Helper()
	var out, errs bytes.Buffer
	args = append([]string{"--config", filepath.Join(c.dir, "config.yaml")}, args...)
	code = run(context.Background(), c.app(&out, &errs), args)
	return code, out.String(), strings.ReplaceAll(errs.String(), c.dir+"/", "")
}

// must runs a command that has to succeed and say nothing on stderr.
func (c *cli) must(args ...string) string {
	c.t.Helper()
	code, out, errs := c.run(args...)
	if code != exitDone || errs != "" {
		c.t.Fatalf("signet %s: exit %d, %s", strings.Join(args, " "), code, errs)
	}
	return out
}

// object runs a command with --json and returns the one object it prints.
func (c *cli) object(args ...string) map[string]any {
	c.t.Helper()
	var v map[string]any
	c.decode(c.must(append(args, "--json")...), &v)
	return v
}

// array runs a command with --json and returns the array it prints.
func (c *cli) array(args ...string) []map[string]any {
	c.t.Helper()
	v := []map[string]any{}
	out := c.must(append(args, "--json")...)
	if c.decode(out, &v); !strings.HasPrefix(out, "[") {
		c.t.Fatalf("signet %s prints no array: %s", strings.Join(args, " "), out)
	}
	return v
}

func (c *cli) decode(text string, v any) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		c.t.Fatalf("not the JSON that was meant: %v\n%s", err, text)
	}
}

// refused runs a command that has to be refused with exactly this line.
func (c *cli) refused(want string, args ...string) {
	c.t.Helper()
	code, out, errs := c.run(args...)
	if code != exitRefused || errs != want+"\n" || out != "" {
		c.t.Errorf("signet %s: exit %d\n got %q\nwant %q\n out %q", strings.Join(args, " "), code, errs, want+"\n", out)
	}
}

// rows are the lines of a table with runs of spaces made one.
func rows(table string) []string {
	var out []string
	for line := range strings.Lines(table) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			out = append(out, line)
		}
	}
	return out
}

func TestWrongUsageExitsWith2AndSaysWhatIsMeant(t *testing.T) {
	c := newCLI(t, "")
	for _, v := range []struct {
		args []string
		want string
	}{
		{[]string{}, `signet: which command? There are backup, clients, config, `},
		{[]string{"client"}, `signet: unknown command "client"; did you mean "clients"?`},
		{[]string{"conjure"}, `signet: unknown command "conjure"; there are `},
		{[]string{"clients"}, `signet clients: which command? There are apply, create, delete, disable, invitations, invite, list, rotate-secret, show, update`},
		{[]string{"clients", "lsit"}, `signet clients: unknown command "lsit"; did you mean "list"?`},
		{[]string{"clients", "show"}, `signet clients show: CLIENT_ID is missing`},
		{[]string{"clients", "show", "a", "b"}, `signet clients show: "b" is one argument too many`},
		{[]string{"clients", "create", "--redirct-uri", "x"}, `signet clients create: unknown flag --redirct-uri; did you mean --redirect-uri?`},
		{[]string{"clients", "create", "--name"}, `signet clients create: flag needs an argument: --name`},
		{[]string{"clients", "create", "--public", "--secret-file", "x"}, `signet clients create: a public client has no secret`},
		{[]string{"clients", "create", "--public", "--token-endpoint-auth-method", "client_secret_post"}, `signet clients create: --public has no secret, but`},
		{[]string{"clients", "update", "a"}, `signet clients update: nothing to change`},
		{[]string{"clients", "rotate-secret", "a", "--overlap", "soon"}, `signet clients rotate-secret: invalid argument "soon" for "--overlap" flag: is not a duration`},
		{[]string{"users", "create"}, `signet users create: --username is missing`},
		{[]string{"keys", "list", "all"}, `signet keys list: "all" is one argument too many`},
		{[]string{"token", "inspect"}, `signet token inspect: JWT is missing`},
		{[]string{"version", "--verbose"}, `signet version: unknown flag --verbose`},
	} {
		code, out, errs := c.run(v.args...)
		lines := strings.Split(strings.TrimSuffix(errs, "\n"), "\n")
		if code != exitUsage || out != "" || len(lines) != 2 || !strings.Contains(lines[0], v.want) || !strings.Contains(lines[1], "--help") {
			t.Errorf("signet %s: exit %d\n got %q\nwant %q\n out %q", strings.Join(v.args, " "), code, errs, v.want, out)
		}
	}
}

func TestHelpIsNoError(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"help"}, {"clients", "--help"}, {"help", "clients", "create"}, {"clients", "create", "--help"}} {
		var out, errs bytes.Buffer
		c := &cli{t: t, now: time.Now}
		if code := run(context.Background(), c.app(&out, &errs), args); code != exitDone || errs.Len() > 0 || !strings.Contains(out.String(), "Usage:") {
			t.Errorf("signet %s: exit %d, %s%s", strings.Join(args, " "), code, errs.String(), out.String())
		}
	}
}

func TestWithoutAConfigurationEveryCommandSaysHowToNameOne(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"serve"}, {"clients", "list"}, {"users", "list"}, {"keys", "list"}, {"config", "check"}, {"token", "inspect", "a.b.c"}} {
		var out, errs bytes.Buffer
		code := run(context.Background(), (&cli{t: t, now: time.Now}).app(&out, &errs), args)
		want := "signet: there is no ./config.yaml here; name a configuration with --config FILE, or start from the config.yaml that comes with signet\n"
		if code != exitRefused || errs.String() != want || out.Len() > 0 {
			t.Errorf("signet %s: exit %d, %q", strings.Join(args, " "), code, errs.String())
		}
	}
	if left, _ := os.ReadDir("."); len(left) > 0 {
		t.Errorf("a refused command left %v behind", left)
	}
}

func TestAFolderThatCannotBeWrittenIsOneLine(t *testing.T) {
	c := newCLI(t, "data_dir: file/data\n")
	c.write("file", "")
	code, out, errs := c.run("clients", "list")
	if code != exitRefused || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "data_dir") {
		t.Errorf("exit %d: %q %q", code, errs, out)
	}
}

func TestConfigCheck(t *testing.T) {
	c := newCLI(t, "listen: 127.0.0.1:1234\nclients:\n- client_id: spa\n  public: true\n  redirect_uris: [https://spa.example.com/]\n")
	got := c.object("config", "check")
	if got["valid"] != true || got["listen"] != "127.0.0.1:1234" || len(got["clients"].([]any)) != 1 || len(got["warnings"].([]any)) != 1 {
		t.Errorf("got %v", got)
	}
	if out := c.must("config", "check"); !strings.Contains(out, "config.yaml is good.") || !strings.Contains(out, "spa") {
		t.Errorf("got %s", out)
	}
	if left, _ := os.ReadDir(c.dir); len(left) != 1 {
		t.Error("config check made something")
	}

	c.write("config.yaml", "isuer: x\ntokens: {access_ttl: 5}\n")
	want := `config.yaml:1: isuer: unknown key; did you mean "issuer"?` + "\n" +
		`config.yaml:2: tokens.access_ttl: "5" is not a duration; write a number and a unit, such as 90s, 10m, 12h or 30d`
	c.refused(want, "config", "check")
	code, out, errs := c.run("config", "check", "--json")
	var v struct {
		Valid  bool
		Faults []struct {
			Line int
			Key  string
		}
	}
	c.decode(out, &v)
	if code != exitRefused || errs != want+"\n" || v.Valid || len(v.Faults) != 2 || v.Faults[1].Line != 2 || v.Faults[1].Key != "tokens.access_ttl" {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
}

func TestVersion(t *testing.T) {
	c := newCLI(t, "")
	if v := c.object("version"); v["version"] == "" || !strings.HasPrefix(v["go"].(string), "go") {
		t.Errorf("got %v", v)
	}
	if out := c.must("version"); !strings.HasPrefix(out, "version ") {
		t.Errorf("got %s", out)
	}
}

func TestStrangersTextCannotMoveTheCursor(t *testing.T) {
	if got := clean("a\x1b[2Jb\u009bc\nd é"); strings.ContainsAny(got, "\x1b\u009b\n") || !strings.Contains(got, "é") {
		t.Errorf("got %q", got)
	}
}
