package authz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"signet/authz/login"
	"signet/clients"
)

// PreviewRequest is an authorization that nobody has asked for.
type PreviewRequest struct {
	// ClientID is the client, PersonID the Person.ID of who would sign in.
	ClientID, PersonID string
	// Scope is the scope parameter; empty is every scope that the client may ask for.
	Scope string
	// Resources are the resource parameters (RFC 8707); none is the client's default.
	Resources []string
}

// Preview is what the authorization would come to.
type Preview struct {
	AccessToken PreviewToken `json:"access_token"`
	// IDToken and UserInfo are nil without the scope openid.
	IDToken  *PreviewToken `json:"id_token,omitempty"`
	UserInfo *PreviewToken `json:"userinfo,omitempty"`
	// RefreshToken says whether there would be one.
	RefreshToken bool `json:"refresh_token"`
}

// PreviewToken is a token, or an answer, that was not made.
type PreviewToken struct {
	// Header is the JOSE header, nil for what would not be signed: an opaque
	// token, or plain JSON.
	Header map[string]any `json:"header,omitempty"`
	// Claims are without those of PreviewOmits.
	Claims map[string]any `json:"claims"`
}

// PreviewOmits are the claims that a preview leaves out: nobody can know them
// before there is a grant, a session and a place in a status list.
var PreviewOmits = []string{"jti", "sid", "grant_id", "status", "at_hash", "nonce"}

// Preview computes the tokens that a client would get if a person signed in for it
// now with a password, by the way that a real response takes. It signs, issues and
// stores nothing. It returns an *Error that says why the client would get
// nothing, and any other error when it cannot be told.
func (p *Provider) Preview(ctx context.Context, r PreviewRequest) (*Preview, error) {
	client, err := p.previewClient(ctx, r.ClientID)
	if err != nil {
		return nil, err
	}
	s, err := p.previewSession(ctx, &client, r)
	if err != nil {
		return nil, err
	}
	if err := p.chooseAlgorithms(s, &client); err != nil {
		return nil, err
	}
	out := &Preview{RefreshToken: mayRefresh(&client, s.scopes)}
	accessAlg := s.accessAlg
	if client.OpaqueAccessTokens() {
		accessAlg = ""
	}
	if err := p.previewToken(&out.AccessToken, accessAlg, typeAccessToken, p.accessClaims(s, &client, "")); err != nil {
		return nil, err
	}
	if !slices.Contains(s.scopes, scopeOpenID) {
		return out, nil
	}
	out.IDToken, out.UserInfo = &PreviewToken{}, &PreviewToken{}
	if err := p.previewToken(out.IDToken, s.idAlg, typeIDToken, p.idTokenClaims(s, &client, "")); err != nil {
		return nil, err
	}
	answer := p.userInfoClaims(&client, &s.person, s.subject, s.scopes, s.grant.Claims)
	return out, p.previewToken(out.UserInfo, client.UserinfoSignedResponseAlg, typeUserInfo, answer)
}

// previewClient finds the client, on condition that people can sign in to it.
func (p *Provider) previewClient(ctx context.Context, id string) (clients.Client, error) {
	client, err := p.cfg.Clients.Client(ctx, id)
	switch {
	case errors.Is(err, clients.ErrNotFound):
		return client, refuse(CodeInvalidClient, "No app is registered under this client_id.")
	case err != nil:
		return client, err
	case client.Disabled:
		return client, refuse(CodeUnauthorizedClient, "This app has been disabled.")
	case !client.GrantAllowed(clients.GrantAuthorizationCode):
		return client, refuse(CodeUnauthorizedClient, "The client is not registered for the authorization code grant.")
	}
	return client, nil
}

// previewSession is the session of a response that nobody has asked for.
func (p *Provider) previewSession(ctx context.Context, client *clients.Client, r PreviewRequest) (*session, error) {
	person, err := p.personFor(ctx, client, r.PersonID)
	if err != nil {
		return nil, err
	}
	scopes := client.Scopes
	if r.Scope != "" {
		if scopes, err = requestedScopes(r.Scope, client); err != nil {
			return nil, err
		}
	}
	audiences, err := requestedAudiences(r.Resources, p.allowedAudiences(client), p.defaultAudience(client.Audiences))
	if err != nil {
		return nil, err
	}
	subject, err := p.subjectFor(client, person.ID)
	if err != nil {
		return nil, err
	}
	now := p.now()
	grant := &Grant{
		ClientID: client.ID, Subject: person.ID, Scopes: scopes, Audiences: audiences,
		AuthTime: now, ACR: login.ACRSingleFactor, AMR: []string{login.AMRPassword},
	}
	return &session{grant: grant, person: person, subject: subject, scopes: scopes, audiences: audiences, issuedAt: now}, nil
}

// previewToken fills in a token with these claims, that alg would sign; none is a
// token that is not signed.
func (p *Provider) previewToken(to *PreviewToken, alg, typ string, claims any) error {
	if alg != "" {
		if _, err := p.cfg.Keys.SigningAlg(alg); err != nil {
			return err
		}
		kid, err := p.cfg.Keys.SigningKID(alg)
		if err != nil {
			return err
		}
		to.Header = map[string]any{"alg": alg, "kid": kid, "typ": typ}
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return fmt.Errorf("marshal claims: %w", err)
	}
	if err := json.Unmarshal(text, &to.Claims); err != nil {
		return fmt.Errorf("read claims: %w", err)
	}
	for _, name := range PreviewOmits {
		delete(to.Claims, name)
	}
	return nil
}
