package authz

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"signet/authz/login"
	"signet/clients"
)

// pairwise returns the `sub` of a person for a sector (OpenID Connect Core,
// section 8.1). It is computed and never stored, from the server secret, the
// sector and the person's ID alone, so that it stays the same for as long as they
// do; two sectors cannot tell that they speak of one person.
func (c *credentials) pairwise(sector, personID string) string {
	mac := hmac.New(sha256.New, c.subjectKey)
	mac.Write([]byte(sector + "\x00" + personID)) // a host has no NUL
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// subjectFor returns the `sub` that a client is told of a person: in ID tokens,
// userinfo and access tokens alike. It fails for a pairwise client without a
// sector: another `sub` than the right one would make a stranger of the person.
//
// Grants, consents, sessions and the log have the person's own ID.
func (p *Provider) subjectFor(c *clients.Client, personID string) (string, error) {
	if !c.Pairwise() {
		return personID, nil
	}
	sector, err := c.Sector()
	if err != nil {
		return "", refuse(CodeServerError, serverErrorText).because(err)
	}
	return p.credentials.pairwise(sector, personID), nil
}

// isSubject reports whether sub, of an ID token that came back from a client,
// stands for the person with this ID. A client that was made pairwise, or public,
// still has ID tokens from before.
func (p *Provider) isSubject(c *clients.Client, sub, personID string) bool {
	if sub == personID {
		return true
	}
	sector, err := c.Sector()
	return err == nil && hmac.Equal([]byte(sub), []byte(p.credentials.pairwise(sector, personID)))
}

// personFor returns the subject of a grant, on condition that they may still
// have tokens of this client.
func (p *Provider) personFor(ctx context.Context, c *clients.Client, personID string) (login.Person, error) {
	person, err := p.allowedPerson(ctx, personID)
	if err == nil && !c.Admits(person.Groups) {
		// Refused and not revoked: groups come and go, often by a slip of a
		// directory, and whoever is in again goes on where they were.
		err = refuse(CodeInvalidGrant, notAdmittedText).
			compared("a person in one of "+strings.Join(c.AllowedGroups, ", "), "a person in none of them")
	}
	return person, err
}

// notAdmittedText tells a client that a person is in none of its groups.
const notAdmittedText = "The person may not use this app."
