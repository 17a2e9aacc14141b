package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is the shape that a metadata field has in JSON.
type Kind int

// The kinds of Field.
const (
	// Text is a string.
	Text Kind = iota + 1
	// Bool is true or false.
	Bool
	// List is an array of strings.
	List
	// Words is a list written as one string, divided by spaces (RFC 7591's scope).
	Words
	// Seconds is a length of time, in whole seconds.
	Seconds
	// Object is a JSON object.
	Object
)

// Field is one member of a client's metadata (RFC 7591, section 2; OpenID
// Connect Registration, section 2; our own). Every way to register or change a
// client reads this one table: config.yaml, the command line, files, the admin
// API, and clients that introduce themselves.
type Field struct {
	// Name is the member's name in JSON.
	Name string
	// Flag is the name of its flag on the command line: Name with hyphens, in the
	// singular for what may be given again, or a shorter one. Alias is the long one
	// then, which does the same.
	Flag, Alias string
	// Kind is its shape.
	Kind Kind
	// Help says in a line what it does.
	Help string
	// Self says that a client may set it when it introduces itself; all else is
	// the operator's.
	Self bool
	// Localized says that it may also be given with a language tag, as in
	// client_name#fr (RFC 7591, section 2.2).
	Localized bool

	// always shows the field also when it is empty.
	always bool
	get    func(*Client) any
	set    func(*Client, json.RawMessage) error
	// setSpan sets a field of the kind Seconds, nil to empty it.
	setSpan func(*Client, *time.Duration)
}

// Value is the field of c as JSON has it, nil where it is empty.
func (f *Field) Value(c *Client) any { return f.get(c) }

// Set puts a JSON value into the field of c; null empties it. It returns a
// *FieldError for a value of another shape, and leaves the rules to Validate.
func (f *Field) Set(c *Client, value json.RawMessage) error {
	if err := f.set(c, value); err != nil {
		return &FieldError{Field: f.Name, Reason: fmt.Sprintf("%s %v", clipped(value), err)}
	}
	return nil
}

// SetDuration puts a length of time into a field of the kind Seconds, for who
// reads it from a text such as 10m. A part of a second is left to Validate.
func (f *Field) SetDuration(c *Client, d time.Duration) { f.setSpan(c, &d) }

// Fields returns every field that can be set, in the order in which a client is
// shown.
func Fields() []Field { return fieldTable() }

// FieldNamed returns the field with this name.
func FieldNamed(name string) (Field, bool) {
	all := fieldTable()
	i := slices.IndexFunc(all, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return all[i], true
}

// as gives a field the flag with this name.
func (f Field) as(flag string) Field { f.Flag, f.Alias = flag, f.Flag; return f }

// self marks a field that a client may set itself.
func (f Field) self() Field { f.Self = true; return f }

// tagged marks a field that may have a language tag.
func (f Field) tagged() Field { f.Localized = true; return f }

// shown marks a field that is shown when it is empty too.
func (f Field) shown() Field { f.always = true; return f }

func newField(name, help string, kind Kind, get func(*Client) any, set func(*Client, json.RawMessage) error) Field {
	return Field{Name: name, Flag: strings.ReplaceAll(name, "_", "-"), Kind: kind, Help: help, get: get, set: set}
}

func text(name, help string, at func(*Client) *string) Field {
	return newField(name, help, Text,
		func(c *Client) any { return orNil(*at(c)) },
		func(c *Client, v json.RawMessage) error { return into(v, at(c), "must be a string") })
}

func boolean(name, help string, at func(*Client) *bool) Field {
	return newField(name, help, Bool,
		func(c *Client) any { return orNil(*at(c)) },
		func(c *Client, v json.RawMessage) error { return into(v, at(c), "must be true or false") })
}

// optional is a boolean whose absence means something else than false.
func optional(name, help string, at func(*Client) **bool) Field {
	return newField(name, help, Bool,
		func(c *Client) any {
			if p := *at(c); p != nil {
				return *p
			}
			return nil
		},
		func(c *Client, v json.RawMessage) error { return into(v, at(c), "must be true or false") })
}

func list(name, help string, at func(*Client) *[]string) Field {
	f := newField(name, help, List,
		func(c *Client) any {
			if l := *at(c); len(l) > 0 {
				return slices.Clone(l)
			}
			return nil
		},
		func(c *Client, v json.RawMessage) error { return into(v, at(c), "must be a list of strings") })
	f.Flag = strings.TrimSuffix(f.Flag, "s")
	return f
}

// words is a list that JSON has as one string; an array is understood too.
func words(name, help string, at func(*Client) *[]string) Field {
	return newField(name, help, Words,
		func(c *Client) any { return orNil(strings.Join(*at(c), " ")) },
		func(c *Client, v json.RawMessage) error {
			var one *string
			if json.Unmarshal(v, &one) != nil {
				return into(v, at(c), "must be a string of words divided by spaces")
			}
			*at(c) = nil
			if one != nil {
				*at(c) = strings.Fields(*one)
			}
			return nil
		})
}

func span(name, help string, at func(*Client) *time.Duration) Field {
	return spanField(name, help,
		func(c *Client) any { return orNil(seconds(*at(c))) },
		func(c *Client, d *time.Duration) {
			*at(c) = 0
			if d != nil {
				*at(c) = *d
			}
		})
}

// optionalSpan is a length of time whose absence means something else than 0.
func optionalSpan(name, help string, at func(*Client) **time.Duration) Field {
	return spanField(name, help,
		func(c *Client) any {
			if d := *at(c); d != nil {
				return seconds(*d)
			}
			return nil
		},
		func(c *Client, d *time.Duration) { *at(c) = d })
}

func spanField(name, help string, get func(*Client) any, set func(*Client, *time.Duration)) Field {
	f := newField(name, help, Seconds, get, func(c *Client, v json.RawMessage) error {
		d, err := parseSeconds(v)
		if err == nil {
			set(c, d)
		}
		return err
	})
	f.setSpan = set
	return f
}

// maxSeconds keeps a time.Duration from running over.
const maxSeconds = int64(1<<63-1) / int64(time.Second)

func parseSeconds(v json.RawMessage) (*time.Duration, error) {
	var n *int64
	if err := into(v, &n, "must be a whole number of seconds"); err != nil || n == nil {
		return nil, err
	}
	if *n > maxSeconds || *n < -maxSeconds {
		return nil, errors.New("is more seconds than there can be")
	}
	d := time.Duration(*n) * time.Second
	return &d, nil
}

// into reads v into to, which is emptied before: null leaves it so.
func into[T any](v json.RawMessage, to *T, rule string) error {
	var fresh T
	if json.Unmarshal(v, &fresh) != nil {
		return errors.New(rule)
	}
	*to = fresh
	return nil
}

// strictly is into for a document of ours: a member that is none of it is
// refused, and not lost.
func strictly[T any](v json.RawMessage, to *T, rule string) error {
	var fresh T
	d := json.NewDecoder(bytes.NewReader(v))
	d.DisallowUnknownFields()
	if d.Decode(&fresh) != nil {
		return errors.New(rule)
	}
	*to = fresh
	return nil
}

// orNil is nil for the zero value.
func orNil[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

// clipped is a JSON value short enough for an error message.
func clipped(v json.RawMessage) string {
	const most = 80
	if s := string(v); len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(string(v[:most]), "") + "…"
}
