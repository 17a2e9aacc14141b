package authz

import (
	"time"

	"signet/clients"
)

// UseRecorder is told which client authenticated with which credential. It must
// be quick: it stands in every request. clients.UseRecorder is one.
type UseRecorder interface {
	Note(clientID, credential string, at time.Time)
}

// used notes that a client has just been used, with a credential or with none. A
// client that is a document keeps nothing here.
func (p *Provider) used(c *clients.Client, credential string) {
	if p.cfg.Uses != nil && c.Source != clients.SourceDocument {
		p.cfg.Uses.Note(c.ID, credential, p.now())
	}
}

// provesUse reports whether authenticating counts as a use of the client. Anyone
// can send the client_id of a public client, and whoever registered one by
// themselves has its secret: those are in use when they get a token, which takes
// a person.
func provesUse(c *clients.Client) bool {
	return !c.Public() && c.Source != clients.SourceDynamic
}
