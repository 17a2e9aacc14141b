package e2e

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/clients"
)

// medians runs each function in turn, so that a busy machine slows all of them
// alike, and returns their median times.
func medians(rounds int, functions ...func()) []time.Duration {
	times := make([][]time.Duration, len(functions))
	for range rounds {
		for k, f := range functions {
			began := time.Now()
			f()
			times[k] = append(times[k], time.Since(began))
		}
	}
	out := make([]time.Duration, len(functions))
	for k := range times {
		slices.Sort(times[k])
		out[k] = times[k][rounds/2]
	}
	return out
}

// wantAlike compares medians. The bound is wide: it is to catch work that is
// left out, such as a password hash, and not to measure a busy machine.
func wantAlike(t *testing.T, what string, a, b time.Duration) {
	t.Helper()
	if a > 4*b || b > 4*a {
		t.Errorf("%s: medians %v and %v give away which it was", what, a, b)
	}
}

// What differs between two pages that say the same.
var fleeting = regexp.MustCompile(`value="[^"]*"|/interaction/[^/"]+/|autofocus|<dd id="error-id">[^<]*`)

// An unknown person, a wrong password, a disabled person and one without a
// password look the same and take the same time.
func TestUnknownPersonLooksLikeWrongPassword(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	eve := i.person(t, "eve")
	if err := i.Login.SetDisabled(t.Context(), eve.ID, true); err != nil {
		t.Fatal(err)
	}
	i.webApp(t, "app")
	b := newBrowser(t)
	form := b.get(i.authorizeURL("app", nil))
	try := func(username, password string) *page {
		return b.submit(form, "sign-in", map[string]string{"username": username, "password": password})
	}
	attempts := map[string][2]string{
		"wrong password":         {"ada", "a wrong password"},
		"unknown person":         {"nobody", "a wrong password"},
		"unknown email":          {"nobody@example.test", "a wrong password"},
		"disabled, right":        {"eve", testPassword},
		"disabled, wrong":        {"eve", "a wrong password"},
		"a name too long":        {strings.Repeat("n", 5000), "a wrong password"},
		"a name that is no name": {"\x01\x02", "a wrong password"},
		"a short password":       {"ada", "x"},
		"a long password":        {"ada", strings.Repeat("p", 2000)},
		"a password in Latin-1":  {"ada", "p\xe4ssword"},
	}
	want := try("ada", "a wrong password")
	for name, a := range attempts {
		t.Run(name, func(t *testing.T) {
			got := try(a[0], a[1])
			if got.Status != want.Status || fleeting.ReplaceAllString(got.Body, "") != fleeting.ReplaceAllString(want.Body, "") {
				t.Errorf("%d, differs from a wrong password (%d):\n%s", got.Status, want.Status, got.Body)
			}
			if strings.Contains(got.Body, a[1]) && len(a[1]) > 1 {
				t.Error("the password comes back")
			}
			got.wantGuarded(t)
		})
	}
	names := []string{"unknown person", "disabled, right", "a name too long", "a name that is no name", "a short password", "a long password"}
	functions := []func(){func() { try("ada", "a wrong password") }}
	for _, name := range names {
		functions = append(functions, func() { try(attempts[name][0], attempts[name][1]) })
	}
	times := medians(7, functions...)
	for k, name := range names {
		wantAlike(t, name, times[0], times[k+1])
	}
}

// An unknown client and a wrong secret look the same and take the same time,
// at every endpoint that authenticates clients.
func TestUnknownClientLooksLikeWrongSecret(t *testing.T) {
	i := start(t)
	i.webApp(t, "app")
	off := i.webApp(t, "off", func(c *clients.Client) { c.Disabled = true })
	wrong := strings.Repeat("w", 43)
	form := url.Values{"grant_type": {"client_credentials"}, "token": {"x"}}
	for _, path := range []string{"/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"} {
		want := i.post(t, path, "app", wrong, form)
		want.wantRefused(t, http.StatusUnauthorized, "invalid_client")
		for name, got := range map[string]answer{
			"unknown":             i.post(t, path, "nobody", wrong, form),
			"unknown, no secret":  i.post(t, path, "nobody", "", form),
			"known, no secret":    i.post(t, path, "app", "", form),
			"disabled":            i.post(t, path, "off", off, form),
			"in the body":         i.post(t, path, "", "", url.Values{"grant_type": {"client_credentials"}, "token": {"x"}, "client_id": {"nobody"}, "client_secret": {wrong}}),
			"in the body, a SQL":  i.post(t, path, "", "", url.Values{"grant_type": {"client_credentials"}, "token": {"x"}, "client_id": {"x' OR '1'='1"}, "client_secret": {wrong}}),
			"in the body, a NUL":  i.post(t, path, "", "", url.Values{"grant_type": {"client_credentials"}, "token": {"x"}, "client_id": {"app\x00"}, "client_secret": {wrong}}),
			"in the body, latin1": i.post(t, path, "", "", url.Values{"grant_type": {"client_credentials"}, "token": {"x"}, "client_id": {"app\xe4"}, "client_secret": {wrong}}),
		} {
			if got.Status != want.Status || got.Raw != want.Raw || got.Header.Get("WWW-Authenticate") != want.Header.Get("WWW-Authenticate") {
				t.Errorf("%s, %s: %d %s, want what a wrong secret gets: %s", path, name, got.Status, got.Raw, want.Raw)
			}
		}
	}
	i.queries.take()
	i.post(t, "/oauth2/token", "app", wrong, form)
	known, _ := i.queries.take()
	i.post(t, "/oauth2/token", "nobody", wrong, form)
	unknown, _ := i.queries.take()
	if len(known) != len(unknown) {
		t.Errorf("%d queries for a known client, %d for an unknown one", len(known), len(unknown))
	}
	times := medians(41,
		func() { i.post(t, "/oauth2/token", "app", wrong, form) },
		func() { i.post(t, "/oauth2/token", "nobody", wrong, form) })
	wantAlike(t, "unknown client", times[0], times[1])
}
