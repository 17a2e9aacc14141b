package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // to look behind the store

	"signet/authz"
	"signet/authz/login"
	"signet/authz/store"
	"signet/authz/storetest"
	"signet/keys"
)

// openURL opens the database at a Postgres URL until the test ends.
func openURL(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Database: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return s
}

// beside opens a database without the store.
func beside(t testing.TB, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func execPostgres(t testing.TB, url string, statements ...string) {
	t.Helper()
	db := beside(t, url)
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// with changes a URL.
func with(t testing.TB, database string, change func(u *url.URL)) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

// withParameter adds a parameter to a URL.
func withParameter(t testing.TB, database, name, value string) string {
	return with(t, database, func(u *url.URL) {
		q := u.Query()
		q.Set(name, value)
		u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // libpq knows no plus
	})
}

// postgresWays are the ways to a Postgres.
var postgresWays = map[string]func(testing.TB) string{"direct": storetest.Postgres, "pgbouncer": storetest.PgBouncer}

func TestPostgresConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Backend { return openURL(t, storetest.Postgres(t)) })
}

func TestPgBouncerConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Backend { return openURL(t, storetest.PgBouncer(t)) })
}

// Whatever the operator has set as the default: 50 uses of one code are one
// success and 49 conflicts, and no failure.
func TestPostgresWithAStricterIsolationLevel(t *testing.T) {
	for _, level := range []string{"repeatable read", "serializable"} {
		t.Run(level, func(t *testing.T) {
			database := storetest.Postgres(t)
			s := openURL(t, withParameter(t, database, "default_transaction_isolation", level))
			if err := s.CreateGrant(t.Context(), grant("g")); err != nil {
				t.Fatal(err)
			}
			var done sync.WaitGroup
			errs := make([]error, 50)
			for i := range errs {
				done.Go(func() {
					errs[i] = s.RedeemCode(t.Context(), "g", authz.Spend{Generation: 1, At: time.Now(), Expires: time.Now()})
				})
			}
			done.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else if !errors.Is(err, authz.ErrConflict) {
					t.Errorf("got %v, want ErrConflict", err)
				}
			}
			if won != 1 {
				t.Errorf("%d won, want 1", won)
			}
		})
	}
}

// Two people who take over each other's names at once wait for each other for
// ever; Postgres gives one of them up, who tries again and is told.
func TestPostgresDeadlockIsTriedAgain(t *testing.T) {
	s := openURL(t, storetest.Postgres(t))
	for i := range 10 {
		a, b := fmt.Sprint("a", i), fmt.Sprint("b", i)
		for _, id := range []string{a, b} {
			if err := s.CreatePerson(t.Context(), login.Person{ID: id, Username: id}); err != nil {
				t.Fatal(err)
			}
		}
		var done sync.WaitGroup
		for id, name := range map[string]string{a: b, b: a} {
			done.Go(func() {
				err := s.UpdatePerson(t.Context(), id, func(p *login.Person) error {
					p.Username = name
					return nil
				})
				if !errors.Is(err, login.ErrTaken) {
					t.Errorf("got %v, want ErrTaken", err)
				}
			})
		}
		done.Wait()
	}
}

// A lock that somebody holds ends in an error of its own, soon, also where a
// pooler lets no limit through.
func TestPostgresDoesNotWaitForEver(t *testing.T) {
	for name, way := range postgresWays {
		t.Run(name, func(t *testing.T) {
			database := way(t)
			s := openURL(t, withParameter(t, database, "lock_timeout", "100"))
			tx, err := beside(t, database).Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			if _, err := tx.Exec("LOCK TABLE signing_keys"); err != nil {
				t.Fatal(err)
			}
			err = s.ChangeKeys(t.Context(), storing(signingKey("1", 1)))
			if err == nil || errors.Is(err, keys.ErrExists) || !strings.Contains(err.Error(), "55P03") {
				t.Errorf("got %v, want a lock timeout", err)
			}
		})
	}
}

func TestPostgresFailedWritesAreNoConflicts(t *testing.T) {
	database := storetest.Postgres(t)
	s := openURL(t, database)
	execPostgres(t, database, "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk on fire'; END $$")
	failedWrites(t, s, func(table, change string) {
		execPostgres(t, database, fmt.Sprintf("CREATE TRIGGER broken_%s BEFORE %[1]s ON %s EXECUTE FUNCTION broken()", change, table))
	})
}

// Connections that the server has closed are replaced, and nobody notices.
func TestPostgresConnectionsAreReplaced(t *testing.T) {
	database := storetest.Postgres(t)
	s := openURL(t, database)
	for range 5 {
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		execPostgres(t, database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'signet'")
		time.Sleep(1100 * time.Millisecond) // the driver looks at what was idle for a second
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// Every index compares bytes: see migrations/postgres/00001_signet.sql.
func TestPostgresIndexesDoNotDependOnLocales(t *testing.T) {
	database := storetest.Postgres(t)
	openURL(t, database)
	rows, err := beside(t, database).Query(`SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
		JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_collation l ON l.oid = a.attcollation
		WHERE a.attcollation <> 0 AND l.collname <> 'C'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var index, column string
		if err := rows.Scan(&index, &column); err != nil {
			t.Fatal(err)
		}
		t.Errorf("index %s on %s has a collation that can change", index, column)
	}
}

func TestPostgresLookupsUseAnIndex(t *testing.T) {
	database := storetest.Postgres(t)
	openURL(t, database)
	tx, err := beside(t, database).Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("SET LOCAL enable_seqscan = off"); err != nil { // the tables are empty
		t.Fatal(err)
	}
	for _, where := range lookups {
		var plan string
		if err := tx.QueryRow("EXPLAIN (FORMAT JSON) SELECT * FROM " + where).Scan(&plan); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "Index") {
			t.Errorf("%s reads the whole table: %s", where, plan)
		}
	}
}
