package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/authz/login"
)

// refusal is an error that becomes a page of its own words.
type refusal struct {
	status int
	// heading, text and todo say what happened and what to do; heading and
	// todo have defaults by status.
	heading, text, todo string
	// action offers a way on.
	action *link
	// err is for the log: what was expected and what came.
	err error
}

func (r *refusal) Error() string {
	if r.err != nil {
		return r.err.Error()
	}
	return r.text
}

func (r *refusal) Unwrap() error { return r.err }

// link is a way on from a page.
type link struct{ ID, Text, URL string }

// staleForm refuses a form whose token does not fit.
func (s *server) staleForm(page string) error {
	return &refusal{status: http.StatusForbidden, text: s.texts.FormStale,
		err: fmt.Errorf("the %s form's token is missing or belongs to another browser, session or page", page)}
}

// handleError is the one place where an error becomes HTTP: a redirect when
// the client may be told, JSON for programs, a page for people.
func (s *server) handleError(err error, c echo.Context) {
	if s.isAdmin(c.Request().URL.Path) {
		s.sendProblem(c, err)
		return
	}
	// What the client is told by redirect is news to the operator, not a fault.
	if e := (*authz.Error)(nil); errors.As(err, &e) && e.Response != nil && !c.Response().Committed {
		s.logError(c, http.StatusSeeOther, e)
		if respondErr := s.respond(c, e.Response); respondErr != nil {
			s.logError(c, http.StatusInternalServerError, respondErr)
		}
		return
	}
	r := s.explain(err)
	s.logError(c, r.status, err)
	if c.Response().Committed {
		return
	}
	if r.status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", retryAfter)
	}
	var failed error
	if s.isAPI(c.Request().URL.Path) {
		failed = c.JSON(r.status, apiError{jsonCode(r.status), r.text, requestID(c)})
	} else {
		failed = s.pages.message(c, r.status, messageView{
			Heading: r.heading, What: r.text, Todo: r.todo, Action: r.action, Code: oauthCode(err),
			ID: requestID(c), failed: true,
		})
	}
	if failed != nil {
		s.logError(c, r.status, failed)
	}
}

// explain puts an error into words that are safe to show.
func (s *server) explain(err error) refusal {
	var (
		out    refusal
		mine   *refusal
		auth   *authz.Error
		web    *echo.HTTPError
		barred *authz.NotAdmittedError
	)
	switch {
	case errors.As(err, &mine):
		out = *mine
	case errors.As(err, &barred):
		out = s.barredPage(barred)
	case errors.As(err, &auth):
		out = refusal{status: auth.Status, text: auth.Description}
		if out.status < http.StatusInternalServerError {
			out.todo = s.texts.TodoApp
		}
		if out.status == http.StatusUnauthorized {
			// A 401 challenges the browser to sign in by itself (RFC 9110,
			// section 15.5.2), and no page means that.
			out.status = http.StatusBadRequest
		}
	case errors.Is(err, login.ErrBusy):
		out = refusal{status: http.StatusServiceUnavailable, text: s.texts.LoginBusy}
	case errors.As(err, &web):
		out = refusal{status: web.Code, text: s.texts.status(web.Code)}
	default:
		out = refusal{status: http.StatusInternalServerError}
	}
	if out.status < 400 {
		out.status = http.StatusBadRequest
	}
	if out.text == "" {
		out.text = s.texts.status(out.status)
	}
	if out.heading == "" {
		out.heading = s.texts.heading(out.status)
	}
	if out.todo == "" && out.action == nil {
		out.todo = s.texts.todo(out.status)
	}
	return out
}

// logError writes why, with the id that the page shows.
func (s *server) logError(c echo.Context, status int, err error) {
	level, ctx := slog.LevelInfo, c.Request().Context()
	if status >= http.StatusInternalServerError && ctx.Err() == nil { // a visitor who left is no fault
		level = slog.LevelError
	}
	attr := slog.String("error", err.Error())
	if e := (*authz.Error)(nil); errors.As(err, &e) {
		attr = slog.Any("error", e) // expected against received
	}
	s.cfg.Logger.LogAttrs(ctx, level, "request refused",
		slog.String("request_id", requestID(c)), slog.String("route", route(c)), slog.Int("status", status), attr)
}

// apiError is the body of an error that authz did not get to see.
type apiError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	RequestID   string `json:"request_id"`
}

func jsonCode(status int) string {
	switch {
	case status == http.StatusServiceUnavailable:
		return authz.CodeTemporarilyUnavailable
	case status >= http.StatusInternalServerError:
		return authz.CodeServerError
	}
	return authz.CodeInvalidRequest
}

// oauthCode is shown small under the words, for whoever makes the app.
func oauthCode(err error) string {
	if e := (*authz.Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// isAPI reports whether programs, not people, read the answers of this path.
func (s *server) isAPI(path string) bool {
	if strings.HasPrefix(path, "/.well-known/") {
		return true
	}
	switch rest := strings.TrimPrefix(path, s.base); {
	case strings.HasPrefix(rest, "/.well-known/"):
		return true
	default:
		return rest == "/oauth2/token" || rest == "/oauth2/userinfo" || rest == "/oauth2/introspect" || rest == "/oauth2/revoke"
	}
}
