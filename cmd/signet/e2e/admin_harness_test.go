package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"signet/clients"
)

const adminPath = "/admin/v1"

// operator is a caller of the admin API: a client that the operator registered
// for it. Every answer that it gets is held against the OpenAPI document.
type operator struct {
	*issuer
	t      testing.TB
	secret string
	token  string
	spec   *spec
}

// forAdmin makes a client one of the admin API.
func forAdmin(i *issuer) func(*clients.Client) {
	return func(c *clients.Client) {
		c.GrantTypes = append(c.GrantTypes, clients.GrantClientCredentials)
		c.Scopes = append(c.Scopes, "signet:read", "signet:write")
		c.Audiences = append(c.Audiences, i.URL+adminPath)
	}
}

// operator registers the client "ops" and gets it a token.
func (i *issuer) operator(t testing.TB) *operator {
	t.Helper()
	o := &operator{issuer: i, t: t, secret: i.webApp(t, "ops", forAdmin(i))}
	o.token = i.adminToken(t, "ops", o.secret, "signet:read signet:write")
	o.spec = o.loadSpec()
	return o
}

// adminToken gets a client a token for the admin API.
func (i *issuer) adminToken(t testing.TB, client, secret, scope string) string {
	t.Helper()
	a := i.post(t, "/oauth2/token", client, secret, url.Values{"grant_type": {"client_credentials"}, "resource": {i.URL + adminPath}, "scope": {scope}})
	if a.Status != http.StatusOK {
		t.Fatalf("no token for the admin API: %d %s", a.Status, a.Raw)
	}
	return a.str("access_token")
}

// askJSON sends a request with a token, and a body if there is one.
func (i *issuer) askJSON(t testing.TB, token, method, path, body string) answer {
	t.Helper()
	kind := ""
	if body != "" {
		kind = "application/json"
	}
	h := http.Header{}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	return i.send(t, method, adminPath+path, kind, body, h)
}

// call sends a request, wants this status, and holds the answer against the
// document.
func (o *operator) call(method, path, body string, want int) answer {
	o.t.Helper()
	a := o.askJSON(o.t, o.token, method, path, body)
	if a.Status != want {
		o.t.Fatalf("%s %s %s: %d, want %d\n%s", method, path, body, a.Status, want, a.Raw)
	}
	o.spec.hold(o.t, method, path, a)
	return a
}

// refused wants a problem of this name, and the fields that it is about.
func (o *operator) refused(method, path, body string, status int, name string, fields ...string) answer {
	o.t.Helper()
	a := o.call(method, path, body, status)
	want := "about:blank"
	if name != "" {
		want = o.URL + adminPath + "/problems/" + name
	}
	if a.str("type") != want || a.str("request_id") == "" || a.str("request_id") != a.Header.Get("X-Request-Id") || a.Header.Get("Content-Type") != "application/problem+json" {
		o.t.Errorf("%s %s %s: %s %s", method, path, body, a.Header.Get("Content-Type"), a.Raw)
	}
	var got []string
	faults, _ := a.Body["errors"].([]any)
	for _, f := range faults {
		got = append(got, f.(map[string]any)["field"].(string))
	}
	if strings.Join(got, " ") != strings.Join(fields, " ") {
		o.t.Errorf("%s %s %s: the fields %v, want %v\n%s", method, path, body, got, fields, a.Raw)
	}
	return a
}

// items are those of a list.
func (a answer) items() []map[string]any {
	var all []map[string]any
	list, _ := a.Body["items"].([]any)
	for _, item := range list {
		all = append(all, item.(map[string]any))
	}
	return all
}

// spec is the OpenAPI document, and which operations of it were held so far.
type spec struct {
	doc     map[string]any
	schemas *jsonschema.Compiler
	seen    map[string]bool
}

func (o *operator) loadSpec() *spec {
	o.t.Helper()
	a := o.askJSON(o.t, "", http.MethodGet, "/openapi.json", "")
	if a.Status != http.StatusOK {
		o.t.Fatalf("openapi.json: %d %s", a.Status, a.Raw)
	}
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(a.Raw))
	must(o.t, err)
	s := &spec{doc: a.Body, schemas: jsonschema.NewCompiler(), seen: map[string]bool{}}
	s.schemas.DefaultDraft(jsonschema.Draft2020)
	s.schemas.AssertFormat()
	must(o.t, s.schemas.AddResource("openapi.json", parsed))
	return s
}

// operation finds what the document has for a request.
func (s *spec) operation(method, path string) (id string, op map[string]any) {
	path, _, _ = strings.Cut(path, "?")
	best := ""
	for pattern := range s.doc["paths"].(map[string]any) {
		re := "^" + regexp.MustCompile(`\\\{[a-z_]+\\\}`).ReplaceAllString(regexp.QuoteMeta(pattern), "[^/]+") + "$"
		if regexp.MustCompile(re).MatchString(path) && (best == "" || !strings.Contains(pattern, "{")) {
			best = pattern
		}
	}
	item, _ := s.doc["paths"].(map[string]any)[best].(map[string]any)
	op, _ = item[strings.ToLower(method)].(map[string]any)
	id, _ = op["operationId"].(string)
	return id, op
}

// hold validates an answer against its schema.
func (s *spec) hold(t testing.TB, method, path string, a answer) {
	t.Helper()
	id, op := s.operation(method, path)
	if op == nil {
		t.Errorf("%s %s is not in the document", method, path)
		return
	}
	responses := op["responses"].(map[string]any)
	response, ok := responses[strconv.Itoa(a.Status)].(map[string]any)
	if ok {
		s.seen[id] = true
	} else {
		if a.Status < 400 {
			t.Errorf("%s: the document has no status %d", id, a.Status)
		}
		response = responses["default"].(map[string]any)
	}
	content, _ := response["content"].(map[string]any)
	if content == nil {
		if a.Raw != "" {
			t.Errorf("%s: a body that the document does not have: %s", id, a.Raw)
		}
		return
	}
	kind, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	media, _ := content[kind].(map[string]any)
	if media == nil {
		t.Errorf("%s: the document has no %q for %d", id, kind, a.Status)
		return
	}
	compiled, err := s.schemas.Compile("openapi.json" + media["schema"].(map[string]any)["$ref"].(string))
	must(t, err)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(a.Raw))
	must(t, err)
	if err := compiled.Validate(value); err != nil {
		t.Errorf("%s %d is not as the document says: %v\n%s", id, a.Status, err, a.Raw)
	}
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	must(t, err)
	return string(out)
}
