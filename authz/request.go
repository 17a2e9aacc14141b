package authz

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ory/fosite"

	"signet/clients"
)

// Request is an authorization request (RFC 6749, section 4.1.1; OpenID
// Connect Core, section 3.1.2.1) that has been parsed and found valid.
type Request struct {
	issuer string
	// form are the parameters: those of a request object over those beside it, and
	// signed says that there was one.
	form    url.Values
	signed  bool
	started time.Time
	client  clients.Client
	parsed  *fosite.AuthorizeRequest

	redirectURI       string
	state             string
	mode              string
	scopes, audiences []string
	prompts           []string
	maxAge            *time.Duration
	acrValues         []string
	acrEssential      bool
	hint              string
	// asked are the claims that were asked for by name, and subs the values of sub.
	asked AskedClaims
	subs  [][]string
}

// keptParameters are the parameters that a saved request consists of. All
// others have no effect (OpenID Connect Core, section 3.1.2.1).
var keptParameters = []string{
	"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "resource",
	"code_challenge", "code_challenge_method", "prompt", "max_age", "acr_values", "id_token_hint", "login_hint",
	paramClaims, paramUILocales,
}

// paramUILocales only chooses words, and is not worth the room in a cookie, nor
// a refusal, when it is longer than maxUILocales bytes.
const (
	paramUILocales = "ui_locales"
	maxUILocales   = 200
)

// savedRequest is what Marshal writes: parameters and a time, nothing that
// was decided. Restore decides again.
type savedRequest struct {
	Form url.Values `json:"f"`
	// Signed says that the client has signed them, in a request object.
	Signed  bool  `json:"s,omitempty"`
	Started int64 `json:"t"`
}

// Query returns the parameters again, to start the request over.
func (r *Request) Query() url.Values {
	kept := url.Values{}
	for _, name := range keptParameters {
		if values, ok := r.form[name]; ok && (name != paramUILocales || len(r.form.Get(name)) <= maxUILocales) {
			kept[name] = values
		}
	}
	return kept
}

// Marshal writes the request down, for the time a page is shown.
func (r *Request) Marshal() ([]byte, error) {
	return json.Marshal(savedRequest{Form: r.Query(), Signed: r.signed, Started: r.started.UnixMicro()})
}

// Restore reads what Marshal wrote and validates it again: the client may
// have been disabled or changed since.
func (p *Provider) Restore(ctx context.Context, saved []byte) (*Request, error) {
	var s savedRequest
	if err := json.Unmarshal(saved, &s); err != nil {
		return nil, refuse(CodeInvalidRequest, "The saved request cannot be read. Start again.").because(err)
	}
	return p.parseAuthorization(ctx, &Request{form: s.Form, signed: s.Signed, started: time.UnixMicro(s.Started).UTC()})
}

// Begin parses and validates an authorization request. An *Error with a
// Response goes back to the client; one without is for the person alone,
// because the client or its redirect URI cannot be trusted.
func (p *Provider) Begin(ctx context.Context, form url.Values) (*Request, error) {
	return p.parseAuthorization(ctx, &Request{form: form, started: p.now()})
}

// parseAuthorization parses the form of a request, and fills in all else.
func (p *Provider) parseAuthorization(ctx context.Context, r *Request) (*Request, error) {
	r.issuer, r.state, r.mode = p.cfg.Issuer, r.form.Get("state"), r.form.Get("response_mode")
	if err := p.parseTrusted(ctx, r); err != nil {
		return nil, err
	}
	// From here on the redirect URI is the client's own.
	for _, check := range []func(context.Context, *Request) error{
		p.checkShape, p.checkWithFosite, p.checkScope, p.checkProof, p.checkOpenID, p.checkClaims,
	} {
		if err := check(ctx, r); err != nil {
			return nil, r.failed(err)
		}
	}
	return r, nil
}

// Refuse is an error that the client is told by redirect, for reasons that
// only web knows.
func (r *Request) Refuse(code, description string) *Error {
	return r.failed(refuse(code, "%s", description))
}

// failed attaches the redirect that tells the client.
func (r *Request) failed(err error) *Error {
	e := asError(err)
	e.Response = r.respond(e.params())
	return e
}

// parseTrusted finds the client and its redirect URI. On a mismatch there is
// never a redirect.
func (p *Provider) parseTrusted(ctx context.Context, r *Request) error {
	for _, name := range []string{"client_id", "redirect_uri", "request", "request_uri"} {
		if len(r.form[name]) > 1 {
			return refuse(CodeInvalidRequest, "The parameter %s is given more than once.", name)
		}
	}
	id := r.form.Get("client_id")
	if id == "" {
		return refuse(CodeInvalidRequest, "The parameter client_id is missing.")
	}
	client, err := p.discoverClient(ctx, id)
	if errors.Is(err, clients.ErrNotFound) {
		return refuse(CodeInvalidClient, "No app is registered under this client_id.").compared("a registered client", clip(id))
	}
	if err != nil {
		return err
	}
	r.client = client
	if client.Disabled {
		return refuse(CodeUnauthorizedClient, "This app has been disabled.").compared("an enabled client", "disabled client "+id)
	}
	if err := p.openObject(ctx, r); err != nil {
		// Told by redirect where that is to be trusted without the object.
		if r.matchRedirectURI() != nil {
			return err
		}
		if !knownMode(r.mode) {
			r.mode = ""
		}
		return r.failed(err)
	}
	// The object may bring what only its signature vouches for; the URI has to be a
	// registered one all the same.
	return r.matchRedirectURI()
}

func (r *Request) matchRedirectURI() error {
	requested := r.form.Get("redirect_uri")
	if requested == "" {
		// OpenID Connect never lets it out (Core, section 3.1.2.1), OAuth does
		// where there is nothing to choose (RFC 6749, section 3.1.2.3).
		openID := slices.Contains(strings.Fields(r.form.Get("scope")), scopeOpenID)
		if len(r.client.RedirectURIs) != 1 || openID {
			return refuse(CodeInvalidRequest, "The parameter redirect_uri is missing.").
				compared("one of "+strings.Join(r.client.RedirectURIs, " "), "none")
		}
		requested = r.client.RedirectURIs[0]
	}
	matched, ok := r.client.MatchRedirectURI(requested)
	if !ok {
		return refuse(CodeInvalidRequest, "The redirect_uri is not registered for this app.").
			compared("one of "+strings.Join(r.client.RedirectURIs, " "), clip(requested))
	}
	r.redirectURI = matched
	return nil
}

// checkShape refuses what cannot be read in one way only, and what this
// server does not do.
func (p *Provider) checkShape(_ context.Context, r *Request) error {
	if !knownMode(r.mode) {
		r.mode = ""
		return refuse(CodeInvalidRequest, "Only the response modes query, fragment and form_post are supported.")
	}
	if err := noDuplicates(r.form); err != nil {
		return err
	}
	// OpenID Connect Core, section 3.1.2.6.
	if r.form.Get("registration") != "" {
		return refuse("registration_not_supported", "The parameter registration is not supported.")
	}
	switch rt := r.form.Get("response_type"); {
	case rt == "":
		return refuse(CodeInvalidRequest, "The parameter response_type is missing.")
	case rt != "code":
		return refuse(CodeUnsupportedResponseType, "Only the response type code is supported.").compared("code", clip(rt))
	case !r.client.GrantAllowed(clients.GrantAuthorizationCode):
		return refuse(CodeUnauthorizedClient, "The client is not registered for the authorization code grant.")
	}
	return nil
}

// checkWithFosite lets fosite parse what is left. The redirect URI that has
// matched is the only one it sees.
func (p *Provider) checkWithFosite(ctx context.Context, r *Request) error {
	allowed := p.allowedAudiences(&r.client)
	audiences, err := requestedAudiences(r.form["resource"], allowed, p.defaultAudience(r.client.Audiences))
	if err != nil {
		return err
	}
	r.audiences = audiences
	client := &fositeClient{Client: r.client, redirectURI: r.redirectURI, audiences: allowed}
	form := r.Query()
	// decide judges these, and respond the mode; fosite's validator compares
	// sub-second times, and has no code in a fragment.
	for _, name := range []string{"prompt", "max_age", "id_token_hint", "scope", "response_mode"} {
		form.Del(name)
	}
	ar, err := p.fosite.NewAuthorizeRequest(withClient(ctx, client), formRequest(ctx, form))
	if err != nil && !errors.Is(err, fosite.ErrInvalidState) { // a short or absent state is allowed
		return err
	}
	r.parsed = ar.(*fosite.AuthorizeRequest)
	return nil
}

func (p *Provider) checkScope(_ context.Context, r *Request) error {
	scopes, err := requestedScopes(r.form.Get("scope"), &r.client)
	r.scopes = scopes
	return err
}

// An S256 challenge is the base64url of 32 bytes (RFC 7636, section 4.2).
var s256Challenge = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// checkProof asks for PKCE: always of public clients, of confidential ones
// unless an OpenID Connect nonce stands in for it (OAuth 2.1, section 7.5.1),
// and as the client's own setting says. A challenge that was sent must be S256.
func (p *Provider) checkProof(_ context.Context, r *Request) error {
	challenge, method := r.form.Get("code_challenge"), r.form.Get("code_challenge_method")
	if challenge != "" || method != "" {
		switch {
		case method != "S256":
			return refuse(CodeInvalidRequest, "The code_challenge_method must be S256.").compared("S256", clip(method))
		case !s256Challenge.MatchString(challenge):
			return refuse(CodeInvalidRequest, "The code_challenge is not the base64url of a SHA-256 hash.")
		}
		return nil
	}
	const send = "send a code_challenge with code_challenge_method S256"
	nonce := r.form.Get("nonce") != "" && slices.Contains(r.scopes, scopeOpenID)
	switch required := r.client.RequirePKCE; {
	case r.client.Public() || (required != nil && *required):
		return refuse(CodeInvalidRequest, "This client must use PKCE: %s.", send)
	case required == nil && !nonce:
		return refuse(CodeInvalidRequest, "This client must use PKCE or a nonce: %s, or a nonce with the scope openid. "+
			"For a library that can do neither, the operator can set require_pkce to false.", send)
	}
	return nil
}

// checkOpenID reads prompt, max_age, acr_values and id_token_hint. Where a request
// does not say, the client's defaults do (OpenID Connect Registration, section 2).
func (p *Provider) checkOpenID(_ context.Context, r *Request) error {
	r.prompts = strings.Fields(r.form.Get("prompt"))
	if slices.Contains(r.prompts, promptNone) && len(r.prompts) > 1 {
		return refuse(CodeInvalidRequest, "The prompt none cannot be combined with others.")
	}
	r.maxAge = r.client.DefaultMaxAge
	if r.acrValues = strings.Fields(r.form.Get("acr_values")); len(r.acrValues) == 0 {
		r.acrValues = r.client.DefaultACRValues
	}
	if raw := r.form.Get("max_age"); raw != "" {
		seconds, err := strconv.ParseInt(raw, 10, 32)
		if err != nil || seconds < 0 {
			return refuse(CodeInvalidRequest, "The parameter max_age is not a number of seconds.").compared("a number", clip(raw))
		}
		age := time.Duration(seconds) * time.Second
		r.maxAge = &age
	}
	if hint := r.form.Get("id_token_hint"); hint != "" {
		claims, err := p.verifyIDTokenHint(hint)
		if err != nil {
			return refuse(CodeInvalidRequest, "The id_token_hint is not an ID token of this server.").because(err)
		}
		r.hint = claims.Subject
	}
	return nil
}
