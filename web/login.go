package web

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/authz/login"
)

// retryAfter is how many seconds a browser is told to wait when too many
// people sign in at once.
const retryAfter = "5"

// loginForm is what a person typed, and what was wrong with it.
type loginForm struct {
	Username string
	// Remember is the box "keep me signed in".
	Remember bool
	Problems []problem
	status   int
}

// problem is one line of an error summary, linked to its field.
type problem struct{ Field, Text string }

type loginView struct {
	App appView
	// Lead says what the sign-in is for, where that is no app.
	Lead, Action, Token string
	// MayRemember shows the box.
	MayRemember bool
	loginForm
}

// Invalid reports whether a field has a problem.
func (f loginForm) Invalid(name string) bool { return invalid(f.Problems, name) }

func invalid(ps []problem, name string) bool {
	for _, p := range ps {
		if p.Field == name {
			return true
		}
	}
	return false
}

func (s *server) showLogin(c echo.Context, f *flow, step authz.Step, form loginForm) error {
	return s.renderLogin(c, loginView{
		App: s.app(c, f, step), Action: s.flowURL(f.id, "login"),
		Token: s.seal.Token(f.id, f.browser, "login"), loginForm: form,
	}, true)
}

// typedLogin is what was typed, but for the password.
func typedLogin(form url.Values) loginForm {
	return loginForm{Username: form.Get("username"), Remember: form.Get("remember") == "1"}
}

// renderLogin shows the form; leaves says that it ends at an app.
func (s *server) renderLogin(c echo.Context, v loginView, leaves bool) error {
	form := &v.loginForm
	v.MayRemember = s.sessionLists.Remembers() > 0
	if form.status == 0 {
		form.status = http.StatusOK
	}
	if form.status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", retryAfter)
	}
	return s.pages.render(c, page{
		name: "login", status: form.status, title: s.texts.LoginTitle, failed: len(form.Problems) > 0,
		leaves: leaves, alone: !leaves, view: v,
	})
}

// signIn takes the sign-in form. Sent twice, or again after a step back, it
// does the same again and goes on.
func (s *server) signIn(c echo.Context) error {
	f, form, err := s.openForm(c)
	if err != nil {
		return err
	}
	typed := typedLogin(form)
	if !s.seal.Check(form.Get("csrf"), f.id, f.browser, "login") {
		typed.status = http.StatusForbidden
		typed.Problems = []problem{{"username", s.texts.FormStale}}
		return s.askAgain(c, f, typed)
	}
	person, ok, err := s.check(c, &typed, form.Get("password"))
	if err != nil {
		return err
	}
	if !ok {
		return s.askAgain(c, f, typed)
	}
	sess, err := s.startSession(c, person, typed.Remember)
	if err != nil {
		return err
	}
	step, err := s.authorize.Advance(c.Request().Context(), f.req, sess, authz.NoAnswer)
	return s.follow(c, f, step, err)
}

// check verifies the password, or says in the form what to do.
//
// A wrong password is answered with 200: the page worked, and 401 would need a
// WWW-Authenticate challenge (RFC 9110, section 15.5.2) and stop older engines.
func (s *server) check(c echo.Context, f *loginForm, password string) (login.Person, bool, error) {
	if f.Username == "" {
		f.Problems = append(f.Problems, problem{"username", s.texts.LoginNoUsername})
	}
	if password == "" {
		f.Problems = append(f.Problems, problem{"password", s.texts.LoginNoPassword})
	}
	if len(f.Problems) > 0 {
		return login.Person{}, false, nil
	}
	person, err := s.people.SignIn(c.Request().Context(), f.Username, password)
	switch {
	case err == nil:
		return person, true, nil
	case errors.Is(err, login.ErrMismatch):
		s.cfg.Logger.LogAttrs(c.Request().Context(), slog.LevelInfo, "name and password did not match",
			slog.String("request_id", requestID(c)), slog.String("remote", c.RealIP()))
		f.Problems = []problem{{"password", s.texts.LoginMismatch}}
	case errors.Is(err, login.ErrBusy):
		f.status = http.StatusServiceUnavailable
		f.Problems = []problem{{"password", s.texts.LoginBusy}}
	default:
		return login.Person{}, false, err
	}
	return login.Person{}, false, nil
}

// askAgain shows the form with what was typed. Advance for nobody says which
// app it is for, and never issues anything, whoever may be signed in.
func (s *server) askAgain(c echo.Context, f *flow, form loginForm) error {
	step, err := s.authorize.Advance(c.Request().Context(), f.req, nil, authz.NoAnswer)
	if err != nil || step.Kind != authz.StepLogin {
		return s.follow(c, f, step, err)
	}
	return s.showLogin(c, f, step, form)
}

// startSession signs person in. The session is always a new one, so that
// nobody keeps an id that was known before (session fixation), and the one
// this browser had ends.
func (s *server) startSession(c echo.Context, person login.Person, remember bool) (*login.Session, error) {
	ctx := c.Request().Context()
	old, err := s.session(c)
	if err != nil {
		return nil, err
	}
	sess, token, err := s.sessions.StartSession(ctx, person.ID, []string{"pwd"}, login.Device{
		Address: c.RealIP(), UserAgent: c.Request().UserAgent(), Remembered: remember,
	})
	if err != nil {
		return nil, err
	}
	if old != nil {
		if err := s.replaceSession(ctx, *old, sess); err != nil {
			return nil, err
		}
	}
	s.keepSession(c, &sess, token)
	return &sess, nil
}

// switchPerson is "Not you?": it ends the session and asks for a sign-in, for
// the same request.
func (s *server) switchPerson(c echo.Context) error {
	f, form, err := s.openForm(c)
	if err != nil {
		return err
	}
	if !s.seal.Check(form.Get("csrf"), f.id, f.browser, "switch") {
		return s.staleForm("switch")
	}
	sess, err := s.session(c)
	if err != nil {
		return err
	}
	if sess != nil {
		if err := s.endSession(c.Request().Context(), *sess); err != nil {
			return err
		}
	}
	s.clearSession(c)
	return c.Redirect(http.StatusSeeOther, s.flowURL(f.id, "login"))
}
