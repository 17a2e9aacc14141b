package e2e

import (
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"

	"signet/clients"
)

// What is wrong is refused with the field, and nothing has changed.
func TestAdminBadInput(t *testing.T) {
	o := start(t).operator(t)
	o.webApp(t, "declared", func(c *clients.Client) { c.Source = clients.SourceConfig })
	o.webApp(t, "app")
	ada := o.person(t, "ada")
	o.person(t, "bob")
	const post, patch, validation = http.MethodPost, http.MethodPatch, "validation"
	before := o.call(http.MethodGet, "/clients/app", "", http.StatusOK).Raw
	for _, v := range []struct {
		method, path, body string
		status             int
		name               string
		fields             string
	}{
		{post, "/clients", `{"redirect_urls": ["x"]}`, 422, validation, "redirect_urls"},
		{post, "/clients", `{"client_name": 1, "first_party": "yes", "refresh_token_grace": 1.5, "redirect_uris": "x", "claims": {"a": {"form": "b"}}}`, 422, validation, "claims.a.form client_name first_party redirect_uris refresh_token_grace"},
		{post, "/clients", `{"redirect_uris": ["http://evil.test/cb"], "scope": "a\"b"}`, 422, validation, "redirect_uris scope"},
		{post, "/clients", `{"source": "config"}`, 422, validation, "source"},
		{post, "/clients", `{"registration_token_hash": "x"}`, 422, validation, "registration_token_hash"},
		{post, "/clients", `{"secrets": []}`, 422, validation, "secrets"},
		{post, "/clients", `{"client_id": "a", "client_id": "b"}`, 422, validation, "client_id"},
		{post, "/clients", `{"claims": {"a": {"in": [], "in": ["userinfo"]}}}`, 422, validation, "in"},
		{post, "/clients", `{"client_id": "app"}`, 409, "taken", ""},
		{post, "/clients", `{"client_secret": "short"}`, 422, validation, "client_secret"},
		{post, "/clients", `{"id_token_signed_response_alg": "ES256", "redirect_uris": ["` + testCallback + `"]}`, 422, validation, "id_token_signed_response_alg"},
		{post, "/clients", `[]`, 400, "malformed-json", ""},
		{post, "/clients", `null`, 400, "malformed-json", ""},
		{post, "/clients", `{"client_name": "x"`, 400, "malformed-json", ""},
		{post, "/clients", `{} {}`, 400, "malformed-json", ""},
		{post, "/clients", "{\"client_name\": \"\xff\"}", 400, "malformed-json", ""},
		{post, "/clients", strings.Repeat(`{"jwks":`, 100) + "1" + strings.Repeat("}", 100), 400, "malformed-json", ""},
		{patch, "/clients/app", `{"client_id": "other"}`, 422, validation, "client_id"},
		{patch, "/clients/app", `{"redirect_uris": null}`, 422, validation, "redirect_uris"},
		{patch, "/clients/app", `{"client_secret": "` + strings.Repeat("s", 40) + `"}`, 422, validation, "client_secret"},
		{patch, "/clients/app", `{"client_name#": "x", "tos_url": "y", "Client_Name": "z"}`, 422, validation, "Client_Name tos_url"},
		{patch, "/clients/nowhere", `{}`, 404, "", ""},
		{patch, "/clients/declared", `{"client_name": "x"}`, 409, "declared", ""},
		{http.MethodDelete, "/clients/declared", "", 409, "declared", ""},
		{post, "/clients/declared/secret", "", 409, "declared", ""},
		{post, "/clients/app/secret", `{"overlap": -1}`, 422, validation, "overlap"},
		{post, "/clients/app/secret", `{"overlapp": 1}`, 422, validation, "overlapp"},
		{http.MethodDelete, "/clients/app", `{}`, 400, "unexpected-body", ""},
		{http.MethodGet, "/clients/~", "", 400, "malformed-id", ""},
		{http.MethodGet, "/clients/~%41", "", 404, "", ""},
		{post, "/people", `{}`, 422, validation, "username"},
		{post, "/people", `{"username": "ADA"}`, 409, "taken", ""},
		{post, "/people", `{"username": "x", "email": "nobody", "website": "javascript:alert(1)", "password": "short"}`, 422, validation, "email password website"},
		{post, "/people", `{"username": "x", "Admin": true, "password_hash": "$argon2id$"}`, 422, validation, "Admin password_hash"},
		{post, "/people", `{"username": "x", "password": 12345678901234567890}`, 422, validation, "password"},
		{patch, "/people/" + ada.ID, `{"sub": "x", "address": {"Country": "NL"}}`, 422, validation, "address.Country sub"},
		{patch, "/people/" + ada.ID, `{"username": null}`, 422, validation, "username"},
		{patch, "/people/" + ada.ID, `{"email": "bob@example.test"}`, 409, "taken", ""},
		{patch, "/people/" + ada.ID, `{"password": ""}`, 422, validation, "password"},
		{patch, "/people/nowhere", `{}`, 404, "", ""},
		{http.MethodDelete, "/people/nowhere/sessions", "", 404, "", ""},
		{http.MethodGet, "/people?sort=password_hash", "", 400, "query", "sort"},
		{http.MethodGet, "/clients?limit=0", "", 400, "query", "limit"},
		{http.MethodGet, "/clients?limit=201&lmit=1", "", 400, "query", "limit lmit"},
		{http.MethodGet, "/clients?limit=1&limit=2", "", 400, "query", "limit"},
		{http.MethodGet, "/clients?limit=1;x=2", "", 400, "query", ""},
		{http.MethodGet, "/clients?access_token=x", "", 400, "query", "access_token"},
		{http.MethodGet, "/grants?live=maybe", "", 400, "query", "live"},
		{http.MethodGet, "/grants?client=app", "", 400, "query", "client"},
		{http.MethodGet, "/clients?cursor=", "", 400, "query", "cursor"},
	} {
		a := o.askJSON(t, o.token, v.method, v.path, v.body)
		if strings.Contains(v.path, "%") || strings.HasPrefix(v.body, "[") { // not one operation of the document
			if a.Status != v.status {
				t.Errorf("%s %s %s: %d %s", v.method, v.path, v.body, a.Status, a.Raw)
			}
			continue
		}
		if a.Status != v.status {
			t.Errorf("%s %s %s: %d, want %d\n%s", v.method, v.path, v.body, a.Status, v.status, a.Raw)
			continue
		}
		fields := strings.Fields(v.fields)
		sort.Strings(fields)
		var got []string
		faults, _ := a.Body["errors"].([]any)
		for _, f := range faults {
			if name := f.(map[string]any)["field"].(string); !slices.Contains(got, name) {
				got = append(got, name)
			}
		}
		sort.Strings(got)
		wantType := "about:blank"
		if v.name != "" {
			wantType = o.URL + adminPath + "/problems/" + v.name
		}
		if !slices.Equal(got, fields) || a.str("type") != wantType || a.str("title") == "" {
			t.Errorf("%s %s %s:\n%s\nwant %s about %v", v.method, v.path, v.body, a.Raw, wantType, fields)
		}
		o.spec.hold(t, v.method, v.path, a)
	}
	if after := o.call(http.MethodGet, "/clients/app", "", http.StatusOK).Raw; after != before {
		t.Errorf("refused changes made\n%s of\n%s", after, before)
	}
	if a := o.askJSON(t, o.token, post, "/clients", `{"redirect_urls": ["x"], "sopce": "x"}`); !strings.Contains(a.Raw, "did you mean redirect_uris?") || !strings.Contains(a.Raw, "did you mean scope?") {
		t.Errorf("no hint: %s", a.Raw)
	}
	bearer := http.Header{"Authorization": {"Bearer " + o.token}}
	for kind, want := range map[string]int{
		"": 415, "text/plain": 415, formType: 415, "application/merge-patch+json": 200, "application/json; charset=utf-8": 200, "application/jsonp": 415,
	} {
		if a := o.send(t, patch, adminPath+"/clients/app", kind, `{}`, bearer); a.Status != want {
			t.Errorf("content type %q: %d, want %d", kind, a.Status, want)
		}
	}
	if a := o.send(t, post, adminPath+"/clients", "application/merge-patch+json", `{}`, bearer); a.Status != 415 {
		t.Errorf("a merge patch makes a client: %d", a.Status)
	}
	if a := o.askJSON(t, o.token, post, "/clients", `{"client_name": "`+strings.Repeat("x", 70<<10)+`"}`); a.Status != 413 || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("a huge body: %d %s", a.Status, a.Raw)
	}
	for _, method := range []string{"PUT", "TRACE", "PROPFIND"} {
		if a := o.askJSON(t, o.token, method, "/clients", ""); a.Status != 405 || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", method, a.Status, a.Raw)
		}
	}
}
