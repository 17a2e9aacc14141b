package authz

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"signet/authz/fetch"
	"signet/clients"
)

const (
	// objectLeast and objectMost bound how long a request object that was fetched
	// is kept, and objectAgain is how soon one may be fetched again that could not
	// be: anybody can send the same request_uri many times.
	objectLeast = 10 * time.Second
	objectMost  = 5 * time.Minute
	objectAgain = 10 * time.Second
	// maxObject bounds a request object, in bytes, and maxObjects how many are kept.
	maxObject  = 16 << 10
	maxObjects = 1000
	// maxRequestURI bounds a request_uri, in bytes: its fragment is anyone's.
	maxRequestURI = 2048
)

// requestObjects keeps request objects by the request_uri that they were fetched
// from, for a short time. It is safe for concurrent use.
type requestObjects struct {
	p *Provider

	mu   sync.Mutex
	kept map[string]keptObject
}

// keptObject is what came of a fetch, until it is too old.
type keptObject struct {
	text  string
	err   error
	until time.Time
}

func newRequestObjects(p *Provider) *requestObjects {
	return &requestObjects{p: p, kept: map[string]keptObject{}}
}

// get returns the request object at a request_uri, on condition that the client has
// registered it: nothing else is fetched for anyone (OpenID Connect Core, section
// 6.2; RFC 9101, section 10.4.1). A new fragment says that the object is a new one.
func (c *requestObjects) get(ctx context.Context, client *clients.Client, uri string) (string, error) {
	if len(uri) > maxRequestURI || !client.RequestURIAllowed(uri) {
		return "", refuse(CodeInvalidRequestURI, "The request_uri is not registered for this client: add it to its request_uris.").
			compared("one of "+strings.Join(client.RequestURIs, " "), clip(uri))
	}
	o, ok := c.lately(uri)
	if !ok {
		text, header, err := c.fetch(ctx, uri)
		o = keptObject{text: text, err: err, until: c.p.now().Add(objectAgain)}
		if err == nil {
			o.until = fetch.Freshness(header, c.p.now(), objectLeast, objectMost)
		}
		if !errors.Is(err, fetch.ErrBusy) { // then nobody was asked: the next request may
			c.keep(uri, o)
		}
	}
	if o.err != nil {
		return "", refuse(CodeInvalidRequestURI, "The request object could not be fetched from the request_uri.").because(o.err)
	}
	return o.text, nil
}

func (c *requestObjects) lately(uri string) (keptObject, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, ok := c.kept[uri]
	return o, ok && c.p.now().Before(o.until)
}

// keep keeps an object. When there are too many, those that are too old go, or
// for lack of any the one that soonest will be.
func (c *requestObjects) keep(uri string, o keptObject) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) >= maxObjects {
		now, oldest := c.p.now(), ""
		for other, k := range c.kept {
			if !now.Before(k.until) {
				delete(c.kept, other)
			} else if oldest == "" || k.until.Before(c.kept[oldest].until) {
				oldest = other
			}
		}
		if len(c.kept) >= maxObjects {
			delete(c.kept, oldest)
		}
	}
	c.kept[uri] = o
}

func (c *requestObjects) fetch(ctx context.Context, uri string) (string, http.Header, error) {
	if c.p.cfg.Fetch == nil {
		return "", nil, errors.New("this server fetches no request objects")
	}
	address, _, _ := strings.Cut(uri, "#")
	// It goes on when the request that began it is gone: what comes is kept.
	res, err := c.p.cfg.Fetch.Do(context.WithoutCancel(ctx), fetch.Request{
		URL: address, Header: http.Header{"Accept": {"application/oauth-authz-req+jwt, application/jwt"}}, MaxBytes: maxObject,
	})
	if err != nil {
		return "", nil, err
	}
	if res.Status != http.StatusOK {
		return "", nil, fmt.Errorf("fetching %s: the answer has the status %d", clip(address), res.Status)
	}
	return strings.TrimSpace(string(res.Body)), res.Header, nil
}
