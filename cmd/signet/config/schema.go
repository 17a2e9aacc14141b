package config

import (
	"net/netip"
	"reflect"
	"strings"
	"time"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
)

// field is one key of a struct, as its tag describes it.
type field struct {
	name  string
	index int
	// kind is "", "path", "database" or "words" (a list that may also be
	// written as one text, divided by spaces).
	kind string
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
		path, ft := join(under, f.name), t.Field(f.index).Type
		out = append(out, path)
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
