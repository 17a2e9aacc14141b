package clients

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrScope says that a scope value is not what RFC 6749, section 3.3, allows.
var ErrScope = errors.New("scope may hold only visible ASCII characters other than the double quote and the backslash, with spaces between its values")

// ParseScope splits a scope parameter into its values, in the order sent, each
// once (RFC 6749, section 3.3). An empty parameter counts as none (section
// 3.1) and yields no values. Runs of spaces are taken for one, since libraries
// that join an optional value send them; any other character that is not in
// the grammar, a tab or a newline too, gives ErrScope.
func ParseScope(scope string) ([]string, error) {
	var values []string
	seen := make(map[string]bool)
	for value := range strings.SplitSeq(scope, " ") {
		if value == "" || seen[value] {
			continue
		}
		if !isScopeToken(value) {
			return nil, fmt.Errorf("%w: %q", ErrScope, value)
		}
		seen[value] = true
		values = append(values, value)
	}
	return values, nil
}

// isScopeToken reports whether s is a scope-token: 1*( %x21 / %x23-5B /
// %x5D-7E ).
func isScopeToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x21 || c > 0x7E || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

// ScopeAllowed reports whether the client is registered for this one scope
// value. Values are compared exactly: no wildcards, no hierarchy.
func (c *Client) ScopeAllowed(scope string) bool { return slices.Contains(c.Scopes, scope) }

// GrantAllowed reports whether the client may use this grant type.
func (c *Client) GrantAllowed(grant string) bool { return slices.Contains(c.GrantTypes, grant) }

// DefaultScopes returns what a request without a scope parameter means for
// this client (RFC 6749, section 3.3): all it is registered for, but openid
// and offline_access, which change what kind of answer is given and have to be
// asked for by name.
func (c *Client) DefaultScopes() []string {
	var scopes []string
	for _, s := range c.Scopes {
		if s != "openid" && s != "offline_access" {
			scopes = append(scopes, s)
		}
	}
	return scopes
}
