package keys

import "time"

// State is where a key stands in its life.
type State string

// The states of a key, in their order. A planned key is one whose AnnouncedAt
// lies ahead; it occurs only where the clocks of two nodes differ.
const (
	StatePlanned   State = "planned"
	StateAnnounced State = "announced"
	StateActive    State = "active"
	StateRetired   State = "retired"
	StateRemoved   State = "removed"
)

// published says whether a key in this state is in the JWKS.
func (s State) published() bool {
	return s == StateAnnounced || s == StateActive || s == StateRetired
}

// precision is what all times of the schedule are cut to, so that they survive
// any database unchanged.
const precision = time.Millisecond

// span is the life of one key among those of its algorithm. Its times are the
// record's, but for the two ends of the row of keys, which are open so that
// there is a signer at every instant: the first key is active from the
// beginning of time (a clock may be behind that of the node which made it),
// the last one until it has a successor.
type span struct {
	announced, active, retired, removed time.Time
	first, last                         bool
}

// spans lays the records of one algorithm, ordered by generation, end to end.
// A key hands over when its successor becomes active. That is its own
// RetiredAt, for InsertKey moves it there; taking it from the successor means
// that no two keys could ever be active together, nor none.
func spans(records []Record) []span {
	out := make([]span, len(records))
	for i, rec := range records {
		out[i] = span{
			announced: rec.AnnouncedAt, active: rec.ActiveAt,
			retired: rec.RetiredAt, removed: rec.RemovedAt,
			first: i == 0, last: i == len(records)-1,
		}
		if i+1 < len(records) {
			out[i].retired = records[i+1].ActiveAt
		}
	}
	return out
}

// state is the state at an instant. Every stretch includes its beginning and
// excludes its end.
func (s span) state(now time.Time) State {
	switch {
	case !s.first && now.Before(s.active):
		if now.Before(s.announced) {
			return StatePlanned
		}
		return StateAnnounced
	case s.last || now.Before(s.retired):
		return StateActive
	case now.Before(s.removed):
		return StateRetired
	default:
		return StateRemoved
	}
}

// boundary is the first instant after now at which the state changes; the zero
// time when it never does.
func (s span) boundary(now time.Time) time.Time {
	var next time.Time
	for _, t := range s.changes() {
		next = earlier(next, after(t, now))
	}
	return next
}

// since is the last instant, not after now, at which the state changed; the
// zero time when it never did.
func (s span) since(now time.Time) time.Time {
	var last time.Time
	for _, t := range s.changes() {
		if !t.After(now) && t.After(last) {
			last = t
		}
	}
	return last
}

// changes are the instants at which the state may change.
func (s span) changes() []time.Time {
	var times []time.Time
	if !s.first {
		times = append(times, s.announced, s.active)
	}
	if !s.last {
		times = append(times, s.retired, s.removed)
	}
	return times
}

// after is t if it is later than now, else the zero time.
func after(t, now time.Time) time.Time {
	if t.After(now) {
		return t
	}
	return time.Time{}
}

// earlier is the earlier of two times, where zero stands for never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// dueAt is when the successor of last has to be made: AnnounceFor before last
// retires, but not before last is active itself, or one change of the
// configuration could call forth a row of keys.
func (c Config) dueAt(last Record) time.Time {
	due := last.RetiredAt.Add(-c.AnnounceFor)
	if due.Before(last.ActiveAt) {
		return last.ActiveAt
	}
	return due
}

// planFirst sets the times of the first key of an algorithm. Nobody can have
// cached a JWKS without it, so it is active at once.
func (c Config) planFirst(now time.Time) Record {
	now = now.UTC().Truncate(precision)
	next := Record{Algorithm: c.Algorithm, Generation: 1, AnnouncedAt: now, ActiveAt: now}
	c.planEnd(&next)
	return next
}

// planNext sets the times of the key after last, and gives back last with the
// times it has then. On schedule, now is last.RetiredAt - AnnounceFor and the
// next key is active when last retires. If now is later than that, but the
// announcement still long enough for every cache, that stays so. Otherwise (the
// node was down, or an operator rotates early) the next key is active
// AnnounceFor from now, and last signs exactly until then.
//
// AnnouncedAt is always now, never a time in the past: what it promises to
// verifiers must have happened.
func (c Config) planNext(last Record, now time.Time) (next, prev Record) {
	now = now.UTC().Truncate(precision)
	next = Record{
		Algorithm:   c.Algorithm,
		Generation:  last.Generation + 1,
		AnnouncedAt: now,
		ActiveAt:    now.Add(c.AnnounceFor),
	}
	if !last.RetiredAt.Before(now.Add(c.minAnnounce())) && last.RetiredAt.Before(next.ActiveAt) {
		next.ActiveAt = last.RetiredAt
	}
	c.planEnd(&next)

	prev = last
	prev.RetiredAt = next.ActiveAt
	prev.RemovedAt = prev.RetiredAt.Add(c.KeepFor)
	return next, prev
}

// planEnd derives the end of a key from its beginning.
func (c Config) planEnd(rec *Record) {
	rec.RetiredAt = rec.ActiveAt.Add(c.RotateEvery)
	rec.RemovedAt = rec.RetiredAt.Add(c.KeepFor)
}
