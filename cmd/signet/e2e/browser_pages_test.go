package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	screen "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// testEveryPage holds each page, in light and dark, on a telephone and on a
// desk, against what a person with any eyes, hands or helper needs. With
// SIGNET_SCREENSHOTS=DIR it keeps a picture of each.
func testEveryPage(t *testing.T, c *chromium) {
	axe := axeCore(t)
	g := newGallery(t)
	pictures := os.Getenv("SIGNET_SCREENSHOTS")
	for _, s := range sights() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			b := c.window(t)
			s.show(g, b)
			evaluate[bool](b, axe+";true") // the debugger stands above the Content-Security-Policy
			for _, size := range [][2]int64{{1280, 800}, {320, 640}} {
				b.do("resize", chromedp.EmulateViewport(size[0], size[1]))
				for _, scheme := range []string{"light", "dark"} {
					b.media("", "prefers-color-scheme", scheme)
					at := fmt.Sprintf("%s-%d", scheme, size[0])
					b.fits(at)
					b.accessible(at)
					b.picture(pictures, s.name+"-"+at)
				}
			}
			b.media("", "forced-colors", "active")
			b.fits("forced colours")
			// Chromium tells scripts the colours that it does not paint then.
			b.accessible("forced colours", "color-contrast")
			b.picture(pictures, s.name+"-forced")
			b.media("", "prefers-contrast", "more")
			b.accessible("more contrast")
			b.media("print")
			b.prints()
			b.picture(pictures, s.name+"-print")
		})
	}
}

// axeCore is the script that finds what keeps people out. Without it, a test
// of its own is skipped, or fails, and says so; the others look less closely.
func axeCore(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "..", "..", ".ci", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Run("accessibility", func(t *testing.T) {
			missing(t, "no axe-core here: the pages are not tested for accessibility (npm ci --prefix .ci)")
		})
	}
	return string(source)
}

// media makes the browser be another one: a medium, and features in pairs.
func (b *tab) media(medium string, features ...string) {
	b.t.Helper()
	p := emulation.SetEmulatedMediaParams{Media: medium}
	for n := 0; n < len(features); n += 2 {
		p.Features = append(p.Features, &emulation.MediaFeature{Name: features[n], Value: features[n+1]})
	}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, p); err != nil {
		b.t.Fatal(err)
	}
}

// fits reports what is cut off, sticks out, or is too small to hit.
func (b *tab) fits(at string) {
	b.t.Helper()
	for _, fault := range evaluate[[]string](b, `(() => {
		const faults = [], say = (what, e) => faults.push(what + ": " + e.outerHTML.slice(0, 200));
		if (document.documentElement.scrollWidth > innerWidth) faults.push("the page scrolls sideways: " + document.documentElement.scrollWidth);
		const card = document.querySelector("main").getBoundingClientRect();
		for (const e of document.querySelectorAll("main *")) {
			const r = e.getBoundingClientRect();
			if (!e.checkVisibility() || e.matches(".unseen, svg *")) continue;
			if (r.left < card.left - 0.5 || r.right > card.right + 0.5) say("sticks out of the card", e);
		}
		// A link in an alert only moves the focus to a field, which can be hit
		// itself (WCAG 2.2, success criterion 2.5.5, "Equivalent").
		for (const e of document.querySelectorAll("a, button, input, select, textarea, summary")) {
			if (!e.checkVisibility() || e.matches("[role=alert] a")) continue;
			// A box is hit by its label too.
			const r = (e.type === "checkbox" && e.closest("label") || e).getBoundingClientRect();
			if (r.height < 44) say("only " + r.height + " px high", e);
		}
		return faults })()`) {
		b.t.Errorf("%s: %s", at, fault)
	}
}

// violation is one finding of axe-core.
type violation struct {
	ID, Help, Impact string
	Nodes            []struct{ HTML, FailureSummary string }
}

// accessible reports what axe-core finds, also what it cannot decide, by all
// of its rules but these.
func (b *tab) accessible(at string, without ...string) {
	b.t.Helper()
	rules := map[string]any{}
	for _, id := range without {
		rules[id] = map[string]bool{"enabled": false}
	}
	options, err := json.Marshal(map[string]any{"rules": rules, "resultTypes": []string{"violations", "incomplete"}})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, v := range evaluate[[]violation](b, `typeof axe === "undefined" ? [] : axe.run(document, `+string(options)+`).then(r => r.violations.concat(r.incomplete).map(v =>
		({ID: v.id, Help: v.help, Impact: v.impact, Nodes: v.nodes.map(n => ({HTML: n.html, FailureSummary: n.failureSummary}))})))`) {
		for _, n := range v.Nodes {
			b.t.Errorf("%s: %s (%s): %s\n%s\n%s", at, v.ID, v.Impact, v.Help, n.HTML, n.FailureSummary)
		}
	}
}

// prints reports a page that paper does not show.
func (b *tab) prints() {
	b.t.Helper()
	b.check("the heading is printed", `document.querySelector("h1").checkVisibility()`)
	b.check("on paper", `["rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"].includes(getComputedStyle(document.body).backgroundColor)`)
}

// picture keeps a picture of the whole page, when there is a folder for it.
func (b *tab) picture(folder, name string) {
	b.t.Helper()
	if folder == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	shot, err := chromedp.Call(ctx, screen.CaptureScreenshot, screen.CaptureScreenshotParams{CaptureBeyondViewport: new(true), Clip: b.whole()})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, "/", "-")+".png"), shot.Data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// whole is the rectangle of all of the page.
func (b *tab) whole() *screen.Viewport {
	b.t.Helper()
	size := evaluate[[2]float64](b, `[innerWidth, Math.max(innerHeight, document.documentElement.scrollHeight)]`)
	return &screen.Viewport{Width: size[0], Height: size[1], Scale: 1}
}
