package authz

import (
	"time"

	"signet/clients"
)

// Values of the prompt parameter (OpenID Connect Core, section 3.1.2.1).
const (
	promptNone          = "none"
	promptLogin         = "login"
	promptConsent       = "consent"
	promptSelectAccount = "select_account"
)

// Answer is what the person said on the consent page.
type Answer int

// The answers. NoAnswer also stands for "was not asked yet".
const (
	NoAnswer Answer = iota
	Allow
	Deny
)

// decision is the next move in an authorization.
type decision struct {
	move move
	// code is the error of a refusal.
	code string
}

type move int

const (
	moveLogin move = iota + 1
	moveStepUp
	moveConsent
	moveIssue
	moveRefuse
)

// state is all that Decide looks at.
type state struct {
	// started is when the authorization request came in, before any page.
	started time.Time

	// signedIn says that there is a live session of an enabled person;
	// subject and authTime are theirs.
	signedIn bool
	subject  string
	authTime time.Time

	// promptNone to promptConsent are the values of prompt; select_account
	// counts as login, as there is one account in a session.
	promptNone, promptLogin, promptConsent bool
	// maxAge is the max_age parameter, nil without one.
	maxAge *time.Duration
	// hint is the subject of the id_token_hint, empty without one.
	hint string

	// foreign says that the claims parameter asks for the sub of somebody else.
	foreign bool

	// below says that the session has none of the levels (acr) that were asked for,
	// acrEssential that the client wants nothing less, and canStepUp that the person
	// has a factor that leads there.
	below, acrEssential, canStepUp bool

	// barred says that the client is for groups that the person is in none of.
	barred bool

	// consent is the client's policy, one of the clients.Consent constants.
	consent string
	// consented says that every scope of this request was allowed before.
	consented bool
	// answer is what the person said to this request.
	answer Answer
}

// decide picks the next move of an authorization: the one place where the
// order of sign-in, consent and issuing is known. It is pure.
func decide(s state) decision {
	if s.needsLogin() {
		switch {
		case s.promptNone, s.otherPersonSignedIn():
			return decision{moveRefuse, CodeLoginRequired}
		}
		return decision{move: moveLogin}
	}
	// After the sign-in, so that prompt=login lets somebody else try; before the
	// question, which would be for nothing.
	if s.barred {
		return decision{moveRefuse, CodeAccessDenied}
	}
	// Before the question too: what is asked of the person comes first.
	if s.below {
		switch {
		case s.canStepUp && !s.promptNone:
			return decision{move: moveStepUp}
		case s.canStepUp && s.acrEssential:
			return decision{moveRefuse, CodeLoginRequired}
		case s.acrEssential:
			return decision{moveRefuse, CodeUnmetAuthentication}
		}
		// A wish (OpenID Connect Core, section 5.5.1.1): acr says what was reached.
	}
	if s.needsConsent() {
		switch {
		case s.answer == Deny:
			return decision{moveRefuse, CodeAccessDenied}
		case s.answer == Allow:
			return decision{move: moveIssue}
		case s.promptNone:
			return decision{moveRefuse, CodeConsentRequired}
		}
		return decision{move: moveConsent}
	}
	if s.answer == Deny {
		return decision{moveRefuse, CodeAccessDenied}
	}
	return decision{move: moveIssue}
}

// needsLogin reports whether the session, if any, cannot serve this request.
func (s state) needsLogin() bool {
	switch {
	case !s.signedIn:
		return true
	case s.wrongPerson():
		return true
	case s.fresh():
		return false
	case s.promptLogin:
		return true
	case s.maxAge != nil && s.started.Sub(s.authTime) > *s.maxAge:
		return true
	case s.maxAge != nil && *s.maxAge == 0:
		return true
	}
	return false
}

// fresh reports whether the person signed in for this very request.
func (s state) fresh() bool { return !s.authTime.Before(s.started) }

// wrongPerson reports that the request is for another person than is signed in.
func (s state) wrongPerson() bool { return s.foreign || s.hint != "" && s.hint != s.subject }

// otherPersonSignedIn reports that the request asked for one person and another has just signed in: asking again would go round in circles.
func (s state) otherPersonSignedIn() bool {
	return s.signedIn && s.fresh() && s.wrongPerson()
}

// needsConsent reports whether the person has to be asked, whatever they have
// answered by now. A client that asks for the question gets it, the operator's
// own too (OpenID Connect Core, section 3.1.2.1).
func (s state) needsConsent() bool {
	switch {
	case s.promptConsent, s.consent == clients.ConsentAlways:
		return true
	case s.consent == clients.ConsentSkip:
		return false
	}
	return !s.consented
}

// remembers reports whether an Allow counts for later requests too.
func (s state) remembers() bool {
	return s.answer == Allow && s.needsConsent() && s.consent != clients.ConsentAlways
}
