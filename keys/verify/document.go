package verify

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// edition is one fetched state of a document: immutable, apart from being
// replaced by the next.
type edition[T any] struct {
	value T
	etag  string
	// renewAt is when the next one is fetched in the background; waitAt when
	// readers wait for it; deadAt when this one may not be used any more, even
	// if there is no other.
	renewAt, waitAt, deadAt time.Time
}

// newEdition sets the times of an edition that is fresh for a while, may be
// used for another one while it is being renewed, and, when that fails, for
// maxStale more.
func newEdition[T any](value T, etag string, fetched time.Time, fresh, renewing, maxStale time.Duration) *edition[T] {
	e := &edition[T]{value: value, etag: etag, waitAt: fetched.Add(fresh + renewing)}
	// Somewhere in the last quarter, so that nobody has to wait and the
	// instances of an API that began together do not fetch together.
	e.renewAt = fetched.Add(jitter(fresh, 0.75))
	e.deadAt = e.waitAt.Add(maxStale)
	return e
}

// until makes an edition end at a time at the latest.
func (e *edition[T]) until(end time.Time) *edition[T] {
	for _, at := range []*time.Time{&e.renewAt, &e.waitAt, &e.deadAt} {
		if end.Before(*at) {
			*at = end
		}
	}
	return e
}

// jitter is a random part of d, from least to all of it.
func jitter(d time.Duration, least float64) time.Duration {
	return time.Duration(float64(d) * (least + (1-least)*rand.Float64()))
}

// Failed fetches are tried again after firstRetry, then twice as late each
// time up to lastRetry.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// document is something that the issuer publishes and that is cached: the keys,
// a status list. It is fetched when somebody needs it, by one fetch at a time,
// however many need it; while nobody does, nothing happens.
type document[T any] struct {
	v    *Verifier
	what string
	// load fetches the next edition; last is nil at first.
	load    func(ctx context.Context, last *edition[T]) (*edition[T], error)
	current atomic.Pointer[edition[T]]

	mu     sync.Mutex
	flight *flight[T]
	// tried is when the last fetch began. failures counts those since the last
	// that succeeded, cause is the last one's, and no other is made before
	// notBefore.
	tried, notBefore time.Time
	failures         int
	cause            error
}

// flight is a fetch under way; e and err are set before done is closed.
type flight[T any] struct {
	done chan struct{}
	e    *edition[T]
	err  error
}

func newDocument[T any](v *Verifier, what string, load func(context.Context, *edition[T]) (*edition[T], error)) *document[T] {
	return &document[T]{v: v, what: what, load: load}
}

// get returns the edition to use now. It waits for a fetch only when there is
// none that may be used meanwhile, and only for the first of several that fail.
func (d *document[T]) get(ctx context.Context) (*edition[T], error) {
	now := d.v.cfg.Now()
	last := d.current.Load()
	if last != nil && now.Before(last.renewAt) {
		return last, nil
	}
	f, failing := d.refresh(now)
	usable := last != nil && now.Before(last.deadAt)
	if usable && (failing || now.Before(last.waitAt)) {
		return last, nil
	}
	e, err := d.wait(ctx, f)
	if err != nil && usable {
		return last, nil
	}
	return e, err
}

// newer returns an edition that was fetched after last, unless the last fetch
// began less than interval ago: then last again. When the issuer cannot say
// whether there is a newer one, that is an error.
func (d *document[T]) newer(ctx context.Context, last *edition[T], interval time.Duration) (*edition[T], error) {
	now := d.v.cfg.Now()
	d.mu.Lock()
	current := d.current.Load()
	if current == last && d.flight == nil && d.failures == 0 && now.Before(d.tried.Add(interval)) {
		d.mu.Unlock()
		return last, nil
	}
	f := d.flight
	if current == last && f == nil && !now.Before(d.notBefore) {
		f = d.launch(now, last)
	}
	d.mu.Unlock()
	if current != last {
		return current, nil
	}
	return d.wait(ctx, f)
}

// refresh sees that a fetch is under way unless it is too early for one after
// a failure, and reports whether the last one failed.
func (d *document[T]) refresh(now time.Time) (f *flight[T], failing bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	failing = d.failures > 0
	switch current := d.current.Load(); {
	case d.flight != nil:
		return d.flight, failing
	case current != nil && now.Before(current.renewAt): // just now, by another
		f = &flight[T]{done: make(chan struct{}), e: current}
		close(f.done)
		return f, failing
	case now.Before(d.notBefore):
		return nil, failing
	default:
		return d.launch(now, current), failing
	}
}

// launch starts a fetch, or returns nil when the Verifier is closed. The caller
// holds the lock.
func (d *document[T]) launch(now time.Time, last *edition[T]) *flight[T] {
	f := &flight[T]{done: make(chan struct{})}
	if !d.v.start(func(ctx context.Context) { d.fly(ctx, f, last) }) {
		d.cause = errors.New("the verifier is closed")
		return nil
	}
	d.flight, d.tried = f, now
	return f
}

// fly fetches, and keeps what came of it.
func (d *document[T]) fly(ctx context.Context, f *flight[T], last *edition[T]) {
	f.e, f.err = d.load(ctx, last)
	d.mu.Lock()
	defer d.mu.Unlock()
	defer close(f.done)
	d.flight = nil
	if f.err == nil {
		d.failures, d.cause, d.notBefore = 0, nil, time.Time{}
		d.current.Store(f.e)
		return
	}
	d.cause = f.err
	again := jitter(min(firstRetry<<min(d.failures, 10), lastRetry), 0.5)
	d.failures++
	d.notBefore = d.v.cfg.Now().Add(again)
	if d.v.life.Err() == nil {
		d.v.failed(d.what, f.err, again)
	}
}

// wait returns what a fetch brings. Without one, or with none that succeeds,
// it returns an UnavailableError.
func (d *document[T]) wait(ctx context.Context, f *flight[T]) (*edition[T], error) {
	if f == nil {
		return nil, d.unavailable()
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, &UnavailableError{What: d.what, RetryAfter: time.Second, Cause: ctx.Err()}
	}
	if f.err != nil {
		return nil, d.unavailable()
	}
	return f.e, nil
}

func (d *document[T]) unavailable() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := max(d.notBefore.Sub(d.v.cfg.Now()), time.Second)
	return &UnavailableError{What: d.what, RetryAfter: after, Cause: d.cause}
}
