package web

import (
	"context"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/authz/login"
)

type logoutView struct {
	App, Action, Token, Home string
	Fields                   []field
}

// beginLogout is the end_session_endpoint (OpenID Connect RP-Initiated Logout
// 1.0, section 2), by GET and POST.
func (s *server) beginLogout(c echo.Context) error {
	form, err := s.params(c)
	if err != nil {
		return err
	}
	// As at the authorization endpoint: a post from another site comes
	// without our cookies, and "signed out" would not be true.
	if c.Request().Method == http.MethodPost && s.sessionToken(c) == "" {
		return c.Redirect(http.StatusSeeOther, s.url(pathLogout)+"?"+form.Encode())
	}
	sess, err := s.session(c)
	if err != nil {
		return err
	}
	out, err := s.logout.EndSession(c.Request().Context(), form, sess)
	if err != nil {
		return err
	}
	if out.Confirm && sess != nil {
		return s.askLogout(c, form, sess, out)
	}
	return s.finishLogout(c, sess, out)
}

// askLogout asks the person, because nothing proves that the app may sign
// them out. The request travels along in the form.
func (s *server) askLogout(c echo.Context, form url.Values, sess *login.Session, out authz.Logout) error {
	browser, err := s.ensureBrowser(c)
	if err != nil {
		return err
	}
	v := logoutView{Action: s.url(pathLogoutConfirm), Home: s.url("/"), Token: s.seal.Token(browser, "logout", sess.ID)}
	if out.Client != nil {
		v.App = appName(*out.Client)
	}
	for _, name := range sortedKeys(form) {
		for _, value := range form[name] {
			if name != "csrf" {
				v.Fields = append(v.Fields, field{name, value})
			}
		}
	}
	return s.pages.render(c, page{name: "logout", status: http.StatusOK, title: s.texts.LogoutTitle, leaves: true, view: v})
}

// confirmLogout takes the answer of the page above. Sent again, after the
// session has ended, it has nothing left to protect and says so.
func (s *server) confirmLogout(c echo.Context) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	sess, err := s.session(c)
	if err != nil {
		return err
	}
	if sess != nil && !s.seal.Check(form.Get("csrf"), s.browserID(c), "logout", sess.ID) {
		return s.staleForm("logout")
	}
	form.Del("csrf")
	out, err := s.logout.EndSession(c.Request().Context(), form, sess)
	if err != nil {
		return err
	}
	return s.finishLogout(c, sess, out)
}

// finishLogout ends the session and goes back to the app, or to a page whose
// address holds nothing of the request.
//
// If apps are to be told by the browser, a page does that first. The session ends
// whatever becomes of it.
func (s *server) finishLogout(c echo.Context, sess *login.Session, out authz.Logout) error {
	var frames []string
	if sess != nil {
		ctx := c.Request().Context()
		var err error
		if frames, err = s.logout.FrontchannelLogouts(ctx, sess.ID); err != nil {
			return err
		}
		if err := s.endSession(ctx, *sess); err != nil {
			return err
		}
	}
	if s.sessionToken(c) != "" {
		s.clearSession(c)
	}
	if len(frames) > 0 {
		return s.showFrames(c, frames, out)
	}
	to := s.url(pathLoggedOut)
	if out.RedirectURI != "" {
		to = out.RedirectURI
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// endSession ends a session, with all that follows.
func (s *server) endSession(ctx context.Context, sess login.Session) error {
	if err := s.sessions.EndSession(ctx, sess.ID); err != nil {
		return err
	}
	s.after.SessionEnded(ctx, sess)
	return nil
}

// replaceSession ends the session that a browser had before a new sign-in. For
// the same person that is no logout.
func (s *server) replaceSession(ctx context.Context, old, fresh login.Session) error {
	continued, err := s.after.SessionReplaced(ctx, old, fresh)
	if err != nil {
		return err
	}
	if continued {
		return s.sessions.EndSession(ctx, old.ID)
	}
	return s.endSession(ctx, old)
}

func (s *server) showLoggedOut(c echo.Context) error {
	return s.pages.message(c, http.StatusOK, messageView{
		Heading: s.texts.LoggedOutHeading, What: s.texts.LoggedOutText, Todo: s.texts.LoggedOutTodo,
	})
}
