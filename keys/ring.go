package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Ring holds the signing keys of one issuer. All its methods may be called in
// parallel; SigningAlg, Sign, Verify, JWKS, Ready and Keys neither block nor read
// the store.
type Ring struct {
	cfg    Config
	sealer *sealer

	// mu orders readings of the store and what follows from them.
	mu   sync.Mutex
	snap atomic.Pointer[snapshot]
	// wake has Run read the store before its time.
	wake chan struct{}
}

// Key is a signing key as an operator may see it.
type Key struct {
	KID, Algorithm string
	Generation     int
	State          State
	// VerifyOnly says that the key comes from another issuer and never signs.
	VerifyOnly bool
	// AnnouncedAt, ActiveAt, RetiredAt and RemovedAt are in UTC. The newest
	// key stays active past its RetiredAt until it has a successor. A key
	// that is verify-only has just the first and the last.
	AnnouncedAt, ActiveAt, RetiredAt, RemovedAt time.Time
	// RevokedAt is zero unless the key was revoked, for RevokedReason.
	RevokedAt     time.Time
	RevokedReason string
}

// Open reads the keys of a store, and makes the first one of each algorithm that
// has none. It returns every fault of cfg, or why the keys cannot be used:
// ErrSealingKey, ErrDamaged, or the error of the store. It changes nothing then.
func Open(ctx context.Context, cfg Config) (*Ring, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	sealer, err := newSealer(cfg.SealingKey, cfg.Rand)
	if err != nil {
		return nil, err
	}
	r := &Ring{cfg: cfg, sealer: sealer, wake: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.reload(ctx); err != nil {
		return nil, err
	}
	isNew := !slices.ContainsFunc(r.snap.Load().deck.cards, func(c card) bool { return !c.record.VerifyOnly })
	for _, alg := range cfg.Algorithms {
		if _, ok := r.snap.Load().deck.last(alg); ok {
			continue
		}
		if err := r.change(ctx, alg, cfg.planFirst(alg, isNew)); err != nil {
			return nil, err
		}
		if err := r.reload(ctx); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// reload reads the store and puts a new snapshot in place. On an error the
// ring stays as it was. The caller holds mu.
func (r *Ring) reload(ctx context.Context) error {
	// The clock before the store: what JWKS promises counts from here.
	now := r.cfg.Now()
	records, err := r.cfg.Store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("reading the signing keys: %w", err)
	}
	var known *deck
	if old := r.snap.Load(); old != nil {
		known = old.deck
	}
	if err := known.vanished(records, now); err != nil {
		return err
	}
	d, err := r.deal(ctx, records, known, now)
	if errors.Is(err, ErrSealingKey) && known != nil {
		// This node has not got the new sealing key yet, nor the keys that were
		// made since; but a key that was revoked must not sign here either.
		d = r.dealKnown(ctx, records, known, now)
	} else if err != nil {
		return err
	}
	r.snap.Store(d.snapshot(now, r.cfg))
	r.tellRevoked(ctx, known, d)
	return err
}

// current is the snapshot of now.
func (r *Ring) current() *snapshot { return r.at(r.cfg.Now()) }

// at is the snapshot of an instant, which becomes the current one.
func (r *Ring) at(now time.Time) *snapshot {
	for {
		old := r.snap.Load()
		if old.covers(now) {
			return old
		}
		next := old.deck.snapshot(now, r.cfg)
		if r.snap.CompareAndSwap(old, next) {
			return next
		}
	}
}

// Run keeps the schedule until ctx is done: it reads the store every
// ReloadEvery, and at each instant at which a key changes its state or the next
// one is due. When the store cannot be read, the ring goes on with the keys it
// has, says so in the log, and tries again.
func (r *Ring) Run(ctx context.Context) {
	signers := map[string]string{}
	var complained time.Time
	for {
		err := r.keep(ctx)
		if ctx.Err() != nil {
			return
		}
		// Requests that find no signer have the store read more often; the log
		// need not know each time.
		if err != nil && time.Since(complained) >= r.cfg.ReloadEvery-tooSoon {
			complained = time.Now()
			r.cfg.Logger.ErrorContext(ctx, "signing keys could not be brought up to date; going on with those known", slog.Any("error", err))
		}
		for alg, key := range r.current().signers {
			if signers[alg] != key.kid {
				signers[alg] = key.kid
				r.cfg.Logger.InfoContext(ctx, "signing key in use", slog.String("kid", key.kid), slog.String("alg", alg))
			}
		}
		if !r.sleep(ctx, r.nextWake()) {
			return
		}
	}
}

// tooSoon is the least time between two readings of the store by Run, and
// nudged how long it lets requests wait that found no signer: they must not turn
// into a flood of readings.
const (
	tooSoon = 50 * time.Millisecond
	nudged  = 500 * time.Millisecond
)

// sleep waits for d, or until somebody found no signer; it returns false when
// ctx is done. It tells the log when the clock made another step than time did:
// states follow the clock, and an operator will want to know.
func (r *Ring) sleep(ctx context.Context, d time.Duration) bool {
	before, start := r.cfg.Now().Round(0), time.Now()
	timer := time.NewTimer(max(d, tooSoon))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-r.wake:
		timer.Reset(min(nudged, r.cfg.ReloadEvery))
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
		}
	}
	if jump := r.cfg.Now().Round(0).Sub(before) - time.Since(start); jump.Abs() > max(r.cfg.ReloadEvery, time.Second) {
		r.cfg.Logger.WarnContext(ctx, "the clock has jumped; the states of keys follow it", slog.Duration("jump", jump.Round(time.Millisecond)))
	}
	return true
}

// nextWake is how long Run sleeps. Only what lies ahead counts: what is
// overdue has just failed, and is tried again after ReloadEvery.
func (r *Ring) nextWake() time.Duration {
	now := r.cfg.Now()
	next := earlier(now.Add(r.cfg.ReloadEvery), after(r.at(now).until, now))
	for _, alg := range r.cfg.Algorithms {
		if due, ok := r.dueAt(alg); ok {
			next = earlier(next, after(due, now))
		}
	}
	return next.Sub(now)
}

// Keys lists every key the store has ever held, by algorithm and generation.
func (r *Ring) Keys() []Key {
	now := r.cfg.Now()
	cards := r.at(now).deck.cards
	out := make([]Key, len(cards))
	for i, c := range cards {
		out[i] = c.public(now)
	}
	return out
}

// find is the key of a kid.
func (r *Ring) find(kid string) (Key, bool) {
	c, ok := r.current().deck.find(kid)
	if !ok {
		return Key{}, false
	}
	return c.public(r.cfg.Now()), true
}

// public is what an operator may see of a card.
func (c card) public(now time.Time) Key {
	return Key{
		KID: c.record.KID, Algorithm: c.record.Algorithm, Generation: c.record.Generation,
		State: c.span.state(now), VerifyOnly: c.record.VerifyOnly,
		AnnouncedAt: c.record.AnnouncedAt.UTC(), ActiveAt: c.record.ActiveAt.UTC(),
		RetiredAt: c.record.RetiredAt.UTC(), RemovedAt: c.span.removed.UTC(),
		RevokedAt: c.record.RevokedAt, RevokedReason: c.record.RevokedReason,
	}
}
