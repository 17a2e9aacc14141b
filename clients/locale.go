package clients

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxLanguages is how many languages of a request are looked at, and
	// maxLanguageHeader how many bytes of its header.
	maxLanguages      = 20
	maxLanguageHeader = 1000
)

// Languages returns the language tags (RFC 5646) that a person reads, the best
// first: those of ui_locales (OpenID Connect Core, section 3.1.2.1), which the
// app has asked for, and then those of an Accept-Language header (RFC 9110,
// section 12.5.4).
func Languages(uiLocales, acceptLanguage string) []string {
	tags := strings.Fields(uiLocales[:min(len(uiLocales), maxLanguageHeader)])
	type choice struct {
		tag     string
		quality float64
	}
	var accepted []choice
	for item := range strings.SplitSeq(acceptLanguage[:min(len(acceptLanguage), maxLanguageHeader)], ",") {
		tag, weight, weighted := strings.Cut(item, ";")
		quality := 1.0
		if weighted {
			value, _ := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			q, err := strconv.ParseFloat(value, 64)
			if err != nil {
				continue
			}
			quality = q
		}
		if tag = strings.TrimSpace(tag); tag != "" && quality > 0 {
			accepted = append(accepted, choice{tag, quality})
		}
	}
	slices.SortStableFunc(accepted, func(a, b choice) int { return cmp.Compare(b.quality, a.quality) })
	for _, c := range accepted {
		tags = append(tags, c.tag)
	}
	return tags[:min(len(tags), maxLanguages)]
}

// In returns a copy of the client with the name and the addresses that people
// are shown in the first of these languages that each is registered in (RFC
// 7591, section 2.2). page is the language of the page around them: whoever
// reads that first is not shown another, as what is registered without a tag
// may well be in it.
func (c *Client) In(languages []string, page string) Client {
	out := *c
	if len(c.Localized) == 0 {
		return out
	}
	for _, field := range []struct {
		name  string
		value *string
	}{
		{"client_name", &out.Name}, {"client_uri", &out.ClientURI}, {"logo_uri", &out.LogoURI},
		{"policy_uri", &out.PolicyURI}, {"tos_uri", &out.TermsURI},
	} {
		if value, ok := c.localized(field.name, languages, page); ok {
			*field.value = value
		}
	}
	return out
}

// localized finds one field by the look-up of RFC 4647, section 3.4: the tag
// itself, then without its last parts; and then, for a language that is there
// only for some region, that one.
func (c *Client) localized(field string, languages []string, page string) (string, bool) {
	byTag := map[string]string{}
	var tags []string
	for name, value := range c.Localized {
		if base, tag, ok := strings.Cut(name, "#"); ok && base == field && value != "" {
			byTag[strings.ToLower(tag)] = value
			tags = append(tags, strings.ToLower(tag))
		}
	}
	slices.Sort(tags)
	for _, language := range languages {
		language = strings.ToLower(language)
		for tag := language; tag != ""; tag = shorter(tag) {
			if value, ok := byTag[tag]; ok {
				return value, true
			}
		}
		primary, _, _ := strings.Cut(language, "-")
		if primary == page || primary == "*" {
			return "", false
		}
		for _, tag := range tags {
			if strings.HasPrefix(tag, primary+"-") {
				return byTag[tag], true
			}
		}
	}
	return "", false
}

// shorter takes the last part of a tag away, and with it a single letter that
// would only introduce it.
func shorter(tag string) string {
	tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)]
	if i := strings.LastIndexByte(tag, '-'); i >= 0 && i == len(tag)-2 {
		tag = tag[:i]
	}
	return tag
}
