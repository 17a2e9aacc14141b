package clients

import "time"

// Grant types a client can be registered for (RFC 7591, section 2).
const (
	GrantAuthorizationCode = "authorization_code"
	GrantRefreshToken      = "refresh_token"
	GrantClientCredentials = "client_credentials"
)

// Token endpoint authentication methods (RFC 7591, section 2). The empty
// method stands for "client_secret_basic or client_secret_post, whichever the
// client's library sends": several in wide use ignore what was registered.
const (
	AuthMethodAny   = ""
	AuthMethodBasic = "client_secret_basic"
	AuthMethodPost  = "client_secret_post"
	AuthMethodNone  = "none"
)

// What an access token looks like. Empty is AccessTokenJWT.
const (
	// AccessTokenJWT is a JWT that APIs verify by themselves (RFC 9068).
	AccessTokenJWT = "jwt"
	// AccessTokenOpaque says nothing to anyone but this server, which an API
	// has to ask about it (RFC 7662).
	AccessTokenOpaque = "opaque"
)

// Which tokens a client is told about at the introspection endpoint (RFC 7662,
// section 4). Empty is IntrospectOwn, and for a public client, which could be
// anyone, IntrospectNone.
const (
	// IntrospectOwn is the tokens that were issued to it, and the access tokens
	// for one of its audiences or for itself.
	IntrospectOwn = "own"
	// IntrospectNone is no token.
	IntrospectNone = "none"
	// IntrospectAny is every access token, whoever it is for, beside its own
	// refresh tokens: for a gateway of the operator.
	IntrospectAny = "any"
)

// Source says who declares a client, and so who may change it.
type Source string

const (
	// SourceConfig is a client of config.yaml: reconciled at every start.
	SourceConfig Source = "config"
	// SourceCLI is a client that an operator made with `signet clients`.
	SourceCLI Source = "cli"
)

// Client is one registered OAuth 2.0 client (RFC 6749, section 2; RFC 7591).
type Client struct {
	// ID is the client_id. It never changes.
	ID string
	// Name is what people see on the consent page (client_name).
	Name string
	// Secrets holds the hashes of the secrets that are accepted now: none for
	// a public client, two while a rotation overlaps.
	Secrets []Secret
	// RedirectURIs are matched exactly, but for the port of a loopback address
	// (RFC 8252, section 7.3). See MatchRedirectURI.
	RedirectURIs []string
	// PostLogoutRedirectURIs are matched like RedirectURIs.
	PostLogoutRedirectURIs []string
	// GrantTypes are the grants the client may use at the token endpoint.
	GrantTypes []string
	// Scopes are the scope values the client may ask for.
	Scopes []string
	// Audiences are the resources (RFC 8707) the client may get tokens for.
	// The first is the `aud` of a request that names none; with no audience at
	// all, tokens are for the issuer itself.
	Audiences []string
	// TokenEndpointAuthMethod is one of the AuthMethod constants.
	TokenEndpointAuthMethod string
	// FirstParty clients belong to the operator: no consent is asked.
	FirstParty bool
	// RequirePKCE overrides the rule of OAuth 2.1, section 7.5.1 (public
	// clients must, confidential ones may send a nonce instead) when not nil.
	RequirePKCE *bool
	// IDTokenClaims puts profile and email claims into the ID token as well,
	// for libraries that never call userinfo.
	IDTokenClaims bool
	// IDTokenSignedResponseAlg is the JWS algorithm of the client's ID tokens
	// (OpenID Connect Registration, section 2), one of SigningAlgorithms;
	// empty is the server's default.
	IDTokenSignedResponseAlg string
	// AccessTokenSignedResponseAlg is that of its access tokens, which the APIs
	// that it calls have to know; empty is the server's default.
	AccessTokenSignedResponseAlg string
	// AccessTokenStatusList says whether its access tokens carry the place in
	// a status list where their revocation will stand. Nil is yes.
	AccessTokenStatusList *bool
	// AccessTokenFormat is one of the AccessToken constants.
	AccessTokenFormat string
	// RefreshTokenGrace is how long the refresh token just before the current
	// one still yields the same successor; zero gives no second chance, nil is
	// the server's default.
	RefreshTokenGrace *time.Duration
	// RefreshTokenRotation false lets one refresh token go on for the whole of
	// its grant, as the FAPI 2.0 Security Profile wants it (section 5.3.2.1); nil is true.
	RefreshTokenRotation *bool
	// RefreshTokenIdleTTL ends a grant that was not refreshed for so long, and
	// RefreshTokenAbsoluteTTL ends it in any case; 0 is the server's default.
	RefreshTokenIdleTTL, RefreshTokenAbsoluteTTL time.Duration
	// Introspection is one of the Introspection constants.
	Introspection string
	// Disabled clients get nothing at any endpoint.
	Disabled bool
	// ClientURI, LogoURI, PolicyURI and TermsURI are shown to people
	// (client_uri, logo_uri, policy_uri, tos_uri).
	ClientURI, LogoURI, PolicyURI, TermsURI string
	// Source says who declares the client.
	Source Source
	// CreatedAt and UpdatedAt are in UTC.
	CreatedAt, UpdatedAt time.Time
}

// Secret is the stored form of one client secret.
type Secret struct {
	// Hash is "sha256$…" or "pbkdf2-sha256$…"; see HashSecret.
	Hash string `json:"hash"`
	// CreatedAt is when the secret was made.
	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt ends the overlap of a rotation; zero means never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// StatusListed reports whether the client's access tokens stand in a status
// list. Opaque ones need none: every check of them comes home.
func (c *Client) StatusListed() bool {
	return (c.AccessTokenStatusList == nil || *c.AccessTokenStatusList) && !c.OpaqueAccessTokens()
}

// Public reports whether the client has no credentials (RFC 6749, section 2.1).
func (c *Client) Public() bool { return c.TokenEndpointAuthMethod == AuthMethodNone }
