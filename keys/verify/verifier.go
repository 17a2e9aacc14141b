package verify

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Verifier verifies the access tokens of one issuer for one API. It is safe
// for concurrent use. Make one with New, keep it as long as the program runs,
// and Close it.
type Verifier struct {
	cfg    Config
	issuer *url.URL
	client *http.Client
	// ownClient says that nobody else uses the client's connections.
	ownClient bool
	keys      *document[keySet]
	discovery discovery
	lists     statusLists

	// life ends with Close; running are the fetches under way.
	life    context.Context
	end     context.CancelFunc
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// New makes a Verifier. It fetches nothing yet, so an API can start before its
// issuer: the first token does, or Ready.
func New(cfg Config) (*Verifier, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	v := &Verifier{cfg: cfg, issuer: issuer, client: newClient(cfg.Client), ownClient: cfg.Client == nil}
	v.life, v.end = context.WithCancel(context.Background())
	v.discovery.configured = cfg.JWKSURI
	v.keys = newDocument(v, "keys", v.loadKeys)
	v.lists.byURI = map[string]*listEntry{}
	return v, nil
}

// Close ends all fetches and waits for them. After it nothing more is fetched,
// and tokens are refused when what is cached has had its time.
func (v *Verifier) Close() {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.end()
	v.running.Wait()
	if v.ownClient {
		v.client.CloseIdleConnections()
	}
}

// start runs a fetch, unless the Verifier is closed. Its context ends with the
// Verifier and after Timeout, not with the request that happened to need it:
// others may wait for the same fetch.
func (v *Verifier) start(fetch func(ctx context.Context)) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	v.running.Go(func() {
		ctx, cancel := context.WithTimeout(v.life, v.cfg.Timeout)
		defer cancel()
		fetch(ctx)
	})
	return true
}

// Ready fetches the keys unless there are some, and returns ErrUnavailable when
// they cannot be had: for a start-up check or a readiness probe.
func (v *Verifier) Ready(ctx context.Context) error {
	_, err := v.keys.get(ctx)
	return err
}

// Verify checks an access token as RFC 9068, section 4, says, and that it was
// not revoked, and returns its claims. It makes no request while keys and
// status list are cached. What a token may do is for the caller to see:
// Claims.Require.
func (v *Verifier) Verify(ctx context.Context, token string) (*Claims, error) {
	raw, err := v.open(ctx, token, typeAccessToken, maxToken)
	if err != nil {
		return nil, err
	}
	p, err := parseClaims(raw)
	if err != nil {
		return nil, err
	}
	if p.Issuer != v.cfg.Issuer {
		return nil, fmt.Errorf("%w: %q", ErrIssuer, clip(p.Issuer))
	}
	if !slices.Contains(p.Audience, v.cfg.Audience) {
		return nil, fmt.Errorf("%w: %q", ErrAudience, clip(p.Audience[0]))
	}
	if err := p.checkTimes(v.cfg.Now(), v.cfg.Leeway); err != nil {
		return nil, err
	}
	// Last: a token that is not valid by itself is no reason to fetch a list
	// (Token Status List, section 8.3).
	if err := v.checkStatus(ctx, p.Status); err != nil {
		return nil, err
	}
	return p.claims(raw), nil
}

// failed logs a fetch that failed. As failures back off, so does the log.
func (v *Verifier) failed(what string, err error, again time.Duration) {
	v.cfg.Logger.LogAttrs(v.life, slog.LevelWarn, "cannot refresh from the issuer", slog.String("what", what),
		slog.String("issuer", v.cfg.Issuer), slog.Duration("next_try", again), slog.Any("err", err))
}
