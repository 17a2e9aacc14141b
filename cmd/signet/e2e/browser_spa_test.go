package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	devtools "github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"

	"signet/clients"
)

// singlePage is the page of an app that has no server: oidc-client-ts speaks
// with the issuer, and Go tests tell it what to do.
const singlePage = `<!doctype html><title>App</title><h1 id="spa">App</h1><script src="/oidc-client-ts.min.js"></script><script>
const app = new oidc.UserManager({
	authority: %q, client_id: "spa", redirect_uri: location.origin + "/callback", scope: "openid profile email offline_access",
	loadUserInfo: true, automaticSilentRenew: false, userStore: new oidc.WebStorageStateStore({store: sessionStorage}),
});
</script>`

// singlePageApp serves the page at every path, by any name of this machine.
func (i *issuer) singlePageApp(t *testing.T, page string) *url.URL {
	t.Helper()
	library, err := os.ReadFile(filepath.Join("..", "..", "..", ".ci", "node_modules", "oidc-client-ts", "dist", "browser", "oidc-client-ts.min.js"))
	if err != nil {
		missing(t, "no oidc-client-ts here: single-page apps are not tested with it (npm ci --prefix .ci)")
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oidc-client-ts.min.js" {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write(library)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, page)
	}))
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// complaints are what the browser's console says is wrong in a tab.
func (b *tab) complaints() func() []string {
	b.t.Helper()
	var mu sync.Mutex
	var said []string
	if err := chromedp.Listen(b.ctx, func(ev any) {
		if e, ok := ev.(*devtools.EventEntryAdded); ok && !strings.Contains(e.Entry.URL, "/favicon.ico") {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, e.Entry.Text)
		}
	}); err != nil {
		b.t.Fatal(err)
	}
	if _, err := chromedp.Call(b.ctx, devtools.Enable, struct{}{}); err != nil {
		b.t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return said
	}
}

// testSinglePageApp signs in, reads userinfo, refreshes and revokes in scripts
// of another origin.
func testSinglePageApp(t *testing.T, c *chromium) {
	i := start(t)
	alice := i.person(t, "alice")
	spa := i.singlePageApp(t, fmt.Sprintf(singlePage, i.URL))
	i.webApp(t, "spa", public, func(c *clients.Client) { c.RedirectURIs = []string{spa.String() + "/callback"} })
	b := c.window(t)
	complaints := b.complaints()
	b.open(spa.String())
	b.see("#spa")
	evaluate[bool](b, `(app.signinRedirect().catch(e => document.title = e), true)`)
	b.signIn("alice", "#allow")
	b.press("allow", "#spa")
	type user struct {
		Sub, Name, Email, Refresh, Access string
		Gone                              bool
	}
	const describe = `(u => ({Sub: u.profile.sub, Name: u.profile.name, Email: u.profile.email, Refresh: u.refresh_token, Access: u.access_token}))`
	signedIn := evaluate[user](b, `app.signinRedirectCallback().then`+describe)
	if signedIn.Sub != alice.ID || signedIn.Name != "Alice Example" || signedIn.Email != "alice@example.test" || signedIn.Refresh == "" {
		t.Errorf("signed in: %+v", signedIn)
	}
	again := evaluate[user](b, `app.signinSilent().then`+describe)
	if again.Sub != alice.ID || again.Access == signedIn.Access || again.Refresh == signedIn.Refresh {
		t.Errorf("refreshed: %+v", again)
	}
	if !evaluate[bool](b, `app.revokeTokens(["access_token", "refresh_token"]).then(() => true)`) {
		t.Error("not revoked")
	}
	if info := i.userinfo(t, again.Access); info.Status != http.StatusUnauthorized {
		t.Errorf("the token lives on: %d %s", info.Status, info.Raw)
	}
	if said := complaints(); len(said) > 0 {
		t.Errorf("the console says %q", said)
	}
	// What is refused says why, to the app too.
	if got := evaluate[string](b, fmt.Sprintf(`fetch(%q, {headers: {Authorization: "Bearer %s"}}).then(r => r.status + " " + r.headers.get("WWW-Authenticate"))`,
		i.URL+"/oauth2/userinfo", again.Access)); !strings.Contains(got, `401 Bearer`) || !strings.Contains(got, "invalid_token") {
		t.Errorf("the app reads %q", got)
	}
}

// testDocumentedPage runs the app of docs/browser-apps.md as it stands there.
func testDocumentedPage(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	guide, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "browser-apps.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(guide), "```html\n")
	page, _, found := strings.Cut(page, "```")
	if !found || strings.Count(page, "'http://127.0.0.1:9096'") != 1 {
		t.Fatal("the guide has no page, or one without the issuer")
	}
	spa := i.singlePageApp(t, strings.ReplaceAll(page, "http://127.0.0.1:9096", i.URL))
	i.webApp(t, "photos", public, func(c *clients.Client) {
		c.RedirectURIs, c.PostLogoutRedirectURIs = []string{"http://127.0.0.1:5173/"}, []string{"http://127.0.0.1:5173/"}
	})
	b := c.window(t)
	complaints := b.complaints()
	b.open(spa.String())
	b.press("sign-in", "#username")
	b.signIn("alice", "#allow")
	b.press("allow", "#hello")
	b.check("the code is gone from the address", `location.search === ""`)
	b.says("#hello", "Hello, Alice Example")
	evaluate[bool](b, `new Promise(done => {
		new MutationObserver(() => done(true)).observe(document.querySelector("#hello"), {childList: true})
		document.querySelector("#refresh").click() })`)
	b.says("#hello", ", again")
	b.press("sign-out", "#sign-in")
	if said := complaints(); len(said) > 0 {
		t.Errorf("the console says %q", said)
	}
	b.press("sign-in", "#username")
}

// testSinglePageAppOfAStranger: the same page on an origin that nobody has
// registered gets nothing, whatever it knows.
func testSinglePageAppOfAStranger(t *testing.T, c *chromium) {
	i := start(t)
	i.person(t, "alice")
	spa := i.singlePageApp(t, fmt.Sprintf(singlePage, i.URL))
	i.webApp(t, "spa", public, func(c *clients.Client) { c.RedirectURIs = []string{testCallback, spa.String() + "/callback"} })
	tokens := i.tokens(t, newBrowser(t), "alice", "spa", "")
	b := c.window(t)
	complaints := b.complaints()
	b.open("http://localhost:" + spa.Port() + "/") // the same machine, another origin
	b.see("#spa")
	tries := map[string]string{
		"userinfo":           fmt.Sprintf(`fetch(%q, {headers: {Authorization: "Bearer %s"}})`, i.URL+"/oauth2/userinfo", tokens.str("access_token")),
		"userinfo by a form": fmt.Sprintf(`fetch(%q, {method: "POST", body: new URLSearchParams({access_token: %q})})`, i.URL+"/oauth2/userinfo", tokens.str("access_token")),
		"refresh": fmt.Sprintf(`fetch(%q, {method: "POST", credentials: "include", body: new URLSearchParams({grant_type: "refresh_token", client_id: "spa", refresh_token: %q})})`,
			i.URL+"/oauth2/token", tokens.str("refresh_token")),
		"an unknown client": fmt.Sprintf(`fetch(%q, {method: "POST", body: new URLSearchParams({grant_type: "refresh_token", client_id: "nobody", refresh_token: "x"})})`, i.URL+"/oauth2/token"),
		"revocation":        fmt.Sprintf(`fetch(%q, {method: "POST", body: new URLSearchParams({client_id: "spa", token: "x"})})`, i.URL+"/oauth2/revoke"),
		"the sign-in page":  fmt.Sprintf(`fetch(%q, {credentials: "include"})`, i.authorizeURL("spa", nil)),
		"the library":       `app.metadataService.getTokenEndpoint().then(u => fetch(u, {method: "POST", headers: {Authorization: "Basic eDp5"}, body: new URLSearchParams({})}))`,
	}
	for name, try := range tries {
		if got := evaluate[string](b, try+`.then(r => r.text().then(body => "read: " + r.status + " " + body), e => "refused: " + e)`); !strings.HasPrefix(got, "refused: ") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if said := strings.Join(complaints(), "\n"); !strings.Contains(said, "CORS policy") {
		t.Errorf("the console says %q", said)
	}
	if got := evaluate[string](b, fmt.Sprintf(`fetch(%q).then(r => r.json()).then(d => d.issuer)`, i.URL+"/.well-known/openid-configuration")); got != i.URL {
		t.Errorf("discovery says %q", got)
	}
}
