package authz

import (
	"context"
	"net/url"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/token/jwt"

	"signet/authz/login"
)

// exchange is what one token request has found out so far. It travels in the
// context, so that the grant is read once and spent once while fosite's
// handlers ask for it many times.
type exchange struct {
	// arrived is when the request came in. A code spent later than that was
	// lost in a race; one spent earlier is replayed.
	arrived time.Time
	grant   *Grant
	// rules are those of the client for its refresh tokens.
	rules refreshRules
	// presented is the generation of the refresh token in the request.
	presented int
	// atPKCE is set once fosite has come to the PKCE handler, the last check
	// of a code.
	atPKCE bool
	// spent is set by the one conditional update that let this request win.
	spent   bool
	session *session
}

type exchangeKey struct{}

func withExchange(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// requester shows the grant to fosite in the form of the authorization
// request it came from.
func (x *exchange) requester(ctx context.Context) *fosite.Request {
	form := url.Values{}
	if x.grant.RedirectURI != "" {
		form.Set("redirect_uri", x.grant.RedirectURI)
	}
	if x.grant.CodeChallenge != "" {
		form.Set("code_challenge", x.grant.CodeChallenge)
		form.Set("code_challenge_method", "S256")
	}
	return &fosite.Request{
		ID:              x.grant.ID,
		RequestedAt:     x.grant.CreatedAt,
		Client:          accessRequestOf(ctx).GetClient(),
		RequestedScope:  x.session.scopes,
		GrantedScope:    x.session.scopes,
		GrantedAudience: x.session.audiences,
		Form:            form,
		Session:         x.session,
	}
}

// accessRequestOf returns the request that fosite is working on; by the time
// a handler runs, its client is authenticated.
func accessRequestOf(ctx context.Context) fosite.AccessRequester {
	return ctx.Value(fosite.AccessRequestContextKey).(fosite.AccessRequester)
}

// session is what fosite calls a session: the contents of the tokens of one
// response. Nothing of it is stored; it is computed from the grant, the person
// and the request, every time.
type session struct {
	// grant is nil for client_credentials.
	grant *Grant
	// reached is kept with a new grant, nil for nothing.
	reached *Reached
	person  login.Person
	// subject is the `sub`: what the client is told of the person, or the client
	// itself.
	subject string
	// scopes and audiences of this access token.
	scopes, audiences []string
	issuedAt          time.Time
	// refreshGeneration is that of the refresh token in the response.
	refreshGeneration int
	// accessAlg and idAlg sign the tokens; idAlg is empty without an ID token.
	accessAlg, idAlg string
	// status is the status index of the access token, with no List for none;
	// live are those of the grant, once it is spent.
	status StatusIndex
	live   []StatusIndex
	// accessToken is the one of the response, once it is there: the ID token
	// holds its hash.
	accessToken string

	expires map[fosite.TokenType]time.Time
}

// IDTokenClaims shows fosite that there is a subject. What fosite writes into
// the claims has no reader: GenerateIDToken computes its own.
func (s *session) IDTokenClaims() *jwt.IDTokenClaims { return &jwt.IDTokenClaims{Subject: s.subject} }

// IDTokenHeaders has nothing to tell: fosite would pick a hash by it.
func (s *session) IDTokenHeaders() *jwt.Headers { return &jwt.Headers{} }

// SetExpiresAt and GetExpiresAt keep what fosite's handlers compute for
// themselves. Tokens take their times from issuedAt.
func (s *session) SetExpiresAt(key fosite.TokenType, exp time.Time) {
	if s.expires == nil {
		s.expires = map[fosite.TokenType]time.Time{}
	}
	s.expires[key] = exp
}

func (s *session) GetExpiresAt(key fosite.TokenType) time.Time { return s.expires[key] }

func (s *session) GetUsername() string { return s.person.Username }

func (s *session) GetSubject() string { return s.subject }

// Clone returns the session itself: it lives for one request, and fosite
// clones to protect what it believes to be a stored one.
func (s *session) Clone() fosite.Session { return s }
