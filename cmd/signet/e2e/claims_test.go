package e2e

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"signet/authz"
	"signet/authz/login"
	"signet/clients"
)

// ruled gives an app rules for claims: groups as roles in all tokens, an
// attribute for APIs alone, and an email address that only the ID token has.
func ruled(c *clients.Client) {
	c.Claims = map[string]clients.ClaimRule{
		"roles": {From: "groups", Map: map[string]string{"staff": "Editor", "ops": "Admin"}, In: []string{"id_token", "userinfo", "access_token"}},
		"dept":  {From: "attributes.dept", In: []string{"access_token"}},
		"email": {In: []string{"id_token"}},
		"plan":  {Value: []any{"free"}, In: []string{"userinfo"}},
	}
}

func (i *issuer) attributes(t testing.TB, id string, attributes login.Attributes) {
	t.Helper()
	if _, err := i.Login.UpdatePerson(t.Context(), id, func(p *login.Person) error { p.Attributes = attributes; return nil }); err != nil {
		t.Fatal(err)
	}
}

// Rules decide what stands where, and each token says what is true when it is
// made.
func TestClaimRules(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada") // of staff
	i.attributes(t, ada.ID, login.Attributes{"dept": "sales"})
	for name, format := range map[string]func(*clients.Client){"jwt": func(*clients.Client) {}, "opaque": opaque} {
		t.Run(name, func(t *testing.T) {
			i.groups(t, ada.ID, "staff", "guests")
			i.attributes(t, ada.ID, login.Attributes{"dept": "sales"})
			secret := i.webApp(t, name, ruled, format)
			about := func(a answer) (access, id, userinfo map[string]any) {
				t.Helper()
				token := a.str("access_token")
				in := i.post(t, "/oauth2/introspect", name, secret, url.Values{"token": {token}})
				if in.Body["active"] != true || in.str("username") != "ada" || in.str("client_id") != name {
					t.Errorf("introspection says %s", in.Raw)
				}
				if name == "jwt" {
					if jwt := decodeSegment(t, token, 1); !reflect.DeepEqual(jwt["roles"], in.Body["roles"]) || jwt["dept"] != in.Body["dept"] {
						t.Errorf("introspection says %s, the token %v", in.Raw, jwt)
					}
				}
				return in.Body, decodeSegment(t, a.str("id_token"), 1), i.userinfo(t, token).Body
			}
			want := func(where string, got map[string]any, roles any, rest map[string]any) {
				t.Helper()
				if !reflect.DeepEqual(got["roles"], roles) {
					t.Errorf("%s: roles are %v, want %v", where, got["roles"], roles)
				}
				for claim, value := range rest {
					if !reflect.DeepEqual(got[claim], value) {
						t.Errorf("%s: %s is %v, want %v", where, claim, got[claim], value)
					}
				}
			}
			a := i.tokens(t, newBrowser(t), "ada", name, secret)
			for range 2 {
				access, id, userinfo := about(a)
				want("access token", access, []any{"Editor"}, map[string]any{"dept": "sales", "email": nil, "plan": nil, "groups": nil})
				want("ID token", id, []any{"Editor"}, map[string]any{"dept": nil, "email": "ada@example.test", "plan": nil, "name": nil})
				want("userinfo", userinfo, []any{"Editor"}, map[string]any{"dept": nil, "email": nil, "email_verified": true, "plan": []any{"free"}, "name": "Ada Example"})
				a = i.refresh(t, name, secret, a.str("refresh_token"))
			}
			i.groups(t, ada.ID, "guests", "ops", "staff")
			i.attributes(t, ada.ID, nil)
			access, id, _ := about(i.refresh(t, name, secret, a.str("refresh_token")))
			want("access token after a refresh", access, []any{"Admin", "Editor"}, map[string]any{"dept": nil})
			want("ID token after a refresh", id, []any{"Admin", "Editor"}, nil)
		})
	}
}

// A token that rules make large is issued, and the log tells of it.
func TestLargeTokensAreTold(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada")
	long := strings.Repeat("a", 490)
	i.attributes(t, ada.ID, login.Attributes{"a": []string{long + "1", long + "2", long + "3", long + "4"}})
	secret := i.webApp(t, "app", func(c *clients.Client) {
		c.Claims = map[string]clients.ClaimRule{"a": {From: "attributes.a", In: []string{"access_token"}}}
	})
	i.userinfo(t, i.tokens(t, newBrowser(t), "ada", "app", secret).str("access_token"))
	if log := i.log.String(); !strings.Contains(log, "a token is large") || strings.Contains(log, long) {
		t.Error("the log does not tell of a large token, or holds what makes it so")
	}
}

// Preview says what is then issued, claim by claim.
func TestPreviewIsWhatIsIssued(t *testing.T) {
	i := start(t)
	ada := i.person(t, "ada")
	i.attributes(t, ada.ID, login.Attributes{"dept": "sales", "level": 3})
	for name, change := range map[string]func(*clients.Client){
		"plain":        func(*clients.Client) {},
		"rules":        ruled,
		"pairwise":     pairwise,
		"in-the-id":    func(c *clients.Client) { c.IDTokenClaims = true },
		"signed":       func(c *clients.Client) { c.UserinfoSignedResponseAlg = "RS256" },
		"opaque":       func(c *clients.Client) { opaque(c); ruled(c) },
		"unlisted":     func(c *clients.Client) { c.AccessTokenStatusList = new(false) },
		"no-audiences": func(c *clients.Client) { c.Audiences = nil },
	} {
		t.Run(name, func(t *testing.T) {
			secret := i.webApp(t, name, change)
			i.queries.take()
			preview, err := i.Provider.Preview(t.Context(), authz.PreviewRequest{ClientID: name, PersonID: ada.ID, Scope: "openid profile email offline_access"})
			if err != nil {
				t.Fatal(err)
			}
			if _, writes := i.queries.take(); len(writes) > 0 {
				t.Errorf("a preview writes: %q", writes)
			}
			a := i.tokens(t, newBrowser(t), "ada", name, secret)
			if preview.RefreshToken != (a.str("refresh_token") != "") {
				t.Errorf("a refresh token: %t", preview.RefreshToken)
			}
			same := func(what string, got *authz.PreviewToken, header, claims map[string]any) {
				t.Helper()
				for _, made := range append([]string{"iat", "exp", "auth_time"}, authz.PreviewOmits...) {
					delete(claims, made)
				}
				left := maps.Clone(got.Claims)
				for _, made := range []string{"iat", "exp", "auth_time"} {
					delete(left, made)
				}
				if !reflect.DeepEqual(left, claims) || !reflect.DeepEqual(got.Header, header) {
					t.Errorf("%s\npreviewed %v %v\nissued    %v %v", what, got.Header, left, header, claims)
				}
			}
			if name != "opaque" {
				same("access token", &preview.AccessToken, decodeSegment(t, a.str("access_token"), 0), decodeSegment(t, a.str("access_token"), 1))
			} else if preview.AccessToken.Header != nil || preview.AccessToken.Claims["dept"] != "sales" {
				t.Errorf("opaque: %+v", preview.AccessToken)
			}
			same("ID token", preview.IDToken, decodeSegment(t, a.str("id_token"), 0), decodeSegment(t, a.str("id_token"), 1))
			u := i.userinfo(t, a.str("access_token"))
			if name == "signed" {
				same("userinfo", preview.UserInfo, decodeSegment(t, u.Raw, 0), decodeSegment(t, u.Raw, 1))
			} else {
				same("userinfo", preview.UserInfo, nil, u.Body)
			}
		})
	}
}

// Preview says why nothing would be issued.
func TestPreviewRefuses(t *testing.T) {
	i := start(t)
	ada, bob := i.person(t, "ada"), i.person(t, "bob")
	if err := i.Login.SetDisabled(t.Context(), bob.ID, true); err != nil {
		t.Fatal(err)
	}
	i.webApp(t, "app")
	i.webApp(t, "bosses", func(c *clients.Client) { c.AllowedGroups = []string{"bosses"} })
	i.webApp(t, "off", func(c *clients.Client) { c.Disabled = true })
	i.webApp(t, "job", func(c *clients.Client) {
		c.GrantTypes, c.RedirectURIs, c.PostLogoutRedirectURIs = []string{clients.GrantClientCredentials}, nil, nil
	})
	i.webApp(t, "nowhere", pairwise, func(c *clients.Client) { c.RedirectURIs = []string{"com.example.app:/cb"} })
	for name, tt := range map[string]struct {
		request authz.PreviewRequest
		code    string
	}{
		"no such app":        {authz.PreviewRequest{ClientID: "none", PersonID: ada.ID}, "invalid_client"},
		"a disabled app":     {authz.PreviewRequest{ClientID: "off", PersonID: ada.ID}, "unauthorized_client"},
		"a service":          {authz.PreviewRequest{ClientID: "job", PersonID: ada.ID}, "unauthorized_client"},
		"nobody":             {authz.PreviewRequest{ClientID: "app", PersonID: "none"}, "invalid_grant"},
		"a disabled person":  {authz.PreviewRequest{ClientID: "app", PersonID: bob.ID}, "invalid_grant"},
		"in none of them":    {authz.PreviewRequest{ClientID: "bosses", PersonID: ada.ID}, "invalid_grant"},
		"a foreign scope":    {authz.PreviewRequest{ClientID: "app", PersonID: ada.ID, Scope: "openid admin"}, "invalid_scope"},
		"a foreign resource": {authz.PreviewRequest{ClientID: "app", PersonID: ada.ID, Resources: []string{"https://x.test/"}}, "invalid_target"},
		"no sector":          {authz.PreviewRequest{ClientID: "nowhere", PersonID: ada.ID}, "server_error"},
	} {
		p, err := i.Provider.Preview(t.Context(), tt.request)
		var refusal *authz.Error
		if p != nil || !errors.As(err, &refusal) || refusal.Code != tt.code {
			t.Errorf("%s: %v, %v, want %s", name, p, err, tt.code)
		}
	}
}

// A client that wants it gets userinfo as a JWT, which go-oidc verifies. It says
// whose it is, and opens nothing.
func TestSignedUserInfo(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app", firstParty, func(c *clients.Client) { c.UserinfoSignedResponseAlg = "RS256" })
	b := newBrowser(t)
	a := i.tokens(t, b, "ada", "app", secret)
	u := i.userinfo(t, a.str("access_token"))
	if u.Status != http.StatusOK || u.Header.Get("Content-Type") != "application/jwt" || u.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", u.Status, u.Header)
	}
	provider, conf := app(t, i, "app", secret)
	info, err := provider.UserInfo(t.Context(), conf.TokenSource(t.Context(), tokenOf(a)))
	if err != nil || info.Email != "ada@example.test" {
		t.Errorf("go-oidc reads %+v, %v", info, err)
	}
	header, claims := decodeSegment(t, u.Raw, 0), decodeSegment(t, u.Raw, 1)
	if header["alg"] != "RS256" || header["typ"] != "JWT" || claims["iss"] != i.URL || claims["aud"] != "app" ||
		claims["sub"] != decodeSegment(t, a.str("id_token"), 1)["sub"] || claims["exp"] != nil {
		t.Errorf("%v %v", header, claims)
	}
	// Neither at the client's library nor here is it an ID token.
	if _, err := provider.Verifier(&oidc.Config{ClientID: "app"}).Verify(t.Context(), u.Raw); err == nil {
		t.Error("go-oidc takes it for an ID token")
	}
	i.userinfo(t, u.Raw).wantBadToken(t)
	i.post(t, "/oauth2/introspect", "app", secret, url.Values{"token": {u.Raw}}).wantInactive(t)
	p := b.get(i.authorizeURL("app", map[string]string{"prompt": "none", "id_token_hint": u.Raw}))
	p.wantErrorRedirect(t, i.URL, testCallback, "invalid_request", "a-state")
	b.get(i.URL + "/oauth2/logout?" + url.Values{"id_token_hint": {u.Raw}, "post_logout_redirect_uri": {"https://app.example.test/bye"}}.Encode()).wantErrorPage(t)
	if p := b.get(i.authorizeURL("app", map[string]string{"prompt": "none"})); p.param("code") == "" {
		t.Errorf("it ended the session: %s", p.Location)
	}
	// Errors stay JSON; without a key there is no answer, and no plain one.
	if a := i.userinfo(t, "x"); a.Status != http.StatusUnauthorized || a.str("error") != "invalid_token" {
		t.Errorf("%d %s", a.Status, a.Raw)
	}
	i.change(t, "app", func(c *clients.Client) { c.UserinfoSignedResponseAlg = "ES256" })
	if a := i.userinfo(t, a.str("access_token")); a.Status < 500 || strings.Contains(a.Raw, "ada") {
		t.Errorf("signed with what there is no key for: %d %s", a.Status, a.Raw)
	}
}

// tokenOf is a token response for golang.org/x/oauth2.
func tokenOf(a answer) *oauth2.Token { return &oauth2.Token{AccessToken: a.str("access_token")} }
