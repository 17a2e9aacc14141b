package authz

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// countEvery is how often the clients that nobody signed in through are
	// counted in the database. In between, a node adds its own.
	countEvery = 5 * time.Second
	// evictAfter is how long a new client has for its first sign-in whatever
	// comes, and evictBatch how many older ones make room at once.
	evictAfter = 10 * time.Minute
	evictBatch = 50
)

// unusedCount bounds how many clients stand that registered themselves and that
// nobody signed in through. When there are too many, the oldest make room, so
// that a flood does not shut the door on those who come after it.
type unusedCount struct {
	store DynamicClients
	most  int
	log   *slog.Logger

	mu sync.Mutex
	// n are those that stood when they were counted, those that came since, and
	// those that are under way, which are pending.
	n, pending int
	at         time.Time
}

// reserve counts a registration in. done has to be told whether it was stored.
func (u *unusedCount) reserve(ctx context.Context, now time.Time) (done func(stored bool), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if age := now.Sub(u.at); age < 0 || age >= countEvery {
		if err := u.count(ctx, now); err != nil {
			return nil, err
		}
	}
	if u.n >= u.most {
		if err := u.evict(ctx, now); err != nil {
			return nil, err
		}
	}
	if u.n >= u.most {
		return nil, tooMany(time.Minute, "Too many clients that nobody has signed in through are registered. Try again in %s.")
	}
	u.n++
	u.pending++
	return func(stored bool) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.pending--
		if !stored {
			u.n--
		}
	}, nil
}

func (u *unusedCount) count(ctx context.Context, now time.Time) error {
	n, err := u.store.CountUnusedClients(ctx, u.most)
	if err != nil {
		return err
	}
	u.n, u.at = n+u.pending, now
	return nil
}

// evict makes room. What is too young stays, and then it is full: that is asked
// once in countEvery.
func (u *unusedCount) evict(ctx context.Context, now time.Time) error {
	if u.at != now {
		return nil
	}
	gone, err := u.store.EvictUnusedClients(ctx, now.Add(-evictAfter), min(evictBatch, u.most))
	if err != nil || len(gone) == 0 {
		return err
	}
	u.log.LogAttrs(ctx, slog.LevelWarn, "audit: clients that nobody signed in through made room for new ones",
		slog.String("event", "clients_evicted"), slog.Int("clients", len(gone)))
	return u.count(ctx, now)
}
