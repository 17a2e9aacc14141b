package authz

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"signet/authz/login"
	"signet/clients"
)

// fullPerson has every standard claim (OpenID Connect Core, section 5.1).
func fullPerson() *login.Person {
	return &login.Person{
		ID: "id", Username: "ada", Email: "ada@example.test", EmailVerified: true, Groups: []string{"staff"}, UpdatedAt: time.Unix(1, 0),
		Profile: login.Profile{
			Name: "n", GivenName: "g", FamilyName: "f", MiddleName: "m", Nickname: "nick", ProfileURL: "https://p.test/", Picture: "https://p.test/i",
			Website: "https://w.test/", Gender: "x", Birthdate: "1815-12-10", Zoneinfo: "Europe/London", Locale: "en-GB",
			PhoneNumber: "+44", PhoneNumberVerified: true, Address: &login.Address{Country: "GB"},
		},
	}
}

// Each scope releases its claims and no others (section 5.4).
func TestPersonClaims(t *testing.T) {
	for scope, want := range map[string][]string{
		scopeOpenID:        nil,
		scopeOfflineAccess: nil,
		scopeEmail:         {"email", "email_verified"},
		scopePhone:         {"phone_number", "phone_number_verified"},
		scopeAddress:       {"address"},
		scopeProfile: {"birthdate", "family_name", "gender", "given_name", "groups", "locale", "middle_name", "name", "nickname", "picture",
			"preferred_username", "profile", "updated_at", "website", "zoneinfo"},
	} {
		var got []string
		for name := range personClaims(fullPerson(), []string{scope}) {
			got = append(got, name)
			if !slices.Contains(supportedClaims, name) {
				t.Errorf("the metadata does not name %s", name)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s releases %v, want %v", scope, got, want)
		}
	}
}

// What a person does not have is left out, not sent empty (section 5.3.2).
func TestPersonClaimsLeavesOutWhatIsNotThere(t *testing.T) {
	claims := personClaims(&login.Person{ID: "id", Username: "ada"}, []string{scopeProfile, scopeEmail, scopePhone, scopeAddress})
	if len(claims) != 1 || claims["preferred_username"] != "ada" {
		t.Errorf("claims of someone with a username alone: %v", claims)
	}
}

// Every source that a rule may name is known of someone who has everything, and
// the other way round.
func TestClaimSourcesAreTheSame(t *testing.T) {
	ada := fullPerson()
	ada.Attributes = login.Attributes{"dept": "sales"}
	known := personSources(ada)
	for source := range known {
		if !clients.KnownClaimSource(source) {
			t.Errorf("no rule may name %s", source)
		}
	}
	for _, name := range supportedClaims {
		if _, ok := known[name]; ok == clients.ReservedClaim(name) {
			t.Errorf("%s: about a person %t, reserved %t", name, ok, clients.ReservedClaim(name))
		}
	}
}

// What the scopes release, and what a rule makes of it at each destination.
func TestClaimsFor(t *testing.T) {
	const idToken, userinfo, access = clients.ClaimInIDToken, clients.ClaimInUserinfo, clients.ClaimInAccessToken
	every := []string{idToken, userinfo, access}
	ada := fullPerson()
	ada.Groups = []string{"staff", "ops", "interns"}
	ada.Attributes = login.Attributes{"dept": "sales", "level": 3.0, "remote": false, "tags": []string{"a"}}
	type at map[string]any // the one claim by destination; nil is nowhere
	for name, tt := range map[string]struct {
		claim  string
		rule   *clients.ClaimRule
		scopes []string
		idAll  bool
		want   at
	}{
		"no rule":                         {"email", nil, []string{scopeEmail}, false, at{userinfo: "ada@example.test"}},
		"no rule, no scope":               {"email", nil, nil, false, at{}},
		"no rule, id_token_claims":        {"email", nil, []string{scopeEmail}, true, at{userinfo: "ada@example.test", idToken: "ada@example.test"}},
		"no rule for attributes":          {"dept", nil, []string{scopeProfile}, true, at{}},
		"a rule needs no scope":           {"email", &clients.ClaimRule{In: every}, nil, false, at{idToken: "ada@example.test", userinfo: "ada@example.test", access: "ada@example.test"}},
		"a rule moves":                    {"email", &clients.ClaimRule{In: []string{access}}, []string{scopeEmail}, true, at{access: "ada@example.test"}},
		"a rule keeps out":                {"email", &clients.ClaimRule{}, []string{scopeEmail}, true, at{}},
		"groups are a list":               {"groups", &clients.ClaimRule{In: []string{idToken}}, nil, false, at{idToken: []string{"staff", "ops", "interns"}}},
		"groups, one by one":              {"roles", &clients.ClaimRule{From: "groups", Map: map[string]string{"ops": "Admin", "interns": "Viewer"}, In: []string{idToken}}, nil, false, at{idToken: []string{"Admin", "Viewer"}}},
		"one group is a list":             {"roles", &clients.ClaimRule{From: "groups", Map: map[string]string{"ops": "Admin"}, In: []string{idToken}}, nil, false, at{idToken: []string{"Admin"}}},
		"two groups, one role":            {"roles", &clients.ClaimRule{From: "groups", Map: map[string]string{"ops": "Admin", "staff": "Admin"}, In: []string{idToken}}, nil, false, at{idToken: []string{"Admin"}}},
		"no group that is named":          {"roles", &clients.ClaimRule{From: "groups", Map: map[string]string{"bosses": "Admin"}, In: []string{idToken}}, nil, false, at{}},
		"a text, mapped":                  {"cost", &clients.ClaimRule{From: "attributes.dept", Map: map[string]string{"sales": "4711"}, In: []string{access}}, nil, false, at{access: "4711"}},
		"a text that the map has not":     {"cost", &clients.ClaimRule{From: "attributes.dept", Map: map[string]string{"it": "4711"}, In: []string{access}}, nil, false, at{}},
		"a number":                        {"level", &clients.ClaimRule{From: "attributes.level", In: []string{access}}, nil, false, at{access: 3.0}},
		"a number, mapped":                {"level", &clients.ClaimRule{From: "attributes.level", Map: map[string]string{"3": "x"}, In: []string{access}}, nil, false, at{}},
		"false is a value":                {"remote", &clients.ClaimRule{From: "attributes.remote", In: []string{userinfo}}, nil, false, at{userinfo: false}},
		"a list of one":                   {"tags", &clients.ClaimRule{From: "attributes.tags", In: []string{userinfo}}, nil, false, at{userinfo: []string{"a"}}},
		"an attribute they do not have":   {"x", &clients.ClaimRule{From: "attributes.x", In: every}, nil, false, at{}},
		"fixed":                           {"tenant", &clients.ClaimRule{Value: "acme", In: []string{idToken, access}}, nil, false, at{idToken: "acme", access: "acme"}},
		"the username":                    {"login", &clients.ClaimRule{From: "username", In: []string{idToken}}, nil, false, at{idToken: "ada"}},
		"the password, in a stored rule":  {"pw", &clients.ClaimRule{From: "password_hash", In: every}, nil, false, at{}},
		"a reserved name in a stored one": {"sub", &clients.ClaimRule{Value: "root", In: every}, nil, false, at{}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &clients.Client{IDTokenClaims: tt.idAll}
			if tt.rule != nil {
				c.Claims = map[string]clients.ClaimRule{tt.claim: *tt.rule}
			}
			for _, destination := range every {
				got := claimsFor(destination, c, ada, tt.scopes, AskedClaims{})[tt.claim]
				if want := tt.want[destination]; !reflect.DeepEqual(got, want) {
					t.Errorf("%s in %s: %#v, want %#v", tt.claim, destination, got, want)
				}
			}
		})
	}
}

// A rule that should never have been stored changes nothing that the protocol
// owns, in any token.
func TestStoredRulesCannotForge(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := &Provider{cfg: Config{Issuer: "https://id.example.test", IDTokenTTL: time.Minute, AccessTokenTTL: time.Minute}}
	rules := map[string]clients.ClaimRule{}
	for _, name := range []string{
		"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "s_hash", "sid",
		"client_id", "scope", "cnf", "status", "act", "grant_id", "events", "typ", "token_use", "active", "token_type",
	} {
		rules[name] = clients.ClaimRule{Value: "forged", In: []string{clients.ClaimInIDToken, clients.ClaimInUserinfo, clients.ClaimInAccessToken}}
	}
	s := &session{
		grant: &Grant{ID: "g", ClientID: "app", Subject: "ada"}, person: *fullPerson(), subject: "ada", issuedAt: now,
		scopes: []string{scopeOpenID, scopeProfile}, audiences: []string{"https://api.example.test/"},
	}
	honest, forged := &clients.Client{ID: "app"}, &clients.Client{ID: "app", Claims: rules}
	tokens := func(c *clients.Client) []any {
		access := p.accessClaims(s, c, "1")
		text, err := json.Marshal(access)
		if err != nil {
			t.Fatal(err)
		}
		return []any{string(text), p.idTokenClaims(s, c, "h"), p.userInfoClaims(c, &s.person, "ada", s.scopes, AskedClaims{})}
	}
	if want, got := tokens(honest), tokens(forged); !reflect.DeepEqual(want, got) {
		t.Errorf("honest: %v\nforged: %v", want, got)
	}
	// As the encoder sees them, whoever has put them there.
	access := p.accessClaims(s, honest, "1")
	access.About = map[string]any{"tenant": "acme"}
	for name := range maps.Keys(rules) {
		access.About[name] = "forged"
	}
	text, err := json.Marshal(access)
	if err != nil {
		t.Fatal(err)
	}
	var got accessClaims
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	access.About = map[string]any{"tenant": "acme"}
	if !reflect.DeepEqual(got, access) {
		t.Errorf("got %+v, want %+v", got, access)
	}
}

func TestPairwiseSubject(t *testing.T) {
	c, err := newCredentials(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	// For ever: a change of this value makes strangers of everyone.
	const want = "veccdrywdVbjiQ5nDp4oy8bQ0OpQQ4-ozTN3I6Lsqv4"
	if got := c.pairwise("app.example.test", "0123456789abcdef0123456789abcdef"); got != want {
		t.Errorf("the sub is %q, want %q", got, want)
	}
	seen := map[string]bool{}
	for _, sector := range []string{"a.test", "b.test"} {
		for _, person := range []string{"ada", "bob"} {
			seen[c.pairwise(sector, person)] = true
		}
	}
	other, err := newCredentials([]byte("another secret of thirty-two bytes"))
	if err != nil {
		t.Fatal(err)
	}
	if seen[other.pairwise("a.test", "ada")] = true; len(seen) != 5 {
		t.Errorf("%d different subs, want 5", len(seen))
	}
}
