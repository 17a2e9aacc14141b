package authz

import (
	"fmt"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	now := time.Now()
	l := newLimiter(6)
	for n := range 6 {
		if _, ok := l.take("a", now); !ok {
			t.Fatalf("refused at %d", n)
		}
	}
	if wait, ok := l.take("a", now); ok || wait < 9*time.Second || wait > 11*time.Second {
		t.Errorf("the seventh: %t, come again in %s; want 10s", ok, wait)
	}
	if _, ok := l.take("b", now); !ok {
		t.Error("one pays for another")
	}
	if _, ok := l.take("a", now.Add(-time.Hour)); ok {
		t.Error("a clock that is set back fills the bucket")
	}
	now = now.Add(10*time.Second + time.Millisecond)
	if _, ok := l.take("a", now); !ok {
		t.Error("refused although it is time")
	}
	if _, ok := l.take("a", now); ok {
		t.Error("two in the time of one")
	}
}

// A limiter remembers so many keys and no more. Those who come when it is full
// share what is left; who is in it keeps what is his.
func TestLimiterIsBounded(t *testing.T) {
	now := time.Now()
	l := newLimiter(2)
	for n := range 3 * maxBuckets {
		l.take(fmt.Sprint(n), now)
	}
	if len(l.buckets) > maxBuckets+1 {
		t.Errorf("%d buckets are kept", len(l.buckets))
	}
	if _, ok := l.take("newcomer", now); ok {
		t.Error("whoever invents keys is not limited")
	}
	if _, ok := l.take("0", now); !ok {
		t.Error("the first to come lost its bucket")
	}
	now = now.Add(2 * time.Minute)
	if _, ok := l.take("newcomer", now); !ok || len(l.buckets) > 2 {
		t.Errorf("later: %t, %d buckets", ok, len(l.buckets))
	}
}

func TestAddressKey(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "x": "x",
	} {
		if got := addressKey(remote); got != want {
			t.Errorf("%s counts as %s, want %s", remote, got, want)
		}
	}
}
