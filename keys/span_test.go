package keys

import (
	"testing"
	"time"
)

var t0 = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func hours(n float64) time.Time { return t0.Add(time.Duration(n * float64(time.Hour))) }

// row makes a record from hours after t0.
func row(generation int, announced, active, retired, removed float64) Record {
	return Record{
		Algorithm: algRS256, Generation: generation, AnnouncedAt: hours(announced),
		ActiveAt: hours(active), RetiredAt: hours(retired), RemovedAt: hours(removed),
	}
}

// revokedAt is rec as it is after it was revoked.
func revokedAt(rec Record, at float64) Record {
	rec.RevokedAt, rec.RevokedReason = hours(at), "leaked"
	return rec
}

// verifyOnly is rec as an imported key.
func verifyOnly(rec Record) Record {
	rec.VerifyOnly = true
	return rec
}

func TestStateIsAFunctionOfTheClock(t *testing.T) {
	const (
		ann, act, ret, rem, rev, ver = StateAnnounced, StateActive, StateRetired, StateRemoved, StateRevoked, StateVerifyOnly
	)
	three := []Record{row(1, 0, 0, 24, 27), row(2, 22, 24, 48, 51), row(3, 46, 48, 72, 75)}
	// Number 2 was revoked at 30, when number 3, announced since 28, took over.
	while := []Record{row(1, 0, 0, 24, 27), revokedAt(row(2, 22, 24, 48, 51), 30), row(3, 28, 30, 72, 75)}
	// Number 2 was revoked while it was announced; number 3 came later.
	before := []Record{row(1, 0, 0, 24, 51), revokedAt(row(2, 22, 24, 48, 51), 23), row(3, 23, 25, 49, 52)}
	// The very first key, and the one that took over from it, were revoked.
	both := []Record{revokedAt(row(1, 0, 0, 24, 27), 5), revokedAt(row(2, 5, 5, 29, 32), 6), row(3, 6, 6, 30, 33)}
	gap := []Record{row(1, 0, 0, 24, 99), revokedAt(row(2, 22, 24, 48, 51), 30)}
	imported := []Record{verifyOnly(row(1, 0, 0, 0, 10)), row(2, 0, 0, 24, 27)}
	added := []Record{row(1, 0, 2, 26, 29)}
	tests := []struct {
		name    string
		records []Record
		open    bool
		at      time.Time
		want    []State
	}{
		{"a clock behind the first key still has a signer", three, true, hours(-1), []State{act, ann, ann}},
		{"first key active at once", three, true, hours(0), []State{act, ann, ann}},
		{"a clock behind the announcement publishes what it knows", three, true, hours(22).Add(-1), []State{act, ann, ann}},
		{"last instant of the first", three, true, hours(24).Add(-1), []State{act, ann, ann}},
		{"hand-over", three, true, hours(24), []State{ret, act, ann}},
		{"last instant in the JWKS", three, true, hours(27).Add(-1), []State{ret, act, ann}},
		{"removed", three, true, hours(27), []State{rem, act, ann}},
		{"the last key, on its time", three, true, hours(60), []State{rem, rem, act}},
		{"the last key, past RetiredAt", three, true, hours(73), []State{rem, rem, act}},
		{"the last key, past RemovedAt", three, true, hours(9999), []State{rem, rem, act}},
		{"an algorithm given up, on its time", three, false, hours(60), []State{rem, rem, act}},
		{"an algorithm given up, past RetiredAt", three, false, hours(73), []State{rem, rem, ret}},
		{"an algorithm given up, past RemovedAt", three, false, hours(75), []State{rem, rem, rem}},
		{"revoked while it signed", while, true, hours(30), []State{rem, rev, act}},
		{"on a clock a little behind the one that revoked it", while, true, hours(29.9), []State{rem, rev, act}},
		{"on one behind the hand-over before", while, true, hours(23.9), []State{act, rev, ann}},
		{"revoked before its turn", before, true, hours(24.5), []State{act, rev, ann}},
		{"the next one's turn instead", before, true, hours(25), []State{ret, rev, act}},
		{"the first two revoked", both, true, hours(6), []State{rev, rev, act}},
		{"the first two revoked, on a clock behind", both, true, hours(-1), []State{rev, rev, act}},
		{"revoked, and no successor: the one before does not sign again", gap, true, hours(30), []State{ret, rev}},
		{"an imported key does not sign", imported, true, hours(1), []State{ver, act}},
		{"an imported key leaves", imported, true, hours(10), []State{rem, act}},
		{"the first key of an added algorithm is announced first", added, true, hours(2).Add(-1), []State{ann}},
		{"the first key of an added algorithm signs", added, true, hours(2), []State{act}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i, s := range spans(tt.records, tt.open) {
				if got := s.state(tt.at); got != tt.want[i] {
					t.Errorf("key %d is %s, want %s", i+1, got, tt.want[i])
				}
			}
		})
	}
}
