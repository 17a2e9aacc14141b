package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/clients"
)

// An authorization request that the client is told about: at its redirect
// URI, with the RFC's code, and with nothing but what belongs there.
func TestBadAuthorizationRequests(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	i.webApp(t, "app")
	i.webApp(t, "robot", func(c *clients.Client) { c.GrantTypes = []string{clients.GrantClientCredentials} })
	fresh := func() string { return i.authorizeURL("app", nil) }
	with := func(k, v string) string { return i.authorizeURL("app", map[string]string{k: v}) }
	for name, r := range map[string]struct{ target, code string }{
		"a scope it may not have":         {with("scope", "openid admin"), "invalid_scope"},
		"a scope with a wildcard":         {with("scope", "openid photos.*"), "invalid_scope"},
		"a scope with a quote":            {with("scope", `openid "`), "invalid_scope"},
		"a scope in another alphabet":     {with("scope", "openid pröfile"), "invalid_scope"},
		"no response_type":                {with("response_type", ""), "invalid_request"},
		"an empty response_type":          {with("response_type", "") + "&response_type=", "invalid_request"},
		"implicit":                        {with("response_type", "token"), "unsupported_response_type"},
		"id_token":                        {with("response_type", "id_token"), "unsupported_response_type"},
		"hybrid":                          {with("response_type", "code id_token"), "unsupported_response_type"},
		"none":                            {with("response_type", "none"), "unsupported_response_type"},
		"code in capitals":                {with("response_type", "CODE"), "unsupported_response_type"},
		"code twice":                      {with("response_type", "code code"), "unsupported_response_type"},
		"response_mode unknown":           {with("response_mode", "telepathy"), "invalid_request"},
		"response_mode web_message":       {with("response_mode", "web_message"), "invalid_request"},
		"prompt none and login":           {with("prompt", "none login"), "invalid_request"},
		"prompt consent and none":         {with("prompt", "consent none"), "invalid_request"},
		"prompt none twice":               {with("prompt", "none none"), "invalid_request"},
		"prompt none, nobody there":       {with("prompt", "none"), "login_required"},
		"max_age is no number":            {with("max_age", "soon"), "invalid_request"},
		"max_age below zero":              {with("max_age", "-1"), "invalid_request"},
		"max_age beyond all":              {with("max_age", "99999999999999999999"), "invalid_request"},
		"a hint that is none":             {with("id_token_hint", "x.y.z"), "invalid_request"},
		"request by value":                {with("request", "e30.e30."), "invalid_request_object"},
		"request by reference":            {with("request_uri", "https://evil.test/"), "invalid_request_uri"},
		"registration":                    {with("registration", "{}"), "registration_not_supported"},
		"a resource it may not have":      {with("resource", "https://evil.test/"), "invalid_target"},
		"a resource with a fragment":      {with("resource", testAPI+"#x"), "invalid_target"},
		"a good resource and a bad":       {with("resource", testAPI) + "&resource=https%3A%2F%2Fevil.test", "invalid_target"},
		"not registered for the grant":    {i.authorizeURL("robot", nil), "unauthorized_client"},
		"scope twice":                     {fresh() + "&scope=openid", "invalid_request"},
		"response_type twice":             {fresh() + "&response_type=code", "invalid_request"},
		"nonce twice":                     {fresh() + "&nonce=x", "invalid_request"},
		"prompt twice":                    {with("prompt", "login") + "&prompt=none", "invalid_request"},
		"an unknown one twice":            {fresh() + "&x=1&x=2", "invalid_request"},
		"state twice, the same":           {fresh() + "&state=a-state", "invalid_request"},
		"response_mode twice":             {with("response_mode", "query") + "&response_mode=query", "invalid_request"},
		"code_challenge twice":            {with("code_challenge", "x") + "&code_challenge=x", "invalid_request"},
		"too large for the sign-in pages": {with("login_hint", noise(20<<10)), "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			newBrowser(t).get(r.target).wantErrorRedirect(t, i.URL, testCallback, r.code, "a-state")
			post := postedAuthorization(t, i, r.target)
			p := newBrowser(t).follow(post)
			p.wantErrorRedirect(t, i.URL, testCallback, r.code, "a-state")
		})
	}
	t.Run("without a state none comes back", func(t *testing.T) {
		p := newBrowser(t).get(i.authorizeURL("app", map[string]string{"state": "", "scope": "admin"}))
		p.wantErrorRedirect(t, i.URL, testCallback, "invalid_scope", "")
	})
	t.Run("an empty state is none", func(t *testing.T) {
		p := newBrowser(t).get(i.authorizeURL("app", map[string]string{"state": "", "scope": "admin"}) + "&state=")
		p.wantErrorRedirect(t, i.URL, testCallback, "invalid_scope", "")
	})
	t.Run("the registered query stays", func(t *testing.T) {
		i.webApp(t, "query", func(c *clients.Client) { c.RedirectURIs = []string{testCallback + "?tenant=1"} })
		p := newBrowser(t).get(i.authorizeURL("query", map[string]string{"redirect_uri": testCallback + "?tenant=1", "scope": "admin"}))
		if location := p.Header.Get("Location"); !strings.HasPrefix(location, testCallback+"?tenant=1&") || p.param("error") != "invalid_scope" {
			t.Errorf("%d %s", p.Status, location)
		}
	})
	t.Run("by form_post", func(t *testing.T) {
		b := newBrowser(t)
		p := b.get(i.authorizeURL("app", map[string]string{"scope": "admin", "response_mode": "form_post"}))
		p.wantGuarded(t)
		req := b.submission(p, "continue", nil)
		if err := req.ParseForm(); err != nil {
			t.Fatal(err)
		}
		f := req.PostForm
		if req.URL.String() != testCallback || len(f) != 4 || f.Get("error") != "invalid_scope" || f.Get("state") != "a-state" || f.Get("iss") != i.URL || f.Get("error_description") == "" {
			t.Errorf("%s %v", req.URL, f)
		}
	})
}

// noise is text that does not compress.
func noise(n int) string {
	var b strings.Builder
	for x := uint64(1); b.Len() < n; {
		x = x*6364136223846793005 + 1442695040888963407
		fmt.Fprintf(&b, "%x", x>>16)
	}
	return b.String()
}

// postedAuthorization is the same authorization request by POST.
func postedAuthorization(t *testing.T, i *issuer, target string) *http.Request {
	t.Helper()
	_, query, _ := strings.Cut(target, "?")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.URL+"/oauth2/authorize", strings.NewReader(query))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", formType)
	return req
}

// Silent requests (OpenID Connect Core, section 3.1.2.6): the right code for
// what is in the way, and never a page.
func TestPromptNone(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	i.person(t, "eve")
	secret := i.webApp(t, "app")
	i.webApp(t, "first-party", firstParty)
	i.webApp(t, "consented", func(c *clients.Client) { c.Name = "Another" })
	b := newBrowser(t)
	b.authorize(i.authorizeURL("consented", nil), "ada")
	eves := i.tokens(t, newBrowser(t), "eve", "app", secret).str("id_token")
	none := func(client string, change map[string]string) *page {
		change["prompt"] = "none"
		return b.get(i.authorizeURL(client, change))
	}
	for name, p := range map[string]*page{"first party": none("first-party", map[string]string{}), "consented": none("consented", map[string]string{})} {
		if p.param("code") == "" {
			t.Errorf("%s: %d %s, want a code", name, p.Status, p.Header.Get("Location"))
		}
	}
	none("app", map[string]string{}).wantErrorRedirect(t, i.URL, testCallback, "consent_required", "a-state")
	none("consented", map[string]string{"scope": "openid photos.read"}).wantErrorRedirect(t, i.URL, testCallback, "consent_required", "a-state")
	none("first-party", map[string]string{"id_token_hint": eves}).wantErrorRedirect(t, i.URL, testCallback, "login_required", "a-state")
	none("first-party", map[string]string{"max_age": "0"}).wantErrorRedirect(t, i.URL, testCallback, "login_required", "a-state")
	i.clock.Advance(3 * time.Second)
	none("first-party", map[string]string{"max_age": "1"}).wantErrorRedirect(t, i.URL, testCallback, "login_required", "a-state")
	i.clock.Advance(13 * time.Hour)
	none("first-party", map[string]string{}).wantErrorRedirect(t, i.URL, testCallback, "login_required", "a-state")
}

// Pages that get what no browser sends: too large, the wrong type, the wrong
// method. The person gets a page that says so.
func TestBadPageRequests(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	i.webApp(t, "app")
	large := "x=" + strings.Repeat("a", 80<<10)
	b := newBrowser(t)
	login := b.get(i.authorizeURL("app", nil)).URL.Path
	for name, r := range map[string]struct {
		method, path, contentType, body string
		status                          int
	}{
		"authorize, too large":       {"POST", "/oauth2/authorize", formType, large, 413},
		"logout, too large":          {"POST", "/oauth2/logout", formType, large, 413},
		"sign-in, too large":         {"POST", login, formType, large, 413},
		"set-up, too large":          {"POST", "/setup/x", formType, large, 413},
		"authorize, JSON":            {"POST", "/oauth2/authorize", "application/json", "{}", 415},
		"sign-in, JSON":              {"POST", login, "application/json", "{}", 415},
		"authorize, bad escape":      {"GET", "/oauth2/authorize?client_id=%zz", "", "", 400},
		"authorize, semicolon":       {"GET", "/oauth2/authorize?client_id=app;x=1", "", "", 400},
		"authorize, posted escape":   {"POST", "/oauth2/authorize", formType, "client_id=%zz", 400},
		"authorize, nothing":         {"GET", "/oauth2/authorize", "", "", 400},
		"authorize, by PUT":          {"PUT", "/oauth2/authorize", formType, "", 405},
		"sign-in, by DELETE":         {"DELETE", login, "", "", 405},
		"unknown":                    {"GET", "/nothing", "", "", 404},
		"client_id with a NUL":       {"GET", "/oauth2/authorize?client_id=app%00", "", "", 400},
		"client_id, invalid UTF-8":   {"GET", "/oauth2/authorize?client_id=%ff%fe", "", "", 400},
		"client_id, SQL":             {"GET", "/oauth2/authorize?client_id=x%27%20OR%20%271%27=%271", "", "", 400},
		"client_id, very long":       {"GET", "/oauth2/authorize?client_id=" + strings.Repeat("a", 30<<10), "", "", 400},
		"query of the posted kind":   {"POST", "/oauth2/authorize?client_id=app", formType, "x=1", 400},
		"authorize, a thousand keys": {"POST", "/oauth2/authorize", formType, "client_id=app&" + strings.Repeat("a&b&", 8000), 400},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), r.method, i.URL+r.path, strings.NewReader(r.body))
			if err != nil {
				t.Fatal(err)
			}
			if r.contentType != "" {
				req.Header.Set("Content-Type", r.contentType)
			}
			p := b.follow(req)
			p.wantErrorPage(t)
			if p.Status != r.status {
				t.Errorf("status %d, want %d", p.Status, r.status)
			}
		})
	}
}
