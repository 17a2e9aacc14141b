package web

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"signet/clients"
)

// schema is a JSON Schema (2020-12, as in OpenAPI 3.1). The ones of bodies are
// what requests are checked by, and the ones of answers are made of the types
// that are sent, so that the document cannot say anything else.
type schema map[string]any

func typed(kind, help string) schema {
	s := schema{"type": kind}
	if help != "" {
		s["description"] = help
	}
	return s
}

func ref(name string) schema { return schema{"$ref": "#/components/schemas/" + name} }

func listOf(items schema) schema { return schema{"type": "array", "items": items} }

// object is a schema of an object that has these members and no others.
func object(help string, properties schema, required ...string) schema {
	s := typed("object", help)
	s["properties"], s["additionalProperties"] = properties, false
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// types are those that the schema allows; none is any.
func (s schema) types() []string {
	switch t := s["type"].(type) {
	case string:
		return []string{t}
	case []string:
		return t
	}
	return nil
}

// shapeOf words what a value of each type must be.
func shapeOf(kind string) string {
	return map[string]string{
		"string": "a string", "boolean": "true or false", "integer": "a whole number", "array": "a list",
		"object": "an object", "null": "null",
	}[kind]
}

// wrongShape says what value must be, or "" if it is.
func (s schema) wrongShape(value any) string {
	kind := ""
	switch v := value.(type) {
	case nil:
		kind = "null"
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case []any:
		kind = "array"
	case map[string]any:
		kind = "object"
	case json.Number:
		if isWhole(v) {
			kind = "integer"
		}
	}
	types := s.types()
	if len(types) == 0 || slices.Contains(types, kind) {
		return ""
	}
	words := make([]string, len(types))
	for i, t := range types {
		words[i] = shapeOf(t)
	}
	return "must be " + strings.Join(words, " or ")
}

// member is the schema of a member, and whether there may be one of that name.
func (s schema) member(name string) (schema, bool) {
	properties, _ := s["properties"].(schema)
	if p, ok := properties[name].(schema); ok {
		return p, true
	}
	patterns, _ := s["patternProperties"].(schema)
	for pattern, p := range patterns {
		if regexp.MustCompile(pattern).MatchString(name) {
			return p.(schema), true
		}
	}
	switch more := s["additionalProperties"].(type) {
	case schema:
		return more, true
	case bool:
		return nil, more
	}
	return nil, true
}

// nullable is an object's schema as a merge patch has it (RFC 7396): null empties
// a member, and none is needed.
func (s schema) nullable() schema {
	out := maps.Clone(s)
	delete(out, "required")
	for _, part := range []string{"properties", "patternProperties"} {
		members, ok := s[part].(schema)
		if !ok {
			continue
		}
		changed := schema{}
		for name, m := range members {
			changed[name] = m.(schema).orNull()
		}
		out[part] = changed
	}
	if more, ok := s["additionalProperties"].(schema); ok {
		out["additionalProperties"] = more.orNull()
	}
	return out
}

// orNull is the schema of one member in a merge patch.
func (s schema) orNull() schema {
	types := s.types()
	if len(types) == 0 || s["readOnly"] == true {
		return s
	}
	out := maps.Clone(s)
	if slices.Contains(types, "object") {
		out = out.nullable()
	}
	out["type"] = append(slices.Clone(types), "null")
	return out
}

// schemaOf is the schema of what encoding/json makes of a type: the tag doc
// explains a member, and one without omitempty or omitzero is always there.
func schemaOf(t reflect.Type) schema {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return schema{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[json.RawMessage](), t.Kind() == reflect.Interface:
		return schema{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.String:
		return typed("string", "")
	case reflect.Bool:
		return typed("boolean", "")
	case reflect.Slice:
		return listOf(schemaOf(t.Elem()))
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Struct:
		return structSchema(t)
	}
	return typed("integer", "")
}

func structSchema(t reflect.Type) schema {
	properties, required := schema{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			embedded := structSchema(f.Type)
			maps.Copy(properties, embedded["properties"].(schema))
			more, _ := embedded["required"].([]string)
			required = append(required, more...)
		case !f.IsExported() || name == "-":
		default:
			s := schemaOf(f.Type)
			if help := f.Tag.Get("doc"); help != "" {
				s["description"] = help
			}
			properties[name] = s
			if !strings.Contains(options, "omit") {
				required = append(required, name)
			}
		}
	}
	return object("", properties, required...)
}

// clientSchemas are what a client looks like, and what may be sent to make or
// change one: the table of clients.Fields, whatever that is.
func clientSchemas() (shown, create, change schema) {
	fields, localized := schema{}, schema{}
	for _, f := range clients.Fields() {
		fields[f.Name] = fieldSchema(f)
		if f.Localized {
			localized["^"+f.Name+"#"] = typed("string", f.Help+", in the language of the tag")
		}
	}
	told := schema{
		"client_id":                typed("string", "the id, which never changes"),
		"client_id_issued_at":      typed("integer", "when it was registered, in seconds since 1970"),
		"client_secret_expires_at": typed("integer", "when its newest secret ends, in seconds since 1970; 0 for never"),
		"response_types":           listOf(typed("string", "")),
		"source":                   typed("string", "who declares it: config, cli, file, api, dynamic or document"),
	}
	secret := typed("string", "the secret in plain text, told this once")
	all := maps.Clone(fields)
	maps.Copy(all, told)
	all["client_secret"] = secret
	shown = object("A registered client (RFC 7591, section 3.2.1).", all, "client_id", "source", "grant_types", "redirect_uris")
	given := maps.Clone(fields)
	for name, s := range told {
		given[name] = readOnly(s.(schema))
	}
	change = object("The fields to change; null empties one (RFC 7396).", given)
	given = maps.Clone(given)
	given["client_id"] = typed("string", "the id, which never changes; left out, one is made")
	given["client_secret"] = typed("string", "a secret to bring along, of 32 random characters or more; left out, one is made if it is needed")
	create = object("The fields of a new client; what is left out takes the safe default.", given)
	for _, s := range []schema{shown, create, change} {
		s["patternProperties"] = localized
	}
	return shown, create, change.nullable()
}

func readOnly(s schema) schema {
	s = maps.Clone(s)
	s["readOnly"] = true
	return s
}

// fieldSchema is the schema of one field of a client.
func fieldSchema(f clients.Field) schema {
	switch f.Kind {
	case clients.Bool:
		return typed("boolean", f.Help)
	case clients.List:
		s := listOf(typed("string", ""))
		s["description"] = f.Help
		return s
	case clients.Words:
		return typed("string", f.Help+", divided by spaces")
	case clients.Seconds:
		return typed("integer", f.Help+", in seconds")
	case clients.Object:
		s := typed("object", f.Help)
		if f.Name == "claims" {
			s["additionalProperties"] = schemaOf(reflect.TypeFor[clients.ClaimRule]()).nullable()
		}
		return s
	}
	return typed("string", f.Help)
}
