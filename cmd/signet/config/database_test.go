package config

import (
	"path/filepath"
	"strings"
	"testing"
)

// The URL of a database can be written anywhere, and its password is shown
// nowhere.
func TestPostgresURLs(t *testing.T) {
	for database, want := range map[string]string{
		"postgres://me:hunter2@127.0.0.1:5432/signet":                                        "",
		"postgresql://me:hunter2@localhost/signet":                                           "",
		"postgres:///signet?host=/run/postgresql&user=me&password=hunter2":                   "",
		"postgres://me:hunter2@127.0.0.1:1,127.0.0.1:2/signet":                               "",
		"postgres://me:hun%40ter2@127.0.0.1/signet?statement_timeout=5000":                   "",
		"postgres://me:hunter2@127.0.0.1":                                                    "names no database",
		"postgres://me:hunter2@127.0.0.1/?sslmode=disable":                                   "names no database",
		"postgres://me:hunter2/x@127.0.0.1/signet":                                           "%2F",
		"postgres://me:12#hunter2@127.0.0.1/signet":                                          "%23",
		"postgres://me:12?hunter2@127.0.0.1/signet":                                          "%3F",
		"postgres://me:hunter2%zz@127.0.0.1/signet":                                          "percent-encoded",
		"postgres://me:hunter2@127.0.0.1:port/signet":                                        "cannot be read",
		"postgres://me:hunter2@127.0.0.1/signet?sslmode=sometimes":                           "sslmode",
		"postgres://me:hunter2@127.0.0.1/signet?sslmode=verify-full&sslrootcert=/nowhere/ca": "/nowhere/ca",
		"postgres://me@127.0.0.1/signet?connect_timeout=soon&password=hunter2":               "connect_timeout",
	} {
		file := write(t, "data_dir: ./data\n")
		cfg, err := Load(file, []string{"SIGNET_DATABASE=" + database})
		if want == "" {
			if err != nil || cfg.Database != database || len(cfg.Warnings) > 0 {
				t.Errorf("%s: %v, %+v", database, err, cfg)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), "SIGNET_DATABASE: ") || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", database, err)
		}
	}
}

func TestPostgresURLInAFile(t *testing.T) {
	const database = "postgres://me:hunter2@127.0.0.1/signet"
	file := write(t, "data_dir: ./data\n")
	secret := writeFile(t, filepath.Join(filepath.Dir(file), "url"), database+"\n")
	cfg, err := Load(file, []string{"SIGNET_DATABASE_FILE=" + secret})
	if err != nil || cfg.Database != database {
		t.Errorf("%v, %+v", err, cfg)
	}
	cfg, err = Load(write(t, "database: "+database+"\n"), nil)
	if err != nil || cfg.Database != database {
		t.Errorf("%v, %+v", err, cfg)
	}
}

// A connection to another machine that proves nothing is warned of.
func TestPostgresWithoutTLSIsWarnedOf(t *testing.T) {
	for database, warned := range map[string]bool{
		"postgres://me:hunter2@db.example.com/signet":                      true,
		"postgres://me:hunter2@db.example.com/signet?sslmode=require":      true,
		"postgres://me:hunter2@127.0.0.1,db.example.com/signet":            true,
		"postgres://me:hunter2@db.example.com/signet?sslmode=verify-full":  false,
		"postgres://me:hunter2@db.example.com/signet?sslmode=verify-ca":    false,
		"postgres://me:hunter2@127.0.0.1/signet?sslmode=disable":           false,
		"postgres://me:hunter2@%2Frun%2Fpostgresql/signet?sslmode=disable": false,
	} {
		cfg, err := Load(write(t, "data_dir: ./data\n"), []string{"SIGNET_DATABASE=" + database})
		if err != nil {
			t.Errorf("%s: %v", database, err)
			continue
		}
		said := strings.Join(cfg.Warnings, "\n")
		if strings.Contains(said, "sslmode=verify-full") != warned || strings.Contains(said, "hunter2") {
			t.Errorf("%s: warnings %q", database, said)
		}
	}
}

func TestDatabaseSettings(t *testing.T) {
	for text, want := range map[string]string{
		"migrate: never\n":               "config.yaml:1: migrate: \"never\" is not known; it can be auto, manual",
		"migrate: manuel\n":              "did you mean \"manual\"",
		"database_pool: {max_open: 1}\n": "config.yaml:1: database_pool.max_open: 1 is out of range; write 2 to 1000",
	} {
		file := write(t, text)
		_, err := Load(file, nil)
		if err == nil {
			t.Errorf("%s loads", text)
		} else if got := lines(t, file, err); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s: %q", text, got)
		}
	}
}
