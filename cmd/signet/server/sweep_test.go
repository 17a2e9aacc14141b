package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"signet/authz"
	"signet/authz/storetest"
	"signet/clients"
	"signet/cmd/signet/config"
)

// TestSweeper: what expired goes in the background, without being asked, and
// what may still be of use stays; the log says how much that was.
func TestSweeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, log := storetest.NewMemory(), &bytes.Buffer{}
		cfg := config.Default()
		s := newSweeper(cfg, nil, time.Now, slog.New(slog.NewTextHandler(log, nil)))
		s.store = db
		add := func(id string, expires time.Duration) {
			t.Helper()
			if err := db.CreateGrant(t.Context(), authz.Grant{ID: id, ExpiresAt: time.Now().Add(expires)}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 2*sweepBatch + 1 {
			add(fmt.Sprint(i), -time.Hour)
		}
		add("alive", time.Hour)
		// Its last access token, issued just before its end, still lives.
		add("just expired", 0)

		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.run(ctx); close(ended) }()
		time.Sleep(cfg.Sweep.Every + time.Second)
		synctest.Wait()
		for id, want := range map[string]error{"0": authz.ErrNotFound, "1000": authz.ErrNotFound, "alive": nil, "just expired": nil} {
			if _, err := db.Grant(t.Context(), id); !errors.Is(err, want) {
				t.Errorf("grant %s: %v", id, err)
			}
		}
		time.Sleep(cfg.Sweep.Every + s.after)
		if _, err := db.Grant(t.Context(), "just expired"); !errors.Is(err, authz.ErrNotFound) {
			t.Errorf("it stays for ever: %v", err)
		}
		stop()
		<-ended
		if got := log.String(); strings.Count(got, "expired rows removed") != 2 || !strings.Contains(got, "grants=1001") || !strings.Contains(got, "grants=1\n") {
			t.Errorf("the log says:\n%s", got)
		}
	})
}

// TestSweeperThatIsOff leaves everything.
func TestSweeperThatIsOff(t *testing.T) {
	cfg := config.Default()
	cfg.Sweep.Every = 0
	s := newSweeper(cfg, nil, time.Now, slog.New(slog.DiscardHandler))
	s.store = nil // it would panic
	s.run(t.Context())
}

// TestSweeperRemovesUnusedClients: what registered itself and nobody used goes
// after its time, in batches, and the log says which; what an operator made, and
// what somebody is signed in through, stays.
func TestSweeperRemovesUnusedClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, log := storetest.NewMemory(), &bytes.Buffer{}
		cfg := config.Default()
		s := newSweeper(cfg, nil, time.Now, slog.New(slog.NewTextHandler(log, nil)))
		s.store = db
		add := func(id string, source clients.Source) {
			t.Helper()
			if err := db.CreateClient(t.Context(), clients.Client{ID: id, Source: source, CreatedAt: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range sweepBatch + 1 {
			add(fmt.Sprintf("unused-%d", i), clients.SourceDynamic)
		}
		add("operator", clients.SourceCLI)
		add("used", clients.SourceDynamic)
		if err := db.CreateGrant(t.Context(), authz.Grant{ID: "g", ClientID: "used", ExpiresAt: time.Now().Add(180 * 24 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
		left := func() int {
			t.Helper()
			all, err := db.Clients(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.run(ctx); close(ended) }()
		time.Sleep(cfg.Registration.UnusedTTL - time.Second)
		synctest.Wait()
		if n := left(); n != sweepBatch+3 {
			t.Errorf("%d clients are left before the time, want %d", n, sweepBatch+3)
		}
		time.Sleep(cfg.Sweep.Every + 2*time.Second)
		synctest.Wait()
		if n := left(); n != 2 {
			t.Errorf("%d clients are left, want 2", n)
		}
		stop()
		<-ended
		if got := log.String(); strings.Count(got, "audit: clients that nobody uses removed") != 2 || !strings.Contains(got, "clients=500") || !strings.Contains(got, "clients=1 ") {
			t.Errorf("the log says:\n%s", clip(got))
		}
	})
}

func clip(s string) string { return s[:min(len(s), 2000)] }
