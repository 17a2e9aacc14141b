package authz

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"signet/clients"
)

// AdminPath is where the admin API is, below the issuer.
const AdminPath = "/admin/v1"

// AdminAudience is the resource indicator (RFC 8707) of the admin API, and the
// `aud` of every token that it takes.
func (p *Provider) AdminAudience() string { return p.endpoint(AdminPath) }

// AuthorizeAdmin judges the access token of a request to the admin API, and
// returns whose it is. The token must be for the admin API and for nothing else
// (another API that it was for could use it here), have the scope, and be one of
// a client that the operator registered for both. A token of a person counts as
// long as the person is an administrator. What was revoked, disabled or taken
// away counts at once.
//
// The token comes in the Authorization header alone: no cookie and no form, which
// another site could make a browser send (RFC 6750, section 2.1).
func (p *Provider) AuthorizeAdmin(r *http.Request, scope string) (Actor, error) {
	a, err := p.authorizeAdmin(r, scope)
	if err != nil {
		return Actor{}, p.adminChallenge(err, scope)
	}
	return a, nil
}

func (p *Provider) authorizeAdmin(r *http.Request, scope string) (Actor, error) {
	token, err := headerToken(r)
	if err != nil {
		return Actor{}, err
	}
	c, g, err := p.verifyAccessToken(r.Context(), token)
	if errors.Is(err, errToken) {
		return Actor{}, refuse(CodeInvalidToken, "The access token is not valid, has expired or was revoked.").because(err)
	}
	if err != nil {
		return Actor{}, err
	}
	if want := p.AdminAudience(); !slices.Equal(c.Audience, audience{want}) {
		return Actor{}, refuse(CodeInvalidToken, "The access token is not for the admin API. Ask for one with resource=%s.", want).
			compared("the audience "+want+" alone", clip(strings.Join(c.Audience, " ")))
	}
	if !slices.Contains(strings.Fields(c.Scope), scope) {
		return Actor{}, refuse(CodeInsufficientScope, "The access token does not have the scope %s.", scope).compared("the scope "+scope, c.Scope)
	}
	if err := p.checkAdminClient(&c.client, scope); err != nil {
		return Actor{}, err
	}
	if g == nil {
		return Actor{ClientID: c.ClientID}, nil
	}
	return Actor{ClientID: c.ClientID, Subject: g.Subject}, p.checkAdministrator(r.Context(), &c.client, g.Subject)
}

// headerToken is the one Bearer token of a request.
func headerToken(r *http.Request) (string, error) {
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return "", errNoToken
	}
	scheme, token, ok := strings.Cut(header[0], " ")
	if len(header) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", refuse(CodeInvalidToken, "The Authorization header must be one Bearer token.")
	}
	return strings.TrimSpace(token), nil
}

// checkAdminClient holds the client to what the operator gives it now, which can
// be less than when the token was issued. A client of its own making never has
// it, whatever its row says.
func (p *Provider) checkAdminClient(client *clients.Client, scope string) error {
	switch {
	case client.Source == clients.SourceDynamic || client.Source == clients.SourceDocument:
		return refuse(CodeInsufficientScope, "A client that registered itself has no access to the admin API.").
			compared("a client of the operator", "one of source "+string(client.Source))
	case !slices.Contains(client.Audiences, p.AdminAudience()) || !client.ScopeAllowed(scope):
		return refuse(CodeInsufficientScope, "The client is not registered for the admin API and the scope %s.", scope).
			compared("a client with both", "client "+client.ID)
	}
	return nil
}

// checkAdministrator refuses a person who is not, or no longer, an administrator.
func (p *Provider) checkAdministrator(ctx context.Context, client *clients.Client, subject string) error {
	person, err := p.personFor(ctx, client, subject)
	if err != nil && asError(err).Code == CodeInvalidGrant {
		return refuse(CodeInvalidToken, "The access token is not valid, has expired or was revoked.").because(err)
	}
	if err == nil && !person.Admin {
		return refuse(CodeInsufficientScope, "The person is not an administrator.").compared("an administrator", "sub "+subject)
	}
	return err
}

// adminChallenge words the WWW-Authenticate header of a refusal (RFC 6750,
// section 3).
func (p *Provider) adminChallenge(err error, scope string) error {
	e := *asError(err)
	if e.Status != http.StatusUnauthorized && e.Status != http.StatusForbidden {
		return &e
	}
	e.challenge = fmt.Sprintf("Bearer realm=%q", p.AdminAudience())
	if !errors.Is(err, errNoToken) {
		e.challenge += fmt.Sprintf(", error=%q, error_description=%q", e.Code, e.Description)
	}
	e.challenge += fmt.Sprintf(", scope=%q", scope)
	return &e
}

// Challenge is the WWW-Authenticate header that goes with the error, empty when
// none does.
func (e *Error) Challenge() string { return e.challenge }

// FindGrants returns the first limit grants that f means and whose ID comes after
// the one given, ordered by ID.
func (p *Provider) FindGrants(ctx context.Context, f GrantFilter, after string, limit int) ([]Grant, error) {
	return p.cfg.GrantFinder.Grants(ctx, f, after, limit)
}
