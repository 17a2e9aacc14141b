package clients

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// languageTag is the shape of a BCP 47 tag (RFC 5646, section 2.1).
var languageTag = regexp.MustCompile(`^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$`)

// maxTag is the length of the longest tag that RFC 5646, section 4.4.1, has
// everyone take.
const maxTag = 35

// checkInfo checks what people are told about the client.
func (f *faults) checkInfo(c *Client) {
	f.checkTold("client_name", c.Name)
	f.checkTold("client_uri", c.ClientURI)
	f.checkTold("logo_uri", c.LogoURI)
	f.checkTold("policy_uri", c.PolicyURI)
	f.checkTold("tos_uri", c.TermsURI)
	f.checkLocalized(c)
	f.each("contacts", c.Contacts, checkLine)
	f.checkLineOf("software_id", c.SoftwareID)
	f.checkLineOf("software_version", c.SoftwareVersion)
}

// checkTold checks a name or an address that people are shown, in any language.
// field may have a language tag.
func (f *faults) checkTold(field, value string) {
	base, _, _ := strings.Cut(field, "#")
	check := checkInfoURI
	if base == "client_name" {
		check = checkName
	}
	if value == "" {
		return
	}
	if err := check(value); err != nil {
		f.add(field, "%q %v", clippedText(value), err)
	}
}

// checkLocalized checks names and addresses in other languages (RFC 7591,
// section 2.2).
func (f *faults) checkLocalized(c *Client) {
	if len(c.Localized) > maxLocalized {
		f.add("client_name", "and the addresses beside it are given in other languages %d times; not more than %d", len(c.Localized), maxLocalized)
		return
	}
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Localized)) {
		base, tag, _ := strings.Cut(name, "#")
		known, ok := FieldNamed(base)
		switch other := seen[base+"#"+strings.ToLower(tag)]; {
		case !ok || !known.Localized:
			f.add(clippedText(name), "is not a field that can have a language")
		case len(tag) > maxTag || !languageTag.MatchString(tag):
			f.add(clippedText(name), "%q must be a language tag, such as fr or pt-BR (BCP 47)", clippedText(tag))
		case other != "":
			f.add(name, "is the same language as %s; give one of the two", other)
		default:
			seen[base+"#"+strings.ToLower(tag)] = name
			f.checkTold(name, c.Localized[name])
		}
	}
}

// checkName keeps out of a name what would make the consent page say
// something else than what it shows: control characters, and the marks that
// turn the direction of the text around it. An empty name is fine: the id is
// shown instead.
func checkName(name string) error {
	switch {
	case !utf8.ValidString(name):
		return errors.New("must be valid UTF-8")
	case utf8.RuneCountInString(name) > maxText:
		return errTextLong
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }):
		return errors.New("must not have control characters")
	}
	return nil
}

var errTextLong = errors.New("must not be longer than 200 characters")

// checkLine checks a text of one line that has to say something.
func checkLine(text string) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("must not be empty")
	}
	return checkName(text)
}

// checkLineOf checks a line that may be left out.
func (f *faults) checkLineOf(field, text string) {
	if text != "" {
		f.each(field, []string{text}, checkLine)
	}
}

// checkSignIn checks the rules for signing in to the client.
func (f *faults) checkSignIn(c *Client) {
	f.oneOf("consent", c.Consent, ConsentAlways, ConsentRemember, ConsentSkip)
	if c.Consent == ConsentSkip && !c.FirstParty {
		f.add("consent", "%q needs first_party: nobody but the operator may speak for the people", c.Consent)
	}
	f.each("allowed_groups", c.AllowedGroups, checkLine)
	if c.DefaultMaxAge != nil {
		f.checkSpan("default_max_age", *c.DefaultMaxAge, 0, 3650*24*time.Hour, "0 to 3650d")
	}
	f.each("default_acr_values", c.DefaultACRValues, func(acr string) error {
		if !isScopeToken(acr) || len(acr) > maxText {
			return errors.New("must be one word of at most 200 visible ASCII characters without \" and \\")
		}
		return nil
	})
}
