package authz

import (
	"encoding/json"
	"maps"
	"strings"

	"signet/clients"
)

// accessClaims are the claims of an access token (RFC 9068, section 2.2).
type accessClaims struct {
	Issuer string `json:"iss"`
	// Subject is what the client is told of the person, or the client itself.
	// An API learns no more from it than the app that it serves.
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope,omitempty"`
	IssuedAt int64    `json:"iat"`
	Expires  int64    `json:"exp"`
	ID       string   `json:"jti"`
	// SessionID is the sign-in session, GrantID the row that revokes the token.
	SessionID string   `json:"sid,omitempty"`
	GrantID   string   `json:"grant_id,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	ACR       string   `json:"acr,omitempty"`
	AMR       []string `json:"amr,omitempty"`
	// Status says where a revocation of the token will stand.
	Status *statusClaim `json:"status,omitempty"`

	// About are the claims about the person that the client's rules put here.
	// They stand beside the others, which none of them replaces.
	About map[string]any `json:"-"`
	// client is the one that the token was issued to, as it is now; only
	// verifyAccessToken knows it.
	client clients.Client
}

// MarshalJSON writes the claims as one object.
func (c accessClaims) MarshalJSON() ([]byte, error) {
	type own accessClaims // without this method
	text, err := json.Marshal(own(c))
	if err != nil || len(c.About) == 0 {
		return text, err
	}
	all := maps.Clone(c.About)
	maps.DeleteFunc(all, func(name string, _ any) bool { return clients.ReservedClaim(name) })
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *accessClaims) UnmarshalJSON(text []byte) error {
	type own accessClaims
	if err := json.Unmarshal(text, (*own)(c)); err != nil {
		return err
	}
	c.About = nil
	if err := json.Unmarshal(text, &c.About); err != nil {
		return err
	}
	maps.DeleteFunc(c.About, func(name string, _ any) bool { return clients.ReservedClaim(name) })
	return nil
}

// accessClaims computes the claims of the access token of a response, with this
// `jti`.
func (p *Provider) accessClaims(s *session, client *clients.Client, id string) accessClaims {
	c := accessClaims{
		Issuer:   p.cfg.Issuer,
		Subject:  s.subject,
		Audience: s.audiences,
		ClientID: client.ID,
		Scope:    strings.Join(s.scopes, " "),
		IssuedAt: s.issuedAt.Unix(),
		Expires:  p.accessExpiry(s).Unix(),
		ID:       id,
		Status:   p.statusClaim(s.status),
	}
	if g := s.grant; g != nil {
		c.SessionID, c.GrantID, c.ACR, c.AMR = g.SessionID, g.ID, g.ACR, g.AMR
		c.AuthTime = unixOrZero(g.AuthTime)
		c.About = claimsFor(clients.ClaimInAccessToken, client, &s.person, s.scopes, AskedClaims{})
	}
	return c
}

// idTokenClaims computes the claims of the ID token (OpenID Connect Core, section
// 2) of a response; hash is the `at_hash`.
func (p *Provider) idTokenClaims(s *session, client *clients.Client, hash string) map[string]any {
	g := s.grant
	claims := claimsFor(clients.ClaimInIDToken, client, &s.person, s.scopes, g.Claims)
	maps.Copy(claims, map[string]any{
		"iss":     p.cfg.Issuer,
		"sub":     s.subject,
		"aud":     client.ID,
		"iat":     s.issuedAt.Unix(),
		"exp":     s.issuedAt.Add(p.cfg.IDTokenTTL).Unix(),
		"at_hash": hash,
	})
	// For everyone, and so for those that require_auth_time or max_age asks it for.
	if !g.AuthTime.IsZero() {
		claims["auth_time"] = g.AuthTime.Unix()
	}
	if g.SessionID != "" {
		claims["sid"] = g.SessionID
	}
	if g.ACR != "" {
		claims["acr"] = g.ACR
	}
	if len(g.AMR) > 0 {
		claims["amr"] = g.AMR
	}
	// Not at a refresh, where it would look like a new sign-in (OpenID Connect
	// Core, section 12.2): the grant is as it was read, redeemed or not.
	if g.Nonce != "" && g.RedeemedAt.IsZero() {
		claims["nonce"] = g.Nonce
	}
	return claims
}
