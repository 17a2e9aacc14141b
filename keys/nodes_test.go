package keys

import (
	"math/rand/v2"
	"slices"
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
	signers map[string]bool
}

type node struct {
	ring   *Ring
	wake   time.Time
	downTo time.Time
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

// TestNobodyNoticesARotation runs two nodes through a dozen rotations on
// random schedules, with restarts, outages of the store and operators who
// rotate early. At random instants it signs, and asks whether every verifier
// that holds a JWKS it was allowed to cache knows the key, and whether every
// unexpired token is still good on every node.
func TestNobodyNoticesARotation(t *testing.T) {
	for seed := range uint64(5) {
		rnd := rand.New(rand.NewPCG(seed, 11))
		w := &world{bench: newBench(t), rnd: rnd, signers: map[string]bool{}}
		w.cfg = randomSchedule(rnd)
		// Enough of a schedule to go wrong, few enough wakings to be quick.
		w.cfg.ReloadEvery = max(w.cfg.ReloadEvery, w.cfg.RotateEvery/100)
		w.cfg.MaxAge = max(w.cfg.MaxAge, time.Minute)
		w.cfg.AnnounceFor = max(w.cfg.AnnounceFor, w.cfg.minAnnounce())
		w.cfg.RotateEvery = max(w.cfg.RotateEvery, w.cfg.AnnounceFor+time.Hour)
		w.cfg.Store, w.cfg.Now, w.cfg.Logger = w.store, w.clock.Now, w.config().Logger
		w.cfg.Rand = w.config().Rand
		w.nodes = []*node{{}, {}}
		for len(w.signers) < 9 && w.used.Load() < 20 {
			w.step()
			if t.Failed() {
				t.Fatalf("seed %d, schedule %+v", seed, w.cfg)
			}
		}
		if w.signed < 100 || len(w.signers) < 5 {
			t.Errorf("seed %d: only %d tokens of %d keys were looked at", seed, w.signed, len(w.signers))
		}
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

// live does for a node what its process would.
func (w *world) live(n *node) {
	now := w.clock.Now()
	switch {
	case now.Before(n.downTo):
		return
	case n.ring == nil:
		ring, err := w.open(w.cfg)
		if err != nil {
			return // the store is down; tried again at the next step
		}
		n.ring, n.wake = ring, now
	}
	if now.Before(n.wake) {
		return
	}
	err := n.ring.keep(w.t.Context())
	if err != nil && !now.Before(w.outage) {
		w.t.Errorf("keep: %v", err)
	}
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
	kid := signerKID(w.t, n.ring)
	w.signed++
	w.signers[kid] = true
	w.tokens = append(w.tokens, token{kid, now.Add(w.cfg.KeepFor)})

	w.copies = slices.DeleteFunc(w.copies, func(c cachedSet) bool { return !now.Before(c.until) })
	for _, c := range w.copies {
		if !slices.Contains(c.kids, kid) {
			w.t.Errorf("a verifier may hold %v until %s, but %s signs at %s", c.kids, c.until, kid, now)
		}
	}
	published := n.ring.current().published
	w.tokens = slices.DeleteFunc(w.tokens, func(t token) bool { return !now.Before(t.expires) })
	for _, t := range w.tokens {
		if published[t.kid] == nil {
			w.t.Errorf("a token of %s is good until %s, but its key is not published at %s", t.kid, t.expires, now)
		}
	}
	set, err := n.ring.JWKS()
	if err != nil {
		w.t.Error(err)
	}
	w.copies = append(w.copies, cachedSet{now.Add(set.MaxAge), jwksKIDs(w.t, n.ring)})
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
	case 3: // an operator rotates
		if n := w.nodes[0]; n.ring != nil && !now.Before(w.outage) {
			if _, err := n.ring.Rotate(w.t.Context()); err != nil {
				w.t.Error(err)
			}
		}
	}
}
