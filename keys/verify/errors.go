package verify

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Why a token or a request is refused. Every error of this package is one of
// these by errors.Is; its text says more and is for the log, not for strangers.
var (
	// ErrNoToken: the request has no Authorization header with the Bearer scheme.
	ErrNoToken = errors.New("the request has no access token")
	// ErrRequest: the Authorization header is there more than once, or is not
	// of the form of RFC 6750, section 2.1.
	ErrRequest = errors.New("the Authorization header is malformed")
	// ErrMalformed: not a signed JWT in compact form, or with header parameters
	// or claims that an access token cannot have.
	ErrMalformed = errors.New("the token is malformed")
	// ErrType: a JWT, but not of the type due: an ID token, say.
	ErrType = errors.New("the token is of another type")
	// ErrUnknownKey: its kid names no key that the issuer publishes.
	ErrUnknownKey = errors.New("the token names a key that is not published")
	// ErrSignature: the signature is not by the key that the token names.
	ErrSignature = errors.New("the token's signature is wrong")
	// ErrIssuer: it is of another issuer.
	ErrIssuer = errors.New("the token is of another issuer")
	// ErrAudience: it is for another API.
	ErrAudience = errors.New("the token is for another audience")
	// ErrExpired: its exp has passed.
	ErrExpired = errors.New("the token has expired")
	// ErrNotYetValid: its nbf or iat is in the future.
	ErrNotYetValid = errors.New("the token is not valid yet")
	// ErrRevoked: its status in the status list is INVALID, or one that this
	// package does not know.
	ErrRevoked = errors.New("the token was revoked")
	// ErrSuspended: its status in the status list is SUSPENDED.
	ErrSuspended = errors.New("the token is suspended")
	// ErrStatus: its reference to a status list cannot be followed: it points
	// elsewhere than to the issuer, or beyond the end of the list.
	ErrStatus = errors.New("the token's status reference is not usable")
	// ErrBound: it is bound to a key of the client's (RFC 7800), of which a
	// Bearer request holds no proof.
	ErrBound = errors.New("the token is bound to a key")
	// ErrScope: it is good, and lacks a scope. See ScopeError.
	ErrScope = errors.New("the token lacks a scope")
	// ErrUnavailable: the keys or the status list cannot be had now, so nothing
	// can be said about the token. See UnavailableError.
	ErrUnavailable = errors.New("the token cannot be verified now")
)

// ScopeError says which scopes a request needs. It is ErrScope.
type ScopeError struct {
	// Required are all the scopes that are needed.
	Required []string
}

// Error names the scopes.
func (e *ScopeError) Error() string {
	return fmt.Sprintf("%v: needed: %s", ErrScope, strings.Join(e.Required, " "))
}

// Is makes it ErrScope.
func (e *ScopeError) Is(target error) bool { return target == ErrScope }

// UnavailableError says that something of the issuer's cannot be had, and when
// it is worth while to try again. It is ErrUnavailable.
type UnavailableError struct {
	// What could not be had: "keys" or the URI of a status list.
	What string
	// RetryAfter is when this package itself tries again; a second at least.
	RetryAfter time.Duration
	// Cause is what went wrong the last time.
	Cause error
}

// Error says what is missing and why.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("%v: %s: %v", ErrUnavailable, e.What, e.Cause)
}

// Is makes it ErrUnavailable.
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Cause }

// clip shortens what a stranger wrote, for an error text.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
