package authz

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"signet/authz/fetch"
	"signet/clients"
)

// A client's logo is shown on the pages that ask people about the client. The
// browser gets it from this server: its maker is not told who looks at it, and
// nothing but a picture comes through.

const (
	// maxLogo is the largest logo, in bytes.
	maxLogo = 256 << 10
	// logoFresh is how long a logo is kept, logoFailed how long it is not asked
	// for again when there was none.
	logoFresh  = 6 * time.Hour
	logoFailed = 5 * time.Minute
	// maxLogos and maxLogoBytes bound what is kept in memory.
	maxLogos     = 500
	maxLogoBytes = 16 << 20
)

// ErrNoLogo says that a client has no such logo, or that it cannot be had.
var ErrNoLogo = errors.New("no logo")

// Logo is a picture.
type Logo struct {
	// ContentType is image/png, image/jpeg, image/gif or image/webp, by the
	// first bytes of Body, whatever the other server called it.
	ContentType string
	Body        []byte
}

// LogoKey names a logo_uri in the URL of a logo: another URI is another logo.
func LogoKey(uri string) string {
	sum := sha256.Sum256([]byte(uri))
	return hex.EncodeToString(sum[:8])
}

// Logo returns the logo of an enabled client whose logo_uri, in any language,
// has this key, or ErrNoLogo. It is fetched on the first call, whose caller has
// seen to it that somebody is asked about the client right now. client is
// returned as soon as it is known, with the error too.
func (p *Provider) Logo(ctx context.Context, clientID, key string) (logo Logo, client clients.Client, err error) {
	client, err = p.cfg.Clients.Client(ctx, clientID)
	if errors.Is(err, clients.ErrNotFound) || err == nil && client.Disabled {
		return Logo{}, clients.Client{}, fmt.Errorf("%w: no such client", ErrNoLogo)
	}
	if err != nil {
		return Logo{}, clients.Client{}, err
	}
	uris := []string{client.LogoURI}
	for name, uri := range client.Localized {
		if strings.HasPrefix(name, "logo_uri#") {
			uris = append(uris, uri)
		}
	}
	i := slices.IndexFunc(uris, func(uri string) bool { return uri != "" && LogoKey(uri) == key })
	if i < 0 || p.cfg.Fetch == nil {
		return Logo{}, client, ErrNoLogo
	}
	kept := p.logos.find(uris[i], p.now())
	kept.mu.Lock()
	defer kept.mu.Unlock()
	if p.now().Before(kept.until) {
		return kept.logo, client, kept.err
	}
	// A visitor who leaves does not spoil it for the next.
	kept.logo, kept.err = p.fetchLogo(context.WithoutCancel(ctx), uris[i])
	lifetime := logoFresh
	if kept.err != nil {
		lifetime = logoFailed
		p.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "the logo of a client cannot be shown",
			slog.String("client_id", client.ID), slog.String("logo_uri", clip(uris[i])), slog.Any("error", kept.err))
	}
	kept.until = p.now().Add(lifetime)
	p.logos.weigh(uris[i], len(kept.logo.Body))
	return kept.logo, client, kept.err
}

func (p *Provider) fetchLogo(ctx context.Context, uri string) (Logo, error) {
	answer, err := p.cfg.Fetch.Do(ctx, fetch.Request{
		URL: uri, MaxBytes: maxLogo, Header: http.Header{"Accept": {"image/webp,image/png,image/jpeg,image/gif"}},
	})
	if err != nil {
		return Logo{}, fmt.Errorf("%w: %w", ErrNoLogo, err)
	}
	if answer.Status != http.StatusOK {
		return Logo{}, fmt.Errorf("%w: status %d instead of 200", ErrNoLogo, answer.Status)
	}
	// By content: SVG, which can hold scripts, is none of these, and neither is
	// a page that calls itself a picture.
	switch kind := http.DetectContentType(answer.Body); kind {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return Logo{ContentType: kind, Body: answer.Body}, nil
	default:
		return Logo{}, fmt.Errorf("%w: the content is %s, not PNG, JPEG, GIF or WebP", ErrNoLogo, kind)
	}
}

// logoCache keeps logos, and for a shorter time that there was none.
type logoCache struct {
	mu    sync.Mutex
	byURI map[string]*keptLogo
	bytes int
}

// keptLogo is one logo. Its mu is held while it is fetched, so that those who
// ask at the same time wait for one answer.
type keptLogo struct {
	mu    sync.Mutex
	logo  Logo
	err   error
	until time.Time

	// asked and size belong to the cache.
	asked time.Time
	size  int
}

// find returns the place of a logo. One that was not asked for the longest
// time makes room.
func (c *logoCache) find(uri string, now time.Time) *keptLogo {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.byURI[uri]
	if !ok {
		for len(c.byURI) >= maxLogos {
			c.evict("")
		}
		if c.byURI == nil {
			c.byURI = map[string]*keptLogo{}
		}
		k = &keptLogo{}
		c.byURI[uri] = k
	}
	k.asked = now
	return k
}

// weigh records the size of a logo that was fetched.
func (c *logoCache) weigh(uri string, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.byURI[uri]
	if !ok {
		return // evicted meanwhile
	}
	c.bytes += size - k.size
	k.size = size
	for c.bytes > maxLogoBytes && len(c.byURI) > 1 {
		c.evict(uri)
	}
}

// evict forgets the logo that was not asked for the longest time, other than
// keep. The caller holds mu.
func (c *logoCache) evict(keep string) {
	oldest := ""
	for uri, k := range c.byURI {
		if uri != keep && (oldest == "" || k.asked.Before(c.byURI[oldest].asked)) {
			oldest = uri
		}
	}
	c.bytes -= c.byURI[oldest].size
	delete(c.byURI, oldest)
}
