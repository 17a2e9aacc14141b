package store_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"signet/authz"
	"signet/authz/store"
)

// second is the error of a call that returns something else first.
func second[T any](_ T, err error) error { return err }

// Each page of a listing is found by an index and read in its order: no scan
// of the table, and nothing to sort, however many grants there are.
func TestGrantsAreListedByIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signet.db")
	var statement string
	s, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + path, OnQuery: func(_ bool, sql string) { statement = sql }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, f := range map[string]authz.GrantFilter{
		"all": {}, "one": {ID: "x"}, "person": {Subject: "x"}, "client": {ClientID: "x"}, "session": {SessionID: "x"},
		"person and client": {Subject: "x", ClientID: "x"},
	} {
		if _, err := s.Grants(t.Context(), f, "", 10); err != nil {
			t.Fatal(err)
		}
		plan := explain(t.Context(), t, db, statement)
		if !strings.Contains(plan, "SEARCH") || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s\n%s", name, statement, plan)
		}
	}
}

// explain returns how SQLite would run a statement, whatever its values.
func explain(ctx context.Context, t *testing.T, db *sql.DB, statement string) string {
	t.Helper()
	values := make([]any, strings.Count(statement, "?"))
	for i := range values {
		values[i] = "1"
	}
	rows, err := db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+statement, values...)
	if err != nil {
		t.Fatal(err)
	}
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}
