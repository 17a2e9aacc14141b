package e2e

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/clients"
	"signet/cmd/signet/config"
)

// wantNoAdmin presents a credential at a door that looks and at one that changes.
func (i *issuer) wantNoAdmin(t testing.TB, token string, status int, code string) {
	t.Helper()
	for _, v := range []struct{ method, path, body, scope string }{
		{http.MethodGet, "/clients", "", "signet:read"}, {http.MethodPost, "/people", `{"username": "mallory", "admin": true}`, "signet:write"},
	} {
		a := i.askJSON(t, token, v.method, v.path, v.body)
		challenge := a.Header.Get("WWW-Authenticate")
		if a.Status != status || a.Body["items"] != nil || !strings.HasPrefix(challenge, `Bearer realm="`+i.URL+adminPath+`"`) ||
			!strings.Contains(challenge, `scope="`+v.scope+`"`) || (code != "") != strings.Contains(challenge, `error="`+code+`"`) {
			t.Errorf("%s %s: %d, want %d %s\n%s\n%s", v.method, v.path, a.Status, status, code, challenge, a.Raw)
		}
		if a.Header.Get("Content-Type") != "application/problem+json" || a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s: %v", v.method, v.path, a.Header)
		}
	}
}

// adminVictim has tokens of every kind, of a person who is an administrator too.
func adminVictim(t *testing.T) (v *victim, ops *operator, boss string) {
	v = newVictim(t)
	ops = v.issuer.operator(t)
	p, err := v.Login.CreatePerson(t.Context(), login.NewPerson{Username: "boss", Password: testPassword, Admin: true})
	must(t, err)
	return v, ops, p.ID
}

// personToken gets a token for the admin API by signing in.
func (o *operator) personToken(t testing.TB, username string) string {
	t.Helper()
	resource := o.URL + adminPath
	code := newBrowser(t).authorize(o.authorizeURL("ops", map[string]string{"scope": "openid signet:read signet:write", "resource": resource}), username)
	a := o.exchange(t, "ops", o.secret, code, "")
	if a.Status != http.StatusOK {
		t.Fatalf("exchange: %d %s", a.Status, a.Raw)
	}
	return a.str("access_token")
}

// Nothing but an access token for the admin API opens it, also when its
// signature is the server's own (SECURITY 7 and 11).
func TestAdminTakesNoOtherToken(t *testing.T) {
	v, ops, boss := adminVictim(t)
	good := decodeSegment(t, ops.token, 1)
	with := func(change map[string]any) map[string]any {
		c := maps.Clone(good)
		maps.Copy(c, change)
		return c
	}
	code := v.browser.authorize(v.authorizeURL("app", nil), "ada")
	for name, token := range map[string]string{
		"ID token": v.id, "refresh token": v.refresh, "code": code, "client secret": ops.secret,
		"session cookie":             v.browser.cookie(t, v.URL+"/", sessionCookie),
		"access token for another":   v.access,
		"opaque token for another":   v.issuer.tokens(t, newBrowser(t), "ada", "opaque", v.webApp(t, "opaque", opaque)).str("access_token"),
		"logout token":               v.sign(t, "logout+jwt", good),
		"logout hint":                v.sign(t, "JWT", with(map[string]any{"aud": "ops"})),
		"status list token":          v.sign(t, "statuslist+jwt", good),
		"introspection JWT":          v.sign(t, "token-introspection+jwt", good),
		"no typ that it is":          v.sign(t, "JWT", good),
		"for the issuer":             v.sign(t, "at+jwt", with(map[string]any{"aud": v.URL})),
		"for a path below":           v.sign(t, "at+jwt", with(map[string]any{"aud": v.URL + adminPath + "/"})),
		"for all of admin":           v.sign(t, "at+jwt", with(map[string]any{"aud": v.URL + "/admin"})),
		"for another API beside":     v.sign(t, "at+jwt", with(map[string]any{"aud": []string{v.URL + adminPath, testAPI}})),
		"for nobody":                 v.sign(t, "at+jwt", with(map[string]any{"aud": nil})),
		"of another issuer":          v.sign(t, "at+jwt", with(map[string]any{"iss": "https://evil.test"})),
		"expired":                    v.sign(t, "at+jwt", with(map[string]any{"exp": time.Now().Unix() - 1})),
		"of a client that is not":    v.sign(t, "at+jwt", with(map[string]any{"client_id": "nobody"})),
		"of a grant that is not":     v.sign(t, "at+jwt", with(map[string]any{"grant_id": strings.Repeat("0", 32)})),
		"cut":                        ops.token[:len(ops.token)-1],
		"twice":                      ops.token + " " + ops.token,
		"with its signature changed": ops.token[:len(ops.token)-5] + flip(ops.token[len(ops.token)-5]) + ops.token[len(ops.token)-4:],
	} {
		t.Run(name, func(t *testing.T) {
			if token == "" {
				t.Fatal("there is none")
			}
			v.wantNoAdmin(t, token, http.StatusUnauthorized, "invalid_token")
		})
	}
	v.wantNoAdmin(t, "", http.StatusUnauthorized, "")
	// A token of several resources cannot be used here by one of them.
	a := v.post(t, "/oauth2/token", "ops", ops.secret, url.Values{"grant_type": {"client_credentials"}, "resource": {v.URL + adminPath, testAPI}, "scope": {"signet:read signet:write"}})
	if a.Status == http.StatusOK {
		v.wantNoAdmin(t, a.str("access_token"), http.StatusUnauthorized, "invalid_token")
	}
	v.wantNoAdmin(t, v.adminToken(t, "ops", ops.secret, "photos.read"), http.StatusForbidden, "insufficient_scope")
	reader := v.adminToken(t, "ops", ops.secret, "signet:read")
	if a := v.askJSON(t, reader, http.MethodGet, "/clients", ""); a.Status != http.StatusOK {
		t.Errorf("signet:read: %d %s", a.Status, a.Raw)
	}
	if a := v.askJSON(t, reader, http.MethodDelete, "/clients/app", ""); a.Status != http.StatusForbidden || !strings.Contains(a.Header.Get("WWW-Authenticate"), `scope="signet:write"`) {
		t.Errorf("signet:read deletes: %d %s", a.Status, a.Raw)
	}
	writer := v.adminToken(t, "ops", ops.secret, "signet:write")
	if a := v.askJSON(t, writer, http.MethodGet, "/clients", ""); a.Status != http.StatusForbidden {
		t.Errorf("signet:write reads: %d %s", a.Status, a.Raw)
	}
	// The token of the admin API is good for nothing else.
	v.userinfo(t, ops.personToken(t, "boss")).wantStatus(t, http.StatusOK) // openid was granted
	v.userinfo(t, ops.token).wantRefused(t, http.StatusForbidden, "insufficient_scope")
	if _, err := v.Store.Person(t.Context(), boss); err != nil {
		t.Error(err)
	}
	if n, err := v.Store.CountPeople(t.Context()); err != nil || n != 2 {
		t.Errorf("%d people, %v: a refused request made one", n, err)
	}
}

func (a answer) wantStatus(t testing.TB, status int) {
	t.Helper()
	if a.Status != status {
		t.Errorf("%d, want %d: %s", a.Status, status, a.Raw)
	}
}

// Whatever is taken away counts at the next call: the token, the grant, the
// client, its scope, the person, their office.
func TestAdminRightsEndAtOnce(t *testing.T) {
	v, ops, boss := adminVictim(t)
	works := func(token string) {
		t.Helper()
		v.askJSON(t, token, http.MethodGet, "/keys", "").wantStatus(t, http.StatusOK)
	}
	set := func(change func(*login.Person)) {
		t.Helper()
		must(t, v.Store.UpdatePerson(t.Context(), boss, func(p *login.Person) error { change(p); return nil }))
	}
	forbidden, unauthorized := http.StatusForbidden, http.StatusUnauthorized

	v.wantNoAdmin(t, ops.personToken(t, "ada"), forbidden, "insufficient_scope")
	token := ops.personToken(t, "boss")
	works(token)
	set(func(p *login.Person) { p.Admin = false })
	v.wantNoAdmin(t, token, forbidden, "insufficient_scope")
	set(func(p *login.Person) { p.Admin = true; p.Disabled = true })
	v.wantNoAdmin(t, token, unauthorized, "invalid_token")
	set(func(p *login.Person) { p.Disabled = false })
	works(token)
	a := v.askJSON(t, token, http.MethodPost, "/people", `{"username": "carl"}`)
	a.wantStatus(t, http.StatusCreated)
	if line := v.events(t, "person_created"); len(line) != 1 || line[0]["actor_sub"] != boss || line[0]["actor_client_id"] != "ops" {
		t.Errorf("audit: %v", line)
	}
	if _, err := v.Provider.RevokeGrants(t.Context(), authz.GrantFilter{Subject: boss}, "a test"); err != nil {
		t.Fatal(err)
	}
	v.wantNoAdmin(t, token, unauthorized, "invalid_token")

	works(ops.token)
	for name, change := range map[string]func(*clients.Client){
		"scope": func(c *clients.Client) { c.Scopes = []string{"openid"} }, "audience": func(c *clients.Client) { c.Audiences = []string{testAPI} },
		"its own making":      func(c *clients.Client) { c.Source = clients.SourceDynamic },
		"of its own document": func(c *clients.Client) { c.Source = clients.SourceDocument },
	} {
		before, err := v.Store.Client(t.Context(), "ops")
		must(t, err)
		v.change(t, "ops", change)
		if name == "of its own document" { // which is no client at all, as its id is no URL
			v.wantNoAdmin(t, ops.token, unauthorized, "invalid_token")
		} else {
			v.wantNoAdmin(t, ops.token, forbidden, "insufficient_scope")
		}
		v.change(t, "ops", func(c *clients.Client) { *c = before })
		if t.Failed() {
			t.Fatal(name)
		}
	}
	works(ops.token)
	v.change(t, "ops", func(c *clients.Client) { c.Disabled = true })
	v.wantNoAdmin(t, ops.token, unauthorized, "invalid_token")
	v.change(t, "ops", func(c *clients.Client) { c.Disabled = false })
	if a := v.post(t, "/oauth2/revoke", "ops", ops.secret, url.Values{"token": {ops.token}}); a.Status != http.StatusOK {
		t.Fatal(a.Raw)
	}
	v.wantNoAdmin(t, ops.token, unauthorized, "invalid_token")
	// Who was not given the API gets no token for it.
	v.post(t, "/oauth2/token", "app", v.secret, url.Values{"grant_type": {"client_credentials"}, "resource": {v.URL + adminPath}}).wantStatus(t, http.StatusBadRequest)
	p := newBrowser(t).get(v.authorizeURL("app", map[string]string{"scope": "openid signet:read"}))
	p.wantErrorRedirect(t, v.URL, testCallback, "invalid_scope", "a-state")
	p = newBrowser(t).get(v.authorizeURL("app", map[string]string{"resource": v.URL + adminPath}))
	p.wantErrorRedirect(t, v.URL, testCallback, "invalid_target", "a-state")
}

// No cookie, form or query parameter stands in for the header, no origin is told
// that it may read, and no way to write the path leads around the check
// (SECURITY 13 and 18).
func TestAdminDoors(t *testing.T) {
	v, ops, _ := adminVictim(t)
	token := ops.personToken(t, "boss")
	b := newBrowser(t)
	ops.t = t
	b.authorize(v.authorizeURL("app", nil), "boss")
	cookie := "Cookie: " + sessionCookie + "=" + b.cookie(t, v.URL+"/", sessionCookie)
	for name, h := range map[string]http.Header{
		"cookie":      {"Cookie": {strings.TrimPrefix(cookie, "Cookie: ")}},
		"token there": {"Cookie": {"access_token=" + token}}, "basic": {"Authorization": {"Basic " + token}},
		"two headers": {"Authorization": {"Bearer " + token, "Bearer " + token}}, "other header": {"X-Access-Token": {token}},
	} {
		if a := v.send(t, http.MethodGet, adminPath+"/clients", "", "", h); a.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, a.Status)
		}
	}
	if a := v.send(t, http.MethodGet, adminPath+"/clients?access_token="+token, "", "", nil); a.Status != http.StatusUnauthorized {
		t.Errorf("query: %d", a.Status)
	}
	if a := v.send(t, http.MethodPost, adminPath+"/people", formType, "access_token="+token+"&username=mallory", nil); a.Status != http.StatusUnauthorized {
		t.Errorf("form: %d", a.Status)
	}
	for _, method := range []string{http.MethodOptions, http.MethodGet, http.MethodPost} {
		a := v.send(t, method, adminPath+"/clients", "", "", http.Header{"Origin": {"https://app.example.test"}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization"}})
		for name := range a.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s %v", method, name, a.Header[name])
			}
		}
	}
	for _, path := range []string{
		"/admin%2Fv1/clients", "/admin%2fv1/clients", "//admin/v1/clients", "/admin//v1/clients", "/admin/v1//clients", "/admin/v1/clients/", "/admin/v1/..%2f",
		"/admin/v1/..%2fv1/clients", "/admin/v1/../v1/clients", "/admin/v1/./clients", "/admin/v1/%2e%2e/v1/clients", "/%61dmin/v1/clients", "/admin/v1/clients%2fapp",
		"/admin/v1/clients/app%2fsecret", "/admin/v1/clients;x", "/ADMIN/v1/clients", "/admin/v1/Clients", "/admin/v1/openapi.json/../clients", "/admin/v1/openapi.json/..%2fclients",
		"/admin/v1/openapi.json;/clients", "/admin/v1/openapi.json%00", "/admin/v1", "/admin", "/admin/", "/admin/v1/", `/admin\v1\clients`, "/static/../admin/v1/clients", "/oauth2/..;/admin/v1/clients",
	} {
		for _, headers := range [][]string{nil, {cookie}, {"X-Original-URL: /admin/v1/clients"}, {"X-Rewrite-URL: /admin/v1/clients", "X-Forwarded-For: 127.0.0.1"}, {"Authorization: Bearer " + token}} {
			a := raw(t, v.address(), rawGet(path, v.address(), headers...))
			if a.Status != http.StatusNotFound && a.Status != http.StatusBadRequest && a.Status != http.StatusUnauthorized || a.Header.Get("Location") != "" || strings.Contains(a.Raw, `"items"`) {
				t.Errorf("%q %q: %d %s", path, headers, a.Status, a.Raw)
			}
		}
	}
	// Host and its friends change neither links nor challenges.
	for host, headers := range map[string][]string{
		v.address(): nil, "evil.test": nil, "evil.test:666": {"X-Forwarded-Host: evil.test", "Forwarded: host=evil.test;proto=gopher", "X-Forwarded-Prefix: /evil", "X-Http-Method-Override: DELETE"},
	} {
		good := raw(t, v.address(), rawGet("/admin/v1/clients?limit=1", host, append(headers, "Authorization: Bearer "+token)...))
		if good.Status != http.StatusOK || !strings.HasPrefix(good.Header.Get("Link"), "</admin/v1/clients?") {
			t.Errorf("%s: %d %s", host, good.Status, good.Header.Get("Link"))
		}
		wantNoPoison(t, host, good.Header, good.Raw)
		bad := raw(t, v.address(), rawGet("/admin/v1/clients", host, headers...))
		if bad.Header.Get("WWW-Authenticate") != `Bearer realm="`+v.URL+`/admin/v1", scope="signet:read"` {
			t.Errorf("%s: %s", host, bad.Header.Get("WWW-Authenticate"))
		}
		document := raw(t, v.address(), rawGet("/admin/v1/openapi.json", host, headers...))
		wantNoPoison(t, host, document.Header, document.Raw)
	}
	// What a stranger writes does not come back as a page.
	a := v.askJSON(t, token, http.MethodPost, "/clients", `{"<script>alert(1)</script>": 1}`)
	if strings.Contains(a.Raw, "<script>") || a.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v %s", a.Header, a.Raw)
	}
}

// The log tells who did what, and holds no secret, whatever is changed.
func TestAdminLogHoldsNoSecret(t *testing.T) {
	v, ops, boss := adminVictim(t)
	ops.t = t
	seen := map[string]string{"token": ops.token, "secret": ops.secret}
	made := ops.call(http.MethodPost, "/clients", `{"client_id": "made", "grant_types": ["client_credentials"]}`, http.StatusCreated)
	seen["made"] = made.str("client_secret")
	seen["brought"] = "a-secret-that-was-brought-along-0001"
	ops.call(http.MethodPost, "/clients", `{"client_id": "brought", "grant_types": ["client_credentials"], "client_secret": "`+seen["brought"]+`"}`, http.StatusCreated)
	seen["rotated"] = ops.call(http.MethodPost, "/clients/made/secret", "", http.StatusOK).str("client_secret")
	seen["password"], seen["refused"], seen["malformed"], seen["misplaced"] = "the-password-of-carl-0002", "short07", "in-a-broken-body-0003", "in-a-wrong-field-0004"
	carl := ops.call(http.MethodPost, "/people", `{"username": "carl", "password": "`+seen["password"]+`"}`, http.StatusCreated).str("sub")
	ops.askJSON(t, ops.token, http.MethodPatch, "/people/"+carl, `{"password": "`+seen["refused"]+`"}`)
	ops.askJSON(t, ops.token, http.MethodPatch, "/people/"+carl, `{"password": "`+seen["malformed"])
	ops.askJSON(t, ops.token, http.MethodPatch, "/people/"+carl, `{"password": ["`+seen["misplaced"]+`"], "`+seen["misplaced"]+`": 1}`)
	ops.askJSON(t, ops.token, http.MethodPost, "/clients/"+seen["misplaced"]+"?x="+seen["misplaced"], `{}`)
	ops.askJSON(t, "Bearer "+seen["misplaced"], http.MethodGet, "/clients", "")
	ops.call(http.MethodPatch, "/people/"+boss, `{"groups": ["a"], "disabled": true}`, http.StatusOK)
	log := v.log.String()
	for what, value := range seen {
		if value == "" || strings.Contains(log, value) {
			t.Errorf("the log holds the %s:\n%s", what, lineWith(log, value))
		}
	}
	for event, want := range map[string]int{"client_created": 2, "client_secret_rotated": 1, "person_created": 1, "person_updated": 0, "person_disabled": 1} {
		if got := v.events(t, event); len(got) != want {
			t.Errorf("%d lines of %s, want %d: %v", len(got), event, want, got)
		}
	}
	if line := v.events(t, "person_disabled"); line[0]["fields"] != "disabled groups" || line[0]["target"] != boss {
		t.Errorf("audit: %v", line)
	}
}

// With a listener of its own, the admin API is on that one and on no other; off,
// it is nowhere.
func TestAdminListener(t *testing.T) {
	off := start(t, func(c *config.Config) { c.Admin.Enabled = false })
	for _, path := range []string{"/openapi.json", "/clients"} {
		off.askJSON(t, "x", http.MethodGet, path, "").wantStatus(t, http.StatusNotFound)
	}

	in := newInstall(t)
	port := freePort(t)
	t.Setenv("SIGNET_ADMIN_LISTEN", "127.0.0.1:"+port)
	_, stop := in.serve()
	public, private := &issuer{URL: in.URL}, &issuer{URL: "http://127.0.0.1:" + port}
	out, errs, code := in.run("clients", "create", "--id", "ops", "--audience", in.URL+adminPath, "--scope", "signet:read", "--scope", "signet:write", "--json")
	_, secret, _ := strings.Cut(out, `"client_secret": "`)
	secret, _, _ = strings.Cut(secret, `"`)
	if code != 0 || secret == "" {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	token := public.adminToken(t, "ops", secret, "signet:read")
	private.askJSON(t, token, http.MethodGet, "/clients", "").wantStatus(t, http.StatusOK)
	private.askJSON(t, "", http.MethodGet, "/clients", "").wantStatus(t, http.StatusUnauthorized)
	private.askJSON(t, "", http.MethodGet, "/openapi.json", "").wantStatus(t, http.StatusOK)
	public.askJSON(t, token, http.MethodGet, "/clients", "").wantStatus(t, http.StatusNotFound)
	public.askJSON(t, token, http.MethodGet, "/openapi.json", "").wantStatus(t, http.StatusNotFound)
	for _, path := range []string{"/.well-known/openid-configuration", "/oauth2/token", "/", "/healthz", "/oauth2/authorize"} {
		private.send(t, http.MethodGet, path, "", "", nil).wantStatus(t, http.StatusNotFound)
	}
	newInstall(t).refuses([]string{"serve"}, "cannot listen on 127.0.0.1:"+port, "admin.listen (SIGNET_ADMIN_LISTEN)")
	if code := stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
}
