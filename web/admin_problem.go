package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/authz/login"
	"signet/clients"
)

// apiProblem is an error of the admin API (RFC 9457).
type apiProblem struct {
	Type   string `json:"type" doc:"Which kind of problem it is; about:blank when the status says it all."`
	Title  string `json:"title" doc:"The kind in a few words."`
	Status int    `json:"status" doc:"The HTTP status."`
	Detail string `json:"detail,omitempty" doc:"What is wrong this time, and how to mend it."`
	// Errors are the fields or parameters at fault.
	Errors    []fieldFault `json:"errors,omitempty" doc:"The fields or parameters at fault."`
	RequestID string       `json:"request_id" doc:"The id of the request, as in X-Request-Id and in the log."`

	// name is the last part of Type.
	name      string
	challenge string
	err       error
}

// fieldFault is one field or parameter at fault.
type fieldFault struct {
	Field  string `json:"field" doc:"The name of the field or parameter."`
	Detail string `json:"detail" doc:"What is wrong with it."`
}

// Error is for the log: no value that somebody sent stands in it.
func (p *apiProblem) Error() string {
	if p.err != nil {
		return p.err.Error()
	}
	return p.name + ": " + p.Detail
}

func (p *apiProblem) Unwrap() error { return p.err }

func badRequest(name, detail string) error {
	return &apiProblem{Status: http.StatusBadRequest, name: name, Detail: detail}
}

func conflict(name, detail string) *apiProblem {
	return &apiProblem{Status: http.StatusConflict, name: name, Detail: detail}
}

// invalidFields refuses a body whose fields break the rules.
func invalidFields(faults []fieldFault) *apiProblem {
	return &apiProblem{Status: http.StatusUnprocessableEntity, name: "validation", Detail: "Nothing was changed: see errors for the fields to mend.", Errors: faults}
}

// problemTitle is the title of a kind of problem.
func problemTitle(name string, status int) string {
	titles := map[string]string{
		"validation": "Some fields are refused", "query": "Some parameters are refused", "cursor": "The cursor is not valid here",
		"declared": "The client belongs to config.yaml", "taken": "The name is taken", "no-secret": "The client has no secret",
		"has-secret": "The client has a secret already", "media-type": "The media type is not supported", "malformed-json": "The body cannot be read",
	}
	if t := titles[name]; t != "" {
		return t
	}
	return http.StatusText(status)
}

// explainProblem puts an error into a problem that is safe to show.
func explainProblem(err error) *apiProblem {
	var (
		mine *apiProblem
		auth *authz.Error
		web  *echo.HTTPError
	)
	switch {
	case errors.As(err, &mine):
		return mine
	case errors.As(err, &auth):
		return &apiProblem{Status: auth.Status, name: strings.ReplaceAll(auth.Code, "_", "-"), Detail: auth.Description, challenge: auth.Challenge(), err: err}
	case errors.As(err, &web):
		return &apiProblem{Status: web.Code, err: err}
	case notFound(err):
		return &apiProblem{Status: http.StatusNotFound, Detail: "There is nothing with this id.", err: err}
	case errors.Is(err, clients.ErrDeclared):
		return conflict("declared", "The client is declared in config.yaml, which alone may change it: change it there and restart the server.")
	case errors.Is(err, clients.ErrExists):
		return conflict("taken", "Another client has this client_id. Choose another one, or leave it out and one is made.")
	case errors.Is(err, login.ErrTaken):
		return conflict("taken", "The username or the email address belongs to somebody else.")
	case errors.Is(err, clients.ErrPublic):
		return conflict("no-secret", "The client proves itself without a secret (token_endpoint_auth_method), so there is none to rotate.")
	case errors.Is(err, clients.ErrHasSecret):
		return conflict("has-secret", "The client has a secret. Rotate it instead: POST to its secret.")
	case errors.Is(err, login.ErrBusy):
		return &apiProblem{Status: http.StatusServiceUnavailable, Detail: "Too many passwords are being checked. Try again.", err: err}
	}
	if faults, ok := fieldFaults(err); ok {
		return invalidFields(faults)
	}
	return &apiProblem{Status: http.StatusInternalServerError, Detail: "The server could not complete the request. Look for the request_id in its log.", err: err}
}

// fieldFaults takes joined field errors apart; false when there is any other
// error among them.
func fieldFaults(err error) ([]fieldFault, bool) {
	switch e := err.(type) {
	case *clients.FieldError:
		return []fieldFault{{e.Field, e.Reason}}, true
	case *login.FieldError:
		return []fieldFault{{e.Field, e.Reason}}, true
	case interface{ Unwrap() []error }:
		var all []fieldFault
		for _, one := range e.Unwrap() {
			faults, ok := fieldFaults(one)
			if !ok {
				return nil, false
			}
			all = append(all, faults...)
		}
		return all, len(all) > 0
	case interface{ Unwrap() error }:
		return fieldFaults(e.Unwrap())
	}
	return nil, false
}

// isAdmin reports whether a path is one of the admin API.
func (s *server) isAdmin(path string) bool {
	return s.admin != nil && (path == s.admin.prefix || strings.HasPrefix(path, s.admin.prefix+"/"))
}

// sendProblem answers an error of the admin API.
func (s *server) sendProblem(c echo.Context, err error) {
	p := *explainProblem(err)
	s.logError(c, p.Status, err)
	if c.Response().Committed {
		return
	}
	p.Type, p.Title, p.RequestID = "about:blank", problemTitle(p.name, p.Status), requestID(c)
	if p.name != "" {
		p.Type = s.issuer + authz.AdminPath + "/problems/" + p.name
	}
	h := c.Response().Header()
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter)
	}
	body, err := json.Marshal(p)
	if err == nil {
		err = c.Blob(p.Status, "application/problem+json", body)
	}
	if err != nil {
		s.logError(c, p.Status, err)
	}
}
