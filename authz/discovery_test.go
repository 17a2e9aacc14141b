package authz_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

func TestJWKSIsCacheable(t *testing.T) {
	_, p := newFailing(t)
	get := func(etag string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if etag != "" {
			r.Header.Set("If-None-Match", etag)
		}
		w := httptest.NewRecorder()
		p.JWKS(w, r)
		return w
	}
	w := get("")
	etag := w.Header().Get("ETag")
	if w.Code != http.StatusOK || etag == "" || !strings.HasPrefix(w.Header().Get("Cache-Control"), "public, max-age=") {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
		if set.Keys[0][private] != nil {
			t.Errorf("the JWKS publishes %s", private)
		}
	}
	if w := get(`"other", ` + etag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("If-None-Match: %d with %d bytes", w.Code, w.Body.Len())
	}
}

// What the metadata promises is what the endpoints are known to do.
func TestMetadata(t *testing.T) {
	_, p := newFailing(t)
	w := httptest.NewRecorder()
	p.Metadata(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	var m map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	for name, value := range m {
		if url, ok := value.(string); ok && !strings.HasPrefix(url, "https://id.example.test") {
			t.Errorf("%s is %q", name, url)
		}
		if list, ok := value.([]any); ok && len(list) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	for name, want := range map[string]bool{
		"claims_parameter_supported": true, "request_parameter_supported": true, "require_request_uri_registration": true,
		"request_uri_parameter_supported": false, // true when left out; this server has nothing that fetches
	} {
		if m[name] != want {
			t.Errorf("%s is %v, want a plain %t", name, m[name], want)
		}
	}
	if got := m["request_object_signing_alg_values_supported"]; !reflect.DeepEqual(got, []any{"RS256", "PS256", "ES256", "EdDSA"}) {
		t.Errorf("request_object_signing_alg_values_supported is %v, without none", got)
	}
	if got := m["response_modes_supported"]; !reflect.DeepEqual(got, []any{"query", "fragment", "form_post"}) {
		t.Errorf("response_modes_supported is %v", got)
	}
	if got := m["acr_values_supported"]; !reflect.DeepEqual(got, []any{"1"}) {
		t.Errorf("acr_values_supported is %v, and there is no second factor", got)
	}
	if got := m["id_token_signing_alg_values_supported"]; !reflect.DeepEqual(got, []any{"ES256", "RS256"}) {
		t.Errorf("id_token_signing_alg_values_supported is %v, want those of the configuration", got)
	}
	if got := m["userinfo_signing_alg_values_supported"]; !reflect.DeepEqual(got, []any{"ES256", "RS256"}) {
		t.Errorf("userinfo_signing_alg_values_supported is %v, want those of the configuration", got)
	}
	if got := m["subject_types_supported"]; !reflect.DeepEqual(got, []any{"public", "pairwise"}) {
		t.Errorf("subject_types_supported is %v", got)
	}
	if m["authorization_response_iss_parameter_supported"] != true {
		t.Error("iss is in every authorization response and must be promised")
	}
}
