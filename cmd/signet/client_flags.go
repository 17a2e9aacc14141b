package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"signet/clients"
	"signet/cmd/signet/config"
)

// clientFlags are the flags that describe a client: RFC 7591's names with
// hyphens, and ours.
type clientFlags struct {
	name, authMethod, secretFile          string
	idTokenAlg, accessTokenAlg            string
	redirectURIs, postLogoutURIs          []string
	grants, scopes, audiences             []string
	public, firstParty, pkce, idClaims    bool
	statusList                            bool
	accessTokenFormat, introspection      string
	refreshGrace, refreshIdle, refreshMax spanFlag
	refreshRotation                       bool
	clientURI, logoURI, policyURI, tosURI string
	set                                   *pflag.FlagSet
}

// flagOf is the flag for each field that clients.FieldError can name.
var flagOf = map[string]string{
	"client_id": "id", "client_name": "name", "client_secret": "secret-file",
	"redirect_uris": "redirect-uri", "post_logout_redirect_uris": "post-logout-redirect-uri",
	"grant_types": "grant", "scope": "scope", "audiences": "audience",
	"token_endpoint_auth_method":   "token-endpoint-auth-method",
	"id_token_signed_response_alg": "id-token-signed-response-alg", "access_token_signed_response_alg": "access-token-signed-response-alg",
	"access_token_format": "access-token-format", "introspection": "introspection",
	"refresh_token_grace": "refresh-token-grace", "refresh_token_rotation": "refresh-token-rotation",
	"refresh_token_idle_ttl": "refresh-token-idle-ttl", "refresh_token_absolute_ttl": "refresh-token-absolute-ttl",
	"client_uri": "client-uri", "logo_uri": "logo-uri", "policy_uri": "policy-uri", "tos_uri": "tos-uri",
}

func (f *clientFlags) register(set *pflag.FlagSet) {
	f.set = set
	set.StringVar(&f.name, "name", "", "the `NAME` on the consent page (default: its id)")
	set.StringArrayVar(&f.redirectURIs, "redirect-uri", nil, "the `URI` that people are sent back to; may be given again")
	set.StringArrayVar(&f.postLogoutURIs, "post-logout-redirect-uri", nil, "a `URI` that people may be sent to after signing out; may be given again")
	set.StringArrayVar(&f.grants, "grant", nil, "a grant `TYPE`; may be given again (default: authorization_code and refresh_token with a redirect URI, client_credentials without)")
	set.StringArrayVar(&f.scopes, "scope", nil, "a `SCOPE` it may ask for; may be given again (default: openid, profile, email, offline_access with a redirect URI, none without)")
	set.StringArrayVar(&f.audiences, "audience", nil, "the `URI` of an API that its tokens can be for, the first by default; may be given again (default: the issuer)")
	set.BoolVar(&f.public, "public", false, "an app that cannot keep a secret: it has none, and must use PKCE")
	set.BoolVar(&f.firstParty, "first-party", false, "an app of your own: nobody is asked for consent")
	set.BoolVar(&f.pkce, "require-pkce", false, "true requires PKCE, false does without it (default: PKCE for public clients, PKCE or a nonce for others)")
	set.BoolVar(&f.idClaims, "id-token-claims", false, "put profile and email claims into the ID token too")
	set.StringVar(&f.secretFile, "secret-file", "", "take the secret from `FILE` (- is standard input) instead of making one")
	set.StringVar(&f.authMethod, "token-endpoint-auth-method", "", "client_secret_basic, client_secret_post or none (default: either of the first two)")
	set.StringVar(&f.idTokenAlg, "id-token-signed-response-alg", "", "the `ALGORITHM` that signs its ID tokens, one of keys.algorithms (default: RS256, or the first of them)")
	set.StringVar(&f.accessTokenAlg, "access-token-signed-response-alg", "", "the `ALGORITHM` that signs its access tokens, one of keys.algorithms (default: RS256, or the first of them)")
	set.BoolVar(&f.statusList, "access-token-status-list", true, "its access tokens say in which status list a revocation would stand; false makes them shorter")
	set.StringVar(&f.accessTokenFormat, "access-token-format", "", "jwt, or opaque for access tokens that an API has to ask this server about (default: jwt)")
	set.Var(&f.refreshGrace, "refresh-token-grace", "how long a refresh token that was used still yields the same successor; 0 for not at all (default: refresh.grace)")
	set.BoolVar(&f.refreshRotation, "refresh-token-rotation", true, "false lets one refresh token go on for the whole of its grant (default: true, each works once)")
	set.Var(&f.refreshIdle, "refresh-token-idle-ttl", "unused for so long, its refresh tokens end (default: refresh.idle_ttl)")
	set.Var(&f.refreshMax, "refresh-token-absolute-ttl", "after so long, its refresh tokens end in any case (default: refresh.absolute_ttl)")
	set.StringVar(&f.introspection, "introspection", "", "which tokens it is told about: own, none or any (default: own; none for a public client)")
	set.StringVar(&f.clientURI, "client-uri", "", "the `URI` of its home page")
	set.StringVar(&f.logoURI, "logo-uri", "", "the `URI` of its picture")
	set.StringVar(&f.policyURI, "policy-uri", "", "the `URI` of its privacy policy")
	set.StringVar(&f.tosURI, "tos-uri", "", "the `URI` of its terms of service")
}

// check refuses flags that contradict each other.
func (f *clientFlags) check() error {
	none := f.authMethod == clients.AuthMethodNone
	switch given := f.set.Changed; {
	case f.public && given("token-endpoint-auth-method") && !none:
		return usagef("--public has no secret, but --token-endpoint-auth-method is %q; give one of the two", f.authMethod)
	case given("public") && !f.public && none:
		return usagef("--public=false has a secret, but --token-endpoint-auth-method is none; give one of the two")
	case (f.public || none) && given("secret-file"):
		return usagef("a public client has no secret; give --secret-file, or make it public")
	}
	return nil
}

// apply sets on c what was given and leaves the rest alone. A flag that may be
// given again replaces the whole list.
func (f *clientFlags) apply(c *clients.Client) {
	text := func(flag string, to *string, value string) {
		if f.set.Changed(flag) {
			*to = value
		}
	}
	list := func(flag string, to *[]string, values []string) {
		if f.set.Changed(flag) {
			*to = slices.DeleteFunc(append([]string{}, values...), func(v string) bool { return v == "" })
		}
	}
	text("name", &c.Name, f.name)
	list("redirect-uri", &c.RedirectURIs, f.redirectURIs)
	list("post-logout-redirect-uri", &c.PostLogoutRedirectURIs, f.postLogoutURIs)
	list("grant", &c.GrantTypes, f.grants)
	list("scope", &c.Scopes, strings.Fields(strings.Join(f.scopes, " ")))
	list("audience", &c.Audiences, f.audiences)
	text("id-token-signed-response-alg", &c.IDTokenSignedResponseAlg, f.idTokenAlg)
	text("access-token-signed-response-alg", &c.AccessTokenSignedResponseAlg, f.accessTokenAlg)
	text("client-uri", &c.ClientURI, f.clientURI)
	text("logo-uri", &c.LogoURI, f.logoURI)
	text("policy-uri", &c.PolicyURI, f.policyURI)
	text("tos-uri", &c.TermsURI, f.tosURI)
	text("access-token-format", &c.AccessTokenFormat, f.accessTokenFormat)
	text("introspection", &c.Introspection, f.introspection)
	f.applyRefresh(c)
	if f.set.Changed("first-party") {
		c.FirstParty = f.firstParty
	}
	if f.set.Changed("id-token-claims") {
		c.IDTokenClaims = f.idClaims
	}
	if f.set.Changed("require-pkce") {
		pkce := f.pkce
		c.RequirePKCE = &pkce
	}
	if f.set.Changed("access-token-status-list") {
		listed := f.statusList
		c.AccessTokenStatusList = &listed
	}
	f.applyAuth(c)
}

// applyRefresh sets the rules for refresh tokens that were given. An empty one
// gives the server's default back.
func (f *clientFlags) applyRefresh(c *clients.Client) {
	if f.set.Changed("refresh-token-grace") {
		c.RefreshTokenGrace = f.refreshGrace.span
	}
	if f.set.Changed("refresh-token-rotation") {
		rotate := f.refreshRotation
		c.RefreshTokenRotation = &rotate
	}
	for flag, rule := range map[string]struct {
		to    *time.Duration
		given spanFlag
	}{
		"refresh-token-idle-ttl":     {&c.RefreshTokenIdleTTL, f.refreshIdle},
		"refresh-token-absolute-ttl": {&c.RefreshTokenAbsoluteTTL, f.refreshMax},
	} {
		if f.set.Changed(flag) {
			*rule.to = rule.given.orZero()
		}
	}
}

// spanFlag is a duration, in days too, or empty for a default.
type spanFlag struct{ span *time.Duration }

func (s *spanFlag) String() string {
	if s.span == nil {
		return ""
	}
	return config.FormatDuration(*s.span)
}

func (s *spanFlag) Type() string { return "DURATION" }

func (s *spanFlag) Set(text string) error {
	s.span = nil
	if text == "" {
		return nil
	}
	span, err := config.ParseDuration(text)
	if err == nil {
		s.span = &span
	}
	return err
}

func (s *spanFlag) orZero() time.Duration {
	if s.span == nil {
		return 0
	}
	return *s.span
}

// checkAlgorithms refuses algorithms that were given and that the server is not
// set up for. One that c had before is left alone: it must not stand in the way
// of another change.
func (f *clientFlags) checkAlgorithms(cfg *config.Config, c *clients.Client) error {
	var errs []error
	for _, fault := range cfg.SigningFaults(c) {
		if f.set.Changed(flagOf[fault.Field]) {
			errs = append(errs, fault)
		}
	}
	return errors.Join(errs...)
}

func (f *clientFlags) applyAuth(c *clients.Client) {
	switch {
	case f.set.Changed("token-endpoint-auth-method"):
		c.TokenEndpointAuthMethod = f.authMethod
	case f.public:
		c.TokenEndpointAuthMethod = clients.AuthMethodNone
	case f.set.Changed("public") && c.Public():
		c.TokenEndpointAuthMethod = clients.AuthMethodAny
	}
}

// givenSecret is the secret that --secret-file names, nil if it names none.
func (a *app) givenSecret(file string) (*string, error) {
	if file == "" {
		return nil, nil
	}
	secret, err := a.readSecret(file)
	return &secret, err
}

// newSecret makes a secret, or hashes the one that was given. plain is empty
// then: whoever gave it has it.
func (a *app) newSecret(given *string) (plain string, s clients.Secret, err error) {
	if given == nil {
		return clients.NewSecret(a.rand, a.now())
	}
	s, err = clients.HashSecret(a.rand, *given, a.now())
	return "", s, err
}

// readSecret reads a client's secret from file, or from standard input for "-".
func (a *app) readSecret(file string) (string, error) {
	if file == "-" {
		content, err := io.ReadAll(io.LimitReader(a.stdin, 64<<10))
		return config.TrimSecret(content), err
	}
	secret, err := config.ReadSecretFile(file)
	if err != nil {
		return "", fmt.Errorf("--secret-file: %w; name a file that this user may read", err)
	}
	return secret, nil
}
