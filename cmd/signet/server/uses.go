package server

import (
	"context"
	"log/slog"
	"time"

	"signet/clients"
)

const (
	// flushEvery is how long a last use may wait in memory. It is kept to the
	// hour or so, and nobody needs to see it sooner.
	flushEvery = time.Minute
	// lastFlush bounds the one at the end.
	lastFlush = 5 * time.Second
)

// recordUses writes the last uses of clients until ctx is done, and once more
// then.
func recordUses(ctx context.Context, uses *clients.UseRecorder, st clients.UseStore, log *slog.Logger) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			flushUses(ctx, uses, st, log)
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			flushUses(end, uses, st, log)
			return
		}
	}
}

func flushUses(ctx context.Context, uses *clients.UseRecorder, st clients.UseStore, log *slog.Logger) {
	if err := uses.Flush(ctx, st); err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "the last uses of clients could not be stored; tried again later", slog.Any("error", err))
	}
}
