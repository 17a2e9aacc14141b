package authz

import (
	"mime"
	"net/http"
	"net/url"
	"sort"
)

// parseForm reads the body of a POST to a back-channel endpoint. It answers
// only application/x-www-form-urlencoded (RFC 6749, section 3.2), and never
// takes a parameter from the URL, where it would end up in logs. That the body
// is not too large, web has seen to.
func parseForm(r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost {
		e := refuse(CodeInvalidRequest, "This endpoint answers POST only.")
		e.Status = http.StatusMethodNotAllowed
		return nil, e
	}
	if mt, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mt != "application/x-www-form-urlencoded" {
		return nil, refuse(CodeInvalidRequest, "The body must be application/x-www-form-urlencoded.").
			compared("application/x-www-form-urlencoded", mt)
	}
	if err := r.ParseForm(); err != nil {
		return nil, refuse(CodeInvalidRequest, "The body is not valid form encoding.").because(err)
	}
	if err := noDuplicates(r.PostForm); err != nil {
		return nil, err
	}
	return r.PostForm, nil
}

// noDuplicates refuses a parameter that is given twice (RFC 6749, section
// 3.1): two readers could see two different requests. Only `resource` may
// repeat (RFC 8707, section 2).
func noDuplicates(form url.Values) error {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if len(form[name]) > 1 && name != "resource" {
			return refuse(CodeInvalidRequest, "A parameter is given more than once.").compared("one value", "several values of "+clip(name))
		}
	}
	return nil
}

// clip shortens what a stranger sent before it reaches a log.
func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "..."
	}
	return s
}
