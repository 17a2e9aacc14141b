package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/authz/login"
	"signet/clients"
)

// about is someone with every standard claim but a middle name.
func (i *issuer) about(t testing.TB, username string) login.Person {
	t.Helper()
	p := i.person(t, username)
	p, err := i.Login.UpdatePerson(t.Context(), p.ID, func(p *login.Person) error {
		p.Profile = login.Profile{
			Name: "Ada Example", GivenName: "Ada", FamilyName: "Example", Nickname: "ada", ProfileURL: "https://ada.example.test/",
			Picture: "https://ada.example.test/p.png", Website: "https://ada.example.test/w", Gender: "female", Birthdate: "1815-12-10",
			Zoneinfo: "Europe/London", Locale: "en-GB", PhoneNumber: "+44 20 0000 0000", PhoneNumberVerified: true,
			Address: &login.Address{Formatted: "1 Example Street, London"},
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func everyScope(c *clients.Client) {
	c.Scopes = []string{"openid", "profile", "email", "phone", "address", "offline_access"}
}

// beyond lists the claims about a person, without those of the protocol.
func beyond(claims map[string]any) []string {
	protocol := []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(claims)), func(name string) bool { return slices.Contains(protocol, name) })
}

// Claims that are asked for by name come where they were asked, without their
// scope, at a refresh too; none comes that was not asked for, or that the app
// could not have by its scope.
func TestClaimsParameter(t *testing.T) {
	i := start(t)
	ada := i.about(t, "ada")
	secret := i.webApp(t, "app", firstParty, everyScope)
	narrow := i.webApp(t, "narrow", firstParty, func(c *clients.Client) { c.Scopes = []string{"openid", "profile", "offline_access"} })
	ruled := i.webApp(t, "ruled", firstParty, everyScope, func(c *clients.Client) {
		c.Claims = map[string]clients.ClaimRule{"email": {In: nil}, "name": {Value: "Somebody", In: []string{clients.ClaimInUserinfo}}}
	})
	secrets := map[string]string{"app": secret, "narrow": narrow, "ruled": ruled}
	b := newBrowser(t)
	b.authorize(i.authorizeURL("app", nil), "ada")
	for name, tt := range map[string]struct {
		client, scope, claims string
		userinfo, idToken     string
	}{
		"none asked":             {"app", "openid", `{}`, "", ""},
		"name, essential":        {"app", "openid", `{"userinfo":{"name":{"essential":true}}}`, "name", ""},
		"one here, one there":    {"app", "openid", `{"userinfo":{"name":null},"id_token":{"email":null}}`, "name", "email"},
		"every kind of wish":     {"app", "openid", `{"id_token":{"email":{},"nickname":{"value":"x"},"locale":{"values":["a","b"]},"address":{"essential":false,"more":1}}}`, "", "address email locale nickname"},
		"beside a scope":         {"app", "openid email", `{"userinfo":{"phone_number":null}}`, "email email_verified phone_number", ""},
		"with their verified":    {"app", "openid", `{"userinfo":{"email_verified":null,"phone_number_verified":null,"updated_at":null}}`, "email_verified phone_number_verified updated_at", ""},
		"unknown":                {"app", "openid", `{"userinfo":{"shoe_size":{"essential":true},"http://x.test/y":null},"id_token":{"":null}}`, "", ""},
		"one they have not":      {"app", "openid", `{"userinfo":{"middle_name":{"essential":true}}}`, "", ""},
		"in a language":          {"app", "openid", `{"userinfo":{"name#fr":null,"family_name#ja-Kana-JP":{"essential":true}}}`, "", ""},
		"protocol claims":        {"app", "openid", `{"userinfo":{"sid":null,"aud":null},"id_token":{"auth_time":{"essential":true},"iss":{"value":"x"},"exp":null}}`, "", ""},
		"unknown members":        {"app", "openid", `{"access_token":{"email":null},"verified":7}`, "", ""},
		"null members":           {"app", "openid", `{"userinfo":null,"id_token":null}`, "", ""},
		"beyond its scopes":      {"narrow", "openid", `{"userinfo":{"email":{"essential":true},"phone_number":null,"name":null},"id_token":{"address":null}}`, "name", ""},
		"rules have the last":    {"ruled", "openid", `{"userinfo":{"email":null,"name":null},"id_token":{"email":{"essential":true},"name":null}}`, "name", ""},
		"groups":                 {"app", "openid", `{"id_token":{"groups":null}}`, "", "groups"},
		"the password":           {"app", "openid", `{"userinfo":{"password":null,"password_hash":null,"attributes.x":null,"username":null}}`, "", ""},
		"not without openid":     {"app", "profile", `{"userinfo":{"email":null}}`, "-", "-"},
		"not looked at, even so": {"app", "profile", `no JSON`, "-", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &browser{t: t, client: b.client}
			verifier, challenge := pkcePair(t)
			p := b.get(i.authorizeURL(tt.client, map[string]string{
				"scope": tt.scope + " offline_access", "claims": tt.claims, "code_challenge": challenge, "code_challenge_method": "S256",
			}))
			tokens := i.exchange(t, tt.client, secrets[tt.client], p.param("code"), verifier)
			for _, when := range []string{"first", "refreshed"} {
				if tt.userinfo == "-" {
					if tokens.str("id_token") != "" || tokens.str("access_token") == "" {
						t.Fatalf("%s: %s", when, tokens.Raw)
					}
					break
				}
				info := i.userinfo(t, tokens.str("access_token"))
				if got := strings.Join(beyond(info.Body), " "); got != tt.userinfo || info.str("sub") != ada.ID {
					t.Errorf("%s: userinfo has %q, want %q", when, got, tt.userinfo)
				}
				if got := strings.Join(beyond(decodeSegment(t, tokens.str("id_token"), 1)), " "); got != tt.idToken {
					t.Errorf("%s: the ID token has %q, want %q", when, got, tt.idToken)
				}
				if got := decodeSegment(t, tokens.str("access_token"), 1); got["email"] != nil || got["name"] != nil {
					t.Errorf("%s: the access token says %v", when, got)
				}
				tokens = i.refresh(t, tt.client, secrets[tt.client], tokens.str("refresh_token"))
			}
		})
	}
}

// Every standard claim that a person has, for each scope that is asked for and for
// no other (OpenID Connect Core, section 5.4).
func TestStandardClaimsByScope(t *testing.T) {
	i := start(t)
	i.about(t, "ada")
	secret := i.webApp(t, "app", firstParty, everyScope)
	b := newBrowser(t)
	for scope, want := range map[string]string{
		"openid":         "",
		"openid email":   "email email_verified",
		"openid phone":   "phone_number phone_number_verified",
		"address openid": "address",
		"openid profile": "birthdate family_name gender given_name groups locale name nickname picture preferred_username profile updated_at website zoneinfo",
	} {
		code, verifier := i.code(t, b, "ada", "app", map[string]string{"scope": scope})
		info := i.userinfo(t, i.exchange(t, "app", secret, code, verifier).str("access_token"))
		if got := strings.Join(beyond(info.Body), " "); got != want || info.str("sub") == "" {
			t.Errorf("%s: %q, want %q", scope, got, want)
		}
	}
}

// A claims parameter that is none is told to the app.
func TestMalformedClaimsParameter(t *testing.T) {
	i := start(t)
	i.webApp(t, "app")
	for _, claims := range []string{
		"x", "null", "[]", "7", `"userinfo"`, `{"userinfo":[]}`, `{"userinfo":"name"}`, `{"id_token":true}`, `{"userinfo":{"name":true}}`,
		`{"userinfo":{"name":"x"}}`, `{"userinfo":{"name":{"essential":"yes"}}}`, `{"userinfo":{"name":{"values":"x"}}}`, `{"userinfo":{}`, `{} {}`,
		`{"userinfo":{"name":{"value":"` + strings.Repeat("x", 4<<10) + `"}}}`,
	} {
		p := newBrowser(t).get(i.authorizeURL("app", map[string]string{"claims": claims}))
		p.wantErrorRedirect(t, i.URL, testCallback, "invalid_request", "a-state")
	}
}

// The consent page says what is released beyond the scopes, in the words of the
// scope that covers it; what was allowed is remembered, and no more than that.
func TestConsentForClaims(t *testing.T) {
	i := start(t)
	i.about(t, "ada")
	secret := i.webApp(t, "app", everyScope)
	b := newBrowser(t)
	b.authorize(i.authorizeURL("app", map[string]string{"scope": "openid"}), "ada")
	by := map[string]string{"scope": "openid", "claims": `{"userinfo":{"email":{"essential":true}},"id_token":{"phone_number":null,"shoe_size":null}}`}
	silent := maps.Clone(by)
	silent["prompt"] = "none"
	if p := b.get(i.authorizeURL("app", silent)); p.param("error") != "consent_required" {
		t.Errorf("prompt=none: %d %v", p.Status, p.Location)
	}
	p := b.get(i.authorizeURL("app", by))
	for _, text := range []string{"See your email address", "See your phone number"} {
		if !strings.Contains(p.Body, text) {
			t.Errorf("the consent page does not say %q", text)
		}
	}
	if strings.Contains(p.Body, "postal") || strings.Contains(p.Body, "picture") {
		t.Error("the consent page says more than is asked for")
	}
	code := b.submit(p, "allow", nil).param("code")
	tokens := i.exchange(t, "app", secret, code, "")
	if tokens.str("scope") != "openid" {
		t.Errorf("the scope has grown: %s", tokens.Raw)
	}
	if p := b.get(i.authorizeURL("app", silent)); p.param("code") == "" {
		t.Errorf("allowed, and asked again: %d %v", p.Status, p.Location)
	}
	if p := b.get(i.authorizeURL("app", map[string]string{"scope": "openid", "claims": `{"userinfo":{"address":null}}`})); p.byID("allow") == nil {
		t.Errorf("another claim was not asked for: %d %v", p.Status, p.Location)
	}
}

// Where the claims parameter names a person, nobody else is answered for.
func TestClaimsNameAPerson(t *testing.T) {
	i := start(t)
	ada, bob := i.person(t, "ada"), i.person(t, "bob")
	secret := i.webApp(t, "app", firstParty)
	pairwise := i.webApp(t, "pairwise", firstParty, func(c *clients.Client) { c.SubjectType = clients.SubjectPairwise })
	b := newBrowser(t)
	b.authorize(i.authorizeURL("app", nil), "ada")
	tokens := i.exchange(t, "pairwise", pairwise, b.authorize(i.authorizeURL("pairwise", nil), "ada"), "")
	own := decodeSegment(t, tokens.str("id_token"), 1)["sub"].(string)
	ask := func(client, format string, args ...any) *page {
		t.Helper()
		return b.get(i.authorizeURL(client, map[string]string{"prompt": "none", "claims": fmt.Sprintf(format, args...)}))
	}
	for _, p := range []*page{
		ask("app", `{"id_token":{"sub":{"value":%q}}}`, ada.ID),
		ask("app", `{"id_token":{"sub":{"values":["x",%q]}},"userinfo":{"sub":{"value":%q,"essential":true}}}`, ada.ID, ada.ID),
		ask("app", `{"id_token":{"sub":null},"userinfo":{"sub":{"essential":true}}}`),
		ask("pairwise", `{"id_token":{"sub":{"value":%q}}}`, own),
	} {
		if p.param("code") == "" {
			t.Errorf("her own sub: %d %v", p.Status, p.Location)
		}
	}
	for _, p := range []*page{
		ask("app", `{"id_token":{"sub":{"value":%q}}}`, bob.ID),
		ask("app", `{"userinfo":{"sub":{"value":%q}}}`, bob.ID),
		ask("app", `{"id_token":{"sub":{"values":[%q]}}}`, bob.ID),
		ask("app", `{"id_token":{"sub":{"value":%q}},"userinfo":{"sub":{"value":%q}}}`, ada.ID, bob.ID),
		ask("app", `{"id_token":{"sub":{"value":7}}}`),
		ask("app", `{"id_token":{"sub":{"values":[]}},"userinfo":{"sub":{"value":""}}}`),
		ask("pairwise", `{"id_token":{"sub":{"value":%q}}}`, bob.ID),
	} {
		p.wantErrorRedirect(t, i.URL, testCallback, "login_required", "a-state")
	}
	// With a page: bob may sign in, and gets his own; ada, who signs in again, nothing.
	target := i.authorizeURL("app", map[string]string{"claims": fmt.Sprintf(`{"id_token":{"sub":{"value":%q}}}`, bob.ID)})
	p := b.get(target)
	if p.byID("sign-in") == nil {
		t.Fatalf("%d %v", p.Status, p.Location)
	}
	i.clock.Advance(time.Second)
	b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword}).wantErrorRedirect(t, i.URL, testCallback, "login_required", "a-state")
	p = b.submit(b.get(target), "sign-in", map[string]string{"username": "bob", "password": testPassword})
	if got := decodeSegment(t, i.exchange(t, "app", secret, p.param("code"), "").str("id_token"), 1)["sub"]; got != bob.ID {
		t.Errorf("sub is %v, want bob's", got)
	}
}
