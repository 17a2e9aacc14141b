package e2e

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// This file holds what the attacks share: what a refusal has to look like.

const (
	formType  = "application/x-www-form-urlencoded"
	parallel  = 50
	errorText = `^[\x20-\x21\x23-\x5B\x5D-\x7E]+$` // RFC 6749, section 5.2
)

var errorDescription = regexp.MustCompile(errorText)

// wantRefused checks a refusal of a back-channel endpoint: the RFC's code and
// status, never to be cached, and a challenge where HTTP asks for one.
func (a answer) wantRefused(t testing.TB, status int, code string) {
	t.Helper()
	if a.Status != status || a.str("error") != code {
		t.Errorf("status %d, error %q; want %d %q\n%s", a.Status, a.str("error"), status, code, a.Raw)
	}
	a.wantNoStore(t)
	if text := a.str("error_description"); text != "" && !errorDescription.MatchString(text) {
		t.Errorf("error_description %q has characters that RFC 6749, section 5.2 forbids", text)
	}
	for _, name := range []string{"access_token", "refresh_token", "id_token", "active", "sub"} {
		if _, ok := a.Body[name]; ok {
			t.Errorf("the refusal holds %q: %s", name, a.Raw)
		}
	}
	challenge := a.Header.Get("WWW-Authenticate")
	switch {
	case status == http.StatusUnauthorized && challenge == "":
		t.Error("401 without WWW-Authenticate (RFC 9110, section 11.6.1)")
	case code == "invalid_client" && !strings.HasPrefix(challenge, "Basic "):
		t.Errorf("invalid_client with WWW-Authenticate %q, want Basic (RFC 6749, section 5.2)", challenge)
	}
}

// wantNoStore checks that no cache may keep the answer (RFC 6749, section 5.1).
func (a answer) wantNoStore(t testing.TB) {
	t.Helper()
	if got := a.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q, want no-store", got)
	}
}

// wantBadToken checks how a resource refuses a token (RFC 6750, section 3).
func (a answer) wantBadToken(t testing.TB) {
	t.Helper()
	a.wantRefused(t, http.StatusUnauthorized, "invalid_token")
	if c := a.Header.Get("WWW-Authenticate"); !strings.HasPrefix(c, "Bearer ") || !strings.Contains(c, `error="invalid_token"`) {
		t.Errorf("WWW-Authenticate %q, want Bearer with error=\"invalid_token\"", c)
	}
}

// wantInactive checks that introspection says no more than that.
func (a answer) wantInactive(t testing.TB) {
	t.Helper()
	if a.Status != http.StatusOK || strings.TrimSpace(a.Raw) != `{"active":false}` {
		t.Errorf("introspection: %d %s, want only active: false (RFC 7662, section 2.2)", a.Status, a.Raw)
	}
	a.wantNoStore(t)
}

// introspect asks about a token.
func (i *issuer) introspect(t testing.TB, clientID, secret, token string) answer {
	t.Helper()
	return i.post(t, "/oauth2/introspect", clientID, secret, url.Values{"token": {token}})
}

// wantAlive checks that an access token is good everywhere.
func (i *issuer) wantAlive(t testing.TB, clientID, secret, token string) {
	t.Helper()
	if a := i.userinfo(t, token); a.Status != http.StatusOK {
		t.Errorf("userinfo: %d %s, want the token to be alive", a.Status, a.Raw)
	}
	if a := i.introspect(t, clientID, secret, token); a.Body["active"] != true {
		t.Errorf("introspection: %s, want active", a.Raw)
	}
}

// wantDead checks that an access token is good nowhere.
func (i *issuer) wantDead(t testing.TB, clientID, secret, token string) {
	t.Helper()
	i.userinfo(t, token).wantBadToken(t)
	i.introspect(t, clientID, secret, token).wantInactive(t)
}

// wantErrorPage checks that only the person is told, and nobody is redirected.
func (p *page) wantErrorPage(t testing.TB) {
	t.Helper()
	if p.Location != nil || p.Header.Get("Location") != "" {
		t.Fatalf("redirected to %s, want a page", p.Header.Get("Location"))
	}
	if p.Status < 400 || p.Status > 499 {
		t.Errorf("status %d, want 4xx", p.Status)
	}
	if p.byID("error-id") == nil {
		t.Errorf("not the error page:\n%s", p.Body)
	}
	p.wantGuarded(t)
}

// wantGuarded checks the headers that every page has: not framed, not cached,
// no script of others, no address given away.
func (p *page) wantGuarded(t testing.TB) {
	t.Helper()
	h := p.Header
	csp := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("Content-Security-Policy %q lacks %s", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("Content-Security-Policy %q allows inline code", csp)
	}
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") || name == "Refresh" {
			t.Errorf("%s: %q", name, h[name])
		}
	}
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	p.wantNoForeignMarkup(t)
}

// wantNoForeignMarkup checks that nothing on a page came from a stranger: no
// script but our own file, no event handlers, no frames, no javascript: link.
func (p *page) wantNoForeignMarkup(t testing.TB) {
	t.Helper()
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script":
			if !strings.Contains(attr(n, "src"), "/static/") || n.FirstChild != nil {
				t.Errorf("a script that is not ours: %v", n.Attr)
			}
		case "iframe", "object", "embed", "img", "base", "style", "math", "template":
			t.Errorf("<%s> on a page of ours: %v", n.Data, n.Attr)
		}
		for _, a := range n.Attr {
			value := strings.ToLower(strings.TrimSpace(a.Val))
			if strings.HasPrefix(strings.ToLower(a.Key), "on") || a.Key == "style" || a.Key == "srcdoc" ||
				(slices.Contains([]string{"href", "src", "action", "formaction"}, a.Key) && (strings.HasPrefix(value, "javascript:") || strings.HasPrefix(value, "data:"))) {
				t.Errorf("<%s %s=%q> on a page of ours", n.Data, a.Key, a.Val)
			}
		}
	}
}

// wantErrorRedirect checks an error that the client is told: these parameters
// and no others, at its own redirect URI (RFC 6749, section 4.1.2.1; RFC 9207).
func (p *page) wantErrorRedirect(t testing.TB, issuer, redirectURI, code, state string) {
	t.Helper()
	if p.Location == nil {
		t.Fatalf("no redirect: %d\n%s", p.Status, p.Body)
	}
	got := p.Location.Query()
	if !strings.HasPrefix(p.Location.String(), redirectURI) || p.Location.Fragment != "" {
		t.Errorf("redirected to %s, want %s", p.Location, redirectURI)
	}
	if got.Get("error") != code || got.Get("iss") != issuer || got.Get("state") != state {
		t.Errorf("error %q, iss %q, state %q; want %q, %q, %q (%s)", got.Get("error"), got.Get("iss"), got.Get("state"), code, issuer, state, got.Get("error_description"))
	}
	if text := got.Get("error_description"); text == "" || !errorDescription.MatchString(text) {
		t.Errorf("error_description %q is empty or has characters that RFC 6749, section 4.1.2.1 forbids", text)
	}
	for name, values := range got {
		if !slices.Contains([]string{"error", "error_description", "state", "iss"}, name) || len(values) != 1 {
			t.Errorf("the error redirect holds %s=%q", name, values)
		}
	}
	if _, sent := got["state"]; state == "" && sent {
		t.Error("a state comes back that was never sent")
	}
	if cc := p.Header.Get("Cache-Control"); cc != "no-store" {
		t.Errorf("Cache-Control %q, want no-store", cc)
	}
}
