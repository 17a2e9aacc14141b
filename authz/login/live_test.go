package login

import (
	"testing"
	"time"
)

func TestSessionLive(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		session Session
		want    bool
	}{
		"alive":             {Session{ExpiresAt: now.Add(1)}, true},
		"expires now":       {Session{ExpiresAt: now}, false},
		"ended":             {Session{ExpiresAt: now.Add(time.Hour), EndedAt: now}, false},
		"without an expiry": {Session{}, false},
	} {
		if got := tt.session.Live(now); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
