package authz

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// maxBuckets bounds the memory of a limiter: about a megabyte.
	maxBuckets = 10_000
	// tidyEvery is how often a limiter that is full looks for buckets that it
	// need not remember.
	tidyEvery = time.Second
)

// limiter is a token bucket for each key, in memory: so many at once, and as
// many in each minute. It is safe for concurrent use.
type limiter struct {
	perMinute float64

	mu      sync.Mutex
	buckets map[string]bucket
	tidied  time.Time
}

// bucket holds what was left at a time.
type bucket struct {
	left float64
	at   time.Time
}

func newLimiter(perMinute int) *limiter {
	return &limiter{perMinute: float64(perMinute), buckets: map[string]bucket{}}
}

// take takes one from the bucket of a key. If it is empty, wait says when
// there will be one again. Keys for which there is no more room share a bucket:
// whoever invents keys shall not drive out the others'.
func (l *limiter) take(key string, now time.Time) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.buckets[key]; !known && len(l.buckets) >= maxBuckets {
		if l.tidy(now); len(l.buckets) >= maxBuckets {
			key = ""
		}
	}
	left := l.filled(l.buckets[key], now)
	if left < 1 {
		return max(time.Duration((1-left)/l.perMinute*float64(time.Minute)), time.Second), false
	}
	l.buckets[key] = bucket{left: left - 1, at: now}
	return 0, true
}

// filled is what a bucket holds at now; one that is not known is full.
func (l *limiter) filled(b bucket, now time.Time) float64 {
	if b.at.IsZero() {
		return l.perMinute
	}
	return min(l.perMinute, b.left+max(now.Sub(b.at), 0).Minutes()*l.perMinute)
}

// tidy forgets the buckets that are full again.
func (l *limiter) tidy(now time.Time) {
	if since := now.Sub(l.tidied); since >= 0 && since < tidyEvery {
		return
	}
	l.tidied = now
	for key, b := range l.buckets {
		if l.filled(b, now) >= l.perMinute {
			delete(l.buckets, key)
		}
	}
}

// addressKey is what one who can choose among the addresses of a network counts
// as: an IPv6 address as the /64 that it is in.
func addressKey(remote string) string {
	addr, err := netip.ParseAddr(remote)
	if err != nil {
		return remote
	}
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		if network, err := addr.Prefix(64); err == nil {
			return network.String()
		}
	}
	return addr.String()
}
