package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/authz/login"
)

// factorView is the page that asks whoever is signed in for one more factor.
type factorView struct {
	App                       appView
	Person, Ask               string
	Action, Token             string
	SwitchAction, SwitchToken string
	Problems                  []problem
}

// showFactor asks for the factor that leads to the level of the step (RFC 9470),
// and for nothing that was proven before.
func (s *server) showFactor(c echo.Context, f *flow, step authz.Step, subject string, status int, problems ...problem) error {
	level, err := s.stepUps.FactorLevel(c.Request().Context(), subject, step.StepUp)
	if err != nil {
		return err
	}
	if status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", retryAfter)
	}
	return s.pages.render(c, page{
		name: "factor", status: status, title: s.texts.FactorTitle, failed: len(problems) > 0, leaves: true,
		view: factorView{
			App: s.app(c, f, step), Person: personName(step.Person), Ask: level.Ask,
			Action: s.flowURL(f.id, "factor"), Token: s.factorToken(f, subject), Problems: problems,
			SwitchAction: s.flowURL(f.id, "switch"), SwitchToken: s.seal.Token(f.id, f.browser, "switch"),
		},
	})
}

// factorToken binds the form to the person who was asked: what they type must not
// be tried on somebody who has signed in meanwhile, in another tab.
func (s *server) factorToken(f *flow, subject string) string {
	return s.seal.Token(f.id, f.browser, "factor", subject)
}

// proveFactor takes the form. Whether a factor is needed, and which, Advance says
// anew; sent again when it is not, the form just goes on.
func (s *server) proveFactor(c echo.Context) error {
	f, form, err := s.openForm(c)
	if err != nil {
		return err
	}
	sess, err := s.session(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	step, err := s.authorize.Advance(ctx, f.req, sess, authz.NoAnswer)
	if err != nil || step.Kind != authz.StepFactor {
		return s.follow(c, f, step, err)
	}
	response := form.Get("response")
	switch {
	case !s.seal.Check(form.Get("csrf"), f.id, f.browser, "factor", sess.Subject):
		return s.showFactor(c, f, step, sess.Subject, http.StatusForbidden, problem{"response", s.texts.FormStale})
	case response == "":
		return s.showFactor(c, f, step, sess.Subject, http.StatusOK, problem{"response", s.texts.FactorMissing})
	}
	raised, token, err := s.stepUps.StepUp(ctx, *sess, step.StepUp, response)
	switch {
	case errors.Is(err, login.ErrMismatch):
		return s.showFactor(c, f, step, sess.Subject, http.StatusOK, problem{"response", s.texts.FactorMismatch})
	case errors.Is(err, login.ErrBusy):
		return s.showFactor(c, f, step, sess.Subject, http.StatusServiceUnavailable, problem{"response", s.texts.LoginBusy})
	case errors.Is(err, login.ErrNoSession), errors.Is(err, login.ErrNoFactor):
		return c.Redirect(http.StatusSeeOther, s.flowURL(f.id, "login")) // which finds what is true now
	case err != nil:
		return err
	}
	s.keepSession(c, &raised, token)
	step, err = s.authorize.Advance(ctx, f.req, &raised, authz.NoAnswer)
	return s.follow(c, f, step, err)
}
