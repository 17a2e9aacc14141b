package e2e

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"signet/cmd/signet/config"
)

// refreshAtOnce presents one refresh token n times at once, each on its own
// connection.
func (i *issuer) refreshAtOnce(t *testing.T, n int, clientID, secret, token string) []answer {
	answers := make([]answer, n)
	atOnce(n, func(k int) {
		answers[k] = i.postAlone(t, "/oauth2/token", clientID, secret, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
	})
	return answers
}

// Refresh races (hydra#1831, keycloak#16081: parallel refreshes log people
// out; keycloak CVE-2026-1035: time of check). With the grace, 50 parallel
// refreshes of one token are all answered, with one and the same successor.
func TestParallelRefreshWithGrace(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	token := i.tokens(t, newBrowser(t), "ada", "app", secret).str("refresh_token")
	successors := map[string]bool{}
	for _, a := range i.refreshAtOnce(t, 50, "app", secret, token) {
		if a.Status != http.StatusOK {
			t.Errorf("%d %s", a.Status, a.Raw)
		}
		successors[a.str("refresh_token")] = true
	}
	if len(successors) != 1 {
		t.Fatalf("%d successors of one refresh token", len(successors))
	}
	for next := range successors {
		if a := i.refresh(t, "app", secret, next); a.Status != http.StatusOK {
			t.Errorf("the successor: %d %s", a.Status, a.Raw)
		}
	}
}

// Without the grace one of 50 wins, the others get invalid_grant, and nobody
// a server error.
func TestParallelRefreshWithoutGrace(t *testing.T) {
	i := start(t, func(c *config.Config) { c.Refresh.Grace = 0 })
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	token := i.tokens(t, newBrowser(t), "ada", "app", secret).str("refresh_token")
	won := 0
	for _, a := range i.refreshAtOnce(t, 50, "app", secret, token) {
		switch {
		case a.Status == http.StatusOK:
			won++
		case a.Status != http.StatusBadRequest || a.str("error") != "invalid_grant":
			t.Errorf("%d %s", a.Status, a.Raw)
		}
	}
	if won != 1 {
		t.Errorf("%d requests won, want 1", won)
	}
}

// Reuse after the grace ends that family, and no other of the same person and
// client.
func TestReuseKillsOneFamily(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	b := newBrowser(t)
	stolen, other := i.tokens(t, b, "ada", "app", secret), i.tokens(t, b, "ada", "app", secret)
	next := i.refresh(t, "app", secret, stolen.str("refresh_token"))
	i.clock.Advance(61 * time.Second)
	if a := i.refresh(t, "app", secret, stolen.str("refresh_token")); a.str("error") != "invalid_grant" {
		t.Fatalf("reuse after the grace: %d %s", a.Status, a.Raw)
	}
	if a := i.refresh(t, "app", secret, next.str("refresh_token")); a.str("error") != "invalid_grant" {
		t.Errorf("the family lives: %d %s", a.Status, a.Raw)
	}
	if a := i.userinfo(t, next.str("access_token")); a.Status != http.StatusUnauthorized {
		t.Errorf("its access token lives: %d", a.Status)
	}
	if a := i.refresh(t, "app", secret, other.str("refresh_token")); a.Status != http.StatusOK {
		t.Errorf("another family died with it: %d %s", a.Status, a.Raw)
	}
}
