package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/authz/login"
)

// Forward authentication: a proxy asks before it passes a request on to a site that
// knows no OpenID Connect (nginx auth_request, Caddy forward_auth, Traefik
// ForwardAuth).
//
//	proxy ─► /auth/verify ─► 200 and who it is, 403, or where to sign in ─┐
//	                                                                      ▼
//	site/.signet/start ─► /auth/start ─► the pages of a flow ─► site/.signet/callback
//	   its browser id        at the issuer                        its cookie ─► the page
//
// What a proxy says of the request is believed of a proxy alone (forward_peer.go),
// and chooses among the configured sites: every link is built from those.
const (
	pathVerify     = "/auth/verify"
	pathAuthStart  = "/auth/start"
	headerRedirect = "X-Auth-Redirect"
)

// forwarder decides for sites that a proxy guards.
type forwarder interface {
	ForwardSite(host string) (authz.ForwardSite, bool)
	VerifyForward(ctx context.Context, host, cookie string) (login.Person, error)
	RedeemForward(ctx context.Context, host, code, browser string) (authz.ForwardEntry, error)
}

// verifyForward answers a proxy. It writes plain text: where a proxy shows an answer
// of ours at all, it does so on another host, where our styles are not.
func (s *server) verifyForward(c echo.Context) error {
	asked, err := s.forwarded(c)
	if err != nil {
		s.logError(c, http.StatusForbidden, err)
		return c.String(http.StatusForbidden, s.texts.ForwardUnknown+"\n")
	}
	names := siteCookieNames(asked.site.Secure())
	person, err := s.forward.VerifyForward(c.Request().Context(), asked.site.Host, cookieValue(c, names.session))
	barred := (*authz.NotAdmittedError)(nil)
	switch {
	case errors.Is(err, authz.ErrForwardSignIn):
		return s.sendToSignIn(c, asked)
	case errors.As(err, &barred):
		s.logError(c, http.StatusForbidden, err)
		return c.String(http.StatusForbidden, fillPlain(s.texts.ForwardBarred, appName(siteApp(asked.site)))+"\n")
	case err != nil:
		return err
	}
	h := c.Response().Header()
	for name, value := range identity(person) {
		h.Set(name, value)
	}
	return c.NoContent(http.StatusOK)
}

// identity are the headers that tell a site who is there. All of them are always
// there, empty ones too, so that each replaces what the browser may have sent by the
// same name.
func identity(p login.Person) map[string]string {
	var groups []string
	for _, g := range p.Groups {
		// One with a comma in it would read as two, one of which nobody is in.
		if !strings.Contains(g, ",") {
			groups = append(groups, headerText(g))
		}
	}
	return map[string]string{
		"Remote-User": headerText(p.Username), "Remote-Email": headerText(p.Email),
		"Remote-Name": headerText(p.Profile.Name), "Remote-Groups": strings.Join(groups, ","),
	}
}

// headerText is s as a field value (RFC 9110, section 5.5), in UTF-8.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// sendToSignIn says where the sign-in begins. nginx understands 401 alone, and turns
// it into a redirect by error_page; scripts and sockets can do nothing with a page to
// sign in on, and get a 401 they can see. The others show a browser what they get.
func (s *server) sendToSignIn(c echo.Context, asked forwarded) error {
	to := asked.site.Origin() + authz.ForwardStart + "?rd=" + url.QueryEscape(asked.site.ReturnURL(asked.uri))
	h := c.Response().Header()
	h.Set(headerRedirect, to)
	h.Set(echo.HeaderLocation, to)
	status := http.StatusFound
	if asked.subrequest || !navigates(c.Request()) {
		status = http.StatusUnauthorized
	}
	return c.String(status, s.texts.ForwardSignIn+"\n")
}

// navigates reports whether a browser will show the answer as a page, as far as it
// says (Fetch Metadata, section 2.2).
func navigates(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return (mode == "" || mode == "navigate") && !strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// startForward is where a site's sign-in begins, at the site: its browser gets an id
// here, which the code that comes back is bound to. Several tabs share it.
func (s *server) startForward(c echo.Context) error {
	asked, err := s.forwarded(c)
	if err != nil {
		return echo.ErrNotFound.WithInternal(err)
	}
	names := siteCookieNames(asked.site.Secure())
	id := cookieValue(c, names.browser)
	if !isID(id) {
		if id, err = newID(s.cfg.Rand); err != nil {
			return err
		}
	}
	setSiteCookie(c, asked.site, names.browser, id, int(browserLifetime.Seconds()))
	q := url.Values{"rd": {c.QueryParam("rd")}, "state": {authz.ForwardState(id)}}
	if q.Get("rd") == "" {
		q.Set("rd", asked.site.Origin()+"/")
	}
	return c.Redirect(http.StatusSeeOther, s.url(pathAuthStart)+"?"+q.Encode())
}

// beginForward is the sign-in for a site, at the issuer: the same pages as of an
// authorization, and none at all for who is signed in already.
func (s *server) beginForward(c echo.Context) error {
	form, err := s.params(c)
	if err != nil {
		return err
	}
	req, err := s.startsForward(c.Request().Context(), form)
	if err != nil {
		return err
	}
	return s.begin(c, req, "The address to return to is too long.")
}

// finishForward takes the code at the site, and goes on to the page. What cannot be
// taken ends on a page with a way on, not in a redirect: where cookies are refused,
// that would go round in circles.
func (s *server) finishForward(c echo.Context) error {
	asked, err := s.forwarded(c)
	if err != nil {
		return echo.ErrNotFound.WithInternal(err)
	}
	names := siteCookieNames(asked.site.Secure())
	browser := cookieValue(c, names.browser)
	if !isID(browser) {
		browser = ""
	}
	entry, err := s.forward.RedeemForward(c.Request().Context(), asked.site.Host, c.QueryParam("code"), browser)
	if e := (*authz.Error)(nil); errors.As(err, &e) && e.Status < http.StatusInternalServerError {
		return &refusal{status: e.Status, heading: s.texts.ForwardLost, text: e.Description, err: err,
			action: &link{ID: "open-site", Text: fillPlain(s.texts.ForwardOpen, asked.site.Host), URL: asked.site.Origin() + "/"}}
	}
	if err != nil {
		return err
	}
	setSiteCookie(c, asked.site, names.session, entry.Cookie, 0)
	s.cfg.Logger.LogAttrs(c.Request().Context(), slog.LevelInfo, "signed in at a guarded site",
		slog.String("request_id", requestID(c)), slog.String("host", asked.site.Host))
	return c.Redirect(http.StatusSeeOther, entry.To)
}

// barredPage tells a person that a site is not for them, and lets another sign in.
func (s *server) barredPage(e *authz.NotAdmittedError) refusal {
	return refusal{
		status: http.StatusForbidden, heading: s.texts.ForwardBarredHeading,
		text:   fillPlain(s.texts.ForwardBarred, appName(siteApp(e.Site))),
		action: &link{ID: "sign-in-again", Text: s.texts.ForwardOther, URL: s.url(pathAuthStart) + "?" + e.Again.Encode()},
		err:    fmt.Errorf("a sign-in for %s: %w", e.Site.Host, e),
	}
}
