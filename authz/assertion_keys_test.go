package authz

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"signet/authz/fetch"
)

// counting answers every fetch with an empty JWK set.
type counting struct{ asked map[string]int }

func (c *counting) Do(_ context.Context, r fetch.Request) (*fetch.Response, error) {
	c.asked[r.URL]++
	return &fetch.Response{Status: http.StatusOK, Header: http.Header{}, Body: []byte(`{"keys":[]}`)}, nil
}

// What is kept of strangers' URLs is bounded; what was not used for longest goes.
func TestJWKSCacheIsBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	f := &counting{asked: map[string]int{}}
	p := &Provider{cfg: Config{Fetch: f, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}}
	c := newJWKSCache(p)
	ask := func(n int) {
		t.Helper()
		now = now.Add(time.Millisecond)
		if _, err := c.current(t.Context(), c.source(fmt.Sprint("https://app.example/", n))); err != nil {
			t.Fatal(err)
		}
	}
	for n := range maxJWKSSources {
		ask(n)
	}
	ask(0)
	for n := range 10 {
		ask(maxJWKSSources + n)
	}
	if len(c.sources) != maxJWKSSources {
		t.Errorf("%d are kept, want %d", len(c.sources), maxJWKSSources)
	}
	ask(0)
	ask(1)
	if first, second := f.asked["https://app.example/0"], f.asked["https://app.example/1"]; first != 1 || second != 2 {
		t.Errorf("what was used lately was fetched %d times, what was not %d times; want 1 and 2", first, second)
	}
}

// busy refuses the first fetch, as the guarded fetcher does when others from the
// same host are under way.
type busy struct {
	counting
	refused bool
}

func (b *busy) Do(ctx context.Context, r fetch.Request) (*fetch.Response, error) {
	if !b.refused {
		b.refused = true
		return nil, fetch.ErrBusy
	}
	return b.counting.Do(ctx, r)
}

// A fetch that was not made is not held against the app's server.
func TestJWKSFetchThatWasNotMade(t *testing.T) {
	p := &Provider{cfg: Config{Fetch: &busy{counting: counting{asked: map[string]int{}}}, Logger: slog.New(slog.DiscardHandler), Now: time.Now}}
	c := newJWKSCache(p)
	s := c.source("https://app.example/")
	if _, err := c.current(t.Context(), s); !errors.Is(err, fetch.ErrBusy) {
		t.Errorf("while the host is busy: %v", err)
	}
	if _, err := c.current(t.Context(), s); err != nil {
		t.Errorf("just after: %v", err)
	}
}

// A request that is gone leaves the queue, and the fetch goes on without it.
func TestJWKSWaitEndsWithTheRequest(t *testing.T) {
	p := &Provider{cfg: Config{Logger: slog.New(slog.DiscardHandler), Now: time.Now}}
	c := newJWKSCache(p)
	s := c.source("https://app.example/")
	s.turn <- struct{}{} // somebody fetches
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.current(ctx, s); !errors.Is(err, context.Canceled) {
		t.Errorf("current: %v", err)
	}
	if _, err := c.renew(ctx, s, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("renew: %v", err)
	}
	<-s.turn
	if _, err := c.current(t.Context(), s); err == nil || err.Error() != "this server fetches no keys" {
		t.Errorf("without a fetcher: %v", err)
	}
}
