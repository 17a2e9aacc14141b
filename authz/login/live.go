package login

import "time"

// Live reports whether the session counts at that time: it was not ended and
// has not expired.
func (v *Session) Live(at time.Time) bool { return v.EndedAt.IsZero() && at.Before(v.ExpiresAt) }
