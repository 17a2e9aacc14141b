package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/authz"
)

// Scripts on other origins (Fetch Standard, section 3.3, the CORS protocol).
// What is the same for everybody, they may read from anywhere. Of the back
// channel, they may read what is meant for a client that has their origin,
// errors too. All else says nothing, which keeps them out. No answer ever allows
// credentials: cookies are for our own pages.

// preflightMaxAge is how many seconds a browser may go by the answer to a
// preflight request. It allows nothing by itself: every answer is judged anew.
const preflightMaxAge = "3600"

// exposedHeaders are those that scripts may read, beside the few that they
// always may.
const exposedHeaders = "WWW-Authenticate, Retry-After, X-Request-Id, ETag"

// origins knows whose scripts may read what. *authz.Provider does.
type origins interface {
	// OriginKnown reports whether any client has the origin.
	OriginKnown(ctx context.Context, origin string) (bool, error)
	// MayRead reports whether the client that a request was for has the origin.
	MayRead(r *http.Request, origin string) bool
}

// sharing is how scripts of other origins may use a path.
type sharing struct {
	// everyone: of any origin; if not, of those of clients.
	everyone bool
	// methods and headers are those that they may send.
	methods, headers string
}

// sharing finds the rule for a path, false for one that is not shared.
func (s *server) sharing(path string) (sharing, bool) {
	document := sharing{everyone: true, methods: "GET, HEAD", headers: "*"}
	if strings.HasPrefix(path, "/.well-known/") {
		return document, true
	}
	rest, ok := strings.CutPrefix(path, s.base)
	if !ok {
		return sharing{}, false
	}
	switch {
	case strings.HasPrefix(rest, "/.well-known/"), rest == "/oauth2/status", strings.HasPrefix(rest, "/oauth2/status/"):
		return document, true
	case rest == "/oauth2/register", strings.HasPrefix(rest, "/oauth2/register/"):
		// Whoever registers is known by a token, or is a stranger in any case.
		return sharing{everyone: true, methods: "GET, POST, PUT, DELETE", headers: "Authorization, *"}, true
	case rest == "/oauth2/token", rest == "/oauth2/revoke":
		return sharing{methods: "POST", headers: "Authorization, Content-Type"}, true
	case rest == "/oauth2/userinfo":
		return sharing{methods: "GET, POST", headers: "Authorization, Content-Type"}, true
	}
	return sharing{}, false
}

// crossOrigin lets scripts read answers of the paths that are shared, whatever
// becomes of the request. Whose it is, is known when it is answered.
func (s *server) crossOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		share, ok := s.sharing(c.Request().URL.Path)
		if !ok {
			return next(c)
		}
		h := c.Response().Header()
		if share.everyone {
			allowOrigin(h, "*")
			return next(c)
		}
		h.Add("Vary", "Origin") // also without one, or a cache would give that answer to scripts
		origin := c.Request().Header.Values("Origin")
		if len(origin) != 1 || c.Request().Method == http.MethodOptions {
			return next(c)
		}
		c.SetRequest(c.Request().WithContext(authz.WithAsker(c.Request().Context())))
		c.Response().Before(func() {
			if s.origins.MayRead(c.Request(), origin[0]) {
				allowOrigin(h, origin[0])
			}
		})
		return next(c)
	}
}

func allowOrigin(h http.Header, origin string) {
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", exposedHeaders)
}

// preflight answers what a browser asks before it lets a script send more than
// a form could. It names no client, so any client's origin will do.
func (s *server) preflight(c echo.Context) error {
	r, h := c.Request(), c.Response().Header()
	share, ok := s.sharing(r.URL.Path)
	if !ok {
		return echo.ErrNotFound
	}
	h.Set("Allow", share.methods+", OPTIONS")
	if r.Header.Get("Access-Control-Request-Method") == "" {
		return c.NoContent(http.StatusNoContent) // no browser's
	}
	if !share.everyone {
		origin := r.Header.Values("Origin")
		known := false
		if len(origin) == 1 {
			var err error
			if known, err = s.origins.OriginKnown(r.Context(), origin[0]); err != nil {
				return err
			}
		}
		if !known {
			return &refusal{status: http.StatusForbidden, text: s.texts.ErrorForeignOrigin,
				err: fmt.Errorf("preflight: expected an origin of a client, received %q", clip(strings.Join(origin, ", "), 200))}
		}
		allowOrigin(h, origin[0])
	}
	h.Del("Access-Control-Expose-Headers") // of the answer itself, not of this one
	h.Set("Access-Control-Allow-Methods", share.methods)
	h.Set("Access-Control-Allow-Headers", share.headers)
	h.Set("Access-Control-Max-Age", preflightMaxAge)
	return c.NoContent(http.StatusNoContent)
}
