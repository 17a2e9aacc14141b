package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"
)

// Limits of one fetch.
const (
	// DefaultTimeout bounds a fetch from its first packet to the last byte.
	DefaultTimeout = 5 * time.Second
	// DefaultMaxBytes bounds the body of an answer.
	DefaultMaxBytes = 1 << 20
	// DefaultPerHost is how many fetches from one host run at once.
	DefaultPerHost = 4
	// maxHeader bounds the headers of an answer, in bytes.
	maxHeader = 32 << 10
)

// Errors of Do, wrapped with what was asked for.
var (
	// ErrURL says that the URL is none that is fetched.
	ErrURL = errors.New("the URL cannot be fetched")
	// ErrAddress says that the host has an address that is not public and that
	// the operator has not allowed.
	ErrAddress = errors.New("the host is not at a public address, and fetch.allow_networks does not name its network")
	// ErrPlain says that http was asked for to an address that the operator has
	// not allowed.
	ErrPlain = errors.New("plain http is for hosts within fetch.allow_networks alone")
	// ErrTooLarge says that the answer is larger than it may be.
	ErrTooLarge = errors.New("the answer is too large")
	// ErrBusy says that too many fetches from the host are under way.
	ErrBusy = errors.New("too many requests to this host are under way")
)

// Config is what a Client may do. The zero Config reaches public addresses by
// https alone.
type Config struct {
	// AllowNetworks are networks that may be reached although they are not
	// public, by http too.
	AllowNetworks []netip.Prefix
	// RootCAs vouch for servers; nil is the system's.
	RootCAs *x509.CertPool
	// Timeout, MaxBytes and PerHost have the Default constants.
	Timeout  time.Duration
	MaxBytes int64
	PerHost  int
	// Resolver finds addresses; nil is the system's.
	Resolver interface {
		LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	}
}

// Client fetches. It is safe for concurrent use.
type Client struct {
	cfg Config
	// secure and plain speak https and http: what they may connect to differs.
	secure, plain *http.Client

	mu sync.Mutex
	// busy counts the fetches under way by host and port.
	busy map[string]int
}

// New returns a Client.
func New(cfg Config) *Client {
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = DefaultMaxBytes
	}
	if cfg.PerHost <= 0 {
		cfg.PerHost = DefaultPerHost
	}
	if cfg.Resolver == nil {
		cfg.Resolver = net.DefaultResolver
	}
	c := &Client{cfg: cfg, busy: map[string]int{}}
	c.secure = c.over(c.dialer(c.reachable, ErrAddress))
	c.plain = c.over(c.dialer(c.inside, ErrPlain))
	return c
}

// over is an HTTP client that connects by dial. It keeps nothing from one request
// to the next: no cookies, no connections.
func (c *Client) over(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would resolve the name again
			DialContext:            dial,
			TLSClientConfig:        &tls.Config{RootCAs: c.cfg.RootCAs, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    c.cfg.Timeout,
			ResponseHeaderTimeout:  c.cfg.Timeout,
			MaxResponseHeaderBytes: maxHeader,
			DisableKeepAlives:      true, // an address is judged for one request
			DisableCompression:     true, // what is counted is what is read
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Request is one fetch.
type Request struct {
	// URL is what is fetched.
	URL string
	// Method is GET unless it is set.
	Method string
	// Header is sent along.
	Header http.Header
	// Body is sent along; nil is none.
	Body []byte
	// MaxBytes, if set, is less than the Client's.
	MaxBytes int64
}

// Response is an answer, whatever its status: redirects are answers too.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do fetches. Its errors wrap those above, or say what went wrong on the way;
// they never hold the body.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	u, err := CheckURL(r.URL)
	if err != nil {
		return nil, err
	}
	release, err := c.enter(u)
	if err != nil {
		return nil, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	res, err := c.send(ctx, u, r)
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", place(u), err)
	}
	defer res.Body.Close()
	most := c.cfg.MaxBytes
	if r.MaxBytes > 0 {
		most = min(most, r.MaxBytes)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", place(u), err)
	}
	if int64(len(body)) > most {
		return nil, fmt.Errorf("fetching %s: %w: more than %d bytes", place(u), ErrTooLarge, most)
	}
	return &Response{Status: res.StatusCode, Header: res.Header, Body: body}, nil
}

// send sends the request and returns the answer, its body unread.
func (c *Client) send(ctx context.Context, u *url.URL, r Request) (*http.Response, error) {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	req.Header.Set("User-Agent", "signet")
	client := c.secure
	if u.Scheme == "http" {
		client = c.plain
	}
	res, err := client.Do(req)
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err // it repeats the URL, query and all
	}
	return res, err
}

// place names a URL for the log, without its query.
func place(u *url.URL) string {
	s := u.Scheme + "://" + u.Host + u.EscapedPath()
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return s
}

// enter counts a fetch from a host in, and returns what counts it out.
func (c *Client) enter(u *url.URL) (func(), error) {
	port := u.Port()
	if port == "" {
		port = u.Scheme
	}
	host := net.JoinHostPort(u.Hostname(), port)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy[host] >= c.cfg.PerHost {
		return nil, fmt.Errorf("%w: %s", ErrBusy, host)
	}
	c.busy[host]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.busy[host]--; c.busy[host] <= 0 {
			delete(c.busy, host)
		}
	}, nil
}
