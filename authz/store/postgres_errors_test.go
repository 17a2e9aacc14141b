package store_test

import (
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"signet/authz/store"
	"signet/authz/storetest"
)

func TestPostgresErrorsSayWhatToDoAndShowNoPassword(t *testing.T) {
	database := storetest.Postgres(t)
	execPostgres(t, database, "CREATE TABLE bookmarks (url TEXT)")
	user := strings.ToLower("weak_" + rand.Text())
	empty := storetest.Postgres(t)
	execPostgres(t, empty, "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "CREATE ROLE "+user+" LOGIN PASSWORD 'hunter2'")
	t.Cleanup(func() { execPostgres(t, database, "DROP ROLE "+user) })
	for name, c := range map[string]struct {
		url  string
		says []string
	}{
		"wrong password":   {with(t, database, func(u *url.URL) { u.User = url.UserPassword("signet", "hunter2") }), []string{"check the user and the password"}},
		"no such database": {with(t, database, func(u *url.URL) { u.Path = "/nowhere" }), []string{`"nowhere"`, "CREATE DATABASE"}},
		"nobody listens":   {"postgres://me:hunter2@127.0.0.1:1/signet", []string{"127.0.0.1:1", "check that it runs"}},
		"no such host":     {"postgres://me:hunter2@nowhere.invalid/signet", []string{"nowhere.invalid", "check that it runs"}},
		"no rights":        {with(t, empty, func(u *url.URL) { u.User = url.UserPassword(user, "hunter2") }), []string{"permission denied", "owner"}},
		"another program":  {database, []string{"another program", "search_path"}},
		"no schema":        {withParameter(t, empty, "search_path", "nowhere"), []string{"search_path"}},
		"read-only":        {withParameter(t, empty, "default_transaction_read_only", "on"), []string{"no writes", "primary"}},
		"half a password":  {"postgres://me:hun/ter2hunter2@127.0.0.1/signet", []string{"%2F"}},
	} {
		_, err := store.Open(t.Context(), store.Config{Database: c.url})
		oneLine(t, err, c.says...)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows a password: %v", name, err)
		}
	}
}

func TestWithoutPassword(t *testing.T) {
	for database, want := range map[string]string{
		"postgres://me:hunter2@db:5432/signet?password=hunter2": "postgres://me@db:5432/signet",
		"postgresql://me:hun@ter2@db/signet":                    "postgres://me@db/signet",
		"postgres:///signet?host=/run&password=hunter2":         "postgres:///signet",
		"sqlite:/data/a@b:c.db":                                 "sqlite:/data/a@b:c.db",
	} {
		if got := store.WithoutPassword(database); got != want {
			t.Errorf("%s: %s, want %s", database, got, want)
		}
	}
}

// A schema of its own is as good as a database.
func TestPostgresInASchemaOfItsOwn(t *testing.T) {
	database := storetest.Postgres(t)
	execPostgres(t, database, "CREATE TABLE bookmarks (url TEXT)", "CREATE SCHEMA signet")
	s := openURL(t, withParameter(t, database, "search_path", "signet"))
	if err := s.CreateGrant(t.Context(), grant("g")); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := beside(t, database).QueryRow("SELECT count(*) FROM signet.grants").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d grants in the schema, %v", n, err)
	}
}
