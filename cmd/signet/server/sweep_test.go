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
