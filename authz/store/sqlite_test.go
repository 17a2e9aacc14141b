package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/authz/store"
	"signet/clients"
)

// writerProcess, when set, makes the test binary a second Signet: see TestMain.
const writerProcess = "SIGNET_TEST_WRITER_PROCESS"

// TestMain lets the binary play another process that writes to a database.
func TestMain(m *testing.M) {
	if args := os.Getenv(writerProcess); args != "" {
		if err := writeAsProcess(args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// writeAsProcess opens "NAME PATH" and writes 50 grants and 10 people.
func writeAsProcess(args string) error {
	name, path, _ := strings.Cut(args, " ")
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{Database: "sqlite:" + path})
	if err != nil {
		return err
	}
	for n := range 50 {
		id := fmt.Sprint(name, "-", n)
		if err := s.CreateGrant(ctx, grant(id)); err != nil {
			return errors.Join(err, s.Close())
		}
		if n%5 == 0 {
			if err := s.CreatePerson(ctx, login.Person{ID: id, Username: id}); err != nil {
				return errors.Join(err, s.Close())
			}
		}
	}
	return s.Close()
}

// The CLI beside the server, and two servers that start at once on a new
// database: all open, one of them migrates, all write.
func TestProcessesStartAndWriteAtOnce(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := newFile(t)
	var running []*exec.Cmd
	var outputs []*bytes.Buffer
	for i := range 4 {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=p%d %s", writerProcess, i, path))
		out := new(bytes.Buffer)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running, outputs = append(running, cmd), append(outputs, out)
	}
	for i, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v: %s", i, err, outputs[i])
		}
	}
	s := open(t, path)
	if n, err := s.CountPeople(t.Context()); err != nil || n != 40 {
		t.Errorf("%d people of four processes (%v), want 40", n, err)
	}
	if _, err := s.Grant(t.Context(), "p3-49"); err != nil {
		t.Errorf("the last grant of the last process: %v", err)
	}
}

// Another process that writes is waited for, and holds up no reader.
func TestWritesWaitForTheLockAndReadsDoNot(t *testing.T) {
	path := newFile(t)
	s := open(t, path)
	if err := s.CreateGrant(t.Context(), grant("g")); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite3", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	redeemed := make(chan error)
	go func() { redeemed <- s.RedeemCode(t.Context(), "g", spent(1)) }()
	for range 20 {
		if g, err := s.Grant(t.Context(), "g"); err != nil || g.Generation != 0 {
			t.Errorf("reading beside a writer: %+v, %v", g, err)
		}
		time.Sleep(time.Millisecond)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-redeemed; err != nil {
		t.Errorf("redeeming after the lock: %v", err)
	}
}

// A write that fails is an error of its own, not "already spent", "taken" or
// "not found": who revokes or redeems must learn that nothing happened.
func TestFailedWritesAreNoConflicts(t *testing.T) {
	path := newFile(t)
	failedWrites(t, open(t, path), func(table, change string) {
		execSQL(t, path, fmt.Sprintf("CREATE TRIGGER broken_%s_%s BEFORE %[2]s ON %[1]s BEGIN SELECT RAISE(FAIL, 'disk on fire'); END", table, change))
	})
}

// failedWrites fails unless every write of s reports why it failed, once
// breaks has made writes of one kind to a table fail with "disk on fire".
func failedWrites(t *testing.T, s *store.Store, breaks func(table, change string)) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	for _, err := range []error{
		s.CreateGrant(ctx, grant("g")), s.CreateClient(ctx, clients.Client{ID: "c"}),
		s.CreatePerson(ctx, login.Person{ID: "p", Username: "p"}),
		s.ReplaceSetupLink(ctx, login.SetupLink{TokenHash: "link"}),
		s.ChangeKeys(ctx, storing(signingKey("1", 1))),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	stored, err := s.Grant(ctx, "g")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"grants", "clients", "people", "signing_keys", "status_lists"} {
		for _, change := range []string{"INSERT", "UPDATE"} {
			breaks(table, change)
		}
	}
	for name, err := range map[string]error{
		"CreateGrant":         s.CreateGrant(ctx, grant("h")),
		"RedeemCode":          s.RedeemCode(ctx, "g", spent(1)),
		"Rotate":              s.Rotate(ctx, "g", 0, spent(1)),
		"ExtendGrant":         s.ExtendGrant(ctx, stored, spent(1)),
		"RevokeGrants":        second(s.RevokeGrants(ctx, []string{"g"}, now, "x")),
		"RevokeGrant":         s.RevokeGrant(ctx, "g", now, "x"),
		"ReserveStatusBlock":  func() error { _, err := s.ReserveStatusBlock(ctx, now, authz.StatusList{ID: "l"}); return err }(),
		"CreateClient":        s.CreateClient(ctx, clients.Client{ID: "d"}),
		"UpdateClient":        s.UpdateClient(ctx, "c", func(*clients.Client) error { return nil }),
		"CreatePerson":        s.CreatePerson(ctx, login.Person{ID: "q", Username: "q"}),
		"UpdatePerson":        s.UpdatePerson(ctx, "p", func(*login.Person) error { return nil }),
		"UseSetupLink":        s.UseSetupLink(ctx, "link", login.Person{ID: "q", Username: "q"}),
		"ChangeKeys, new":     s.ChangeKeys(ctx, storing(signingKey("2", 2))),
		"ChangeKeys, replace": s.ChangeKeys(ctx, storing(signingKey("1", 1))),
	} {
		if err == nil || !strings.Contains(err.Error(), "disk on fire") {
			t.Errorf("%s: got %v, want the cause", name, err)
		}
	}
	if _, err := s.SetupLink(ctx, "link"); err != nil {
		t.Errorf("the link of the failed use: %v", err)
	}
}

// A payload that cannot be read, or a table that is gone, is an error of its
// own as well.
func TestBrokenRowsAreNotMissingRows(t *testing.T) {
	path := newFile(t)
	s := open(t, path)
	if err := s.CreateGrant(t.Context(), grant("g")); err != nil {
		t.Fatal(err)
	}
	execSQL(t, path, "UPDATE grants SET payload = 'not json'")
	if _, err := s.Grant(t.Context(), "g"); err == nil || strings.Contains(err.Error(), "not found") {
		t.Errorf("broken payload: got %v", err)
	}
	execSQL(t, path, "DROP TABLE revoked_tokens")
	if revoked, err := s.TokenRevoked(t.Context(), "jti"); err == nil {
		t.Errorf("missing table: got %v, no error", revoked)
	}
	execSQL(t, path, "DROP TABLE goose_db_version")
	if err := s.Ping(t.Context()); err == nil {
		t.Error("Ping of a database without a schema: no error")
	}
}

// lookups are what must stay fast with a million rows: look-ups and clean-up.
var lookups = []string{
	"grants WHERE id = 'x'", "grants WHERE subject = 'x'", "grants WHERE subject = 'x' AND client_id = 'x'",
	"grants WHERE client_id = 'x'", "grants WHERE session_id = 'x'", "grants WHERE expires_at < 1",
	"revoked_tokens WHERE jti = 'x'", "revoked_tokens WHERE expires_at < 1",
	"consents WHERE subject = 'x'", "consents WHERE client_id = 'x'",
	"sessions WHERE token_hash = 'x'", "sessions WHERE subject = 'x'", "sessions WHERE expires_at < 1",
	"people WHERE id = (SELECT person_id FROM person_logins WHERE login_key = 'x')",
	"person_logins WHERE person_id = 'x'",
	"invitations WHERE token_hash = 'x'",
	"invitations WHERE expires_at < 1 ORDER BY expires_at LIMIT 1",
	"consents WHERE client_id IN ('x', 'y')",
	"client_uses WHERE client_id IN ('x', 'y')",
	"client_origins WHERE client_id IN ('x', 'y')",
	"clients c WHERE c.source = 'dynamic' AND c.created_at < 1 AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.client_id = c.id) ORDER BY c.created_at LIMIT 1",
}

func TestLookupsUseAnIndex(t *testing.T) {
	path := newFile(t)
	open(t, path)
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, where := range lookups {
		rows, err := db.Query("EXPLAIN QUERY PLAN SELECT * FROM " + where)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(detail, "SCAN") {
				t.Errorf("%s reads the whole table: %s", where, detail)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
