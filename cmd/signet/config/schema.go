package config

import (
	"net/netip"
	"reflect"
	"strings"
	"time"

	"signet/clients"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
	clientType   = reflect.TypeFor[Client]()
)

// field is one key of a struct, as its tag describes it.
type field struct {
	name  string
	index int
	// kind is "", "path", "database" or "words" (a list that may also be
	// written as one text, divided by spaces).
	kind string
	// ofClient is the field of a client that the key sets; index is -1 then.
	ofClient *clients.Field
}

func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		name, kind, _ := strings.Cut(t.Field(i).Tag.Get("config"), ",")
		if name == "-" {
			continue
		}
		out = append(out, field{name: name, index: i, kind: kind})
	}
	if t == clientType {
		for _, f := range clients.Fields() {
			out = append(out, field{name: f.Name, index: -1, ofClient: &f})
		}
	}
	return out
}

// leaf is one value that can be set: a scalar or a list, not a section.
type leaf struct {
	path  string
	field field
	value reflect.Value
	// inList says that the leaf stands in an element of a list, and so has no
	// environment variable.
	inList bool
}

// leaves returns every leaf under the struct v, in the order of the struct.
func leaves(v reflect.Value, under string) []leaf {
	var out []leaf
	for _, f := range fieldsOf(v.Type()) {
		if f.ofClient != nil {
			continue
		}
		path, value := join(under, f.name), v.Field(f.index)
		switch {
		case value.Kind() == reflect.Struct:
			out = append(out, leaves(value, path)...)
		case isSection(value.Type()):
			for i := range value.Len() {
				for _, l := range leaves(value.Index(i), element(path, i)) {
					l.inList = true
					out = append(out, l)
				}
			}
		default:
			out = append(out, leaf{path: path, field: f, value: value})
		}
	}
	return out
}

// keyPaths returns the path of every key there is, sections included, with
// "[]" for the elements of a list.
func keyPaths(t reflect.Type, under string) []string {
	var out []string
	for _, f := range fieldsOf(t) {
		path := join(under, f.name)
		out = append(out, path)
		if f.ofClient != nil {
			continue
		}
		ft := t.Field(f.index).Type
		switch {
		case ft.Kind() == reflect.Struct:
			out = append(out, keyPaths(ft, path)...)
		case isSection(ft):
			out = append(out, keyPaths(ft.Elem(), path+"[]")...)
		}
	}
	return out
}

// isSection reports whether t is a list of structs of ours, such as clients.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && t.Elem() != prefixType
}

func join(under, name string) string {
	if under == "" {
		return name
	}
	return under + "." + name
}
