package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Rotate makes the next key now instead of at its time. It is announced first,
// for AnnounceFor, and the active key signs until then. When a successor is
// already announced, Rotate returns that one: it takes over at least as soon as
// a new one could, and an impatient script cannot fill the JWKS. Of several
// nodes that rotate at once, one makes the key and all return it.
func (r *Ring) Rotate(ctx context.Context) (Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.reload(ctx); err != nil {
		return Key{}, err
	}
	last := r.newest()
	if last.span.state(r.cfg.Now()) == StateActive {
		if err := r.makeNext(ctx, last.record); err != nil {
			return Key{}, err
		}
		last = r.newest()
	}
	return last.public(r.cfg.Now()), nil
}

// Run keeps the schedule until ctx is done: it reads the store every
// ReloadEvery, and at each instant at which a key changes its state or the next
// one is due. When the store cannot be read, the ring goes on with the keys it
// has, says so in the log, and tries again.
func (r *Ring) Run(ctx context.Context) {
	var signer string
	for {
		err := r.keep(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.cfg.Logger.ErrorContext(ctx, "signing keys could not be brought up to date; going on with those known", slog.Any("error", err))
		}
		if kid := r.current().signer.kid; kid != signer {
			r.cfg.Logger.InfoContext(ctx, "signing key in use", slog.String("kid", kid))
			signer = kid
		}
		timer := time.NewTimer(r.nextWake())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// nextWake is how long Run sleeps. Only what lies ahead counts: what is
// overdue has just failed, and is tried again after ReloadEvery.
func (r *Ring) nextWake() time.Duration {
	now := r.cfg.Now()
	snap := r.at(now)
	next := now.Add(r.cfg.ReloadEvery)
	next = earlier(next, after(snap.until, now))
	next = earlier(next, after(r.cfg.dueAt(r.newest().record), now))
	return next.Sub(now)
}

// keep reads the store and makes the next key if it is due.
func (r *Ring) keep(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.reload(ctx); err != nil {
		return err
	}
	last := r.newest()
	if r.cfg.Now().Before(r.cfg.dueAt(last.record)) {
		return nil
	}
	return r.makeNext(ctx, last.record)
}

// newest is the last key of the algorithm that this ring signs with.
func (r *Ring) newest() card {
	// A deck in use has one, or it could not have become a snapshot.
	c, _ := r.snap.Load().deck.last(r.cfg.Algorithm)
	return c
}

// makeFirst makes the first key of the algorithm. The caller holds mu.
func (r *Ring) makeFirst(ctx context.Context) error {
	rec, err := r.generateKey()
	if err != nil {
		return err
	}
	next := r.cfg.planFirst(r.cfg.Now())
	next.KID, next.PublicJWK, next.Sealed = rec.KID, rec.PublicJWK, rec.Sealed
	return r.insert(ctx, next, nil)
}

// makeNext makes the key after last and reads the store again. The caller
// holds mu.
func (r *Ring) makeNext(ctx context.Context, last Record) error {
	rec, err := r.generateKey()
	if err != nil {
		return err
	}
	// The times come after the making, which may take seconds: a key cannot
	// have been announced before it was there.
	next, prev := r.cfg.planNext(last, r.cfg.Now())
	next.KID, next.PublicJWK, next.Sealed = rec.KID, rec.PublicJWK, rec.Sealed
	if err := r.insert(ctx, next, &prev); err != nil {
		return err
	}
	if err := r.reload(ctx); err != nil {
		return fmt.Errorf("after the next signing key was made: %w", err)
	}
	return nil
}

// insert stores a key. That another node was faster is as good.
func (r *Ring) insert(ctx context.Context, next Record, prev *Record) error {
	err := r.cfg.Store.InsertKey(ctx, next, prev)
	if errors.Is(err, ErrExists) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("storing a signing key: %w", err)
	}
	r.cfg.Logger.InfoContext(ctx, "signing key made", slog.String("kid", next.KID), slog.String("alg", next.Algorithm),
		slog.Int("generation", next.Generation), slog.Time("active_at", next.ActiveAt), slog.Time("retired_at", next.RetiredAt))
	return nil
}
