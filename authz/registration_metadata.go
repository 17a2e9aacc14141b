package authz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"signet/authz/fetch"
	"signet/clients"
)

const (
	// maxFaults is how many faults of a registration are told at once.
	maxFaults = 5
	// maxSector bounds a sector document, in bytes.
	maxSector = 64 << 10
)

// introduction is what a client says when it introduces itself, beside its
// metadata.
type introduction struct {
	// members are the members of the document, with those of its software
	// statement over them.
	members map[string]json.RawMessage
	// statement is the software statement as it came, if it was believed.
	statement string
}

// names reports whether the client said anything about a member.
func (i *introduction) names(member string) bool {
	v, ok := i.members[member]
	return ok && string(v) != "null" && string(v) != `""`
}

// text is a member that is a string, and "" for any other.
func (i *introduction) text(member string) string {
	var s string
	_ = json.Unmarshal(i.members[member], &s) // nil and other kinds are ""
	return s
}

// introduce reads what a client says about itself (RFC 7591, section 2) over
// base, which holds what the operator says. What it leaves out has the defaults
// of the RFC; what it may not set is left out, and the answer shows it what was
// stored. It is the same for a registration and for its replacement.
func (p *Provider) introduce(ctx context.Context, doc []byte, base clients.Client) (clients.Client, introduction, error) {
	before := base
	if err := clearSelf(&base); err != nil {
		return base, introduction{}, err
	}
	c := base
	intro := introduction{}
	if err := c.Patch(doc, clients.Itself); err != nil {
		return c, intro, documentError(err)
	}
	if err := json.Unmarshal(doc, &intro.members); err != nil {
		return c, intro, documentError(err)
	}
	if err := p.believe(ctx, &c, &intro); err != nil {
		return c, intro, err
	}
	if err := p.settle(&c, &intro, &before); err != nil {
		return c, intro, metadataError(err)
	}
	return c, intro, p.checkSector(ctx, &c)
}

// clearSelf empties what a client says about itself.
func clearSelf(c *clients.Client) error {
	for _, f := range clients.Fields() {
		if f.Self {
			if err := f.Set(c, json.RawMessage("null")); err != nil {
				return fmt.Errorf("emptying %s: %w", f.Name, err)
			}
		}
	}
	c.Localized = nil
	return nil
}

// settle turns what a client asks for into what it gets. Beside what all of them
// may have, it may keep what an operator has given it since: before is the
// client as it stands.
func (p *Provider) settle(c *clients.Client, intro *introduction, before *clients.Client) error {
	may := append([]string{clients.GrantAuthorizationCode, clients.GrantRefreshToken}, before.GrantTypes...)
	asked := c.GrantTypes
	if c.GrantTypes = unrepeated(intersect(asked, may)); len(asked) == 0 {
		c.GrantTypes = []string{clients.GrantAuthorizationCode}
	} else if len(c.GrantTypes) == 0 {
		return &clients.FieldError{Field: "grant_types", Reason: fmt.Sprintf("%s cannot be registered here; it must be %s, or %s beside it",
			strings.Join(asked, " "), clients.GrantAuthorizationCode, clients.GrantRefreshToken)}
	}
	var types []string
	if raw := intro.members["response_types"]; intro.names("response_types") && (json.Unmarshal(raw, &types) != nil || !slices.Contains(types, "code")) {
		return &clients.FieldError{Field: "response_types", Reason: "must be a list with code in it, which is the only one there is"}
	}
	// The default is client_secret_basic (RFC 7591, section 2), and it is what the
	// client is told. Many libraries then send client_secret_post: it is taken too,
	// and goes on being taken when such a client repeats what it was told.
	if c.TokenEndpointAuthMethod == clients.AuthMethodBasic && before.ID != "" && before.TokenEndpointAuthMethod == clients.AuthMethodAny {
		c.TokenEndpointAuthMethod = clients.AuthMethodAny
	}
	scopes := slices.Concat(p.cfg.Registration.Scopes, before.Scopes)
	if c.Scopes = unrepeated(intersect(c.Scopes, scopes)); !intro.names("scope") {
		c.Scopes = slices.Clone(p.cfg.Registration.Scopes)
	} else if len(asked) == 0 && slices.Contains(c.Scopes, scopeOfflineAccess) {
		c.GrantTypes = append(c.GrantTypes, clients.GrantRefreshToken) // what it asks for is of no use without
	}
	if !slices.Contains(c.GrantTypes, clients.GrantRefreshToken) {
		c.Scopes = without(c.Scopes, []string{scopeOfflineAccess})
	}
	if c.Scopes == nil {
		c.Scopes = []string{} // none, where nil would be filled in
	}
	uris := slices.Concat(c.RedirectURIs, c.PostLogoutRedirectURIs)
	if p.cfg.Registration.AllowLocalhost && slices.ContainsFunc(uris, namesLocalhost) {
		c.AllowLocalhost = true
	}
	// An app that anybody on the same device can stand in for is not remembered
	// (RFC 8252, section 8.6).
	if c.Consent == "" && slices.ContainsFunc(c.RedirectURIs, func(u string) bool { return !strings.HasPrefix(u, "https://") }) {
		c.Consent = clients.ConsentAlways
	}
	return nil
}

func namesLocalhost(uri string) bool {
	rest, ok := strings.CutPrefix(uri, "http://localhost")
	return ok && (rest == "" || strings.ContainsAny(rest[:1], ":/?"))
}

// unrepeated leaves each value once.
func unrepeated(values []string) []string {
	var out []string
	for _, v := range values {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// checkRegistered refuses what this server has no key for.
func (p *Provider) checkRegistered(c *clients.Client, named func(string) bool) error {
	var errs []error
	for _, f := range []struct{ name, alg string }{
		{"id_token_signed_response_alg", c.IDTokenSignedResponseAlg},
		{"userinfo_signed_response_alg", c.UserinfoSignedResponseAlg},
	} {
		if f.alg != "" && named(f.name) && !slices.Contains(p.cfg.SigningAlgs, f.alg) {
			errs = append(errs, &clients.FieldError{Field: f.name, Reason: fmt.Sprintf("%q is not one of %s", f.alg, strings.Join(p.cfg.SigningAlgs, ", "))})
		}
	}
	return errors.Join(errs...)
}

// checkSector fetches the sector of a client, which has to list every one of its
// redirect URIs (OpenID Connect Registration, section 5).
func (p *Provider) checkSector(ctx context.Context, c *clients.Client) error {
	if c.SectorIdentifierURI == "" {
		return nil
	}
	fault := func(cause error, reason string) error {
		err := metadataError(&clients.FieldError{Field: "sector_identifier_uri", Reason: reason})
		return asError(err).because(cause)
	}
	if !strings.HasPrefix(c.SectorIdentifierURI, "https://") {
		return fault(nil, "must start with https://")
	}
	if p.cfg.Fetch == nil {
		return fault(nil, "cannot be fetched by this server")
	}
	res, err := p.cfg.Fetch.Do(ctx, fetch.Request{URL: c.SectorIdentifierURI, MaxBytes: maxSector})
	if err == nil && res.Status != http.StatusOK {
		err = fmt.Errorf("the answer is %d", res.Status)
	}
	if err != nil {
		return fault(err, "could not be fetched: it has to answer 200 with a list of redirect URIs, from a public address")
	}
	var listed []string
	if err := json.Unmarshal(res.Body, &listed); err != nil {
		return fault(err, "does not answer with a JSON list of redirect URIs")
	}
	for _, uri := range c.RedirectURIs {
		if !slices.Contains(listed, uri) {
			return fault(nil, "does not list the redirect URI "+uri)
		}
	}
	return nil
}

// metadataError words the faults of a client's metadata as RFC 7591, section
// 3.2.2, wants them. What is not such a fault goes through.
func metadataError(err error) error {
	fields := fieldErrors(err)
	if len(fields) == 0 {
		return err
	}
	code := CodeInvalidClientMetadata
	var words []string
	for i, f := range fields {
		if f.Field == "redirect_uris" {
			code = CodeInvalidRedirectURI
		}
		if i < maxFaults {
			words = append(words, asciiText(f.Error(), 300))
		}
	}
	return refuse(code, "%s", strings.Join(words, "; ")) // whose words stand in the log too, and no more of a stranger's
}

// documentError is metadataError for a document that may be no client's at all.
func documentError(err error) error {
	if len(fieldErrors(err)) > 0 {
		return metadataError(err)
	}
	return refuse(CodeInvalidClientMetadata, "%s", asciiText(err.Error(), 300))
}

// fieldErrors are all the *FieldErrors that err joins.
func fieldErrors(err error) []*clients.FieldError {
	if f, ok := err.(*clients.FieldError); ok {
		return []*clients.FieldError{f}
	}
	var out []*clients.FieldError
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			out = append(out, fieldErrors(one)...)
		}
	case interface{ Unwrap() error }:
		out = fieldErrors(e.Unwrap())
	}
	return out
}

// asciiText keeps a text within what an error_description may hold.
func asciiText(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < 0x20 || r > 0x7e || r == '\\':
			return '?'
		}
		return r
	}, s)
	if len(s) > most {
		s = s[:most] + "..."
	}
	return s
}

// clientInformation is what a client is told of its registration (RFC 7591,
// section 3.2.1; RFC 7592, section 3): what it can set, and no secret.
func (p *Provider) clientInformation(c *clients.Client, token string) clients.Metadata {
	known := []string{"client_id", "client_id_issued_at", "client_secret_expires_at", "response_types"}
	var m clients.Metadata
	for _, member := range c.Metadata() {
		base, _, _ := strings.Cut(member.Name, "#")
		if f, ok := clients.FieldNamed(base); ok && f.Self || slices.Contains(known, base) {
			m = append(m, member)
		}
		if member.Name == "scope" && c.TokenEndpointAuthMethod == clients.AuthMethodAny {
			m = append(m, clients.Member{Name: "token_endpoint_auth_method", Value: clients.AuthMethodBasic})
		}
	}
	return m.With("registration_access_token", token).With("registration_client_uri", p.endpoint(registerPath)+"/"+c.ID)
}

// registeredInformation is clientInformation of a client that was just registered
// or changed: with the secret that was made for it, and the software statement
// that it came with (RFC 7591, section 3.2.1).
func (p *Provider) registeredInformation(made *clients.Registered, token, statement string) clients.Metadata {
	m := p.clientInformation(&made.Client, token)
	if made.Secret != "" {
		m = m.With("client_secret", made.Secret)
	}
	if statement != "" {
		m = m.With("software_statement", statement)
	}
	return m
}
