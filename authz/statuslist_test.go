package authz_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/storetest"
	"signet/clients"
)

// place is where a token stands.
func place(t *testing.T, body map[string]any) string {
	t.Helper()
	claims, err := json.Marshal(segment(t, body, "access_token", 1)["status"])
	if err != nil {
		t.Fatal(err)
	}
	return string(claims)
}

// No two tokens have the same index, also when many are asked for at once of
// several nodes that run out of indexes.
func TestEveryTokenHasAnIndexOfItsOwn(t *testing.T) {
	db, _ := newFailing(t)
	nodes := []*authz.Provider{newProvider(t, db, &fakeKeys{}, nil), newProvider(t, db, &fakeKeys{}, nil)}
	var mu sync.Mutex
	seen := map[string]bool{}
	var done sync.WaitGroup
	const each = 400
	for n := range 8 {
		done.Go(func() {
			for range each {
				_, body := send(t, nodes[n%2].Token, url.Values{"grant_type": {"client_credentials"}})
				at := place(t, body)
				mu.Lock()
				if seen[at] || !strings.Contains(at, `"uri":"https://id.example.test/oauth2/status/`) {
					t.Errorf("a second token has %s", at)
				}
				seen[at] = true
				mu.Unlock()
			}
		})
	}
	done.Wait()
	if len(seen) != 8*each {
		t.Errorf("%d indexes for %d tokens", len(seen), 8*each)
	}
}

// unreserved is a database that gives out no blocks while it is down.
type unreserved struct {
	*storetest.Memory
	mu       sync.Mutex
	down     bool
	reserved int
}

func (u *unreserved) ReserveStatusBlock(ctx context.Context, open time.Time, fresh authz.StatusList) (authz.StatusBlock, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.down {
		return authz.StatusBlock{}, errDisk
	}
	u.reserved++
	return u.Memory.ReserveStatusBlock(ctx, open, fresh)
}

func (u *unreserved) set(down bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.down = down
}

func (u *unreserved) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.reserved
}

// When the database gives no indexes the client is told to come again, and
// finds its code as good as before.
func TestWithoutAStatusIndexNothingIsSpent(t *testing.T) {
	s := newSignedIn(t, "", "")
	db := &unreserved{Memory: s.db, down: true}
	s.p = newProvider(t, db, s.keys, slog.New(slog.NewTextHandler(s.log, nil)))
	unavailable := func(form url.Values) {
		t.Helper()
		w, body := s.token(form)
		if w.Code != http.StatusServiceUnavailable || body["error"] != "temporarily_unavailable" || strings.Contains(w.Body.String(), "disk") {
			t.Errorf("%d %v", w.Code, body)
		}
	}
	form := exchange(s.code("openid offline_access"))
	unavailable(form)
	unavailable(form)
	unavailable(url.Values{"grant_type": {"client_credentials"}})
	if !strings.Contains(s.log.String(), errDisk.Error()) {
		t.Errorf("the log does not say why: %s", s.log)
	}
	db.set(false)
	form = refresh(s.tokens(form))
	s.tokens(form)
	if n := db.count(); n != 1 {
		t.Errorf("%d blocks were reserved, want 1", n)
	}
}

// A block is reserved ahead: while the database is down for a moment, tokens
// go out from what is in memory.
func TestStatusIndexesAreReservedAhead(t *testing.T) {
	s := newSignedIn(t, "", "")
	db := &unreserved{Memory: s.db}
	s.p = newProvider(t, db, s.keys, nil)
	form := url.Values{"grant_type": {"client_credentials"}}
	for range 1000 {
		s.tokens(form)
	}
	for deadline := time.Now().Add(time.Minute); db.count() < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no second block")
		}
	}
	db.set(true)
	for range 1000 { // and into the second one
		s.tokens(form)
	}
	if n := db.count(); n != 2 {
		t.Errorf("%d blocks for 2000 tokens, want 2", n)
	}
}

// The row of a grant remembers a bounded number of indexes, whatever its client
// does; the newest one then stands for several tokens.
func TestLiveIndexesAreBounded(t *testing.T) {
	s := newSignedIn(t, "", "")
	body := s.tokens(exchange(s.code("openid offline_access")))
	id, _ := segment(t, body, "access_token", 1)["grant_id"].(string)
	seen := map[string]int{place(t, body): 1}
	for range 80 {
		body = s.tokens(refresh(body))
		seen[place(t, body)]++
		if got := body["expires_in"]; got != 60.0 {
			t.Fatalf("expires_in is %v", got)
		}
	}
	g, err := s.db.Grant(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Live) != 64 || len(seen) != 64 || seen[place(t, body)] != 18 {
		t.Errorf("%d indexes are remembered, %d were given out, the last one %d times", len(g.Live), len(seen), seen[place(t, body)])
	}
	last := g.Live[63]
	if got := fmt.Sprintf(`{"status_list":{"idx":%d,"uri":"https://id.example.test/oauth2/status/%s"}}`, last.Index, last.List); got != place(t, body) {
		t.Errorf("the newest token has %s, the row %s", place(t, body), got)
	}
}

// A retry gets the status index of the first answer, and no token outlives its
// index, also when the lifetime of tokens has been made longer meanwhile: the
// grant's row forgets the index then, and no revocation would mark it.
func TestNoTokenOutlivesItsStatusIndex(t *testing.T) {
	s := newSignedIn(t, "", "")
	now := time.Now()
	with := func(ttl time.Duration) {
		s.p = newProvider(t, s.db, s.keys, nil, func(c *authz.Config) {
			c.AccessTokenTTL, c.RefreshGrace, c.Now = ttl, time.Minute, func() time.Time { return now }
		})
	}
	with(time.Minute)
	first := s.tokens(exchange(s.code("openid offline_access")))
	second := s.tokens(refresh(first))
	now = now.Add(30 * time.Second)
	with(time.Hour)
	again := s.tokens(refresh(first))
	claims := segment(t, again, "access_token", 1)
	if place(t, again) != place(t, second) || again["expires_in"] != 90.0 || claims["exp"].(float64)-claims["iat"].(float64) > 91 {
		t.Errorf("the retry has %s for %v s, the first answer %s", place(t, again), again["expires_in"], place(t, second))
	}
	if third := s.tokens(refresh(again)); third["expires_in"] != 3600.0 {
		t.Errorf("the next token lives for %v s", third["expires_in"])
	}
}

// A client can do without.
func TestClientWithoutStatusList(t *testing.T) {
	s := newSignedIn(t, "", "")
	if err := s.db.UpdateClient(t.Context(), "app", func(c *clients.Client) error {
		c.AccessTokenStatusList = new(bool)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	db := &unreserved{Memory: s.db, down: true}
	s.p = newProvider(t, db, s.keys, nil)
	body := s.tokens(exchange(s.code("openid offline_access")))
	for _, body := range []map[string]any{body, s.tokens(refresh(body)), s.tokens(url.Values{"grant_type": {"client_credentials"}})} {
		if claim, ok := segment(t, body, "access_token", 1)["status"]; ok {
			t.Errorf("the token has a status: %v", claim)
		}
	}
}

// looks counts what status lists ask the database.
type looks struct {
	*storetest.Memory
	mu sync.Mutex
	n  int
}

func (l *looks) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
}

func (l *looks) StatusList(ctx context.Context, id string) (authz.StatusList, error) {
	l.look()
	return l.Memory.StatusList(ctx, id)
}

func (l *looks) StatusLists(ctx context.Context, now time.Time) ([]authz.StatusList, error) {
	l.look()
	return l.Memory.StatusLists(ctx, now)
}

func (l *looks) RevokedIndexes(ctx context.Context, list string) ([]int, error) {
	l.look()
	return l.Memory.RevokedIndexes(ctx, list)
}

// Whoever asks, and whatever for: a list costs the database two queries when it
// is first asked for and one a second then, and one that never was costs none.
func TestStatusListsAskTheDatabaseOnceASecond(t *testing.T) {
	s := newSignedIn(t, "", "")
	db := &looks{Memory: s.db}
	now := time.Now()
	p := newProvider(t, db, s.keys, nil, func(c *authz.Config) { c.Now = func() time.Time { return now } })
	s.p = p
	var claim struct {
		List struct{ URI string } `json:"status_list"`
	}
	if err := json.Unmarshal([]byte(place(t, s.tokens(url.Values{"grant_type": {"client_credentials"}}))), &claim); err != nil {
		t.Fatal(err)
	}
	id := claim.List.URI[strings.LastIndex(claim.List.URI, "/")+1:]
	get := func(handler http.HandlerFunc, id string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.SetPathValue("list", id)
		w := httptest.NewRecorder()
		handler(w, r)
		return w.Code
	}
	for _, ask := range []struct {
		name  string
		after time.Duration
		do    func() int
		want  int
		most  int
	}{
		{"a list for the first time", 0, func() int { return get(p.StatusList, id) }, 200, 2},
		{"again", 999 * time.Millisecond, func() int { return get(p.StatusList, id) }, 200, 0},
		{"a second later", time.Millisecond, func() int { return get(p.StatusList, id) }, 200, 1},
		{"with the clock set back", -time.Hour, func() int { return get(p.StatusList, id) }, 200, 1},
		{"all", time.Hour, func() int { return get(p.StatusLists, "") }, 200, 1},
		{"one that never was", time.Hour, func() int { return get(p.StatusList, strings.Repeat("A", 27)) }, 404, 0},
		{"one that has an id cut off", 0, func() int { return get(p.StatusList, id[:26]) }, 404, 0},
		{"after its end", 24 * time.Hour, func() int { return get(p.StatusList, id) }, 410, 0},
	} {
		now = now.Add(ask.after)
		before := db.n
		var done sync.WaitGroup
		for range 100 {
			done.Go(func() {
				if got := ask.do(); got != ask.want {
					t.Errorf("%s: %d, want %d", ask.name, got, ask.want)
				}
			})
		}
		done.Wait()
		if n := db.n - before; n > ask.most {
			t.Errorf("%s: %d queries, want %d at most", ask.name, n, ask.most)
		}
	}
}
