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

// IsStandardScope reports whether scope has a meaning and a text of its own,
// which no operator gives it (OpenID Connect Core, sections 5.4 and 11).
func IsStandardScope(scope string) bool {
	return slices.ContainsFunc(standardScopes, func(t ScopeText) bool { return t.Name == scope })
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
		if i := slices.IndexFunc(standardScopes, func(t ScopeText) bool { return t.Name == s }); text == "" && i >= 0 {
			text = standardScopes[i].Text
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
