package keys

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Ring holds the signing keys of one issuer. All its methods may be called in
// parallel; Sign, Verify, JWKS and Keys neither block nor read the store.
type Ring struct {
	cfg      Config
	sealer   *sealer
	generate func(rand io.Reader, rsaBits int) (crypto.Signer, error)

	// mu orders readings of the store and what follows from them.
	mu   sync.Mutex
	snap atomic.Pointer[snapshot]
}

// Key is a signing key as an operator may see it.
type Key struct {
	KID, Algorithm string
	Generation     int
	State          State
	// AnnouncedAt, ActiveAt, RetiredAt and RemovedAt are in UTC. The newest
	// key stays active past its RetiredAt until it has a successor.
	AnnouncedAt, ActiveAt, RetiredAt, RemovedAt time.Time
}

// Open reads the keys of a store, and makes the first one when there is none.
// It returns every fault of cfg, or why the keys cannot be used: ErrSealingKey,
// ErrDamaged, or the error of the store. It changes nothing then.
func Open(ctx context.Context, cfg Config) (*Ring, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	alg, err := algorithmOf(cfg.Algorithm)
	if err != nil {
		return nil, err
	}
	return open(ctx, cfg, alg.generate)
}

// open is Open for a checked configuration and a source of private keys.
func open(ctx context.Context, cfg Config, generate func(io.Reader, int) (crypto.Signer, error)) (*Ring, error) {
	sealer, err := newSealer(cfg.SealingKey, cfg.Rand)
	if err != nil {
		return nil, err
	}
	r := &Ring{cfg: cfg, sealer: sealer, generate: generate}
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.reload(ctx)
	if errors.Is(err, errNoSigner) {
		if err = r.makeFirst(ctx); err == nil {
			err = r.reload(ctx)
		}
	}
	if err != nil {
		return nil, err
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
	d, err := r.deal(records, known, now)
	if err != nil {
		return err
	}
	snap, err := d.snapshot(now, r.cfg.Algorithm)
	if err != nil {
		return err
	}
	r.snap.Store(snap)
	return nil
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
		next, err := old.deck.snapshot(now, r.cfg.Algorithm)
		if err != nil {
			// Only a clock that was put back beyond keys long removed
			// gets here. What was right a moment ago is the best there is.
			return old
		}
		if r.snap.CompareAndSwap(old, next) {
			return next
		}
	}
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

// public is what an operator may see of a card.
func (c card) public(now time.Time) Key {
	return Key{
		KID: c.record.KID, Algorithm: c.record.Algorithm, Generation: c.record.Generation,
		State:       c.span.state(now),
		AnnouncedAt: c.record.AnnouncedAt.UTC(), ActiveAt: c.record.ActiveAt.UTC(),
		RetiredAt: c.record.RetiredAt.UTC(), RemovedAt: c.record.RemovedAt.UTC(),
	}
}
