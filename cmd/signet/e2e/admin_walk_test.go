package e2e

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// One walk through every operation, with real tokens: each answer is as the
// OpenAPI document says, each change takes effect and has one audit line.
func TestAdminWalk(t *testing.T) {
	i := start(t)
	o := i.operator(t)
	walkClients(t, o)
	walkPeople(t, o)
	walkGrants(t, o)
	walkKeys(t, o)
	o.call(http.MethodGet, "/openapi.json", "", http.StatusOK)
	for path, item := range o.spec.doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			if id := op.(map[string]any)["operationId"].(string); !o.spec.seen[id] {
				t.Errorf("%s %s (%s) was not walked", method, path, id)
			}
		}
	}
}

// audited wants one line of an event since the last look, about this target.
func (o *operator) audited(event, target string) {
	o.t.Helper()
	found := o.events(o.t, event)
	var about []map[string]any
	for _, line := range found {
		if line["target"] == target || line["grant_id"] == target {
			about = append(about, line)
		}
	}
	if len(about) != 1 || about[0]["actor_client_id"] != "ops" || about[0]["remote"] != "127.0.0.1" || about[0]["request_id"] == "" || !strings.HasPrefix(about[0]["msg"].(string), "audit: ") {
		o.t.Errorf("%s of %s: %v", event, target, about)
	}
}

func walkClients(t *testing.T, o *operator) {
	made := o.call(http.MethodPost, "/clients", `{"client_name": "Shop", "redirect_uris": ["`+testCallback+`"], "client_name#fr": "Boutique"}`, http.StatusCreated)
	id, secret := made.str("client_id"), made.str("client_secret")
	if id == "" || secret == "" || made.Body["source"] != "api" || made.Header.Get("Location") != adminPath+"/clients/"+id || made.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("made %v %s", made.Header, made.Raw)
	}
	o.audited("client_created", id)
	// It works, with the secret that was told.
	o.person(t, "walker")
	o.tokens(t, newBrowser(t), "walker", id, secret)

	path := "/clients/" + id
	if got := o.call(http.MethodGet, path, "", http.StatusOK); got.Body["client_secret"] != nil || got.Body["client_name#fr"] != "Boutique" {
		t.Errorf("shown %s", got.Raw)
	}
	changed := o.call(http.MethodPatch, path, `{"client_name": "The shop", "tos_uri": null}`, http.StatusOK)
	if changed.Body["client_name"] != "The shop" || changed.Body["client_secret"] != nil {
		t.Errorf("changed %s", changed.Raw)
	}
	o.audited("client_updated", id)
	if line := o.events(t, "client_updated")[0]; line["fields"] != "client_name tos_uri" {
		t.Errorf("audit: %v", line)
	}
	rotated := o.call(http.MethodPost, path+"/secret", "", http.StatusOK)
	for _, s := range []string{secret, rotated.str("client_secret")} {
		if a := o.post(t, "/oauth2/introspect", id, s, url.Values{"token": {"x"}}); a.Status != http.StatusOK {
			t.Errorf("a secret within the overlap: %d", a.Status)
		}
	}
	o.audited("client_secret_rotated", id)
	last := o.call(http.MethodPost, path+"/secret", `{"overlap": 0}`, http.StatusOK).str("client_secret")
	if a := o.post(t, "/oauth2/introspect", id, rotated.str("client_secret"), url.Values{"token": {"x"}}); a.Status != http.StatusUnauthorized {
		t.Errorf("a secret without overlap: %d", a.Status)
	}
	a := o.tokens(t, newBrowser(t), "walker", id, last)
	o.call(http.MethodDelete, path, "", http.StatusNoContent)
	o.audited("client_deleted", id)
	o.userinfo(t, a.str("access_token")).wantBadToken(t)
	if n := len(o.events(t, "grant_revoked")); n != 2 {
		t.Errorf("%d grants were revoked with the client, want 2", n)
	}
	o.refused(http.MethodGet, path, "", http.StatusNotFound, "")
	o.refused(http.MethodDelete, path, "", http.StatusNotFound, "")
	o.call(http.MethodGet, "/clients", "", http.StatusOK)

	// A client that is known by a URL has no plain place in a path.
	odd := "https://app.example.test/client?a=b"
	made = o.call(http.MethodPost, "/clients", `{"client_id": "`+odd+`", "redirect_uris": ["`+testCallback+`"], "token_endpoint_auth_method": "none"}`, http.StatusCreated)
	path = strings.TrimPrefix(made.Header.Get("Location"), adminPath)
	if got := o.call(http.MethodGet, path, "", http.StatusOK); got.str("client_id") != odd || got.Body["client_secret"] != nil {
		t.Errorf("at %s: %s", path, got.Raw)
	}
	// Made confidential, it is given a secret, and goes on needing PKCE.
	if got := o.call(http.MethodPatch, path, `{"token_endpoint_auth_method": null}`, http.StatusOK); got.str("client_secret") == "" || got.Body["require_pkce"] != true {
		t.Errorf("made confidential: %s", got.Raw)
	}
	o.call(http.MethodDelete, path, "", http.StatusNoContent)
}

func walkPeople(t *testing.T, o *operator) {
	made := o.call(http.MethodPost, "/people", `{"username": "zoe", "email": "zoe@example.test", "name": "Zoe", "password": "`+testPassword+`", "address": {"country": "NL", "locality": "Delft"}, "groups": ["staff"]}`, http.StatusCreated)
	sub := made.str("sub")
	path := "/people/" + sub
	if made.Header.Get("Location") != adminPath+path || made.Body["has_password"] != true || strings.Contains(made.Raw, "argon2") {
		t.Errorf("made %v %s", made.Header, made.Raw)
	}
	o.audited("person_created", sub)
	before := o.call(http.MethodGet, path, "", http.StatusOK)
	after := o.call(http.MethodPatch, path, `{"name": "Zoë", "address": {"locality": null}}`, http.StatusOK)
	o.audited("person_updated", sub)
	want := before.Body
	want["name"], want["address"], want["updated_at"] = "Zoë", map[string]any{"country": "NL"}, after.Body["updated_at"]
	if !reflect.DeepEqual(after.Body, want) {
		t.Errorf("changed to %v, want %v", after.Body, want)
	}
	for _, name := range []string{"ZOE", "zoe@example.test"} {
		if found := o.call(http.MethodGet, "/people?username="+url.QueryEscape(name), "", http.StatusOK).items(); len(found) != 1 || found[0]["sub"] != sub {
			t.Errorf("found by %s: %v", name, found)
		}
	}
	if found := o.call(http.MethodGet, "/people?username=nobody", "", http.StatusOK).items(); len(found) != 0 {
		t.Errorf("nobody: %v", found)
	}
	secret := o.webApp(t, "zoes")
	b := newBrowser(t)
	a := o.tokens(t, b, "zoe", "zoes", secret)
	o.call(http.MethodGet, "/sessions?sub="+sub, "", http.StatusOK)
	ended := o.call(http.MethodDelete, path+"/sessions", "", http.StatusOK)
	if ended.Body["ended"] != float64(1) {
		t.Errorf("ended %s", ended.Raw)
	}
	o.audited("sessions_ended", sub)
	b.get(o.authorizeURL("zoes", map[string]string{"prompt": "none"})).wantErrorRedirect(t, o.URL, testCallback, "login_required", "a-state")
	if u := o.userinfo(t, a.str("access_token")); u.Status != http.StatusOK {
		t.Errorf("signing out revoked a grant: %d", u.Status)
	}
	b = newBrowser(t)
	a = o.tokens(t, b, "zoe", "zoes", secret)
	if got := o.call(http.MethodPatch, path, `{"disabled": true}`, http.StatusOK); got.Body["disabled"] != true {
		t.Errorf("disabled: %s", got.Raw)
	}
	o.audited("person_disabled", sub)
	o.userinfo(t, a.str("access_token")).wantBadToken(t)
	o.refresh(t, "zoes", secret, a.str("refresh_token")).wantRefused(t, http.StatusBadRequest, "invalid_grant")
	if live := o.call(http.MethodGet, "/grants?sub="+sub, "", http.StatusOK).items(); len(live) != 0 {
		t.Errorf("grants of somebody disabled: %v", live)
	}
	if live := o.call(http.MethodGet, "/sessions?sub="+sub, "", http.StatusOK).items(); len(live) != 0 {
		t.Errorf("sessions of somebody disabled: %v", live)
	}
	got := o.call(http.MethodPatch, path, `{"disabled": false, "password": "another password of zoe"}`, http.StatusOK)
	if got.Body["disabled"] != false {
		t.Errorf("enabled: %s", got.Raw)
	}
	if _, err := o.Login.SignIn(t.Context(), "zoe", "another password of zoe"); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if got := o.call(http.MethodPatch, path, `{"password": null}`, http.StatusOK); got.Body["has_password"] != false {
		t.Errorf("without a password: %s", got.Raw)
	}
}

func walkGrants(t *testing.T, o *operator) {
	secret := o.webApp(t, "holder")
	ada := o.person(t, "ada")
	b := newBrowser(t)
	a := o.tokens(t, b, "ada", "holder", secret)
	list := o.call(http.MethodGet, "/grants?client_id=holder&sub="+ada.ID, "", http.StatusOK).items()
	if len(list) != 1 || list[0]["state"] != "active" || list[0]["scope"] != "openid profile email offline_access" {
		t.Fatalf("listed %v", list)
	}
	id, sid := list[0]["grant_id"].(string), list[0]["sid"].(string)
	if list := o.call(http.MethodGet, "/grants?sid="+sid, "", http.StatusOK).items(); len(list) != 1 {
		t.Errorf("by session: %v", list)
	}
	o.call(http.MethodDelete, "/grants/"+id, "", http.StatusNoContent)
	o.audited("grant_revoked", id)
	o.userinfo(t, a.str("access_token")).wantBadToken(t)
	o.refresh(t, "holder", secret, a.str("refresh_token")).wantRefused(t, http.StatusBadRequest, "invalid_grant")
	o.call(http.MethodDelete, "/grants/"+id, "", http.StatusNoContent)
	o.audited("grant_revoked", id)
	if got := o.call(http.MethodGet, "/grants/"+id, "", http.StatusOK); got.str("state") != "revoked" || got.str("revoked_reason") == "" {
		t.Errorf("revoked: %s", got.Raw)
	}
	if list := o.call(http.MethodGet, "/grants?client_id=holder&live=false", "", http.StatusOK).items(); len(list) != 1 {
		t.Errorf("with those revoked: %v", list)
	}
	o.refused(http.MethodGet, "/grants/nowhere", "", http.StatusNotFound, "")

	o.call(http.MethodDelete, "/sessions/"+sid, "", http.StatusNoContent)
	o.call(http.MethodDelete, "/sessions/"+sid, "", http.StatusNoContent)
	o.audited("sessions_ended", sid)
	b.get(o.authorizeURL("holder", map[string]string{"prompt": "none"})).wantErrorRedirect(t, o.URL, testCallback, "login_required", "a-state")
	if list := o.call(http.MethodGet, "/sessions?live=false&sub="+ada.ID, "", http.StatusOK).items(); len(list) != 1 || list[0]["state"] != "ended" {
		t.Errorf("with those ended: %v", list)
	}
	o.refused(http.MethodDelete, "/sessions/nowhere", "", http.StatusNotFound, "")
}

func walkKeys(t *testing.T, o *operator) {
	list := o.call(http.MethodGet, "/keys", "", http.StatusOK).items()
	if len(list) != 1 || list[0]["state"] != "active" || list[0]["jwk"].(map[string]any)["d"] != nil {
		t.Fatalf("listed %v", list)
	}
	next := o.call(http.MethodPost, "/keys/rotate", "", http.StatusOK).items()
	kid := next[0]["kid"].(string)
	if len(next) != 1 || next[0]["state"] != "announced" {
		t.Fatalf("next %v", next)
	}
	o.audited("key_rotated", kid)
	o.call(http.MethodPost, "/keys/rotate", `{"alg": "RS256"}`, http.StatusOK)
	o.audited("key_rotated", kid) // nothing had changed
	o.call(http.MethodPost, "/keys/rotate", `{"now": true}`, http.StatusOK)
	o.refused(http.MethodPost, "/keys/rotate", `{"alg": "HS256"}`, http.StatusUnprocessableEntity, "validation", "alg")
	o.refused(http.MethodPost, "/keys/"+kid+"/revoke", `{"reason": " "}`, http.StatusUnprocessableEntity, "validation", "reason")
	o.refused(http.MethodPost, "/keys/"+kid+"/revoke", `{}`, http.StatusUnprocessableEntity, "validation", "reason")
	o.refused(http.MethodPost, "/keys/nowhere/revoke", `{"reason": "a test"}`, http.StatusNotFound, "")
	done := o.call(http.MethodPost, "/keys/"+kid+"/revoke", `{"reason": "a test"}`, http.StatusOK)
	if done.str("state") != "revoked" || done.Body["successor"] == nil {
		t.Errorf("revoked: %s", done.Raw)
	}
	o.audited("key_revoked", kid)
	o.token = o.adminToken(t, "ops", o.secret, "signet:read signet:write")
	o.call(http.MethodPost, "/keys/"+kid+"/revoke", `{"reason": "once more"}`, http.StatusOK)
	o.audited("key_revoked", kid)
}
