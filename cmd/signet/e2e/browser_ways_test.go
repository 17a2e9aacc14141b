package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"signet/clients"
)

// ring reports an element that has the focus and does not show it.
func (b *tab) ring() {
	b.t.Helper()
	b.check("the focus is seen on "+b.focus(), `(() => { const s = getComputedStyle(document.activeElement);
		return s.outlineStyle === "solid" && parseFloat(s.outlineWidth) >= 3 && s.outlineColor !== "rgba(0, 0, 0, 0)" })()`)
}

// tabTo presses Tab once for each of these ids, and reports another order.
func (b *tab) tabTo(ids ...string) {
	b.t.Helper()
	for _, id := range ids {
		b.key(kb.Tab)
		if got := b.focus(); got != id {
			b.t.Fatalf("Tab leads to %s, not to %s", got, id)
		}
		b.ring()
	}
}

func testKeyboardOnly(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	a := i.relyingParty(t, func(c *clients.Client) {
		c.PolicyURI, c.TermsURI = "https://app.example.test/policy", "https://app.example.test/terms"
	})
	b := c.window(t)
	b.open(a.link(map[string]string{"scope": "openid profile"}))
	b.see("#username")
	b.ring()
	b.key("alice")
	b.tabTo("password")
	b.key("wrong")
	b.tabTo("remember", "sign-in")
	b.key(kb.Enter)
	b.see("#problems")
	if got := b.focus(); got != "password" {
		t.Errorf("after a wrong password the focus is on %s", got)
	}
	b.ring()
	b.key(testPassword + kb.Enter)
	b.see("#allow")
	b.tabTo("a", "a", "not-you", "deny", "allow")
	b.key(kb.Enter)
	b.see(atApp)
	a.answered(t, http.MethodGet, "code", "a-state")

	// More permissions: what was given before unfolds by key, and Space
	// presses a button too.
	b.open(a.link(map[string]string{"scope": "openid profile email", "state": "more"}))
	b.see("#allow")
	b.tabTo("summary")
	b.key(kb.Enter)
	b.check("Enter unfolds", `document.querySelector("details").open`)
	b.tabTo("a", "a", "not-you", "deny")
	b.key(" ")
	b.see(atApp)
	a.answered(t, http.MethodGet, "error", "more")

	b.open(i.URL + "/")
	b.see("#sign-out")
	b.tabTo("account", "sign-out")
	b.key(kb.Enter)
	b.see("#logout-confirm")
	b.tabTo("logout-confirm")
	b.key(kb.Enter)
	b.see("main:not(:has(#logout-confirm))")
	b.says("h1", "Signed out")
}

func testScriptsOff(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	a := i.relyingParty(t)
	for _, mode := range []string{"query", "form_post"} {
		t.Run(mode, func(t *testing.T) {
			b := c.window(t)
			_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			if err != nil {
				t.Fatal(err)
			}
			b.open(a.link(map[string]string{"response_mode": mode, "prompt": "consent", "state": mode}))
			b.see("#username")
			b.fill("username", "alice")
			b.fill("password", "wrong")
			b.press("sign-in", "#problems")
			b.signIn("alice", "#allow")
			method := http.MethodGet
			if mode == "form_post" {
				method = http.MethodPost
				b.press("allow", "#continue") // stays: no script sends it on
				a.quiet(t)
				b.press("continue", atApp)
			} else {
				b.press("allow", atApp)
			}
			a.signsIn(t, a.answered(t, method, "code", mode))

			b.open(i.URL + "/oauth2/logout")
			b.press("logout-confirm", "main:not(:has(#logout-confirm))")
			b.says("h1", "Signed out")
		})
	}
}

func testLogout(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	a := i.relyingParty(t)
	b := c.window(t)
	signIn := func() answer {
		t.Helper()
		b.open(a.link(map[string]string{"prompt": "consent"}))
		b.signIn("alice", "#allow")
		b.press("allow", atApp)
		return a.signsIn(t, a.answered(t, http.MethodGet, "code", "a-state"))
	}
	out := i.URL + "/oauth2/logout"

	signIn()
	b.open(out)
	b.says("h1", "Sign out?")
	b.press("stay", "#sign-out")
	b.says("main", "You are signed in")
	b.press("sign-out", "#logout-confirm")
	b.press("logout-confirm", "main:not(:has(#logout-confirm))")
	b.says("h1", "Signed out")
	b.check("the address holds nothing", `location.href === "`+i.URL+`/logged-out"`)
	b.back() // to a page that asks, of somebody who is signed out
	b.see("main:not(:has(#stay))")
	b.says("h1", "Signed out")
	b.open(i.URL + "/")
	b.says("main", "You are not signed in")

	// From the app, and back to it.
	hint := signIn().str("id_token")
	b.open(out + "?" + url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {a.Bye}, "state": {"so long"}}.Encode())
	b.see(atBye + ", #logout-confirm")
	if strings.HasPrefix(evaluate[string](b, `location.href`), i.URL) {
		b.press("logout-confirm", atBye)
	}
	if got := a.arrived(t, http.MethodGet, "/bye"); got.Get("state") != "so long" || len(got) != 1 {
		t.Errorf("the app got %v back", got)
	}
	b.open(i.URL + "/")
	b.says("main", "You are not signed in")
	signIn() // asks for name and password again

	// By a form of the app, which browsers send without our cookies.
	b.open(a.URL + "/bye")
	a.arrived(t, http.MethodGet, "/bye")
	evaluate[bool](b, `(() => { const f = document.createElement("form"); f.method = "post"; f.action = "`+out+`";
		document.body.append(f); f.submit(); return true })()`)
	b.see("#logout-confirm")
	b.press("logout-confirm", "main:not(:has(#logout-confirm))")
	b.says("h1", "Signed out")
}

func testSetupLink(t *testing.T, c *chromium) {
	i := start(t)
	token, _, err := i.Login.NewSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := c.window(t)
	b.open(i.URL + "/setup/" + token)
	b.see("#username")
	if got := b.focus(); got != "username" {
		t.Errorf("the focus is on %s, not on the username", got)
	}
	b.fill("username", "root")
	b.fill("email", "root@example.test")
	b.fill("name", "Root Example")
	b.fill("password", "short")
	b.press("create", "#problems")
	b.says("#problems", "Password")
	b.check("the problem is announced", `document.querySelector("#problems").getAttribute("role") === "alert"`)
	b.check("what was typed is kept", `["root", "root@example.test", "Root Example"].join() ===
		["username", "email", "name"].map(id => document.getElementById(id).value).join()`)
	b.check("but for the password", `document.querySelector("#password").value === ""`)
	if got := b.focus(); got != "password" {
		t.Errorf("the problem is the password, and the focus is on %s", got)
	}
	b.fill("password", testPassword)
	b.press("create", "main:not(:has(form))")
	b.says("h1", "The server is ready")
	b.open(i.URL + "/setup/" + token)
	b.says("h1", "This link no longer works")

	a := i.relyingParty(t)
	b.open(a.link(nil))
	b.signIn("root", "#allow")
	b.press("allow", atApp)
	info := a.signsIn(t, a.answered(t, http.MethodGet, "code", "a-state"))
	if info.str("email") != "root@example.test" || info.str("name") != "Root Example" {
		t.Errorf("userinfo: %s", info.Raw)
	}
}
