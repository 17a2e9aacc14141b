package clients

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxID   = 200 // bytes; an id stands in URLs, logs and indexes
	maxName = 200 // characters; more does not fit on a consent page
)

// FieldError says what is wrong with one field of a client.
type FieldError struct {
	// Field is the field's name in RFC 7591, section 2, or our own where the
	// RFC has none ("audiences").
	Field string
	// Reason says what is wrong, in words that follow the field's name.
	Reason string
}

// Error returns the field and the reason.
func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

// Validate returns every fault of the client's metadata, joined, each a
// *FieldError, or nil. Every way in (config.yaml, the command line, a
// registration endpoint) validates the whole client after its change, so that
// a field left out or a public client made confidential cannot slip past.
func (c *Client) Validate() error {
	var f faults
	f.checkID(c.ID)
	f.checkName(c.Name)
	f.checkAuth(c)
	f.checkAssertions(c)
	f.checkGrants(c)
	f.checkAlgorithm("id_token_signed_response_alg", c.IDTokenSignedResponseAlg)
	f.checkAlgorithm("access_token_signed_response_alg", c.AccessTokenSignedResponseAlg)
	f.checkTokens(c)
	checkClaims(&f, c)
	f.each("redirect_uris", c.RedirectURIs, checkRedirectURI)
	f.each("post_logout_redirect_uris", c.PostLogoutRedirectURIs, checkRedirectURI)
	f.each("audiences", c.Audiences, checkAudience)
	f.each("scope", c.Scopes, func(s string) error {
		if !isScopeToken(s) {
			return errors.New("must be one word of visible ASCII characters without \" and \\")
		}
		return nil
	})
	for _, info := range []struct{ field, uri string }{
		{"client_uri", c.ClientURI}, {"logo_uri", c.LogoURI}, {"policy_uri", c.PolicyURI}, {"tos_uri", c.TermsURI},
	} {
		if info.uri != "" {
			f.each(info.field, []string{info.uri}, checkInfoURI)
		}
	}
	return errors.Join(f...)
}

// faults gathers field errors.
type faults []error

func (f *faults) add(field, format string, args ...any) {
	*f = append(*f, &FieldError{Field: field, Reason: fmt.Sprintf(format, args...)})
}

// each checks every value of a list, and that none stands in it twice.
func (f *faults) each(field string, values []string, check func(string) error) {
	for i, v := range values {
		if err := check(v); err != nil {
			f.add(field, "%q %v", v, err)
		} else if slices.Contains(values[:i], v) {
			f.add(field, "%q is listed twice", v)
		}
	}
}

// checkID holds a client_id to RFC 6749, appendix A.1: visible ASCII and
// spaces.
func (f *faults) checkID(id string) {
	switch {
	case id == "":
		f.add("client_id", "must not be empty")
	case len(id) > maxID:
		f.add("client_id", "must not be longer than %d characters", maxID)
	case strings.ContainsFunc(id, func(r rune) bool { return r < 0x20 || r > 0x7E }):
		f.add("client_id", "%q may hold only printable ASCII characters", id)
	case strings.TrimSpace(id) != id:
		f.add("client_id", "%q must not start or end with a space", id)
	}
}

// checkName keeps out of a name what would make the consent page say
// something else than what it shows: control characters, and the marks that
// turn the direction of the text around it. An empty name is fine: the id is
// shown instead.
func (f *faults) checkName(name string) {
	switch {
	case !utf8.ValidString(name):
		f.add("client_name", "must be valid UTF-8")
	case utf8.RuneCountInString(name) > maxName:
		f.add("client_name", "must not be longer than %d characters", maxName)
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }):
		f.add("client_name", "%q must not have control characters", name)
	}
}

// checkAuth checks that the client has credentials if and only if it is
// confidential (RFC 6749, section 2.1). A confidential client without a secret
// is let by only while it is disabled: nothing can be presented for it then,
// and it can be given a secret later.
func (f *faults) checkAuth(c *Client) {
	switch c.TokenEndpointAuthMethod {
	case AuthMethodNone:
		if len(c.Secrets) > 0 {
			f.add("client_secret", "a public client (token_endpoint_auth_method none) must not have a secret")
		}
	case AuthMethodPrivateKeyJWT:
		if len(c.Secrets) > 0 {
			f.add("client_secret", "a client that signs assertions (token_endpoint_auth_method private_key_jwt) must not have a secret")
		}
	case AuthMethodAny, AuthMethodBasic, AuthMethodPost:
		if len(c.Secrets) == 0 && !c.Disabled {
			f.add("client_secret", "a confidential client needs a secret; give it one, or set token_endpoint_auth_method to none to make it public")
		}
	default:
		f.add("token_endpoint_auth_method", "%q must be %s, %s, %s or %s", c.TokenEndpointAuthMethod, AuthMethodBasic, AuthMethodPost, AuthMethodPrivateKeyJWT, AuthMethodNone)
	}
	for i, s := range c.Secrets {
		if _, err := parseHash(s.Hash); err != nil {
			f.add("client_secret", "secret %d: %v", i+1, err)
		}
	}
}

// checkAlgorithm checks a signing algorithm; none named is the default.
func (f *faults) checkAlgorithm(field, name string) {
	if name != "" {
		f.each(field, []string{name}, CheckSigningAlgorithm)
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
