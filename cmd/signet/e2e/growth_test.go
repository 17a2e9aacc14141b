package e2e

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/authz"
	"signet/clients"
)

// The whole of it, which takes about half an hour:
//
//	go test ./cmd/signet/e2e -run TestGrowth -v -timeout 2h -growth 100
var growth = flag.Float64("growth", 0.1, "how far TestGrowth and BenchmarkRefreshByGrants go, in percent of a million")

// TestGrowth: the database does not grow with traffic. A token of a client for
// itself leaves no row; a person's authorization is one row, however often it
// is refreshed; and all of it goes when it has expired.
func TestGrowth(t *testing.T) {
	scale := func(n float64) int { return max(1, int(n**growth/100)) }
	tokens, logins, refreshes := scale(1_000_000), scale(10_000), max(2, scale(100))
	dir := t.TempDir()
	db := openStore(t, "sqlite:"+filepath.Join(dir, "signet.db"))
	c := newCore(t, db, time.Minute)
	if err := db.UpdateClient(t.Context(), "app", func(app *clients.Client) error {
		app.GrantTypes = append(app.GrantTypes, clients.GrantClientCredentials)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	g := newGrower(c, dir)

	before := g.rows()
	g.spread(tokens, func() {
		g.ask(url.Values{"grant_type": {"client_credentials"}})
	})
	after := g.rows()
	g.log(fmt.Sprintf("after %d client_credentials tokens", tokens), after)
	for table, n := range after {
		// Indexes of the status list are reserved in blocks, not one by one.
		if n != before[table] && table != "status_lists" {
			t.Errorf("%s grew from %d to %d rows", table, before[table], n)
		}
	}

	g.spread(logins, func() {
		token := g.ask(redeemForm(c.code()))
		for range refreshes {
			token = g.ask(refreshForm(token))
		}
	})
	grown := g.rows()
	g.log(fmt.Sprintf("after %d logins with %d refreshes each", logins, refreshes), grown)
	if n := grown["grants"] - after["grants"]; n != logins {
		t.Errorf("%d rows for %d authorizations", n, logins)
	}

	c.clock.Advance(25 * time.Hour)
	for {
		removed, err := db.Sweep(t.Context(), c.clock.Now(), 500)
		if err != nil {
			t.Fatal(err)
		}
		if len(removed) == 0 {
			break
		}
	}
	swept := g.rows()
	g.log("after the sweeper", swept)
	for _, table := range []string{"grants", "revoked_tokens", "status_entries"} {
		if swept[table] != 0 {
			t.Errorf("%d rows are left in %s", swept[table], table)
		}
	}
}

// BenchmarkRefreshByGrants: a refresh takes as long among a million grants as
// among a thousand.
//
//	go test ./cmd/signet/e2e -run - -bench RefreshByGrants -benchtime 5000x -growth 100
func BenchmarkRefreshByGrants(b *testing.B) {
	few := time.Duration(0)
	for _, grants := range []int{1000, max(2000, int(1_000_000**growth/100))} {
		c := newCore(b, openStore(b, "sqlite:"+filepath.Join(b.TempDir(), "signet.db")), time.Minute)
		g := newGrower(c, "")
		g.addGrants(grants)
		b.Run(fmt.Sprintf("%d grants", grants), func(b *testing.B) {
			took := make([]time.Duration, 0, b.N)
			token := g.ask(redeemForm(c.code()))
			for b.Loop() {
				start := time.Now()
				token = g.ask(refreshForm(token))
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			p50 := took[len(took)/2]
			b.ReportMetric(float64(p50.Microseconds()), "p50-µs")
			if few == 0 || grants == 1000 {
				few = p50
			} else {
				b.ReportMetric(float64(p50)/float64(few), "of-1000-grants")
			}
		})
	}
}

// addGrants stores grants as codes that were exchanged leave them.
func (g *grower) addGrants(n int) {
	g.spread(n, func() {
		var id [16]byte
		_, _ = rand.Read(id[:])
		err := g.db.CreateGrant(context.Background(), authz.Grant{
			ID: hex.EncodeToString(id[:]), ClientID: "app", Subject: "ada", SessionID: "s1", Generation: 1,
			Scopes: []string{"openid", "offline_access"}, Audiences: []string{testAPI},
			CreatedAt: g.clock.Now(), ExpiresAt: g.clock.Now().Add(time.Hour),
		})
		if err != nil {
			g.t.Error(err)
		}
	})
}

// grower does much of the same and looks at the database.
type grower struct {
	*core
	dir    string
	client *http.Client
}

const growerHands = 8

func newGrower(c *core, dir string) *grower {
	// A connection for each hand, which is kept: a million would not do.
	transport := &http.Transport{MaxIdleConnsPerHost: growerHands}
	c.t.Cleanup(transport.CloseIdleConnections)
	return &grower{core: c, dir: dir, client: &http.Client{Transport: transport}}
}

// ask gets tokens, and returns the refresh token if there is one.
func (g *grower) ask(form url.Values) (refreshToken string) {
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.URL+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		g.t.Error(err)
		return ""
	}
	req.Header.Set("Content-Type", formType)
	req.SetBasicAuth("app", g.secret)
	resp, err := g.client.Do(req)
	if err != nil {
		g.t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	var body struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || resp.StatusCode != http.StatusOK {
		g.t.Errorf("%d, %v", resp.StatusCode, err)
	}
	return body.RefreshToken
}

// spread does something n times, from a few hands at once.
func (g *grower) spread(n int, do func()) {
	g.t.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var hands sync.WaitGroup
	for range growerHands {
		hands.Go(func() {
			for left.Add(-1) >= 0 && !g.t.Failed() {
				do()
			}
		})
	}
	hands.Wait()
}

// rows counts the rows of every table.
func (g *grower) rows() map[string]int {
	g.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(g.dir, "signet.db")+"?mode=ro")
	if err != nil {
		g.t.Fatal(err)
	}
	defer db.Close()
	tables, err := db.Query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'")
	if err != nil {
		g.t.Fatal(err)
	}
	var names []string
	for tables.Next() {
		var name string
		if err := tables.Scan(&name); err != nil {
			g.t.Fatal(err)
		}
		names = append(names, name)
	}
	tables.Close()
	counts := map[string]int{}
	for _, name := range names {
		var n int
		if err := db.QueryRow("SELECT count(*) FROM " + name).Scan(&n); err != nil {
			g.t.Fatal(err)
		}
		counts[name] = n
	}
	return counts
}

// log says how large the database is.
func (g *grower) log(when string, rows map[string]int) {
	var text []string
	total := 0
	for table, n := range rows {
		total += n
		if n > 0 {
			text = append(text, fmt.Sprintf("%s %d", table, n))
		}
	}
	slices.Sort(text)
	var size int64
	files, _ := filepath.Glob(filepath.Join(g.dir, "signet.db*"))
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			size += info.Size()
		}
	}
	g.t.Logf("%s: %d rows (%s), %.1f MB on disk", when, total, strings.Join(text, ", "), float64(size)/1e6)
}
