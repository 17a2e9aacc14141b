package authz

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/ory/fosite"

	"signet/clients"
	"signet/keys"
)

// JWT types (RFC 9068, section 2.1; RFC 7519, section 5.1; Token Status List,
// section 5.1).
const (
	typeAccessToken = "at+jwt"
	typeIDToken     = "JWT"
	typeStatusList  = "statuslist+jwt"
	// OpenID Connect Back-Channel Logout 1.0, section 2.4.
	typeLogoutToken = "logout+jwt"
	// OpenID Connect Core, section 5.3.2, names none: what every library takes.
	typeUserInfo = "JWT"
	// RFC 9701, section 5.
	typeIntrospection = "token-introspection+jwt"
)

// tokenSizeWarning is where a JWT becomes a burden for headers and cookies.
const tokenSizeWarning = 2 << 10

// signer implements fosite's token strategies on the key ring. fosite's own
// would stamp wall-clock times and write into sessions; here every claim is
// computed from the session of the exchange.
type signer struct{ p *Provider }

// audience is a JWT `aud`: a string for one, an array for several (RFC 7519,
// section 4.1.3).
type audience []string

func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

func (s *signer) GenerateAccessToken(_ context.Context, r fosite.Requester) (token, signature string, err error) {
	ses := r.GetSession().(*session)
	id, err := newID(s.p.cfg.Rand)
	if err != nil {
		return "", "", err
	}
	client := &r.GetClient().(*fositeClient).Client
	c := s.p.accessClaims(ses, client, id)
	if client.OpaqueAccessTokens() {
		ses.accessToken, err = s.p.sealAccessToken(&c)
	} else {
		ses.accessToken, err = s.sign(ses.accessAlg, typeAccessToken, c, c.ClientID)
	}
	return ses.accessToken, "", err
}

// GenerateIDToken makes an ID token (OpenID Connect Core, section 2) for the
// access token that fosite has asked for before.
func (s *signer) GenerateIDToken(_ context.Context, _ time.Duration, r fosite.Requester) (string, error) {
	ses := r.GetSession().(*session)
	client := &r.GetClient().(*fositeClient).Client
	hash, err := accessTokenHash(ses.idAlg, ses.accessToken)
	if err != nil {
		return "", err
	}
	return s.sign(ses.idAlg, typeIDToken, s.p.idTokenClaims(ses, client, hash), client.ID)
}

// accessTokenHash is the at_hash of an ID token that is signed with alg: the
// left half of the access token's hash, by the hash of that algorithm (OpenID
// Connect Core, section 3.1.3.6). fosite's own reads the size of the hash off
// the end of the algorithm's name, where EdDSA has none.
func accessTokenHash(alg, token string) (string, error) {
	hash, err := keys.HashOf(alg)
	if err != nil {
		return "", fmt.Errorf("at_hash: %w", err)
	}
	h := hash.New()
	h.Write([]byte(token))
	sum := h.Sum(nil)
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]), nil
}

// chooseAlgorithms settles how the tokens of a response will be signed, or
// that they cannot be now. It comes before anything is spent: a client that is
// turned away can come again with the same code or refresh token.
func (p *Provider) chooseAlgorithms(s *session, client *clients.Client) (err error) {
	if !client.OpaqueAccessTokens() {
		if s.accessAlg, err = p.cfg.Keys.SigningAlg(client.AccessTokenSignedResponseAlg); err != nil {
			return fmt.Errorf("access token: %w", err)
		}
	}
	if !slices.Contains(s.scopes, scopeOpenID) {
		return nil
	}
	if s.idAlg, err = p.cfg.Keys.SigningAlg(client.IDTokenSignedResponseAlg); err != nil {
		return fmt.Errorf("ID token: %w", err)
	}
	return nil
}

func (s *signer) sign(alg, typ string, claims any, clientID string) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("marshal claims: %w", err)
	}
	token, err := s.p.cfg.Keys.Sign(alg, typ, payload)
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", typ, err)
	}
	if len(token) > tokenSizeWarning {
		s.p.cfg.Logger.Warn("a token is large; some servers refuse headers of this size",
			slog.String("client_id", clientID), slog.String("typ", typ), slog.Int("bytes", len(token)))
	}
	return token, nil
}

func (s *signer) GenerateAuthorizeCode(_ context.Context, r fosite.Requester) (code, signature string, err error) {
	code, err = s.p.credentials.code(r.GetSession().(*session).grant.ID)
	return code, code, err
}

func (s *signer) GenerateRefreshToken(_ context.Context, r fosite.Requester) (token, signature string, err error) {
	ses := r.GetSession().(*session)
	token, err = s.p.credentials.refreshToken(ses.grant.ID, ses.refreshGeneration)
	return token, token, err
}

// AuthorizeCodeSignature and RefreshTokenSignature name what storage is asked
// for: the whole credential, which storage opens itself.
func (s *signer) AuthorizeCodeSignature(_ context.Context, code string) string { return code }

func (s *signer) RefreshTokenSignature(_ context.Context, token string) string { return token }

// AccessTokenSignature has no use: access tokens have no row.
func (s *signer) AccessTokenSignature(context.Context, string) string { return "" }

// ValidateAuthorizeCode, ValidateRefreshToken and ValidateAccessToken have
// nothing left to check: storage authenticates and judges a credential in the
// step that loads its grant.
func (s *signer) ValidateAuthorizeCode(context.Context, fosite.Requester, string) error { return nil }

func (s *signer) ValidateRefreshToken(context.Context, fosite.Requester, string) error { return nil }

func (s *signer) ValidateAccessToken(context.Context, fosite.Requester, string) error { return nil }

func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
