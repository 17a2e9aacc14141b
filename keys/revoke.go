package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// ErrNoSuchKey says that no key has the id that was given.
var ErrNoSuchKey = errors.New("there is no key of this id")

// Revocation is what came of Ring.Revoke.
type Revocation struct {
	// Revoked is the key that was taken out, and Reason why.
	Revoked Key
	Reason  string
	// Successor is the key that took over from it; nil if it was not signing.
	Successor *Key
	// SuccessorAnnounced says that the successor had been announced for long
	// enough that every verifier has it.
	SuccessorAnnounced bool
	// TokensSince is when the oldest token can have been signed by it that has
	// not expired; every one since is void. It is zero if there can be none.
	TokensSince time.Time
	// GoneBy is when the last node has heard of it and the last cached JWKS
	// with it has expired: until then a verifier may take its tokens.
	GoneBy time.Time
}

// Revoke takes a key out at once, because its private part is or may be known
// to somebody else: it neither signs nor verifies, on this node from now on and
// on the others within ReloadEvery. If it was the one that signs, the announced
// key takes over, or a new one if none is announced. A key that was revoked
// before stays as it was. Revoke returns ErrNoSuchKey for a kid unknown.
func (r *Ring) Revoke(ctx context.Context, kid, reason string) (Revocation, error) {
	if reason == "" {
		return Revocation{}, errors.New("a key is revoked for a reason: say which")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.reload(ctx); err != nil {
		return Revocation{}, err
	}
	before, ok := r.find(kid)
	if !ok {
		return Revocation{}, fmt.Errorf("%w: %s", ErrNoSuchKey, kid)
	}
	if err := r.change(ctx, before.Algorithm, r.cfg.planRevoke(kid, reason, slices.Contains(r.cfg.Algorithms, before.Algorithm))); err != nil {
		return Revocation{}, err
	}
	if err := r.reload(ctx); err != nil {
		return Revocation{}, fmt.Errorf("the key is revoked, but: %w", err)
	}
	return r.revocation(before), nil
}

// revocation describes what came of revoking a key that was in this state before.
func (r *Ring) revocation(before Key) Revocation {
	after, _ := r.find(before.KID)
	v := Revocation{Revoked: after, Reason: after.RevokedReason}
	v.GoneBy = after.RevokedAt.Add(r.cfg.ReloadEvery + r.cfg.cached())
	oldest := later(after.RevokedAt.Add(-r.cfg.TokenLifetime), after.ActiveAt)
	switch before.State {
	case StateActive:
		v.TokensSince = oldest
	case StateRetired:
		if after.RetiredAt.After(oldest) {
			v.TokensSince = oldest
		}
	}
	if before.State != StateActive {
		return v
	}
	for _, key := range r.Keys() {
		if key.Algorithm == before.Algorithm && key.State == StateActive {
			v.Successor = &key
			v.SuccessorAnnounced = !after.RevokedAt.Before(key.AnnouncedAt.Add(r.cfg.MinAnnounce()))
		}
	}
	return v
}

// planRevoke takes a key out and, if it was signing for an algorithm in use,
// has the next one sign instead.
func (s Schedule) planRevoke(kid, reason string, inUse bool) plan {
	return func(all []Record, fresh *Record, now time.Time) ([]Record, error) {
		i := slices.IndexFunc(all, func(r Record) bool { return r.KID == kid })
		if i < 0 {
			return nil, fmt.Errorf("%w: %s", ErrNoSuchKey, kid)
		}
		if all[i].revoked() {
			return nil, nil
		}
		rec := all[i]
		rec.RevokedAt, rec.RevokedReason = now, reason
		peers := of(all, rec.Algorithm)
		at := slices.IndexFunc(peers, func(r Record) bool { return r.KID == kid })
		if !inUse || spans(peers, true)[at].state(now) != StateActive {
			return []Record{rec}, nil
		}
		peers[at] = rec
		keys := line(peers, rec.Algorithm)
		if next := slices.IndexFunc(keys, func(r Record) bool { return r.ActiveAt.After(now) }); next >= 0 {
			return []Record{rec, promote(keys[next], now)}, nil
		}
		if fresh == nil {
			return nil, errNeedKey
		}
		return []Record{rec, s.begin(*fresh, now, later(now, rec.ActiveAt.Add(precision)))}, nil
	}
}

// tellRevoked puts into the log, once on every node, that a key was revoked.
func (r *Ring) tellRevoked(ctx context.Context, before, now *deck) {
	if before == nil {
		return
	}
	for _, c := range now.cards {
		if old, ok := before.find(c.record.KID); c.record.revoked() && (!ok || !old.record.revoked()) {
			r.cfg.Logger.WarnContext(ctx, "audit: signing key revoked; tokens that it signed are refused", slog.String("event", "key_revoked"),
				slog.String("kid", c.record.KID), slog.String("alg", c.record.Algorithm),
				slog.Time("revoked_at", c.record.RevokedAt), slog.String("reason", c.record.RevokedReason))
		}
	}
}
