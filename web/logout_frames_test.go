package web

import (
	"slices"
	"strings"
	"testing"

	"signet/authz"
)

// Apps that the browser tells: each origin may be framed once, nothing else may,
// and the page goes on where the logout was to end, if that is anywhere.
func TestLogoutFrames(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	b := w.browser()
	b.signIn(b.begin(), "ada").want(303)
	w.authz.frames = []string{"https://a.example.test/fc?sid=1", "https://a.example.test:8443/fc", "https://a.example.test/other"}
	w.authz.logout = authz.Logout{RedirectURI: "com.example.app:/bye?state=s"}
	p := b.get(pathLogout).want(200).contains("Signed out", `href="com.example.app:/bye?state=s"`, `src="https://a.example.test/other"`)
	if got := p.Header().Get("Refresh"); got != "3; url=com.example.app:/bye?state=s" {
		t.Errorf("Refresh: %q", got)
	}
	if csp := p.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "; frame-src https://a.example.test https://a.example.test:8443; form-action 'self'") {
		t.Errorf("CSP: %s", csp)
	}
	if b.cookie(w.server.names.session) != "" || !slices.Contains(w.login.endedSessions(), "sid-1") || !slices.Equal(w.authz.ended, []string{"sid-1"}) {
		t.Errorf("the session lives on, or what follows from its end was left out: %v", w.authz.ended)
	}

	b = w.browser()
	b.signIn(b.begin(), "ada").want(303)
	w.authz.logout = authz.Logout{}
	p = b.get(pathLogout).want(200).contains("Signed out")
	if p.Header().Get("Refresh") != "" || strings.Contains(p.Body.String(), `id="continue"`) {
		t.Errorf("it goes on to nowhere:\n%s", p.Body)
	}
}
