package authz

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// UserInfo is the userinfo endpoint (OpenID Connect Core, section 5.3). The
// token comes in the Authorization header or, by POST, in the form body
// (RFC 6750, sections 2.1 and 2.2); never in the query, which ends up in logs.
func (p *Provider) UserInfo(w http.ResponseWriter, r *http.Request) {
	claims, err := p.userInfo(r)
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	writeJSON(w, claims)
}

func (p *Provider) userInfo(r *http.Request) (map[string]any, error) {
	token, err := bearerToken(r)
	if err != nil {
		return nil, p.bearer(err)
	}
	c, _, err := p.verifyAccessToken(r.Context(), token)
	if errors.Is(err, errToken) {
		return nil, p.bearer(refuse(CodeInvalidToken, "The access token is not valid, has expired or was revoked.").because(err))
	}
	if err != nil {
		return nil, err
	}
	scopes := strings.Fields(c.Scope)
	if c.GrantID == "" || !slices.Contains(scopes, scopeOpenID) {
		e := refuse(CodeInsufficientScope, "The access token does not have the scope openid.")
		return nil, p.bearer(e.compared("the scope openid", c.Scope))
	}
	person, err := p.allowedPerson(r.Context(), c.Subject)
	if err != nil {
		if asError(err).Code == CodeInvalidGrant {
			err = p.bearer(refuse(CodeInvalidToken, "The access token is not valid, has expired or was revoked.").because(err))
		}
		return nil, err
	}
	claims := personClaims(&person, scopes)
	claims["sub"] = c.Subject
	return claims, nil
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
