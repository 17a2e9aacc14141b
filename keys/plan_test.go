package keys

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestTimesOfTheNextKey(t *testing.T) {
	cfg := newBench(t).config().Schedule // announced for 2 h, cached for 1 h
	last := row(1, 0, 0, 24, 27)
	tests := []struct {
		name           string
		now            time.Time
		announced, act time.Time
	}{
		{"on schedule", hours(22), hours(22), hours(24)},
		{"a little late, still long enough for every cache", hours(22.5), hours(22.5), hours(24)},
		{"too late for caches: the hand-over moves", hours(23), hours(23), hours(25)},
		{"node was down past RetiredAt", hours(30), hours(30), hours(32)},
		{"node was down past RemovedAt", hours(500), hours(500), hours(502)},
		{"early, by an operator", hours(5), hours(5), hours(7)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			prev, next := cfg.planNext(last, Record{Generation: 2}, tt.now)
			if !next.AnnouncedAt.Equal(tt.announced) || !next.ActiveAt.Equal(tt.act) {
				t.Errorf("announced %s, active %s; want %s, %s", next.AnnouncedAt, next.ActiveAt, tt.announced, tt.act)
			}
			if !next.RetiredAt.Equal(next.ActiveAt.Add(cfg.RotateEvery)) || !next.RemovedAt.Equal(next.RetiredAt.Add(cfg.KeepFor)) {
				t.Errorf("retired %s, removed %s do not follow from active %s", next.RetiredAt, next.RemovedAt, next.ActiveAt)
			}
			if !prev.RetiredAt.Equal(next.ActiveAt) || prev.RemovedAt.Before(next.ActiveAt.Add(cfg.KeepFor)) {
				t.Errorf("the key before retires at %s, is removed at %s; the next is active at %s", prev.RetiredAt, prev.RemovedAt, next.ActiveAt)
			}
			if prev.RemovedAt.Before(last.RemovedAt) {
				t.Errorf("the key before leaves at %s; a node without the store signs with it until %s", prev.RemovedAt, last.RetiredAt)
			}
		})
	}
}

// history is the keys of one algorithm, as plans made them at random.
type history struct {
	t       *testing.T
	rnd     *rand.Rand
	cfg     Schedule
	records []Record
	now     time.Time
	// began is when each key began to sign for its own, by a plan that
	// announces; a key that an operator had take over has none.
	pressed map[string]bool
}

func newHistory(t *testing.T, rnd *rand.Rand, cfg Schedule) *history {
	h := &history{t: t, rnd: rnd, cfg: cfg, now: t0, pressed: map[string]bool{}}
	h.carryOut(cfg.planFirst(algRS256, true))
	return h
}

// carryOut does what Ring.change and a store do.
func (h *history) carryOut(p plan) {
	h.t.Helper()
	changed, err := p(h.records, nil, h.now)
	if errors.Is(err, errNeedKey) {
		n := nextGeneration(h.records, algRS256)
		changed, err = p(h.records, &Record{KID: fmt.Sprint(n), Algorithm: algRS256, Generation: n}, h.now)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	for _, rec := range changed {
		if i := slices.IndexFunc(h.records, func(r Record) bool { return r.KID == rec.KID }); i >= 0 {
			if rec.ActiveAt.Before(h.records[i].ActiveAt) {
				h.pressed[rec.KID] = true
			}
			h.records[i] = rec
		} else {
			if rec.ActiveAt.Equal(rec.AnnouncedAt) {
				h.pressed[rec.KID] = true
			}
			h.records = append(h.records, rec)
		}
	}
	h.records = sorted(h.records)
}

// live goes on to the next thing that happens.
func (h *history) live(emergencies bool) {
	keys := line(h.records, algRS256)
	last := keys[len(keys)-1]
	due := later(h.cfg.dueAt(last), h.now)
	some := func(d time.Duration) time.Time { return h.now.Add(time.Duration(h.rnd.Int64N(int64(d) + 1))) }
	switch n := h.rnd.IntN(12); {
	case n < 2: // an operator rotates early
		h.now = some(due.Sub(h.now))
		h.carryOut(h.cfg.planRotate(algRS256))
	case n < 4: // nobody was there
		h.now = due.Add(time.Duration(h.rnd.Int64N(int64(3 * h.cfg.RotateEvery))))
	case n < 5 && emergencies:
		h.now = some(due.Sub(h.now))
		h.carryOut(h.cfg.planTakeOver(algRS256))
	case n < 7 && emergencies:
		h.now = some(due.Sub(h.now))
		h.carryOut(h.cfg.planRevoke(h.records[h.rnd.IntN(len(h.records))].KID, "leaked", true))
	default:
		h.now = due
	}
	h.carryOut(h.cfg.planDue(algRS256))
	h.now = h.now.Add(precision)
}

// check checks the promises of the schedule at one instant.
func (h *history) check(at time.Time) {
	h.t.Helper()
	signers := 0
	for i, s := range spans(h.records, true) {
		state := s.state(at)
		if state == StateActive {
			signers++
			if rec := h.records[i]; i > 0 && !h.pressed[rec.KID] && at.Sub(rec.AnnouncedAt) < h.cfg.MinAnnounce() {
				h.t.Fatalf("key %s signs %s after its announcement; caches last %s", rec.KID, at.Sub(rec.AnnouncedAt), h.cfg.cached())
			}
		}
		if state == StateRevoked {
			continue
		}
		// A token signed up to its lifetime ago, by whatever key was active.
		for _, age := range []time.Duration{0, h.cfg.TokenLifetime / 2, h.cfg.TokenLifetime} {
			if s.state(at.Add(-age)) == StateActive && !state.published() {
				h.t.Fatalf("key %s signed %s ago and is %s", h.records[i].KID, age, state)
			}
		}
	}
	if signers != 1 {
		h.t.Fatalf("%d signers at %s of %+v", signers, at, h.records)
	}
}

// TestAnyScheduleHasOneSigner is the promise of the package: for every schedule
// that configuration accepts, whatever operators and failures do, there is
// exactly one signing key at any instant; it has been published for as long as
// caches last (but for one that an operator had take over in an emergency); and
// every unexpired token's key is published (but for a revoked one).
func TestAnyScheduleHasOneSigner(t *testing.T) {
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		cfg := randomSchedule(rnd)
		h := newHistory(t, rnd, cfg)
		for range 14 {
			h.live(seed%2 == 1)
		}
		if len(h.records) < 8 {
			t.Fatalf("seed %d: only %d keys", seed, len(h.records))
		}
		// The past as nobody looks back at it is no promise: a take-over and a
		// revocation rewrite it. What counts is now and what is to come, and a
		// clock that is a little behind.
		from := h.now.Add(-cfg.ReloadEvery)
		if seed%2 == 0 {
			from = t0
		}
		for range 300 {
			h.check(from.Add(time.Duration(rnd.Int64N(int64(h.now.Sub(from) + 3*cfg.RotateEvery)))))
		}
		for _, s := range spans(h.records, true) {
			for _, at := range s.changes() {
				for _, at := range []time.Time{at.Add(-1), at} {
					if at.After(from) {
						h.check(at)
					}
				}
			}
		}
	}
}

// randomSchedule is a schedule of any proportions that Validate accepts.
func randomSchedule(rnd *rand.Rand) Schedule {
	o := randomOptions(rnd)
	derived := NewSchedule(o)
	if rnd.IntN(2) == 0 { // as an operator may set it
		o.AnnounceFor = derived.MinAnnounce() + time.Duration(rnd.Int64N(int64(2*derived.RotateEvery)))
		o.KeepFor = o.TokenLifetime + derived.margin() + time.Duration(rnd.Int64N(int64(derived.RotateEvery)))
	}
	if s := NewSchedule(o); s.Validate() == nil {
		return s
	}
	return derived
}
