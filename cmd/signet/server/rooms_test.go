package server

import (
	"bytes"
	"testing"
	"time"

	"signet/authz/storetest"
	"signet/cmd/signet/config"
	"signet/keys"
)

// Every rotate_every that configuration accepts gives a schedule that the
// ring accepts, and keeps keys for as long as anything they signed is of use.
func TestSchedule(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 10 * time.Second, time.Minute, time.Hour, 24 * time.Hour, 90 * 24 * time.Hour, 3650 * 24 * time.Hour} {
		t.Run(every.String(), func(t *testing.T) {
			cfg := config.Default()
			cfg.Keys.RotateEvery = every
			kc := keys.Config{Store: storetest.NewMemory(), SealingKey: bytes.Repeat([]byte{1}, 32), Schedule: cfg.KeySchedule()}
			if _, err := keys.Open(t.Context(), kc); err != nil {
				t.Errorf("%+v: %v", kc, err)
			}
			for name, life := range map[string]time.Duration{
				"access token": cfg.Tokens.AccessTTL, "ID token": cfg.Tokens.IDTTL, "session, whose ID token is a logout hint": cfg.Session.Lifetime,
			} {
				if kc.KeepFor <= life {
					t.Errorf("a key is kept for %s, less than a %s lives", kc.KeepFor, name)
				}
			}
		})
	}
}
