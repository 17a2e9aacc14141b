package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// RotateOptions say what Ring.Rotate does.
type RotateOptions struct {
	// Algorithm is the one whose keys are rotated; all in use if it is empty.
	Algorithm string
	// Now has the next key sign at once. Verifiers that have cached the JWKS
	// without it refuse its tokens until they ask again.
	Now bool
}

// Rotate makes the next key now instead of at its time, and returns it, one for
// each algorithm. It is announced first, for AnnounceFor, and the active key
// signs until then. When a successor is already announced, Rotate returns that
// one: an impatient script cannot fill the JWKS. Of several nodes that rotate at
// once, one makes the key and all return it.
func (r *Ring) Rotate(ctx context.Context, o RotateOptions) ([]Key, error) {
	algs := r.cfg.Algorithms
	if o.Algorithm != "" {
		if !slices.Contains(algs, o.Algorithm) {
			return nil, fmt.Errorf("keys of %s are not in use", o.Algorithm)
		}
		algs = []string{o.Algorithm}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var next []Key
	for _, alg := range algs {
		p := r.cfg.planRotate(alg)
		if o.Now {
			p = r.cfg.planTakeOver(alg)
		}
		if err := r.change(ctx, alg, p); err != nil {
			return nil, err
		}
		if err := r.reload(ctx); err != nil {
			return nil, err
		}
		next = append(next, r.next(alg, o.Now))
	}
	return next, nil
}

// next is the newest key of an algorithm or, after a take-over, the active one.
func (r *Ring) next(alg string, active bool) Key {
	var found Key
	for _, key := range r.Keys() {
		if key.Algorithm == alg && (key.State == StateActive || key.State == StateAnnounced && !active) {
			found = key
		}
	}
	return found
}

// keep reads the store and makes the keys that are due.
func (r *Ring) keep(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.reload(ctx); err != nil {
		return err
	}
	for _, alg := range r.cfg.Algorithms {
		if err := r.keepOne(ctx, alg); err != nil {
			return err
		}
	}
	return nil
}

// keepOne makes the keys of one algorithm that are due: one at a time, but
// several to begin with where AnnounceFor exceeds RotateEvery. The caller holds
// mu and has read the store.
func (r *Ring) keepOne(ctx context.Context, alg string) error {
	for range mostAnnounced + 2 {
		if due, ok := r.dueAt(alg); ok && r.cfg.Now().Before(due) {
			return nil
		}
		if err := r.change(ctx, alg, r.cfg.planDue(alg)); err != nil {
			return err
		}
		if err := r.reload(ctx); err != nil {
			return fmt.Errorf("after a signing key was made: %w", err)
		}
	}
	return nil
}

// dueAt is when the next key of an algorithm is to be made; false if there is
// none yet.
func (r *Ring) dueAt(alg string) (time.Time, bool) {
	snap := r.snap.Load()
	if snap == nil {
		return time.Time{}, false
	}
	last, ok := snap.deck.last(alg)
	return r.cfg.dueAt(last.record), ok
}

// change carries out a plan for the keys of one algorithm. The key that it may
// need is made between two transactions, for that may take seconds. The caller
// holds mu and reads the store again afterwards.
func (r *Ring) change(ctx context.Context, alg string, p plan) error {
	err := r.tryChange(ctx, alg, p, nil)
	if errors.Is(err, errNeedKey) {
		fresh, makeErr := r.generateKey(ctx, alg)
		if makeErr != nil {
			return makeErr
		}
		err = r.tryChange(ctx, alg, p, &fresh)
	}
	if errors.Is(err, ErrExists) {
		return nil // another node was faster, and that is as good
	}
	return err
}

// tryChange carries out a plan in one transaction, with a new key or none.
func (r *Ring) tryChange(ctx context.Context, alg string, p plan, fresh *Record) error {
	var changed []Record
	err := r.cfg.Store.ChangeKeys(ctx, func(all []Record) (_ []Record, err error) {
		if err := r.sealer.owns(all); err != nil {
			return nil, err
		}
		numbered := fresh
		if fresh != nil {
			numbered = new(*fresh)
			numbered.Generation = nextGeneration(all, alg)
		}
		// The clock within the transaction: a key cannot have been announced
		// before it was there.
		changed, err = p(sorted(all), numbered, r.cfg.Now().UTC().Truncate(precision))
		if err != nil {
			return nil, err
		}
		// Whatever a plan did, the store must be one that opens again.
		return changed, checkOrder(line(with(all, changed), alg))
	})
	if err != nil {
		return fmt.Errorf("changing the signing keys: %w", err)
	}
	for _, rec := range changed {
		if fresh != nil && rec.KID == fresh.KID {
			r.cfg.Logger.InfoContext(ctx, "signing key made", slog.String("kid", rec.KID), slog.String("alg", rec.Algorithm),
				slog.Int("generation", rec.Generation), slog.Time("active_at", rec.ActiveAt), slog.Time("retired_at", rec.RetiredAt))
		}
	}
	return nil
}
