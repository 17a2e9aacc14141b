package keys

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// world is two nodes on one store, a crowd of caches and the tokens in use.
type world struct {
	*bench
	cfg     Config
	rnd     *rand.Rand
	nodes   []*node
	copies  []cachedSet
	tokens  []token
	outage  time.Time
	signed  int
	mute    int
	signers map[string]bool
	// jumps has the clock of one node jump by so much, this way and that.
	jumps time.Duration
}

type node struct {
	ring   *Ring
	wake   time.Time
	downTo time.Time
	// cutTo is until when this node alone cannot reach the store, and skew how
	// far its clock is from the true one.
	cutTo time.Time
	skew  time.Duration
	// blind is a node that did not reach the store when it last tried.
	blind bool
}

// nodeStore is the store as one node reaches it.
type nodeStore struct {
	*memStore
	cut func() bool
}

func (s nodeStore) Keys(ctx context.Context) ([]Record, error) {
	if s.cut() {
		return nil, errDown
	}
	return s.memStore.Keys(ctx)
}

func (s nodeStore) ChangeKeys(ctx context.Context, change func([]Record) ([]Record, error)) error {
	if s.cut() {
		return errDown
	}
	return s.memStore.ChangeKeys(ctx, change)
}

// cachedSet is a JWKS that some verifier holds.
type cachedSet struct {
	until time.Time
	kids  []string
}

type token struct {
	kid     string
	expires time.Time
}

// TestNobodyNoticesARotation runs two nodes, whose clocks differ, through a
// dozen rotations on random schedules, with restarts, outages of the store for
// one or both and operators who rotate early. At random instants it signs, and
// asks whether every verifier that holds a JWKS it was allowed to cache knows
// the key, and whether every unexpired token is still good on every node.
func TestNobodyNoticesARotation(t *testing.T) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 11))
		w := &world{bench: newBench(t), rnd: rnd, signers: map[string]bool{}}
		w.cfg = w.config()
		// Enough of a schedule to go wrong, few enough wakings to be quick.
		for w.cfg.Schedule = randomSchedule(rnd); w.cfg.RotateEvery/w.cfg.ReloadEvery > 300; {
			w.cfg.Schedule = randomSchedule(rnd)
		}
		w.nodes = []*node{{skew: w.cfg.ReloadEvery / 2}, {skew: -w.cfg.ReloadEvery / 2}}
		w.live9(seed)
	}
}

// TestClockThatJumps: on the derived schedules of an hour and more, the clock of
// one of two nodes jumps ten minutes forward or back, again and again. Nobody
// notices that either: announcements, and the time that keys are kept for, leave
// more room than that. (On a schedule of seconds it would be noticed.)
func TestClockThatJumps(t *testing.T) {
	for seed, every := range []time.Duration{time.Hour, 3 * time.Hour, 5 * time.Hour} {
		rnd := rand.New(rand.NewPCG(uint64(seed), 12))
		w := &world{bench: newBench(t), rnd: rnd, signers: map[string]bool{}, jumps: 10 * time.Minute}
		w.cfg = w.config()
		w.cfg.Schedule = NewSchedule(ScheduleOptions{RotateEvery: every, TokenLifetime: time.Hour, HintLifetime: 2 * time.Hour})
		w.nodes = []*node{{}, {}}
		w.live9(uint64(seed))
	}
}

// live9 goes on until nine keys have signed.
func (w *world) live9(seed uint64) {
	w.t.Helper()
	for len(w.signers) < 9 && w.used.Load() < 20 {
		w.step()
		if w.t.Failed() {
			w.t.Fatalf("seed %d, schedule %+v", seed, w.cfg.Schedule)
		}
	}
	if w.signed < 100 || len(w.signers) < 5 {
		w.t.Errorf("seed %d: only %d tokens of %d keys were looked at", seed, w.signed, len(w.signers))
	}
	if w.mute > w.signed/4 {
		w.t.Errorf("seed %d: nodes refused to sign %d times, and signed %d times", seed, w.mute, w.signed)
	}
}

// step goes to the next instant at which something happens.
func (w *world) step() {
	next := w.clock.Now().Add(1 + time.Duration(w.rnd.Int64N(int64(w.cfg.RotateEvery/20))))
	for _, n := range w.nodes {
		next = earlier(next, after(n.wake, w.clock.Now()))
	}
	w.clock.set(next)
	w.store.setDown(next.Before(w.outage))
	for _, n := range w.nodes {
		w.live(n)
	}
	for _, n := range w.nodes {
		if n.ring != nil {
			w.look(n)
		}
	}
	w.strike()
}

// configOf is the configuration of one node.
func (w *world) configOf(n *node) Config {
	cfg := w.cfg
	cfg.Now = func() time.Time { return w.clock.Now().Add(n.skew) }
	cfg.Store = nodeStore{w.store, func() bool { return w.clock.Now().Before(n.cutTo) }}
	return cfg
}

// live does for a node what its process would.
func (w *world) live(n *node) {
	now := w.clock.Now()
	switch {
	case now.Before(n.downTo):
		return
	case n.ring == nil:
		ring, err := w.open(w.configOf(n))
		if err != nil {
			return // the store is down; tried again at the next step
		}
		n.ring, n.wake = ring, now
	}
	if now.Before(n.wake) {
		return
	}
	err := n.ring.keep(w.t.Context())
	if err != nil && !now.Before(w.outage) && !now.Before(n.cutTo) {
		w.t.Errorf("keep: %v", err)
	}
	n.blind = err != nil
	n.wake = now.Add(n.ring.nextWake())
}

// look signs on a node, and asks the world about it.
func (w *world) look(n *node) {
	now := w.clock.Now()
	active := 0
	for _, key := range n.ring.Keys() {
		if key.State == StateActive {
			active++
		}
	}
	if active != 1 {
		w.t.Errorf("%d active keys", active)
	}
	w.sign(n)
	published := n.ring.current().published
	w.tokens = slices.DeleteFunc(w.tokens, func(t token) bool { return !now.Before(t.expires) })
	for _, t := range w.tokens {
		if published[t.kid] == nil && !n.blind {
			w.t.Fatalf("a token of %s is good until %s, but its key is not published at %s", t.kid, t.expires, now)
		}
	}
	set, err := n.ring.JWKS()
	if err != nil {
		w.t.Error(err)
	}
	w.copies = append(w.copies, cachedSet{now.Add(promised(w.t, set)), jwksKIDs(w.t, n.ring)})
}

// sign signs on a node, and asks everybody who has a JWKS about the key.
func (w *world) sign(n *node) {
	now := w.clock.Now()
	signed, err := n.ring.Sign(algRS256, "at+jwt", []byte(`{}`))
	if errors.Is(err, ErrNoSigner) && n.blind && n.ring.Ready() != nil {
		w.mute++
		return
	}
	if err != nil {
		w.t.Error(err)
		return
	}
	got, err := n.ring.Verify(signed)
	if err != nil {
		w.t.Errorf("a ring refuses its own token: %v", err)
	}
	w.signed++
	w.signers[got.KID] = true
	w.tokens = append(w.tokens, token{got.KID, now.Add(w.cfg.TokenLifetime)})
	w.copies = slices.DeleteFunc(w.copies, func(c cachedSet) bool { return !now.Before(c.until) })
	for _, c := range w.copies {
		if !slices.Contains(c.kids, got.KID) {
			w.t.Fatalf("a verifier may hold %v until %s, but %s signs at %s", c.kids, c.until, got.KID, now)
		}
	}
}

// promised is for how long a JWKS may be used.
func promised(t testing.TB, set JWKS) time.Duration {
	t.Helper()
	var maxAge, stale time.Duration
	format := "public, max-age=%d, stale-while-revalidate=%d"
	if !strings.Contains(set.CacheControl, "stale") {
		format = "public, max-age=%d"
		if _, err := fmt.Sscanf(set.CacheControl, format, &maxAge); err != nil {
			t.Errorf("%q: %v", set.CacheControl, err)
		}
	} else if _, err := fmt.Sscanf(set.CacheControl, format, &maxAge, &stale); err != nil {
		t.Errorf("%q: %v", set.CacheControl, err)
	}
	return (maxAge + stale) * time.Second
}

// strike is what happens to servers.
func (w *world) strike() {
	now := w.clock.Now()
	some := func(d time.Duration) time.Time { return now.Add(time.Duration(w.rnd.Int64N(int64(d)))) }
	switch w.rnd.IntN(200) {
	case 0: // one node stops, for a while or for long
		n := w.nodes[w.rnd.IntN(2)]
		n.ring, n.downTo = nil, some(2*w.cfg.RotateEvery)
	case 1: // all nodes stop
		for _, n := range w.nodes {
			n.ring, n.downTo = nil, now.Add(w.cfg.RotateEvery/2)
		}
	case 2: // the store cannot be reached by anyone
		if now.After(w.outage.Add(w.cfg.RotateEvery)) {
			w.outage = some(w.cfg.RotateEvery)
		}
	case 3: // nor by one node
		w.nodes[1].cutTo = some(2 * w.cfg.RotateEvery)
	case 6, 7, 8, 9, 10, 11: // a clock jumps
		if w.jumps != 0 {
			w.nodes[1].skew = w.jumps * time.Duration(w.rnd.IntN(3)-1)
		}
	case 4, 5: // an operator rotates
		if n := w.nodes[0]; n.ring != nil && !now.Before(w.outage) {
			if _, err := n.ring.Rotate(w.t.Context(), RotateOptions{}); err != nil {
				w.t.Error(err)
			}
		}
	}
}
