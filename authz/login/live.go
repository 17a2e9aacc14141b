package login

import "time"

// Live reports whether the session counts at that time: it was not ended and
// has not expired.
func (v *Session) Live(at time.Time) bool { return v.EndedAt.IsZero() && at.Before(v.ExpiresAt) }

// Latest is when the session is over in any case, however much it is used.
func (v *Session) Latest() time.Time {
	if v.ExpiresLatest.IsZero() { // a session of an older release
		return v.ExpiresAt
	}
	return v.ExpiresLatest
}
