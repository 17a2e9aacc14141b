package authz

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"signet/clients"
)

// How long what is known of a document counts.
const (
	// documentLife is how long a client that people have allowed is served
	// without its document: its host may be down for so long.
	documentLife = 7 * 24 * time.Hour
	// documentSeen is how often a stored client notes that its document is still
	// there: seldom, so that looking costs no write.
	documentSeen = 24 * time.Hour
)

// ClientDocuments is what a Provider does about clients whose client_id is the
// URL of their metadata (draft-ietf-oauth-client-id-metadata-document).
type ClientDocuments struct {
	// Enabled lets them in. Without it also those that are stored get nothing.
	Enabled bool
	// AllowHosts, if there are any, are the only hosts whose documents count;
	// those of DenyHosts never do. "example.com" is that host alone,
	// "*.example.com" every host below it.
	AllowHosts, DenyHosts []string
	// Scopes and Audiences are all that such a client may ever ask for.
	Scopes, Audiences []string
	// Store keeps those that somebody has allowed.
	Store DocumentStore
}

// DocumentStore keeps the clients that people have allowed. See clients.Store.
type DocumentStore interface {
	CreateClient(ctx context.Context, c clients.Client) error
	UpdateClient(ctx context.Context, id string, change func(*clients.Client) error) error
}

// documentClients is the ClientStore of everything in this package. Of a client
// that introduces itself by a document nothing is stored before a person allows
// it: until then it lives in the cache of documents, and only the authorization
// endpoint, where people are asked, sees it (discover). From then on its row is
// what counts, kept up with the document, so that every node knows it, and
// tokens go on while the document's host is down.
type documentClients struct {
	ClientDocuments
	stored ClientStore
	fetch  Fetcher
	now    func() time.Time
	log    *slog.Logger
	algs   []string

	mu      sync.Mutex
	cache   documentCache
	budget  fetchBudget
	flights map[string]*documentFlight
}

func newDocumentClients(p *Provider) *documentClients {
	return &documentClients{
		ClientDocuments: p.cfg.Documents, stored: p.cfg.Clients, fetch: p.cfg.Fetch, now: p.now, log: p.cfg.Logger,
		algs: p.cfg.SigningAlgs, cache: newDocumentCache(), flights: map[string]*documentFlight{},
	}
}

// Client implements ClientStore. It fetches nothing for a stranger: who has no
// row has no grant either.
func (d *documentClients) Client(ctx context.Context, id string) (clients.Client, error) {
	c, err := d.stored.Client(ctx, id)
	if err != nil || c.Source != clients.SourceDocument {
		return c, err
	}
	if !d.Enabled || d.checkHost(id) != nil {
		return clients.Client{}, clients.ErrNotFound
	}
	if c.Disabled {
		return d.bounded(c), nil
	}
	current, err := d.current(ctx, c)
	if e := (*documentFault)(nil); errors.As(err, &e) {
		// What people allowed before goes on as it was. New sign-ins see the fault.
		return d.bounded(c), nil
	}
	return current, err
}

// discover finds the client of an authorization request: a registered one, or
// one that a document introduces. Its *Error says what is wrong with that.
func (d *documentClients) discover(ctx context.Context, id string) (clients.Client, error) {
	c, err := d.stored.Client(ctx, id)
	known := err == nil
	switch {
	case known && (c.Source != clients.SourceDocument || c.Disabled):
		return c, nil
	case !known && (!errors.Is(err, clients.ErrNotFound) || !clients.IsDocumentURL(id)):
		return c, err
	case !d.Enabled:
		return clients.Client{}, clients.ErrNotFound
	}
	if err := d.checkHost(id); err != nil {
		return clients.Client{}, err
	}
	if known {
		c, err = d.current(ctx, c)
	} else {
		var doc *clientDocument
		if doc, err = d.get(ctx, id, false); err == nil {
			c = d.bounded(doc.client)
		}
	}
	if e := (*documentFault)(nil); errors.As(err, &e) {
		return clients.Client{}, e.refusal(id)
	}
	return c, err
}

// current returns a stored client as its document has it now. It returns a
// *documentFault when there is none to go by.
func (d *documentClients) current(ctx context.Context, c clients.Client) (clients.Client, error) {
	doc, err := d.get(ctx, c.ID, true)
	if e := (*documentFault)(nil); errors.As(err, &e) && e.temporary && d.now().Sub(c.UpdatedAt) < documentLife {
		return d.bounded(c), nil
	}
	if err != nil {
		return c, err
	}
	// A row that is younger was written by somebody who has seen more: another
	// node, or an operator.
	if d.synced(doc) || !doc.fetched.After(c.UpdatedAt) {
		return d.bounded(c), nil
	}
	changed := c
	if err := d.apply(&changed, doc.body); err != nil {
		return c, err
	}
	fields := changedFields(&c, &changed)
	if len(fields) > 0 || doc.fetched.Sub(c.UpdatedAt) > documentSeen {
		if err := d.update(ctx, doc, &changed, fields); err != nil {
			return c, err
		}
	}
	d.setSynced(doc)
	return d.bounded(changed), nil
}

// update writes to a client's row what its document has become. What an
// operator has set beside it stays.
func (d *documentClients) update(ctx context.Context, doc *clientDocument, out *clients.Client, fields []string) error {
	err := d.Store.UpdateClient(ctx, out.ID, func(c *clients.Client) error {
		if c.Source == clients.SourceDocument {
			if err := d.apply(c, doc.body); err != nil {
				return err
			}
			c.UpdatedAt = doc.fetched
		}
		*out = *c
		return nil
	})
	if err == nil && len(fields) > 0 {
		d.audit(ctx, "client_document_changed", "audit: client changed", out.ID, slog.String("fields", strings.Join(fields, " ")))
	}
	return err
}

// keep stores a client that a person has just allowed, if it is not.
func (d *documentClients) keep(ctx context.Context, c clients.Client) error {
	if c.Source != clients.SourceDocument || !c.CreatedAt.IsZero() {
		return nil
	}
	c.CreatedAt = d.now()
	err := d.Store.CreateClient(ctx, c)
	if errors.Is(err, clients.ErrExists) {
		return nil // somebody else has allowed it at the same time
	}
	if err == nil {
		d.audit(ctx, "client_registered", "audit: client registered", c.ID, slog.String("source", string(c.Source)))
	}
	return err
}

func (d *documentClients) audit(ctx context.Context, event, message, id string, more slog.Attr) {
	attrs := []slog.Attr{slog.String("event", event), slog.String("client_id", id), more}
	if remote := remoteOf(ctx); remote != "" {
		attrs = append(attrs, slog.String("remote", remote))
	}
	d.log.LogAttrs(ctx, slog.LevelInfo, message, attrs...)
}

// bounded holds a client to what the configuration allows today, whatever its
// row was written with.
func (d *documentClients) bounded(c clients.Client) clients.Client {
	c.Scopes = intersect(c.Scopes, d.Scopes)
	c.Audiences = slices.Clone(d.Audiences)
	c.FirstParty, c.Consent = false, clients.ConsentAlways
	return c
}

// checkHost refuses, with an *Error, a client_id that is no address of a
// document, or of one on a host that the operator does not want.
func (d *documentClients) checkHost(id string) error {
	u, err := clients.CheckDocumentURL(id)
	if err != nil {
		return refuse(CodeInvalidClient, "The client_id of this app is a web address, and would have to be that of its metadata document, but it %s.", shown(err.Error())).
			compared("the URL of a client metadata document", clip(id))
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case listed(d.DenyHosts, host):
		return refuse(CodeUnauthorizedClient, "This server does not take apps from %s.", host).compared("a host that is not in client_documents.deny_hosts", host)
	case len(d.AllowHosts) > 0 && !listed(d.AllowHosts, host):
		return refuse(CodeUnauthorizedClient, "This server does not take apps from %s.", host).compared("a host of client_documents.allow_hosts", host)
	}
	return nil
}

// listed reports whether host is one of a list, or below one with "*." before it.
func listed(list []string, host string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		entry = strings.ToLower(entry)
		if below, ok := strings.CutPrefix(entry, "*"); ok {
			return strings.HasSuffix(host, below)
		}
		return host == entry
	})
}

// clientHost is the host that vouches for a client: that of its document, none
// for a client that was registered.
func clientHost(c *clients.Client) string {
	if c.Source != clients.SourceDocument {
		return ""
	}
	u, err := url.Parse(c.ID)
	if err != nil {
		return ""
	}
	return u.Host
}

// discoverClient finds the client of an authorization request.
func (p *Provider) discoverClient(ctx context.Context, id string) (clients.Client, error) {
	return p.documents.discover(ctx, id)
}
