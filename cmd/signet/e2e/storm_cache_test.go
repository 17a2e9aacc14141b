package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// httpAnswer is an answer of the JWKS endpoint as an HTTP cache keeps it.
type httpAnswer struct {
	asked        time.Time
	header       http.Header
	body         []byte
	fresh, stale time.Duration // max-age, and stale-while-revalidate after it
}

// age counts from the request, so that a slow answer is the older for it
// (RFC 9111, section 4.2.3).
func (a *httpAnswer) age() time.Duration { return time.Since(a.asked) }

func (a *httpAnswer) isFresh() bool { return a != nil && a.age() < a.fresh }

// isUsable says whether a cache may still answer with it (RFC 5861, section 3).
func (a *httpAnswer) isUsable() bool { return a != nil && a.age() < a.fresh+a.stale }

func (a *httpAnswer) response(req *http.Request) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header.Clone(), Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req,
	}
}

// conditional asks one URL with If-None-Match and keeps the last answer. It
// answers a 304 with the body it has (RFC 9111, section 4.3.4).
type conditional struct {
	last atomic.Pointer[httpAnswer]
}

func (c *conditional) ask(req *http.Request) (*httpAnswer, *http.Response, error) {
	before, asked := c.last.Load(), time.Now()
	req = req.Clone(req.Context())
	if before != nil {
		req.Header.Set("If-None-Match", before.header.Get("ETag"))
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || (resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotModified) {
		return nil, resp, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode == http.StatusNotModified {
		body = before.body
	}
	now := &httpAnswer{asked: asked, header: resp.Header, body: body}
	now.fresh, now.stale = lifetime(resp.Header.Get("Cache-Control"))
	c.last.Store(now)
	return now, now.response(req), nil
}

// lifetime reads Cache-Control.
func lifetime(header string) (fresh, stale time.Duration) {
	for directive := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		seconds, _ := strconv.Atoi(value)
		switch name {
		case "max-age":
			fresh = time.Duration(seconds) * time.Second
		case "stale-while-revalidate":
			stale = time.Duration(seconds) * time.Second
		}
	}
	return fresh, stale
}

// sharedCache is a cache such as stands before many APIs. It answers from what
// it has while that is fresh; while it may be used stale, too, and asks for a
// new one in the background. It does not listen to the no-cache of a request:
// no cache has to (RFC 9111, section 5.2.1), and go-oidc always sends it.
type sharedCache struct {
	conditional
	asking atomic.Bool
}

func (c *sharedCache) RoundTrip(req *http.Request) (*http.Response, error) {
	last := c.last.Load()
	if !last.isUsable() {
		_, resp, err := c.ask(req)
		return resp, err
	}
	if !last.isFresh() && c.asking.CompareAndSwap(false, true) {
		background := req.Clone(context.WithoutCancel(req.Context()))
		go func() {
			defer c.asking.Store(false)
			if answer, resp, err := c.ask(background); answer == nil && err == nil {
				resp.Body.Close() // a refusal; the next who asks sees it
			}
		}()
	}
	return last.response(req), nil
}

// unsharedCache is no cache at all, but for a library that is one itself: each
// request goes out, and held is the answer that the library has taken in, for
// it closes the body only then.
type unsharedCache struct {
	conditional
	held atomic.Pointer[httpAnswer]
}

func (c *unsharedCache) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, resp, err := c.ask(req)
	if answer != nil {
		resp.Body = onClose{resp.Body, func() { c.held.Store(answer) }}
	}
	return resp, err
}

type onClose struct {
	io.ReadCloser
	do func()
}

func (b onClose) Close() error {
	b.do()
	return b.ReadCloser.Close()
}
