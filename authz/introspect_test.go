package authz

import "testing"

func TestPrefersAnIntrospectionJWT(t *testing.T) {
	const wanted = "application/token-introspection+jwt"
	for _, tt := range []struct {
		accept []string
		want   bool
	}{
		{nil, false},
		{[]string{""}, false},
		{[]string{"*/*"}, false},
		{[]string{"application/*"}, false},
		{[]string{"application/json"}, false},
		{[]string{"application/jwt"}, false},
		{[]string{wanted}, true},
		{[]string{"Application/Token-Introspection+JWT"}, true},
		{[]string{wanted + ", application/json"}, true},
		{[]string{"application/json, " + wanted}, true},
		{[]string{"application/json", wanted}, true},
		{[]string{"text/html;q=x, " + wanted + ";q=0.5"}, true},
		{[]string{wanted + ";q=0.5, application/json;q=0.9"}, false},
		{[]string{wanted + ";q=0.5, application/json"}, false},
		{[]string{wanted + ";q=0"}, false},
		{[]string{wanted + ";q=much"}, false},
		{[]string{wanted + "x"}, false},
		{[]string{",;=,,"}, false},
	} {
		if got := prefers(tt.accept, wanted, typeJSON); got != tt.want {
			t.Errorf("%q: %t", tt.accept, got)
		}
	}
}
