package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
// left alone, null empties one (RFC 7396). It returns every fault, joined, each
// a *FieldError. What c has become still has to be validated: see Validate.
func (c *Client) Patch(doc []byte, author Author) error {
	members, err := decodeObject(doc)
	if err != nil {
		return err
	}
	var errs []error
	table := fieldTable()
	for _, m := range members {
		base, tag, tagged := strings.Cut(m.name, "#")
		i := slices.IndexFunc(table, func(f Field) bool { return f.Name == base })
		switch {
		case i < 0 || (author == Itself && !table[i].Self) || (tagged && !table[i].Localized):
			if author == Operator {
				errs = append(errs, &FieldError{Field: m.name, Reason: "is not a field of a client that can be set"})
			}
		case tagged:
			errs = append(errs, c.setLocalized(base, tag, m.value))
		default:
			errs = append(errs, table[i].Set(c, m.value))
		}
	}
	return errors.Join(errs...)
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

// member is one member of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// errObject stands for a document that is no JSON object.
var errObject = errors.New("the client metadata must be one JSON object")

// decodeObject reads a JSON object in its order. A name that stands there twice
// is refused: of two readers, one would take the first and one the last.
func decodeObject(doc []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errObject
	}
	var out []member
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errObject
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("%w; it cannot be read at %q", errObject, name)
		}
		if slices.ContainsFunc(out, func(m member) bool { return m.name == name }) {
			return nil, &FieldError{Field: name, Reason: "is given twice"}
		}
		out = append(out, member{name, value})
	}
	if _, err := d.Token(); err != nil {
		return nil, errObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errObject
	}
	return out, nil
}
