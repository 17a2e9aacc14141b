package authz

import (
	"slices"
	"testing"
	"time"

	"signet/authz/login"
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
