package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxBody is the size in bytes of the largest answer that is read, also after
// decompression.
const maxBody = 1 << 20

// errNotFound is an answer 404.
var errNotFound = errors.New("not found")

// answer is one of the issuer's.
type answer struct {
	// notModified says that what was fetched before is still good (304).
	notModified bool
	body        []byte
	etag        string
	contentType string
	// cached says that fresh and renewing come from Cache-Control: for how long
	// the answer may be used, and then while it is being renewed (RFC 5861,
	// section 3).
	cached          bool
	fresh, renewing time.Duration
	fetched         time.Time
}

// get fetches what is at a URL, or hears that it is the same as before, when
// etag is that of before.
func (v *Verifier) get(ctx context.Context, address, accept, etag string) (*answer, error) {
	if _, err := parseSecureURL(address); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	// From before the request: what the issuer promises, it promises from then.
	a := &answer{fetched: v.cfg.Now()}
	resp, err := v.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a.etag, a.contentType = resp.Header.Get("ETag"), resp.Header.Get("Content-Type")
	a.cached, a.fresh, a.renewing = freshness(resp.Header)
	switch {
	case resp.StatusCode == http.StatusNotModified && etag != "":
		a.notModified, a.etag = true, etag
		return a, nil
	case resp.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", address, errNotFound)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answered %d", address, resp.StatusCode)
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(a.body) > maxBody {
		err = fmt.Errorf("%s is larger than %d bytes", address, maxBody)
	}
	return a, err
}

// newClient is the client of the configuration, or one of our own, with our
// redirect policy.
func newClient(given *http.Client) *http.Client {
	client := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second,
		MaxIdleConnsPerHost: 2, MaxResponseHeaderBytes: 64 << 10,
	}}
	if given != nil {
		copied := *given
		client = &copied
	}
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		first := via[0].URL
		switch {
		case len(via) > 3:
			return errors.New("too many redirects")
		case req.URL.Scheme != first.Scheme || !strings.EqualFold(req.URL.Host, first.Host):
			return fmt.Errorf("%s redirects to another host, %s", first, clip(req.URL.Host))
		}
		return nil
	}
	return client
}

// parseSecureURL parses an absolute URL that may be fetched: https, or http on
// the loopback.
func parseSecureURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, err
	case u.Host == "" || u.Opaque != "" || u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("%q is not an absolute URL with a host", clip(s))
	case u.Scheme == "https" || (u.Scheme == "http" && loopback(u.Hostname())):
		return u, nil
	}
	return nil, fmt.Errorf("%q must be https", clip(s))
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}

// freshness reads Cache-Control and Age (RFC 9111, sections 4.2 and 5.2.2).
func freshness(h http.Header) (found bool, fresh, renewing time.Duration) {
	forbidden := false
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			found, forbidden = true, true
		case "max-age":
			found, fresh = true, seconds(value)
		case "stale-while-revalidate":
			renewing = seconds(value)
		}
	}
	if forbidden || !found {
		return found, 0, 0
	}
	return true, max(fresh-seconds(h.Get("Age")), 0), renewing
}

// longest is the longest that any answer is used without asking again.
const longest = 24 * time.Hour

// seconds reads delta-seconds, up to longest; anything else is none.
func seconds(s string) time.Duration {
	n, err := strconv.ParseUint(strings.Trim(s, `"`), 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return longest
	}
	if err != nil {
		return 0
	}
	return time.Duration(min(n, uint64(longest/time.Second))) * time.Second
}
