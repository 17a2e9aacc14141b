package authz

import (
	"slices"

	"signet/authz/login"
)

// personClaims are the claims about a person that a set of scopes releases
// (OpenID Connect Core, section 5.4), without sub. Empty ones are left out.
func personClaims(person *login.Person, scopes []string) map[string]any {
	claims := map[string]any{}
	put := func(name, value string) {
		if value != "" {
			claims[name] = value
		}
	}
	profile := &person.Profile
	if slices.Contains(scopes, scopeProfile) {
		put("name", profile.Name)
		put("given_name", profile.GivenName)
		put("family_name", profile.FamilyName)
		put("middle_name", profile.MiddleName)
		put("nickname", profile.Nickname)
		put("preferred_username", person.Username)
		put("profile", profile.ProfileURL)
		put("picture", profile.Picture)
		put("website", profile.Website)
		put("gender", profile.Gender)
		put("birthdate", profile.Birthdate)
		put("zoneinfo", profile.Zoneinfo)
		put("locale", profile.Locale)
		if !person.UpdatedAt.IsZero() {
			claims["updated_at"] = person.UpdatedAt.Unix()
		}
		if len(person.Groups) > 0 {
			claims["groups"] = person.Groups
		}
	}
	if slices.Contains(scopes, scopeEmail) && person.Email != "" {
		claims["email"] = person.Email
		claims["email_verified"] = person.EmailVerified
	}
	if slices.Contains(scopes, scopePhone) && profile.PhoneNumber != "" {
		claims["phone_number"] = profile.PhoneNumber
		claims["phone_number_verified"] = profile.PhoneNumberVerified
	}
	if slices.Contains(scopes, scopeAddress) && profile.Address != nil {
		claims["address"] = profile.Address
	}
	return claims
}

// supportedClaims is the claims_supported of the metadata: what personClaims
// and the ID token can hold.
var supportedClaims = []string{
	"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid",
	"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
	"website", "gender", "birthdate", "zoneinfo", "locale", "updated_at", "groups",
	"email", "email_verified", "phone_number", "phone_number_verified", "address",
}
