package authz

import (
	"slices"

	"signet/authz/login"
	"signet/clients"
)

// scopeClaims are the claims that a scope releases (OpenID Connect Core, section
// 5.4; groups is ours).
var scopeClaims = map[string][]string{
	scopeProfile: {
		"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
		"website", "gender", "birthdate", "zoneinfo", "locale", "updated_at", "groups",
	},
	scopeEmail:   {"email", "email_verified"},
	scopePhone:   {"phone_number", "phone_number_verified"},
	scopeAddress: {"address"},
}

// claimsFor computes the claims about a person, without sub, that go to one
// destination (clients.ClaimInUserinfo and the like) for a client: what the scopes
// release, to userinfo and, for a client that wants it there, the ID token; beside it
// what the request asked for by name; and over both the client's rules. A rule
// decides about its claim at all three destinations, and is the operator's word: it
// needs no scope.
//
// Names that belong to the protocol are passed over once more here, though no
// rule with one is accepted: the database may have been written to by others.
func claimsFor(destination string, c *clients.Client, person *login.Person, scopes []string, asked AskedClaims) map[string]any {
	claims := map[string]any{}
	if destination == clients.ClaimInUserinfo || (destination == clients.ClaimInIDToken && c.IDTokenClaims) {
		claims = personClaims(person, scopes)
	}
	addAsked(claims, person, asked.at(destination))
	for name, rule := range c.Claims {
		if clients.ReservedClaim(name) {
			continue
		}
		delete(claims, name)
		if !slices.Contains(rule.In, destination) {
			continue
		}
		if value := ruleValue(name, &rule, person); value != nil {
			claims[name] = value
		}
	}
	return claims
}

// ruleValue is what a rule says of a person, nil for nothing.
func ruleValue(name string, rule *clients.ClaimRule, person *login.Person) any {
	source := rule.Source(name)
	if source == "" {
		return rule.Value
	}
	value := personSources(person)[source]
	if len(rule.Map) == 0 {
		return value
	}
	switch v := value.(type) {
	case string:
		if mapped, ok := rule.Map[v]; ok {
			return mapped
		}
	case []string:
		var out []string
		for _, one := range v {
			if mapped, ok := rule.Map[one]; ok && !slices.Contains(out, mapped) {
				out = append(out, mapped)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil // not named in the map, or neither text nor texts
}

// personClaims are the claims about a person that a set of scopes releases
// (OpenID Connect Core, section 5.4), without sub. Empty ones are left out.
func personClaims(person *login.Person, scopes []string) map[string]any {
	known, claims := personSources(person), map[string]any{}
	for _, scope := range scopes {
		for _, name := range scopeClaims[scope] {
			if value, ok := known[name]; ok {
				claims[name] = value
			}
		}
	}
	return claims
}

// personSources is everything that a claim about a person can be taken from, by
// the names of clients.ClaimRule.From. What they do not have is not there.
func personSources(person *login.Person) map[string]any {
	known := map[string]any{}
	profile := &person.Profile
	for name, value := range map[string]string{
		"name": profile.Name, "given_name": profile.GivenName, "family_name": profile.FamilyName, "middle_name": profile.MiddleName,
		"nickname": profile.Nickname, "preferred_username": person.Username, "profile": profile.ProfileURL, "picture": profile.Picture,
		"website": profile.Website, "gender": profile.Gender, "birthdate": profile.Birthdate, "zoneinfo": profile.Zoneinfo,
		"locale": profile.Locale, "email": person.Email, "phone_number": profile.PhoneNumber, clients.ClaimFromUsername: person.Username,
	} {
		if value != "" {
			known[name] = value
		}
	}
	if person.Email != "" {
		known["email_verified"] = person.EmailVerified
	}
	if profile.PhoneNumber != "" {
		known["phone_number_verified"] = profile.PhoneNumberVerified
	}
	if profile.Address != nil {
		known["address"] = profile.Address
	}
	if !person.UpdatedAt.IsZero() {
		known["updated_at"] = person.UpdatedAt.Unix()
	}
	if len(person.Groups) > 0 {
		known[clients.ClaimFromGroups] = person.Groups
	}
	for name, value := range person.Attributes {
		known[clients.ClaimFromAttribute+name] = value
	}
	return known
}

// supportedClaims is the claims_supported of the metadata: what personClaims
// and the ID token can hold.
var supportedClaims = []string{
	"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid",
	"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
	"website", "gender", "birthdate", "zoneinfo", "locale", "updated_at", "groups",
	"email", "email_verified", "phone_number", "phone_number_verified", "address",
}
