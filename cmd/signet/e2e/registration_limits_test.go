package e2e

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	"signet/cmd/signet/config"
)

var loopbackOnly = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

// A client that registered and was never used goes after unused_ttl; one with a
// live grant never.
func TestUnusedRegistrationsAreRemoved(t *testing.T) {
	i := start(t, open)
	i.person(t, "ada")
	unused, used := i.registered(t, nil), i.registered(t, map[string]any{"grant_types": []string{"authorization_code", "refresh_token"}})
	i.tokens(t, newBrowser(t), "ada", used.str("client_id"), used.str("client_secret"))
	before := time.Now().Add(time.Hour)
	removed, err := i.Store.SweepUnusedClients(t.Context(), before, 100)
	if err != nil || !slices.Equal(removed, []string{unused.str("client_id")}) {
		t.Errorf("removed %v, %v", removed, err)
	}
	i.manage(t, http.MethodGet, unused.str("client_id"), unused.str("registration_access_token"), nil).wantRefused(t, http.StatusUnauthorized, "invalid_token")
	if a := i.manage(t, http.MethodGet, used.str("client_id"), used.str("registration_access_token"), nil); a.Status != http.StatusOK {
		t.Errorf("the client with a live grant: %d %s", a.Status, a.Raw)
	}
}

// Limits: by address, of all, and of those that nobody uses.
func TestRegistrationLimits(t *testing.T) {
	send := func(i *issuer, from string) answer {
		return i.send(t, http.MethodPost, "/oauth2/register", jsonType, marshal(t, metadata(nil)), http.Header{"X-Forwarded-For": {from}})
	}
	limited := func(what string, a answer) {
		t.Helper()
		if a.Status != http.StatusTooManyRequests || a.str("error") != "temporarily_unavailable" || a.Header.Get("Retry-After") == "" || a.Header.Get("Retry-After") == "0" {
			t.Errorf("%s: %d, Retry-After %q, %s", what, a.Status, a.Header.Get("Retry-After"), a.Raw)
		}
	}
	behindProxy := func(c *config.Config) {
		open(c)
		c.TrustedProxies = loopbackOnly
		c.Registration.PerAddress, c.Registration.PerMinute = 3, 8
	}
	i := start(t, behindProxy)
	for range 3 {
		if a := send(i, "192.0.2.1"); a.Status != http.StatusCreated {
			t.Fatalf("%d %s", a.Status, a.Raw)
		}
	}
	limited("one address", send(i, "192.0.2.1"))
	for n := range 3 {
		if a := send(i, fmt.Sprintf("2001:db8::%d", n)); a.Status != http.StatusCreated {
			t.Fatalf("%d %s", a.Status, a.Raw)
		}
	}
	limited("one network of 64 bits", send(i, "2001:db8::ffff:1"))
	i.clock.Advance(20 * time.Second)
	if a := send(i, "192.0.2.1"); a.Status != http.StatusCreated {
		t.Errorf("a third of a minute later: %d %s", a.Status, a.Raw)
	}
	refused := 0
	for n := range 20 {
		if a := send(i, fmt.Sprintf("198.51.100.%d", n)); a.Status != http.StatusCreated {
			limited("all together", a)
			refused++
		}
	}
	if refused < 15 {
		t.Errorf("only %d of 20 were refused", refused)
	}

	i = start(t, open, func(c *config.Config) { c.Registration.MaxUnused = 5 })
	var first answer
	for n := range 5 {
		if a := i.registered(t, nil); n == 0 {
			first = a
		}
	}
	limited("unused ones", i.register(t, nil, ""))
	i.clock.Advance(11 * time.Minute)
	i.registered(t, nil) // the oldest make room
	i.manage(t, http.MethodGet, first.str("client_id"), first.str("registration_access_token"), nil).wantRefused(t, http.StatusUnauthorized, "invalid_token")
}

// A registration writes the client and its origin in one transaction, and reads
// nothing; a refusal does neither.
func TestRegistrationQueries(t *testing.T) {
	i := start(t, open, func(c *config.Config) { c.Registration.PerAddress = 2 })
	i.registered(t, nil)
	i.queries.take()
	i.registered(t, nil)
	if reads, writes := i.queries.take(); len(reads) != 0 || len(writes) != 2 {
		t.Errorf("a registration reads %q and writes %q", reads, writes)
	}
	if a := i.register(t, nil, ""); a.Status != http.StatusTooManyRequests {
		t.Fatalf("%d %s", a.Status, a.Raw)
	}
	if reads, writes := i.queries.take(); len(reads)+len(writes) != 0 {
		t.Errorf("a refusal reads %q and writes %q", reads, writes)
	}
}
