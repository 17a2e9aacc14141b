package clients

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// Author says who gives a client's metadata.
type Author int

// The authors.
const (
	// Operator may set every field, and is told of one that does not exist.
	Operator Author = iota + 1
	// Itself is a client that introduces itself. It sets the fields marked Self;
	// what else it sends is left out, as RFC 7591, section 2, asks.
	Itself
)

// maxLocalized is how many names and URIs in other languages a client may have.
const maxLocalized = 100

// Patch puts the members of a JSON object into c: a field that is not named is
// left alone, null empties one (RFC 7396). An operator may send back what
// Metadata showed: members that nobody sets are taken when they say what is
// there, or when c is new and has nothing yet. It returns every fault, joined,
// each a *FieldError. What c has become still has to be validated: see Validate.
func (c *Client) Patch(doc []byte, author Author) error {
	members, err := decodeObject(doc)
	if err != nil {
		return err
	}
	p := patch{c: c, author: author, before: *c, table: fieldTable()}
	for _, m := range members {
		p.set(m)
	}
	for _, m := range p.readOnly {
		p.checkReadOnly(m)
	}
	return errors.Join(p.errs...)
}

// patch is one Patch under way.
type patch struct {
	c        *Client
	author   Author
	before   Client
	table    []Field
	readOnly []member
	errs     []error
}

func (p *patch) set(m member) {
	base, tag, tagged := strings.Cut(m.name, "#")
	i := slices.IndexFunc(p.table, func(f Field) bool { return f.Name == base })
	switch {
	case ReadOnly(m.name):
		p.readOnly = append(p.readOnly, m)
	case i < 0 || (p.author == Itself && !p.table[i].Self) || (tagged && !p.table[i].Localized):
		if p.author == Operator {
			p.errs = append(p.errs, unknownField(m.name, base, i >= 0))
		}
	case tagged:
		p.add(p.c.setLocalized(base, tag, m.value))
	default:
		p.add(p.table[i].Set(p.c, m.value))
	}
}

func (p *patch) add(err error) {
	if err != nil {
		p.errs = append(p.errs, err)
	}
}

// ReadOnly reports whether a member of a client's metadata is kept by the server
// and not set by anyone.
func ReadOnly(name string) bool {
	switch name {
	case "client_id", "client_id_issued_at", "client_secret", "client_secret_expires_at", "previous_secret_expires_at",
		"response_types", "source", "secrets", "last_used_at", "registration_client_uri", "registration_access_token":
		return true
	}
	return false
}

// checkReadOnly judges a member that nobody sets. Of a client that introduces
// itself only response_types is read, which have to fit its grant types; the
// rest of what it sends back is for those who manage registrations.
func (p *patch) checkReadOnly(m member) {
	switch {
	case m.name == "response_types":
		// An operator who sends back a client with other grant types has not
		// chosen the response types that stood there.
		sentBack := p.author == Operator && !p.before.CreatedAt.IsZero() && p.before.checkResponseTypes(m.value) == nil
		if !sentBack {
			p.add(p.c.checkResponseTypes(m.value))
		}
	case p.author == Itself:
	case m.name == "client_id" && p.before.ID == "":
		if err := into(m.value, &p.c.ID, "must be a string"); err != nil {
			p.errs = append(p.errs, &FieldError{Field: m.name, Reason: clipped(m.value) + " " + err.Error()})
		}
	case m.name == "client_secret":
		p.errs = append(p.errs, &FieldError{Field: m.name, Reason: "cannot be set here: a secret is made by the server, or given by itself when the client is created or its secret is rotated"})
	case m.name == "secrets" || m.name == "last_used_at" || m.name == "previous_secret_expires_at":
		// These change by themselves between two looks.
	case p.before.CreatedAt.IsZero() && m.name != "client_id":
	case !sameValue(m.value, p.before.Metadata().Get(m.name)):
		p.errs = append(p.errs, &FieldError{Field: m.name, Reason: clipped(m.value) + " is not what is there, and the server alone sets it; leave it out"})
	}
}

// setLocalized puts a text under its name and language tag.
func (c *Client) setLocalized(base, tag string, value json.RawMessage) error {
	name := base + "#" + tag
	var one *string
	if json.Unmarshal(value, &one) != nil {
		return &FieldError{Field: name, Reason: clipped(value) + " must be a string"}
	}
	if one == nil || *one == "" {
		delete(c.Localized, name)
		return nil
	}
	if c.Localized == nil {
		c.Localized = map[string]string{}
	}
	c.Localized[name] = *one
	return nil
}
