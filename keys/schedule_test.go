package keys

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestDerivedSchedulesAreValid: whatever an operator writes for rotate_every,
// and for the lifetimes that tokens may have.
func TestDerivedSchedulesAreValid(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 5000 {
		o := randomOptions(rnd)
		s := NewSchedule(o)
		if err := s.Validate(); err != nil {
			t.Fatalf("%+v gives %+v: %v", o, s, err)
		}
		if s.KeepFor < o.HintLifetime {
			t.Fatalf("%+v: a key is kept for %s", o, s.KeepFor)
		}
		if o.RotateEvery >= time.Hour && s.AnnounceFor-s.MinAnnounce() < time.Minute {
			t.Fatalf("%+v leaves %s to make a key", o, s.AnnounceFor-s.MinAnnounce())
		}
	}
}

// randomOptions have parts of any size that config.yaml takes.
func randomOptions(rnd *rand.Rand) ScheduleOptions {
	// Evenly among seconds, minutes, hours, days.
	some := func(least, most time.Duration) time.Duration {
		unit := []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}[rnd.IntN(4)]
		return max(least, min(most, time.Duration(rnd.Int64N(int64(100*unit)))))
	}
	day := 24 * time.Hour
	return ScheduleOptions{
		RotateEvery:   some(time.Second, 3650*day),
		TokenLifetime: some(time.Second, day),
		HintLifetime:  some(0, 365*day),
	}
}

func TestDerivedSchedule(t *testing.T) {
	day := 24 * time.Hour
	for _, tt := range []struct {
		name                            string
		every                           time.Duration
		maxAge, stale, reload, announce time.Duration
		keep                            time.Duration
	}{
		{"as shipped", 90 * day, 15 * time.Minute, 5 * time.Minute, time.Minute, day, 13 * time.Hour},
		{"hourly", time.Hour, 6 * time.Minute, 2 * time.Minute, time.Minute, 20 * time.Minute, 13 * time.Hour},
		{"every second", time.Second, time.Second, time.Second, time.Second / 4, 3500 * time.Millisecond, 12*time.Hour + time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewSchedule(ScheduleOptions{RotateEvery: tt.every, TokenLifetime: time.Hour, HintLifetime: 12 * time.Hour})
			want := Schedule{tt.every, tt.announce, tt.keep, time.Hour, tt.maxAge, tt.stale, tt.reload}
			if s != want {
				t.Errorf("got %+v, want %+v", s, want)
			}
		})
	}
}

func TestScheduleFaultsAreAllNamed(t *testing.T) {
	valid := newBench(t).config().Schedule
	tests := []struct {
		name   string
		change func(*Schedule)
		want   []string
	}{
		{"valid", func(*Schedule) {}, nil},
		{"announced for less than caches last", func(s *Schedule) { s.AnnounceFor = s.MaxAge + time.Minute }, []string{"announce_for: 46m is too short", "at least 1h2m"}},
		{"announced exactly long enough", func(s *Schedule) { s.AnnounceFor = s.MaxAge + s.StaleFor + 2*s.ReloadEvery }, nil},
		{"announced a moment too short", func(s *Schedule) { s.AnnounceFor = s.MaxAge + s.StaleFor + 2*s.ReloadEvery - 1 }, []string{"announce_for"}},
		{"announced for longer than keys sign", func(s *Schedule) { s.RotateEvery = s.AnnounceFor / 3 }, nil},
		{"a crowd of announced keys", func(s *Schedule) { s.RotateEvery = s.AnnounceFor / 11 }, []string{"announce_for", "more than 10"}},
		{"kept for as long as a token, and the margin", func(s *Schedule) { s.KeepFor = s.TokenLifetime + 2*time.Minute }, nil},
		{"kept for less", func(s *Schedule) { s.KeepFor = s.TokenLifetime }, []string{"keep_for: 2h is too short", "at least 2h2m"}},
		{"nothing set", func(s *Schedule) { *s = Schedule{} }, []string{"rotate_every", "max_age", "reload_every", "token_lifetime"}},
		{"parts of seconds", func(s *Schedule) { s.MaxAge += 1; s.StaleFor -= 1 }, []string{"max_age", "stale_for"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := valid
			tt.change(&s)
			err := s.Validate()
			if (err == nil) != (len(tt.want) == 0) {
				t.Fatalf("got %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			var fault *ScheduleError
			if err != nil && !errors.As(err, &fault) {
				t.Errorf("%v is no ScheduleError", err)
			}
		})
	}
}

func TestConfigFaultsAreAllNamed(t *testing.T) {
	valid := newBench(t).config()
	tests := []struct {
		name   string
		change func(*Config)
		want   []string
	}{
		{"short sealing key", func(c *Config) { c.SealingKey = c.SealingKey[:31] }, []string{"sealing key has 31 bytes; it must have 32"}},
		{"weak RSA", func(c *Config) { c.RSABits = 1024 }, []string{"choose 2048, 3072 or 4096"}},
		{"none", func(c *Config) { c.Algorithms = []string{"RS256", "none"} }, []string{`"none" is not known`}},
		{"HS256", func(c *Config) { c.Algorithms = []string{"HS256"} }, []string{`"HS256" is not known`}},
		{"twice", func(c *Config) { c.Algorithms = []string{"ES256", "ES256"} }, []string{"ES256 is listed twice"}},
		{"a schedule that cannot work", func(c *Config) { c.AnnounceFor = time.Second }, []string{"keys: announce_for"}},
		{"nothing set", func(c *Config) { *c = Config{}.withDefaults() }, []string{"store", "sealing key", "rotate_every"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := valid
			tt.change(&cfg)
			_, err := Open(t.Context(), cfg)
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
