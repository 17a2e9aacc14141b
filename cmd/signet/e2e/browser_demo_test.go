package e2e

import (
	"os"
	"strings"
	"testing"

	"signet/cmd/signet/demo"
)

// TestDemoStory clicks through what `signet demo` tells people to click
// through, and looks at the app's pages on the way.
func TestDemoStory(t *testing.T) {
	c := startChromium(t)
	axe := axeCore(t)
	d, err := demo.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	b := c.window(t)
	look := func(name string) {
		t.Helper()
		evaluate[bool](b, axe+";true")
		for _, scheme := range []string{"light", "dark"} {
			b.media("", "prefers-color-scheme", scheme)
			b.accessible(name + " " + scheme)
			b.fits(name + " " + scheme)
			b.picture(os.Getenv("SIGNET_SCREENSHOTS"), "demo-"+name+"-"+scheme)
		}
	}

	b.open(d.App)
	look("start")
	b.press("sign-in", "#username")
	b.check("the sign-in page is the issuer's", `location.href.startsWith("`+d.Issuer+`/")`)
	b.fill("username", d.Username)
	b.fill("password", d.Password)
	b.press("sign-in", "#allow")
	b.says("main", "Photo Printer")
	b.says("main", "See your photos")
	look("consent")
	b.press("allow", "#signed-in")

	b.says("h1", "Ada Lovelace")
	b.says("#claims", d.Issuer)
	b.says("#userinfo", "ada@example.com")
	look("claims")

	b.press("call-api", "#answer")
	b.says("#answer", "Analytical Engine")
	look("answer")

	before := b.text("#claims")
	b.press("refresh", "main:has(#notice):not(:has(#answer))")
	b.says("#notice", "new access token")
	look("refreshed")
	b.press("call-api", "#answer")
	b.says("#answer", "Analytical Engine")
	if after := b.text("#claims"); subject(after) == "" || subject(after) != subject(before) {
		t.Errorf("refreshing changed who it is: %q, then %q", before, after)
	}

	b.press("sign-out", "#signed-out, #logout-confirm")
	if evaluate[bool](b, `!!document.querySelector("#logout-confirm")`) {
		b.press("logout-confirm", "#signed-out")
	}
	look("signed-out")

	// Out here and there: the issuer asks for name and password again, and
	// the allowed app is not asked about again.
	b.press("home", "#sign-in")
	b.press("sign-in", "#username")
	b.fill("username", d.Username)
	b.fill("password", d.Password)
	b.press("sign-in", "#signed-in")
}

// subject is the value of sub in a list of names and values.
func subject(list string) string {
	_, rest, _ := strings.Cut(list, "sub")
	value, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	return value
}
