package authz

import (
	"context"
	"errors"
	"net/http"
	"net/url"

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
	// assertion is a JWT that id says to have signed.
	assertion string
	method    string
}

// clientMethods are the ways in which a client proves who it is (RFC 7591,
// section 2), as the metadata lists them. Each checks what readClientCredentials
// has found, and returns which credential of the client it was. A method that goes by the connection, such as tls_client_auth
// (RFC 8705), is one more row, and one more thing to find there.
var clientMethods = []struct {
	name  string
	check func(p *Provider, ctx context.Context, client *clients.Client, given clientCredentials) (credential string, err error)
}{
	{clients.AuthMethodBasic, (*Provider).checkSecret},
	{clients.AuthMethodPost, (*Provider).checkSecret},
	{clients.AuthMethodPrivateKeyJWT, (*Provider).checkAssertion},
}

// authenticateClient checks who calls a back-channel endpoint: by one of
// clientMethods, or none for public clients. An unknown client costs the same
// time as a wrong secret.
func (p *Provider) authenticateClient(ctx context.Context, r *http.Request, form url.Values) (clients.Client, error) {
	given, err := readClientCredentials(r.Header, form)
	if err != nil {
		return clients.Client{}, err
	}
	client, err := p.cfg.Clients.Client(ctx, given.id)
	if errors.Is(err, clients.ErrNotFound) {
		known := clients.Client{Secrets: []clients.Secret{clients.DummySecret()}}
		checkSecrets(&known, given.secrets, p)
		noteUnknownClient(ctx, given.id)
		return clients.Client{}, clientRefused("a registered client", "unknown client "+clip(given.id))
	}
	if err != nil {
		return clients.Client{}, err
	}
	noteClient(ctx, &client)
	credential, err := p.checkClient(ctx, &client, given)
	if err != nil {
		return clients.Client{}, err
	}
	if provesUse(&client) {
		p.used(&client, credential)
	}
	return client, nil
}

// checkClient holds a client to the method that it is registered with, and to no
// other: one that has a key is not let in with a secret, nor the other way round.
func (p *Provider) checkClient(ctx context.Context, client *clients.Client, given clientCredentials) (credential string, err error) {
	switch {
	case client.Public() && given.method != clients.AuthMethodNone:
		return "", clientRefused("no credentials from the public client "+client.ID, given.method)
	case client.Public():
		return "", enabled(client)
	case given.method == clients.AuthMethodNone:
		return "", clientRefused("credentials from client "+client.ID, "none")
	case !takesMethod(client, given.method):
		return "", clientRefused(client.TokenEndpointAuthMethod+" from client "+client.ID, given.method)
	}
	for _, m := range clientMethods {
		if m.name == given.method {
			return m.check(p, ctx, client, given)
		}
	}
	return "", clientRefused("a method that is known", given.method)
}

// takesMethod reports whether a confidential client may use a method.
func takesMethod(client *clients.Client, method string) bool {
	if client.TokenEndpointAuthMethod == clients.AuthMethodAny {
		return method == clients.AuthMethodBasic || method == clients.AuthMethodPost
	}
	return client.TokenEndpointAuthMethod == method
}

func enabled(client *clients.Client) error {
	if client.Disabled {
		return clientRefused("an enabled client", "disabled client "+client.ID)
	}
	return nil
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
		if len(header) > 0 || secret != "" {
			return clientCredentials{}, refuse(CodeInvalidRequest, "The request authenticates the client in two ways.")
		}
		return readAssertion(form)
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
