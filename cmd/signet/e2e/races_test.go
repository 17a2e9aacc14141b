package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/authz/store"
	"signet/authz/storetest"
	"signet/clients"
	"signet/keys"
)

// The whole of it, on every store:
//
//	go test ./cmd/signet/e2e -run Races -v -rounds 200
var rounds = flag.Int("rounds", 10, "how many rounds each race of the tests has")

// contenders is how many requests take part in a race.
const contenders = 50

// backends are the stores that have to bear the same races.
var backends = map[string]func(t *testing.T) storetest.Backend{
	"memory": func(*testing.T) storetest.Backend { return storetest.NewMemory() },
	"SQLite": func(t *testing.T) storetest.Backend {
		return openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "signet.db"))
	},
	"Postgres": func(t *testing.T) storetest.Backend { return openStore(t, storetest.Postgres(t)) },
}

// openStore opens a database until the test ends.
func openStore(t testing.TB, database string) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Database: database, MaxOpenConns: 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

// core is the protocol's core on one store, behind a real port. It has one
// person, ada, and one client, "app".
type core struct {
	*issuer
	t        testing.TB
	db       storetest.Backend
	provider *authz.Provider
	secret   string
}

func newCore(t testing.TB, db storetest.Backend, grace time.Duration) *core {
	t.Helper()
	if err := db.CreatePerson(t.Context(), login.Person{ID: "ada", Username: "ada"}); err != nil {
		t.Fatal(err)
	}
	plain, secret, err := clients.NewSecret(rand.Reader, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.CreateClient(t.Context(), clients.Client{
		ID: "app", Secrets: []clients.Secret{secret}, Source: clients.SourceCLI, FirstParty: true,
		RedirectURIs: []string{testCallback}, Scopes: []string{"openid", "offline_access"},
		GrantTypes: []string{clients.GrantAuthorizationCode, clients.GrantRefreshToken},
	}); err != nil {
		t.Fatal(err)
	}
	c := &core{t: t, db: db, secret: plain}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c.issuer = &issuer{URL: server.URL, clock: &clock{}, log: &syncBuffer{}}
	ring, err := keys.Open(t.Context(), keys.Config{
		Store: db, SealingKey: bytes.Repeat([]byte{1}, 32), Algorithms: []string{"ES256"}, // quick to sign
		Logger:   slog.New(slog.DiscardHandler),
		Schedule: keys.NewSchedule(keys.ScheduleOptions{RotateEvery: 90 * 24 * time.Hour, TokenLifetime: time.Hour}),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.provider, err = authz.New(authz.Config{
		Issuer: c.URL, Grants: db, GrantFinder: db, Tokens: db, Status: db, Consents: db, Clients: db, People: db,
		Keys: ring, SigningAlgs: []string{"ES256"}, Secret: bytes.Repeat([]byte{2}, 32),
		AccessTokenTTL: 10 * time.Minute, IDTokenTTL: time.Hour, CodeTTL: time.Minute,
		StatusTTL: time.Minute, RefreshIdleTTL: time.Hour, RefreshAbsoluteTTL: 24 * time.Hour, RefreshGrace: grace,
		Now: c.clock.Now, Logger: slog.New(slog.NewTextHandler(c.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("POST /oauth2/token", c.provider.Token)
	mux.HandleFunc("/oauth2/userinfo", c.provider.UserInfo)
	return c
}

// code is a fresh authorization code.
func (c *core) code() string {
	c.t.Helper()
	ctx := context.Background()
	request, err := c.provider.Begin(ctx, url.Values{
		"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {testCallback}, "scope": {"openid offline_access"}, "nonce": {"n"},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	step, err := c.provider.Advance(ctx, request, &login.Session{ID: "s1", Subject: "ada", AuthTime: c.clock.Now()}, authz.NoAnswer)
	if err != nil || step.Response == nil {
		c.t.Fatalf("%+v, %v", step, err)
	}
	return step.Response.Params.Get("code")
}

func redeemForm(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {testCallback}}
}

func refreshForm(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// ask sends one token request.
func (c *core) ask(form url.Values) answer {
	c.t.Helper()
	return c.postAlone(c.t, "/oauth2/token", "app", c.secret, form)
}

// redeem turns a fresh code into tokens.
func (c *core) redeem() answer {
	c.t.Helper()
	a := c.ask(redeemForm(c.code()))
	if a.Status != http.StatusOK {
		c.t.Fatalf("%d %s", a.Status, a.Raw)
	}
	return a
}

// contend sends the same token request from all contenders at once, and counts
// the answers; any that is neither 200 nor invalid_grant fails the test.
func (c *core) contend(form url.Values) (won, lost int, successors map[string]bool) {
	c.t.Helper()
	successors = map[string]bool{}
	for _, a := range c.postAtOnce(c.t, contenders, "/oauth2/token", "app", c.secret, form) {
		switch {
		case a.Status == http.StatusOK:
			won++
			successors[a.str("refresh_token")] = true
		case a.Status == http.StatusBadRequest && a.str("error") == "invalid_grant":
			lost++
		default:
			c.t.Fatalf("%d %s\n%s", a.Status, a.Raw, c.log)
		}
	}
	return won, lost, successors
}

// TestRaces are the races that a code and a refresh token have to bear on every
// store, over HTTP, with all requests there before the first is answered.
func TestRaces(t *testing.T) {
	for name, open := range backends {
		t.Run(name, func(t *testing.T) {
			t.Run("code", func(t *testing.T) { raceForCode(newCore(t, open(t), time.Minute)) })
			t.Run("refresh without grace", func(t *testing.T) { raceWithoutGrace(newCore(t, open(t), 0)) })
			t.Run("refresh with grace", func(t *testing.T) { raceWithGrace(newCore(t, open(t), time.Minute)) })
			t.Run("reuse after the grace", func(t *testing.T) { reuseAfterGrace(newCore(t, open(t), time.Minute)) })
		})
	}
}

// raceForCode: one wins, whoever comes later is refused, nobody gets a 500.
func raceForCode(c *core) {
	for range *rounds {
		if won, lost, _ := c.contend(redeemForm(c.code())); won != 1 || lost != contenders-1 {
			c.t.Fatalf("%d won, %d lost", won, lost)
		}
	}
}

// raceWithoutGrace: one wins. (Whoever is read only after that uses a spent
// token, which without a grace ends the family.)
func raceWithoutGrace(c *core) {
	for range *rounds {
		if won, lost, _ := c.contend(refreshForm(c.redeem().str("refresh_token"))); won != 1 || lost != contenders-1 {
			c.t.Fatalf("%d won, %d lost", won, lost)
		}
	}
}

// raceWithGrace: all are answered, with one and the same successor.
func raceWithGrace(c *core) {
	for range *rounds {
		won, _, successors := c.contend(refreshForm(c.redeem().str("refresh_token")))
		if won != contenders || len(successors) != 1 {
			c.t.Fatalf("%d of %d answered, with %d successors", won, contenders, len(successors))
		}
		for next := range successors {
			if a := c.ask(refreshForm(next)); a.Status != http.StatusOK {
				c.t.Fatalf("the successor: %d %s", a.Status, a.Raw)
			}
		}
	}
}

// reuseAfterGrace: many who use a stolen token at once end its family, and no
// other of the same person and client.
func reuseAfterGrace(c *core) {
	for range *rounds {
		stolen, other := c.redeem(), c.redeem()
		next := c.ask(refreshForm(stolen.str("refresh_token")))
		if next.Status != http.StatusOK {
			c.t.Fatalf("%d %s", next.Status, next.Raw)
		}
		c.clock.Advance(time.Minute + time.Second)
		if won, _, _ := c.contend(refreshForm(stolen.str("refresh_token"))); won != 0 {
			c.t.Fatalf("%d got tokens for a token spent long ago", won)
		}
		if a := c.ask(refreshForm(next.str("refresh_token"))); a.str("error") != "invalid_grant" {
			c.t.Fatalf("the family lives: %d %s", a.Status, a.Raw)
		}
		if a := c.userinfo(c.t, next.str("access_token")); a.Status != http.StatusUnauthorized {
			c.t.Fatalf("its access token lives: %d", a.Status)
		}
		if a := c.ask(refreshForm(other.str("refresh_token"))); a.Status != http.StatusOK {
			c.t.Fatalf("another family died with it: %d %s", a.Status, a.Raw)
		}
	}
	if n := strings.Count(c.log.String(), "level=ERROR"); n > 0 {
		c.t.Errorf("%d errors in the log:\n%s", n, c.log)
	}
}
