package authz

import (
	"slices"
	"strings"

	"signet/clients"
)

// Scope values with a meaning of their own (OpenID Connect Core, 5.4 and 11).
const (
	scopeOpenID        = "openid"
	scopeProfile       = "profile"
	scopeEmail         = "email"
	scopeAddress       = "address"
	scopePhone         = "phone"
	scopeOfflineAccess = "offline_access"
)

var standardScopes = []ScopeText{
	{scopeOpenID, "Know who you are"},
	{scopeProfile, "See your name, picture and groups"},
	{scopeEmail, "See your email address"},
	{scopeAddress, "See your postal address"},
	{scopePhone, "See your phone number"},
	{scopeOfflineAccess, "Keep this access while you are away"},
}

// Scopes of the admin API.
const (
	// ScopeAdminRead looks at everything that the admin API shows.
	ScopeAdminRead = "signet:read"
	// ScopeAdminWrite changes it.
	ScopeAdminWrite = "signet:write"
)

// adminScopes are not among the standard ones: the metadata lists those, and
// there are clients that ask for every scope it lists.
var adminScopes = []ScopeText{
	{ScopeAdminRead, "Look at every app, person, session and signing key of this server"},
	{ScopeAdminWrite, "Administer this server: change apps and people, end sessions, replace signing keys"},
}

// ownText is the text of a scope that no operator gives one.
func ownText(scope string) (string, bool) {
	all := append(slices.Clone(standardScopes), adminScopes...)
	i := slices.IndexFunc(all, func(t ScopeText) bool { return t.Name == scope })
	if i < 0 {
		return "", false
	}
	return all[i].Text, true
}

// IsStandardScope reports whether scope has a meaning and a text of its own,
// which no operator gives it (OpenID Connect Core, sections 5.4 and 11; those of
// the admin API).
func IsStandardScope(scope string) bool {
	_, own := ownText(scope)
	return own
}

// ScopeText is a scope and what the consent page says about it.
type ScopeText struct {
	// Name is the scope value, shown small under the text.
	Name string
	// Text is the scope in plain words.
	Text string
}

// describe words scopes for the consent page.
func (p *Provider) describe(scopes []string) []ScopeText {
	out := make([]ScopeText, 0, len(scopes))
	for _, s := range scopes {
		text := p.cfg.Scopes[s]
		if own, ok := ownText(s); ok {
			text = own
		}
		if text == "" {
			text = "Use “" + s + "” on your behalf"
		}
		out = append(out, ScopeText{Name: s, Text: text})
	}
	return out
}

// requestedScopes reads a scope parameter. One that is missing means what the
// client is registered for, without openid and offline_access, which have to
// be asked for (RFC 6749, section 3.3). A client that asks for more than it
// may have is told so.
func requestedScopes(param string, client *clients.Client) ([]string, error) {
	if strings.TrimSpace(param) == "" {
		return client.DefaultScopes(), nil
	}
	scopes, err := clients.ParseScope(param)
	if err != nil {
		return nil, refuse(CodeInvalidScope, "The scope parameter is malformed.").because(err)
	}
	for _, s := range scopes {
		if !client.ScopeAllowed(s) {
			return nil, refuse(CodeInvalidScope, "The client may not ask for the scope %s.", printable(s)).
				compared("one of "+strings.Join(client.Scopes, " "), clip(s))
		}
	}
	return scopes, nil
}

// printable keeps a stranger's words within what an error_description may
// hold (RFC 6749, section 5.2).
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, clip(s))
}

// intersect returns the members of a that are also in b, in a's order.
func intersect(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

// without returns the members of a that are not in b, in a's order.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
