package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/authz/storetest"
)

// says runs a command that has to refuse with one line that says want.
func (c *cli) says(want string, args ...string) {
	c.t.Helper()
	code, out, errs := c.run(args...)
	if code != exitRefused || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, want) {
		c.t.Errorf("signet %s: exit %d\n got %q\nwant %q\n out %q", strings.Join(args, " "), code, errs, want, out)
	}
}

func TestMigrateBeforeAnythingElse(t *testing.T) {
	for name, database := range map[string]string{"sqlite": "sqlite:data/signet.db", "postgres": storetest.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			c := newCLI(t, "data_dir: data\nmigrate: manual\ndatabase: "+database+"\n")
			c.says("signet migrate up", "users", "list")
			c.says("signet migrate up", "serve")
			for _, m := range c.array("migrate", "status") {
				if m["applied"] != false || m["version"] == nil || m["name"] == nil {
					t.Errorf("before: %v", m)
				}
			}
			if out := c.must("migrate", "status"); !strings.Contains(out, "pending  00001_signet") {
				t.Errorf("status: %s", out)
			}
			if _, err := os.Stat(filepath.Join(c.dir, "data", "signet.db")); err == nil {
				t.Error("a look made a database")
			}
			done := c.object("migrate", "up")
			if applied, _ := done["applied"].([]any); len(applied) < 2 || done["backup"] != nil {
				t.Errorf("up: %v", done)
			}
			if out := c.must("migrate", "up"); out != "The database is up to date.\n" {
				t.Errorf("up again: %s", out)
			}
			for _, m := range c.array("migrate", "status") {
				if m["applied"] != true {
					t.Errorf("after: %v", m)
				}
			}
			c.must("users", "list")
		})
	}
}

// config check and every refusal leave the password out.
func TestThePasswordOfTheDatabaseIsNotShown(t *testing.T) {
	c := newCLI(t, "data_dir: data\ndatabase: postgres://me:hunter2@127.0.0.1:1/signet?application_name=hunter2\n")
	if shown := c.object("config", "check")["database"]; shown != "postgres://me@127.0.0.1:1/signet" {
		t.Errorf("config check --json shows %v", shown)
	}
	if out := c.must("config", "check"); strings.Contains(out, "hunter2") || !strings.Contains(out, "127.0.0.1:1/signet") {
		t.Errorf("config check shows %s", out)
	}
	for _, args := range [][]string{{"serve"}, {"users", "list"}, {"migrate", "status"}, {"migrate", "up"}, {"keys", "list"}} {
		code, out, errs := c.run(args...)
		if code != exitRefused || strings.Contains(out+errs, "hunter2") || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "check that it runs") {
			t.Errorf("signet %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errs)
		}
	}
}

func TestBackup(t *testing.T) {
	c := newCLI(t, "data_dir: data\n")
	c.says("no database", "backup", filepath.Join(c.dir, "copy.db"))
	c.must("keys", "list")
	c.must("clients", "create", "--id", "job", "--grant", "client_credentials")
	copied := filepath.Join(c.dir, "copy.db")
	done := c.object("backup", copied)
	info, err := os.Stat(copied)
	if err != nil || info.Mode().Perm() != 0o600 || done["path"] != copied || done["bytes"] != float64(info.Size()) {
		t.Errorf("%v, %v, %v", done, info, err)
	}
	if secrets, _ := done["secrets"].([]any); len(secrets) != 2 || !strings.HasSuffix(secrets[0].(string), "data/secrets/server.key") ||
		!strings.HasSuffix(secrets[1].(string), "data/secrets/sealing.key") {
		t.Errorf("secrets: %v", done)
	}
	c.says("not overwritten", "backup", copied)
	if out := c.must("backup", copied+"2"); !strings.Contains(out, "sealing.key") {
		t.Errorf("says %s", out)
	}
	restored := newCLI(t, "data_dir: data\ndatabase: sqlite:"+copied+"\n")
	if all := restored.array("clients", "list"); len(all) != 1 || all[0]["client_id"] != "job" {
		t.Errorf("the copy has %v", all)
	}
	onPostgres := newCLI(t, "data_dir: data\ndatabase: postgres://me:hunter2@127.0.0.1:1/signet\n")
	onPostgres.says("use pg_dump", "backup", copied+"3")
}
