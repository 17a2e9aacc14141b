package e2e

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/authz/login"
	"signet/clients"
	"signet/cmd/signet/server"
)

// testFactor is a second factor whose code is the person's id backwards, once.
type testFactor struct {
	mu   sync.Mutex
	has  map[string]bool
	used map[string]int
}

func (*testFactor) Level() login.Level {
	return login.Level{ACR: "2", AMR: "otp", Ask: "Code from your test device"}
}

func (f *testFactor) Enrolled(_ context.Context, subject string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.has[subject], nil
}

func (f *testFactor) Check(_ context.Context, subject, response string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if response != code(subject) {
		return login.ErrMismatch
	}
	f.used[subject]++
	return nil
}

func code(subject string) string {
	b := []byte(subject)
	slices.Reverse(b)
	return string(b)
}

// startWithFactor is a server with a second factor that ada has and bob has not.
func startWithFactor(t *testing.T) (i *issuer, f *testFactor, ada login.Person) {
	f = &testFactor{has: map[string]bool{}, used: map[string]int{}}
	i = startWith(t, server.Options{Factors: []login.Factor{f}})
	ada = i.person(t, "ada")
	i.person(t, "bob")
	f.has[ada.ID] = true
	return i, f, ada
}

const acrTwo = `{"id_token":{"acr":{"essential":true,"values":["2"]}}}`

// A session below the level that is asked for is led to what is missing, and to
// nothing else; once it is there, all is silent (RFC 9470).
func TestStepUp(t *testing.T) {
	for name, ask := range map[string]map[string]string{
		"acr_values": {"acr_values": "2"}, "essential": {"claims": acrTwo}, "one of several": {"acr_values": "urn:example:none 2"},
		"a wish in claims": {"claims": `{"id_token":{"acr":{"value":"2"}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			i, f, ada := startWithFactor(t)
			secret := i.webApp(t, "app", firstParty)
			b := newBrowser(t)
			first := decodeSegment(t, i.exchange(t, "app", secret, b.authorize(i.authorizeURL("app", nil), "ada"), "").str("id_token"), 1)
			i.clock.Advance(5 * time.Second)
			before := cookieOf(t, b, i)

			p := b.get(i.authorizeURL("app", ask))
			if p.byID("confirm") == nil || p.byID("password") != nil || !strings.Contains(p.Body, "Code from your test device") {
				t.Fatalf("not the page of the factor: %d %v\n%s", p.Status, p.Location, p.Body)
			}
			for _, wrong := range []string{"", "wrong"} {
				if p = b.submit(p, "confirm", map[string]string{"response": wrong}); p.Status != http.StatusOK || p.byID("problems") == nil {
					t.Fatalf("%q: %d %v", wrong, p.Status, p.Location)
				}
			}
			p = b.submit(p, "confirm", map[string]string{"response": code(ada.ID)})
			c := decodeSegment(t, i.exchange(t, "app", secret, p.param("code"), "").str("id_token"), 1)
			if c["acr"] != "2" || len(c["amr"].([]any)) != 2 || c["sid"] != first["sid"] || c["auth_time"] != first["auth_time"] {
				t.Errorf("the ID token says %v, before %v", c, first)
			}
			if after := cookieOf(t, b, i); after == before || after == "" {
				t.Error("the token of the session did not change with its level")
			}
			for _, again := range []string{"2", "1"} {
				p := b.get(i.authorizeURL("app", map[string]string{"acr_values": again, "prompt": "none"}))
				c := decodeSegment(t, i.exchange(t, "app", secret, p.param("code"), "").str("id_token"), 1)
				if c["acr"] != again {
					t.Errorf("acr_values=%s: acr is %v", again, c["acr"])
				}
			}
			if f.used[ada.ID] != 1 {
				t.Errorf("the factor was asked %d times", f.used[ada.ID])
			}
		})
	}
}

// cookieOf is the session cookie of a browser.
func cookieOf(t *testing.T, b *browser, i *issuer) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(req.URL) {
		if strings.Contains(c.Name, "session") {
			return c.Value
		}
	}
	return ""
}

// Without a session the password comes first, and then the factor; prompt=login
// asks for the password alone, as far as the level goes.
func TestStepUpFromNothing(t *testing.T) {
	i, _, ada := startWithFactor(t)
	secret := i.webApp(t, "app")
	b := newBrowser(t)
	p := b.get(i.authorizeURL("app", map[string]string{"claims": acrTwo}))
	p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
	if p.byID("confirm") == nil {
		t.Fatalf("after the password: %d %v", p.Status, p.Location)
	}
	p = b.submit(p, "confirm", map[string]string{"response": code(ada.ID)})
	if p.byID("allow") == nil {
		t.Fatalf("after the factor: %d %v", p.Status, p.Location)
	}
	p = b.submit(p, "allow", nil)
	if c := decodeSegment(t, i.exchange(t, "app", secret, p.param("code"), "").str("id_token"), 1); c["acr"] != "2" {
		t.Errorf("acr is %v", c["acr"])
	}
}

// What cannot be reached: a wish goes on with what is reached, a must is refused.
func TestStepUpOutOfReach(t *testing.T) {
	i, _, _ := startWithFactor(t)
	i.webApp(t, "app", firstParty)
	b, other := newBrowser(t), newBrowser(t)
	b.authorize(i.authorizeURL("app", nil), "ada")
	other.authorize(i.authorizeURL("app", nil), "bob") // who has no second factor
	must := func(values string) map[string]string {
		return map[string]string{"claims": `{"id_token":{"acr":{"essential":true,"values":[` + values + `]}}}`}
	}
	for name, tt := range map[string]struct {
		b    *browser
		ask  map[string]string
		want string
	}{
		"a wish, bob":                     {other, map[string]string{"acr_values": "2"}, ""},
		"a wish, unknown":                 {b, map[string]string{"acr_values": "urn:example:none"}, ""},
		"a wish, silent":                  {b, map[string]string{"acr_values": "2", "prompt": "none"}, ""},
		"a must, bob":                     {other, must(`"2"`), "unmet_authentication_requirements"},
		"a must, bob, or less":            {other, must(`"2","1"`), ""},
		"a must, unknown":                 {b, must(`"urn:example:none"`), "unmet_authentication_requirements"},
		"a must that is no text":          {b, must(`2`), "unmet_authentication_requirements"},
		"a must of nothing":               {b, must(``), "unmet_authentication_requirements"},
		"any acr":                         {b, map[string]string{"claims": `{"id_token":{"acr":{"essential":true}}}`}, ""},
		"a must of userinfo means nought": {b, map[string]string{"claims": `{"userinfo":{"acr":{"essential":true,"value":"9"}}}`}, ""},
		"a must, silent":                  {b, map[string]string{"claims": acrTwo, "prompt": "none"}, "login_required"},
		"a must, bob, silent":             {other, map[string]string{"claims": acrTwo, "prompt": "none"}, "unmet_authentication_requirements"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &browser{t: t, client: tt.b.client}
			p := b.get(i.authorizeURL("app", tt.ask))
			if tt.want != "" {
				p.wantErrorRedirect(t, i.URL, testCallback, tt.want, "a-state")
			} else if p.param("code") == "" {
				t.Errorf("%d %v", p.Status, p.Location)
			}
		})
	}
	doc := b.get(i.URL + "/.well-known/openid-configuration")
	if !strings.Contains(doc.Body, `"acr_values_supported":["1","2"]`) {
		t.Errorf("the metadata does not name the levels: %s", doc.Body)
	}
}

// The form of the factor is bound to its browser, its flow and the person, and
// lets nobody past the password.
func TestStepUpForm(t *testing.T) {
	i, f, ada := startWithFactor(t)
	i.webApp(t, "app", firstParty, func(c *clients.Client) { c.DefaultACRValues = []string{"2"} })
	b := newBrowser(t)
	p := b.submit(b.get(i.authorizeURL("app", nil)), "sign-in", map[string]string{"username": "ada", "password": testPassword})
	right := map[string]string{"response": code(ada.ID)}
	if p := b.submit(p, "confirm", map[string]string{"response": code(ada.ID), "csrf": "x"}); p.Status != http.StatusForbidden {
		t.Errorf("without its token: %d", p.Status)
	}
	if p := newBrowser(t).follow(b.submission(p, "confirm", right)); p.Status != http.StatusBadRequest {
		t.Errorf("in another browser: %d", p.Status)
	}
	// "Not you?", and nobody is signed in any more: the form leads to the password.
	form := b.submission(p, "confirm", right)
	b.submit(p, "not-you", nil)
	if p := b.follow(form); p.byID("sign-in") == nil {
		t.Errorf("without a session: %d %v", p.Status, p.Location)
	}
	if f.used[ada.ID] != 0 {
		t.Error("the factor was asked all the same")
	}
	// Bob signs in to the same flow: ada's form is not tried on him, and he has none.
	p = b.submit(b.get(p.URL.String()), "sign-in", map[string]string{"username": "bob", "password": testPassword})
	if p.param("code") == "" {
		t.Errorf("bob: %d %v", p.Status, p.Location)
	}
}
