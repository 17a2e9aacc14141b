package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func testSignInAndAllow(t *testing.T, c *chromium) {
	i := start(t)
	alice := i.person(t, "alice")
	a := i.relyingParty(t)
	for _, name := range []string{"alice", "ALICE@example.test"} {
		t.Run(name, func(t *testing.T) {
			b := c.window(t)
			b.open(a.link(map[string]string{"prompt": "consent"}))
			b.see("#username")
			if got := b.focus(); got != "username" {
				t.Errorf("the focus is on %s, not on the username", got)
			}
			b.says("main", "to continue to Photo Printer")
			b.signIn(name, "#allow")
			b.says("h1", "Photo Printer wants access to your account")
			b.says("#app-host", strings.TrimPrefix(a.URL, "http://"))
			b.says(".who", "Signed in as alice")
			b.press("allow", atApp)
			info := a.signsIn(t, a.answered(t, http.MethodGet, "code", "a-state"))
			if info.str("sub") != alice.ID {
				t.Errorf("sub %q, not %q", info.str("sub"), alice.ID)
			}
			a.quiet(t)
		})
	}
}

func testWrongPassword(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	a := i.relyingParty(t)
	b := c.window(t)
	b.open(a.link(nil))
	said := map[string]string{}
	for _, name := range []string{"nobody", "alice"} {
		b.see("#username")
		b.fill("username", name)
		b.fill("password", "not the password of "+name)
		b.press("sign-in", `#username[value="`+name+`"]`)
		said[name] = b.text("#problems")
		b.check("the problem is announced", `document.querySelector("#problems").getAttribute("role") === "alert"`)
		b.check("the problem stands above the form",
			`(document.querySelector("#problems").compareDocumentPosition(document.querySelector("form")) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0`)
		b.check("the title says so first", `document.title.startsWith("Error")`)
		b.check("what was typed is kept", `document.querySelector("#username").value === "`+name+`"`)
		b.check("but for the password", `document.querySelector("#password").value === ""`)
		b.check("the field is marked", `document.querySelector("#password").getAttribute("aria-invalid") === "true"`)
		b.check("the field names the problem", `document.querySelector("#password").getAttribute("aria-describedby").split(" ").includes("problems")`)
		if got := b.focus(); got != "password" {
			t.Errorf("the focus is on %s, not on the password", got)
		}
		b.do("move the focus away", chromedp.Focus(chromedp.CSS("#username")))
		b.do("follow the problem", chromedp.Click(chromedp.CSS("#problems a")))
		if got := b.focus(); got != "password" {
			t.Errorf("the problem's link leads to %s, not to the password", got)
		}
	}
	if said["nobody"] != said["alice"] {
		t.Errorf("a name that is not known can be told from a wrong password: %q", said)
	}
	a.quiet(t)

	// Typing over the kept name and the right password goes on.
	b.signIn("alice", "#allow")
	b.press("allow", atApp)
	a.answered(t, http.MethodGet, "code", "a-state")
}

func testDeny(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	a := i.relyingParty(t)
	b := c.window(t)
	b.open(a.link(nil))
	b.signIn("alice", "#deny")
	b.press("deny", atApp)
	got := a.answered(t, http.MethodGet, "error", "a-state")
	if got.Get("error") != "access_denied" || got.Has("code") {
		t.Errorf("the response is %v", got)
	}

	// It is the answer to one question: asked again, the person may say yes.
	b.open(a.link(map[string]string{"state": "again"}))
	b.press("allow", atApp)
	a.answered(t, http.MethodGet, "code", "again")
	a.quiet(t)
}

func testFormPost(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	a := i.relyingParty(t)
	for button, param := range map[string]string{"allow": "code", "deny": "error"} {
		t.Run(button, func(t *testing.T) {
			b := c.window(t)
			// Quotes, angle brackets and line ends must come through the page.
			state := "a \"state\" & <b>'s</b> \u2713"
			b.open(a.link(map[string]string{"response_mode": "form_post", "state": state, "prompt": "consent"}))
			b.signIn("alice", "#"+button)
			b.press(button, atApp) // the page sends itself on
			got := a.answered(t, http.MethodPost, param, state)
			if param == "code" {
				a.signsIn(t, got)
			}
			a.quiet(t)
			b.check("nothing of the response stands in the address", `location.href === "`+a.Callback+`"`)
		})
	}
}

// Chromium holds every redirect that follows a form against the form-action
// of the page, also those of the app: https://github.com/w3c/webappsec-csp/issues/8.
func testAppPassesOn(t *testing.T, c *chromium) {
	for _, mode := range []string{"query", "form_post"} {
		t.Run(mode, func(t *testing.T) {
			i := start(t)
			i.person(t, "alice")
			a := i.relyingParty(t)
			a.PassOn = strings.Replace(a.URL, "127.0.0.1", "localhost", 1) + "/onward"
			b := c.window(t)
			b.open(a.link(map[string]string{"response_mode": mode}))
			b.signIn("alice", "#allow")
			b.press("allow", "#onward")
			method := map[string]string{"query": http.MethodGet, "form_post": http.MethodPost}[mode]
			a.answered(t, method, "code", "a-state")
			a.arrived(t, http.MethodGet, "/onward")

			// With consent given, signing in alone leads there.
			b.forgetCookies()
			b.open(a.link(map[string]string{"response_mode": mode, "state": "again"}))
			b.signIn("alice", "#onward")
			a.answered(t, method, "code", "again")
		})
	}
}

func testConsentOnce(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	a := i.relyingParty(t)
	b := c.window(t)
	b.open(a.link(map[string]string{"scope": "openid profile"}))
	b.signIn("alice", "#allow")
	b.press("allow", atApp)
	a.answered(t, http.MethodGet, "code", "a-state")

	b.open(a.link(map[string]string{"scope": "openid profile", "state": "silent"}))
	b.see(atApp)
	a.answered(t, http.MethodGet, "code", "silent")

	b.open(a.link(map[string]string{"scope": "openid profile photos.read", "state": "more"}))
	b.see("#allow")
	b.says(".scopes", "See your photos")
	b.check("only what is new is asked", `document.querySelectorAll("main > .scopes li").length === 1`)
	b.check("what was given before is folded away", `!document.querySelector("details").open && document.querySelectorAll("details li").length === 2`)
	b.do("unfold", chromedp.Click(chromedp.CSS("summary")))
	b.check("and can be unfolded", `document.querySelector("details").open`)
	b.press("allow", atApp)
	a.answered(t, http.MethodGet, "code", "more")
}

func testNotYou(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	bob := i.person(t, "bob")
	a := i.relyingParty(t)
	b := c.window(t)
	b.open(a.link(nil))
	b.signIn("alice", "#not-you")
	b.press("not-you", "#username")
	b.signIn("bob", "#allow")
	b.says(".who", "Signed in as bob")
	b.press("allow", atApp)
	if got := a.signsIn(t, a.answered(t, http.MethodGet, "code", "a-state")).str("sub"); got != bob.ID {
		t.Errorf("sub %q, not %q", got, bob.ID)
	}
}
