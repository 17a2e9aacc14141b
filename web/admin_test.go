package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"signet/clients"
)

// adminWorld is a server with an admin API behind which there is nothing.
func adminWorld(t *testing.T, issuer string) (*server, map[string]any) {
	t.Helper()
	w := newWorld(t, issuer, func(c *Config) { c.Admin = &Admin{Nearest: func(string, []string) string { return "" }} })
	var err error
	if w.server.admin, err = newAdmin(w.server, nil); err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(w.server.admin.openapi, &doc); err != nil {
		t.Fatal(err)
	}
	return w.server, doc
}

// The routes and the document have the same operations, at every issuer.
func TestAdminDocumentIsTheRoutes(t *testing.T) {
	for _, issuer := range []string{httpsIssuer, httpsIssuer + "/tenant"} {
		s, doc := adminWorld(t, issuer)
		var routed, documented []string
		for _, r := range s.routes().(*echo.Echo).Routes() {
			if path, ok := strings.CutPrefix(r.Path, s.base+"/admin"); ok {
				routed = append(routed, r.Method+" "+s.base+"/admin"+path)
			}
		}
		prefix := doc["servers"].([]any)[0].(map[string]any)["url"].(string)
		for path, item := range doc["paths"].(map[string]any) {
			for method := range item.(map[string]any) {
				documented = append(documented, strings.ToUpper(method)+" "+prefix+strings.NewReplacer("{", ":", "}", "").Replace(path))
			}
		}
		slices.Sort(routed)
		slices.Sort(documented)
		if len(routed) != len(adminOperations()) || !slices.Equal(routed, documented) {
			t.Errorf("routes\n%s\ndocument\n%s", strings.Join(routed, "\n"), strings.Join(documented, "\n"))
		}
	}
}

// The document holds together: every reference leads somewhere, every parameter
// of a path is declared, every operation has an id of its own and says what it
// gives back.
func TestAdminDocumentIsWhole(t *testing.T) {
	_, doc := adminWorld(t, httpsIssuer)
	components := doc["components"].(map[string]any)
	schemas := components["schemas"].(map[string]any)
	used := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if target, ok := v["$ref"].(string); ok {
				name := strings.TrimPrefix(target, "#/components/schemas/")
				used[name] = true
				if schemas[name] == nil {
					t.Errorf("%s leads nowhere", target)
				}
			}
			for _, one := range v {
				walk(one)
			}
		case []any:
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(doc)
	for name := range schemas {
		if !used[name] {
			t.Errorf("nothing uses the schema %s", name)
		}
	}
	ids := map[string]bool{}
	for path, item := range doc["paths"].(map[string]any) {
		for method, o := range item.(map[string]any) {
			op := o.(map[string]any)
			id, _ := op["operationId"].(string)
			if id == "" || ids[id] || op["summary"] == "" || len(op["responses"].(map[string]any)) != 2 {
				t.Errorf("%s %s: %v", method, path, op)
			}
			ids[id] = true
			declared := 0
			parameters, _ := op["parameters"].([]any)
			for _, p := range parameters {
				p := p.(map[string]any)
				if p["in"] == "path" {
					declared++
					if !strings.Contains(path, "{"+p["name"].(string)+"}") || p["required"] != true {
						t.Errorf("%s: the parameter %v", path, p)
					}
				}
			}
			if declared != strings.Count(path, "{") {
				t.Errorf("%s declares %d parameters", path, declared)
			}
			for _, s := range op["security"].([]any) {
				for name := range s.(map[string]any) {
					if components["securitySchemes"].(map[string]any)[name] == nil {
						t.Errorf("%s: no scheme %s", path, name)
					}
				}
			}
			if len(op["security"].([]any)) == 0 && path != "/openapi.json" {
				t.Errorf("%s %s needs no token", method, path)
			}
		}
	}
	if doc["openapi"] != "3.1.0" || doc["info"].(map[string]any)["title"] == "" || doc["info"].(map[string]any)["version"] == "" {
		t.Errorf("info: %v", doc["info"])
	}
}

// Every field of a client can be read and set, and explained by its own help.
func TestAdminDocumentHasEveryClientField(t *testing.T) {
	_, doc := adminWorld(t, httpsIssuer)
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	for _, f := range clients.Fields() {
		for _, in := range []string{"Client", "NewClient", "ClientChange"} {
			s, _ := schemas[in].(map[string]any)["properties"].(map[string]any)[f.Name].(map[string]any)
			if help, _ := s["description"].(string); !strings.HasPrefix(help, f.Help) {
				t.Errorf("%s has %v for %s", in, s, f.Name)
			}
		}
	}
	for _, name := range []string{"registration_token_hash", "secrets", "password_hash", "token_hash"} {
		if strings.Contains(jsonText(t, schemas), `"`+name+`"`) {
			t.Errorf("the document has %s", name)
		}
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// An id stands in a path without an escape, and comes back as it was.
func TestAdminIDsInPaths(t *testing.T) {
	e := echo.New()
	for _, id := range []string{"app", "a-b_c.d", "~app", ".", "..", "...", "a b", "https://app.example/c?d=e#f", "100%", "a/b", "ä", "a\\b", "a;b", "-", "a~b", "x|y"} {
		path := pathOf(id)
		if strings.ContainsAny(path, "%/\\;? #|") || strings.Trim(path, ".") == "" {
			t.Errorf("%q is written as %q", id, path)
		}
		c := e.NewContext(nil, nil)
		c.SetParamNames("client_id")
		c.SetParamValues(path)
		if got, err := (&call{Context: c}).id(); err != nil || got != id {
			t.Errorf("%q comes back as %q, %v", id, got, err)
		}
	}
}

// Without Admin there is nothing at its path.
func TestAdminIsOffByDefault(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	for _, path := range []string{"/admin/v1/openapi.json", "/admin/v1/clients"} {
		w.browser().get(path).want(http.StatusNotFound)
	}
	if _, err := NewAdmin(w.server.cfg); err == nil {
		t.Error("a handler of nothing")
	}
}
