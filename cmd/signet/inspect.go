package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"signet/keys"
)

// Kinds of JWT that Signet tells apart; each is good at its own door alone.
const (
	kindAccess = "access_token"
	kindID     = "id_token"
	kindOther  = "other"
)

// maxSkew is how far a clock may be ahead before `iat` counts as wrong.
const maxSkew = time.Minute

// inspection is what there is to say about a token.
type inspection struct {
	Valid     bool            `json:"valid"`
	TokenType string          `json:"token_type"`
	Problems  []string        `json:"problems"`
	Header    json.RawMessage `json:"header,omitempty"`
	Claims    json.RawMessage `json:"claims,omitempty"`

	claims tokenClaims
	kid    string
}

// tokenClaims are the claims that are judged. Times are seconds since 1970 and
// may have a fraction (RFC 7519, section 2).
type tokenClaims struct {
	Issuer    string   `json:"iss"`
	JTI       string   `json:"jti"`
	ExpiresAt *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	IssuedAt  *float64 `json:"iat"`
}

// expectation is what a token is held against.
type expectation struct {
	// kind is kindAccess or kindID.
	kind string
	// issuer is compared with iss, unless it is empty.
	issuer string
	keys   keys.KeySet
	now    time.Time
}

// inspect decodes and verifies a token, and says in words what is wrong.
func inspect(token string, want expectation) inspection {
	in := inspection{TokenType: kindOther, Problems: []string{}}
	parts := strings.Split(token, ".")
	switch {
	case len(parts) == 5:
		in.problem("it is an encrypted JWT (JWE), which this server never makes")
		return in
	case len(parts) != 3:
		in.problem("it is not a JWT: a JWT has three parts with dots between them. A code, a refresh token or an opaque access token says nothing to anyone but the server")
		return in
	}
	var head struct {
		Alg string `json:"alg"`
		KID string `json:"kid"`
		Typ string `json:"typ"`
	}
	var errHead, errClaims error
	in.Header, errHead = decodePart(parts[0], &head)
	in.Claims, errClaims = decodePart(parts[1], &in.claims)
	if errHead != nil {
		in.problem("its header %s", errHead)
	}
	if errClaims != nil {
		in.problem("its claims %s", errClaims)
	}
	if errHead != nil || errClaims != nil {
		return in
	}
	in.kid = head.KID
	in.TokenType = kindOf(head.Typ, in.Claims)
	if err := checkSignature(token, head.Alg, head.KID, want.keys); err != nil {
		in.problem("%s", err)
	}
	in.checkKind(want.kind, head.Typ)
	in.checkIssuer(want.issuer)
	in.checkTimes(want.now)
	in.Valid = len(in.Problems) == 0
	return in
}

func (in *inspection) problem(format string, args ...any) {
	in.Valid = false
	in.Problems = append(in.Problems, fmt.Sprintf(format, args...))
}

// decodePart reads one part of a JWT into v, and returns its JSON.
func decodePart(part string, v any) (json.RawMessage, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: not base64url; was it cut off while copying?")
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(text, &object) != nil || object == nil {
		return nil, fmt.Errorf("cannot be read: not a JSON object")
	}
	if json.Unmarshal(text, v) != nil {
		return text, fmt.Errorf("have a value of a wrong type")
	}
	return text, nil
}

// kindOf tells what a token is: an access token says so (RFC 9068, section
// 2.1), an ID token is a plain JWT about a sign-in.
func kindOf(typ string, claims json.RawMessage) string {
	var has map[string]json.RawMessage
	_ = json.Unmarshal(claims, &has) // decodePart has read it before
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case "at+jwt":
		return kindAccess
	case "", "jwt":
		if has["sub"] != nil && has["aud"] != nil && has["scope"] == nil && has["events"] == nil {
			return kindID
		}
	}
	return kindOther
}

func (in *inspection) checkKind(want, typ string) {
	switch {
	case in.TokenType == want:
	case in.TokenType == kindID:
		in.problem("it is an ID token and not an access token: it tells an app who signed in, and APIs refuse it (--id-token checks it as what it is)")
	case in.TokenType == kindAccess:
		in.problem("it is an access token and not an ID token")
	default:
		in.problem("its typ is %q, which is neither an access token (at+jwt) nor an ID token", typ)
	}
}

func (in *inspection) checkIssuer(want string) {
	switch got := in.claims.Issuer; {
	case want == "" || got == want:
	case got == "":
		in.problem("it names no issuer (iss)")
	default:
		in.problem("its issuer is %q and not %q", got, want)
	}
}

func (in *inspection) checkTimes(now time.Time) {
	c := in.claims
	if c.ExpiresAt == nil {
		in.problem("it has no expiry (exp)")
	} else if end := unixTime(*c.ExpiresAt); !now.Before(end) {
		in.problem("it expired %s ago, at %s", span(now.Sub(end)), moment(end))
	}
	if c.NotBefore != nil && unixTime(*c.NotBefore).After(now.Add(maxSkew)) {
		in.problem("it is not valid before %s", moment(unixTime(*c.NotBefore)))
	}
	if c.IssuedAt != nil && unixTime(*c.IssuedAt).After(now.Add(maxSkew)) {
		in.problem("it was issued %s in the future: the clocks differ", span(unixTime(*c.IssuedAt).Sub(now)))
	}
}

// unixTime reads a NumericDate. Dates beyond the year 9999 are cut to it.
func unixTime(seconds float64) time.Time {
	const last = 253402300799
	return time.Unix(int64(min(max(seconds, 0), last)), 0).UTC()
}
