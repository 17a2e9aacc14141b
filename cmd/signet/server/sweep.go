package server

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"signet/authz/store"
	"signet/clients"
	"signet/cmd/signet/config"
)

const (
	// sweepBatch is how many rows of one table are removed in one statement: a
	// few milliseconds, in which no other write gets through.
	sweepBatch = 500
	// sweepPause lets the writers through that have waited for a batch.
	sweepPause = 20 * time.Millisecond
	// sweepAfter is how long a row outlives its use, for clocks that differ and
	// for whoever wants to know why something was refused just now.
	sweepAfter = 10 * time.Minute
)

// sweeper removes rows that have expired.
type sweeper struct {
	store interface {
		Sweep(ctx context.Context, before time.Time, limit int) (map[string]int, error)
		SweepUnusedClients(ctx context.Context, before time.Time, limit int) ([]string, error)
	}
	every time.Duration
	// after is how long a row is kept beyond its expires_at. A grant is of use
	// until its last access token has expired, which may have been issued just
	// before the grant did.
	after time.Duration
	// unusedTTL is how long a client that registered itself is kept while nobody
	// signs in through it; 0 is for ever.
	unusedTTL time.Duration
	now       func() time.Time
	log       *slog.Logger
}

func newSweeper(cfg *config.Config, st *store.Store, now func() time.Time, log *slog.Logger) *sweeper {
	return &sweeper{store: st, every: cfg.Sweep.Every, unusedTTL: cfg.Registration.UnusedTTL, after: cfg.Tokens.AccessTTL + max(cfg.Refresh.Grace, clients.MaxRefreshGrace) + sweepAfter, now: now, log: log}
}

// run sweeps until ctx is done, or not at all if every is 0; first after a random part of the interval: so
// nodes that started together take turns.
func (s *sweeper) run(ctx context.Context) {
	if s.every == 0 {
		return
	}
	wait := rand.N(s.every)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		s.sweep(ctx)
		s.sweepClients(ctx)
		wait = s.every
	}
}

// sweep removes all that has expired, a batch at a time, and says how much that
// was.
func (s *sweeper) sweep(ctx context.Context) {
	total := map[string]int{}
	start := time.Now()
	for {
		removed, err := s.store.Sweep(ctx, s.now().Add(-s.after), sweepBatch)
		full := false
		for table, n := range removed {
			total[table] += n
			full = full || n == sweepBatch
		}
		if err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "expired rows could not be removed; tried again later", slog.Any("error", err))
		}
		if err != nil || !full {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(sweepPause):
		}
	}
	if len(total) == 0 {
		return
	}
	attrs := []slog.Attr{slog.Duration("duration", time.Since(start).Round(time.Millisecond))}
	for table, n := range total {
		attrs = append(attrs, slog.Int(table, n))
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "expired rows removed", attrs...)
}

// sweepClients removes the clients that registered themselves and that nobody
// uses, a batch at a time, and says which those were.
func (s *sweeper) sweepClients(ctx context.Context) {
	if s.unusedTTL == 0 {
		return
	}
	for {
		removed, err := s.store.SweepUnusedClients(ctx, s.now().Add(-s.unusedTTL), sweepBatch)
		if err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "clients that nobody uses could not be removed; tried again later", slog.Any("error", err))
		}
		if len(removed) > 0 {
			s.log.LogAttrs(ctx, slog.LevelInfo, "audit: clients that nobody uses removed",
				slog.String("event", "clients_swept"), slog.Int("clients", len(removed)), slog.Any("client_ids", removed))
		}
		if err != nil || len(removed) < sweepBatch {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepPause):
		}
	}
}
