package authz

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"

	"signet/clients"
)

// checkSecret is client_secret_basic and client_secret_post (RFC 6749, section
// 2.3.1).
func (p *Provider) checkSecret(_ context.Context, client *clients.Client, given clientCredentials) (credential string, err error) {
	credential, ok := checkSecrets(client, given.secrets, p)
	if !ok {
		return "", clientRefused("a live secret of client "+client.ID, "another secret")
	}
	return credential, enabled(client)
}

// checkSecrets tries every reading, always all of them, and returns the
// fingerprint of the secret that one of them is.
func checkSecrets(client *clients.Client, secrets []string, p *Provider) (fingerprint string, ok bool) {
	for _, s := range secrets {
		if found, is := client.MatchSecret(s, p.now()); is {
			fingerprint, ok = found, true
		}
	}
	return fingerprint, ok
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
