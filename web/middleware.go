package web

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/authz"
)

// maxBody is the largest request body, in bytes. The largest that is of use
// is an authorization or token request of a few KiB.
const maxBody = 64 << 10

// requestIDKey is where observe leaves the request id.
type requestIDKey struct{}

// RequestID is the id of the request that ctx belongs to, empty outside of
// one. A log handler can add it to lines of rooms that know no requests.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

func requestID(c echo.Context) string { return RequestID(c.Request().Context()) }

// newRequestID makes 64 random bits in hex: people read it to each other.
func newRequestID(rand io.Reader) (string, error) {
	b := make([]byte, 8)
	if _, err := io.ReadFull(rand, b); err != nil {
		return "", fmt.Errorf("reading randomness: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// observe gives the request an id of our own making (a stranger's would let
// him write into the log), and writes one line when it is answered: an
// allow-list, without path parameters, query, headers or form.
func (s *server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := s.cfg.Now()
		id, err := newRequestID(s.cfg.Rand)
		if err != nil {
			return err
		}
		ctx := context.WithValue(c.Request().Context(), requestIDKey{}, id)
		c.SetRequest(c.Request().WithContext(authz.WithRemote(ctx, c.RealIP())))
		c.Response().Header().Set("X-Request-Id", id)
		if err := next(c); err != nil {
			c.Error(err)
		}
		level := slog.LevelInfo
		if strings.HasSuffix(c.Path(), pathAlive) || strings.HasSuffix(c.Path(), pathReady) || strings.HasPrefix(c.Path(), s.base+pathStatic) {
			level = slog.LevelDebug
		}
		s.cfg.Logger.LogAttrs(c.Request().Context(), level, "request",
			slog.String("method", method(c)),
			slog.String("route", route(c)),
			slog.Int("status", c.Response().Status),
			slog.Duration("duration", s.cfg.Now().Sub(began)),
			slog.String("request_id", id),
			slog.String("remote", c.RealIP()))
		return nil
	}
}

// route is the pattern that matched, never the path itself: paths hold flow
// ids and set-up tokens, and strangers write anything into the others.
func route(c echo.Context) string {
	if c.Path() == "" {
		return "unmatched"
	}
	return c.Path()
}

func method(c echo.Context) string {
	switch m := c.Request().Method; m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// remoteAddress believes X-Forwarded-For from the listed proxies alone.
func remoteAddress(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	opts := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		p = p.Masked()
		opts = append(opts, echo.TrustIPRange(&net.IPNet{
			IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(opts...)
}

// recoverPanic turns a panic into an error: a page for the person, the stack
// for the log.
func (s *server) recoverPanic(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			r := recover()
			if r == nil {
				return
			}
			if r == http.ErrAbortHandler {
				panic(r) // net/http's own way to drop a connection
			}
			s.cfg.Logger.LogAttrs(c.Request().Context(), slog.LevelError, "panic",
				slog.String("request_id", requestID(c)), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("panic: %v", r)
		}()
		return next(c)
	}
}

// secureHeaders sets what every response has; pages add to it (pages.go).
//
// There is no Cross-Origin-Opener-Policy here: an app may run the whole flow
// in a popup and wait for it with window.opener, which that header would cut
// for good. Only pages that no app opens have it.
func (s *server) secureHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store") // what may be kept says so itself
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		if s.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		return next(c)
	}
}

// plainPaths answers 404 to every path that is not written plainly. None of
// ours needs an escape, a doubled slash or a dot segment, and reading such a
// path differently than a proxy does is how routes get walked around (echo
// CVE-2026-55677). It never redirects: `//evil.example` would leave the host.
func (s *server) plainPaths(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		p := c.Request().URL.EscapedPath()
		if strings.HasSuffix(p, "/") && p != s.base+"/" {
			return echo.ErrNotFound // echo lets a last parameter swallow slashes
		}
		if strings.ContainsAny(p, "%\\;") || strings.Contains(p, "//") || strings.Contains(p+"/", "/./") || strings.Contains(p+"/", "/../") {
			return echo.ErrNotFound
		}
		return next(c)
	}
}

// limitBody reads the whole body, up to maxBody, before anything else looks
// at it: every endpoint then gives the same 413, whether the length was
// declared or not.
func (s *server) limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.Body == nil || r.Body == http.NoBody {
			return next(c)
		}
		if r.ContentLength > maxBody {
			return echo.ErrStatusRequestEntityTooLarge
		}
		body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, maxBody))
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return echo.ErrStatusRequestEntityTooLarge
		}
		if err != nil {
			return echo.NewHTTPError(http.StatusRequestTimeout).SetInternal(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		return next(c)
	}
}

// sameOrigin refuses posts that another site made a browser send. The form
// token would stop them too; this says so before anything is parsed.
//
// Sec-Fetch-Site decides where a browser sends it. Older ones send Origin
// alone, and "null" where a page asks for no referrer, as ours do: then the
// form token decides. Programs send neither and carry no one's cookies.
func (s *server) sameOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Request().Header
		origin := h.Get("Origin")
		ok := false
		switch h.Get("Sec-Fetch-Site") {
		case "same-origin", "none":
			ok = true
		case "":
			ok = origin == "" || origin == "null" || origin == s.origin()
		}
		if !ok {
			return &refusal{status: http.StatusForbidden, text: s.texts.ErrorForeignForm,
				err: fmt.Errorf("cross-site post: expected origin %s, received origin %q, Sec-Fetch-Site %q",
					s.origin(), clip(origin, 200), clip(h.Get("Sec-Fetch-Site"), 20))}
		}
		return next(c)
	}
}

// origin is the issuer's origin (RFC 6454).
func (s *server) origin() string { return strings.TrimSuffix(s.issuer, s.base) }
