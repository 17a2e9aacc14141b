package keys

import "time"

// State is where a key stands in its life.
type State string

// The states of a key that signs in its turn, in their order; and those of a
// key that an operator took out or brought for verification alone.
const (
	StateAnnounced  State = "announced"
	StateActive     State = "active"
	StateRetired    State = "retired"
	StateRemoved    State = "removed"
	StateVerifyOnly State = "verify-only"
	StateRevoked    State = "revoked"
)

// published says whether a key in this state is in the JWKS.
func (s State) published() bool { return s != StateRemoved && s != StateRevoked }

// precision is what all times of the schedule are cut to, so that they survive
// any database unchanged.
const precision = time.Millisecond

// span is the life of one key among those of its algorithm. Its times are the
// record's, but for the ends of the row of keys, which are open so that there is
// a signer at every instant: the first key is active from the beginning of time
// (a clock may be behind that of the node which made it), the last one until it
// has a successor.
type span struct {
	active, retired, removed time.Time
	first, last              bool
	revoked, verifyOnly      bool
}

// spans lays the records of one algorithm, ordered by generation, end to end.
// A key hands over when its successor becomes active. That is its own
// RetiredAt, for the successor's insertion moves it there; taking it from the
// successor means that no two keys could ever be active together, nor none.
//
// A key that was revoked before its turn has none. One that had been active is
// stood in for by the next key, from its beginning: so a node whose clock is a
// little behind finds no gap where the revoked key was.
//
// open says that the last key goes on until it has a successor: its algorithm
// is one that the ring signs with, and not one that it has given up.
func spans(records []Record, open bool) []span {
	out := make([]span, len(records))
	var prev *span
	var standIn time.Time
	for i, rec := range records {
		s := &out[i]
		*s = span{active: rec.ActiveAt, retired: rec.RetiredAt, removed: rec.RemovedAt, revoked: rec.revoked(), verifyOnly: rec.VerifyOnly}
		switch {
		case s.verifyOnly:
		case s.revoked:
			if !rec.RevokedAt.Before(rec.ActiveAt) {
				standIn = earlier(standIn, rec.ActiveAt)
			}
		default:
			s.first = prev == nil && (!standIn.IsZero() || !rec.ActiveAt.After(rec.AnnouncedAt))
			s.active, standIn = earlier(s.active, standIn), time.Time{}
			if prev != nil {
				prev.retired, prev.last = s.active, false
			}
			s.last, prev = open, s
		}
	}
	// A revoked key without a successor leaves a gap, which the key before it
	// must not fill: verifiers may have forgotten that one.
	if prev != nil && !standIn.IsZero() {
		prev.retired, prev.last = earlier(prev.retired, standIn), false
	}
	return out
}

// state is the state at an instant. Every stretch includes its beginning and
// excludes its end.
func (s span) state(now time.Time) State {
	switch {
	case s.revoked:
		return StateRevoked
	case s.verifyOnly && now.Before(s.removed):
		return StateVerifyOnly
	case s.verifyOnly:
		return StateRemoved
	case !s.first && now.Before(s.active):
		return StateAnnounced
	case s.last || now.Before(s.retired):
		return StateActive
	case now.Before(s.removed):
		return StateRetired
	default:
		return StateRemoved
	}
}

// changes are the instants at which the state may change.
func (s span) changes() []time.Time {
	var times []time.Time
	switch {
	case s.revoked:
		return nil
	case s.verifyOnly:
		return []time.Time{s.removed}
	}
	if !s.first {
		times = append(times, s.active)
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

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
