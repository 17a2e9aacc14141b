package login

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

const (
	maxAttributes     = 50
	maxAttributeName  = 64      // bytes
	maxAttributeBytes = 4 << 10 // of all, as JSON: they can stand in every token
	maxWhole          = 1 << 53 // beyond it a float64 skips whole numbers
)

// Attributes are what the operator knows of a person beside the standard claims,
// by name: string, float64, bool or []string. Claims can be taken from them.
type Attributes map[string]any

// UnmarshalJSON reads an object of texts, numbers, true or false, and lists of
// texts.
func (a *Attributes) UnmarshalJSON(text []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	*a = nil
	for name, v := range raw {
		value, err := ParseAttribute(v)
		if err != nil {
			return fmt.Errorf("%s %w", name, err)
		}
		if *a == nil {
			*a = make(Attributes, len(raw))
		}
		(*a)[name] = value
	}
	return nil
}

// ParseAttribute reads one value from JSON; null is nil.
func ParseAttribute(text []byte) (any, error) {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, errAttribute
	}
	return attributeValue(v)
}

var errAttribute = errors.New("must be a text, a number, true or false, or a list of texts")

// attributeValue returns v in the type that attributes have.
func attributeValue(v any) (any, error) {
	switch v := v.(type) {
	case nil, string, bool, float64:
		return v, nil
	case int:
		return float64(v), nil
	case []string:
		return slices.Clone(v), nil
	case []any:
		list := make([]string, len(v))
		for i := range v {
			text, ok := v[i].(string)
			if !ok {
				return nil, errAttribute
			}
			list[i] = text
		}
		return list, nil
	}
	return nil, errAttribute
}

// Clone returns a copy that shares nothing.
func (a Attributes) Clone() Attributes {
	out := maps.Clone(a)
	for name, v := range out {
		if list, ok := v.([]string); ok {
			out[name] = slices.Clone(list)
		}
	}
	return out
}

// validate returns the attributes in the form to be stored, nil for none, or
// every fault. A nil value is an attribute that is not there.
func (a Attributes) validate() (Attributes, []error) {
	var errs []error
	fault := func(format string, args ...any) {
		errs = append(errs, &FieldError{"attributes", fmt.Sprintf(format, args...)})
	}
	var out Attributes
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if name == "" || len(name) > maxAttributeName || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") != "" {
			fault("%.80q is no name; it must be 1 to %d of a-z, 0-9, _ . -", name, maxAttributeName)
			continue
		}
		value, err := attributeValue(a[name])
		if err == nil {
			err = checkAttribute(value)
		}
		switch {
		case err != nil:
			fault("%s: %v", name, err)
		case value != nil && out == nil:
			out = Attributes{name: value}
		case value != nil:
			out[name] = value
		}
	}
	if len(out) > maxAttributes {
		fault("must not be more than %d", maxAttributes)
	}
	if text, err := json.Marshal(out); err == nil && len(text) > maxAttributeBytes {
		fault("must not be longer than %d bytes together, as JSON; they are %d", maxAttributeBytes, len(text))
	}
	return out, errs
}

func checkAttribute(value any) error {
	reason := func(err error) error {
		var field *FieldError
		if errors.As(err, &field) {
			return errors.New(field.Reason)
		}
		return err
	}
	switch v := value.(type) {
	case string:
		return reason(checkText("attributes", v, false))
	case float64:
		if math.Abs(v) > maxWhole || math.IsNaN(v) {
			return errors.New("is a number that JSON readers do not agree about; write it in quotes, as a text")
		}
	case []string:
		for _, text := range v {
			if err := checkText("attributes", text, false); err != nil {
				return reason(err)
			}
		}
	}
	return nil
}
