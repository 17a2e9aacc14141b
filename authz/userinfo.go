package authz

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"signet/authz/login"
	"signet/clients"
)

// UserInfo is the userinfo endpoint (OpenID Connect Core, section 5.3). The
// token comes in the Authorization header or, by POST, in the form body
// (RFC 6750, sections 2.1 and 2.2); never in the query, which ends up in logs.
//
// A client that has registered userinfo_signed_response_alg gets a JWT (section
// 5.3.2). Errors are JSON all the same.
func (p *Provider) UserInfo(w http.ResponseWriter, r *http.Request) {
	client, claims, err := p.userInfo(r)
	if err == nil && client.UserinfoSignedResponseAlg != "" {
		err = p.writeSignedUserInfo(w, client, claims)
	} else if err == nil {
		writeJSON(w, claims)
	}
	if err != nil {
		p.writeError(w, r, err)
	}
}

// userInfo returns the claims, and the client that the token was issued to. The
// person is that of the token's grant, who may be called otherwise in `sub`.
func (p *Provider) userInfo(r *http.Request) (*clients.Client, map[string]any, error) {
	token, err := bearerToken(r)
	if err != nil {
		return nil, nil, p.bearer(err)
	}
	c, g, err := p.verifyAccessToken(r.Context(), token)
	if errors.Is(err, errToken) {
		return nil, nil, p.bearer(refuse(CodeInvalidToken, "The access token is not valid, has expired or was revoked.").because(err))
	}
	if err != nil {
		return nil, nil, err
	}
	scopes := strings.Fields(c.Scope)
	if g == nil || !slices.Contains(scopes, scopeOpenID) {
		e := refuse(CodeInsufficientScope, "The access token does not have the scope openid.")
		return nil, nil, p.bearer(e.compared("the scope openid", c.Scope))
	}
	person, err := p.personFor(r.Context(), &c.client, g.Subject)
	if err != nil {
		if asError(err).Code == CodeInvalidGrant {
			err = p.bearer(refuse(CodeInvalidToken, "The access token is not valid, has expired or was revoked.").because(err))
		}
		return nil, nil, err
	}
	return &c.client, p.userInfoClaims(&c.client, &person, c.Subject, scopes, g.Claims), nil
}

// userInfoClaims computes the answer of userinfo. A signed one says who made it,
// and for whom.
func (p *Provider) userInfoClaims(c *clients.Client, person *login.Person, subject string, scopes []string, asked AskedClaims) map[string]any {
	claims := claimsFor(clients.ClaimInUserinfo, c, person, scopes, asked)
	claims["sub"] = subject
	if c.UserinfoSignedResponseAlg != "" {
		claims["iss"], claims["aud"] = p.cfg.Issuer, c.ID
	}
	return claims
}

func (p *Provider) writeSignedUserInfo(w http.ResponseWriter, c *clients.Client, claims map[string]any) error {
	alg, err := p.cfg.Keys.SigningAlg(c.UserinfoSignedResponseAlg)
	if err != nil {
		return fmt.Errorf("userinfo response: %w", err)
	}
	signed, err := (&signer{p}).sign(alg, typeUserInfo, claims, c.ID)
	if err != nil {
		return err
	}
	noStore(w.Header())
	w.Header().Set("Content-Type", "application/jwt")
	_, _ = io.WriteString(w, signed) // a client that hangs up is its own loss
	return nil
}

// bearerToken finds the one access token of a request.
func bearerToken(r *http.Request) (string, error) {
	if header := r.Header.Values("Authorization"); len(header) > 0 {
		scheme, token, ok := strings.Cut(header[0], " ")
		if len(header) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") {
			return "", refuse(CodeInvalidToken, "The Authorization header must be one Bearer token.")
		}
		// One way at a time (RFC 6750, section 3.1): two tokens could be two people's.
		if r.ParseForm() == nil && r.PostForm.Has("access_token") {
			return "", refuse(CodeInvalidRequest, "The access token is given in two ways.")
		}
		return strings.TrimSpace(token), nil
	}
	if r.Method != http.MethodPost {
		return "", errNoToken
	}
	form, err := parseForm(r)
	if err != nil {
		if r.ContentLength == 0 {
			return "", errNoToken
		}
		return "", err
	}
	if token := form.Get("access_token"); token != "" {
		return token, nil
	}
	return "", errNoToken
}

// errNoToken stands for a request that does not even try: its challenge names
// no error (RFC 6750, section 3.1).
var errNoToken = &Error{Code: CodeInvalidToken, Description: "An access token is needed.", Status: http.StatusUnauthorized}

// bearer words the WWW-Authenticate header of a refusal at a resource
// (RFC 6750, section 3).
func (p *Provider) bearer(err error) error {
	e := *asError(err)
	switch {
	case e.Status != http.StatusUnauthorized && e.Status != http.StatusForbidden:
	case errors.Is(err, errNoToken):
		e.challenge = fmt.Sprintf("Bearer realm=%q", p.cfg.Issuer)
	case e.Code == CodeInsufficientScope:
		e.challenge = fmt.Sprintf("Bearer realm=%q, error=%q, error_description=%q, scope=%q", p.cfg.Issuer, e.Code, e.Description, scopeOpenID)
	default:
		e.challenge = fmt.Sprintf("Bearer realm=%q, error=%q, error_description=%q", p.cfg.Issuer, e.Code, e.Description)
	}
	return &e
}
