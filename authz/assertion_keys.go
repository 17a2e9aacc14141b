package authz

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"signet/authz/fetch"
	"signet/clients"
	"signet/keys"
)

const (
	// jwksLeast and jwksMost bound how long fetched keys count as fresh, whatever
	// their headers say.
	jwksLeast = time.Minute
	jwksMost  = 24 * time.Hour
	// jwksStale is how long they are used beyond that while their server fails.
	jwksStale = time.Hour
	// jwksAgain lies between two fetches that an unknown key asked for, and after
	// one that failed: anybody can make up a kid.
	jwksAgain = 10 * time.Second
	// maxJWKS bounds a JWK set, in bytes, and maxJWKSSources how many are kept.
	maxJWKS        = 128 << 10
	maxJWKSSources = 1000
)

// jwksCache keeps the keys of clients that publish them at a jwks_uri. It is
// safe for concurrent use.
type jwksCache struct {
	p *Provider

	mu sync.Mutex
	// sources are the keys by where they are. What mu guards of each is marked.
	sources map[string]*jwksSource
}

// jwksSource is one jwks_uri.
type jwksSource struct {
	uri string
	// turn is held by the one request that fetches; others wait for what it gets.
	turn chan struct{}

	// Guarded by jwksCache.mu. keys are nil before the first answer; they are fresh
	// until one time, and usable until a later one.
	keys          *keys.ClientKeys
	fresh, usable time.Time
	// failed is what the last fetch failed of, and failedAt when; nil and zero
	// after one that worked. renewedAt is when an unknown key last had them fetched.
	failed              error
	failedAt, renewedAt time.Time
	used                time.Time
}

func newJWKSCache(p *Provider) *jwksCache {
	return &jwksCache{p: p, sources: map[string]*jwksSource{}}
}

// verify checks a JWS by the keys at the client's jwks_uri. One that names a key
// which is not among them has them fetched anew: so a client rotates its keys
// without telling anybody.
func (c *jwksCache) verify(ctx context.Context, client *clients.Client, token string, algs []string) (keys.Verified, error) {
	s := c.source(client.JWKSURI)
	set, err := c.current(ctx, s)
	if err != nil {
		return keys.Verified{}, err
	}
	v, err := set.Verify(token, algs)
	if !errors.Is(err, keys.ErrUnknownKey) {
		return v, err
	}
	newer, renewErr := c.renew(ctx, s, set)
	if renewErr != nil {
		return keys.Verified{}, errors.Join(err, renewErr)
	}
	return newer.Verify(token, algs)
}

// source returns what is kept of a jwks_uri. When too many are kept, the one that
// was not used for longest goes.
func (c *jwksCache) source(uri string) *jwksSource {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.sources[uri]
	if !ok {
		s = &jwksSource{uri: uri, turn: make(chan struct{}, 1)}
		if len(c.sources) >= maxJWKSSources {
			oldest := s
			for _, other := range c.sources {
				if oldest == s || other.used.Before(oldest.used) {
					oldest = other
				}
			}
			delete(c.sources, oldest.uri)
		}
		c.sources[uri] = s
	}
	s.used = c.p.now()
	return s
}

// current returns the keys to go by, fetched if need be. While another request
// fetches, or after the server has failed, those that are a little too old do.
func (c *jwksCache) current(ctx context.Context, s *jwksSource) (*keys.ClientKeys, error) {
	if set := c.kept(s, false); set != nil {
		return set, nil
	}
	select {
	case s.turn <- struct{}{}:
	default:
		if set := c.kept(s, true); set != nil {
			return set, nil
		}
		select {
		case s.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer func() { <-s.turn }()
	if set := c.kept(s, false); set != nil {
		return set, nil // whoever had the turn before has fetched them
	}
	err := c.lately(s)
	if err == nil {
		err = c.fetch(ctx, s)
	}
	if set := c.kept(s, true); set != nil {
		return set, nil
	}
	return nil, err
}

// renew returns newer keys than old, or an error that says why there are none.
func (c *jwksCache) renew(ctx context.Context, s *jwksSource, old *keys.ClientKeys) (*keys.ClientKeys, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.turn }()
	now := c.p.now()
	c.mu.Lock()
	set, again := s.keys, now.Sub(s.renewedAt) >= jwksAgain
	if again && set == old {
		s.renewedAt = now
	}
	c.mu.Unlock()
	switch {
	case set != old:
		return set, nil // fetched while this request was waiting
	case !again:
		return nil, fmt.Errorf("%s was fetched anew less than %s ago", s.uri, jwksAgain)
	}
	if err := c.lately(s); err != nil {
		return nil, err
	}
	if err := c.fetch(ctx, s); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.keys, nil
}

// kept returns the keys that are fresh, or at least usable, or nil.
func (c *jwksCache) kept(s *jwksSource, usable bool) *keys.ClientKeys {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := s.fresh
	if usable {
		until = s.usable
	}
	if c.p.now().Before(until) {
		return s.keys
	}
	return nil
}

// lately returns what the last fetch failed of, if that was only just now.
func (c *jwksCache) lately(s *jwksSource) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.failed != nil && c.p.now().Sub(s.failedAt) < jwksAgain {
		return s.failed
	}
	return nil
}

// fetch gets the keys and keeps them. The caller has the turn. It goes on when the
// request that began it is gone: others wait for it.
func (c *jwksCache) fetch(ctx context.Context, s *jwksSource) error {
	set, header, err := c.get(context.WithoutCancel(ctx), s.uri)
	now := c.p.now()
	if err != nil {
		c.p.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "the keys of a client could not be fetched", slog.String("jwks_uri", s.uri), slog.Any("error", err))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, fetch.ErrBusy) {
		return err // nobody was asked: the next request may
	}
	if s.failed, s.failedAt = err, now; err != nil {
		return err
	}
	s.keys, s.fresh = set, fetch.Freshness(header, now, jwksLeast, jwksMost)
	s.usable = s.fresh.Add(jwksStale)
	return nil
}

func (c *jwksCache) get(ctx context.Context, uri string) (*keys.ClientKeys, http.Header, error) {
	if c.p.cfg.Fetch == nil {
		return nil, nil, errors.New("this server fetches no keys")
	}
	res, err := c.p.cfg.Fetch.Do(ctx, fetch.Request{
		URL: uri, Header: http.Header{"Accept": {"application/jwk-set+json, application/json"}}, MaxBytes: maxJWKS,
	})
	if err != nil {
		return nil, nil, err
	}
	if res.Status != http.StatusOK {
		return nil, nil, fmt.Errorf("fetching %s: the answer has the status %d", clip(uri), res.Status)
	}
	set, err := keys.ParseClientKeys(res.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("fetching %s: %w", clip(uri), err)
	}
	return set, res.Header, nil
}
