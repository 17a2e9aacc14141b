package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"

	"signet/clients"
)

//go:embed templates
var templateFiles embed.FS

// pageNames are the pages there are, each templates/<name>.html inside
// templates/layout.html.
var pageNames = [...]string{"account", "consent", "factor", "form_post", "home", "login", "logout", "logout_frames", "message", "setup"}

// page is one page to show.
type page struct {
	name   string
	status int
	title  string
	// failed says so in the title, which a screen reader reads first.
	failed bool
	// leaves: its forms end at an app, so form-action cannot be limited.
	leaves bool
	// script: the page runs form-post.js.
	script bool
	// wide: a column of cards in place of one.
	wide bool
	// frames are the origins that the page shows in frames.
	frames []string
	// alone: no app opens this page, so no window may keep a handle on it.
	alone bool
	view  any
}

// layout is what layout.html sees; View is the page's own.
type layout struct {
	T                                        *texts
	Title, Brand, Host, Home, Style, Favicon string
	Wide                                     bool
	View                                     any
}

// messageView is a page that only says something: errors and endings.
type messageView struct {
	Heading, What, Todo string
	// Code is the OAuth error code, for whoever makes the app.
	Code   string
	Action *link
	// ID stands in the log too.
	ID     string
	failed bool
}

// pages renders templates with what every page has.
type pages struct {
	templates map[string]*template.Template
	frame     layout
}

func loadPages(s *server) (*pages, error) {
	p := &pages{
		templates: map[string]*template.Template{},
		frame: layout{
			T: s.texts, Brand: s.cfg.Brand.Name, Host: s.host, Home: s.url("/"),
			Style: s.assetURL("style.css"), Favicon: s.assetURL("seal.svg"),
		},
	}
	for _, name := range pageNames {
		t, err := template.New("layout.html").Funcs(template.FuncMap{"fill": fill}).
			ParseFS(templateFiles, "templates/layout.html", "templates/app.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("web: page %s: %w", name, err)
		}
		p.templates[name] = t
	}
	return p, nil
}

// render writes a page. It is rendered in memory first: a fault in a
// template becomes an error page and not half a page.
func (p *pages) render(c echo.Context, pg page) error {
	data := p.frame
	data.View, data.Title, data.Wide = pg.view, pg.title, pg.wide
	if pg.failed {
		data.Title = fillPlain(data.T.ErrorTitle, pg.title)
	}
	var out bytes.Buffer
	if err := p.templates[pg.name].Execute(&out, data); err != nil {
		return fmt.Errorf("page %s: %w", pg.name, err)
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", policy(pg))
	if pg.alone {
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	return c.HTMLBlob(pg.status, out.Bytes())
}

// policy is the Content-Security-Policy of a page.
//
// A page whose form ends at an app has no form-action. Chromium applies it to
// every redirect that follows the post, also to those that the app makes on
// its own account: listing the redirect URI's origin still stops people at an
// app that sends them from its callback to another host, or at a broker that
// passes them on, and the browser shows nothing but a dead button. What the
// directive would guard against is a form injected into the page; that is
// kept out by escaping, and no page has markup that strangers write.
func policy(pg page) string {
	csp := "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
	if pg.script {
		csp += "; script-src 'self'"
	}
	if len(pg.frames) > 0 {
		csp += "; frame-src " + strings.Join(pg.frames, " ")
	}
	if !pg.leaves {
		csp += "; form-action 'self'"
	}
	return csp
}

// message shows a page without a form.
func (p *pages) message(c echo.Context, status int, v messageView) error {
	return p.render(c, page{name: "message", status: status, title: v.Heading, failed: v.failed, view: v})
}

// fill puts value into the %s of a text, set apart: strong, and isolated so
// that right-to-left letters in it cannot reorder our own words.
func fill(text, value string) template.HTML {
	before, after, _ := strings.Cut(text, "%s")
	esc := template.HTMLEscapeString
	return template.HTML(esc(before) + "<strong><bdi>" + esc(value) + "</bdi></strong>" + esc(after))
}

// fillPlain puts values into the %s of a text.
func fillPlain(text string, values ...string) string {
	for _, v := range values {
		before, after, ok := strings.Cut(text, "%s")
		if !ok {
			return text
		}
		// A value that holds %s itself is not filled again.
		text = before + strings.ReplaceAll(v, "%s", "%\u200bs") + after
	}
	return text
}

// appName is what people know an app by.
func appName(c clients.Client) string {
	if name := tidy(c.Name); name != "" {
		return name
	}
	return tidy(c.ID)
}

// tidy makes a stranger's name fit for one line of a page: no control or
// invisible formatting characters, single spaces, at most 80 characters.
func tidy(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Cf, r), unicode.IsControl(r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	return clip(strings.Join(strings.Fields(s), " "), 80)
}

// clip shortens s to at most n characters.
func clip(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i] + "…"
		}
		n--
	}
	return s
}

func sortedKeys(v map[string][]string) []string { return slices.Sorted(maps.Keys(v)) }
