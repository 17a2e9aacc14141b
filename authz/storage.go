package authz

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/ory/fosite"

	"signet/clients"
)

// storage speaks fosite's storage interfaces and folds them onto one row for
// each grant. fosite wants five sessions (code, PKCE, OpenID Connect, access,
// refresh); ours come from the grant of the exchange in the context, and the
// one conditional update is made by Provider.spend between fosite's two halves.
type storage struct{ p *Provider }

var errNotSpent = errors.New("a token was about to be issued from a grant that this request has not spent")

// fositeClient shows a client to fosite.
type fositeClient struct {
	clients.Client
	// redirectURI is the one that clients.Client.MatchRedirectURI accepted for this
	// request. It is all fosite gets to see, so its own loopback matching,
	// which ignores scheme and userinfo, has nothing to decide.
	redirectURI string
	// audiences are those the client may get tokens for: its own, and the
	// issuer, which is the default of a client that has none.
	audiences []string
}

func (c *fositeClient) GetID() string                   { return c.ID }
func (c *fositeClient) GetHashedSecret() []byte         { return nil }
func (c *fositeClient) GetRedirectURIs() []string       { return []string{c.redirectURI} }
func (c *fositeClient) GetGrantTypes() fosite.Arguments { return c.GrantTypes }
func (c *fositeClient) GetResponseTypes() fosite.Arguments {
	if c.GrantAllowed(clients.GrantAuthorizationCode) {
		return fosite.Arguments{"code"}
	}
	return nil
}
func (c *fositeClient) GetScopes() fosite.Arguments   { return c.Scopes }
func (c *fositeClient) IsPublic() bool                { return c.Public() }
func (c *fositeClient) GetAudience() fosite.Arguments { return c.audiences }

// GetResponseModes implements fosite.ResponseModeClient.
func (c *fositeClient) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{fosite.ResponseModeQuery, fosite.ResponseModeFormPost}
}

var _ fosite.ResponseModeClient = (*fositeClient)(nil)

type clientKey struct{}

// withClient hands fosite the client that was already found and checked.
func withClient(ctx context.Context, c *fositeClient) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// GetClient returns the client of the request at hand.
func (s *storage) GetClient(ctx context.Context, id string) (fosite.Client, error) {
	if c, ok := ctx.Value(clientKey{}).(*fositeClient); ok && c.ID == id {
		return c, nil
	}
	return nil, fosite.ErrNotFound
}

// ClientAssertionJWTValid refuses: authenticateClient does not take client
// assertions and never asks.
func (s *storage) ClientAssertionJWTValid(context.Context, string) error { return fosite.ErrNotFound }

// SetClientAssertionJWT refuses, as ClientAssertionJWTValid does.
func (s *storage) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrNotFound
}

// CreateAuthorizeCodeSession inserts the grant. This is the one write of an
// authorization, but for an app that wants to hear of the end of the session.
func (s *storage) CreateAuthorizeCodeSession(ctx context.Context, _ string, r fosite.Requester) error {
	ses := r.GetSession().(*session)
	if ses.reached != nil {
		return s.p.cfg.Logouts.CreateReachingGrant(ctx, *ses.grant, *ses.reached)
	}
	return s.p.cfg.Grants.CreateGrant(ctx, *ses.grant)
}

// GetAuthorizeCodeSession loads the grant of a code. It never answers with
// fosite's ErrInvalidatedAuthorizeCode: fosite would revoke and hide a
// database failure while doing so.
func (s *storage) GetAuthorizeCodeSession(ctx context.Context, code string, fs fosite.Session) (fosite.Requester, error) {
	x := exchangeOf(ctx)
	if x.spent {
		return x.requester(ctx), nil
	}
	id, err := s.p.credentials.parseCode(code)
	if err != nil {
		return nil, codeRefused("a code of this server", "something else")
	}
	if err := s.load(ctx, x, id, fs); err != nil {
		return nil, err
	}
	switch g := x.grant; {
	case g.Revoked():
		return nil, codeRefused("a live grant", "grant "+g.ID+" was revoked: "+g.RevokedReason)
	case !g.RedeemedAt.IsZero():
		return nil, s.codeReplayed(ctx, x)
	case !s.p.now().Before(g.CodeExpiresAt):
		return nil, codeRefused("a code before "+g.CodeExpiresAt.Format(time.RFC3339), "an expired code")
	}
	return x.requester(ctx), nil
}

// codeReplayed answers a code that was spent before. If it was spent while
// this request was already here, the two raced and the loser is told so. If it
// was spent before, somebody has the code who should not: the grant and all
// its tokens are revoked (RFC 6749, section 4.1.2).
func (s *storage) codeReplayed(ctx context.Context, x *exchange) error {
	if x.grant.RedeemedAt.After(x.arrived) {
		return codeRefused("an unspent code", "a code that a parallel request has spent")
	}
	if err := s.p.revoke(ctx, x.grant, eventCodeReused, "the authorization code was presented again"); err != nil {
		return err
	}
	return codeRefused("an unspent code", "a replayed code")
}

// InvalidateAuthorizeCodeSession confirms that this request spent the code.
func (s *storage) InvalidateAuthorizeCodeSession(ctx context.Context, _ string) error {
	return confirmSpent(ctx)
}

// CreatePKCERequestSession has nothing to do: the challenge is in the grant.
func (s *storage) CreatePKCERequestSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetPKCERequestSession returns the challenge of the grant.
func (s *storage) GetPKCERequestSession(ctx context.Context, _ string, _ fosite.Session) (fosite.Requester, error) {
	x := exchangeOf(ctx)
	x.atPKCE = true
	if x.grant.CodeChallenge == "" {
		return nil, fosite.ErrNotFound
	}
	return x.requester(ctx), nil
}

// DeletePKCERequestSession keeps the challenge: were it gone after a wrong
// verifier, the next request without any would pass.
func (s *storage) DeletePKCERequestSession(context.Context, string) error { return nil }

// CreateOpenIDConnectSession has nothing to do: the nonce is in the grant.
func (s *storage) CreateOpenIDConnectSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetOpenIDConnectSession answers when the grant has the openid scope.
func (s *storage) GetOpenIDConnectSession(ctx context.Context, _ string, _ fosite.Requester) (fosite.Requester, error) {
	x := exchangeOf(ctx)
	if !slices.Contains(x.session.scopes, scopeOpenID) {
		return nil, fosite.ErrNotFound
	}
	return x.requester(ctx), nil
}

// DeleteOpenIDConnectSession has nothing to do.
func (s *storage) DeleteOpenIDConnectSession(context.Context, string) error { return nil }

// GetRefreshTokenSession loads the grant of a refresh token and judges its
// generation. It never answers with fosite's ErrInactiveToken: fosite would
// revoke before it has looked at whose token it is.
func (s *storage) GetRefreshTokenSession(ctx context.Context, token string, fs fosite.Session) (fosite.Requester, error) {
	x := exchangeOf(ctx)
	id, generation, err := s.p.credentials.parseRefreshToken(token)
	if err != nil {
		return nil, refreshRefused("a refresh token of this server", "something else")
	}
	if err := s.load(ctx, x, id, fs); err != nil {
		return nil, err
	}
	x.presented = generation
	if err := s.p.judgeRefresh(ctx, x); err != nil {
		return nil, err
	}
	return x.requester(ctx), nil
}

// RotateRefreshToken confirms that this request won the rotation.
func (s *storage) RotateRefreshToken(ctx context.Context, _, _ string) error {
	return confirmSpent(ctx)
}

// CreateRefreshTokenSession has nothing to do: the generation is in the grant.
func (s *storage) CreateRefreshTokenSession(context.Context, string, string, fosite.Requester) error {
	return nil
}

// DeleteRefreshTokenSession has nothing to do; see GetRefreshTokenSession.
func (s *storage) DeleteRefreshTokenSession(context.Context, string) error { return nil }

// RevokeRefreshToken revokes the grant.
func (s *storage) RevokeRefreshToken(ctx context.Context, grantID string) error {
	if err := s.p.cfg.Grants.RevokeGrant(ctx, grantID, s.p.now(), "revoked by the token endpoint"); err != nil {
		return err
	}
	s.p.statusLists.changed()
	return nil
}

// RevokeAccessToken has nothing to do: an access token dies with its grant.
func (s *storage) RevokeAccessToken(context.Context, string) error { return nil }

// CreateAccessTokenSession has nothing to do: a JWT needs no row.
func (s *storage) CreateAccessTokenSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetAccessTokenSession is never asked: verifyAccessToken reads tokens.
func (s *storage) GetAccessTokenSession(context.Context, string, fosite.Session) (fosite.Requester, error) {
	return nil, fosite.ErrNotFound
}

// DeleteAccessTokenSession has nothing to do.
func (s *storage) DeleteAccessTokenSession(context.Context, string) error { return nil }

// load reads the grant once and checks that it belongs to the client that
// asks. Another client is refused here, before anything can be revoked: it
// must not be able to harm the owner.
func (s *storage) load(ctx context.Context, x *exchange, id string, fs fosite.Session) error {
	g, err := s.p.cfg.Grants.Grant(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return refuse(CodeInvalidGrant, "The grant has ended.").compared("a stored grant", "grant "+id+" is gone")
	}
	if err != nil {
		return err
	}
	client := accessRequestOf(ctx).GetClient().(*fositeClient)
	if g.ClientID != client.ID {
		s.p.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "a client presented another client's grant",
			slog.String("client_id", client.ID), slog.String("owner", g.ClientID), slog.String("grant_id", g.ID))
		return refuse(CodeInvalidGrant, "It was issued to another client.").compared("client "+g.ClientID, "client "+client.ID)
	}
	subject, err := s.p.subjectFor(&client.Client, g.Subject)
	if err != nil {
		return err
	}
	x.grant, x.session, x.rules = &g, fs.(*session), s.p.refreshRules(&client.Client)
	x.session.grant = &g
	x.session.subject = subject
	// A scope or an audience that the client has lost since is lost here too.
	x.session.scopes = intersect(g.Scopes, client.Scopes)
	x.session.audiences = intersect(g.Audiences, client.audiences)
	return nil
}

func confirmSpent(ctx context.Context) error {
	if !exchangeOf(ctx).spent {
		return errNotSpent
	}
	return nil
}

func codeRefused(expected, received string) *Error {
	return refuse(CodeInvalidGrant, "The authorization code is not valid, has expired or was used before.").compared(expected, received)
}

func refreshRefused(expected, received string) *Error {
	return refuse(CodeInvalidGrant, "The refresh token is not valid, has expired or was revoked.").compared(expected, received)
}
