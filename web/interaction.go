package web

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"signet/authz"
)

// A flow is one authorization request that waits for a person. It lives in a
// cookie of its own, at the path of its pages alone, so any number of tabs
// neither meet nor make other requests longer. The cookie is sealed to the
// flow's id and to the browser's: begun in one browser, it cannot be carried
// on in another (dex CVE-2022-39222), nor be planted by a sibling subdomain.

// pageLife is how long the cookie of a flow outlives the flow, so that an old
// page can still offer to start again.
const pageLife = 24 * time.Hour

type flow struct {
	id, browser string
	saved       saved
	req         pending
}

// beginFlow keeps req in a new flow, or returns errTooLarge.
func (s *server) beginFlow(c echo.Context, req pending) (*flow, error) {
	id, err := newID(s.cfg.Rand)
	if err != nil {
		return nil, err
	}
	raw, err := req.Marshal()
	if err != nil {
		return nil, err
	}
	f := &flow{id: id, req: req, saved: saved{Created: s.cfg.Now(), Request: raw}}
	if f.browser, err = s.ensureBrowser(c); err != nil {
		return nil, err
	}
	return f, s.keepFlow(c, f)
}

// keepFlow writes the flow's cookie.
func (s *server) keepFlow(c echo.Context, f *flow) error {
	value, err := s.seal.Seal(f.saved, f.id, f.browser)
	if err != nil {
		return err
	}
	left := s.cfg.InteractionLifetime + pageLife - s.cfg.Now().Sub(f.saved.Created)
	s.setCookie(c, s.names.flow, value, s.base+pathInteraction+f.id, left)
	return nil
}

// openFlow finds the flow of this page in this browser. Its errors are pages
// that offer a way on.
func (s *server) openFlow(c echo.Context) (*flow, error) {
	f := &flow{id: c.Param("flow"), browser: s.browserID(c)}
	if !isID(f.id) {
		return nil, echo.ErrNotFound
	}
	err := errors.New("no flow cookie")
	// A cookie that was planted for a wider path stands beside the real one.
	for _, ck := range c.Request().CookiesNamed(s.names.flow) {
		if f.saved, err = s.seal.Open(ck.Value, f.id, f.browser); err == nil {
			break
		}
	}
	if err != nil {
		return nil, &refusal{status: http.StatusBadRequest, heading: s.texts.LostHeading, text: s.texts.LostText, todo: s.texts.LostTodo, err: err}
	}
	if f.req, err = s.authorize.Restore(c.Request().Context(), f.saved.Request); err != nil {
		return nil, err
	}
	if age := s.cfg.Now().Sub(f.saved.Created); age > s.cfg.InteractionLifetime && !f.saved.Done {
		return nil, &refusal{status: http.StatusGone, heading: s.texts.ExpiredHeading, text: s.texts.ExpiredText,
			action: &link{ID: "start-again", Text: s.texts.StartAgain, URL: s.startURL(f.req)},
			err:    errors.New("the page was open for longer than " + s.cfg.InteractionLifetime.String())}
	}
	return f, nil
}

// openForm finds the flow of this page, and the form that was posted to it.
func (s *server) openForm(c echo.Context) (*flow, url.Values, error) {
	f, err := s.openFlow(c)
	if err != nil {
		return nil, nil, err
	}
	form, err := s.form(c)
	return f, form, err
}

// flowURL is the address of a page of a flow: "login", "factor", "consent", "switch".
func (s *server) flowURL(id, page string) string {
	return s.url(pathInteraction + id + "/" + page)
}

// pageOf names the page that a step asks for.
func pageOf(k authz.StepKind) string {
	switch k {
	case authz.StepConsent:
		return "consent"
	case authz.StepFactor:
		return "factor"
	}
	return "login"
}

// showInteraction shows the page that the flow needs now, or sends there.
// Back, reload and a second tab all end here, and find what is true now.
func (s *server) showInteraction(c echo.Context) error {
	f, err := s.openFlow(c)
	if err != nil {
		return err
	}
	if f.saved.Done {
		return s.showDone(c, f)
	}
	sess, err := s.session(c)
	if err != nil {
		return err
	}
	step, err := s.authorize.Advance(c.Request().Context(), f.req, sess, authz.NoAnswer)
	if err == nil && step.Kind != authz.StepRespond && strings.HasSuffix(c.Path(), "/"+pageOf(step.Kind)) {
		switch step.Kind {
		case authz.StepLogin:
			return s.showLogin(c, f, step, loginForm{Username: clip(step.LoginHint, 320)})
		case authz.StepFactor:
			return s.showFactor(c, f, step, sess.Subject, http.StatusOK)
		}
		return s.showConsent(c, f, step, sess.Subject, "")
	}
	return s.follow(c, f, step, err)
}

// follow goes where Advance says, from a page that is done with its part.
func (s *server) follow(c echo.Context, f *flow, step authz.Step, err error) error {
	var e *authz.Error
	switch {
	case errors.As(err, &e) && e.Response != nil:
		s.markDone(c, f)
		return err
	case err != nil:
		return err
	case step.Kind == authz.StepRespond:
		s.markDone(c, f)
		return s.respond(c, step.Response)
	}
	return c.Redirect(http.StatusSeeOther, s.flowURL(f.id, pageOf(step.Kind)))
}

// markDone remembers that the client has its answer. Coming back then shows
// a page: answering again would surprise the client with a second code.
func (s *server) markDone(c echo.Context, f *flow) {
	f.saved.Done = true
	if err := s.keepFlow(c, f); err != nil {
		s.cfg.Logger.LogAttrs(c.Request().Context(), slog.LevelWarn, "could not mark a flow as done",
			slog.String("request_id", requestID(c)), slog.Any("error", err))
	}
}

func (s *server) showDone(c echo.Context, f *flow) error {
	return s.pages.message(c, http.StatusOK, messageView{
		Heading: s.texts.DoneHeading, What: s.texts.DoneText,
		Action: &link{ID: "start-again", Text: s.texts.DoneAction, URL: s.startURL(f.req)},
	})
}
