package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"signet/clients"
)

// namedField is one field that a file names: set puts what stands there into a
// client.
type namedField struct {
	name  string
	reset bool
	set   func(*clients.Client) error
}

// clientField reads the value of one field of a client.
func (d *decoder) clientField(key, n *yaml.Node, c *Client, f clients.Field, path string) {
	n = follow(n)
	before := len(d.faults)
	named := namedField{name: key.Value, reset: isNull(n)}
	_, tag, tagged := strings.Cut(key.Value, "#")
	switch {
	case tagged && !f.Localized:
		d.fault(key, path, "has a language, but %s is the same in every one; take the \"#%s\" out", f.Name, tag)
	case isNull(n) && d.patch:
		named.set = fieldSetter(f, key.Value, nil)
	case isNull(n) && (f.Kind == clients.List || f.Kind == clients.Words || f.Kind == clients.Object):
		return // all its entries are commented out
	case isNull(n):
		d.fault(key, path, "has no value; write one, or take the line out for the default")
	default:
		named.set = d.clientValue(n, f, key.Value, path)
	}
	if len(d.faults) > before {
		return
	}
	for _, fault := range FieldErrors(named.set(&c.Metadata)) {
		d.fault(n, path, "%s", fault.Reason)
	}
	c.named = append(c.named, named)
}

// clientValue reads a value by the kind of its field.
func (d *decoder) clientValue(n *yaml.Node, f clients.Field, name, path string) func(*clients.Client) error {
	switch f.Kind {
	case clients.Bool:
		var b bool
		d.scalar(n, reflect.ValueOf(&b).Elem(), path)
		return fieldSetter(f, name, b)
	case clients.List, clients.Words:
		var list []string
		kind := ""
		if f.Kind == clients.Words {
			kind = "words"
		}
		d.list(n, reflect.ValueOf(&list).Elem(), field{kind: kind}, path)
		return fieldSetter(f, name, list)
	case clients.Seconds:
		if n.Kind == yaml.ScalarNode && n.Tag == "!!int" {
			return fieldSetter(f, name, json.RawMessage(n.Value)) // seconds, as in JSON
		}
		var span time.Duration
		d.scalar(n, reflect.ValueOf(&span).Elem(), path)
		return func(c *clients.Client) error { f.SetDuration(c, span); return nil }
	case clients.Object:
		var object map[string]any
		if err := n.Decode(&object); err != nil {
			d.fault(n, path, "must be lines of \"name: value\", or an object as in JSON")
		}
		return fieldSetter(f, name, object)
	}
	var text string
	d.scalar(n, reflect.ValueOf(&text).Elem(), path)
	return fieldSetter(f, name, text)
}

// fieldSetter puts value, nil to empty it, into the field under its name, which
// may have a language.
func fieldSetter(f clients.Field, name string, value any) func(*clients.Client) error {
	return func(c *clients.Client) error {
		if name != f.Name {
			doc, err := json.Marshal(map[string]any{name: value})
			if err != nil {
				return err
			}
			return c.Patch(doc, clients.Operator)
		}
		doc, err := json.Marshal(value)
		if err != nil {
			return &clients.FieldError{Field: name, Reason: "holds what JSON has no form for"}
		}
		return f.Set(c, doc)
	}
}

// passesOver reports whether a key is one that Signet shows of a client and keeps
// by itself, so that what `signet clients show --json` prints can be used as a
// file.
func (d *decoder) passesOver(v reflect.Value, key string) bool {
	return d.patch && v.Type() == clientType && clients.ReadOnly(key) && key != "client_secret"
}

// Apply puts what the file names into c, and leaves the rest of c alone. It
// returns *clients.FieldErrors.
func (d *Client) Apply(c *clients.Client) error {
	reset := false
	for _, one := range d.named {
		if err := one.set(c); err != nil {
			return err
		}
		reset = reset || one.reset
	}
	if _, given := d.lines[d.path+".public"]; given {
		switch {
		case d.Public:
			c.TokenEndpointAuthMethod = clients.AuthMethodNone
		case c.Public():
			c.TokenEndpointAuthMethod = clients.AuthMethodAny
		}
	}
	if reset {
		c.Fill()
	}
	return nil
}

// Fault is a fault of this client, at the line of the field or else its own.
func (d *Client) Fault(field, format string, args ...any) Fault {
	line, ok := d.lines[d.path+"."+field]
	if !ok {
		line = d.lines[d.path]
	}
	return Fault{File: d.file, Line: line, Key: d.path + "." + field, Text: fmt.Sprintf(format, args...)}
}
