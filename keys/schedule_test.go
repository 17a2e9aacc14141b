package keys

import (
	"math/rand/v2"
	"strings"
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

func TestStateIsAFunctionOfTheClock(t *testing.T) {
	records := []Record{row(1, 0, 0, 24, 27), row(2, 22, 24, 48, 51), row(3, 46, 48, 72, 75)}
	tests := []struct {
		name string
		at   time.Time
		want [3]State
	}{
		{"a clock behind the first key still has a signer", hours(-1), [3]State{StateActive, StatePlanned, StatePlanned}},
		{"first key active at once", hours(0), [3]State{StateActive, StatePlanned, StatePlanned}},
		{"just before the announcement", hours(22).Add(-1), [3]State{StateActive, StatePlanned, StatePlanned}},
		{"announced", hours(22), [3]State{StateActive, StateAnnounced, StatePlanned}},
		{"last instant of the first", hours(24).Add(-1), [3]State{StateActive, StateAnnounced, StatePlanned}},
		{"hand-over", hours(24), [3]State{StateRetired, StateActive, StatePlanned}},
		{"last instant in the JWKS", hours(27).Add(-1), [3]State{StateRetired, StateActive, StatePlanned}},
		{"removed", hours(27), [3]State{StateRemoved, StateActive, StatePlanned}},
		{"the last key, on its time", hours(60), [3]State{StateRemoved, StateRemoved, StateActive}},
		{"the last key, past RetiredAt", hours(73), [3]State{StateRemoved, StateRemoved, StateActive}},
		{"the last key, past RemovedAt", hours(9999), [3]State{StateRemoved, StateRemoved, StateActive}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i, s := range spans(records) {
				if got := s.state(tt.at); got != tt.want[i] {
					t.Errorf("key %d is %s, want %s", i+1, got, tt.want[i])
				}
			}
		})
	}
}

func TestTimesOfTheNextKey(t *testing.T) {
	cfg := Config{
		Algorithm: algRS256, RotateEvery: 24 * time.Hour, AnnounceFor: 2 * time.Hour,
		KeepFor: 3 * time.Hour, MaxAge: time.Hour, ReloadEvery: time.Minute,
	}
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
			next, prev := cfg.planNext(last, tt.now)
			if !next.AnnouncedAt.Equal(tt.announced) || !next.ActiveAt.Equal(tt.act) {
				t.Errorf("announced %s, active %s; want %s, %s", next.AnnouncedAt, next.ActiveAt, tt.announced, tt.act)
			}
			if !next.RetiredAt.Equal(next.ActiveAt.Add(cfg.RotateEvery)) || !next.RemovedAt.Equal(next.RetiredAt.Add(cfg.KeepFor)) {
				t.Errorf("retired %s, removed %s do not follow from active %s", next.RetiredAt, next.RemovedAt, next.ActiveAt)
			}
			if !prev.RetiredAt.Equal(next.ActiveAt) || !prev.RemovedAt.Equal(next.ActiveAt.Add(cfg.KeepFor)) {
				t.Errorf("the key before retires at %s, is removed at %s; the next is active at %s", prev.RetiredAt, prev.RemovedAt, next.ActiveAt)
			}
			if next.Generation != 2 || prev.Generation != 1 {
				t.Errorf("generations %d after %d", next.Generation, prev.Generation)
			}
		})
	}
}

// TestAnyScheduleHasOneSigner plans rows of keys at random, on time, late and
// early, and looks at random instants.
func TestAnyScheduleHasOneSigner(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 120 {
		cfg := randomSchedule(rnd)
		records := []Record{cfg.planFirst(t0)}
		now := t0
		for range 12 {
			last := records[len(records)-1]
			due := cfg.dueAt(last)
			switch rnd.IntN(4) {
			case 0: // an operator rotates early
				now = last.ActiveAt.Add(time.Duration(rnd.Int64N(int64(due.Sub(last.ActiveAt)) + 1)))
			case 1: // nobody was there
				now = due.Add(time.Duration(rnd.Int64N(int64(3 * cfg.RotateEvery))))
			default:
				now = due
			}
			next, prev := cfg.planNext(last, now)
			records[len(records)-1] = prev
			records = append(records, next)
		}
		for range 200 {
			at := t0.Add(time.Duration(rnd.Int64N(int64(now.Sub(t0) + cfg.RotateEvery))))
			checkInstant(t, cfg, records, at)
		}
		for _, rec := range records {
			for _, at := range []time.Time{rec.AnnouncedAt, rec.ActiveAt, rec.RetiredAt, rec.RemovedAt} {
				checkInstant(t, cfg, records, at.Add(-1))
				checkInstant(t, cfg, records, at)
			}
		}
	}
}

// checkInstant checks the promises of the schedule at one instant.
func checkInstant(t *testing.T, cfg Config, records []Record, at time.Time) {
	t.Helper()
	signers := 0
	for i, s := range spans(records) {
		state := s.state(at)
		if state == StateActive {
			signers++
			if i > 0 && at.Sub(records[i].AnnouncedAt) < cfg.minAnnounce() {
				t.Fatalf("key %d signs %s after its announcement; caches last %s", i+1, at.Sub(records[i].AnnouncedAt), cfg.MaxAge)
			}
		}
		// A token signed up to KeepFor ago, by whatever key was active then.
		for _, age := range []time.Duration{0, cfg.KeepFor / 2, cfg.KeepFor - 1} {
			if s.state(at.Add(-age)) == StateActive && !state.published() {
				t.Fatalf("key %d signed %s ago and is %s", i+1, age, state)
			}
		}
		if next := s.boundary(at); !next.IsZero() {
			if s.state(next.Add(-1)) != state {
				t.Fatalf("the state of key %d changes before its boundary", i+1)
			}
		}
		if since := s.since(at); !since.IsZero() && s.state(since) != state {
			t.Fatalf("the state of key %d changed after its last boundary", i+1)
		}
	}
	if signers != 1 {
		t.Fatalf("%d signers at %s", signers, at)
	}
}

// randomSchedule is a valid schedule of any proportions.
func randomSchedule(rnd *rand.Rand) Config {
	some := func(atMost time.Duration) time.Duration {
		return time.Second + time.Duration(rnd.Int64N(int64(atMost)))
	}
	cfg := Config{Algorithm: algRS256, RSABits: 2048, SealingKey: testSealingKey, Store: &memStore{}}
	cfg.ReloadEvery = some(5 * time.Minute)
	cfg.MaxAge = some(3 * time.Hour)
	cfg.AnnounceFor = cfg.minAnnounce()
	if rnd.IntN(3) > 0 {
		cfg.AnnounceFor += some(6 * time.Hour)
	}
	cfg.RotateEvery = cfg.AnnounceFor + some(24*time.Hour)
	cfg.KeepFor = some(2 * cfg.RotateEvery)
	return cfg
}

func TestConfigFaultsAreAllNamed(t *testing.T) {
	valid := newBench(t).config()
	tests := []struct {
		name   string
		change func(*Config)
		want   []string
	}{
		{"valid", func(*Config) {}, nil},
		{"announced for less than caches last", func(c *Config) { c.AnnounceFor = c.MaxAge + time.Minute }, []string{"announce for at least 1h2m0s"}},
		{"announced exactly long enough", func(c *Config) { c.AnnounceFor = c.MaxAge + 2*c.ReloadEvery }, nil},
		{"rotates before it can announce", func(c *Config) { c.RotateEvery = c.AnnounceFor }, []string{"rotate less often"}},
		{"kept for no time", func(c *Config) { c.KeepFor = 0 }, []string{"longest lifetime of a token"}},
		{"short sealing key", func(c *Config) { c.SealingKey = c.SealingKey[:31] }, []string{"sealing key has 31 bytes; it must have 32"}},
		{"weak RSA", func(c *Config) { c.RSABits = 1024 }, []string{"choose 2048, 3072 or 4096"}},
		{"none", func(c *Config) { c.Algorithm = "none" }, []string{`"none" is not known`}},
		{"HS256", func(c *Config) { c.Algorithm = "HS256" }, []string{`"HS256" is not known`}},
		{"nothing set", func(c *Config) { *c = Config{}.withDefaults() }, []string{"store", "sealing key", "max-age", "reload interval", "kept", "rotate"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := valid
			tt.change(&cfg)
			_, err := Open(t.Context(), cfg)
			if len(tt.want) == 0 {
				if err := cfg.validate(); err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}
