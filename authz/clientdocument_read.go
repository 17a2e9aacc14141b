package authz

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"signet/authz/fetch"
	"signet/clients"
)

// documentFault is what is wrong with a client's document.
type documentFault struct {
	// text reads on from "which cannot be used:" and is safe to show to anyone.
	text string
	// expected and received are for the log.
	expected, received string
	cause              error
	// temporary says that the document may be as good as before, and only its
	// host did not answer as it should.
	temporary bool
}

func (f *documentFault) Error() string { return f.text }

func (f *documentFault) Unwrap() error { return f.cause }

// refusal is the error page: it tells the person that the app is at fault, and
// whoever makes the app what to mend.
func (f *documentFault) refusal(id string) *Error {
	e := refuse(CodeInvalidClient, "This app introduces itself by the document at %s, which cannot be used: %s.", printable(id), shown(f.text))
	return e.compared(f.expected, f.received).because(f.cause)
}

// shown makes the words of an error fit for an error_description.
func shown(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\n", "; "), `"`, "'")
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '\\' {
			return '?'
		}
		return r
	}, s)
	const most = 500
	return s[:min(len(s), most)]
}

// readAnswer checks that an answer is a document (Client ID Metadata Documents,
// sections 4 and 5).
func readAnswer(r *fetch.Response) error {
	if r.Status != http.StatusOK {
		text := fmt.Sprintf("the address answers with the status %d instead of 200", r.Status)
		if 300 <= r.Status && r.Status < 400 {
			text += "; redirects are not followed"
		}
		return &documentFault{text: text, expected: "status 200", received: fmt.Sprint("status ", r.Status),
			temporary: r.Status >= 500 || r.Status == http.StatusTooManyRequests}
	}
	contentType := r.Header.Get("Content-Type")
	mt, _, err := mime.ParseMediaType(contentType)
	if err != nil || mt != "application/json" && !(strings.HasPrefix(mt, "application/") && strings.HasSuffix(mt, "+json")) {
		return &documentFault{text: "its content type is not application/json", expected: "application/json", received: clip(contentType)}
	}
	return nil
}

// unreachable words what went wrong on the way to a document. It tells no more
// of the network than that.
func unreachable(err error) *documentFault {
	f := &documentFault{text: "its host could not be reached by https", expected: "a document", received: "no answer", cause: err, temporary: true}
	switch {
	case errors.Is(err, fetch.ErrAddress):
		f.text, f.temporary = "its host is not at a public address", false
	case errors.Is(err, fetch.ErrTooLarge):
		f.text, f.temporary = fmt.Sprintf("it is larger than %d bytes", maxDocument), false
	case errors.Is(err, fetch.ErrBusy):
		f.text = "too many requests to its host are under way; try again in a few seconds"
	case errors.Is(err, fetch.ErrURL):
		f.text, f.temporary = "its address cannot be fetched", false
	}
	return f
}

// apply puts a document into c: all that a client says of itself comes from it,
// and what an operator has set beside stays. It returns a *documentFault.
func (d *documentClients) apply(c *clients.Client, body []byte) error {
	for _, f := range clients.Fields() {
		if f.Self {
			if err := f.Set(c, json.RawMessage("null")); err != nil {
				return err
			}
		}
	}
	c.Localized = nil
	if err := c.Patch(body, clients.Itself); err != nil {
		return &documentFault{text: err.Error(), expected: "client metadata", received: "something else", cause: err}
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return &documentFault{text: "it is not JSON", expected: "client metadata", received: "something else", cause: err}
	}
	if err := checkMembers(c.ID, members); err != nil {
		return err
	}
	d.settle(c, members)
	if err := errors.Join(d.checkSettled(c), c.Validate()); err != nil {
		return &documentFault{text: err.Error(), expected: "valid client metadata", received: "metadata with faults", cause: err}
	}
	return nil
}

// checkMembers checks what tells a document from a registration: it names
// itself, and holds no secret.
func checkMembers(id string, members map[string]json.RawMessage) error {
	var named string
	if err := json.Unmarshal(members["client_id"], &named); err != nil || named != id {
		return &documentFault{text: "its client_id is not the very address that it was fetched from", expected: clip(id), received: clip(string(members["client_id"]))}
	}
	for _, name := range []string{"client_secret", "client_secret_expires_at"} {
		if _, ok := members[name]; ok {
			return &documentFault{text: "it has a " + name + ", which everyone can read", expected: "no " + name, received: "one"}
		}
	}
	var set struct{ Keys []map[string]json.RawMessage }
	if raw := members["jwks"]; len(raw) > 0 && json.Unmarshal(raw, &set) == nil {
		for _, key := range set.Keys {
			if _, private := key["d"]; private || bytes.Equal(key["kty"], []byte(`"oct"`)) {
				return &documentFault{text: "its jwks holds a key that is not public", expected: "public keys", received: "a private or symmetric key"}
			}
		}
	}
	return nil
}

// settle fills in what the document leaves out, as RFC 7591, section 2, has it,
// and takes out what this server or its operator does not offer: the document is
// written for all servers at once.
func (d *documentClients) settle(c *clients.Client, members map[string]json.RawMessage) {
	c.Source = clients.SourceDocument
	c.Secrets, c.RegistrationTokenHash = nil, ""
	if c.TokenEndpointAuthMethod == "" {
		c.TokenEndpointAuthMethod = clients.AuthMethodNone // there can be no secret
	}
	if len(c.GrantTypes) == 0 {
		c.GrantTypes = []string{clients.GrantAuthorizationCode}
	}
	c.GrantTypes = intersect(c.GrantTypes, []string{clients.GrantAuthorizationCode, clients.GrantRefreshToken})
	if _, ok := members["scope"]; !ok {
		c.Scopes = slices.Clone(d.Scopes)
	}
	// Agents and command-line apps listen there; the consent page warns of it.
	c.AllowLocalhost = true
	*c = d.bounded(*c)
	if c.Scopes == nil {
		c.Scopes = []string{}
	}
}

// checkSettled checks what Validate cannot know.
func (d *documentClients) checkSettled(c *clients.Client) error {
	var errs []error
	fault := func(field, format string, args ...any) {
		errs = append(errs, &clients.FieldError{Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	switch c.TokenEndpointAuthMethod {
	case clients.AuthMethodNone:
	case clients.AuthMethodPrivateKeyJWT:
		if len(c.JWKS) == 0 && c.JWKSURI == "" {
			fault("jwks_uri", "is missing; private_key_jwt needs it, or jwks")
		}
	default:
		fault("token_endpoint_auth_method", "%q must be none or private_key_jwt: a document can share no secret", c.TokenEndpointAuthMethod)
	}
	if !c.GrantAllowed(clients.GrantAuthorizationCode) {
		fault("grant_types", "must have authorization_code: a person has to allow the app")
	}
	for _, alg := range []struct{ field, name string }{
		{"id_token_signed_response_alg", c.IDTokenSignedResponseAlg}, {"userinfo_signed_response_alg", c.UserinfoSignedResponseAlg},
	} {
		if alg.name != "" && !slices.Contains(d.algs, alg.name) {
			fault(alg.field, "%q is not one that this server signs with: %s", alg.name, strings.Join(d.algs, ", "))
		}
	}
	return errors.Join(errs...)
}

// changedFields names the metadata in which two clients differ.
func changedFields(a, b *clients.Client) []string {
	var out []string
	before, after := a.Metadata(), b.Metadata()
	for _, m := range after {
		if !sameJSON(before.Get(m.Name), m.Value) {
			out = append(out, m.Name)
		}
	}
	for _, m := range before {
		if m.Value != nil && after.Get(m.Name) == nil {
			out = append(out, m.Name)
		}
	}
	return out
}

func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
