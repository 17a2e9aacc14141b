package e2e

import (
	"database/sql"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"
)

// Revocation that hides a storage error (fosite CVE-2020-15223): with the
// database failing the answer is 503, never "revoked", and nowhere a token is
// called good or bad that could not be looked up.
func TestNothingIsClaimedWhenTheDatabaseFails(t *testing.T) {
	for name, fail := range map[string]func(*testing.T, *victim){
		"all of it":            func(t *testing.T, v *victim) { must(t, v.Store.Close()) },
		"grants and the like":  func(t *testing.T, v *victim) { breakTables(t, v, "grants", "revoked_tokens") },
		"people, not the rest": func(t *testing.T, v *victim) { breakTables(t, v, "people") },
	} {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t)
			fail(t, v)
			for kind, token := range map[string]string{"access": v.access, "refresh": v.refresh} {
				if name != "people, not the rest" { // revocation needs none
					v.post(t, "/oauth2/revoke", "app", v.secret, url.Values{"token": {token}}).
						wantRefused(t, http.StatusServiceUnavailable, "temporarily_unavailable")
				}
				for path, form := range map[string]url.Values{
					"/oauth2/introspect": {"token": {token}},
					"/oauth2/token":      {"grant_type": {"refresh_token"}, "refresh_token": {v.refresh}},
				} {
					if a := v.post(t, path, "app", v.secret, form); a.Status < 500 {
						t.Errorf("%s token at %s: %d %s, want 5xx", kind, path, a.Status, a.Raw)
					} else {
						a.wantNoStore(t)
					}
				}
			}
			if a := v.userinfo(t, v.access); a.Status < 500 {
				t.Errorf("userinfo: %d %s, want 5xx", a.Status, a.Raw)
			}
			p := v.browser.get(v.authorizeURL("app", map[string]string{"prompt": "none"}))
			if p.Location != nil { // once the client is known, it is told
				p.wantErrorRedirect(t, v.URL, testCallback, "server_error", "a-state")
			} else if p.Status < 500 {
				t.Errorf("authorize: %d, want a 5xx page", p.Status)
			}
		})
	}
}

// breakTables takes tables away under the running server.
func breakTables(t *testing.T, v *victim, names ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(v.Dir, "signet.db"))
	must(t, err)
	defer db.Close()
	for _, name := range names {
		_, err := db.ExecContext(t.Context(), "ALTER TABLE "+name+" RENAME TO gone_"+name)
		must(t, err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
