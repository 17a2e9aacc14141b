package e2e

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"signet/authz/login"
	"signet/clients"
	"signet/cmd/signet/config"
)

// sight is one page as people meet it: show brings a window there.
type sight struct {
	name string
	show func(*gallery, *tab)
}

// sights are all pages in all their states.
func sights() []sight {
	return []sight{
		{"home", func(g *gallery, b *tab) { b.open(g.URL + "/") }},
		{"home-signed-in", func(g *gallery, b *tab) { g.consent(b, ""); b.open(g.URL + "/") }},
		{"account-login", func(g *gallery, b *tab) { b.open(g.URL + "/account"); b.see("#remember") }},
		{"account-empty", func(g *gallery, b *tab) {
			i := start(b.t)
			i.person(b.t, "alice")
			b.open(i.URL + "/account")
			b.signIn("alice", "#no-apps")
		}},
		{"account", func(g *gallery, b *tab) { g.account(b) }},
		{"account-asked", func(g *gallery, b *tab) {
			g.account(b)
			evaluate[bool](b, `(document.querySelectorAll("details").forEach(d => d.open = true), true)`)
		}},
		{"account-ended", func(g *gallery, b *tab) {
			g.account(b)
			b.press("ask-others", "#others[open]")
			b.press("end-others", "#said")
		}},
		{"login", func(g *gallery, b *tab) { b.open(g.app.link(nil)) }},
		{"login-error", func(g *gallery, b *tab) {
			b.open(g.app.link(nil))
			b.fill("username", "alice")
			b.fill("password", "wrong")
			b.press("sign-in", "#problems")
		}},
		{"login-empty", func(g *gallery, b *tab) {
			b.open(g.app.link(nil))
			evaluate[bool](b, `(document.querySelectorAll("input").forEach(i => i.required = false), true)`)
			b.press("sign-in", "#problems p + p")
		}},
		{"login-hostile", func(g *gallery, b *tab) { b.open(g.hostile.link(nil)) }},
		{"consent", func(g *gallery, b *tab) { g.consent(b, "") }},
		{"consent-alert", func(g *gallery, b *tab) {
			g.consent(b, "")
			evaluate[bool](b, `(document.querySelectorAll("[name=csrf]").forEach(i => i.value = "x"), true)`)
			b.press("allow", "#problems")
		}},
		{"login-branded", func(g *gallery, b *tab) { b.open(g.branded.link(nil)); b.see(".links") }},
		{"consent-branded", func(g *gallery, b *tab) {
			b.open(g.branded.link(nil))
			b.signIn("alice", "#allow")
			b.check("the logo is shown", `document.querySelector("img.mark").naturalWidth === 96`)
		}},
		{"consent-right-to-left", func(g *gallery, b *tab) {
			b.open(g.branded.link(map[string]string{"ui_locales": "ar"}))
			b.signIn("alice", "#allow")
			b.says("h1", "\u0637\u0627\u0628\u0639\u0629")
		}},
		{"consent-lost-logo", func(g *gallery, b *tab) {
			b.open(g.lost.link(nil))
			b.signIn("alice", "#allow")
			b.check("initials stand in for the logo", `document.querySelector("img.mark").naturalWidth === 48`)
		}},
		{"consent-published", func(g *gallery, b *tab) {
			_, challenge := pkcePair(b.t)
			b.open(g.published.link(map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}))
			b.signIn("alice", "#allow")
			b.says("#client-host strong", strings.TrimPrefix(strings.TrimSuffix(g.published.ClientID, "/client.json"), "https://"))
			b.see("#device-warning")
		}},
		{"consent-many", func(g *gallery, b *tab) {
			b.open(g.many.link(map[string]string{"scope": strings.Join(g.many.scopes, " ")}))
			b.signIn("alice", "#allow")
		}},
		{"consent-hostile", func(g *gallery, b *tab) { g.consentHostile(b) }},
		{"consent-hostile-unfolded", func(g *gallery, b *tab) {
			g.consentHostile(b)
			b.do("unfold", chromedp.Click(chromedp.CSS("summary")))
		}},
		{"form-post", func(g *gallery, b *tab) {
			_, err := chromedp.Call(b.ctx, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: []*network.BlockPattern{
				{URLPattern: g.URL + "/static/form-post.js?*", Block: true},
			}})
			if err != nil {
				b.t.Fatal(err)
			}
			g.consent(b, "form_post")
			b.press("deny", "#continue")
		}},
		{"done", func(g *gallery, b *tab) {
			g.consent(b, "")
			b.press("deny", atApp)
			b.back()
			b.see("#start-again")
		}},
		{"expired", func(g *gallery, b *tab) {
			i := start(b.t)
			b.open(i.relyingParty(b.t).link(nil))
			i.clock.Advance(31 * time.Minute)
			b.signIn("alice", "#start-again")
		}},
		{"cookies-lost", func(g *gallery, b *tab) {
			b.open(g.app.link(nil))
			b.forgetCookies()
			b.signIn("alice", "#error-id")
		}},
		{"refused", func(g *gallery, b *tab) {
			b.open(g.app.link(map[string]string{"redirect_uri": "https://evil.example/" + strings.Repeat("long", 60)}))
			b.see("#error-id")
			b.says("h1", "Request refused")
		}},
		{"not-found", func(g *gallery, b *tab) { b.open(g.URL + "/nothing"); b.see("#error-id") }},
		{"logout", func(g *gallery, b *tab) {
			g.consent(b, "")
			b.open(g.URL + "/oauth2/logout?client_id=" + g.app.ClientID)
			b.see("#logout-confirm")
		}},
		{"logged-out-frames", func(g *gallery, b *tab) {
			b.open(g.framed.link(nil))
			b.signIn("alice", atApp)
			b.open(g.URL + "/oauth2/logout")
			b.press("logout-confirm", "main:not(:has(form))")
			b.says("h1", "Signed out")
			b.check("the app has its frame", `document.querySelectorAll("iframe").length === 1`)
		}},
		{"logged-out", func(g *gallery, b *tab) { b.open(g.URL + "/oauth2/logout"); b.says("h1", "Signed out") }},
		{"setup", func(g *gallery, b *tab) { b.open(firstLink(b.t)); b.see("#create") }},
		{"setup-error", func(g *gallery, b *tab) {
			b.open(firstLink(b.t))
			b.fill("username", "ali ce")
			b.fill("password", "short")
			b.press("create", "#problems")
		}},
		{"setup-done", func(g *gallery, b *tab) {
			b.open(firstLink(b.t))
			b.fill("username", "root")
			b.fill("password", testPassword)
			b.press("create", "main:not(:has(form))")
		}},
		{"setup-dead", func(g *gallery, b *tab) { b.open(g.URL + "/setup/spent"); b.see("#error-id") }},
	}
}

// gallery is a server with everything there is to see.
type gallery struct {
	*issuer
	app, hostile, branded, lost, published, many, framed *relyingParty
}

// unbreakable is a name that no line can hold.
var unbreakable = strings.Repeat("unbreakable", 5)

func newGallery(t testing.TB) *gallery {
	t.Helper()
	texts := map[string]string{"photos.read": "See your photos"}
	names := []string{"openid", "profile", "email", "phone", "address", "offline_access", "photos.read"}
	for n := range 12 {
		name := fmt.Sprintf("https://api.example.test/auth/%s%d", strings.Repeat("very.long.scope.name.", 1+n%4), n)
		texts[name] = "Do thing " + strings.Repeat("after thing ", 1+n) + "for you"
		names = append(names, name)
	}
	outside := httptest.NewServer(http.HandlerFunc(serveLogo))
	t.Cleanup(outside.Close)
	documents := newDocumentHost(t)
	g := &gallery{issuer: start(t, documents.trusted, func(c *config.Config) { c.Scopes = texts })}
	g.person(t, "alice")
	g.person(t, unbreakable)
	g.app = g.relyingParty(t)
	g.hostile = g.relyingParty(t, func(c *clients.Client) {
		c.ID, c.Scopes = "hostile", names
		c.Name = "</title><script>alert(1)</script> \u0641\u0627 " + strings.Repeat("Wo\u0308rter", 15)
		c.PolicyURI, c.TermsURI = "https://app.example.test/policy", "https://app.example.test/terms"
	})
	g.branded = g.relyingParty(t, func(c *clients.Client) {
		c.ID, c.Name = "branded", "Photo Printer for Families"
		c.ClientURI, c.LogoURI = "https://photos.example.test/", outside.URL+"/logo.png"
		c.PolicyURI, c.TermsURI = "https://photos.example.test/policy", "https://photos.example.test/terms"
		c.Localized = map[string]string{"client_name#ar": "\u0637\u0627\u0628\u0639\u0629 \u0627\u0644\u0635\u0648\u0631 \u0644\u0644\u0639\u0627\u0626\u0644\u0629"}
	})
	g.lost = g.relyingParty(t, func(c *clients.Client) {
		c.ID, c.Name, c.LogoURI = "lost", "Lost Logo", outside.URL+"/logo.svg"
	})
	g.published = &relyingParty{issuer: g.issuer, Callback: "http://127.0.0.1:4711/callback", scopes: []string{"openid", "profile"}}
	g.published.ClientID = documents.publish("/client.json", map[string]any{
		"client_name": "Code Helper", "redirect_uris": []string{"http://127.0.0.1/callback"},
	})
	g.framed = g.relyingParty(t, firstParty, func(c *clients.Client) {
		// Where nothing answers: the page goes on all the same.
		c.ID, c.FrontchannelLogoutURI = "framed", "http://127.0.0.1:1/front"
	})
	g.many = g.relyingParty(t, func(c *clients.Client) {
		c.ID, c.Name, c.Scopes = "many", "A Calendar With a Rather Long Name That Wraps", names[:16]
		c.PolicyURI = "https://calendar.example.test/policy"
	})
	return g
}

// serveLogo is an app's web server: a good logo, and one that is a script.
func serveLogo(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/logo.png" {
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = io.WriteString(w, `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
		return
	}
	m := image.NewNRGBA(image.Rect(0, 0, 96, 96))
	for x := range 96 {
		for y := range 96 {
			if (x-48)*(x-48)+(y-48)*(y-48) < 40*40 {
				m.Set(x, y, color.NRGBA{uint8(40 + x), uint8(80 + y), 160, 255})
			}
		}
	}
	_ = png.Encode(w, m)
}

// consent signs alice in and stands at the question.
func (g *gallery) consent(b *tab, mode string) {
	b.t.Helper()
	b.open(g.app.link(map[string]string{"prompt": "consent", "response_mode": mode}))
	b.signIn("alice", "#allow")
}

// account is the page of somebody with a past: several browsers, apps of every
// kind, and a sign-in that has ended.
func (g *gallery) account(b *tab) {
	b.t.Helper()
	i := start(b.t, func(c *config.Config) { c.Scopes = map[string]string{"photos.read": "See your photos"} })
	ada, err := i.Login.CreatePerson(b.t.Context(), login.NewPerson{
		Username: unbreakable, Email: strings.Repeat("a", 60) + "@example.test", Password: testPassword, Profile: login.Profile{Name: "Ada Example"},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	i.webApp(b.t, "printer", func(c *clients.Client) { c.ClientURI = "https://photos.example.test/" })
	i.webApp(b.t, "hostile", func(c *clients.Client) {
		c.Name = "</title><script>alert(1)</script> \u0641\u0627 " + strings.Repeat("Wo\u0308rter", 15)
	})
	for n, agent := range []string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
		"<script>alert(1)</script>\u202e" + strings.Repeat("x", 400),
	} {
		address := []string{"192.0.2.7", "2001:db8:85a3:8d3:1319:8a2e:370:7348", "198.51.100.1"}[n]
		s, _, err := i.Login.StartSession(b.t.Context(), ada.ID, []string{"pwd"}, login.Device{Address: address, UserAgent: agent, Remembered: n == 1})
		if err == nil && n == 0 {
			_, err = i.Login.EndSessions(b.t.Context(), login.SessionFilter{Subject: ada.ID, ID: s.ID})
		}
		if err != nil {
			b.t.Fatal(err)
		}
		i.clock.Advance(50 * time.Minute)
	}
	for _, id := range []string{"printer", "hostile"} {
		w := newBrowser(b.t)
		w.authorize(i.authorizeURL(id, map[string]string{"scope": "openid profile email offline_access photos.read"}), unbreakable)
	}
	b.open(i.URL + "/account")
	b.signIn(unbreakable, "#apps")
	b.see("#others")
}

// consentHostile asks for many more permissions than were given before.
func (g *gallery) consentHostile(b *tab) {
	b.t.Helper()
	b.open(g.hostile.link(map[string]string{"scope": "openid profile phone", "prompt": "consent"}))
	b.signIn(unbreakable, "#allow")
	b.press("allow", atApp)
	g.hostile.answered(b.t, http.MethodGet, "code", "a-state")
	b.open(g.hostile.link(map[string]string{"scope": strings.Join(g.hostile.scopes, " ")}))
	b.see("details")
}

// firstLink is the link of a server that has no people.
func firstLink(t testing.TB) string {
	t.Helper()
	i := start(t)
	token, _, err := i.Login.NewSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return i.URL + "/setup/" + token
}
