package authz

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"signet/authz/login"
	"signet/clients"
)

// Response modes (OAuth 2.0 Multiple Response Types, 2.1; Form Post, 2).
const (
	modeQuery    = "query"
	modeFragment = "fragment"
	modeFormPost = "form_post"
)

// knownMode reports whether a response_mode is served; none is the default.
func knownMode(mode string) bool {
	return mode == "" || mode == modeQuery || mode == modeFragment || mode == modeFormPost
}

// Response is an authorization response: where the browser goes next, with
// what.
type Response struct {
	// RedirectURI is the client's, without Params.
	RedirectURI string
	// Mode is "query", "fragment" or "form_post".
	Mode string
	// Params are code or error, state and iss.
	Params url.Values
}

// Location is the URL to redirect to in the modes query and fragment. A query that
// is part of the registered URI is kept (RFC 6749, section 3.1.2); a fragment none
// has.
func (r *Response) Location() string {
	if len(r.Params) == 0 {
		return r.RedirectURI
	}
	separator := "?"
	if r.Mode == modeFragment {
		separator = "#"
	} else if strings.Contains(r.RedirectURI, "?") {
		separator = "&"
	}
	return r.RedirectURI + separator + r.Params.Encode()
}

// StepKind says what web has to do next.
type StepKind int

// The kinds of Step.
const (
	// StepLogin shows the sign-in page.
	StepLogin StepKind = iota + 1
	// StepFactor asks whoever is signed in for one more factor.
	StepFactor
	// StepConsent asks the person.
	StepConsent
	// StepRespond sends the browser back to the client.
	StepRespond
)

// Step is the next step of an authorization.
type Step struct {
	Kind StepKind
	// Client is whom the authorization is for.
	Client clients.Client
	// ClientHost is the host of a client_id that is the URL of the client's
	// metadata, with its port; empty for a client that was registered here.
	ClientHost string
	// RedirectURI is where the answer will go.
	RedirectURI string
	// LoginHint fills in the sign-in page.
	LoginHint string
	// StepUp is the acr to reach now, set for StepFactor.
	StepUp string
	// Person is asked on the consent page for NewScopes; OldScopes they
	// allowed before.
	Person               login.Person
	NewScopes, OldScopes []ScopeText
	// Response is set for StepRespond, also when it is an error.
	Response *Response
}

// Advance takes an authorization one step further: s is the live session at
// the browser, nil when nobody is signed in; a is what the person has just
// answered on the consent page.
func (p *Provider) Advance(ctx context.Context, r *Request, s *login.Session, a Answer) (Step, error) {
	step := Step{Client: r.client, ClientHost: clientHost(&r.client), RedirectURI: r.redirectURI, LoginHint: r.form.Get("login_hint")}
	st, err := p.stateOf(ctx, r, s, a, &step)
	if err != nil {
		return step, err
	}
	switch d := decide(st); d.move {
	case moveLogin:
		step.Kind = StepLogin
	case moveStepUp:
		step.Kind = StepFactor
	case moveConsent:
		step.Kind = StepConsent
	case moveRefuse:
		step.Kind = StepRespond
		e := refuse(d.code, "%s", st.refusalText(d.code))
		step.Response = r.failed(e).Response
		p.logRefusal(ctx, "/oauth2/authorize", e)
	case moveIssue:
		step.Kind = StepRespond
		if err := p.documents.keep(ctx, r.client); err != nil {
			return step, err
		}
		if st.remembers() {
			if err := p.remember(ctx, r, st.subject, step.OldScopes); err != nil {
				return step, err
			}
		}
		step.Response, err = p.issue(ctx, r, s)
	}
	return step, err
}

func (s state) refusalText(code string) string {
	switch {
	case code == CodeLoginRequired:
		return "The person has to sign in."
	case code == CodeUnmetAuthentication:
		return "The person cannot sign in at the acr that is essential to the request."
	case code == CodeConsentRequired:
		return "The person has to be asked for consent."
	case s.barred:
		return notAdmittedText
	}
	return "The person said no."
}

// stateOf gathers what decide looks at. It fills in step.Person and the
// scopes on the way.
func (p *Provider) stateOf(ctx context.Context, r *Request, s *login.Session, a Answer, step *Step) (state, error) {
	st := state{
		started: r.started, maxAge: r.maxAge, hint: r.hint, consent: r.client.ConsentPolicy(), answer: a,
		promptNone:    slices.Contains(r.prompts, promptNone),
		promptLogin:   slices.Contains(r.prompts, promptLogin) || slices.Contains(r.prompts, promptSelectAccount),
		promptConsent: slices.Contains(r.prompts, promptConsent),
	}
	if s == nil {
		return st, nil
	}
	person, err := p.allowedPerson(ctx, s.Subject)
	if err != nil {
		if asError(err).Code == CodeInvalidGrant {
			return st, nil // the account is gone or disabled: as if nobody had signed in
		}
		return st, err
	}
	st.signedIn, st.subject, st.authTime = true, s.Subject, s.AuthTime
	st.barred = !r.client.Admits(person.Groups)
	if p.isSubject(&r.client, r.hint, s.Subject) {
		st.hint = s.Subject
	}
	for _, subs := range r.subs {
		st.foreign = st.foreign || !slices.ContainsFunc(subs, func(sub string) bool { return p.isSubject(&r.client, sub, s.Subject) })
	}
	step.Person = person
	if err := p.judgeACR(ctx, r, s, &st, step); err != nil {
		return st, err
	}
	return st, p.gatherConsent(ctx, r, &st, step)
}

// gatherConsent looks up what the person has allowed the client before, and words
// what they are asked now. Of a client that always asks, nothing counts that was
// allowed before.
func (p *Provider) gatherConsent(ctx context.Context, r *Request, st *state, step *Step) (err error) {
	var allowed []string
	switch {
	case !st.promptConsent && st.consent == clients.ConsentSkip:
		return nil // nobody is asked
	case st.consent != clients.ConsentAlways:
		if allowed, err = p.cfg.Consents.ConsentedScopes(ctx, st.subject, r.client.ID); err != nil {
			return err
		}
	}
	asked := r.consentScopes()
	fresh := without(asked, allowed)
	st.consented = len(fresh) == 0 && len(allowed) > 0
	if st.promptConsent {
		fresh = asked // the client wants all of them asked again
	}
	step.NewScopes, step.OldScopes = p.describe(fresh), p.describe(without(allowed, fresh))
	return nil
}

// remember adds what was allowed now to what was allowed before.
func (p *Provider) remember(ctx context.Context, r *Request, subject string, before []ScopeText) error {
	scopes := r.consentScopes()
	for _, s := range before {
		if !slices.Contains(scopes, s.Name) {
			scopes = append(scopes, s.Name)
		}
	}
	return p.cfg.Consents.SaveConsent(ctx, subject, r.client.ID, scopes, p.now())
}

// consentScopes are the scopes that the person is asked for: those of the request,
// and those whose text covers the claims that it asks for by name.
func (r *Request) consentScopes() []string {
	scopes := slices.Clone(r.scopes)
	for _, s := range r.asked.scopes() {
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// issue makes the grant, one INSERT, and the code that carries its id.
func (p *Provider) issue(ctx context.Context, r *Request, s *login.Session) (*Response, error) {
	id, err := newID(p.cfg.Rand)
	if err != nil {
		return nil, err
	}
	acr, reached := p.reached(s.ACR, r.acrValues)
	if !reached {
		p.logMissedACR(ctx, r, s)
	}
	now := p.now()
	grant := &Grant{
		ID: id, ClientID: r.client.ID, Subject: s.Subject, SessionID: s.ID,
		Scopes: r.scopes, Audiences: r.audiences, Claims: r.asked,
		RedirectURI: r.form.Get("redirect_uri"), Nonce: r.form.Get("nonce"), CodeChallenge: r.form.Get("code_challenge"),
		AuthTime: s.AuthTime, ACR: acr, AMR: s.AMR,
		CreatedAt: now, CodeExpiresAt: now.Add(p.cfg.CodeTTL), ExpiresAt: now.Add(p.cfg.CodeTTL),
	}
	for _, scope := range r.scopes {
		r.parsed.GrantScope(scope)
	}
	ses := &session{grant: grant, subject: s.Subject}
	if ses.reached, err = p.reach(&r.client, s); err != nil {
		return nil, err
	}
	answer, err := p.fosite.NewAuthorizeResponse(withClient(ctx, r.parsed.Client.(*fositeClient)), r.parsed, ses)
	if err != nil {
		return nil, r.failed(err)
	}
	return r.respond(url.Values{"code": {answer.GetParameters().Get("code")}}), nil
}

// logMissedACR tells an operator why an app is not content with a sign-in. An acr
// that is asked for is a wish: the ID token says what was reached (OpenID Connect
// Core, sections 3.1.2.1 and 5.5.1.1).
func (p *Provider) logMissedACR(ctx context.Context, r *Request, s *login.Session) {
	p.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "a sign-in does not have the acr that was asked for",
		slog.String("client_id", r.client.ID), slog.String("acr_values", clip(strings.Join(r.acrValues, " "))), slog.String("acr", s.ACR))
}

// respond adds what every authorization response has: the state that was sent,
// and the issuer (RFC 9207).
func (r *Request) respond(params url.Values) *Response {
	params.Set("iss", r.issuer)
	if r.state != "" {
		params.Set("state", r.state)
	}
	mode := r.mode
	if mode == "" {
		mode = modeQuery
	}
	return &Response{RedirectURI: r.redirectURI, Mode: mode, Params: params}
}

// formRequest shows fosite a form as the request it expects.
func formRequest(ctx context.Context, form url.Values) *http.Request {
	r := &http.Request{Method: http.MethodGet, URL: &url.URL{}, Form: form, Header: http.Header{}}
	return r.WithContext(ctx)
}
