package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"signet/clients"
)

// Client is a client as a file declares it, by the names of clients.Fields and a
// few of ours. See clients.Client for their meaning.
type Client struct {
	ClientID         string `config:"client_id"`
	ClientSecretFile string `config:"client_secret_file,path"`
	Public           bool   `config:"public"`
	// Metadata holds every field of clients.Fields that is named.
	Metadata clients.Client `config:"-"`

	named []namedField   `config:"-"`
	file  string         `config:"-"`
	path  string         `config:"-"`
	lines map[string]int `config:"-"`
}

// DeclaredClients returns the clients of the configuration with their secrets
// read from their files, as clients.Reconcile takes them.
func (c *Config) DeclaredClients() ([]clients.Declared, error) {
	out := make([]clients.Declared, 0, len(c.Clients))
	for i := range c.Clients {
		d := clients.Declared{Client: c.Clients[i].client()}
		if file := c.Clients[i].ClientSecretFile; file != "" {
			plain, err := ReadSecretFile(file)
			if err != nil {
				return nil, fmt.Errorf("client %q: client_secret_file: %w", d.Client.ID, err)
			}
			d.PlainSecrets = []string{plain}
		}
		out = append(out, d)
	}
	return out, nil
}

// Declares reports whether the configuration declares the client with this id,
// and so whether it is changed there and not by a command.
func (c *Config) Declares(clientID string) bool {
	return slices.ContainsFunc(c.Clients, func(d Client) bool { return d.ClientID == clientID })
}

// client is d without its secret.
func (d *Client) client() clients.Client {
	c := d.Metadata
	c.ID, c.Source = d.ClientID, clients.SourceConfig
	if d.Public {
		c.TokenEndpointAuthMethod = clients.AuthMethodNone
	}
	c.Fill()
	return c
}

// ReadSecretFile returns the secret in the file at path, without the newline
// that editors leave at its end. Its error never holds the secret.
func ReadSecretFile(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", errors.New(openProblem(err))
	}
	return TrimSecret(content), nil
}

// TrimSecret takes the newline off the end of a secret.
func TrimSecret(content []byte) string { return strings.TrimRight(string(content), "\r\n") }

func (v *validator) clients() {
	first := map[string]int{}
	for i := range v.cfg.Clients {
		at := element("clients", i)
		id := v.cfg.Clients[i].ClientID
		if earlier, twice := first[id]; twice && id != "" {
			v.fault(at+".client_id", "%q is declared twice (first in line %d); each client_id stands once", id, v.line(element("clients", earlier)+".client_id"))
		} else {
			first[id] = i
		}
		v.client(&v.cfg.Clients[i], at)
	}
}

func (v *validator) client(d *Client, at string) {
	// When something in this client could not be read, what seems to be
	// missing may be just that: then only what is there is judged.
	broken := false
	for key := range v.bad {
		broken = broken || strings.HasPrefix(key, at+".")
	}
	fault := func(name, format string, args ...any) {
		if _, here := v.lines[at+"."+name]; here || !broken {
			v.fault(at+"."+name, format, args...)
		}
	}
	c := d.client()
	c.Secrets = v.clientSecret(d, &c, fault)
	for _, fe := range FieldErrors(c.Validate()) {
		fault(fe.Field, "%s", fe.Reason)
	}
	if v.sound("keys.algorithms") {
		for _, fe := range v.cfg.SigningFaults(&c) {
			fault(fe.Field, "%s", fe.Reason)
		}
	}
}

// clientSecret checks that c has a usable secret if it needs one, and returns
// what the rest of c can be validated with.
func (v *validator) clientSecret(d *Client, c *clients.Client, fault func(name, format string, args ...any)) []clients.Secret {
	const key = "client_secret_file"
	if d.Public && d.Metadata.TokenEndpointAuthMethod != "" && d.Metadata.TokenEndpointAuthMethod != clients.AuthMethodNone {
		fault("public", "is true, but token_endpoint_auth_method is %s; take one of the two out", d.Metadata.TokenEndpointAuthMethod)
	}
	switch {
	case c.Public() && d.ClientSecretFile != "":
		fault(key, "is set for a public client, which has no secret; take it out, or what makes the client public")
		return nil
	case !c.NeedsSecret() && d.ClientSecretFile != "":
		fault(key, "is set, but a client with token_endpoint_auth_method %s has no secret; take one of the two out", c.TokenEndpointAuthMethod)
		return nil
	case !c.NeedsSecret():
		return nil
	case d.ClientSecretFile == "":
		fault(key, "is missing; name the file that holds the client's secret, or write \"public: true\" for an app that cannot keep one")
		return []clients.Secret{clients.DummySecret()}
	}
	plain, err := ReadSecretFile(d.ClientSecretFile)
	if err != nil {
		fault(key, "%s; put the file there, or change the path", err)
		return []clients.Secret{clients.DummySecret()}
	}
	secret, err := clients.HashSecret(nil, plain, time.Time{})
	if err != nil {
		for _, fe := range FieldErrors(err) {
			fault(key, "the secret in %s %s", d.ClientSecretFile, fe.Reason)
		}
		return []clients.Secret{clients.DummySecret()}
	}
	return []clients.Secret{secret}
}

// FieldErrors returns the field errors in err, which may join several.
func FieldErrors(err error) []*clients.FieldError {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*clients.FieldError
		for _, one := range joined.Unwrap() {
			out = append(out, FieldErrors(one)...)
		}
		return out
	}
	var fe *clients.FieldError
	if errors.As(err, &fe) {
		return []*clients.FieldError{fe}
	}
	return nil
}
