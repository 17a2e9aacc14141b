package clients

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// IsDocumentURL reports whether a client_id has the form of the address of a
// client metadata document (Client ID Metadata Documents, section 3), whether or
// not it is a good one: see CheckDocumentURL.
func IsDocumentURL(id string) bool { return strings.HasPrefix(id, "https://") }

// CheckDocumentURL says what is wrong with a client_id that is the address of the
// client's metadata (Client ID Metadata Documents, section 3). It returns the URL
// as every parser on the way reads it. Its error reads on from "client_id".
//
// A query is refused, which the draft only discourages: a page of a well-known
// host that answers with what its query says would let a stranger write that
// host's document.
func CheckDocumentURL(id string) (*url.URL, error) {
	switch {
	case !IsDocumentURL(id):
		return nil, errors.New("must start with https://")
	case len(id) > maxID:
		return nil, fmt.Errorf("must not be longer than %d characters", maxID)
	case strings.Contains(id, "#"):
		return nil, errors.New("must not have a fragment (#)")
	case strings.Contains(id, "?"):
		return nil, errors.New("must not have a query (?): publish the document at a path of its own")
	}
	if _, _, err := splitURI(id); err != nil {
		return nil, err
	}
	u, err := checkWebURI(id)
	if err != nil {
		return nil, err
	}
	if u.EscapedPath() == "" {
		return nil, errors.New("must have a path, such as https://app.example.com/client.json")
	}
	return u, checkDotSegments(u.EscapedPath())
}
