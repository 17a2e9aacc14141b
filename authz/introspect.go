package authz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"signet/clients"
)

// typeJSON is what an introspection response is unless a JWT is asked for.
const typeJSON = "application/json"

// Introspect is the introspection endpoint (RFC 7662). It answers from the
// token itself and the state of revocation. What a client learns about, its
// introspection policy says; everything else is `active: false` and no more.
// Errors are JSON, also where a JWT was asked for (RFC 9701, section 5).
func (p *Provider) Introspect(w http.ResponseWriter, r *http.Request) {
	client, answer, err := p.introspect(r)
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	w.Header().Add("Vary", "Accept")
	if !prefers(r.Header.Values("Accept"), "application/"+typeIntrospection, typeJSON) {
		writeJSON(w, answer)
		return
	}
	signed, err := p.signIntrospection(client, answer)
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	noStore(w.Header())
	w.Header().Set("Content-Type", "application/"+typeIntrospection)
	_, _ = io.WriteString(w, signed) // a client that hangs up is its own loss
}

func (p *Provider) introspect(r *http.Request) (*clients.Client, map[string]any, error) {
	form, err := parseForm(r)
	if err != nil {
		return nil, nil, err
	}
	client, err := p.authenticateClient(r.Context(), r, form)
	if err != nil {
		return nil, nil, err
	}
	if client.Public() {
		return nil, nil, clientRefused("a client with a secret", "the public client "+client.ID)
	}
	token := form.Get("token")
	if token == "" {
		return nil, nil, refuse(CodeInvalidRequest, "The parameter token is missing.")
	}
	answer, err := p.describeToken(r.Context(), &client, token)
	if errors.Is(err, errToken) {
		return &client, map[string]any{"active": false}, nil
	}
	return &client, answer, err
}

// signIntrospection makes a response that the resource server can keep as
// evidence (RFC 9701, section 5). It has neither sub nor exp of its own, so
// that nobody takes it for a token about the person.
func (p *Provider) signIntrospection(client *clients.Client, answer map[string]any) (string, error) {
	alg, err := p.cfg.Keys.SigningAlg(client.IDTokenSignedResponseAlg)
	if err != nil {
		return "", fmt.Errorf("introspection response: %w", err)
	}
	payload, err := json.Marshal(map[string]any{
		"iss": p.cfg.Issuer, "aud": client.ID, "iat": p.now().Unix(), "token_introspection": answer,
	})
	if err != nil {
		return "", fmt.Errorf("marshal claims: %w", err)
	}
	return p.cfg.Keys.Sign(alg, typeIntrospection, payload)
}

// prefers reports whether an Accept header (RFC 9110, section 12.5.1) names a
// media type, and does not like the alternative better. A wildcard asks for
// nothing in particular.
func prefers(accept []string, wanted, alternative string) bool {
	quality := map[string]float64{}
	for item := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		quality[name] = 1
		if q, ok := params["q"]; ok {
			if quality[name], err = strconv.ParseFloat(q, 64); err != nil {
				quality[name] = 0
			}
		}
	}
	return quality[wanted] > 0 && quality[wanted] >= quality[alternative]
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
	if !client.IntrospectsAccessToken(c.ClientID, c.Audience) {
		return nil, errToken
	}
	// What the client's rules have put into the token an API can read there, or
	// here, when it is opaque.
	answer := map[string]any{}
	maps.Copy(answer, c.About)
	maps.Copy(answer, map[string]any{
		"active": true, "token_type": "Bearer", "iss": c.Issuer, "sub": c.Subject, "aud": c.Audience,
		"client_id": c.ClientID, "iat": c.IssuedAt, "exp": c.Expires, "jti": c.ID,
	})
	if c.Scope != "" {
		answer["scope"] = c.Scope
	}
	if g == nil {
		return answer, nil
	}
	return answer, p.describePerson(ctx, answer, &c.client, g)
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
	end := p.refreshRules(client).end(&g)
	if !client.IntrospectsRefreshToken(g.ClientID) || g.Revoked() || g.Generation != generation || !p.now().Before(end) {
		return nil, errToken
	}
	subject, err := p.subjectFor(client, g.Subject)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{
		"active": true, "iss": p.cfg.Issuer, "sub": subject, "client_id": g.ClientID,
		"iat": g.RotatedAt.Unix(), "exp": end.Unix(),
	}
	if scope := strings.Join(g.Scopes, " "); scope != "" {
		answer["scope"] = scope
	}
	return answer, p.describePerson(ctx, answer, client, &g)
}

// describePerson adds the username, and makes the token inactive while the person
// may have none of this client, to which it was issued. The username stays out
// where `sub` is pairwise: two APIs could put the halves together by it.
func (p *Provider) describePerson(ctx context.Context, answer map[string]any, client *clients.Client, g *Grant) error {
	person, err := p.personFor(ctx, client, g.Subject)
	if err != nil {
		if asError(err).Code == CodeInvalidGrant {
			return errToken
		}
		return err
	}
	if !client.Pairwise() {
		answer["username"] = person.Username
	}
	return nil
}
