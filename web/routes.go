package web

import (
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/authz"
)

// Paths below the issuer that more than one file needs.
const (
	pathAuthorize     = "/oauth2/authorize"
	pathLogout        = "/oauth2/logout"
	pathLogoutConfirm = "/oauth2/logout/confirm"
	pathLoggedOut     = "/logged-out"
	pathAccount       = "/account"
	pathInteraction   = "/interaction/"
	pathSetup         = "/setup/"
	pathStatic        = "/static/"
	pathLogo          = "/client-logo/"
	pathAlive         = "/healthz"
	pathReady         = "/readyz"
)

// newEcho makes a router with what every request goes through.
func (s *server) newEcho() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard) // slog is the only log
	e.HTTPErrorHandler = s.handleError
	e.IPExtractor = remoteAddress(s.cfg.TrustedProxies)
	e.Use(s.observe, s.recoverPanic, s.secureHeaders, s.crossOrigin, s.plainPaths, s.limitBody)
	return e
}

// routes is the table of contents: every path, its handler, its middleware.
func (s *server) routes() http.Handler {
	e := s.newEcho()

	read := []string{http.MethodGet, http.MethodHead}
	both := []string{http.MethodGet, http.MethodPost}
	b := s.base

	// Discovery (OpenID Connect Discovery 4; RFC 8414, 3) and keys. Clients
	// disagree on where the path of an issuer goes, so all places answer. Status
	// lists tell of revoked tokens (Token Status List, 8 and 9).
	for _, doc := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		for _, path := range unique(b+doc, doc+b, doc) {
			e.Match(read, path, handler(s.metadata))
			e.OPTIONS(path, s.preflight)
		}
	}
	e.Match(read, b+"/.well-known/jwks.json", handler(s.keySet))
	e.Match(read, b+"/oauth2/status", handler(s.statusLists))
	e.Match(read, b+"/oauth2/status/:list", handlerOf(s.statusList, "list"))

	// The back channel: authz answers in JSON, errors too.
	e.POST(b+"/oauth2/token", handler(s.token))
	e.Match(both, b+"/oauth2/userinfo", handler(s.userInfo))
	e.POST(b+"/oauth2/introspect", handler(s.introspect))
	e.POST(b+"/oauth2/revoke", handler(s.revoke))

	// Clients that register themselves (RFC 7591, 3) and manage that (RFC 7592, 2).
	e.POST(b+"/oauth2/register", handler(s.register))
	e.Match([]string{http.MethodGet, http.MethodPut, http.MethodDelete}, b+"/oauth2/register/:client", handlerOf(s.registration, "client"))

	// What browsers ask on behalf of scripts on other origins: see cors.go.
	for _, path := range []string{"/.well-known/jwks.json", "/oauth2/status", "/oauth2/status/:list", "/oauth2/token", "/oauth2/userinfo", "/oauth2/revoke", "/oauth2/register", "/oauth2/register/:client"} {
		e.OPTIONS(b+path, s.preflight)
	}

	// Where apps send people. Posts from other sites are part of the protocol.
	e.Match(both, b+pathAuthorize, s.beginAuthorize)
	e.Match(both, b+pathLogout, s.beginLogout)

	// Sites that a proxy guards: what the proxy asks, where people sign in, and the
	// two paths of each site that its proxy passes on.
	e.Match(read, b+pathVerify, s.verifyForward)
	e.GET(b+pathAuthStart, s.beginForward)
	e.GET(authz.ForwardStart, s.startForward)
	e.GET(authz.ForwardCallback, s.finishForward)

	// Our own pages. Their posts come from our own pages alone.
	own := s.sameOrigin
	e.GET(b+pathInteraction+":flow/login", s.showInteraction)
	e.POST(b+pathInteraction+":flow/login", s.signIn, own)
	e.GET(b+pathInteraction+":flow/factor", s.showInteraction)
	e.POST(b+pathInteraction+":flow/factor", s.proveFactor, own)
	e.GET(b+pathInteraction+":flow/consent", s.showInteraction)
	e.POST(b+pathInteraction+":flow/consent", s.answerConsent, own)
	e.POST(b+pathInteraction+":flow/switch", s.switchPerson, own)
	e.POST(b+pathLogoutConfirm, s.confirmLogout, own)
	e.GET(b+pathLoggedOut, s.showLoggedOut)
	e.GET(b+pathAccount, s.showAccount)
	e.POST(b+pathAccount+"/login", s.accountSignIn, own)
	e.POST(b+pathAccount+"/sessions/end", s.endOwnSession, own)
	e.POST(b+pathAccount+"/sessions/end-others", s.endOtherSessions, own)
	e.POST(b+pathAccount+"/apps/revoke", s.revokeApp, own)
	e.GET(b+pathSetup+":token", s.showSetup)
	e.POST(b+pathSetup+":token", s.createAdmin, own)
	for _, path := range unique(b, b+"/") {
		e.GET(path, s.showHome)
	}

	// The admin API, in JSON: see adminOperations.
	s.mountAdmin(e)

	// For those who watch over the server: is it alive, can it work?
	for _, path := range unique(b+pathAlive, pathAlive) {
		e.Match(read, path, s.alive)
	}
	for _, path := range unique(b+pathReady, pathReady) {
		e.Match(read, path, s.ready)
	}
	e.Match(read, b+pathStatic+":name", s.serveStatic)
	e.Match(read, b+pathLogo+":logo", s.serveLogo)
	return e
}

// handler mounts a net/http handler that writes its own headers and errors.
func handler(h http.HandlerFunc) echo.HandlerFunc { return echo.WrapHandler(h) }

// handlerOf is handler for one that takes a parameter of the path.
func handlerOf(h http.HandlerFunc, param string) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Request().SetPathValue(param, c.Param(param))
		h(c.Response(), c.Request())
		return nil
	}
}

// unique drops paths that are the same because the issuer has no path.
func unique(paths ...string) []string {
	var out []string
	for _, p := range paths {
		known := p == "" // the root is "/"
		for _, o := range out {
			known = known || o == p
		}
		if !known {
			out = append(out, p)
		}
	}
	return out
}
