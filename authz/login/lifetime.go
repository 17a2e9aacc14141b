package login

import (
	"context"
	"log/slog"
	"strings"
	"time"
	"unicode"
)

const (
	// touchEvery is how exactly the last use of a session is kept: it is not
	// written again for so long, or for an eighth of the idle lifetime where that
	// is less.
	touchEvery = 5 * time.Minute
	// maxAddress and maxUserAgent bound what is kept of a browser, in bytes.
	// Browsers take less than 200 to say who they are.
	maxAddress, maxUserAgent = 64, 256
)

// Remembers returns how long people who ask for it are kept signed in; 0 when
// nobody is.
func (s *Service) Remembers() time.Duration { return s.longer.Lifetime }

// limitsOf returns the limits of the session's class.
func (s *Service) limitsOf(v *Session) SessionLimits {
	if v.Device.Remembered && s.longer.Lifetime > 0 {
		return s.longer
	}
	return s.limits
}

// expiry is when a session that is used now ends if it is not used again.
func (l SessionLimits) expiry(v *Session, now time.Time) time.Time {
	latest := v.Latest()
	if idle := now.Add(l.Idle); l.Idle > 0 && idle.Before(latest) {
		return idle
	}
	return latest
}

// every is how long a last use is not written again.
func (l SessionLimits) every() time.Duration {
	if l.Idle > 0 && l.Idle/8 < touchEvery {
		return l.Idle / 8
	}
	return touchEvery
}

// touch notes that a session is in use: one conditional UPDATE every few minutes,
// and nothing in between. A store that takes no writes keeps nobody out: the
// session then ends when it would have.
func (s *Service) touch(ctx context.Context, v *Session) {
	limits, now := s.limitsOf(v), s.now()
	if now.Sub(v.LastUsed) < limits.every() {
		return
	}
	expires := limits.expiry(v, now)
	if err := s.sessions.TouchSession(ctx, *v, now, expires); err != nil {
		s.logger.WarnContext(ctx, "could not note the use of a session", slog.String("sid", v.ID), slog.Any("error", err))
		return
	}
	v.LastUsed, v.ExpiresAt = now, expires
}

// clean makes a stranger's words fit to be kept: valid, printable, and at most n
// bytes.
func clean(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	if len(text) > n {
		text = strings.ToValidUTF8(text[:n], "")
	}
	return text
}
