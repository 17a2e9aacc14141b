package clients

import (
	"slices"
	"time"
)

const (
	day = 24 * time.Hour
	// MaxRefreshGrace bounds how long a stolen refresh token can be replayed.
	MaxRefreshGrace = 10 * time.Minute
	maxRefreshTTL   = 3650 * day
)

// RotatesRefreshTokens reports whether each refresh token of the client works
// once and yields another (RFC 9700, section 4.14.2).
func (c *Client) RotatesRefreshTokens() bool {
	return c.RefreshTokenRotation == nil || *c.RefreshTokenRotation
}

// OpaqueAccessTokens reports whether the client's access tokens are opaque.
func (c *Client) OpaqueAccessTokens() bool { return c.AccessTokenFormat == AccessTokenOpaque }

// IntrospectsAccessToken reports whether the client may learn about an access
// token that was issued to the client with id issuedTo, for audience.
func (c *Client) IntrospectsAccessToken(issuedTo string, audience []string) bool {
	switch {
	case c.Public() || c.Introspection == IntrospectNone:
		return false
	case c.Introspection == IntrospectAny || c.ID == issuedTo || slices.Contains(audience, c.ID):
		return true
	}
	return slices.ContainsFunc(audience, func(aud string) bool { return slices.Contains(c.Audiences, aud) })
}

// IntrospectsRefreshToken reports whether the client may learn about a refresh
// token that was issued to the client with id issuedTo: nobody but that client
// has any business with it.
func (c *Client) IntrospectsRefreshToken(issuedTo string) bool {
	return !c.Public() && c.Introspection != IntrospectNone && c.ID == issuedTo
}

// ConsentPolicy returns when people are asked for consent: ConsentAlways,
// ConsentRemember or ConsentSkip. Whoever registers by themselves cannot spare
// people the question, whatever stands in the client: one whose metadata is a
// document that can change at any time always asks, one that has registered
// itself at least for what is new.
func (c *Client) ConsentPolicy() string {
	policy := c.Consent
	switch {
	case c.Source == SourceDocument:
		return ConsentAlways
	case policy == "" && c.FirstParty:
		policy = ConsentSkip
	case policy == "":
		policy = ConsentRemember
	}
	if policy == ConsentSkip && c.Source == SourceDynamic {
		return ConsentRemember
	}
	return policy
}

// Admits reports whether someone in these groups may sign in to the client.
func (c *Client) Admits(groups []string) bool {
	return len(c.AllowedGroups) == 0 || slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(c.AllowedGroups, g) })
}

// checkTokens checks the rules for the client's tokens.
func (f *faults) checkTokens(c *Client) {
	f.oneOf("access_token_format", c.AccessTokenFormat, AccessTokenJWT, AccessTokenOpaque)
	if c.RefreshTokenGrace != nil {
		f.checkSpan("refresh_token_grace", *c.RefreshTokenGrace, 0, MaxRefreshGrace, "0 to 10m: a stolen token can be replayed for as long")
	}
	for _, ttl := range []struct {
		field string
		span  time.Duration
	}{{"refresh_token_idle_ttl", c.RefreshTokenIdleTTL}, {"refresh_token_absolute_ttl", c.RefreshTokenAbsoluteTTL}} {
		if ttl.span != 0 {
			f.checkSpan(ttl.field, ttl.span, time.Second, maxRefreshTTL, "1s to 3650d")
		}
	}
	if idle, absolute := c.RefreshTokenIdleTTL, c.RefreshTokenAbsoluteTTL; idle > absolute && absolute > 0 {
		f.add("refresh_token_idle_ttl", "must not be longer than refresh_token_absolute_ttl")
	}
	if c.Public() && !c.RotatesRefreshTokens() {
		// RFC 9700, section 2.2.2.
		f.add("refresh_token_rotation", "must be true for a public client: whoever finds its refresh token can use it")
	}
	f.oneOf("introspection", c.Introspection, IntrospectOwn, IntrospectNone, IntrospectAny)
	if c.Public() && c.Introspection != "" && c.Introspection != IntrospectNone {
		f.add("introspection", "%q needs a confidential client: a public one cannot prove who it is", c.Introspection)
	}
}

// oneOf checks a value against the few that there are; empty is the default.
func (f *faults) oneOf(field, got string, names ...string) {
	if got != "" && !slices.Contains(names, got) {
		f.add(field, "%q must be %s", got, choice(names))
	}
}

// checkSpan checks a length of time. Metadata has it in whole seconds.
func (f *faults) checkSpan(field string, d, least, most time.Duration, words string) {
	switch {
	case d < least || d > most:
		f.add(field, "%s is out of range; it must be %s", d, words)
	case d%time.Second != 0:
		f.add(field, "%s must be whole seconds", d)
	}
}
