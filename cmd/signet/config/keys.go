package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/keys"
)

// KeySchedule is the pace at which signing keys come and go. An ID token
// counts for as long as the session it came from: it comes back, long expired,
// as the hint of a logout (OpenID Connect RP-Initiated Logout 1.0, section 2).
func (c *Config) KeySchedule() keys.Schedule {
	return keys.NewSchedule(keys.ScheduleOptions{
		RotateEvery:   c.Keys.RotateEvery,
		AnnounceFor:   c.Keys.AnnounceFor,
		KeepFor:       c.Keys.KeepFor,
		TokenLifetime: max(c.Tokens.AccessTTL, c.Tokens.IDTTL),
		// Not of those who are kept signed in: old keys would pile up for months,
		// for the sake of hints that only save a click.
		HintLifetime: c.Session.Lifetime,
	})
}

// SecretBytes is the size of the sealing key and of the server key.
const SecretBytes = 32

// ParseSecret reads a secret of SecretBytes: those bytes, or base64 or
// hexadecimal of them. Its error never holds the secret.
func ParseSecret(content []byte) ([]byte, error) {
	if len(content) == SecretBytes {
		return content, nil
	}
	text := strings.TrimSpace(string(content))
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if secret, err := decode(text); err == nil && len(secret) == SecretBytes {
			return secret, nil
		}
	}
	return nil, fmt.Errorf("has %d bytes; it must be %d random bytes, or base64 or hexadecimal of so many", len(content), SecretBytes)
}

// mostPublished is how many keys of one algorithm make a JWKS that verifiers
// should not have to fetch: about 20 KB with RSA.
const mostPublished = 50

func (v *validator) keys() {
	v.algorithms()
	k := v.cfg.Keys
	v.within("keys.rotate_every", k.RotateEvery, time.Second, 3650*day, "")
	if k.SealingKey != "" {
		if _, err := ParseSecret([]byte(k.SealingKey)); err != nil {
			v.fault("keys.sealing_key", "%s", err)
		}
		if k.SealingKeyFile != "" {
			v.fault("keys.sealing_key", "is set beside keys.sealing_key_file; keep one")
		}
	}
	for _, path := range []string{"tokens.access_ttl", "tokens.id_ttl", "session.lifetime", "keys.rotate_every"} {
		if !v.sound(path) {
			return // the schedule follows from them
		}
	}
	schedule := v.cfg.KeySchedule()
	for _, fault := range scheduleErrors(schedule.Validate()) {
		v.fault("keys."+fault.Part, "%s", fault.Reason)
	}
	if n := schedule.Published(); n > mostPublished {
		v.cfg.Warnings = append(v.cfg.Warnings, fmt.Sprintf(
			"the JWKS will hold about %d keys of each algorithm, as every one stays for %s (keys.keep_for) and a new one comes every %s (keys.rotate_every)",
			n, FormatDuration(schedule.KeepFor), FormatDuration(schedule.RotateEvery)))
	}
}

// scheduleErrors returns the faults of a schedule, which are joined in err.
func scheduleErrors(err error) []*keys.ScheduleError {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*keys.ScheduleError
		for _, one := range joined.Unwrap() {
			out = append(out, scheduleErrors(one)...)
		}
		return out
	}
	var fault *keys.ScheduleError
	if errors.As(err, &fault) {
		return []*keys.ScheduleError{fault}
	}
	return nil
}
