package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestBrowser goes through the pages in Chromium. One browser serves all of
// it; each window has cookies of its own.
func TestBrowser(t *testing.T) {
	c := startChromium(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *chromium)
	}{
		// browser_flow_test.go
		{"sign in and allow", testSignInAndAllow},
		{"wrong password", testWrongPassword},
		{"deny", testDeny},
		{"form_post", testFormPost},
		{"the app passes the browser on to another host", testAppPassesOn},
		{"permissions are asked for once", testConsentOnce},
		{"not you", testNotYou},
		// browser_detours_test.go
		{"back after sign-in", testBackAfterSignIn},
		{"back after consent", testBackAfterConsent},
		{"double click", testDoubleClick},
		{"two tabs", testTwoTabs},
		{"two tabs, two people", testTwoTabsTwoPeople},
		{"expired page", testExpiredPage},
		{"cookies lost", testCookiesLost},
		// browser_ways_test.go
		{"keyboard only", testKeyboardOnly},
		{"scripts off", testScriptsOff},
		{"logout", testLogout},
		{"set-up link", testSetupLink},
		// browser_spa_test.go
		{"single-page app", testSinglePageApp},
		{"single-page app of the guide", testDocumentedPage},
		{"single-page app of a stranger", testSinglePageAppOfAStranger},
		// browser_pages_test.go
		{"every page", testEveryPage},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // they wait more than they work
			test.run(t, c)
		})
	}
}

// chromium is a running browser.
type chromium struct{ ctx context.Context }

// startChromium runs a headless Chromium, with a profile of its own, until
// the test ends.
func startChromium(t *testing.T) *chromium {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		missing(t, "no Chromium here: the pages are not tested in a browser (on Debian: apt-get install chromium)")
	}
	// The sandbox needs privileges that containers lack, and guards against
	// strangers' pages: this browser sees none.
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Env("TMPDIR="+t.TempDir()), // Chromium leaves things there
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, _ := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	t.Cleanup(func() {
		ending, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := chromedp.Cancel(ending); err != nil {
			t.Errorf("ending Chromium: %v", err)
		}
	})
	return &chromium{ctx}
}

// patience is how long something may take that takes a moment.
const patience = 20 * time.Second

// tab is one tab of one window.
type tab struct {
	t   testing.TB
	ctx context.Context
}

// window opens a tab in a new window, which has no cookies yet.
func (c *chromium) window(t testing.TB) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	return newTab(t, ctx)
}

// another opens a second tab in the same window.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	return newTab(b.t, ctx)
}

func newTab(t testing.TB, ctx context.Context) *tab {
	t.Helper()
	// The first call ties the tab to its context, so it has no deadline.
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800)); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	return &tab{t, ctx}
}

// do takes steps in the tab, and says what stood there when one fails.
func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.describe())
	}
}

// describe is the address and text of the page, for a failure.
func (b *tab) describe() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	seen, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.documentElement.innerText`))
	if err != nil {
		return "(the page cannot be read: " + err.Error() + ")"
	}
	return seen
}

// evaluate runs a script in the page through the debugger, which the page's
// Content-Security-Policy does not stop.
func evaluate[T any](b *tab, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", script[:min(len(script), 200)], err, b.describe())
	}
	return got
}

// check reports a script that is not true in the page.
func (b *tab) check(what, script string) {
	b.t.Helper()
	if !evaluate[bool](b, script) {
		b.t.Errorf("%s: not true: %s\n%s", what, script, b.describe())
	}
}

func (b *tab) open(address string) {
	b.t.Helper()
	b.do("open "+address, chromedp.Navigate(address))
}

// see waits until a page shows what the selector names.
func (b *tab) see(selector string) {
	b.t.Helper()
	b.do("wait for "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
}

// press clicks the button or link with this id, and waits for next.
func (b *tab) press(id, next string) {
	b.t.Helper()
	b.do("press #"+id, chromedp.Click(chromedp.CSS("#"+id)))
	b.see(next)
}

// fill types text into the field with this id, over what stands there.
func (b *tab) fill(id, text string) {
	b.t.Helper()
	b.do("fill #"+id, chromedp.Clear(chromedp.CSS("#"+id)), chromedp.SendKeys(chromedp.CSS("#"+id), text))
}

// key presses keys, wherever the focus is.
func (b *tab) key(keys string) {
	b.t.Helper()
	b.do("keys", chromedp.KeyEvent(keys))
}

func (b *tab) back() {
	b.t.Helper()
	b.do("back", chromedp.NavigateBack())
}

// text is what a person reads in the first element of the selector.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return evaluate[string](b, fmt.Sprintf(`document.querySelector(%q).innerText`, selector))
}

// says reports an element that does not hold a text.
func (b *tab) says(selector, want string) {
	b.t.Helper()
	if got := b.text(selector); !strings.Contains(got, want) {
		b.t.Errorf("%s says %q, not %q", selector, got, want)
	}
}

// focus is the id of the element that has it.
func (b *tab) focus() string {
	b.t.Helper()
	return evaluate[string](b, `document.activeElement.id || document.activeElement.localName`)
}

func (b *tab) forgetCookies() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, network.ClearBrowserCookies, struct{}{}); err != nil {
		b.t.Fatal(err)
	}
}

// signIn fills the sign-in page, sends it and waits for next.
func (b *tab) signIn(name, next string) {
	b.t.Helper()
	b.see("#username")
	b.fill("username", name)
	b.fill("password", testPassword)
	b.press("sign-in", next)
}
