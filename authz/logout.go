package authz

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"signet/authz/login"
	"signet/clients"
)

// Logout is what an RP-initiated logout (OpenID Connect RP-Initiated Logout
// 1.0) comes to.
type Logout struct {
	// Confirm asks the person first: nothing proves that the request comes
	// from an app they use (section 2).
	Confirm bool
	// RedirectURI is where the browser goes afterwards, with the state; empty
	// for the logged-out page.
	RedirectURI string
	// Client is the app that asks, nil when it did not say.
	Client *clients.Client
}

// EndSession judges a logout request; s is the live session at the browser,
// nil when there is none. It ends nothing itself. A post_logout_redirect_uri
// that is not registered, or comes without a hint that proves the client, is
// an error for the person and never a redirect.
func (p *Provider) EndSession(ctx context.Context, form url.Values, s *login.Session) (Logout, error) {
	if err := noDuplicates(form); err != nil {
		return Logout{}, err
	}
	out := Logout{Confirm: s != nil}
	var known *idClaims
	clientID, uri := form.Get("client_id"), form.Get("post_logout_redirect_uri")
	if hint := form.Get("id_token_hint"); hint != "" {
		claims, err := p.verifyIDTokenHint(hint)
		if err != nil || len(claims.Audience) != 1 || (clientID != "" && clientID != claims.Audience[0]) {
			return Logout{}, refuse(CodeInvalidRequest, "The id_token_hint is not an ID token of this app and this server.").because(err)
		}
		clientID, known = claims.Audience[0], claims
	} else if uri != "" {
		return Logout{}, refuse(CodeInvalidRequest, "A post_logout_redirect_uri needs an id_token_hint.")
	}
	if clientID == "" {
		return out, nil
	}
	client, err := p.cfg.Clients.Client(ctx, clientID)
	if errors.Is(err, clients.ErrNotFound) {
		return Logout{}, refuse(CodeInvalidClient, "No app is registered under this client_id.").compared("a registered client", clip(clientID))
	}
	if err != nil {
		return Logout{}, err
	}
	if client.Disabled {
		return Logout{}, refuse(CodeUnauthorizedClient, "This app has been disabled.").compared("an enabled client", "disabled client "+clientID)
	}
	out.Client = &client
	if known != nil {
		out.Confirm = s != nil && (!p.isSubject(&client, known.Subject, s.Subject) || (known.SessionID != "" && known.SessionID != s.ID))
	}
	if uri == "" {
		return out, nil
	}
	matched, ok := client.MatchPostLogoutRedirectURI(uri)
	if !ok {
		return Logout{}, refuse(CodeInvalidRequest, "The post_logout_redirect_uri is not registered for this app.").
			compared("one of "+strings.Join(client.PostLogoutRedirectURIs, " "), clip(uri))
	}
	out.RedirectURI = (&Response{RedirectURI: matched, Params: stateOnly(form.Get("state"))}).Location()
	return out, nil
}

// stateOnly is the state when one was sent, and nothing else.
func stateOnly(state string) url.Values {
	if state == "" {
		return nil
	}
	return url.Values{"state": {state}}
}
