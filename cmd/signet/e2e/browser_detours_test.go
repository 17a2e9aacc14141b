package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

func testBackAfterSignIn(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	a := i.relyingParty(t)
	b := c.window(t)
	b.open(a.link(nil))
	b.signIn("alice", "#allow")
	b.back()
	b.see("#allow") // nobody signs in twice
	b.says(".who", "Signed in as alice")
	b.press("allow", atApp)
	a.signsIn(t, a.answered(t, http.MethodGet, "code", "a-state"))
	a.quiet(t)
}

func testBackAfterConsent(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	a := i.relyingParty(t)
	for _, button := range []string{"allow", "deny"} {
		t.Run(button, func(t *testing.T) {
			b := c.window(t)
			b.open(a.link(map[string]string{"prompt": "consent"}))
			b.signIn("alice", "#"+button)
			b.press(button, atApp)
			a.arrived(t, http.MethodGet, "/callback")
			b.back()
			b.see("#start-again")
			b.says("h1", "You have already finished here")
			a.quiet(t)
			b.press("start-again", "#allow") // prompt=consent asks again
			b.press("allow", atApp)
			a.signsIn(t, a.answered(t, http.MethodGet, "code", "a-state"))
		})
	}
}

// A slow network lets both clicks of a double click become requests.
func testDoubleClick(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	a := i.relyingParty(t)
	b := c.window(t)
	b.open(a.link(nil))
	b.see("#username")
	b.fill("username", "alice")
	b.fill("password", testPassword)

	b.slow(800 * time.Millisecond)
	b.doubleClick("sign-in")
	b.see("#allow")
	if n := i.log.count(`"POST"`, "/login"); n != 2 {
		t.Errorf("the double click made %d requests: the test shows nothing", n)
	}
	b.doubleClick("allow")
	b.see(atApp)
	if n := i.log.count(`"POST"`, "/consent"); n != 2 {
		t.Errorf("the double click made %d requests: the test shows nothing", n)
	}
	a.signsIn(t, a.answered(t, http.MethodGet, "code", "a-state"))
	a.quiet(t)
}

// slow delays every answer from the network.
func (b *tab) slow(latency time.Duration) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{
			Latency: float64(latency.Milliseconds()), DownloadThroughput: -1, UploadThroughput: -1,
		}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// doubleClick clicks a button twice, as fast as a nervous person does.
func (b *tab) doubleClick(id string) {
	b.t.Helper()
	b.see("#" + id)
	at := evaluate[[2]float64](b, `(() => { const r = document.getElementById("`+id+`").getBoundingClientRect();
		return [r.x + r.width / 2, r.y + r.height / 2] })()`)
	click := chromedp.MouseClickXY(at[0], at[1])
	b.do("double click on #"+id, click, chromedp.Sleep(100*time.Millisecond), click)
}

func testTwoTabs(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	a := i.relyingParty(t)
	one := c.window(t)
	two := one.another()
	one.open(a.link(map[string]string{"state": "one"}))
	two.open(a.link(map[string]string{"state": "two"}))
	one.see("#username")
	two.see("#username")

	one.signIn("alice", "#allow")
	two.signIn("alice", "#allow") // the page that was open all along
	one.press("allow", atApp)     // asked under the session that the other tab ended
	a.signsIn(t, a.answered(t, http.MethodGet, "code", "one"))
	two.press("allow", atApp)
	a.signsIn(t, a.answered(t, http.MethodGet, "code", "two"))
	a.quiet(t)
}

func testTwoTabsTwoPeople(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	bob := i.person(t, "bob")
	a := i.relyingParty(t)
	one := c.window(t)
	two := one.another()
	one.open(a.link(map[string]string{"state": "one"}))
	two.open(a.link(map[string]string{"state": "two"}))
	one.signIn("alice", "#allow")
	two.signIn("bob", "#allow")

	// The page asked alice; bob is signed in now.
	one.press("allow", "#problems")
	a.quiet(t)
	one.says(".who", "Signed in as bob")
	one.press("allow", atApp)
	if got := a.signsIn(t, a.answered(t, http.MethodGet, "code", "one")).str("sub"); got != bob.ID {
		t.Errorf("sub %q, not %q", got, bob.ID)
	}
}

func testExpiredPage(t *testing.T, c *chromium) {
	for _, button := range []string{"sign-in", "allow"} {
		t.Run(button, func(t *testing.T) {
			i := start(t)
			i.person(t, "alice")
			a := i.relyingParty(t)
			b := c.window(t)
			b.open(a.link(nil))
			b.see("#username")
			if button == "allow" {
				b.signIn("alice", "#allow")
			} else {
				b.fill("username", "alice")
				b.fill("password", testPassword)
			}
			i.clock.Advance(31 * time.Minute)
			b.press(button, "#start-again")
			b.says("h1", "This page is too old")
			a.quiet(t)
			if button == "allow" {
				b.press("start-again", "#allow")
			} else {
				b.press("start-again", "#username")
				b.signIn("alice", "#allow")
			}
			b.press("allow", atApp)
			a.signsIn(t, a.answered(t, http.MethodGet, "code", "a-state"))
		})
	}
}

func testCookiesLost(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	a := i.relyingParty(t)
	for _, button := range []string{"sign-in", "allow", "not-you"} {
		t.Run(button, func(t *testing.T) {
			b := c.window(t)
			b.open(a.link(nil))
			b.see("#username")
			if button == "sign-in" {
				b.fill("username", "alice")
				b.fill("password", testPassword)
			} else {
				b.signIn("alice", "#allow")
			}
			b.forgetCookies()
			b.press(button, "#error-id")
			for _, words := range []string{"This page cannot go on", "Go back to the app and start again", "allow cookies"} {
				b.says("main", words)
			}
			if id := b.text("#error-id"); !strings.Contains(i.log.String(), id) {
				t.Errorf("the log does not know the id %q that the page shows", id)
			}
			a.quiet(t)

			// What the page says to do works.
			b.open(a.link(nil))
			b.signIn("alice", "#allow")
		})
	}
}
