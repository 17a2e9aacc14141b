package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/authz/store"
	"signet/authz/storetest"
	"signet/clients"
)

// newFile names a database that does not exist yet.
func newFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "signet.db")
}

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + path})
	if err != nil {
		t.Fatalf("opening %s: %v", path, err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing %s: %v", path, err)
		}
	})
	return s
}

func TestSQLiteConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Backend { return open(t, newFile(t)) })
}

func grant(id string) authz.Grant {
	return authz.Grant{ID: id, ClientID: "app", Subject: "ann", CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
}

// spent is what becomes of a grant now.
func spent(generation int) authz.Spend {
	now := time.Now()
	return authz.Spend{Generation: generation, At: now, Expires: now, Live: []authz.StatusIndex{
		{List: "a list", Index: 1, Expires: now.Add(time.Hour)},
	}}
}

func TestReopeningKeepsEverything(t *testing.T) {
	path := newFile(t)
	first, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + path})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.CreateGrant(t.Context(), grant("g")); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Fingerprint(t.Context(), "server.key", []byte("secret")); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second := open(t, path)
	if g, err := second.Grant(t.Context(), "g"); err != nil || g.ClientID != "app" {
		t.Errorf("grant after reopening: %+v, %v", g, err)
	}
	if match, err := second.Fingerprint(t.Context(), "server.key", []byte("another")); err != nil || match {
		t.Errorf("another secret after reopening: match %v, error %v", match, err)
	}
	if err := second.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
}

// Two stores on one file are what two processes are: each has its own
// connections and locks.
func TestTwoStoresWriteAtOnceWithoutLockedErrors(t *testing.T) {
	path := newFile(t)
	stores := []*store.Store{open(t, path), open(t, path)}
	var done sync.WaitGroup
	for i := range 8 {
		s := stores[i%2]
		done.Go(func() {
			for n := range 25 {
				id := fmt.Sprint(i, "-", n)
				if err := s.CreateGrant(t.Context(), grant(id)); err != nil {
					t.Errorf("creating: %v", err)
				}
				if err := s.RedeemCode(t.Context(), id, spent(1)); err != nil {
					t.Errorf("redeeming: %v", err)
				}
				p := login.Person{ID: id, Username: "p" + id}
				if err := s.CreatePerson(t.Context(), p); err != nil {
					t.Errorf("creating a person in a transaction: %v", err)
				}
				if _, err := s.Grant(t.Context(), id); err != nil {
					t.Errorf("reading what was just written: %v", err)
				}
			}
		})
	}
	done.Wait()
	if n, err := stores[0].CountPeople(t.Context()); err != nil || n != 200 {
		t.Errorf("%d people (%v), want 200", n, err)
	}
}

func TestTwoStoresRaceForOneCode(t *testing.T) {
	path := newFile(t)
	stores := []*store.Store{open(t, path), open(t, path)}
	if err := stores[0].CreateGrant(t.Context(), grant("g")); err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		done.Go(func() { errs[i] = stores[i%2].RedeemCode(t.Context(), "g", spent(1)) })
	}
	done.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d redemptions won on two stores, want 1: %v", won, errs)
	}
}

// queries records what OnQuery hears.
type queries struct {
	mu    sync.Mutex
	texts []string
}

func (q *queries) hear(write bool, sql string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	kind := "read"
	if write {
		kind = "write"
	}
	verb, _, _ := strings.Cut(sql, " ")
	q.texts = append(q.texts, kind+" "+verb)
	if strings.Contains(sql, "secret-value") {
		q.texts = append(q.texts, "a value in the text of a query")
	}
}

func (q *queries) take() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := strings.Join(q.texts, ", ")
	q.texts = nil
	return all
}

// The budget of the token path: each step is one statement, and no write
// looks before it writes.
func TestStatementsOfEachStep(t *testing.T) {
	var heard queries
	s, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + newFile(t), OnQuery: heard.hear})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := heard.take(); got != "" {
		t.Errorf("opening reported statements: %s", got)
	}
	ctx, now := t.Context(), time.Now()
	list := authz.StatusList{ID: "secret-value", CreatedAt: now, ClosesAt: now.Add(time.Hour), ExpiresAt: now.Add(2 * time.Hour)}
	index := authz.StatusIndex{List: list.ID, Index: 1, Expires: now.Add(time.Hour)}
	person := login.Person{ID: "secret-value", Username: "ann", Email: "ann@example.com"}
	key, next := signingKey("secret-value", 1), signingKey("2", 2)
	for _, step := range []struct {
		name string
		do   func() error
		want string
	}{
		{"CreateGrant", func() error { return s.CreateGrant(ctx, grant("secret-value")) }, "write INSERT"},
		{"Grant", func() error { _, err := s.Grant(ctx, "secret-value"); return err }, "read SELECT"},
		{"RedeemCode", func() error { return s.RedeemCode(ctx, "secret-value", spent(1)) }, "write UPDATE"},
		{"Rotate", func() error { return s.Rotate(ctx, "secret-value", 1, spent(2)) }, "write UPDATE"},
		{"ExtendGrant", func() error {
			g, _ := s.Grant(ctx, "secret-value")
			return s.ExtendGrant(ctx, g, spent(2))
		}, "read SELECT, write UPDATE"},
		{"Grants", func() error { _, err := s.Grants(ctx, authz.GrantFilter{Subject: "secret-value"}, "", 1); return err }, "read SELECT"},
		{"RevokeGrants", func() error { _, err := s.RevokeGrants(ctx, []string{"a", "b"}, now, "x"); return err }, "write UPDATE, write UPDATE"},
		{"RevokeGrant", func() error { return s.RevokeGrant(ctx, "secret-value", now, "secret-value") }, "write UPDATE, write INSERT"},
		{"RevokeGrant, again", func() error { return s.RevokeGrant(ctx, "secret-value", now, "secret-value") }, "write UPDATE"},
		{"RevokeToken, in no list", func() error { return s.RevokeToken(ctx, "unlisted", authz.StatusIndex{}, now) }, "write INSERT"},
		{"RevokeToken", func() error { return s.RevokeToken(ctx, "secret-value", index, now) }, "write INSERT, write INSERT"},
		{"TokenRevoked", func() error { _, err := s.TokenRevoked(ctx, "secret-value"); return err }, "read SELECT"},
		{"ReserveStatusBlock, new list", func() error { _, err := s.ReserveStatusBlock(ctx, now, list); return err }, "write UPDATE, write INSERT"},
		{"ReserveStatusBlock", func() error { _, err := s.ReserveStatusBlock(ctx, now, list); return err }, "write UPDATE"},
		{"StatusList", func() error { _, err := s.StatusList(ctx, "secret-value"); return err }, "read SELECT"},
		{"StatusLists", func() error { _, err := s.StatusLists(ctx, now); return err }, "read SELECT"},
		{"RevokedIndexes", func() error { _, err := s.RevokedIndexes(ctx, "secret-value"); return err }, "read SELECT"},
		{"SaveConsent", func() error { return s.SaveConsent(ctx, "a", "b", nil, now) }, "write INSERT"},
		{"ConsentedScopes", func() error { _, err := s.ConsentedScopes(ctx, "a", "b"); return err }, "read SELECT"},
		{"CreateClient", func() error { return s.CreateClient(ctx, clients.Client{ID: "c"}) }, "write INSERT"},
		{"UpdateClient", func() error { return s.UpdateClient(ctx, "c", func(*clients.Client) error { return nil }) }, "read SELECT, write UPDATE"},
		{"Client", func() error { _, err := s.Client(ctx, "c"); return err }, "read SELECT"},
		{"Clients", func() error { _, err := s.Clients(ctx); return err }, "read SELECT"},
		{"CreatePerson", func() error { return s.CreatePerson(ctx, person) }, "write INSERT, write INSERT"},
		{"UpdatePerson", func() error { return s.UpdatePerson(ctx, person.ID, func(*login.Person) error { return nil }) }, "read SELECT, write UPDATE, write DELETE, write INSERT"},
		{"Person", func() error { _, err := s.Person(ctx, "secret-value"); return err }, "read SELECT"},
		{"PersonByLogin", func() error { _, err := s.PersonByLogin(ctx, "ann"); return err }, "read SELECT"},
		{"CreateSession", func() error { return s.CreateSession(ctx, login.Session{ID: "s"}) }, "write INSERT"},
		{"SessionByToken", func() error { _, err := s.SessionByToken(ctx, ""); return err }, "read SELECT"},
		{"EndSession", func() error { return s.EndSession(ctx, "s", now) }, "write UPDATE"},
		{"ReplaceSetupLink", func() error { return s.ReplaceSetupLink(ctx, login.SetupLink{}) }, "write DELETE, write INSERT"},
		{"CountPeople", func() error { _, err := s.CountPeople(ctx); return err }, "read SELECT"},
		{"ChangeKeys, nothing to change", func() error { return s.ChangeKeys(ctx, storing()) }, "read SELECT"},
		{"ChangeKeys, new", func() error { return s.ChangeKeys(ctx, storing(key)) }, "read SELECT, write INSERT"},
		{"ChangeKeys, one before and new", func() error { return s.ChangeKeys(ctx, storing(key, next)) },
			"read SELECT, write UPDATE, write INSERT"},
		{"Keys", func() error { _, err := s.Keys(ctx); return err }, "read SELECT"},
		{"Fingerprint, new", func() error { _, err := s.Fingerprint(ctx, "n", nil); return err }, "read SELECT, write INSERT"},
		{"Fingerprint, known", func() error { _, err := s.Fingerprint(ctx, "n", nil); return err }, "read SELECT"},
	} {
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if got := heard.take(); got != step.want {
			t.Errorf("%s ran %q, want %q", step.name, got, step.want)
		}
	}
}

// The rate of single-use updates is bounded by the disk; see writerDSN.
//
//	go test ./authz/store -run '^$' -bench Rotate
func BenchmarkRotate(b *testing.B) {
	s, err := store.Open(b.Context(), store.Config{
		Database: "sqlite:" + filepath.Join(b.TempDir(), "signet.db"), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.CreateGrant(context.Background(), grant("g")); err != nil {
		b.Fatal(err)
	}
	generation := 0
	for b.Loop() {
		if err := s.Rotate(b.Context(), "g", generation, spent(generation+1)); err != nil {
			b.Fatal(err)
		}
		generation++
	}
}

// go test ./authz/store -run '^$' -bench ReadGrant
func BenchmarkReadGrant(b *testing.B) {
	s, err := store.Open(b.Context(), store.Config{Database: "sqlite:" + filepath.Join(b.TempDir(), "signet.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.CreateGrant(context.Background(), grant("g")); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Grant(b.Context(), "g"); err != nil {
			b.Fatal(err)
		}
	}
}
