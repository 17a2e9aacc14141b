package login

import (
	"errors"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// maxName bounds a username or an email address as it is typed, in bytes,
// before anything is done with it.
const maxName = 1024

// errEmpty and errKey say that a name has no key, and why.
var (
	errEmpty = errors.New("must not be empty")
	errKey   = errors.New("may hold letters, digits and ASCII punctuation only, without spaces")
)

// Key returns the form in which usernames and email addresses are unique and
// are looked up: PRECIS UsernameCaseMapped (RFC 8265, section 3.3). `john`,
// `JOHN` and their full-width twins have one key. The two kinds of name cannot
// meet: an email address has an "@" in its key, and a username has none, unless
// it is its owner's email address. Characters with a compatibility form
// (ligatures, superscripts) have no key, and neither have spaces, control and
// invisible characters.
func Key(nameOrEmail string) (string, error) {
	return applyStable(precis.UsernameCaseMapped, nameOrEmail)
}

// tidyName returns a username or an email address as it is kept and shown:
// its full-width forms and combining marks are folded, its case is kept.
func tidyName(name string) (string, error) {
	return applyStable(precis.UsernameCasePreserved, name)
}

// applyStable applies a profile until nothing changes any more. PRECIS rules
// are not idempotent for all input (RFC 8264, section 7): a key whose key is
// another one would not be found again.
func applyStable(profile *precis.Profile, s string) (string, error) {
	if s == "" {
		return "", errEmpty
	}
	if len(s) > maxName || !utf8.ValidString(s) {
		return "", errKey
	}
	for range 4 {
		next, err := profile.String(s)
		if err != nil || next == "" {
			return "", errKey
		}
		if next == s {
			return s, nil
		}
		s = next
	}
	return "", errKey
}
