package authz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ory/fosite"

	"signet/keys"
)

// Error codes of RFC 6749 (4.1.2.1, 5.2), RFC 6750 (3.1), RFC 8707 (2) and
// OpenID Connect Core (3.1.2.6).
const (
	CodeInvalidRequest          = "invalid_request"
	CodeInvalidClient           = "invalid_client"
	CodeInvalidGrant            = "invalid_grant"
	CodeInvalidScope            = "invalid_scope"
	CodeInvalidTarget           = "invalid_target"
	CodeInvalidToken            = "invalid_token"
	CodeInsufficientScope       = "insufficient_scope"
	CodeUnauthorizedClient      = "unauthorized_client"
	CodeUnsupportedGrantType    = "unsupported_grant_type"
	CodeUnsupportedResponseType = "unsupported_response_type"
	CodeAccessDenied            = "access_denied"
	CodeLoginRequired           = "login_required"
	CodeConsentRequired         = "consent_required"
	CodeInvalidRequestObject    = "invalid_request_object"
	CodeInvalidRequestURI       = "invalid_request_uri"
	// CodeUnmetAuthentication is of OpenID Connect Core Error Code
	// unmet_authentication_requirements 1.0, section 2.
	CodeUnmetAuthentication    = "unmet_authentication_requirements"
	CodeServerError            = "server_error"
	CodeTemporarilyUnavailable = "temporarily_unavailable"
)

// serverErrorText says all that a stranger may know of a fault of ours.
const serverErrorText = "The server could not complete the request. Try again later."

// retryAfter is how many seconds a client is asked to wait after a 503 (RFC
// 9110, section 10.2.3): what is amiss lies with the database or the keys, and
// costs little to ask for again.
const retryAfter = "5"

// Error is a refusal: a code from an RFC, a description that is safe to show
// to anyone, and a cause for the log alone.
type Error struct {
	// Code is the `error` parameter.
	Code string
	// Description is the `error_description` parameter: plain ASCII without
	// quotes or backslashes (RFC 6749, section 5.2), no secrets.
	Description string
	// Status is the HTTP status when the error is answered directly.
	Status int
	// Response tells the client by redirect. It is nil when the client or its
	// redirect URI could not be trusted: then only the person is told.
	Response *Response
	// Expected and Received say, for the log alone, what was wanted and what
	// came. They never hold a secret, a code or a token.
	Expected, Received string

	cause error
	// wait, if set, is when it is worth trying again (Retry-After).
	wait time.Duration
	// scheme of the WWW-Authenticate header that goes with a 401 or 403.
	challenge string
}

// Error describes the error for a log line, cause included.
func (e *Error) Error() string {
	s := e.Code + ": " + e.Description
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// LogValue lists what an operator needs to find the fault.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("code", e.Code), slog.String("description", e.Description)}
	if e.Expected != "" || e.Received != "" {
		attrs = append(attrs, slog.String("expected", e.Expected), slog.String("received", e.Received))
	}
	if e.cause != nil {
		attrs = append(attrs, slog.String("cause", e.cause.Error()))
	}
	return slog.GroupValue(attrs...)
}

// refuse makes an Error with the status that its code has at an endpoint
// which answers in JSON.
func refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Description: fmt.Sprintf(format, args...), Status: statusOf(code)}
}

// because attaches a cause for the log.
func (e *Error) because(cause error) *Error { e.cause = cause; return e }

// compared attaches what was expected and what came, for the log.
func (e *Error) compared(expected, received string) *Error {
	e.Expected, e.Received = expected, received
	return e
}

func statusOf(code string) int {
	switch code {
	case CodeInvalidClient, CodeInvalidToken:
		return http.StatusUnauthorized
	case CodeInsufficientScope, CodeAccessDenied:
		return http.StatusForbidden
	case CodeServerError:
		return http.StatusInternalServerError
	case CodeTemporarilyUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// asError turns whatever went wrong into an Error. Ours pass through, also
// when fosite has wrapped them; a lack of keys is for the operator to mend, and
// the client is told to come again; fosite's keep their code but not their
// hints, which are not always safe to show; all else is a server_error.
func asError(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	if errors.Is(err, keys.ErrNoSigner) {
		return refuse(CodeTemporarilyUnavailable, "The server cannot sign tokens at the moment. Try again.").because(err)
	}
	if f := (*fosite.RFC6749Error)(nil); errors.As(err, &f) {
		return fromFosite(f).because(fmt.Errorf("%w: %s", err, f.Reason()))
	}
	return refuse(CodeServerError, serverErrorText).because(err)
}

// fromFosite keeps the codes that fosite answers rightly and words them
// ourselves.
func fromFosite(f *fosite.RFC6749Error) *Error {
	words := map[string]string{
		CodeInvalidRequest:          "The request is missing a parameter, repeats one, or has one that is malformed.",
		CodeInvalidGrant:            "The authorization code or refresh token is not valid, has expired, or belongs to another client or redirect URI.",
		CodeInvalidScope:            "The client may not ask for this scope.",
		CodeUnauthorizedClient:      "The client is not registered for this grant type.",
		CodeUnsupportedResponseType: "Only the response type code is supported.",
	}
	if text, ok := words[f.ErrorField]; ok {
		return refuse(f.ErrorField, "%s", text)
	}
	return refuse(CodeServerError, serverErrorText)
}

// writeError answers with the JSON of RFC 6749, section 5.2, and logs. This
// is the one place where an error of a back-channel endpoint becomes HTTP.
func (p *Provider) writeError(w http.ResponseWriter, r *http.Request, err error) {
	p.writeErrorOf(w, r, r.URL.Path, err)
}

// writeErrorOf is writeError for an endpoint whose path holds what a stranger
// wrote.
func (p *Provider) writeErrorOf(w http.ResponseWriter, r *http.Request, endpoint string, err error) {
	e := asError(err)
	p.logRefusal(r.Context(), endpoint, e)
	h := w.Header()
	noStore(h)
	h.Set("Content-Type", "application/json;charset=UTF-8")
	if e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden {
		h.Set("WWW-Authenticate", p.challenge(e))
	}
	switch {
	case e.wait > 0:
		h.Set("Retry-After", strconv.Itoa(int((e.wait+time.Second-1)/time.Second)))
	case e.Status == http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfter)
	}
	w.WriteHeader(e.Status)
	// The status line is out; a client that hangs up now is its own loss.
	_ = json.NewEncoder(w).Encode(struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{e.Code, e.Description})
}

// challenge words the WWW-Authenticate header: Basic for clients (RFC 6749,
// section 5.2), Bearer for tokens (RFC 6750, section 3).
func (p *Provider) challenge(e *Error) string {
	if e.challenge == "" {
		return fmt.Sprintf("Basic realm=%q", p.cfg.Issuer)
	}
	return e.challenge
}

func (p *Provider) logRefusal(ctx context.Context, endpoint string, e *Error) {
	level := slog.LevelInfo
	switch {
	case e.Status >= 500:
		level = slog.LevelError
	case e.Status == http.StatusTooManyRequests:
		level = slog.LevelDebug // whoever floods the server shall not flood the log
	}
	p.cfg.Logger.LogAttrs(ctx, level, "request refused", slog.String("endpoint", endpoint), slog.Any("error", e))
}

func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}

// params are the parameters of an error redirect: error and
// error_description. respond adds state and iss, and there is nothing else.
func (e *Error) params() url.Values {
	v := url.Values{"error": {e.Code}}
	if e.Description != "" {
		v.Set("error_description", e.Description)
	}
	return v
}
