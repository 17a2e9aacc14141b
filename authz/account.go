package authz

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"signet/authz/login"
	"signet/clients"
)

// maxAccountGrants bounds how many grants of a person their page is made from. A
// person has a few for each app; beyond it, times of the apps may be off, and
// every app that was asked about stands there all the same.
const maxAccountGrants = 10 * grantBatch

// Access is what one app may do for a person.
type Access struct {
	// Client is the app. One that is gone has its ID alone.
	Client clients.Client
	// ClientHost is as in Step.
	ClientHost string
	// Scopes are those of its live grants and of the consent that is remembered.
	Scopes []ScopeText
	// Since is when the person first allowed what still counts, and LastUsed when
	// the app last got a token; zero when it has none that counts.
	Since, LastUsed time.Time
}

// Account returns the person of a session, or login.ErrNotFound when they are
// gone or disabled.
func (p *Provider) Account(ctx context.Context, subject string) (login.Person, error) {
	person, err := p.cfg.People.Person(ctx, subject)
	if err == nil && person.Disabled {
		return login.Person{}, login.ErrNotFound
	}
	return person, err
}

// AccessOf returns the apps that have access to a person's account, ordered by
// name: those with a live grant, and those that were allowed to come back.
func (p *Provider) AccessOf(ctx context.Context, subject string) ([]Access, error) {
	byID := map[string]*collected{}
	consents, err := p.cfg.Consents.ConsentsOf(ctx, subject)
	if err != nil {
		return nil, err
	}
	for _, c := range consents {
		collect(byID, c.ClientID, c.Scopes, c.At, time.Time{})
	}
	seen := 0
	err = EachGrant(ctx, p.cfg.GrantFinder, GrantFilter{Subject: subject, LiveAt: p.now()}, func(g Grant) error {
		if seen++; seen > maxAccountGrants {
			return errEnough
		}
		collect(byID, g.ClientID, g.Scopes, g.CreatedAt, g.RotatedAt)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	var all []Access
	for id, c := range byID {
		client, err := p.knownClient(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, Access{Client: client, ClientHost: clientHost(&client), Scopes: p.describe(c.scopes), Since: c.since, LastUsed: c.used})
	}
	slices.SortFunc(all, func(a, b Access) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Client.Name), strings.ToLower(b.Client.Name)), strings.Compare(a.Client.ID, b.Client.ID))
	})
	return all, nil
}

var errEnough = errors.New("enough grants")

// collected is what the grants and the consent of one client say.
type collected struct {
	scopes      []string
	since, used time.Time
}

func collect(byID map[string]*collected, id string, scopes []string, since, used time.Time) {
	c := byID[id]
	if c == nil {
		c = &collected{since: since}
		byID[id] = c
	}
	c.scopes = append(c.scopes, without(scopes, c.scopes)...)
	if since.Before(c.since) {
		c.since = since
	}
	if used.After(c.used) {
		c.used = used
	}
}

// knownClient is the client as it is stored: no page of a person's waits for the
// host of a client's document.
func (p *Provider) knownClient(ctx context.Context, id string) (clients.Client, error) {
	c, err := p.documents.stored.Client(ctx, id)
	if errors.Is(err, clients.ErrNotFound) {
		return clients.Client{ID: id}, nil
	}
	return c, err
}

// Withdraw takes back what subject allowed the client with this ID: what is
// remembered first, so that it cannot come back unasked, and then every grant.
// Status lists tell of it at once. An app that has nothing is no error.
func (p *Provider) Withdraw(ctx context.Context, subject, clientID string) error {
	if subject == "" || clientID == "" {
		return ErrNoFilter
	}
	if err := p.cfg.Consents.ForgetConsent(ctx, subject, clientID); err != nil {
		return err
	}
	n, err := p.RevokeGrants(ctx, GrantFilter{Subject: subject, ClientID: clientID}, "the person took it back")
	if err == nil {
		p.Audit(ctx, "access of an app withdrawn", "access_withdrawn",
			slog.String("client_id", clip(clientID)), slog.String("sub", subject), slog.Int("grants", n))
	}
	return err
}
