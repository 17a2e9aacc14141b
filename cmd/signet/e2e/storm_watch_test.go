package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// jwksWatch looks at the JWKS all the time, without a cache: at what it
// answers, and at when each key came and went.
type jwksWatch struct {
	done chan struct{}

	mu       sync.Mutex
	answers  map[int]int // by status
	faults   []string
	headers  map[string]int       // by Cache-Control
	from, to map[string]time.Time // when a key was first and last seen
}

// watchInterval leaves the watch some looks at each set, so that most are
// answered with 304.
const watchInterval = 100 * time.Millisecond

func watchJWKS(t *testing.T, jwks string, stop <-chan struct{}) *jwksWatch {
	w := &jwksWatch{done: make(chan struct{}), answers: map[int]int{}, headers: map[string]int{}, from: map[string]time.Time{}, to: map[string]time.Time{}}
	ctx := context.WithoutCancel(t.Context())
	go func() {
		defer close(w.done)
		var etag string
		var kids []string
		for {
			etag, kids = w.look(ctx, jwks, etag, kids)
			select {
			case <-stop:
				return
			case <-time.After(watchInterval):
			}
		}
	}()
	return w
}

// look asks once, and returns what is to be asked with next.
func (w *jwksWatch) look(ctx context.Context, jwks, etag string, kids []string) (string, []string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, jwks, nil)
	if err != nil {
		w.fault("%v", err)
		return etag, kids
	}
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.fault("%v", err)
		return etag, kids
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.fault("%v", err)
		return etag, kids
	}
	switch resp.StatusCode {
	case http.StatusOK:
		etag, kids = resp.Header.Get("ETag"), kidsOf(body)
	case http.StatusNotModified:
	default:
		w.fault("%d %s", resp.StatusCode, body)
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(kids))); len(kids) == 0 || len(distinct) != len(kids) {
		w.fault("%d keys, %d distinct: %s", len(kids), len(distinct), body)
	}
	if !strings.HasPrefix(etag, `"`) || etag != resp.Header.Get("ETag") {
		w.fault("ETag %q after %q; want a strong one", resp.Header.Get("ETag"), etag)
	}
	w.saw(resp, kids)
	return etag, kids
}

func (w *jwksWatch) saw(resp *http.Response, kids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers[resp.StatusCode]++
	w.headers[resp.Header.Get("Cache-Control")]++
	for _, kid := range kids {
		if _, known := w.from[kid]; !known {
			w.from[kid] = time.Now()
		}
		w.to[kid] = time.Now()
	}
}

func (w *jwksWatch) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, clockTime(time.Now())+" "+fmt.Sprintf(format, args...))
}

// history tells when a key was in the JWKS.
func (w *jwksWatch) history(kid string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, seen := w.from[kid]; !seen {
		return "the key was never seen in it"
	}
	return fmt.Sprintf("the key was first seen in it at %s, and last at %s", clockTime(w.from[kid]), clockTime(w.to[kid]))
}

// check is for when the watch is over: the JWKS was always there and never
// empty, and not sent again to whoever had it.
func (w *jwksWatch) check(t *testing.T) {
	t.Helper()
	for _, fault := range w.faults[:min(len(w.faults), maxFailures)] {
		t.Errorf("the JWKS: %s", fault)
	}
	if w.answers[http.StatusOK] == 0 || w.answers[http.StatusNotModified] == 0 {
		t.Errorf("the JWKS was answered with %v; want 200 for what is new, 304 for what is not", w.answers)
	}
}

func (w *jwksWatch) String() string {
	return fmt.Sprintf("%d faults, answers by status %v, by Cache-Control %v", len(w.faults), w.answers, w.headers)
}
