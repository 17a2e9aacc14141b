package keys

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestRunKeepsTheSchedule lets Run live through three rotations and an outage.
func TestRunKeepsTheSchedule(t *testing.T) {
	smallKeys()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		cfg := b.config()
		cfg.Now = time.Now
		// No boundary falls on a reading of the store by chance.
		cfg.ReloadEvery = 7 * time.Minute
		r, err := b.open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { r.Run(ctx); close(ended) }()

		expect := func(after time.Duration, signer, keys int) {
			t.Helper()
			time.Sleep(time.Until(start.Add(after)))
			synctest.Wait()
			all := r.Keys()
			if len(all) != keys || all[signer-1].State != StateActive || signerKID(t, r) != all[signer-1].KID {
				t.Errorf("after %s: %d keys, %+v; want %d and number %d to sign", after, len(all), all, keys, signer)
			}
		}
		expect(22*time.Hour-time.Millisecond, 1, 1)
		expect(22*time.Hour, 1, 2) // announced to the instant
		expect(24*time.Hour-time.Millisecond, 1, 2)
		expect(24*time.Hour, 2, 2)
		expect(46*time.Hour, 2, 3)
		expect(48*time.Hour, 3, 3)

		b.store.setDown(true)
		time.Sleep(time.Until(start.Add(80 * time.Hour)))
		synctest.Wait()
		reads := b.store.readCount()
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, err := r.SigningAlg(""); !errors.Is(err, ErrNoSigner) {
			t.Errorf("an hour past the end of the newest key known: %v", err)
		}
		if got := b.store.readCount() - reads; got > 9 {
			t.Errorf("%d attempts in an hour on a store that is down; the interval is 7 minutes", got)
		}
		b.store.setDown(false)
		// To be asked for a signature is reason enough to read the store.
		if _, err := r.SigningAlg(""); !errors.Is(err, ErrNoSigner) {
			t.Error(err)
		}
		expect(81*time.Hour+time.Second, 3, 4)
		expect(83*time.Hour+cfg.ReloadEvery, 4, 4)

		stop()
		<-ended
		log := b.log.String()
		if !strings.Contains(log, "going on with those known") || strings.Count(log, "signing key in use") != 4 {
			t.Errorf("the log does not tell the story:\n%s", log)
		}
	})
}

// TestSigningAcrossReloads has signers, verifiers and rotations meet.
func TestSigningAcrossReloads(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	ctx, stop := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for ctx.Err() == nil {
				signed := b.clock.Now()
				token, err := r.Sign(algRS256, "at+jwt", []byte(`{}`))
				if err != nil {
					t.Error(err)
					return
				}
				// The clock runs so fast that the key may have left since.
				if _, err := r.Verify(token); err != nil && b.clock.Now().Sub(signed) < r.cfg.KeepFor {
					t.Error(err)
					return
				}
				if _, err := r.JWKS(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 6 {
		if _, err := r.Rotate(t.Context(), RotateOptions{}); err != nil {
			t.Error(err)
		}
		for range 8 {
			b.clock.advance(20 * time.Minute)
			if err := r.keep(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	stop()
	workers.Wait()
}

// TestRunTellsOfAClockThatJumped: states follow the clock, and so would the
// operator like to know.
func TestRunTellsOfAClockThatJumped(t *testing.T) {
	smallKeys()
	for _, jump := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			var offset atomic.Int64
			cfg := b.config()
			cfg.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
			r, err := b.open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { r.Run(ctx); close(ended) }()
			time.Sleep(90 * time.Second)
			offset.Store(int64(jump))
			time.Sleep(5 * time.Minute)
			stop()
			<-ended
			if log := b.log.String(); strings.Count(log, "the clock has jumped") != 1 || !strings.Contains(log, "jump="+jump.String()) {
				t.Errorf("the log does not say so once:\n%s", log)
			}
			signerKID(t, r)
		})
	}
}
