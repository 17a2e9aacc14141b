package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep a document may nest: a rule for a claim takes four.
const maxDepth = 16

// document is a JSON object as it was sent: its members by name.
type document map[string]json.RawMessage

// names returns the names of its members, in alphabetical order.
func (d document) names() []string { return slices.Sorted(maps.Keys(d)) }

func (d document) has(name string) bool { _, ok := d[name]; return ok }

// value is the document as encoding/json reads it, numbers as they were written.
func (d document) value() map[string]any {
	out := map[string]any{}
	for name, raw := range d {
		out[name] = decoded(raw)
	}
	return out
}

// without returns the document but for some members.
func (d document) without(names ...string) document {
	out := maps.Clone(d)
	maps.DeleteFunc(out, func(name string, _ json.RawMessage) bool { return slices.Contains(names, name) })
	return out
}

// text is a member that the schema has as a string, nil when it is not there or
// null.
func (d document) text(name string) *string {
	var s *string
	if json.Unmarshal(d[name], &s) != nil {
		return nil
	}
	return s
}

// marshal writes the document again.
func (d document) marshal() ([]byte, error) { return json.Marshal(d) }

// decoded reads JSON that was read before.
func decoded(raw []byte) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	return v
}

func readAll(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	return io.ReadAll(r.Body) // limitBody has read it, and bounded it
}

// readDocument reads a body that must be one JSON object. A name that stands
// twice in one object is refused at every depth: of two readers, one takes the
// first and one the last.
func readDocument(body []byte) (document, error) {
	malformed := func(what string) error { return badRequest("malformed-json", what) }
	if !utf8.Valid(body) {
		return nil, malformed("The body is not UTF-8.")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := checkValue(dec, 0); err != nil {
		if p := (*apiProblem)(nil); errors.As(err, &p) {
			return nil, p
		}
		return nil, malformed(fmt.Sprintf("The body is not JSON, from about byte %d on.", dec.InputOffset()))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed(fmt.Sprintf("The body goes on after its JSON object, at byte %d.", dec.InputOffset()))
	}
	var doc document
	if err := json.Unmarshal(body, &doc); err != nil || doc == nil {
		return nil, malformed("The body must be one JSON object.")
	}
	return doc, nil
}

// checkValue reads one value, and refuses names that stand twice.
func checkValue(dec *json.Decoder, depth int) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return badRequest("malformed-json", fmt.Sprintf("The body nests deeper than %d levels.", maxDepth))
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			t, err := dec.Token()
			if err != nil {
				return err
			}
			name, _ := t.(string)
			if seen[name] {
				return invalidFields([]fieldFault{{clip(name, 100), "is given twice"}})
			}
			seen[name] = true
		}
		if err := checkValue(dec, depth+1); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

// check holds a value to a schema of ours: names that exist, and shapes. What
// the values may be, the rooms behind decide.
func (a *admin) check(s schema, value any, at string) []fieldFault {
	if rule := s.wrongShape(value); rule != "" {
		return []fieldFault{{at, rule}}
	}
	switch v := value.(type) {
	case map[string]any:
		return a.checkMembers(s, v, at)
	case []any:
		items, _ := s["items"].(schema)
		for _, one := range v {
			if faults := a.check(items, one, at); len(faults) > 0 {
				return []fieldFault{{at, "must be a list, of which each one " + faults[0].Detail}}
			}
		}
	}
	return nil
}

func (a *admin) checkMembers(s schema, v map[string]any, at string) []fieldFault {
	var faults []fieldFault
	for _, name := range slices.Sorted(maps.Keys(v)) {
		path := strings.TrimPrefix(at+"."+name, ".")
		member, ok := s.member(name)
		switch {
		case !ok:
			faults = append(faults, fieldFault{clip(path, 100), a.unknown(s, name)})
		case member["readOnly"] == true:
			faults = append(faults, fieldFault{path, "is told by the server and cannot be set; leave it out"})
		default:
			faults = append(faults, a.check(member, v[name], path)...)
		}
	}
	required, _ := s["required"].([]string)
	for _, name := range required {
		if _, ok := v[name]; !ok {
			faults = append(faults, fieldFault{strings.TrimPrefix(at+"."+name, "."), "is missing"})
		}
	}
	return faults
}

// unknown words the refusal of a name that there is not.
func (a *admin) unknown(s schema, name string) string {
	known, _ := s["properties"].(schema)
	if near := a.Nearest(name, slices.Sorted(maps.Keys(known))); near != "" {
		return "is no field here; did you mean " + near + "?"
	}
	return "is no field here"
}

// merged is target after a merge patch (RFC 7396, section 2).
func merged(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	before, _ := target.(map[string]any)
	out := map[string]any{}
	maps.Copy(out, before)
	for name, value := range changes {
		if value == nil {
			delete(out, name)
			continue
		}
		out[name] = merged(out[name], value)
	}
	return out
}

// isWhole reports whether a number of JSON is a whole one.
func isWhole(n json.Number) bool {
	_, err := strconv.ParseInt(n.String(), 10, 64)
	return err == nil
}
