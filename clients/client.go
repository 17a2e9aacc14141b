package clients

import (
	"encoding/json"
	"time"
)

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
	// AuthMethodPrivateKeyJWT is an assertion that the client signs with its own
	// key (OpenID Connect Core, section 9; RFC 7523).
	AuthMethodPrivateKeyJWT = "private_key_jwt"
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
	// SourceFile is a client of a file that `signet clients apply` was given.
	SourceFile Source = "file"
	// SourceAPI is a client that was made through the admin API.
	SourceAPI Source = "api"
	// SourceDynamic is a client that registered itself (RFC 7591).
	SourceDynamic Source = "dynamic"
	// SourceDocument is a client whose client_id is the URL of its metadata
	// (Client ID Metadata Documents).
	SourceDocument Source = "document"
)

// What the consent page does for a client. Empty is ConsentRemember, and for a
// first-party client ConsentSkip.
const (
	// ConsentAlways asks at every authorization.
	ConsentAlways = "always"
	// ConsentRemember asks for scopes that the person has not allowed before.
	ConsentRemember = "remember"
	// ConsentSkip never asks: for the operator's own apps.
	ConsentSkip = "skip"
)

// Subject identifier types (OpenID Connect Core, section 8). Empty is
// SubjectPublic.
const (
	// SubjectPublic tells every client the same `sub` of a person.
	SubjectPublic = "public"
	// SubjectPairwise tells each sector a `sub` of its own.
	SubjectPairwise = "pairwise"
)

// Application types (OpenID Connect Registration, section 2). A client that
// names none may have the redirect URIs of both.
const (
	ApplicationWeb    = "web"
	ApplicationNative = "native"
)

// Client is one registered OAuth 2.0 client (RFC 6749, section 2; RFC 7591).
// Its JSON is the form in which stores keep it; the form that the world sees is
// Metadata.
type Client struct {
	// ID is the client_id. It never changes.
	ID string `json:"-"`
	// Name is what people see on the consent page (client_name).
	Name string `json:"client_name,omitempty"`
	// Localized holds client_name, client_uri, logo_uri, policy_uri and tos_uri in
	// other languages, under the name with its tag: "client_name#fr" (RFC 7591,
	// section 2.2).
	Localized map[string]string `json:"localized,omitempty"`
	// Secrets holds the hashes of the secrets that are accepted now: none for
	// a public client, two while a rotation overlaps.
	Secrets []Secret `json:"secrets"`
	// RedirectURIs are matched exactly, but for the port of a loopback address
	// (RFC 8252, section 7.3). See MatchRedirectURI.
	RedirectURIs []string `json:"redirect_uris"`
	// PostLogoutRedirectURIs are matched like RedirectURIs.
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris"`
	// AllowLocalhost lets redirect URIs name http://localhost, which resolvers
	// and hosts files can point elsewhere (RFC 8252, section 8.3).
	AllowLocalhost bool `json:"allow_localhost,omitempty"`
	// AllowedOrigins are the origins whose scripts may read the answers of the
	// token, userinfo and revocation endpoints, beside those of RedirectURIs.
	AllowedOrigins []string `json:"allowed_origins,omitempty"`
	// ApplicationType is one of the Application constants.
	ApplicationType string `json:"application_type,omitempty"`
	// GrantTypes are the grants the client may use at the token endpoint.
	GrantTypes []string `json:"grant_types"`
	// Scopes are the scope values the client may ask for.
	Scopes []string `json:"scopes"`
	// Audiences are the resources (RFC 8707) the client may get tokens for.
	// The first is the `aud` of a request that names none; with no audience at
	// all, tokens are for the issuer itself.
	Audiences []string `json:"audiences"`
	// TokenEndpointAuthMethod is one of the AuthMethod constants.
	TokenEndpointAuthMethod string `json:"token_endpoint_auth_method,omitempty"`
	// TokenEndpointAuthSigningAlg is the only algorithm its assertions may be
	// signed with; empty allows every one of SigningAlgorithms.
	TokenEndpointAuthSigningAlg string `json:"token_endpoint_auth_signing_alg,omitempty"`
	// AssertionAudience is one of the AssertionAudience constants.
	AssertionAudience string `json:"assertion_audience,omitempty"`
	// JWKS holds the client's public keys (RFC 7517, section 5), and JWKSURI is
	// where they can be fetched: one of the two, or neither.
	JWKS    json.RawMessage `json:"jwks,omitempty"`
	JWKSURI string          `json:"jwks_uri,omitempty"`
	// RequestURIs are where request objects may be fetched (OpenID Connect Core,
	// section 6.2). A fragment in one is not compared: it tells versions apart.
	RequestURIs []string `json:"request_uris,omitempty"`
	// RequestObjectSigningAlg is the only algorithm its request objects may be
	// signed with; empty allows every one of SigningAlgorithms.
	RequestObjectSigningAlg string `json:"request_object_signing_alg,omitempty"`
	// FirstParty clients belong to the operator.
	FirstParty bool `json:"first_party,omitempty"`
	// Consent is one of the Consent constants.
	Consent string `json:"consent,omitempty"`
	// AllowedGroups are the groups whose people may sign in to the client; empty
	// is everyone.
	AllowedGroups []string `json:"allowed_groups,omitempty"`
	// RequirePKCE overrides the rule of OAuth 2.1, section 7.5.1 (public
	// clients must, confidential ones may send a nonce instead) when not nil.
	RequirePKCE *bool `json:"require_pkce,omitempty"`
	// SubjectType is one of the Subject constants. SectorIdentifierURI names the
	// sector of a pairwise client whose redirect URIs have several hosts.
	SubjectType         string `json:"subject_type,omitempty"`
	SectorIdentifierURI string `json:"sector_identifier_uri,omitempty"`
	// DefaultMaxAge is the max_age of requests that name none, RequireAuthTime
	// asks for auth_time in every ID token, and DefaultACRValues are the
	// acr_values of requests that name none (OpenID Connect Registration, 2).
	DefaultMaxAge    *time.Duration `json:"default_max_age,omitempty"`
	RequireAuthTime  bool           `json:"require_auth_time,omitempty"`
	DefaultACRValues []string       `json:"default_acr_values,omitempty"`
	// InitiateLoginURI is where a third party can have a sign-in begin.
	InitiateLoginURI string `json:"initiate_login_uri,omitempty"`
	// The logout URIs are called when a session ends (OpenID Connect
	// Back-Channel and Front-Channel Logout, section 2 of each).
	BackchannelLogoutURI              string `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired  bool   `json:"backchannel_logout_session_required,omitempty"`
	FrontchannelLogoutURI             string `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelLogoutSessionRequired bool   `json:"frontchannel_logout_session_required,omitempty"`
	// Claims says which claims about a person go where, by the name of the
	// claim; what it does not name follows the scopes.
	Claims map[string]ClaimRule `json:"claims,omitempty"`
	// IDTokenClaims puts profile and email claims into the ID token as well,
	// for libraries that never call userinfo.
	IDTokenClaims bool `json:"id_token_claims,omitempty"`
	// IDTokenSignedResponseAlg is the JWS algorithm of the client's ID tokens
	// (OpenID Connect Registration, section 2), one of SigningAlgorithms;
	// empty is the server's default.
	IDTokenSignedResponseAlg string `json:"id_token_signed_response_alg,omitempty"`
	// UserinfoSignedResponseAlg makes userinfo answer with a JWT, signed so.
	UserinfoSignedResponseAlg string `json:"userinfo_signed_response_alg,omitempty"`
	// AccessTokenSignedResponseAlg is that of its access tokens, which the APIs
	// that it calls have to know; empty is the server's default.
	AccessTokenSignedResponseAlg string `json:"access_token_signed_response_alg,omitempty"`
	// AccessTokenStatusList says whether its access tokens carry the place in
	// a status list where their revocation will stand. Nil is yes.
	AccessTokenStatusList *bool `json:"access_token_status_list,omitempty"`
	// AccessTokenFormat is one of the AccessToken constants.
	AccessTokenFormat string `json:"access_token_format,omitempty"`
	// RefreshTokenGrace is how long the refresh token just before the current
	// one still yields the same successor; zero gives no second chance, nil is
	// the server's default.
	RefreshTokenGrace *time.Duration `json:"refresh_token_grace,omitempty"`
	// RefreshTokenRotation false lets one refresh token go on for the whole of
	// its grant, as the FAPI 2.0 Security Profile wants it (section 5.3.2.1); nil is true.
	RefreshTokenRotation *bool `json:"refresh_token_rotation,omitempty"`
	// RefreshTokenIdleTTL ends a grant that was not refreshed for so long, and
	// RefreshTokenAbsoluteTTL ends it in any case; 0 is the server's default.
	RefreshTokenIdleTTL     time.Duration `json:"refresh_token_idle_ttl,omitempty"`
	RefreshTokenAbsoluteTTL time.Duration `json:"refresh_token_absolute_ttl,omitempty"`
	// Introspection is one of the Introspection constants.
	Introspection string `json:"introspection,omitempty"`
	// Disabled clients get nothing at any endpoint.
	Disabled bool `json:"-"`
	// ClientURI, LogoURI, PolicyURI and TermsURI are shown to people
	// (client_uri, logo_uri, policy_uri, tos_uri).
	ClientURI string `json:"client_uri,omitempty"`
	LogoURI   string `json:"logo_uri,omitempty"`
	PolicyURI string `json:"policy_uri,omitempty"`
	TermsURI  string `json:"tos_uri,omitempty"`
	// Contacts are the addresses of those who look after the client.
	Contacts []string `json:"contacts,omitempty"`
	// SoftwareID and SoftwareVersion name the software that a client of its own
	// making is a copy of (RFC 7591, section 2).
	SoftwareID      string `json:"software_id,omitempty"`
	SoftwareVersion string `json:"software_version,omitempty"`
	// RegistrationTokenHash is the SHA-256 (lowercase hex) of the token with which
	// a client that registered itself manages its registration (RFC 7592).
	RegistrationTokenHash string `json:"registration_token_hash,omitempty"`
	// Source says who declares the client.
	Source Source `json:"-"`
	// CreatedAt and UpdatedAt are in UTC.
	CreatedAt time.Time `json:"-"`
	UpdatedAt time.Time `json:"-"`
}

// ClaimRule says what one claim about a person is for one client, and where it
// goes.
type ClaimRule struct {
	// From is the attribute of the person that the claim takes its value from:
	// the name of a standard claim, "groups", or "attributes." and the name of
	// one of the operator's own. Empty is the name of the claim.
	From string `json:"from,omitempty"`
	// Map replaces values, of groups one by one; those it does not name are left
	// out. Empty leaves all as they are.
	Map map[string]string `json:"map,omitempty"`
	// Value is what the claim says about everyone, instead of From.
	Value any `json:"value,omitempty"`
	// In lists where the claim goes: "id_token", "userinfo", "access_token". Empty
	// keeps it out of all three.
	In []string `json:"in"`
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
