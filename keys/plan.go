package keys

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// errNeedKey is what a plan returns that finds no way without a new key. The
// ring makes one, outside any transaction, and plans again.
var errNeedKey = errors.New("a new key is needed")

// plan decides, within a transaction and from what stands in the store, which
// records have to change. fresh is a new key without times, or nil as long as
// none was needed; a plan returns errNeedKey to get one. It may run twice.
type plan func(all []Record, fresh *Record, now time.Time) (changed []Record, err error)

// sorted orders records as a Store does.
func sorted(records []Record) []Record {
	return slices.SortedFunc(slices.Values(records), func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.Generation, b.Generation))
	})
}

// with is all records as they are after a change.
func with(all, changed []Record) []Record {
	out := slices.Clone(all)
	for _, rec := range changed {
		if i := slices.IndexFunc(out, func(r Record) bool { return r.KID == rec.KID }); i >= 0 {
			out[i] = rec
		} else {
			out = append(out, rec)
		}
	}
	return sorted(out)
}

// of is the records of one algorithm.
func of(all []Record, alg string) []Record {
	return slices.DeleteFunc(slices.Clone(all), func(r Record) bool { return r.Algorithm != alg })
}

// line is the keys of one algorithm that have their turn, or had, or will have.
func line(all []Record, alg string) []Record {
	return slices.DeleteFunc(of(all, alg), func(r Record) bool { return r.VerifyOnly || r.revoked() })
}

// nextGeneration is the number of the next key of an algorithm.
func nextGeneration(all []Record, alg string) int {
	next := 1
	for _, r := range of(all, alg) {
		next = max(next, r.Generation+1)
	}
	return next
}

// dueAt is when the successor of last has to be made. How many are made ahead
// is bounded: each lasts RotateEvery longer, and Validate bounds AnnounceFor.
func (s Schedule) dueAt(last Record) time.Time { return last.RetiredAt.Add(-s.AnnounceFor) }

// begin sets the times of a key from when it signs.
func (s Schedule) begin(rec Record, announced, active time.Time) Record {
	rec.AnnouncedAt, rec.ActiveAt = announced, active
	rec.RetiredAt = active.Add(s.RotateEvery)
	rec.RemovedAt = rec.RetiredAt.Add(s.KeepFor)
	return rec
}

// handOver sets the end of a key to when its successor begins. RemovedAt never
// comes earlier than it was: a node that cannot reach the store, and so has not
// heard of an early rotation, signs until the former RetiredAt.
func (s Schedule) handOver(prev Record, active time.Time) Record {
	prev.RetiredAt = active
	prev.RemovedAt = later(prev.RemovedAt, active.Add(s.KeepFor))
	return prev
}

// planFirst makes the first key of an algorithm. In a new store it is active at
// once: nobody can have cached a JWKS without it. Beside the keys of other
// algorithms it is announced first, as any other.
func (s Schedule) planFirst(alg string, isNew bool) plan {
	return func(all []Record, fresh *Record, now time.Time) ([]Record, error) {
		switch {
		case len(line(all, alg)) > 0:
			return nil, nil // another node was faster
		case fresh == nil:
			return nil, errNeedKey
		case isNew:
			return []Record{s.begin(*fresh, now, now)}, nil
		}
		return []Record{s.begin(*fresh, now, now.Add(s.MinAnnounce()))}, nil
	}
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
func (s Schedule) planNext(last, fresh Record, now time.Time) (prev, next Record) {
	active := now.Add(s.AnnounceFor)
	if !last.RetiredAt.Before(now.Add(s.MinAnnounce())) && last.RetiredAt.Before(active) {
		active = last.RetiredAt
	}
	// An operator may ask for a key when several are announced already, under
	// a configuration that announced for longer.
	if !active.After(last.ActiveAt) {
		active = last.ActiveAt.Add(s.RotateEvery)
	}
	return s.handOver(last, active), s.begin(fresh, now, active)
}

// planDue makes the next key of an algorithm if it is time.
func (s Schedule) planDue(alg string) plan {
	return func(all []Record, fresh *Record, now time.Time) ([]Record, error) {
		keys := line(all, alg)
		switch {
		case len(keys) == 0:
			return s.planFirst(alg, false)(all, fresh, now)
		case now.Before(s.dueAt(keys[len(keys)-1])):
			return nil, nil // another node was faster
		case fresh == nil:
			return nil, errNeedKey
		}
		prev, next := s.planNext(keys[len(keys)-1], *fresh, now)
		return []Record{prev, next}, nil
	}
}

// planRotate makes the next key of an algorithm whether it is time or not,
// unless one is announced already: that one takes over at least as soon as a
// new one could.
func (s Schedule) planRotate(alg string) plan {
	return func(all []Record, fresh *Record, now time.Time) ([]Record, error) {
		keys := line(all, alg)
		switch {
		case len(keys) == 0:
			return s.planFirst(alg, false)(all, fresh, now)
		case keys[len(keys)-1].ActiveAt.After(now):
			return nil, nil
		case fresh == nil:
			return nil, errNeedKey
		}
		prev, next := s.planNext(keys[len(keys)-1], *fresh, now)
		return []Record{prev, next}, nil
	}
}

// planTakeOver makes the next key of an algorithm sign now: the one that is
// announced, which verifiers may have, or else a new one. Times are cut to
// milliseconds, and no two keys may begin in the same one.
func (s Schedule) planTakeOver(alg string) plan {
	return func(all []Record, fresh *Record, now time.Time) ([]Record, error) {
		keys := line(all, alg)
		next := slices.IndexFunc(keys, func(r Record) bool { return r.ActiveAt.After(now) })
		switch {
		case next > 0:
			active := later(now, keys[next-1].ActiveAt.Add(precision))
			return []Record{s.handOver(keys[next-1], active), promote(keys[next], active)}, nil
		case next == 0:
			return []Record{promote(keys[next], now)}, nil
		case fresh == nil:
			return nil, errNeedKey
		case len(keys) == 0:
			return []Record{s.begin(*fresh, now, now)}, nil
		}
		last := keys[len(keys)-1]
		active := later(now, last.ActiveAt.Add(precision))
		return []Record{s.handOver(last, active), s.begin(*fresh, now, active)}, nil
	}
}

// promote makes an announced key sign from now on. Its end stays where it was.
func promote(rec Record, now time.Time) Record {
	rec.ActiveAt = now
	return rec
}
