package login

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxUsername = 64  // characters
	maxEmail    = 254 // bytes (RFC 5321, section 4.5.3.1.3, less the brackets)
	maxClaim    = 500 // characters of any other claim or group
)

// FieldError says what is wrong with one field of a person.
type FieldError struct {
	// Field is the name of the claim (OpenID Connect Core, section 5.1), or
	// "username", "password", "groups" or "attributes".
	Field string
	// Reason says what is wrong, in words that follow the field's name.
	Reason string
}

// Error returns the field and the reason.
func (e *FieldError) Error() string { return e.Field + " " + e.Reason }

// NewPerson is someone to be added.
type NewPerson struct {
	// Username is needed; Email may be empty.
	Username, Email string
	// EmailVerified says that whoever adds the person vouches for Email.
	EmailVerified bool
	// Password may be empty: then there is no signing in until one is set.
	Password string
	Profile  Profile
	Groups   []string
	// Attributes are the operator's own; see Attributes.
	Attributes Attributes
	Admin      bool
}

// validate returns p in the form to be stored, or every fault, joined, each a
// *FieldError.
func (p NewPerson) validate(passwordNeeded bool) (NewPerson, error) {
	var errs []error
	keep := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	p.Username, p.Email = strings.TrimSpace(p.Username), strings.TrimSpace(p.Email)
	p.Groups = slices.Clone(p.Groups)
	var err error
	if p.Email != "" {
		p.Email, err = checkEmail(p.Email)
		keep(err)
	}
	p.EmailVerified = p.EmailVerified && p.Email != ""
	p.Username, err = checkUsername(p.Username, p.Email)
	keep(err)
	if p.Password != "" || passwordNeeded {
		p.Password, err = preparePassword(p.Password)
		keep(err)
	}
	for i, g := range p.Groups {
		keep(checkText("groups", g, false))
		if g == "" || slices.Contains(p.Groups[:i], g) {
			keep(&FieldError{"groups", "must not be empty or listed twice"})
		}
	}
	attributes, faults := p.Attributes.validate()
	p.Attributes, errs = attributes, append(errs, faults...)
	return p, errors.Join(append(errs, p.Profile.faults()...)...)
}

// checkUsername returns the username to keep. An "@" is for email addresses:
// with one in a username, somebody could take the name that another person
// signs in with.
func checkUsername(username, email string) (string, error) {
	tidy, err := tidyName(username)
	if err != nil {
		return username, &FieldError{"username", err.Error()}
	}
	key, err := Key(tidy)
	if err != nil {
		return username, &FieldError{"username", err.Error()}
	}
	if email != "" {
		// An email address that has no key has been reported already.
		if emailKey, err := Key(email); err != nil || key == emailKey {
			return tidy, nil
		}
	}
	switch {
	case strings.Contains(key, "@"):
		return tidy, &FieldError{"username", "must not have an @, unless it is the person's own email address"}
	case utf8.RuneCountInString(key) > maxUsername:
		return tidy, &FieldError{"username", fmt.Sprintf("must not be longer than %d characters", maxUsername)}
	}
	return tidy, nil
}

// checkEmail returns the email address to keep. It asks for the shape that
// mail can be sent to (RFC 5321, section 4.1.2, with RFC 6531), without the
// quoted local parts that nobody has.
func checkEmail(email string) (string, error) {
	bad := &FieldError{"email", "must be an email address, such as name@example.com"}
	tidy, err := tidyName(email)
	if err != nil {
		return email, bad
	}
	if _, err := Key(tidy); err != nil {
		return email, bad
	}
	local, domain, _ := strings.Cut(tidy, "@")
	if len(tidy) > maxEmail || !isDotted(local, "!#$%&'*+/=?^_`{|}~-") || !isDotted(domain, "-") {
		return email, bad
	}
	return tidy, nil
}

// isDotted reports whether s is words joined by dots, of letters, marks,
// digits and the characters of extra.
func isDotted(s, extra string) bool {
	for word := range strings.SplitSeq(s, ".") {
		if word == "" || strings.ContainsFunc(word, func(r rune) bool {
			return !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune(extra, r)
		}) {
			return false
		}
	}
	return true
}

// faults checks the standard claims: texts that fit into tokens, and links
// that are safe to follow for an app that shows them.
func (p Profile) faults() []error {
	var errs []error
	keep := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	for _, c := range []struct{ field, value string }{
		{"name", p.Name}, {"given_name", p.GivenName}, {"family_name", p.FamilyName}, {"middle_name", p.MiddleName}, {"nickname", p.Nickname},
		{"gender", p.Gender}, {"zoneinfo", p.Zoneinfo}, {"locale", p.Locale}, {"phone_number", p.PhoneNumber},
	} {
		keep(checkText(c.field, c.value, false))
	}
	for _, c := range []struct{ field, value string }{{"profile", p.ProfileURL}, {"picture", p.Picture}, {"website", p.Website}} {
		keep(checkLink(c.field, c.value))
	}
	if a := p.Address; a != nil {
		// The lines of an address are parted by newlines (OpenID Connect
		// Core, section 5.1.1).
		for _, v := range []string{a.Formatted, a.StreetAddress, a.Locality, a.Region, a.PostalCode, a.Country} {
			keep(checkText("address", v, true))
		}
	}
	if p.Birthdate != "" {
		_, errDay := time.Parse(time.DateOnly, p.Birthdate)
		_, errYear := time.Parse("2006", p.Birthdate)
		if errDay != nil && errYear != nil {
			keep(&FieldError{"birthdate", "must be a day such as 1990-12-31, or a year"})
		}
	}
	return errs
}

// checkText refuses text that is too long, broken or has control characters.
func checkText(field, text string, lines bool) error {
	switch {
	case !utf8.ValidString(text):
		return &FieldError{field, "must be valid UTF-8"}
	case utf8.RuneCountInString(text) > maxClaim:
		return &FieldError{field, fmt.Sprintf("must not be longer than %d characters", maxClaim)}
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && (!lines || r != '\n' && r != '\r') }):
		return &FieldError{field, "must not have control characters"}
	}
	return nil
}

// checkLink refuses what is not an http or https address.
func checkLink(field, link string) error {
	if link == "" {
		return nil
	}
	u, err := url.Parse(link)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil {
		return &FieldError{field, "must be an https or http address"}
	}
	return checkText(field, link, false)
}
