package authz

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"signet/clients"
)

// Revoke is the revocation endpoint (RFC 7009). A refresh token takes its
// grant with it, and so every access token of that grant; an access token
// goes alone; what is no live token is answered 200 all the same (section
// 2.2). When the database cannot tell, the client is told so with 503 and
// must assume that the token still lives (section 2.2.1).
func (p *Provider) Revoke(w http.ResponseWriter, r *http.Request) {
	if err := p.revokeToken(r); err != nil {
		if e := asError(err); e.Code == CodeServerError {
			err = refuse(CodeTemporarilyUnavailable, "The token could not be revoked. Try again.").because(err)
		}
		p.writeError(w, r, err)
		return
	}
	noStore(w.Header())
	w.WriteHeader(http.StatusOK)
}

func (p *Provider) revokeToken(r *http.Request) error {
	form, err := parseForm(r)
	if err != nil {
		return err
	}
	client, err := p.authenticateClient(r.Context(), r, form)
	if err != nil {
		return err
	}
	return p.revokeFor(r.Context(), &client, form)
}

func (p *Provider) revokeFor(ctx context.Context, client *clients.Client, form url.Values) error {
	token := form.Get("token")
	if token == "" {
		return refuse(CodeInvalidRequest, "The parameter token is missing.")
	}
	if id, _, err := p.credentials.parseRefreshToken(token); err == nil {
		g, err := p.cfg.Grants.Grant(ctx, id)
		switch {
		case errors.Is(err, ErrNotFound):
			return nil
		case err != nil:
			return err
		case g.ClientID != client.ID:
			return foreignToken(g.ClientID, client.ID)
		}
		return p.revoke(ctx, &g, eventGrantRevoked, "the client revoked its refresh token")
	}
	c, err := p.readAccessToken(token)
	if err != nil {
		return nil //nolint:nilerr // an invalid token needs no revoking (RFC 7009, section 2.2)
	}
	if c.ClientID != client.ID {
		return foreignToken(c.ClientID, client.ID)
	}
	if err := p.cfg.Tokens.RevokeToken(ctx, c.ID, p.statusIndexOf(c, client), time.Unix(c.Expires, 0).UTC()); err != nil {
		return err
	}
	p.statusLists.changed()
	return nil
}

// foreignToken refuses to revoke for a client what belongs to another
// (RFC 7009, section 2.1).
func foreignToken(owner, caller string) error {
	return refuse(CodeUnauthorizedClient, "The token was issued to another client.").compared("client "+owner, "client "+caller)
}
