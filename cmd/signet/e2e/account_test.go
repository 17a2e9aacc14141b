package e2e

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"signet/authz/login"
	"signet/clients"
)

// field is the value of the first input of this name on the page.
func (p *page) field(name string) string {
	var value string
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" && attr(n, "name") == name && value == "" {
			value = attr(n, "value")
		}
	}
	return value
}

// send posts a form as a browser on our own page does, and follows nothing.
func (b *browser) send(target string, form url.Values) *http.Response {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp
}

// A person sees every browser they are signed in with, and ends one or all others.
func TestAccountSessions(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	here, there, third := newBrowser(t), newBrowser(t), newBrowser(t)
	there.signInAt(i, "ada", false)
	p := here.signInAt(i, "ada", false)
	if p.Header.Get("Cache-Control") != "no-store" || !strings.Contains(p.Body, "Ada Example") || !strings.Contains(p.Body, "ada@example.test") {
		t.Errorf("%v\n%s", p.Header, p.Body)
	}
	if n := strings.Count(p.Body, `name="sid"`); n != 1 {
		t.Fatalf("%d sessions to end, want 1:\n%s", n, p.Body)
	}
	here.send(i.URL+"/account/sessions/end", url.Values{"csrf": {p.field("csrf")}, "sid": {p.field("sid")}})
	if there.knownAt(i) || !here.knownAt(i) {
		t.Error("not exactly the one was ended")
	}
	there.signInAt(i, "ada", false)
	third.signInAt(i, "ada", true)
	p = here.submit(here.get(i.URL+"/account"), "end-others", nil)
	if there.knownAt(i) || third.knownAt(i) || !here.knownAt(i) {
		t.Error("not exactly the others were ended")
	}
	for _, want := range []string{"signed out everywhere else", `id="no-others"`, "Ended"} {
		if !strings.Contains(p.Body, want) {
			t.Errorf("the page lacks %q:\n%s", want, p.Body)
		}
	}
	if !strings.Contains(i.log.String(), "session_ended") {
		t.Error("no audit line")
	}
	// What the page has done stands in the address, and nobody else can write that.
	if p := here.get(i.URL + "/account?said=revoked.x"); strings.Contains(p.Body, `id="said"`) {
		t.Error("a link makes the page claim things")
	}
}

// What is revoked at the page is over at once: the refresh token, introspection
// and the status list say so, and the app has to ask again.
func TestAccountRevokesAnApp(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	i.person(t, "bob")
	secret := i.webApp(t, "app", func(c *clients.Client) { c.Name = "<b>Photo</b> Printer" })
	other := i.webApp(t, "other")
	b := newBrowser(t)
	gone := i.tokens(t, b, "ada", "app", secret)
	stays := i.tokens(t, b, "ada", "other", other)
	bobs := i.tokens(t, newBrowser(t), "bob", "app", secret)

	p := b.get(i.URL + "/account")
	for _, want := range []string{"&lt;b&gt;Photo&lt;/b&gt; Printer", "Keep this access while you are away", "offline_access", "app.example.test"} {
		if !strings.Contains(p.Body, want) {
			t.Errorf("the page lacks %q:\n%s", want, p.Body)
		}
	}
	resp := b.send(i.URL+"/account/apps/revoke", url.Values{"csrf": {p.field("csrf")}, "client_id": {"app"}})
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("revoke: %d", resp.StatusCode)
	}
	p = b.get(resp.Header.Get("Location"))
	if !strings.Contains(p.Body, `id="said"`) || strings.Contains(p.Body, `value="app"`) {
		t.Errorf("after the revocation:\n%s", p.Body)
	}
	active := func(token, id, secret string) bool {
		return i.post(t, "/oauth2/introspect", id, secret, url.Values{"token": {token}}).Body["active"] == true
	}
	if active(gone.str("access_token"), "app", secret) || active(gone.str("refresh_token"), "app", secret) {
		t.Error("introspection calls it active")
	}
	if a := i.refresh(t, "app", secret, gone.str("refresh_token")); a.str("error") != "invalid_grant" {
		t.Errorf("refreshed: %d %s", a.Status, a.Raw)
	}
	i.wantRevoked(t, statusOf(t, gone.str("access_token")).URI, gone.str("access_token"))
	if !active(bobs.str("access_token"), "app", secret) || !active(stays.str("access_token"), "other", other) {
		t.Error("another person's token, or another app's, was revoked")
	}
	// The app asks anew, and the other one does not.
	if p := b.get(i.authorizeURL("app", map[string]string{"prompt": "none"})); p.param("error") != "consent_required" {
		t.Errorf("the consent is remembered: %v", p.Location)
	}
	if p := b.get(i.authorizeURL("other", map[string]string{"prompt": "none"})); p.param("code") == "" {
		t.Errorf("the other app's consent is gone: %v", p.Location)
	}
}

// Nobody reaches the sessions or the apps of another person, and no other website
// any of it.
func TestAccountOfAnotherPerson(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada")
	i.person(t, "mallory")
	secret := i.webApp(t, "app")
	victim, mallory := newBrowser(t), newBrowser(t)
	tokens := i.tokens(t, victim, "ada", "app", secret)
	page, err := i.Store.SessionsPage(t.Context(), login.SessionFilter{Subject: ada.ID}, "", 10)
	if err != nil || len(page) != 1 {
		t.Fatalf("%v, %v", page, err)
	}
	newBrowser(t).signInAt(i, "mallory", false) // something to end of her own
	own := mallory.signInAt(i, "mallory", false)
	theirs := victim.get(i.URL + "/account")
	if strings.Contains(own.Body, page[0].ID) || strings.Contains(own.Body, "Photo Printer") {
		t.Errorf("the page shows another person's:\n%s", own.Body)
	}
	forms := map[string]url.Values{
		"/account/sessions/end":        {"sid": {page[0].ID}, "sub": {ada.ID}, "subject": {ada.ID}},
		"/account/sessions/end-others": {"sub": {ada.ID}, "subject": {ada.ID}},
		"/account/apps/revoke":         {"client_id": {"app"}, "sub": {ada.ID}},
	}
	for path, form := range forms {
		for token, want := range map[string]int{own.field("csrf"): 303, theirs.field("csrf"): 403, "": 403, "x": 403} {
			form.Set("csrf", token)
			if resp := mallory.send(i.URL+path, form); resp.StatusCode != want {
				t.Errorf("%s with token %q: %d, want %d", path, token, resp.StatusCode, want)
			}
		}
		// Another website makes the victim's browser post.
		for _, token := range []string{"", own.field("csrf"), theirs.field("csrf")} {
			form.Set("csrf", token)
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, i.URL+path, strings.NewReader(form.Encode()))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Sec-Fetch-Site", "cross-site")
			req.Header.Set("Origin", "https://evil.test")
			if p := victim.follow(req); p.Status != http.StatusForbidden {
				t.Errorf("%s from another site: %d", path, p.Status)
			}
		}
		// Nobody is signed in: the form does nothing but ask who is there.
		form.Set("csrf", theirs.field("csrf"))
		if resp := newBrowser(t).send(i.URL+path, form); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != i.URL+"/account" {
			t.Errorf("%s by nobody: %d to %s", path, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
	if !victim.knownAt(i) {
		t.Error("the victim was signed out")
	}
	if a := i.refresh(t, "app", secret, tokens.str("refresh_token")); a.Status != http.StatusOK {
		t.Errorf("the victim's app lost its access: %d %s", a.Status, a.Raw)
	}
	// A sign-in form of one browser is of no use in another (login CSRF).
	form := url.Values{"csrf": {newBrowser(t).get(i.URL + "/account").field("csrf")}, "username": {"mallory"}, "password": {testPassword}}
	if resp := newBrowser(t).send(i.URL+"/account/login", form); resp.StatusCode != http.StatusForbidden {
		t.Errorf("signed a stranger in: %d", resp.StatusCode)
	}
}
