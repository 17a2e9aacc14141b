package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

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
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errObject
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("%w; it cannot be read at %q", errObject, clippedText(name))
		}
		if seen[name] {
			return nil, &FieldError{Field: clippedText(name), Reason: "is given twice"}
		}
		seen[name] = true
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
