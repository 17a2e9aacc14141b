package authz

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"signet/authz/login"
	"signet/clients"
)

// Token is the token endpoint (RFC 6749, section 3.2).
func (p *Provider) Token(w http.ResponseWriter, r *http.Request) {
	x := &exchange{arrived: p.now()}
	response, err := p.token(withExchange(r.Context(), x), r, x)
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	writeJSON(w, response)
}

// token runs one token request, in the order of the package's flow.
func (p *Provider) token(ctx context.Context, r *http.Request, x *exchange) (map[string]any, error) {
	form, err := parseForm(r)
	if err != nil {
		return nil, err
	}
	if err := checkGrantType(form.Get("grant_type")); err != nil {
		return nil, err
	}
	scope, resources := form.Get("scope"), form["resource"]
	request, err := p.fosite.NewAccessRequest(ctx, fositeForm(r, form), &session{})
	if err != nil {
		return nil, p.afterFailure(ctx, x, err)
	}
	client := &request.GetClient().(*fositeClient).Client
	if x.grant == nil {
		err = p.grantToClient(ctx, request, client, scope, resources)
	} else {
		err = p.grantToPerson(ctx, request, x, client, scope, resources)
	}
	if err != nil {
		return nil, err
	}
	response, err := p.fosite.NewAccessResponse(ctx, request)
	if err != nil {
		return nil, err
	}
	p.logIssue(ctx, request)
	if !provesUse(client) {
		p.used(client, "")
	}
	return p.tokenResponse(response, request), nil
}

// checkGrantType answers unsupported_grant_type, which fosite does not.
func checkGrantType(grant string) error {
	switch grant {
	case clients.GrantAuthorizationCode, clients.GrantRefreshToken, clients.GrantClientCredentials:
		return nil
	case "":
		return refuse(CodeInvalidRequest, "The grant_type parameter is missing.")
	}
	return refuse(CodeUnsupportedGrantType, "This grant type is not supported.").
		compared("authorization_code, refresh_token or client_credentials", clip(grant))
}

// fositeForm gives fosite the request without scope and resource, which are
// granted here, by our rules, after it has checked the rest.
func fositeForm(r *http.Request, form url.Values) *http.Request {
	rest := url.Values{}
	for name, values := range form {
		if name != "scope" && name != "resource" && name != "audience" {
			rest[name] = values
		}
	}
	clone := *r
	clone.Form, clone.PostForm = rest, rest
	return &clone
}

// afterFailure burns a code whose PKCE verifier was wrong: whoever sent it is
// not the one who began, and gets no second guess (RFC 9700, section 2.1.1).
func (p *Provider) afterFailure(ctx context.Context, x *exchange, err error) error {
	if x.atPKCE {
		if err := p.revoke(ctx, x.grant, eventVerifierWrong, "the code came with a wrong PKCE verifier"); err != nil {
			return err
		}
		return refuse(CodeInvalidGrant, "The PKCE code verifier does not match.").because(err)
	}
	return err
}

// grantToClient settles a client_credentials request.
func (p *Provider) grantToClient(ctx context.Context, request fosite.AccessRequester, client *clients.Client, scope string, resources []string) error {
	scopes, err := requestedScopes(scope, client)
	if err != nil {
		return err
	}
	// They stand for a person, and there is none (OpenID Connect Core, 3.1.2.1).
	if i := slices.IndexFunc(scopes, func(s string) bool { return s == scopeOpenID || s == scopeOfflineAccess }); i >= 0 {
		return refuse(CodeInvalidScope, "The scope %s needs a person.", scopes[i])
	}
	audiences, err := requestedAudiences(resources, p.allowedAudiences(client), p.defaultAudience(client.Audiences))
	if err != nil {
		return err
	}
	s := request.GetSession().(*session)
	s.subject, s.scopes, s.audiences, s.issuedAt = client.ID, scopes, audiences, p.now()
	if err := p.chooseAlgorithms(s, client); err != nil {
		return err
	}
	if err := p.chooseStatusIndex(ctx, s, client); err != nil {
		return err
	}
	setGranted(request, s)
	return nil
}

// grantToPerson settles a code or a refresh token: the person must still be
// allowed, scope and audience can only be narrowed, there must be keys to sign
// with and a status index, and then the one conditional update decides who of
// several wins.
func (p *Provider) grantToPerson(ctx context.Context, request fosite.AccessRequester, x *exchange, client *clients.Client, scope string, resources []string) error {
	person, err := p.personFor(ctx, client, x.grant.Subject)
	if err != nil {
		return err
	}
	s := x.session
	s.person, s.issuedAt = person, p.now()
	if err := narrow(s, scope, resources, p.defaultAudience(client.Audiences)); err != nil {
		return err
	}
	if err := p.chooseAlgorithms(s, client); err != nil {
		return err
	}
	if x.presented == x.grant.Generation { // if not, the index is that of the first answer
		if err := p.chooseStatusIndex(ctx, s, client); err != nil {
			return err
		}
	}
	if request.GetGrantTypes().ExactOne(clients.GrantAuthorizationCode) {
		err = p.redeem(ctx, x, client)
	} else {
		err = p.rotate(ctx, x, client)
	}
	if err != nil {
		return err
	}
	setGranted(request, s)
	return nil
}

// narrow applies the scope and resource parameters of a token request to what
// was granted (RFC 6749, section 6; RFC 8707, section 2.2).
func narrow(s *session, scope string, resources, fallback []string) error {
	if len(s.audiences) == 0 {
		s.audiences = fallback
	}
	audiences, err := requestedAudiences(resources, s.audiences, s.audiences)
	if err != nil {
		return err
	}
	s.audiences = audiences
	if strings.TrimSpace(scope) == "" {
		return nil
	}
	scopes, err := clients.ParseScope(scope)
	if err != nil {
		return refuse(CodeInvalidScope, "The scope parameter is malformed.").because(err)
	}
	for _, sc := range scopes {
		if !slices.Contains(s.scopes, sc) {
			return refuse(CodeInvalidScope, "The scope %s was not granted.", printable(sc)).
				compared("at most "+strings.Join(s.scopes, " "), clip(sc))
		}
	}
	s.scopes = scopes
	return nil
}

// redeem spends the code.
func (p *Provider) redeem(ctx context.Context, x *exchange, client *clients.Client) error {
	s, g := x.session, x.grant
	expires := latest(s.issuedAt.Add(p.cfg.AccessTokenTTL), g.CodeExpiresAt)
	// By what was granted, not by what this token was narrowed to.
	if mayRefresh(client, g.Scopes) {
		s.refreshGeneration = 1
		expires = latest(x.rules.expiry(g, s.issuedAt), expires)
	}
	err := p.cfg.Grants.RedeemCode(ctx, g.ID, Spend{Generation: s.refreshGeneration, At: s.issuedAt, Expires: expires, Live: s.live})
	if errors.Is(err, ErrConflict) {
		return codeRefused("an unspent code", "a code that a parallel request has spent")
	}
	x.spent = err == nil
	return err
}

// allowedPerson returns the subject of a grant, on condition that they may
// still have tokens.
func (p *Provider) allowedPerson(ctx context.Context, subject string) (login.Person, error) {
	person, err := p.cfg.People.Person(ctx, subject)
	if errors.Is(err, login.ErrNotFound) {
		return person, refuse(CodeInvalidGrant, "The grant has ended.").compared("an account", "the account is gone")
	}
	if err == nil && person.Disabled {
		return person, refuse(CodeInvalidGrant, "The grant has ended.").compared("an enabled account", "a disabled account")
	}
	return person, err
}

// revoke takes a grant back and says so in the log.
func (p *Provider) revoke(ctx context.Context, g *Grant, event, reason string) error {
	if err := p.cfg.Grants.RevokeGrant(ctx, g.ID, p.now(), reason); err != nil {
		return err
	}
	p.statusLists.changed()
	p.audit(ctx, slog.LevelWarn, event, g, reason)
	return nil
}

// setGranted shows fosite what the session grants.
func setGranted(request fosite.AccessRequester, s *session) {
	r := &request.(*fosite.AccessRequest).Request
	r.GrantedScope, r.GrantedAudience = slices.Clone(s.scopes), slices.Clone(s.audiences)
}

// tokenResponse is the body of RFC 6749, section 5.1.
func (p *Provider) tokenResponse(response fosite.AccessResponder, request fosite.AccessRequester) map[string]any {
	s := request.GetSession().(*session)
	body := map[string]any{
		"access_token": response.GetAccessToken(),
		"token_type":   "Bearer",
		"expires_in":   int64(p.accessExpiry(s).Sub(s.issuedAt) / time.Second),
	}
	if scope := strings.Join(s.scopes, " "); scope != "" {
		body["scope"] = scope
	}
	for _, extra := range []string{"id_token", "refresh_token"} {
		if v := response.GetExtra(extra); v != nil {
			body[extra] = v
		}
	}
	return body
}

func (p *Provider) logIssue(ctx context.Context, request fosite.AccessRequester) {
	s := request.GetSession().(*session)
	subject := s.subject
	if s.grant != nil {
		subject = s.grant.Subject // the person, whatever the client calls them
	}
	p.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "token issued", slog.String("client_id", request.GetClient().GetID()),
		slog.String("grant_type", request.GetGrantTypes()[0]), slog.String("sub", subject), slog.String("scope", strings.Join(s.scopes, " ")))
}

func writeJSON(w http.ResponseWriter, body any) {
	noStore(w.Header())
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	// A client that hangs up while it is answered is its own loss.
	_ = json.NewEncoder(w).Encode(body)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
