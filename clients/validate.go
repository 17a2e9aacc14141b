package clients

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	maxID       = 200      // bytes; an id stands in URLs, logs and indexes
	maxText     = 200      // characters of a name; more does not fit on a consent page
	maxEntries  = 100      // of a list, such as redirect URIs
	maxScopes   = 500      // scopes of one client
	maxMetadata = 64 << 10 // bytes of a client as JSON, but for its keys
	maxKeys     = 64 << 10 // bytes of a key set
)

// FieldError says what is wrong with one field of a client.
type FieldError struct {
	// Field is the field's name in RFC 7591, section 2, or our own where the
	// RFC has none ("audiences").
	Field string
	// Reason says what is wrong, in words that follow the field's name.
	Reason string
}

// Error returns the field and the reason.
func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

// Validate returns every fault of the client's metadata, joined, each a
// *FieldError, or nil. Every way in (config.yaml, the command line, a
// registration endpoint) validates the whole client after its change, so that
// a field left out or a public client made confidential cannot slip past.
func (c *Client) Validate() error {
	var f faults
	f.checkID(c.ID)
	f.checkAuth(c)
	f.checkAssertions(c)
	f.checkKeys(c)
	f.checkRequestObjects(c)
	f.checkGrants(c)
	f.checkRedirects(c)
	f.checkOrigins(c)
	f.checkLogout(c)
	f.checkInfo(c)
	f.checkSignIn(c)
	f.checkSubject(c)
	f.checkTokens(c)
	f.checkAlgorithm("id_token_signed_response_alg", c.IDTokenSignedResponseAlg)
	f.checkAlgorithm("userinfo_signed_response_alg", c.UserinfoSignedResponseAlg)
	f.checkAlgorithm("access_token_signed_response_alg", c.AccessTokenSignedResponseAlg)
	checkClaims(&f, c)
	f.each("audiences", c.Audiences, checkAudience)
	f.each("scope", c.Scopes, func(s string) error {
		if !isScopeToken(s) {
			return errors.New("must be one word of visible ASCII characters without \" and \\")
		}
		return nil
	})
	f.checkSize(c)
	return errors.Join(f...)
}

// faults gathers field errors.
type faults []error

func (f *faults) add(field, format string, args ...any) {
	*f = append(*f, &FieldError{Field: field, Reason: fmt.Sprintf(format, args...)})
}

// each checks every value of a list, that none stands in it twice, and that
// there are not too many.
func (f *faults) each(field string, values []string, check func(string) error) {
	if most := entriesOf(field); len(values) > most {
		f.add(field, "has %d entries; it must not have more than %d", len(values), most)
		return
	}
	for i, v := range values {
		if err := check(v); err != nil {
			f.add(field, "%q %v", clippedText(v), err)
		} else if slices.Contains(values[:i], v) {
			f.add(field, "%q is listed twice", v)
		}
	}
}

// checkID holds a client_id to RFC 6749, appendix A.1: visible ASCII and
// spaces.
func (f *faults) checkID(id string) {
	switch {
	case id == "":
		f.add("client_id", "must not be empty")
	case len(id) > maxID:
		f.add("client_id", "must not be longer than %d characters", maxID)
	case strings.ContainsFunc(id, func(r rune) bool { return r < 0x20 || r > 0x7E }):
		f.add("client_id", "%q may hold only printable ASCII characters", id)
	case strings.TrimSpace(id) != id:
		f.add("client_id", "%q must not start or end with a space", id)
	}
}

// checkAlgorithm checks a signing algorithm; none named is the default.
func (f *faults) checkAlgorithm(field, name string) {
	if name != "" {
		f.each(field, []string{name}, CheckSigningAlgorithm)
	}
}

// checkSize bounds a client as a whole: every request that names it reads it.
func (f *faults) checkSize(c *Client) {
	rest := *c
	rest.JWKS = nil // which has a bound of its own
	doc, err := json.Marshal(rest.Metadata())
	if err == nil && len(doc) > maxMetadata {
		f.add("client_metadata", "has %d bytes; all of it but jwks must not have more than %d", len(doc), maxMetadata)
	}
}

// entriesOf is how many entries a list may have.
func entriesOf(field string) int {
	if field == "scope" {
		return maxScopes
	}
	return maxEntries
}

// clippedText is a value short enough for an error message.
func clippedText(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
