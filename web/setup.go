package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/authz/login"
)

type setupView struct {
	Action, Token         string
	Username, Email, Name string
	Problems              []problem
	status                int
}

// Invalid reports whether a field has a problem.
func (v setupView) Invalid(name string) bool { return invalid(v.Problems, name) }

// Focus reports whether the cursor belongs in a field: the first one with a
// problem, or the first of all.
func (v setupView) Focus(name string) bool {
	if len(v.Problems) == 0 {
		return name == "username"
	}
	return name == v.Problems[0].Field
}

// showSetup shows the form behind the one-time link that an empty server
// prints when it starts.
func (s *server) showSetup(c echo.Context) error {
	if err := s.setup.CheckSetupLink(c.Request().Context(), c.Param("token")); err != nil {
		return s.setupError(err)
	}
	return s.renderSetup(c, setupView{status: http.StatusOK})
}

func (s *server) renderSetup(c echo.Context, v setupView) error {
	browser, err := s.ensureBrowser(c)
	if err != nil {
		return err
	}
	token := c.Param("token")
	v.Action, v.Token = s.url(pathSetup+token), s.seal.Token(browser, "setup", token)
	if v.status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", retryAfter)
	}
	return s.pages.render(c, page{
		name: "setup", status: v.status, title: s.texts.SetupTitle, failed: len(v.Problems) > 0, alone: true, view: v,
	})
}

// createAdmin makes the first administrator. The link dies with its use.
func (s *server) createAdmin(c echo.Context) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	token := c.Param("token")
	v := setupView{Username: form.Get("username"), Email: form.Get("email"), Name: form.Get("name"), status: http.StatusOK}
	if !s.seal.Check(form.Get("csrf"), s.browserID(c), "setup", token) {
		if err := s.setup.CheckSetupLink(c.Request().Context(), token); err != nil {
			return s.setupError(err)
		}
		v.status, v.Problems = http.StatusForbidden, []problem{{"username", s.texts.FormStale}}
		return s.renderSetup(c, v)
	}
	person, err := s.setup.SetUp(c.Request().Context(), token, login.NewPerson{
		Username: v.Username, Email: v.Email, Password: form.Get("password"),
		// Whoever holds the link runs the server, and vouches for the address.
		EmailVerified: v.Email != "",
		Profile:       login.Profile{Name: v.Name},
		Admin:         true,
	})
	if err == nil {
		return s.pages.message(c, http.StatusOK, messageView{
			Heading: s.texts.SetupDoneHeading, What: fillPlain(s.texts.SetupDoneText, personName(person)), Todo: s.texts.SetupDoneTodo,
		})
	}
	v.Problems = s.setupProblems(err)
	switch {
	case errors.Is(err, login.ErrBusy):
		v.status = http.StatusServiceUnavailable
	case len(v.Problems) == 0:
		return s.setupError(err)
	}
	return s.renderSetup(c, v)
}

// setupError explains a link that is spent, too old or was never made.
func (s *server) setupError(err error) error {
	if !errors.Is(err, login.ErrSetupLink) {
		return err
	}
	return &refusal{status: http.StatusGone, heading: s.texts.SetupDeadHeading, text: s.texts.SetupDeadText, todo: s.texts.SetupDeadTodo, err: err}
}

// setupProblems says in words what to change in the form.
func (s *server) setupProblems(err error) []problem {
	switch {
	case errors.Is(err, login.ErrBusy):
		return []problem{{"password", s.texts.LoginBusy}}
	case errors.Is(err, login.ErrTaken):
		return []problem{{"username", s.texts.SetupTaken}}
	}
	var out []problem
	for _, f := range fieldErrors(err) {
		name := s.texts.fieldName(f.Field)
		out = append(out, problem{f.Field, fillPlain(s.texts.SetupProblem, name, f.Reason)})
	}
	return out
}

// fieldErrors lists the field errors that err joins.
func fieldErrors(err error) []*login.FieldError {
	if f, ok := err.(*login.FieldError); ok {
		return []*login.FieldError{f}
	}
	var out []*login.FieldError
	switch w := err.(type) {
	case interface{ Unwrap() []error }:
		for _, e := range w.Unwrap() {
			out = append(out, fieldErrors(e)...)
		}
	case interface{ Unwrap() error }:
		out = fieldErrors(w.Unwrap())
	}
	return out
}
