package authz

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/ory/fosite"

	"signet/clients"
)

// clientCredentials is what a request says about who sent it.
type clientCredentials struct {
	id string
	// secrets are the readings of the secret that may be right: RFC 6749,
	// section 2.3.1 asks for form encoding inside Basic, and many libraries
	// send it plain.
	secrets []string
	method  string
}

// authenticateClient checks who calls a back-channel endpoint: by
// client_secret_basic, client_secret_post, or none for public clients. An
// unknown client costs the same time as a wrong secret.
func (p *Provider) authenticateClient(ctx context.Context, r *http.Request, form url.Values) (clients.Client, error) {
	given, err := readClientCredentials(r.Header, form)
	if err != nil {
		return clients.Client{}, err
	}
	client, err := p.cfg.Clients.Client(ctx, given.id)
	if errors.Is(err, clients.ErrNotFound) {
		known := clients.Client{Secrets: []clients.Secret{clients.DummySecret()}}
		checkSecrets(&known, given.secrets, p)
		return clients.Client{}, clientRefused("a registered client", "unknown client "+clip(given.id))
	}
	if err != nil {
		return clients.Client{}, err
	}
	if err := p.checkClient(&client, given); err != nil {
		return clients.Client{}, err
	}
	return client, nil
}

func (p *Provider) checkClient(client *clients.Client, given clientCredentials) error {
	switch {
	case client.Public() && given.method != clients.AuthMethodNone:
		return clientRefused("no secret from the public client "+client.ID, given.method)
	case client.Public():
	case given.method == clients.AuthMethodNone:
		return clientRefused("a secret from client "+client.ID, "none")
	case client.TokenEndpointAuthMethod != clients.AuthMethodAny && client.TokenEndpointAuthMethod != given.method:
		return clientRefused(client.TokenEndpointAuthMethod+" from client "+client.ID, given.method)
	case !checkSecrets(client, given.secrets, p):
		return clientRefused("a live secret of client "+client.ID, "another secret")
	}
	if client.Disabled {
		return clientRefused("an enabled client", "disabled client "+client.ID)
	}
	return nil
}

// checkSecrets tries every reading, always all of them.
func checkSecrets(client *clients.Client, secrets []string, p *Provider) bool {
	ok := false
	for _, s := range secrets {
		ok = client.CheckSecret(s, p.now()) || ok
	}
	return ok
}

func clientRefused(expected, received string) *Error {
	return refuse(CodeInvalidClient, "Client authentication failed.").compared(expected, received)
}

// readClientCredentials finds the one method that the request uses. Two at
// once are refused (RFC 6749, section 2.3).
func readClientCredentials(h http.Header, form url.Values) (clientCredentials, error) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	header := h.Values("Authorization")
	switch {
	case len(header) > 1:
		return clientCredentials{}, refuse(CodeInvalidRequest, "The Authorization header is given more than once.")
	case form.Get("client_assertion") != "" || form.Get("client_assertion_type") != "":
		return clientCredentials{}, clientRefused("client_secret_basic, client_secret_post or none", "a client assertion")
	case len(header) == 1:
		c, err := parseBasic(header[0])
		switch {
		case err != nil:
			return clientCredentials{}, err
		case secret != "":
			return clientCredentials{}, refuse(CodeInvalidRequest, "The request authenticates the client in two ways.")
		case id != "" && id != c.id:
			return clientCredentials{}, refuse(CodeInvalidRequest, "The client_id in the body and in the Authorization header differ.")
		}
		return c, nil
	case id == "":
		return clientCredentials{}, clientRefused("client credentials", "none")
	case secret == "":
		return clientCredentials{id: id, method: clients.AuthMethodNone}, nil
	}
	return clientCredentials{id: id, secrets: []string{secret}, method: clients.AuthMethodPost}, nil
}

// parseBasic reads an Authorization: Basic header (RFC 7617; RFC 6749,
// section 2.3.1). A user without a password is a public client that its
// library introduces by header.
func parseBasic(header string) (clientCredentials, error) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return clientCredentials{}, clientRefused("the Basic scheme", "another scheme")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return clientCredentials{}, clientRefused("Basic credentials in base64", "something else")
	}
	id, secret, ok := strings.Cut(string(raw), ":")
	if !ok || id == "" {
		return clientCredentials{}, clientRefused("client_id:client_secret", "something else")
	}
	c := clientCredentials{id: id, method: clients.AuthMethodBasic}
	if decoded, err := url.QueryUnescape(id); err == nil {
		c.id = decoded
	}
	if secret == "" {
		c.method = clients.AuthMethodNone
		return c, nil
	}
	c.secrets = []string{secret}
	if decoded, err := url.QueryUnescape(secret); err == nil && decoded != secret {
		c.secrets = append(c.secrets, decoded)
	}
	return c, nil
}

// authenticateForFosite is fosite's ClientAuthenticationStrategy. It also
// judges the grant type, which fosite's handlers answer in different ways:
// invalid_grant, for one, to a public client that asks for client_credentials.
func (p *Provider) authenticateForFosite(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	client, err := p.authenticateClient(ctx, r, form)
	if err != nil {
		return nil, err
	}
	if !client.GrantAllowed(form.Get("grant_type")) {
		return nil, refuse(CodeUnauthorizedClient, "The client is not registered for this grant type.")
	}
	return &fositeClient{Client: client, audiences: p.allowedAudiences(&client)}, nil
}
