package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/clients"
)

// Parameters that only please, and ones that nobody knows, do no harm and have no
// effect on what comes out (OpenID Connect Core, section 3.1.2.1).
func TestParametersWithoutEffect(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada")
	secret := i.webApp(t, "app", firstParty)
	for name, more := range map[string]map[string]string{
		"display=page": {"display": "page"}, "display=popup": {"display": "popup"}, "display=touch": {"display": "touch"}, "display=x": {"display": "x"},
		"ui_locales": {"ui_locales": "fr-CA fr en"}, "ui_locales, none": {"ui_locales": "x-klingon"}, "claims_locales": {"claims_locales": "de ja-Kana-JP"},
		"ui_locales, long": {"ui_locales": strings.Repeat("en ", 500)}, "login_hint": {"login_hint": "bob@example.test"},
		"unknown": {"extra": "foobar", "audience": "https://evil.test", "sub": "x", "acr": "9", "user": "bob"},
		"acr 1":   {"acr_values": "1"}, "acr of others": {"acr_values": "urn:mace:incommon:iap:silver 2"},
		"scopes in another order": {"scope": "offline_access email profile openid"},
		"response_mode=query":     {"response_mode": "query"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, post := range []bool{false, true} {
				b := newBrowser(t)
				verifier, challenge := pkcePair(t)
				change := map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}
				for k, v := range more {
					change[k] = v
				}
				target := i.authorizeURL("app", change)
				p := b.get(target)
				if post {
					p = b.follow(postedAuthorization(t, i, target))
				}
				p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
				c := decodeSegment(t, i.exchange(t, "app", secret, p.param("code"), verifier).str("id_token"), 1)
				if c["sub"] != ada.ID || c["nonce"] != "a-nonce" || c["acr"] != "1" || p.param("state") != "a-state" || p.param("iss") != i.URL {
					t.Errorf("%v, redirect to %s", c, p.Location)
				}
				if keys := sortedNames(p.Location.Query()); !slices.Equal(keys, []string{"code", "iss", "state"}) {
					t.Errorf("the response has %v", keys)
				}
			}
		})
	}
}

func sortedNames(v url.Values) []string {
	var names []string
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// prompt and max_age together: each of them asks once, and nobody twice.
func TestPromptAndMaxAge(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	b := newBrowser(t)
	first := decodeSegment(t, i.exchange(t, "app", secret, b.authorize(i.authorizeURL("app", nil), "ada"), "").str("id_token"), 1)
	for name, tt := range map[string]struct {
		ask             map[string]string
		login, consent  bool
		refused         string
		authTimeChanges bool
	}{
		"max_age=0":                        {map[string]string{"max_age": "0"}, true, false, "", true},
		"max_age=0, prompt=login":          {map[string]string{"max_age": "0", "prompt": "login"}, true, false, "", true},
		"max_age=0, prompt=none":           {map[string]string{"max_age": "0", "prompt": "none"}, false, false, "login_required", false},
		"max_age=1":                        {map[string]string{"max_age": "1"}, true, false, "", true},
		"max_age=10000":                    {map[string]string{"max_age": "10000"}, false, false, "", false},
		"max_age=10000, prompt=login":      {map[string]string{"max_age": "10000", "prompt": "login"}, true, false, "", true},
		"max_age=10000, prompt=consent":    {map[string]string{"max_age": "10000", "prompt": "consent"}, false, true, "", false},
		"prompt=login consent":             {map[string]string{"prompt": "login consent"}, true, true, "", true},
		"prompt=consent select_account":    {map[string]string{"prompt": "consent select_account"}, true, true, "", true},
		"prompt=none consent":              {map[string]string{"prompt": "none consent"}, false, false, "invalid_request", false},
		"prompt=login, acr that it can be": {map[string]string{"prompt": "login", "acr_values": "1"}, true, false, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			b := &browser{t: t, client: b.client}
			b.authorize(i.authorizeURL("app", nil), "ada")
			i.clock.Advance(3 * time.Second)
			p := b.get(i.authorizeURL("app", tt.ask))
			if tt.refused != "" {
				p.wantErrorRedirect(t, i.URL, testCallback, tt.refused, "a-state")
				return
			}
			if (p.byID("sign-in") != nil) != tt.login {
				t.Fatalf("asked to sign in: %t, want %t: %d %v", !tt.login, tt.login, p.Status, p.Location)
			}
			began := i.clock.Now()
			if tt.login {
				p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
			}
			if (p.byID("allow") != nil) != tt.consent {
				t.Fatalf("asked for consent: %t, want %t: %d %v", !tt.consent, tt.consent, p.Status, p.Location)
			}
			if tt.consent {
				p = b.submit(p, "allow", nil)
			}
			c := decodeSegment(t, i.exchange(t, "app", secret, p.param("code"), "").str("id_token"), 1)
			if at := int64(c["auth_time"].(float64)); (at >= began.Unix()) != tt.authTimeChanges || c["sub"] != first["sub"] {
				t.Errorf("auth_time %d, asked at %d: %v", at, began.Unix(), c)
			}
		})
	}
}

// The response modes (OAuth 2.0 Multiple Response Types, section 2.1; Form Post,
// section 2), for success and error, with a registered query that stays.
func TestResponseModes(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	const tenant = testCallback + "?tenant=1"
	i.webApp(t, "app", firstParty, func(c *clients.Client) { c.RedirectURIs = []string{testCallback, tenant} })
	b := newBrowser(t)
	b.authorize(i.authorizeURL("app", nil), "ada")
	for _, uri := range []string{testCallback, tenant} {
		for _, bad := range []bool{false, true} {
			ask := map[string]string{"redirect_uri": uri, "state": `a b&c="<é>#?+%`}
			want := []string{"code", "iss", "state"}
			if bad {
				ask["scope"], want = "openid admin", []string{"error", "error_description", "iss", "state"}
			}
			for _, mode := range []string{"query", "fragment", "form_post"} {
				ask["response_mode"] = mode
				p := b.get(i.authorizeURL("app", ask))
				params := url.Values{}
				switch {
				case mode == "form_post":
					if p.Status != http.StatusOK || p.Location != nil {
						t.Fatalf("%s: %d %v", mode, p.Status, p.Location)
					}
					for n := range p.root.Descendants() {
						if n.Data == "input" {
							params.Set(attr(n, "name"), attr(n, "value"))
						}
						if n.Data == "form" && (attr(n, "action") != uri || attr(n, "method") != "post") {
							t.Errorf("the form goes to %s by %s", attr(n, "action"), attr(n, "method"))
						}
					}
				case mode == "fragment":
					raw := p.Header.Get("Location")
					before, fragment, _ := strings.Cut(raw, "#")
					if before != uri {
						t.Errorf("%s: %s", mode, raw)
					}
					params, _ = url.ParseQuery(fragment)
				default:
					params = p.Location.Query()
					if uri == tenant && params.Get("tenant") != "1" || p.Location.Fragment != "" {
						t.Errorf("%s: %s", mode, p.Location)
					}
					params.Del("tenant")
				}
				if !slices.Equal(sortedNames(params), want) || params.Get("state") != ask["state"] || params.Get("iss") != i.URL {
					t.Errorf("%s, %s: %v, want %v", mode, uri, params, want)
				}
			}
		}
	}
}

// What the metadata says of requests is true here.
func TestMetadataOfRequests(t *testing.T) {
	i := start(t)
	var m map[string]any
	if err := json.Unmarshal([]byte(newBrowser(t).get(i.URL+"/.well-known/openid-configuration").Body), &m); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"request_parameter_supported": `true`, "request_uri_parameter_supported": `true`, "require_request_uri_registration": `true`,
		"request_object_signing_alg_values_supported": `["RS256","PS256","ES256","EdDSA"]`,
		"claims_parameter_supported":                  `true`, "acr_values_supported": `["1"]`,
		"response_types_supported": `["code"]`, "response_modes_supported": `["query","fragment","form_post"]`,
		"prompt_values_supported": `["none","login","consent","select_account"]`, "code_challenge_methods_supported": `["S256"]`,
		"authorization_response_iss_parameter_supported": `true`,
	} {
		if got := marshal(t, m[name]); string(got) != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if m["issuer"] != i.URL {
		t.Errorf("issuer is %v", m["issuer"])
	}
	for name, value := range m {
		if text, ok := value.(string); ok && (strings.HasSuffix(name, "_endpoint") || name == "jwks_uri") && !strings.HasPrefix(text, i.URL+"/") {
			t.Errorf("%s is %s", name, text)
		}
	}
}

// Userinfo by each of the ways to present a token, and without one.
func TestUserinfoOnTheWire(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada")
	secret := i.webApp(t, "app", firstParty)
	token := i.tokens(t, newBrowser(t), "ada", "app", secret).str("access_token")
	bearer := map[string]string{"Authorization": "Bearer " + token}
	for name, a := range map[string]answer{
		"GET":            i.ask(t, http.MethodGet, "/oauth2/userinfo", "", nil, bearer),
		"POST, header":   i.ask(t, http.MethodPost, "/oauth2/userinfo", "", nil, bearer),
		"POST, the form": i.ask(t, http.MethodPost, "/oauth2/userinfo", "", url.Values{"access_token": {token}}, nil),
	} {
		if a.Status != http.StatusOK || a.str("sub") != ada.ID || a.str("email") != ada.Email {
			t.Errorf("%s: %d %s", name, a.Status, a.Raw)
		}
	}
	a := i.ask(t, http.MethodGet, "/oauth2/userinfo?access_token="+url.QueryEscape(token), "", nil, nil)
	if a.Status != http.StatusUnauthorized || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer ") {
		t.Errorf("in the query: %d %s", a.Status, a.Raw)
	}
}
