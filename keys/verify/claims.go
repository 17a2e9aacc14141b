package verify

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

// Claims are those of a verified access token (RFC 9068, section 2.2). They
// are shared by all who read them: do not change them.
type Claims struct {
	// Issuer and Audience have been checked; Audience may name other APIs too.
	Issuer   string
	Audience []string
	// Subject is the person, or the client when a service asks for itself.
	Subject string
	// ClientID is the app that the token was issued to.
	ClientID string
	// Scopes are what it may do. See HasScope.
	Scopes []string
	// Expires and IssuedAt have been checked.
	Expires, IssuedAt time.Time
	// ID is the token's own, jti.
	ID string
	// SessionID is the sign-in session, sid; empty when there is none.
	SessionID string
	// AuthTime is when the person signed in; zero when the token does not say.
	AuthTime time.Time
	// ACR and AMR say how they signed in (OpenID Connect Core, section 2).
	ACR string
	AMR []string
	// Bound says that the token has a cnf claim (RFC 7800): it is worth nothing
	// without proof of a key. The middleware of this package refuses it; who
	// calls Verify has to see to the proof.
	Bound bool
	// Raw is the claims set as JSON, for claims of your own.
	Raw []byte
}

// HasScope reports whether the token has a scope.
func (c *Claims) HasScope(scope string) bool { return slices.Contains(c.Scopes, scope) }

// Require returns a ScopeError unless the token has all of these scopes.
func (c *Claims) Require(scopes ...string) error {
	for _, scope := range scopes {
		if !c.HasScope(scope) {
			return &ScopeError{Required: scopes}
		}
	}
	return nil
}

// payload is a claims set as it comes: that of an access token.
type payload struct {
	Issuer    string       `json:"iss"`
	Subject   string       `json:"sub"`
	Audience  audience     `json:"aud"`
	ClientID  string       `json:"client_id"`
	Scope     string       `json:"scope"`
	Expires   *numericDate `json:"exp"`
	NotBefore *numericDate `json:"nbf"`
	IssuedAt  *numericDate `json:"iat"`
	ID        string       `json:"jti"`
	SessionID string       `json:"sid"`
	AuthTime  *numericDate `json:"auth_time"`
	ACR       string       `json:"acr"`
	AMR       []string     `json:"amr"`
	// Confirmation is looked at for its presence alone.
	Confirmation any     `json:"cnf"`
	Status       *status `json:"status"`
}

// parseClaims reads the claims of an access token and sees that none is
// missing that RFC 9068, section 2.2, requires.
func parseClaims(raw []byte) (*payload, error) {
	var p payload
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("%w: the claims: %w", ErrMalformed, err)
	}
	for _, claim := range [...]struct {
		name    string
		missing bool
	}{
		{"iss", p.Issuer == ""}, {"sub", p.Subject == ""}, {"aud", len(p.Audience) == 0}, {"client_id", p.ClientID == ""},
		{"exp", p.Expires == nil}, {"iat", p.IssuedAt == nil}, {"jti", p.ID == ""},
	} {
		if claim.missing {
			return nil, fmt.Errorf("%w: there is no %s claim", ErrMalformed, claim.name)
		}
	}
	return &p, nil
}

// checkTimes holds exp, nbf and iat against the clock (RFC 7519, section 4.1).
func (p *payload) checkTimes(now time.Time, leeway time.Duration) error {
	switch {
	case !now.Before(p.Expires.Add(leeway)):
		return fmt.Errorf("%w: at %s", ErrExpired, p.Expires.UTC().Format(time.RFC3339))
	case p.NotBefore != nil && now.Add(leeway).Before(p.NotBefore.Time):
		return fmt.Errorf("%w: before %s", ErrNotYetValid, p.NotBefore.UTC().Format(time.RFC3339))
	case now.Add(leeway).Before(p.IssuedAt.Time):
		return fmt.Errorf("%w: issued at %s", ErrNotYetValid, p.IssuedAt.UTC().Format(time.RFC3339))
	}
	return nil
}

func (p *payload) claims(raw []byte) *Claims {
	c := &Claims{
		Issuer: p.Issuer, Subject: p.Subject, Audience: p.Audience, ClientID: p.ClientID,
		Scopes: strings.Fields(p.Scope), Expires: p.Expires.Time, IssuedAt: p.IssuedAt.Time, ID: p.ID,
		SessionID: p.SessionID, ACR: p.ACR, AMR: p.AMR, Bound: p.Confirmation != nil, Raw: raw,
	}
	if p.AuthTime != nil {
		c.AuthTime = p.AuthTime.Time
	}
	return c
}

// audience is a JWT's aud: a string, or an array of them (RFC 7519, section
// 4.1.3).
type audience []string

// UnmarshalJSON reads both forms.
func (a *audience) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*a = make(audience, 1)
		return json.Unmarshal(b, &(*a)[0])
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// numericDate is seconds since 1970, with fractions or without (RFC 7519,
// section 2).
type numericDate struct{ time.Time }

// latestDate is the end of the year 9999. A later one is an accident, or an
// attempt to overflow something.
const latestDate = 253402300799

// UnmarshalJSON reads a JSON number.
func (d *numericDate) UnmarshalJSON(b []byte) error {
	seconds, err := strconv.ParseFloat(string(b), 64)
	if err != nil || !(seconds >= 0 && seconds <= latestDate) {
		return fmt.Errorf("%s is not a date in seconds", clip(string(b)))
	}
	whole, fraction := math.Modf(seconds)
	d.Time = time.Unix(int64(whole), int64(fraction*1e9))
	return nil
}
