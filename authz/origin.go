package authz

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"signet/clients"
)

// Scripts of a page on another origin may read an answer of the token, userinfo
// and revocation endpoints only where that answer says so (Fetch Standard, CORS
// protocol). It does when the client that the request is for has the origin.
// web writes the headers; here is decided whose request it is.

// OriginStore knows the origins of all clients.
type OriginStore interface {
	// OriginAllowed reports whether origin, an Origin header as it came, is one
	// of the Origins of any client. It is one query.
	OriginAllowed(ctx context.Context, origin string) (bool, error)
}

// asker is what a request has shown of the client that it is for.
type asker struct {
	id     string
	client *clients.Client
	// unknown says that there is no client with this id.
	unknown bool
}

type askerKey struct{}

// WithAsker returns a context in which the token, userinfo and revocation
// endpoints note which client a request is for, so that MayRead need not find
// out. It serves one request.
func WithAsker(ctx context.Context) context.Context {
	return context.WithValue(ctx, askerKey{}, &asker{})
}

// noteClient remembers the client of a request, however the request ends. What
// was noted first stays: later, other clients may be looked up.
func noteClient(ctx context.Context, client *clients.Client) {
	if a, ok := ctx.Value(askerKey{}).(*asker); ok && (a.id == "" || a.id == client.ID) {
		a.id, a.client = client.ID, client
	}
}

// noteClientID is noteClient for a client that was not looked up yet.
func noteClientID(ctx context.Context, id string) {
	if a, ok := ctx.Value(askerKey{}).(*asker); ok && a.id == "" {
		a.id = id
	}
}

// noteUnknownClient remembers that a request names a client that there is not.
func noteUnknownClient(ctx context.Context, id string) {
	if a, ok := ctx.Value(askerKey{}).(*asker); ok && a.id == "" {
		a.id, a.unknown = id, true
	}
}

// MayRead reports whether scripts of origin, an Origin header as it came, may
// read the answer to r, a request whose context is of WithAsker. They may when
// the client of the request has that origin, and of a request that is for no
// client we know when any has: its author then reads what is wrong. It is asked
// after the endpoint has done its work, and costs a query only where that had
// no need to look the client up.
func (p *Provider) MayRead(r *http.Request, origin string) bool {
	ctx := r.Context()
	a, ok := ctx.Value(askerKey{}).(*asker)
	if !ok || len(clients.OriginKeys(origin)) == 0 {
		return false
	}
	if a.client == nil && a.id == "" {
		// Refused before anybody asked who it is.
		if given, err := readClientCredentials(r.Header, r.PostForm); err == nil {
			a.id = given.id
		}
	}
	if a.client == nil && a.id != "" && !a.unknown {
		client, err := p.cfg.Clients.Client(ctx, a.id)
		switch {
		case err == nil:
			a.client = &client
		case !errors.Is(err, clients.ErrNotFound):
			return false
		}
	}
	if a.client != nil {
		return a.client.AllowsOrigin(origin)
	}
	allowed, err := p.OriginKnown(ctx, origin)
	return err == nil && allowed
}

// OriginKnown reports whether any client has this origin, as the answer to a
// preflight request, which names no client. The answer may be some seconds old.
func (p *Provider) OriginKnown(ctx context.Context, origin string) (bool, error) {
	if p.cfg.Origins == nil || len(clients.OriginKeys(origin)) == 0 {
		return false, nil
	}
	if allowed, ok := p.origins.get(origin, p.now()); ok {
		return allowed, nil
	}
	allowed, err := p.cfg.Origins.OriginAllowed(ctx, origin)
	if err != nil {
		return false, err
	}
	p.origins.put(origin, allowed, p.now())
	return allowed, nil
}

const (
	// originFresh is how long an answer about an origin is gone by.
	originFresh = 5 * time.Second
	// maxOrigins is how many of them are kept: strangers can ask for any.
	maxOrigins = 1000
)

// originCache keeps what the database said about origins.
type originCache struct {
	mu   sync.Mutex
	said map[string]originAnswer
}

type originAnswer struct {
	allowed bool
	until   time.Time
}

func (c *originCache) get(origin string, now time.Time) (allowed, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.said[origin]
	return a.allowed, ok && now.Before(a.until)
}

func (c *originCache) put(origin string, allowed bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said == nil || len(c.said) >= maxOrigins {
		c.said = map[string]originAnswer{}
	}
	c.said[origin] = originAnswer{allowed, now.Add(originFresh)}
}
