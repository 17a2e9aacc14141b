package clients

import (
	"slices"
	"strings"
	"time"
)

// Metadata is a client as scripts see it, under the names of RFC 7591, section
// 2 and 3.2.1, with our own beside them. It never holds a stored secret.
type Metadata struct {
	ClientID string `json:"client_id"`
	// ClientSecret is set by whoever has just made the secret, once.
	ClientSecret            string   `json:"client_secret,omitempty"`
	ClientIDIssuedAt        int64    `json:"client_id_issued_at,omitempty"`
	ClientSecretExpiresAt   *int64   `json:"client_secret_expires_at,omitempty"`
	ClientName              string   `json:"client_name,omitempty"`
	RedirectURIs            []string `json:"redirect_uris"`
	PostLogoutRedirectURIs  []string `json:"post_logout_redirect_uris"`
	GrantTypes              []string `json:"grant_types"`
	ResponseTypes           []string `json:"response_types"`
	Scope                   string   `json:"scope"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method,omitempty"`
	// IDTokenSignedResponseAlg is of OpenID Connect Registration, section 2.
	IDTokenSignedResponseAlg string `json:"id_token_signed_response_alg,omitempty"`
	ClientURI                string `json:"client_uri,omitempty"`
	LogoURI                  string `json:"logo_uri,omitempty"`
	PolicyURI                string `json:"policy_uri,omitempty"`
	TermsURI                 string `json:"tos_uri,omitempty"`

	// Audiences and what follows are not in the RFC; see Client.
	Audiences                    []string `json:"audiences"`
	FirstParty                   bool     `json:"first_party"`
	RequirePKCE                  *bool    `json:"require_pkce,omitempty"`
	IDTokenClaims                bool     `json:"id_token_claims"`
	AccessTokenSignedResponseAlg string   `json:"access_token_signed_response_alg,omitempty"`
	AccessTokenStatusList        bool     `json:"access_token_status_list"`
	AccessTokenFormat            string   `json:"access_token_format,omitempty"`
	// The lengths of time are in seconds.
	RefreshTokenGrace       *int64 `json:"refresh_token_grace,omitempty"`
	RefreshTokenRotation    *bool  `json:"refresh_token_rotation,omitempty"`
	RefreshTokenIdleTTL     int64  `json:"refresh_token_idle_ttl,omitempty"`
	RefreshTokenAbsoluteTTL int64  `json:"refresh_token_absolute_ttl,omitempty"`
	Introspection           string `json:"introspection,omitempty"`
	Disabled                bool   `json:"disabled"`
	Source                  Source `json:"source"`
}

// Metadata returns the client as scripts see it. Lists are never null. A
// client that may authenticate in any way has no token_endpoint_auth_method,
// which the RFC reads as client_secret_basic. client_secret_expires_at is 0
// for never, as in the RFC, and tells of the newest secret.
func (c *Client) Metadata() Metadata {
	m := Metadata{
		ClientID:                     c.ID,
		ClientIDIssuedAt:             unix(c.CreatedAt),
		ClientName:                   c.Name,
		RedirectURIs:                 list(c.RedirectURIs),
		PostLogoutRedirectURIs:       list(c.PostLogoutRedirectURIs),
		GrantTypes:                   list(c.GrantTypes),
		ResponseTypes:                []string{},
		Scope:                        strings.Join(c.Scopes, " "),
		TokenEndpointAuthMethod:      c.TokenEndpointAuthMethod,
		IDTokenSignedResponseAlg:     c.IDTokenSignedResponseAlg,
		ClientURI:                    c.ClientURI,
		LogoURI:                      c.LogoURI,
		PolicyURI:                    c.PolicyURI,
		TermsURI:                     c.TermsURI,
		Audiences:                    list(c.Audiences),
		FirstParty:                   c.FirstParty,
		RequirePKCE:                  c.RequirePKCE,
		IDTokenClaims:                c.IDTokenClaims,
		AccessTokenSignedResponseAlg: c.AccessTokenSignedResponseAlg,
		AccessTokenStatusList:        c.StatusListed(),
		AccessTokenFormat:            c.AccessTokenFormat,
		RefreshTokenRotation:         c.RefreshTokenRotation,
		RefreshTokenIdleTTL:          seconds(c.RefreshTokenIdleTTL),
		RefreshTokenAbsoluteTTL:      seconds(c.RefreshTokenAbsoluteTTL),
		Introspection:                c.Introspection,
		Disabled:                     c.Disabled,
		Source:                       c.Source,
	}
	if c.GrantAllowed(GrantAuthorizationCode) {
		m.ResponseTypes = append(m.ResponseTypes, "code")
	}
	if c.RefreshTokenGrace != nil {
		grace := seconds(*c.RefreshTokenGrace)
		m.RefreshTokenGrace = &grace
	}
	if len(c.Secrets) > 0 {
		newest := slices.MaxFunc(c.Secrets, func(a, b Secret) int { return a.CreatedAt.Compare(b.CreatedAt) })
		expires := unix(newest.ExpiresAt)
		m.ClientSecretExpiresAt = &expires
	}
	return m
}

// list returns a copy of s that is never nil, so that JSON shows [].
func list(s []string) []string { return append([]string{}, s...) }

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// unix returns t in seconds since 1970, and 0 for the zero time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
