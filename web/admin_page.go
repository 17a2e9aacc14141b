package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// How many items a page has, if nothing else is asked for, and at most.
const (
	defaultLimit = 50
	maxLimit     = 200
)

// parameter is one parameter of a query.
type parameter struct {
	name, help string
	schema     schema
	// rule says what a value must be, "" if it is right.
	rule func(value string) string
}

// The parameters that there are. Lists have one order each, by their ids: nobody
// sorts by a column of their own.
var (
	byClient  = filter("client_id", "only those of this client")
	bySubject = filter("sub", "only those of this person")
	bySession = filter("sid", "only those of this sign-in")
	byLogin   = filter("username", "only the person who signs in with this username or email address")
	byLife    = parameter{"live", "true (the default) for those alive, false for all, ended and expired ones too", schema{"type": "boolean", "default": true}, func(v string) string {
		if v != "true" && v != "false" {
			return "must be true or false"
		}
		return ""
	}}
	pageLimit = parameter{"limit", "how many items a page has at most", schema{"type": "integer", "minimum": 1, "maximum": maxLimit, "default": defaultLimit}, func(v string) string {
		if n, err := strconv.Atoi(v); err != nil || n < 1 || n > maxLimit || v != strconv.Itoa(n) {
			return fmt.Sprintf("must be a whole number from 1 to %d", maxLimit)
		}
		return ""
	}}
	pageCursor = parameter{"cursor", "where to go on: next_cursor of the page before, with the same filters", typed("string", ""), notEmpty}
)

func filter(name, help string) parameter {
	return parameter{name, help, typed("string", ""), notEmpty}
}

func notEmpty(value string) string {
	if value == "" {
		return "must not be empty; leave it out instead"
	}
	return ""
}

// readQuery reads the parameters of an operation: those that it has, each once.
func (a *admin) readQuery(op operation, raw string) (url.Values, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("query", "The query string is malformed.")
	}
	takes := op.parameters()
	var names []string
	for _, p := range takes {
		names = append(names, p.name)
	}
	var faults []fieldFault
	for name, values := range query {
		i := slices.Index(names, name)
		switch {
		case i < 0 && a.Nearest(name, names) != "":
			faults = append(faults, fieldFault{clip(name, 100), "is no parameter here; did you mean " + a.Nearest(name, names) + "?"})
		case i < 0:
			faults = append(faults, fieldFault{clip(name, 100), "is no parameter here"})
		case len(values) > 1:
			faults = append(faults, fieldFault{name, "is given twice"})
		default:
			if rule := takes[i].rule(values[0]); rule != "" {
				faults = append(faults, fieldFault{name, rule})
			}
		}
	}
	if len(faults) > 0 {
		slices.SortFunc(faults, func(x, y fieldFault) int { return strings.Compare(x.Field, y.Field) })
		return nil, &apiProblem{Status: http.StatusBadRequest, name: "query", Detail: "See errors for the parameters to mend.", Errors: faults}
	}
	return query, nil
}

// pageBody is a page of a list.
type pageBody struct {
	Items      any    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// sendPage reads a page, one more than was asked for to see whether there is
// another, and sends it. id is what the list is ordered by.
func sendPage[T, Shown any](a *admin, in *call, read func(after string, limit int) ([]T, error), id func(*T) string, show func(*T) Shown) error {
	limit := defaultLimit
	if n, err := strconv.Atoi(in.query.Get("limit")); err == nil {
		limit = n
	}
	after, err := a.openCursor(in)
	if err != nil {
		return err
	}
	rows, err := read(after, limit+1)
	if err != nil {
		return err
	}
	body := pageBody{}
	if len(rows) > limit {
		rows = rows[:limit]
		body.NextCursor = a.cursor(in, id(&rows[limit-1]))
		next := url.Values{}
		for name, values := range in.query {
			next[name] = values
		}
		next.Set("cursor", body.NextCursor)
		// Relative (RFC 8288, section 3.1): the API may be on a listener of its own,
		// and no header says where that is.
		in.Response().Header().Set("Link", "<"+a.prefix+in.op.path+"?"+next.Encode()+`>; rel="next"`)
	}
	items := make([]Shown, 0, len(rows))
	for i := range rows {
		items = append(items, show(&rows[i]))
	}
	body.Items = items
	return in.JSON(http.StatusOK, body)
}

// A cursor is the last id of a page, after a MAC that binds it to the list and
// its filters: what comes back changed, or to another list, is refused.
func (a *admin) cursor(in *call, after string) string {
	return base64.RawURLEncoding.EncodeToString(append(a.cursorMAC(in, after), after...))
}

func (a *admin) cursorMAC(in *call, after string) []byte {
	filters := url.Values{}
	for name, values := range in.query {
		if name != "limit" && name != "cursor" {
			filters[name] = values
		}
	}
	m := hmac.New(sha256.New, a.cursorKey)
	m.Write(bound(in.op.id, filters.Encode(), after))
	return m.Sum(nil)
}

// openCursor is the id that the page comes after, "" for the first one.
func (a *admin) openCursor(in *call) (string, error) {
	written := in.query.Get("cursor")
	if written == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(written)
	if err == nil && len(raw) > sha256.Size {
		after := string(raw[sha256.Size:])
		if hmac.Equal(raw[:sha256.Size], a.cursorMAC(in, after)) {
			return after, nil
		}
	}
	return "", badRequest("cursor", "The cursor was changed, or comes from another list or other filters. Take next_cursor as it is and keep the filters, or begin without a cursor.")
}
