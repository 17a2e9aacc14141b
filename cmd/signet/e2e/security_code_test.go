package e2e

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"signet/clients"
)

// codeForm is the request that redeems a code as it should be.
func codeForm(code, verifier string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code},
		"redirect_uri": {testCallback}, "code_verifier": {verifier},
	}
}

// freshCode goes through the pages and returns a code with its verifier.
func (i *issuer) freshCode(t testing.TB, b *browser, username, clientID string) (code, verifier string) {
	t.Helper()
	verifier, challenge := pkcePair(t)
	code = b.authorize(i.authorizeURL(clientID, map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}), username)
	return code, verifier
}

// A code is bound to its client, its redirect URI and its lifetime
// (pocket-id CVE-2026-28513, keycloak CVE-2026-16089).
func TestCodeIsBound(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	second := "https://app.example.test/second"
	secret := i.webApp(t, "app", func(c *clients.Client) { c.RedirectURIs = append(c.RedirectURIs, second) })
	otherSecret := i.webApp(t, "other", func(c *clients.Client) { c.RedirectURIs = append(c.RedirectURIs, second) })
	i.webApp(t, "spa", public)
	ada := newBrowser(t)

	type attack struct {
		client, secret string
		change         func(url.Values)
		wait           time.Duration
		// ownerStillCan says that the attack must not cost the owner the code.
		ownerStillCan bool
	}
	for name, a := range map[string]attack{
		"another confidential client": {"other", otherSecret, nil, 0, true},
		"a public client":             {"spa", "", nil, 0, true},
		"expired":                     {"app", secret, nil, 61 * time.Second, false},
		"another registered redirect_uri": {"app", secret,
			func(f url.Values) { f.Set("redirect_uri", second) }, 0, true},
		"an unregistered redirect_uri": {"app", secret,
			func(f url.Values) { f.Set("redirect_uri", "https://evil.test/callback") }, 0, true},
		"redirect_uri with a query added": {"app", secret,
			func(f url.Values) { f.Set("redirect_uri", testCallback+"?x=1") }, 0, true},
		"redirect_uri left out": {"app", secret, func(f url.Values) { f.Del("redirect_uri") }, 0, true},
		"redirect_uri empty":    {"app", secret, func(f url.Values) { f.Set("redirect_uri", "") }, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			code, verifier := i.freshCode(t, ada, "ada", "app")
			form := codeForm(code, verifier)
			if a.change != nil {
				a.change(form)
			}
			i.clock.Advance(a.wait)
			i.post(t, "/oauth2/token", a.client, a.secret, form).wantRefused(t, http.StatusBadRequest, "invalid_grant")
			got := i.exchange(t, "app", secret, code, verifier)
			if a.ownerStillCan && got.Status != http.StatusOK {
				t.Errorf("the attack cost the owner the code: %d %s", got.Status, got.Raw)
			}
			if !a.ownerStillCan {
				got.wantRefused(t, http.StatusBadRequest, "invalid_grant")
			}
		})
	}

	t.Run("without client authentication", func(t *testing.T) {
		code, verifier := i.freshCode(t, ada, "ada", "app")
		for name, send := range map[string]answer{
			"no secret":        i.post(t, "/oauth2/token", "app", "", codeForm(code, verifier)),
			"a wrong secret":   i.post(t, "/oauth2/token", "app", otherSecret, codeForm(code, verifier)),
			"nobody":           i.post(t, "/oauth2/token", "", "", codeForm(code, verifier)),
			"an unknown one":   i.post(t, "/oauth2/token", "nobody", "secret", codeForm(code, verifier)),
			"secret in query":  i.send(t, http.MethodPost, "/oauth2/token?client_id=app&client_secret="+secret, formType, codeForm(code, verifier).Encode(), nil),
			"secret for a spa": i.post(t, "/oauth2/token", "spa", secret, codeForm(code, verifier)),
		} {
			t.Run(name, func(t *testing.T) { send.wantRefused(t, http.StatusUnauthorized, "invalid_client") })
		}
	})

	t.Run("a code that was changed", func(t *testing.T) {
		code, verifier := i.freshCode(t, ada, "ada", "app")
		for n := range len(code) {
			for _, bad := range []string{code[:n], code[:n] + flip(code[n]) + code[n+1:]} {
				if a := i.exchange(t, "app", secret, bad, verifier); a.Status != http.StatusBadRequest ||
					(a.str("error") != "invalid_grant" && bad != "") {
					t.Fatalf("%q: %d %s", bad, a.Status, a.Raw)
				}
			}
		}
		for _, bad := range []string{code + "A", code + "=", " " + code, code + "\x00", code + "." + code} {
			i.exchange(t, "app", secret, bad, verifier).wantRefused(t, http.StatusBadRequest, "invalid_grant")
		}
		if a := i.exchange(t, "app", secret, code, verifier); a.Status != http.StatusOK {
			t.Errorf("the code itself: %d %s", a.Status, a.Raw)
		}
	})
}

// One code, many redemptions at once (fosite#778): one winner, an
// invalid_grant for every loser, never a 500; and a replay later on revokes
// the grant with all its tokens (RFC 6749, section 4.1.2).
func TestConcurrentRedemptionOfOneCode(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	ada := newBrowser(t)
	bystander := i.tokens(t, ada, "ada", "app", secret)
	var code, verifier string
	var winner answer
	for range 4 { // a race is not met at every try
		code, verifier = i.freshCode(t, ada, "ada", "app")
		won := 0
		for _, a := range i.postAtOnce(t, parallel, "/oauth2/token", "app", secret, codeForm(code, verifier)) {
			if a.Status == http.StatusOK {
				won++
				winner = a
				continue
			}
			a.wantRefused(t, http.StatusBadRequest, "invalid_grant")
		}
		if won != 1 {
			t.Fatalf("%d of %d redemptions succeeded, want 1", won, parallel)
		}
	}
	access, refresh := winner.str("access_token"), winner.str("refresh_token")

	i.clock.Advance(30 * time.Second)
	i.exchange(t, "app", secret, code, verifier).wantRefused(t, http.StatusBadRequest, "invalid_grant")
	i.wantDead(t, "app", secret, access)
	i.introspect(t, "app", secret, refresh).wantInactive(t)
	i.refresh(t, "app", secret, refresh).wantRefused(t, http.StatusBadRequest, "invalid_grant")

	// Only that grant: the same person's other one lives.
	i.wantAlive(t, "app", secret, bystander.str("access_token"))
	if a := i.refresh(t, "app", secret, bystander.str("refresh_token")); a.Status != http.StatusOK {
		t.Errorf("another grant of the same person died: %d %s", a.Status, a.Raw)
	}
}

// A replay is noticed however late it comes, also when the code has expired
// and when tokens were refreshed meanwhile; a replay by another client harms
// nobody.
func TestReplayOfACodeRevokes(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	otherSecret := i.webApp(t, "other")
	code, verifier := i.freshCode(t, newBrowser(t), "ada", "app")
	first := i.exchange(t, "app", secret, code, verifier)
	i.clock.Advance(5 * time.Minute)
	second := i.refresh(t, "app", secret, first.str("refresh_token"))
	if first.Status != http.StatusOK || second.Status != http.StatusOK {
		t.Fatalf("%d %s, %d %s", first.Status, first.Raw, second.Status, second.Raw)
	}

	i.exchange(t, "other", otherSecret, code, verifier).wantRefused(t, http.StatusBadRequest, "invalid_grant")
	i.exchange(t, "app", otherSecret, code, verifier).wantRefused(t, http.StatusUnauthorized, "invalid_client")
	i.wantAlive(t, "app", secret, second.str("access_token"))

	i.exchange(t, "app", secret, code, "").wantRefused(t, http.StatusBadRequest, "invalid_grant")
	for _, a := range []answer{first, second} {
		i.wantDead(t, "app", secret, a.str("access_token"))
		i.refresh(t, "app", secret, a.str("refresh_token")).wantRefused(t, http.StatusBadRequest, "invalid_grant")
	}
}
