package keys

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Schedule is the pace at which keys come and go. NewSchedule derives one that
// Validate accepts from little; every part may also be set by itself.
type Schedule struct {
	// RotateEvery is how long a key signs.
	RotateEvery time.Duration
	// AnnounceFor is how long a key is published before it signs: at least
	// MinAnnounce. It may exceed RotateEvery: then several keys are announced
	// at a time.
	AnnounceFor time.Duration
	// KeepFor is how long a key stays published after it last signed: at
	// least TokenLifetime and a margin.
	KeepFor time.Duration
	// TokenLifetime is that of the longest-lived token the keys sign.
	TokenLifetime time.Duration
	// MaxAge is the longest time that anyone may take the JWKS for fresh, in
	// whole seconds.
	MaxAge time.Duration
	// StaleFor is how long a cache may use it beyond MaxAge while it asks for
	// a new one (stale-while-revalidate, RFC 5861, section 3).
	StaleFor time.Duration
	// ReloadEvery is how often a node reads the store. It also bounds how far
	// the clocks of two nodes may differ for all that Validate promises; longer
	// announcements bear more.
	ReloadEvery time.Duration
}

// ScheduleOptions are what a Schedule is derived from.
type ScheduleOptions struct {
	// RotateEvery is how long a key signs.
	RotateEvery time.Duration
	// AnnounceFor and KeepFor are derived when 0.
	AnnounceFor, KeepFor time.Duration
	// TokenLifetime is that of the longest-lived token.
	TokenLifetime time.Duration
	// HintLifetime is for how long an ID token, long expired, may come back as
	// the hint of a logout. It matters to a derived KeepFor alone: without the
	// key the hint is not believed, and the person is asked.
	HintLifetime time.Duration
}

// shortest is the least RotateEvery and MaxAge: max-age counts in seconds.
const shortest = time.Second

// mostAnnounced is how many keys of one algorithm may be announced at a time.
const mostAnnounced = 10

// NewSchedule derives a schedule. Verifiers may cache the JWKS for up to a
// quarter of an hour, and use it for a third of that more. A key is announced
// for a day where RotateEvery leaves room for it. It stays until what it signed
// has expired, and an hour. Where keys sign for an hour and more, that leaves
// ten minutes and more on both sides for a clock that jumps, and for making the
// next key.
//
// The result follows o even where that cannot work: see Validate.
func NewSchedule(o ScheduleOptions) Schedule {
	every := o.RotateEvery
	s := Schedule{RotateEvery: every, AnnounceFor: o.AnnounceFor, KeepFor: o.KeepFor, TokenLifetime: o.TokenLifetime}
	s.MaxAge = min(15*time.Minute, max(shortest, (every/10).Truncate(time.Second)))
	s.StaleFor = max(shortest, (s.MaxAge / 3).Truncate(time.Second))
	s.ReloadEvery = min(time.Minute, s.MaxAge/4)
	if s.AnnounceFor == 0 {
		s.AnnounceFor = max(s.MinAnnounce()+min(10*time.Minute, every), min(24*time.Hour, every/4))
	}
	if s.KeepFor == 0 {
		s.KeepFor = max(o.TokenLifetime, o.HintLifetime) + max(s.margin(), min(time.Hour, every))
	}
	return s
}

// margin is for what takes a node by surprise: it may hear of a key one
// ReloadEvery after that was made, and hand out the JWKS without it until then;
// as much again is for clocks that differ.
func (s Schedule) margin() time.Duration { return 2 * s.ReloadEvery }

// cached is how old the copy of the JWKS can be that a verifier uses.
func (s Schedule) cached() time.Duration { return s.MaxAge + s.StaleFor }

// MinAnnounce is the shortest time for which any key but the very first is
// published before it signs: no cache that is still in use then is without it.
func (s Schedule) MinAnnounce() time.Duration { return s.cached() + s.margin() }

// Published is about how many keys of one algorithm the JWKS holds at a time.
func (s Schedule) Published() int {
	return 1 + int((s.AnnounceFor+s.KeepFor+s.RotateEvery-1)/s.RotateEvery)
}

// ScheduleError says what is wrong with one part of a Schedule.
type ScheduleError struct {
	// Part names it as config.yaml does: rotate_every, announce_for, keep_for;
	// or max_age, stale_for, reload_every, token_lifetime.
	Part string
	// Reason follows the name.
	Reason string
}

// Error returns the part and the reason.
func (e *ScheduleError) Error() string { return e.Part + ": " + e.Reason }

// Validate returns all faults of s, joined, each a *ScheduleError.
func (s Schedule) Validate() error {
	var faults []error
	fault := func(bad bool, part, format string, args ...any) {
		if bad {
			for i, arg := range args {
				if d, ok := arg.(time.Duration); ok {
					args[i] = plain(d)
				}
			}
			faults = append(faults, &ScheduleError{Part: part, Reason: fmt.Sprintf(format, args...)})
		}
	}
	fault(s.RotateEvery < shortest, "rotate_every", "%s is too short; it must be at least %s", s.RotateEvery, shortest)
	fault(s.MaxAge < shortest || s.MaxAge%time.Second != 0, "max_age", "%s must be whole seconds, and at least one", s.MaxAge)
	fault(s.StaleFor < 0 || s.StaleFor%time.Second != 0, "stale_for", "%s must be whole seconds", s.StaleFor)
	fault(s.ReloadEvery <= 0, "reload_every", "%s must be longer than 0", s.ReloadEvery)
	fault(s.TokenLifetime <= 0, "token_lifetime", "%s must be longer than 0", s.TokenLifetime)
	fault(s.AnnounceFor < s.MinAnnounce(), "announce_for",
		"%s is too short: verifiers may use a cached JWKS for %s, and a node may hear of a new key %s late; make it at least %s, or leave it out",
		s.AnnounceFor, s.cached(), s.margin(), s.MinAnnounce())
	fault(s.AnnounceFor > mostAnnounced*s.RotateEvery, "announce_for",
		"%s is too long: with a new key every %s, more than %d would be announced at a time; make it shorter, or rotate less often",
		s.AnnounceFor, s.RotateEvery, mostAnnounced)
	fault(s.KeepFor < s.TokenLifetime+s.margin(), "keep_for",
		"%s is too short: a token lives for up to %s, and clocks may differ by %s; make it at least %s, or leave it out",
		s.KeepFor, s.TokenLifetime, s.margin(), s.TokenLifetime+s.margin())
	return errors.Join(faults...)
}

// plain writes a duration without its zeros.
func plain(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
