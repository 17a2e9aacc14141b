package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/authz/login"
)

// showAccountLogin asks who is there. The page is that of a flow, without an app.
func (s *server) showAccountLogin(c echo.Context, form loginForm) error {
	browser, err := s.ensureBrowser(c)
	if err != nil {
		return err
	}
	return s.renderLogin(c, loginView{
		Lead: s.texts.AccountLoginFor, Action: s.url(pathAccount + "/login"),
		Token: s.seal.Token(browser, "account-login"), loginForm: form,
	}, false)
}

// accountSignIn takes the form of showAccountLogin.
func (s *server) accountSignIn(c echo.Context) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	typed := typedLogin(form)
	if !s.seal.Check(form.Get("csrf"), s.browserID(c), "account-login") {
		typed.status = http.StatusForbidden
		typed.Problems = []problem{{"username", s.texts.FormStale}}
		return s.showAccountLogin(c, typed)
	}
	person, ok, err := s.check(c, &typed, form.Get("password"))
	if err != nil {
		return err
	}
	if !ok {
		return s.showAccountLogin(c, typed)
	}
	if _, err := s.startSession(c, person, typed.Remember); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, s.url(pathAccount))
}

// accountToken authenticates the forms of the page, for this browser and for as
// long as the session is this one.
func (s *server) accountToken(browser string, sess *login.Session) string {
	return s.seal.Token(browser, "account", sess.ID)
}

// accountForm is a form of the page, with whose it is. A nil session means that
// nobody is signed in any more: the page asks for that.
func (s *server) accountForm(c echo.Context) (url.Values, *login.Session, error) {
	form, err := s.form(c)
	if err != nil {
		return nil, nil, err
	}
	sess, _, err := s.owner(c)
	if err != nil || sess == nil {
		return form, nil, err
	}
	if !s.seal.Check(form.Get("csrf"), s.browserID(c), "account", sess.ID) {
		return nil, nil, s.staleForm("account")
	}
	actor := authz.Actor{Subject: sess.Subject, RequestID: requestID(c)}
	c.SetRequest(c.Request().WithContext(authz.WithActor(c.Request().Context(), actor)))
	return form, sess, nil
}

// endOwnSession ends one session of the person, this one too.
func (s *server) endOwnSession(c echo.Context) error {
	form, sess, err := s.accountForm(c)
	if err != nil {
		return err
	}
	if sess == nil || form.Get("sid") == "" {
		return s.backToAccount(c, nil, "")
	}
	if err := s.endSessions(c, login.SessionFilter{Subject: sess.Subject, ID: form.Get("sid")}); err != nil {
		return err
	}
	if form.Get("sid") == sess.ID {
		s.clearSession(c)
		return c.Redirect(http.StatusSeeOther, s.url(pathLoggedOut))
	}
	return s.backToAccount(c, sess, saidEnded)
}

// endOtherSessions ends every session of the person but this one.
func (s *server) endOtherSessions(c echo.Context) error {
	_, sess, err := s.accountForm(c)
	if err != nil {
		return err
	}
	if sess == nil {
		return s.backToAccount(c, nil, "")
	}
	if err := s.endSessions(c, login.SessionFilter{Subject: sess.Subject, Except: sess.ID}); err != nil {
		return err
	}
	return s.backToAccount(c, sess, saidOthersEnded)
}

// endSessions ends what f means, and does what follows from it: the one place
// where sessions end by this page.
func (s *server) endSessions(c echo.Context, f login.SessionFilter) error {
	ended, err := s.sessionLists.EndSessions(c.Request().Context(), f)
	if err != nil {
		return err
	}
	for _, one := range ended {
		s.noteEnded(c.Request().Context(), requestID(c), c.RealIP(), &one)
		s.after.SessionEnded(c.Request().Context(), one)
	}
	return nil
}

// noteEnded writes down that a person ended a session.
func (s *server) noteEnded(ctx context.Context, request, remote string, v *login.Session) {
	s.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "audit: session ended by its person", slog.String("event", "session_ended"),
		slog.String("sid", v.ID), slog.String("sub", v.Subject), slog.String("request_id", request), slog.String("remote", remote))
}

// revokeApp takes back what an app may do.
func (s *server) revokeApp(c echo.Context) error {
	form, sess, err := s.accountForm(c)
	if err != nil {
		return err
	}
	if sess == nil || form.Get("client_id") == "" {
		return s.backToAccount(c, nil, "")
	}
	if err := s.accounts.Withdraw(c.Request().Context(), sess.Subject, form.Get("client_id")); err != nil {
		return err
	}
	return s.backToAccount(c, sess, saidRevoked)
}

// What the page says of the form before it.
const (
	saidEnded       = "ended"
	saidOthersEnded = "others-ended"
	saidRevoked     = "revoked"
)

// backToAccount shows the page anew, with what was done. That travels in the
// address, authentic, so that no link can have the page claim it.
func (s *server) backToAccount(c echo.Context, sess *login.Session, said string) error {
	to := s.url(pathAccount)
	if said != "" {
		to += "?said=" + said + "." + s.seal.Token("said", sess.ID, said)
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// said is the sentence for what backToAccount put into the address.
func (s *server) said(c echo.Context, sess *login.Session) string {
	what, token, _ := strings.Cut(c.QueryParam("said"), ".")
	if !s.seal.Check(token, "said", sess.ID, what) {
		return ""
	}
	switch what {
	case saidEnded:
		return s.texts.AccountEnded
	case saidOthersEnded:
		return s.texts.AccountOthersEnded
	case saidRevoked:
		return s.texts.AccountRevoked
	}
	return ""
}
