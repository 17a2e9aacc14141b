package clients

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Where a claim can go: the values of ClaimRule.In.
const (
	ClaimInIDToken     = "id_token"
	ClaimInUserinfo    = "userinfo"
	ClaimInAccessToken = "access_token"
)

// Sources of a claim beside the standard claims: the values of ClaimRule.From.
const (
	// ClaimFromGroups is the groups of the person, always a list.
	ClaimFromGroups = "groups"
	// ClaimFromUsername is the name that the person signs in with.
	ClaimFromUsername = "username"
	// ClaimFromAttribute stands before the name of an attribute that the
	// operator has given people.
	ClaimFromAttribute = "attributes."
)

const (
	maxClaimRules  = 50
	maxClaimName   = 200     // bytes; namespaced names are URIs
	maxClaimMap    = 200     // values that one rule replaces
	maxClaimText   = 500     // characters of a value on either side of a map
	maxClaimValues = 4 << 10 // bytes of all fixed values, which stand in every token
	maxAttribute   = 64      // bytes of the name of an attribute
)

// reservedClaims belong to the protocol: an app or an API decides by them. In a
// rule they would let an operator's slip make one person's token another's.
var reservedClaims = []string{
	// RFC 7519, 4.1; OpenID Connect Core, 2 and 3.3.2.11; RFC 9068, 2.2.
	"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "auth_time", "nonce", "acr", "amr", "azp",
	"at_hash", "c_hash", "s_hash", "rt_hash", "client_id", "scope",
	// Logout, 2.4; Token Status List, 6.1; RFC 7800, 3.1; RFC 8693, 4; RFC 9396, 9.1; ours.
	"sid", "events", "status", "status_list", "cnf", "act", "may_act", "authorization_details", "grant_id",
	// RFC 8417, 2.2; RFC 9493; Self-Issued OP; Core, 5.6.2.
	"toe", "txn", "sub_id", "sub_jwk", "_claim_names", "_claim_sources",
	// Answers of introspection (RFC 7662, 2.2; RFC 9701, 5), and what APIs tell
	// tokens apart by.
	"active", "token_type", "token_introspection", "token_use", "typ",
}

// standardSources are the standard claims about a person (OpenID Connect Core,
// section 5.1).
var standardSources = []string{
	"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
	"website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
	"email", "email_verified", "phone_number", "phone_number_verified", "address",
}

// unmappable are the sources that are neither text nor a list of texts.
var unmappable = []string{"updated_at", "email_verified", "phone_number_verified", "address"}

// ReservedClaim reports whether a claim belongs to the protocol, so that no rule
// may set it.
func ReservedClaim(name string) bool { return slices.Contains(reservedClaims, name) }

// KnownClaimSource reports whether a rule can take its value from there.
func KnownClaimSource(from string) bool {
	if name, ok := strings.CutPrefix(from, ClaimFromAttribute); ok {
		return name != "" && len(name) <= maxAttribute && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == ""
	}
	return from == ClaimFromGroups || from == ClaimFromUsername || slices.Contains(standardSources, from)
}

// Source is where a rule for the claim with this name takes its value from;
// empty when it has a fixed one.
func (r *ClaimRule) Source(name string) string {
	switch {
	case r.Value != nil:
		return ""
	case r.From != "":
		return r.From
	}
	return name
}

// checkClaims checks the rules for the client's claims.
func checkClaims(f *faults, c *Client) {
	if len(c.Claims) > maxClaimRules {
		f.add("claims", "has %d rules; there may be %d", len(c.Claims), maxClaimRules)
		return
	}
	fixed := 0
	for _, name := range slices.Sorted(maps.Keys(c.Claims)) {
		rule := c.Claims[name]
		switch {
		case !validClaimName(name):
			f.add("claims", "%q is no name for a claim; it must be 1 to %d visible ASCII characters without \" and \\", shortened(name), maxClaimName)
			continue
		case ReservedClaim(name):
			f.add("claims", "%q belongs to the protocol, and apps and APIs decide by it; choose another name", name)
			continue
		}
		f.checkClaimSource(name, &rule)
		f.checkClaimMap(name, &rule)
		fixed += f.checkClaimValue(name, &rule)
		for i, in := range rule.In {
			switch {
			case in != ClaimInIDToken && in != ClaimInUserinfo && in != ClaimInAccessToken:
				f.add("claims", "%q: in: %q must be %s, %s or %s", name, shortened(in), ClaimInIDToken, ClaimInUserinfo, ClaimInAccessToken)
			case slices.Contains(rule.In[:i], in):
				f.add("claims", "%q: in: %q is listed twice", name, in)
			}
		}
	}
	if fixed > maxClaimValues {
		f.add("claims", "has fixed values of %d bytes, which stand in every token; there may be %d", fixed, maxClaimValues)
	}
}

func (f *faults) checkClaimSource(name string, r *ClaimRule) {
	switch from := r.Source(name); {
	case r.Value != nil && r.From != "":
		f.add("claims", "%q has both a value and a from; give one of the two", name)
	case r.Value != nil && len(r.Map) > 0:
		f.add("claims", "%q has both a value and a map, and there is nothing to map in a fixed value; give one of the two", name)
	case r.Value != nil || KnownClaimSource(from):
	case r.From == "":
		f.add("claims", "%q is not known of people by itself; say where it is from, such as attributes.%s, or give it a value", name, attributeLike(name))
	default:
		f.add("claims", "%q: from: %q must be a standard claim, groups, username, or attributes. and the name of an attribute (a-z, 0-9, _ . -, at most %d characters)",
			name, shortened(from), maxAttribute)
	}
}

func (f *faults) checkClaimMap(name string, r *ClaimRule) {
	if len(r.Map) == 0 {
		return
	}
	if source := r.Source(name); slices.Contains(unmappable, source) {
		f.add("claims", "%q: map: %s is neither a text nor a list of texts", name, source)
	}
	if len(r.Map) > maxClaimMap {
		f.add("claims", "%q: map: has %d values; there may be %d", name, len(r.Map), maxClaimMap)
		return
	}
	for _, from := range slices.Sorted(maps.Keys(r.Map)) {
		for _, text := range []string{from, r.Map[from]} {
			if text == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxClaimText || strings.ContainsFunc(text, unicode.IsControl) {
				f.add("claims", "%q: map: %q must be 1 to %d characters without control characters", name, shortened(text), maxClaimText)
			}
		}
	}
}

// checkClaimValue returns how long a fixed value is in a token.
func (f *faults) checkClaimValue(name string, r *ClaimRule) int {
	if r.Value == nil {
		return 0
	}
	text, err := json.Marshal(r.Value)
	if err != nil {
		f.add("claims", "%q: value: is nothing that JSON can hold", name)
	}
	return len(text)
}

func validClaimName(name string) bool {
	return name != "" && len(name) <= maxClaimName && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= 0x20 || r > 0x7E || r == '"' || r == '\\'
	})
}

// attributeLike is name in the letters of an attribute, for an example.
func attributeLike(name string) string {
	like := strings.Map(func(r rune) rune {
		if KnownClaimSource(ClaimFromAttribute + string(r)) {
			return r
		}
		return '_'
	}, strings.ToLower(name))
	return like[:min(len(like), maxAttribute)]
}

// shortened keeps a stranger's text short enough for an error message.
func shortened(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
