package clients

import (
	"encoding/json"
	"fmt"
	"slices"
)

// checkAuth checks how the client proves who it is. It has a secret if and only
// if it authenticates with one (RFC 6749, section 2.1), but for one that is
// disabled: nothing can be presented for it, and it can be given a secret later.
func (f *faults) checkAuth(c *Client) {
	switch method := c.TokenEndpointAuthMethod; method {
	case AuthMethodNone:
		if len(c.Secrets) > 0 {
			f.add("client_secret", "a public client (token_endpoint_auth_method none) must not have a secret")
		}
	case AuthMethodPrivateKeyJWT:
		if len(c.Secrets) > 0 {
			f.add("client_secret", "a client with token_endpoint_auth_method private_key_jwt must not have a secret")
		}
	case AuthMethodAny, AuthMethodBasic, AuthMethodPost:
		if len(c.Secrets) == 0 && !c.Disabled {
			f.add("client_secret", "a confidential client needs a secret; give it one, or set token_endpoint_auth_method to none to make it public")
		}
	default:
		f.add("token_endpoint_auth_method", "%q %s", clippedText(method), authMethodRule(method))
	}
	for i, s := range c.Secrets {
		if _, err := parseHash(s.Hash); err != nil {
			f.add("client_secret", "secret %d: %v", i+1, err)
		}
	}
}

// authMethodRule says why a method is not to be had.
func authMethodRule(method string) string {
	methods := choice([]string{AuthMethodBasic, AuthMethodPost, AuthMethodPrivateKeyJWT, AuthMethodNone})
	switch method {
	case "tls_client_auth", "self_signed_tls_client_auth": // RFC 8705, section 2
		return "is not supported yet; private_key_jwt proves a client by a key too"
	case "client_secret_jwt":
		return "needs a secret that this server could read, and it keeps none; private_key_jwt signs assertions with a key instead"
	}
	return "must be " + methods
}

// checkKeys checks the client's own keys, and what they are for (OpenID Connect
// Registration, section 2).
func (f *faults) checkKeys(c *Client) {
	signs := c.TokenEndpointAuthMethod == AuthMethodPrivateKeyJWT
	alg := c.TokenEndpointAuthSigningAlg
	known := SigningAlgorithms()
	switch {
	case alg == "":
	case !slices.Contains(known, alg):
		f.add("token_endpoint_auth_signing_alg", "%q must be %s", clippedText(alg), choice(known))
	case !signs:
		f.add("token_endpoint_auth_signing_alg", "%q is for clients with token_endpoint_auth_method private_key_jwt alone", alg)
	}
	f.checkServiceURI("jwks_uri", c.JWKSURI)
	switch {
	case len(c.JWKS) > 0 && c.JWKSURI != "":
		f.add("jwks", "must not stand beside jwks_uri; give one of the two")
	case signs && len(c.JWKS) == 0 && c.JWKSURI == "":
		f.add("jwks", "token_endpoint_auth_method private_key_jwt needs the client's public keys; give them here, or their address as jwks_uri")
	}
	if len(c.JWKS) == 0 {
		return
	}
	set, err := parseJWKS(c.JWKS)
	if err != nil {
		f.add("jwks", "%v", err)
		return
	}
	if alg != "" && !slices.Contains(known, alg) {
		return // that is said already
	}
	if signs && !slices.ContainsFunc(set, func(k publicKey) bool { return k.verifies(alg) }) {
		wanted := choice(known)
		if alg != "" {
			wanted = alg
		}
		f.add("jwks", "has no key for signatures by %s", wanted)
	}
}

// checkGrants checks the grant types and what each of them needs.
func (f *faults) checkGrants(c *Client) {
	f.each("grant_types", c.GrantTypes, func(g string) error {
		switch g {
		case GrantAuthorizationCode, GrantRefreshToken, GrantClientCredentials:
			return nil
		default:
			return fmt.Errorf("must be %s, %s or %s", GrantAuthorizationCode, GrantRefreshToken, GrantClientCredentials)
		}
	})
	code := c.GrantAllowed(GrantAuthorizationCode)
	if c.GrantAllowed(GrantRefreshToken) && !code {
		f.add("grant_types", "%s needs %s, the grant it refreshes", GrantRefreshToken, GrantAuthorizationCode)
	}
	if code && len(c.RedirectURIs) == 0 {
		f.add("redirect_uris", "%s needs at least one redirect URI", GrantAuthorizationCode)
	}
	if c.GrantAllowed(GrantClientCredentials) && c.Public() {
		// RFC 6749, section 4.4.
		f.add("grant_types", "%s needs a confidential client: a public one cannot prove who it is", GrantClientCredentials)
	}
}

// checkResponseTypes refuses response types that do not fit the grant types
// (RFC 7591, section 2.1), or none of which there is: only code. A client does
// not choose them: they follow.
func (c *Client) checkResponseTypes(value json.RawMessage) error {
	var given []string
	if json.Unmarshal(value, &given) != nil {
		return &FieldError{Field: "response_types", Reason: clipped(value) + " must be a list of strings"}
	}
	whole := *c
	whole.Fill()
	switch wants := whole.ResponseTypes(); {
	case given == nil || slices.Equal(given, wants):
		return nil
	case slices.ContainsFunc(given, func(t string) bool { return t != "code" }):
		return &FieldError{Field: "response_types", Reason: clipped(value) + ` must be ["code"]: there is no other response type`}
	case len(wants) > 0:
		return &FieldError{Field: "response_types", Reason: clipped(value) + ` must be ["code"], which goes with the grant type authorization_code`}
	}
	return &FieldError{Field: "response_types", Reason: clipped(value) + " needs the grant type authorization_code, and a redirect URI"}
}
