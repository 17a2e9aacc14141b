package authz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/clients"
)

// idClaims are the claims that matter of an ID token that comes back as a hint.
type idClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	SessionID string   `json:"sid"`
	Expires   int64    `json:"exp"`
}

// errToken says that a string is not a token of ours, of the type that is due.
var errToken = errors.New("not a token of this server for this use")

// readToken verifies a JWT of ours and its type, which keeps an ID token from
// passing as an access token and the other way round (RFC 8725, section 3.11).
func (p *Provider) readToken(token, typ string, claims any) error {
	v, err := p.cfg.Keys.Verify(token)
	if err != nil {
		return fmt.Errorf("%w: %w", errToken, err)
	}
	if !strings.EqualFold(v.Typ, typ) {
		return fmt.Errorf("%w: typ is %q, expected %q", errToken, clip(v.Typ), typ)
	}
	if err := json.Unmarshal(v.Payload, claims); err != nil {
		return fmt.Errorf("%w: %w", errToken, err)
	}
	return nil
}

// verifyIDTokenHint reads an ID token that this server issued, expired or
// not: a hint is no credential (OpenID Connect Core, section 3.1.2.1).
func (p *Provider) verifyIDTokenHint(token string) (*idClaims, error) {
	var c idClaims
	if err := p.readToken(token, typeIDToken, &c); err != nil {
		return nil, err
	}
	if c.Issuer != p.cfg.Issuer || c.Subject == "" {
		return nil, fmt.Errorf("%w: issuer is %q", errToken, clip(c.Issuer))
	}
	// A signed userinfo response is of the same type, and has none: it goes
	// through more hands than an ID token.
	if c.Expires == 0 {
		return nil, fmt.Errorf("%w: it has no exp", errToken)
	}
	return &c, nil
}

// readAccessToken verifies that an access token, a JWT or an opaque one, is
// ours, and its type, issuer and times, without looking at the database.
func (p *Provider) readAccessToken(token string) (*accessClaims, error) {
	var c accessClaims
	err := p.openAccessToken(token, &c)
	if errors.Is(err, errCredential) {
		err = p.readToken(token, typeAccessToken, &c)
	}
	if err != nil {
		return nil, err
	}
	switch now := p.now(); {
	case c.Issuer != p.cfg.Issuer:
		return nil, fmt.Errorf("%w: issuer is %q", errToken, clip(c.Issuer))
	case !now.Before(time.Unix(c.Expires, 0)):
		return nil, fmt.Errorf("%w: expired at %s", errToken, time.Unix(c.Expires, 0).UTC().Format(time.RFC3339))
	case c.ID == "" || c.ClientID == "" || c.Subject == "":
		return nil, fmt.Errorf("%w: a claim is missing", errToken)
	}
	return &c, nil
}

// verifyAccessToken verifies an access token, that neither it nor its grant was
// revoked, and that its client still may have tokens. It returns errToken for one that is not good, and any
// other error when the database could not say.
func (p *Provider) verifyAccessToken(ctx context.Context, token string) (*accessClaims, *Grant, error) {
	c, err := p.readAccessToken(token)
	if err != nil {
		return nil, nil, err
	}
	noteClientID(ctx, c.ClientID)
	revoked, err := p.cfg.Tokens.TokenRevoked(ctx, c.ID)
	if err != nil {
		return nil, nil, err
	}
	if revoked {
		return nil, nil, fmt.Errorf("%w: revoked", errToken)
	}
	client, err := p.cfg.Clients.Client(ctx, c.ClientID)
	if err == nil {
		noteClient(ctx, &client)
	}
	if errors.Is(err, clients.ErrNotFound) || (err == nil && client.Disabled) {
		return nil, nil, fmt.Errorf("%w: its client is gone or disabled", errToken)
	}
	if err != nil {
		return nil, nil, err
	}
	if c.client = client; c.GrantID == "" {
		return c, nil, nil
	}
	g, err := p.cfg.Grants.Grant(ctx, c.GrantID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, fmt.Errorf("%w: its grant is gone", errToken)
	}
	if err != nil {
		return nil, nil, err
	}
	if g.Revoked() {
		return nil, nil, fmt.Errorf("%w: its grant was revoked", errToken)
	}
	return c, &g, nil
}
