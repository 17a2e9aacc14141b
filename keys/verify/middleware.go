package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Option is a demand of a Handler's.
type Option func(*demands)

type demands struct{ scopes []string }

// Scopes demands that a token has all of these scopes. It panics when one is
// not of the form of RFC 6749, section 3.3: that is a mistake in the program,
// found when it starts.
func Scopes(scopes ...string) Option {
	scopes = slices.Clone(scopes)
	for _, scope := range scopes {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r == ' ' || !quotable(r) }) {
			panic(fmt.Sprintf("verify: %q is not a scope", scope))
		}
	}
	return func(d *demands) { d.scopes = append(d.scopes, scopes...) }
}

// Handler lets requests through to next that have a good access token, with its
// claims in their context (FromContext), and answers all others itself.
func (v *Verifier) Handler(next http.Handler, options ...Option) http.Handler {
	var d demands
	for _, option := range options {
		option(&d)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, err := v.VerifyRequest(r)
		if err == nil {
			err = claims.Require(d.scopes...)
		}
		if err != nil {
			v.WriteError(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, claims)))
	})
}

// Require is Handler with Scopes, in the form that routers take middleware in.
func (v *Verifier) Require(scopes ...string) func(http.Handler) http.Handler {
	demand := Scopes(scopes...)
	return func(next http.Handler) http.Handler { return v.Handler(next, demand) }
}

type contextKey struct{}

// FromContext returns the claims of the token of a request that went through
// Handler.
func FromContext(ctx context.Context) (claims *Claims, ok bool) {
	claims, ok = ctx.Value(contextKey{}).(*Claims)
	return claims, ok
}

// VerifyRequest verifies the access token of a request. It is read from the
// Authorization header alone (RFC 6750, section 2.1): in a query or a form it
// would end up in logs. A token that is bound to a key is refused, as the
// Bearer scheme carries no proof of it.
func (v *Verifier) VerifyRequest(r *http.Request) (*Claims, error) {
	token, err := bearer(r.Header)
	if err != nil {
		return nil, err
	}
	claims, err := v.Verify(r.Context(), token)
	if err == nil && claims.Bound {
		return nil, ErrBound
	}
	return claims, err
}

// bearer returns the token of an Authorization header.
func bearer(h http.Header) (string, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", ErrNoToken
	}
	// Two could be read as two different ones by us and by a proxy before us.
	if len(values) > 1 {
		return "", fmt.Errorf("%w: there are %d", ErrRequest, len(values))
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ErrNoToken
	}
	token = strings.TrimLeft(token, " ")
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return !tokenChar(r) }) {
		return "", ErrRequest
	}
	return token, nil
}

// tokenChar is a character of b64token (RFC 6750, section 2.1).
func tokenChar(r rune) bool {
	return r < 128 && (sixBits(byte(r)) >= 0 || strings.ContainsRune(".~+/=", r))
}

// refusal is how an error looks to the client (RFC 6750, section 3.1).
type refusal struct {
	status            int
	code, description string
}

// refusalFor turns an error into an answer. Its texts are fixed, so nothing
// that a stranger wrote gets into a header.
func refusalFor(err error) refusal {
	invalid := func(description string) refusal {
		return refusal{http.StatusUnauthorized, "invalid_token", description}
	}
	switch {
	case errors.Is(err, ErrNoToken):
		return refusal{status: http.StatusUnauthorized}
	case errors.Is(err, ErrRequest):
		return refusal{http.StatusBadRequest, "invalid_request", "the Authorization header is malformed"}
	case errors.Is(err, ErrUnavailable):
		return refusal{http.StatusServiceUnavailable, "temporarily_unavailable", "the access token cannot be verified now"}
	case errors.Is(err, ErrScope):
		return refusal{http.StatusForbidden, "insufficient_scope", "the access token does not have the scope that is needed"}
	case errors.Is(err, ErrExpired):
		return invalid("the access token has expired")
	case errors.Is(err, ErrRevoked):
		return invalid("the access token was revoked")
	case errors.Is(err, ErrSuspended):
		return invalid("the access token is suspended")
	case errors.Is(err, ErrType):
		return invalid("this is not an access token")
	}
	return invalid("the access token is not valid here")
}

// WriteError answers a request that was refused with an error of this package
// (RFC 6750, section 3): 401, 400 or 403 with a challenge, or 503 with
// Retry-After when the token cannot be verified now. A request without a token
// is told how to authenticate and no error.
func (v *Verifier) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	why := refusalFor(err)
	v.logRefusal(r, why, err)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if why.status == http.StatusServiceUnavailable {
		after := time.Second
		if unavailable := (*UnavailableError)(nil); errors.As(err, &unavailable) {
			after = max(after, unavailable.RetryAfter)
		}
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	} else {
		h.Set("WWW-Authenticate", v.challenge(why, err))
	}
	if why.code == "" {
		w.WriteHeader(why.status)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(why.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why.code, "error_description": why.description})
}

// challenge is a WWW-Authenticate header field.
func (v *Verifier) challenge(why refusal, err error) string {
	var params []string
	add := func(name, value string) {
		if value != "" {
			params = append(params, name+`="`+value+`"`)
		}
	}
	add("realm", v.cfg.Realm)
	add("error", why.code)
	if missing := (*ScopeError)(nil); errors.As(err, &missing) {
		add("scope", strings.Join(missing.Required, " "))
	}
	add("error_description", why.description)
	return strings.TrimSpace("Bearer " + strings.Join(params, ", "))
}

// logRefusal tells the log the cause, which the client is not told.
func (v *Verifier) logRefusal(r *http.Request, why refusal, err error) {
	level := slog.LevelInfo
	if why.code == "" {
		level = slog.LevelDebug // how every client begins that has no token yet
	}
	v.cfg.Logger.LogAttrs(r.Context(), level, "request refused", slog.Int("status", why.status),
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("err", err))
}
