package clients

import (
	"encoding/json"
	"time"
)

// fieldTable is every field of a client that can be set. To add one, add it to
// Client, here, and its rule to Validate.
func fieldTable() []Field {
	return []Field{
		text("client_name", "the name on the consent page (default: its id)", func(c *Client) *string { return &c.Name }).self().tagged().as("name"),
		list("redirect_uris", "a URI that people are sent back to", func(c *Client) *[]string { return &c.RedirectURIs }).self().shown(),
		list("post_logout_redirect_uris", "a URI that people may be sent to after signing out", func(c *Client) *[]string { return &c.PostLogoutRedirectURIs }).self().shown(),
		boolean("allow_localhost", "lets redirect URIs name http://localhost, beside 127.0.0.1 and [::1]", func(c *Client) *bool { return &c.AllowLocalhost }),
		list("allowed_origins", "an origin whose scripts may call the token endpoint (default: those of its redirect URIs)", func(c *Client) *[]string { return &c.AllowedOrigins }),
		text("application_type", "web or native: a web app has no private-use schemes (default: either)", func(c *Client) *string { return &c.ApplicationType }).self(),
		list("grant_types", "a grant type (default: authorization_code and refresh_token with a redirect URI, client_credentials without)", func(c *Client) *[]string { return &c.GrantTypes }).self().shown().as("grant"),
		words("scope", "a scope it may ask for (default: openid, profile, email, offline_access with a redirect URI, none without)", func(c *Client) *[]string { return &c.Scopes }).self().shown(),
		list("audiences", "the URI of an API that its tokens can be for, the first by default (default: the issuer)", func(c *Client) *[]string { return &c.Audiences }).shown(),
		text("token_endpoint_auth_method", "client_secret_basic, client_secret_post, private_key_jwt or none (default: either of the first two)", func(c *Client) *string { return &c.TokenEndpointAuthMethod }).self(),
		text("token_endpoint_auth_signing_alg", "the one algorithm its assertions may be signed with (default: any of RS256, PS256, ES256, EdDSA)", func(c *Client) *string { return &c.TokenEndpointAuthSigningAlg }).self(),
		text("assertion_audience", "issuer takes its assertions only with the issuer as their aud (default: the issuer or the token endpoint)", func(c *Client) *string { return &c.AssertionAudience }),
		newField("jwks", "its public keys, as a JWK set", Object, func(c *Client) any {
			if len(c.JWKS) == 0 {
				return nil
			}
			return c.JWKS
		}, func(c *Client, v json.RawMessage) error {
			// Written anew, so that two readers of a name that stands there twice
			// agree, and the same set in another order is no change.
			var set any
			if err := into(v, &set, "must be a JWK set"); err != nil || set == nil {
				c.JWKS = nil
				return err
			}
			doc, err := json.Marshal(set)
			c.JWKS = doc
			return err
		}).self(),
		text("jwks_uri", "where its public keys can be fetched", func(c *Client) *string { return &c.JWKSURI }).self(),
		list("request_uris", "an address at which it publishes signed requests", func(c *Client) *[]string { return &c.RequestURIs }).self(),
		text("request_object_signing_alg", "the one algorithm its request objects may be signed with (default: any of RS256, PS256, ES256, EdDSA)", func(c *Client) *string { return &c.RequestObjectSigningAlg }).self(),
		boolean("first_party", "an app of your own: nobody is asked for consent", func(c *Client) *bool { return &c.FirstParty }).shown(),
		text("consent", "always, remember or skip (default: remember; skip for a first-party app)", func(c *Client) *string { return &c.Consent }),
		list("allowed_groups", "a group whose people may sign in to it (default: everyone)", func(c *Client) *[]string { return &c.AllowedGroups }),
		optional("require_pkce", "true requires PKCE, false does without it (default: PKCE for public clients, PKCE or a nonce for others)", func(c *Client) **bool { return &c.RequirePKCE }),
		text("subject_type", "public, or pairwise for a sub of its own (default: public)", func(c *Client) *string { return &c.SubjectType }).self(),
		text("sector_identifier_uri", "the list of redirect URIs that share one pairwise sub", func(c *Client) *string { return &c.SectorIdentifierURI }).self(),
		optionalSpan("default_max_age", "people sign in again when they did so longer ago (default: never)", func(c *Client) **time.Duration { return &c.DefaultMaxAge }).self(),
		boolean("require_auth_time", "auth_time stands in every ID token", func(c *Client) *bool { return &c.RequireAuthTime }).self(),
		list("default_acr_values", "an acr that is asked for when a request names none", func(c *Client) *[]string { return &c.DefaultACRValues }).self(),
		text("initiate_login_uri", "where a third party can have a sign-in begin", func(c *Client) *string { return &c.InitiateLoginURI }).self(),
		text("backchannel_logout_uri", "where a logout token is sent when a session ends", func(c *Client) *string { return &c.BackchannelLogoutURI }).self(),
		boolean("backchannel_logout_session_required", "logout tokens have to name the session", func(c *Client) *bool { return &c.BackchannelLogoutSessionRequired }).self(),
		text("frontchannel_logout_uri", "what the browser loads when a session ends", func(c *Client) *string { return &c.FrontchannelLogoutURI }).self(),
		boolean("frontchannel_logout_session_required", "that page has to be told the session", func(c *Client) *bool { return &c.FrontchannelLogoutSessionRequired }).self(),
		newField("claims", "which claims about a person go where, by name", Object, func(c *Client) any {
			if len(c.Claims) == 0 {
				return nil
			}
			return c.Claims
		}, func(c *Client, v json.RawMessage) error {
			return strictly(v, &c.Claims, `must be an object of rules, such as {"groups": {"in": ["id_token"]}}`)
		}),
		boolean("id_token_claims", "profile and email claims go into the ID token too", func(c *Client) *bool { return &c.IDTokenClaims }).shown(),
		text("id_token_signed_response_alg", "the algorithm that signs its ID tokens, one of keys.algorithms (default: RS256, or the first of them)", func(c *Client) *string { return &c.IDTokenSignedResponseAlg }).self(),
		text("userinfo_signed_response_alg", "userinfo answers with a JWT, signed so (default: plain JSON)", func(c *Client) *string { return &c.UserinfoSignedResponseAlg }).self(),
		text("access_token_signed_response_alg", "the algorithm that signs its access tokens, one of keys.algorithms (default: RS256, or the first of them)", func(c *Client) *string { return &c.AccessTokenSignedResponseAlg }),
		optional("access_token_status_list", "its access tokens say in which status list a revocation would stand (default: true)", func(c *Client) **bool { return &c.AccessTokenStatusList }).shown(),
		text("access_token_format", "jwt, or opaque for access tokens that an API has to ask this server about (default: jwt)", func(c *Client) *string { return &c.AccessTokenFormat }),
		optionalSpan("refresh_token_grace", "how long a refresh token that was used still yields the same successor (default: refresh.grace)", func(c *Client) **time.Duration { return &c.RefreshTokenGrace }),
		optional("refresh_token_rotation", "false lets one refresh token go on for the whole of its grant (default: true)", func(c *Client) **bool { return &c.RefreshTokenRotation }),
		span("refresh_token_idle_ttl", "unused for so long, its refresh tokens end (default: refresh.idle_ttl)", func(c *Client) *time.Duration { return &c.RefreshTokenIdleTTL }),
		span("refresh_token_absolute_ttl", "after so long, its refresh tokens end in any case (default: refresh.absolute_ttl)", func(c *Client) *time.Duration { return &c.RefreshTokenAbsoluteTTL }),
		text("introspection", "which tokens it is told about: own, none or any (default: own; none for a public client)", func(c *Client) *string { return &c.Introspection }),
		text("client_uri", "its home page", func(c *Client) *string { return &c.ClientURI }).self().tagged(),
		text("logo_uri", "its picture", func(c *Client) *string { return &c.LogoURI }).self().tagged(),
		text("policy_uri", "its privacy policy", func(c *Client) *string { return &c.PolicyURI }).self().tagged(),
		text("tos_uri", "its terms of service", func(c *Client) *string { return &c.TermsURI }).self().tagged(),
		list("contacts", "who looks after it, such as an email address", func(c *Client) *[]string { return &c.Contacts }).self(),
		text("software_id", "the software that it is a copy of", func(c *Client) *string { return &c.SoftwareID }).self(),
		text("software_version", "the version of that software", func(c *Client) *string { return &c.SoftwareVersion }).self(),
		boolean("disabled", "it gets nothing at any endpoint", func(c *Client) *bool { return &c.Disabled }).shown(),
	}
}
