package config

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decoder copies a YAML document into a Config and collects what is wrong.
type decoder struct {
	file   string
	faults Faults
	// lines is the line of every key that the file has, by path.
	lines map[string]int
	// all is every key path there is, for "did you mean".
	all []string
	// patch says that the clients are changes to those there are: null empties a
	// field, and what the server keeps by itself is passed over.
	patch bool
}

func (d *decoder) fault(n *yaml.Node, path, format string, args ...any) {
	d.faults = append(d.faults, Fault{File: d.file, Line: n.Line, Key: path, Text: fmt.Sprintf(format, args...)})
}

// section reads the mapping n into the struct v.
func (d *decoder) section(n *yaml.Node, v reflect.Value, under string) {
	n = follow(n)
	if isNull(n) {
		return // a section whose keys are all commented out
	}
	if n.Kind != yaml.MappingNode {
		d.fault(n, under, "must be a section with keys of its own, such as %q", fieldsOf(v.Type())[0].name+": …")
		return
	}
	known := map[string]field{}
	for _, f := range fieldsOf(v.Type()) {
		known[f.name] = f
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		path := join(under, key.Value)
		f, ok := known[key.Value]
		if base, _, tagged := strings.Cut(key.Value, "#"); tagged && known[base].ofClient != nil {
			f, ok = known[base], true
		}
		if !ok && d.passesOver(v, key.Value) {
			continue
		}
		switch first, twice := seen[key.Value]; {
		case !ok:
			d.fault(key, path, "unknown key%s", d.meant(key.Value, under, v.Type()))
			continue
		case twice:
			d.fault(key, path, "is here twice (first in line %d); keep one", first)
			continue
		}
		seen[key.Value] = key.Line
		d.lines[path] = key.Line
		if f.ofClient != nil {
			d.clientField(key, value, v.Addr().Interface().(*Client), *f.ofClient, path)
			continue
		}
		d.value(key, value, v.Field(f.index), f, path)
	}
}

// value reads n into v by the type of v.
func (d *decoder) value(key, n *yaml.Node, v reflect.Value, f field, path string) {
	n = follow(n)
	switch {
	case v.Kind() == reflect.Struct && v.Type() != prefixType:
		d.section(n, v, path)
	case isSection(v.Type()):
		d.sections(n, v, path)
	case v.Kind() == reflect.Slice:
		d.list(n, v, f, path)
	case v.Kind() == reflect.Map:
		d.texts(n, v, path)
	case isNull(n):
		d.fault(key, path, "has no value; write one, or take the line out for the default")
	default:
		d.scalar(n, v, path)
	}
}

// sections reads a list of mappings.
func (d *decoder) sections(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.fault(n, path, "must be a list; begin each entry with \"- %s: …\"", fieldsOf(v.Type().Elem())[0].name)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.lines[element(path, i)] = item.Line
		if c, ok := v.Index(i).Addr().Interface().(*Client); ok {
			c.file, c.path, c.lines = d.file, element(path, i), d.lines
		}
		d.section(item, v.Index(i), element(path, i))
	}
}

// list reads a list of scalars, or for "words" one text divided by spaces.
func (d *decoder) list(n *yaml.Node, v reflect.Value, f field, path string) {
	if isNull(n) {
		return
	}
	if n.Kind == yaml.ScalarNode && f.kind == "words" {
		if err := setList(v, strings.Fields(n.Value)); err != nil {
			d.fault(n, path, "%s", err)
		}
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.fault(n, path, "must be a list; write it as [first, second] or with \"- \" before each entry")
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	for i, item := range n.Content {
		one := reflect.New(v.Type().Elem()).Elem()
		d.lines[element(path, i)] = item.Line
		if item = follow(item); isNull(item) {
			d.fault(item, path, "has an empty entry; write a value or take it out")
		} else if d.scalar(item, one, path) {
			list = reflect.Append(list, one)
		}
	}
	v.Set(list)
}

// texts reads a mapping of names that the operator chooses to texts.
func (d *decoder) texts(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fault(n, path, "must be lines of \"name: text\"")
		return
	}
	texts := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], follow(n.Content[i+1])
		at := join(path, key.Value)
		if first, twice := d.lines[at]; twice {
			d.fault(key, at, "is here twice (first in line %d); keep one", first)
			continue
		}
		d.lines[at] = key.Line
		text := reflect.New(reflect.TypeFor[string]()).Elem()
		if !isNull(value) && !d.scalar(value, text, at) {
			continue
		}
		texts[key.Value] = text.String()
	}
	v.Set(reflect.ValueOf(texts))
}

// scalar reads one value and reports whether it could be used.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) bool {
	if n.Kind != yaml.ScalarNode {
		d.fault(n, path, "must be one value, not a list or a section")
		return false
	}
	if v.Kind() == reflect.String && n.Tag != "!!str" {
		d.fault(n, path, "%s must be text; put it in quotes: %q", n.Value, n.Value)
		return false
	}
	if err := setScalar(v, n.Value); err != nil {
		d.fault(n, path, "%s", err)
		return false
	}
	return true
}

// meant ends the message about an unknown key with the one that was probably
// meant: a neighbour, or else the same or nearly the same name elsewhere.
func (d *decoder) meant(got, under string, in reflect.Type) string {
	if got == "client_secret" {
		return "; a secret stays out of this file: write it to one of its own and name that as \"client_secret_file\""
	}
	var here []string
	for _, f := range fieldsOf(in) {
		here = append(here, f.name)
	}
	if name := Nearest(got, here); name != "" {
		return fmt.Sprintf("; did you mean %q?", join(under, name))
	}
	best, bestAt := "", 2
	for _, path := range d.all {
		last := path[strings.LastIndexByte(path, '.')+1:]
		if at := distance(strings.ToLower(got), last); at < bestAt {
			best, bestAt = path, at
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return "; the keys here are " + strings.Join(here, ", ")
}

// follow returns what an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// element is the path of the i-th element of a list, counted from 0.
func element(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
