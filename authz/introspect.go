package authz

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"signet/clients"
)

// Introspect is the introspection endpoint (RFC 7662). It answers from the
// signature and the state of revocation. A client learns about tokens that
// were issued to it and, as a resource server, about access tokens for its
// own audiences; everything else is `active: false` and no more.
func (p *Provider) Introspect(w http.ResponseWriter, r *http.Request) {
	answer, err := p.introspect(r)
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	writeJSON(w, answer)
}

func (p *Provider) introspect(r *http.Request) (map[string]any, error) {
	form, err := parseForm(r)
	if err != nil {
		return nil, err
	}
	client, err := p.authenticateClient(r.Context(), r, form)
	if err != nil {
		return nil, err
	}
	if client.Public() {
		return nil, clientRefused("a client with a secret", "the public client "+client.ID)
	}
	token := form.Get("token")
	if token == "" {
		return nil, refuse(CodeInvalidRequest, "The parameter token is missing.")
	}
	answer, err := p.describeToken(r.Context(), &client, token)
	if errors.Is(err, errToken) {
		return map[string]any{"active": false}, nil
	}
	return answer, err
}

// describeToken answers about an access or a refresh token; which of the two
// it is shows in the token itself, so token_type_hint is not needed.
func (p *Provider) describeToken(ctx context.Context, client *clients.Client, token string) (map[string]any, error) {
	if id, generation, err := p.credentials.parseRefreshToken(token); err == nil {
		return p.describeRefreshToken(ctx, client, id, generation)
	}
	c, g, err := p.verifyAccessToken(ctx, token)
	if err != nil {
		return nil, err
	}
	if c.ClientID != client.ID && len(intersect(c.Audience, append(slices.Clone(client.Audiences), client.ID))) == 0 {
		return nil, errToken
	}
	answer := map[string]any{
		"active": true, "token_type": "Bearer", "iss": c.Issuer, "sub": c.Subject, "aud": c.Audience,
		"client_id": c.ClientID, "iat": c.IssuedAt, "exp": c.Expires, "jti": c.ID,
	}
	if c.Scope != "" {
		answer["scope"] = c.Scope
	}
	if g == nil {
		return answer, nil
	}
	return answer, p.describePerson(ctx, answer, g)
}

// describeRefreshToken answers about the current refresh token of a grant,
// only to the client it belongs to.
func (p *Provider) describeRefreshToken(ctx context.Context, client *clients.Client, id string, generation int) (map[string]any, error) {
	g, err := p.cfg.Grants.Grant(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, errToken
	}
	if err != nil {
		return nil, err
	}
	if g.ClientID != client.ID || g.Revoked() || g.Generation != generation || !p.now().Before(g.ExpiresAt) {
		return nil, errToken
	}
	answer := map[string]any{
		"active": true, "iss": p.cfg.Issuer, "sub": g.Subject, "client_id": g.ClientID,
		"iat": g.RotatedAt.Unix(), "exp": g.ExpiresAt.Unix(),
	}
	if scope := strings.Join(g.Scopes, " "); scope != "" {
		answer["scope"] = scope
	}
	return answer, p.describePerson(ctx, answer, &g)
}

// describePerson adds the username, and makes the token inactive when the
// person may have none any more.
func (p *Provider) describePerson(ctx context.Context, answer map[string]any, g *Grant) error {
	person, err := p.allowedPerson(ctx, g.Subject)
	if err != nil {
		if asError(err).Code == CodeInvalidGrant {
			return errToken
		}
		return err
	}
	answer["username"] = person.Username
	return nil
}
