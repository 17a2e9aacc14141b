package store_test

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"signet/authz/login"
	"signet/authz/store"
	"signet/authz/storetest"
)

// The two dialects have the same migrations, and these make the same tables.
func TestDialectsHaveTheSameSchema(t *testing.T) {
	path, database := newFile(t), storetest.Postgres(t)
	open(t, path)
	openURL(t, database)
	var lists [][]store.Migration
	for _, d := range []string{"sqlite:" + path, database} {
		all, err := store.Migrations(t.Context(), store.Config{Database: d})
		if err != nil {
			t.Fatal(err)
		}
		lists = append(lists, all)
	}
	if !reflect.DeepEqual(lists[0], lists[1]) {
		t.Errorf("SQLite has %+v\nPostgres has %+v", lists[0], lists[1])
	}
	lite, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer lite.Close()
	in := columns(t, lite, `SELECT m.name, c.name, c."notnull" FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'`)
	out := columns(t, beside(t, database), `SELECT table_name, column_name, CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END
		FROM information_schema.columns WHERE table_schema = 'public'`)
	if !slices.Equal(in, out) {
		t.Errorf("SQLite:\n%s\nPostgres:\n%s", strings.Join(in, "\n"), strings.Join(out, "\n"))
	}
	in = columns(t, lite, `SELECT tbl_name, name, 0 FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite_%'`)
	out = columns(t, beside(t, database), `SELECT tablename, indexname, 0 FROM pg_indexes WHERE schemaname = 'public'
		AND indexname NOT IN (SELECT conname FROM pg_constraint)`)
	if !slices.Equal(in, out) {
		t.Errorf("indexes of SQLite:\n%s\nof Postgres:\n%s", strings.Join(in, "\n"), strings.Join(out, "\n"))
	}
}

// columns are the rows of a query, in order, without goose's own table.
func columns(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var table, column string
		var required int
		if err := rows.Scan(&table, &column, &required); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(table, "goose_") && !strings.HasPrefix(table, "sqlite_") {
			all = append(all, fmt.Sprint(table, ".", column, " ", required))
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// With manual migrations nothing but Migrate changes or makes anything.
func TestManualMigrations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "signet.db")
	for name, database := range map[string]string{
		"sqlite": "sqlite:" + path, "postgres": storetest.Postgres(t), "pgbouncer": storetest.PgBouncer(t),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := store.Config{Database: database, ManualMigrations: true}
			for range 2 {
				_, err := store.Open(t.Context(), cfg)
				if !errors.Is(err, store.ErrPending) {
					t.Fatalf("got %v, want ErrPending", err)
				}
				oneLine(t, err, "signet migrate up", "auto")
				all, err := store.Migrations(t.Context(), cfg)
				if err != nil || len(all) < 2 || slices.ContainsFunc(all, func(m store.Migration) bool { return m.Applied }) {
					t.Fatalf("%+v, %v", all, err)
				}
			}
			if found, _ := filepath.Glob(filepath.Dir(path) + "*"); name == "sqlite" && len(found) > 0 {
				t.Errorf("something was made: %v", found)
			}
			done, err := store.Migrate(t.Context(), cfg)
			if err != nil || len(done.Applied) < 2 || done.Applied[0].Name != "00001_signet" || done.Backup != "" {
				t.Fatalf("%+v, %v", done, err)
			}
			if done, err := store.Migrate(t.Context(), cfg); err != nil || len(done.Applied) > 0 || done.Backup != "" {
				t.Errorf("a second time: %+v, %v", done, err)
			}
			s, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			all, err := store.Migrations(t.Context(), cfg)
			if err != nil || slices.ContainsFunc(all, func(m store.Migration) bool { return !m.Applied }) {
				t.Errorf("%+v, %v", all, err)
			}
		})
	}
}

// Nodes that start at once on a new database: all open, one of them migrates.
func TestPostgresNodesStartAtOnce(t *testing.T) {
	for name, way := range postgresWays {
		t.Run(name, func(t *testing.T) {
			database := way(t)
			var log syncBuffer
			var done sync.WaitGroup
			for range 8 {
				done.Go(func() {
					s, err := store.Open(t.Context(), store.Config{Database: database, Logger: slog.New(slog.NewTextHandler(&log, nil))})
					if err != nil {
						t.Error(err)
					} else if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			done.Wait()
			all, err := store.Migrations(t.Context(), store.Config{Database: database})
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(log.String(), "database migrated"); n != len(all) {
				t.Errorf("%d migrations were applied, want %d:\n%s", n, len(all), log.String())
			}
		})
	}
}

func TestPostgresOfANewerReleaseIsLeftAlone(t *testing.T) {
	database := storetest.Postgres(t)
	openURL(t, database)
	execPostgres(t, database, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (4711, true)", "DROP TABLE consents")
	for _, manual := range []bool{false, true} {
		_, err := store.Open(t.Context(), store.Config{Database: database, ManualMigrations: manual})
		if !errors.Is(err, store.ErrNewer) {
			t.Fatalf("got %v, want ErrNewer", err)
		}
		oneLine(t, err, "4711", "newer release", "restore")
	}
	if _, err := store.Migrate(t.Context(), store.Config{Database: database}); !errors.Is(err, store.ErrNewer) {
		t.Errorf("Migrate: got %v, want ErrNewer", err)
	}
	var tables int
	if err := beside(t, database).QueryRow("SELECT count(*) FROM pg_tables WHERE tablename = 'consents'").Scan(&tables); err != nil || tables != 0 {
		t.Errorf("the database was changed: %d, %v", tables, err)
	}
}

// Another program's use of goose is not taken for ours.
func TestPostgresSchemaOfAnotherGooseIsRefused(t *testing.T) {
	database := storetest.Postgres(t)
	execPostgres(t, database,
		"CREATE TABLE goose_db_version (id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NOT NULL DEFAULT now())",
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true)")
	_, err := store.Open(t.Context(), store.Config{Database: database})
	oneLine(t, err, "another program")
}

// syncBuffer collects what several stores log.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// With manual migrations the server's role needs no right to change a table.
func TestPostgresRoleThatOnlyReadsAndWritesRows(t *testing.T) {
	database := storetest.Postgres(t)
	role := strings.ToLower("rows_" + rand.Text())
	execPostgres(t, database, "CREATE ROLE "+role+" LOGIN PASSWORD 'rows'", "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
		"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "+role)
	t.Cleanup(func() { execPostgres(t, database, "DROP OWNED BY "+role, "DROP ROLE "+role) })
	if _, err := store.Migrate(t.Context(), store.Config{Database: database}); err != nil {
		t.Fatal(err)
	}
	s := openURL(t, with(t, database, func(u *url.URL) { u.User = url.UserPassword(role, "rows") }))
	for name, err := range map[string]error{
		"CreateGrant":      s.CreateGrant(t.Context(), grant("g")),
		"ChangeKeys":       s.ChangeKeys(t.Context(), storing(signingKey("1", 1))),
		"ReplaceSetupLink": s.ReplaceSetupLink(t.Context(), login.SetupLink{TokenHash: "link"}),
		"Ping":             s.Ping(t.Context()),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
