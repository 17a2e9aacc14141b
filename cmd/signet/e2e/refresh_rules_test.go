package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/authz/login"
	"signet/clients"
	"signet/cmd/signet/config"
)

// withoutRotation lets one refresh token go on for the whole of its grant.
func withoutRotation(c *clients.Client) { c.RefreshTokenRotation = new(false) }

// events returns the lines of the log about an event.
func (i *issuer) events(t testing.TB, name string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(i.log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if entry["event"] == name {
			found = append(found, entry)
		}
	}
	return found
}

// The grace is the client's own where it has one; 0 is one.
func TestRefreshGraceOfAClient(t *testing.T) {
	i := start(t) // 60 s
	i.person(t, "ada")
	for name, tt := range map[string]struct {
		grace  *time.Duration
		within time.Duration
		after  time.Duration
	}{
		"long":   {new(5 * time.Minute), 5*time.Minute - time.Second, 2 * time.Second},
		"short":  {new(5 * time.Second), 3 * time.Second, 3 * time.Second},
		"server": {nil, 59 * time.Second, 2 * time.Second},
		"no":     {new(time.Duration(0)), -1, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			id := "app-" + name
			secret := i.webApp(t, id, func(c *clients.Client) { c.RefreshTokenGrace = tt.grace })
			first := i.tokens(t, newBrowser(t), "ada", id, secret).str("refresh_token")
			second := i.refresh(t, id, secret, first).str("refresh_token")
			if tt.within >= 0 {
				i.clock.Advance(tt.within)
				if a := i.refresh(t, id, secret, first); a.Status != http.StatusOK || a.str("refresh_token") != second {
					t.Fatalf("within the grace: %d %s", a.Status, a.Raw)
				}
			}
			i.clock.Advance(tt.after)
			i.refresh(t, id, secret, first).wantRefused(t, http.StatusBadRequest, "invalid_grant")
			i.refresh(t, id, secret, second).wantRefused(t, http.StatusBadRequest, "invalid_grant")
		})
	}
}

// Without rotation the same refresh token goes on being valid, also for 50
// requests at once, and a refresh costs one UPDATE as any other.
func TestRefreshWithoutRotation(t *testing.T) {
	i := start(t, func(c *config.Config) { c.Refresh.IdleTTL = 30 * time.Hour })
	i.person(t, "ada")
	secret := i.webApp(t, "fapi", withoutRotation)
	tokens := i.tokens(t, newBrowser(t), "ada", "fapi", secret)
	token := tokens.str("refresh_token")
	for range 3 {
		i.clock.Advance(20 * time.Hour)
		i.queries.take()
		a := i.refresh(t, "fapi", secret, token)
		if a.Status != http.StatusOK || a.str("refresh_token") != token {
			t.Fatalf("refresh: %d %s", a.Status, a.Raw)
		}
		r, w := i.queries.take()
		// Every 20 hours there is a new status list to reserve indexes of.
		w = slices.DeleteFunc(w, func(statement string) bool { return strings.Contains(statement, "status_lists") })
		if len(r) != 3 || len(w) != 1 {
			t.Errorf("%d reads and %d writes, want 3 and 1: %q", len(r), len(w), w)
		}
		if nonce, ok := decodeSegment(t, a.str("id_token"), 1)["nonce"]; ok {
			t.Errorf("a refreshed ID token has the nonce %v of the sign-in", nonce)
		}
	}
	for _, a := range i.refreshAtOnce(t, 50, "fapi", secret, token) {
		if a.Status != http.StatusOK || a.str("refresh_token") != token {
			t.Errorf("at once: %d %s", a.Status, a.Raw)
		}
	}
	// It slides, and ends when it is not used.
	i.clock.Advance(31 * time.Hour)
	i.refresh(t, "fapi", secret, token).wantRefused(t, http.StatusBadRequest, "invalid_grant")

	token = i.tokens(t, newBrowser(t), "ada", "fapi", secret).str("refresh_token")
	if a := i.post(t, "/oauth2/revoke", "fapi", secret, url.Values{"token": {token}}); a.Status != http.StatusOK {
		t.Fatalf("revoke: %d %s", a.Status, a.Raw)
	}
	i.refresh(t, "fapi", secret, token).wantRefused(t, http.StatusBadRequest, "invalid_grant")
}

// Rotation is turned off and on under a living grant: no one is logged out, and
// what was spent stays spent.
func TestRotationIsChanged(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	first := i.tokens(t, newBrowser(t), "ada", "app", secret).str("refresh_token")
	second := i.refresh(t, "app", secret, first).str("refresh_token")
	i.change(t, "app", withoutRotation)
	if a := i.refresh(t, "app", secret, first); a.str("refresh_token") != second {
		t.Fatalf("within the grace, rotation off since: %d %s", a.Status, a.Raw)
	}
	for range 2 {
		i.clock.Advance(time.Hour)
		if a := i.refresh(t, "app", secret, second); a.str("refresh_token") != second {
			t.Fatalf("rotation off: %d %s", a.Status, a.Raw)
		}
	}
	i.change(t, "app", func(c *clients.Client) { c.RefreshTokenRotation = nil })
	third := i.refresh(t, "app", secret, second)
	if third.Status != http.StatusOK || third.str("refresh_token") == second {
		t.Fatalf("rotation on again: %d %s", third.Status, third.Raw)
	}
	i.change(t, "app", withoutRotation)
	i.refresh(t, "app", secret, first).wantRefused(t, http.StatusBadRequest, "invalid_grant")
	i.refresh(t, "app", secret, third.str("refresh_token")).wantRefused(t, http.StatusBadRequest, "invalid_grant")
}

// A grant lives as long as it is used, but not beyond its absolute lifetime;
// both are the client's own where it has them.
func TestRefreshLifetimes(t *testing.T) {
	i := start(t, func(c *config.Config) { c.Refresh.IdleTTL, c.Refresh.AbsoluteTTL = 10*time.Hour, 25*time.Hour })
	i.person(t, "ada")
	for name, tt := range map[string]struct {
		change         func(*clients.Client)
		idle, absolute time.Duration
	}{
		"server":   {func(*clients.Client) {}, 10 * time.Hour, 25 * time.Hour},
		"idle":     {func(c *clients.Client) { c.RefreshTokenIdleTTL = time.Hour }, time.Hour, 25 * time.Hour},
		"absolute": {func(c *clients.Client) { c.RefreshTokenAbsoluteTTL = 15 * time.Hour }, 10 * time.Hour, 15 * time.Hour},
		"both":     {func(c *clients.Client) { c.RefreshTokenIdleTTL, c.RefreshTokenAbsoluteTTL = 2*time.Hour, 5*time.Hour }, 2 * time.Hour, 5 * time.Hour},
		"both, no-rotation": {func(c *clients.Client) {
			withoutRotation(c)
			c.RefreshTokenIdleTTL, c.RefreshTokenAbsoluteTTL = 2*time.Hour, 5*time.Hour
		}, 2 * time.Hour, 5 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			id := "app-" + strings.NewReplacer(", ", "-").Replace(name)
			secret := i.webApp(t, id, tt.change)
			unused := i.tokens(t, newBrowser(t), "ada", id, secret).str("refresh_token")
			i.clock.Advance(tt.idle + time.Second)
			i.refresh(t, id, secret, unused).wantRefused(t, http.StatusBadRequest, "invalid_grant")

			token := i.tokens(t, newBrowser(t), "ada", id, secret).str("refresh_token")
			age := time.Duration(0)
			for step := tt.idle - time.Minute; age+step < tt.absolute; age += step {
				i.clock.Advance(step)
				a := i.refresh(t, id, secret, token)
				if a.Status != http.StatusOK {
					t.Fatalf("at the age of %s: %d %s", age+step, a.Status, a.Raw)
				}
				token = a.str("refresh_token")
			}
			i.clock.Advance(tt.absolute - age)
			i.refresh(t, id, secret, token).wantRefused(t, http.StatusBadRequest, "invalid_grant")
		})
	}
	t.Run("shortened", func(t *testing.T) {
		secret := i.webApp(t, "app-shortened")
		token := i.tokens(t, newBrowser(t), "ada", "app-shortened", secret).str("refresh_token")
		i.clock.Advance(5 * time.Hour)
		i.change(t, "app-shortened", func(c *clients.Client) { c.RefreshTokenAbsoluteTTL = 4 * time.Hour })
		i.introspect(t, "app-shortened", secret, token).wantInactive(t)
		i.refresh(t, "app-shortened", secret, token).wantRefused(t, http.StatusBadRequest, "invalid_grant")
	})
}

// Reuse is written down with client, person and address, once; what a stranger
// writes into a header is not the address.
func TestReuseIsAudited(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada")
	secret := i.webApp(t, "app")
	other := i.webApp(t, "other")
	first := i.tokens(t, newBrowser(t), "ada", "app", secret).str("refresh_token")
	second := i.refresh(t, "app", secret, first).str("refresh_token")
	i.clock.Advance(2 * time.Minute)
	i.refresh(t, "other", other, first).wantRefused(t, http.StatusBadRequest, "invalid_grant")
	if found := i.events(t, "refresh_token_reused"); len(found) != 0 {
		t.Errorf("another client's attempt is taken for reuse: %v", found)
	}
	for range 3 {
		i.send(t, http.MethodPost, "/oauth2/token", formType, url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {first}, "client_id": {"app"}, "client_secret": {secret},
		}.Encode(), http.Header{"X-Forwarded-For": {"203.0.113.9"}, "Forwarded": {"for=203.0.113.9"}}).
			wantRefused(t, http.StatusBadRequest, "invalid_grant")
	}
	i.refresh(t, "app", secret, second).wantRefused(t, http.StatusBadRequest, "invalid_grant")
	found := i.events(t, "refresh_token_reused")
	if len(found) != 1 {
		t.Fatalf("%d events, want 1: %v", len(found), found)
	}
	if e := found[0]; e["client_id"] != "app" || e["sub"] != ada.ID || e["remote"] != "127.0.0.1" || e["level"] != "WARN" || e["grant_id"] == "" {
		t.Errorf("event %v", e)
	}
}

// A refresh tells what is so now: claims of a person who was changed, none for
// one who was disabled, and the whole of the grant again after a narrower one.
func TestRefreshTellsWhatIsSoNow(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada")
	const second = "https://second.example.test/"
	secret := i.webApp(t, "app", func(c *clients.Client) {
		c.IDTokenClaims, c.Audiences = true, []string{testAPI, second}
	})
	verifier, challenge := pkcePair(t)
	target := i.authorizeURL("app", map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}) +
		"&" + url.Values{"resource": {testAPI, second}}.Encode()
	a := i.exchange(t, "app", secret, newBrowser(t).authorize(target, "ada"), verifier)

	refresh := func(more url.Values) answer {
		t.Helper()
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.str("refresh_token")}}
		for name, values := range more {
			form[name] = values
		}
		next := i.post(t, "/oauth2/token", "app", secret, form)
		if next.Status == http.StatusOK {
			a = next
		}
		return next
	}
	narrow := refresh(url.Values{"scope": {"openid"}, "resource": {second}})
	if narrow.str("scope") != "openid" || decodeSegment(t, narrow.str("access_token"), 1)["aud"] != second {
		t.Fatalf("narrowed: %d %s", narrow.Status, narrow.Raw)
	}
	wide := refresh(nil)
	if aud, _ := decodeSegment(t, wide.str("access_token"), 1)["aud"].([]any); wide.str("scope") != "openid profile email offline_access" || len(aud) != 2 {
		t.Errorf("wide again (RFC 6749, section 6): %d %s", wide.Status, wide.Raw)
	}
	refresh(url.Values{"scope": {"openid photos.read"}}).wantRefused(t, http.StatusBadRequest, "invalid_scope")
	refresh(url.Values{"resource": {i.URL}}).wantRefused(t, http.StatusBadRequest, "invalid_target")

	must(t, i.Store.UpdatePerson(t.Context(), ada.ID, func(p *login.Person) error {
		p.Profile.Name, p.Groups = "Ada King", []string{"retired"}
		return nil
	}))
	claims := decodeSegment(t, refresh(nil).str("id_token"), 1)
	if groups, _ := claims["groups"].([]any); claims["name"] != "Ada King" || len(groups) != 1 || groups[0] != "retired" {
		t.Errorf("claims after the change: %v", claims)
	}
	must(t, i.Login.SetDisabled(t.Context(), ada.ID, true))
	refresh(nil).wantRefused(t, http.StatusBadRequest, "invalid_grant")
}
