package clients

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParseScope(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"none", "", nil},
		{"order is kept", "openid email profile", []string{"openid", "email", "profile"}},
		{"duplicates are folded into the first", "b a b", []string{"b", "a"}},
		{"case matters", "Openid openid", []string{"Openid", "openid"}},
		{"runs of spaces", " a  b ", []string{"a", "b"}},
		{"URLs and punctuation", "https://api.example/read urn:x:y !#[]~", []string{"https://api.example/read", "urn:x:y", "!#[]~"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseScope(tt.in)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("ParseScope(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestParseScopeRefusesWhatTheGrammarLacks(t *testing.T) {
	for _, in := range []string{"a\tb", "a\nb", `a"b`, `a\b`, "é", "a\x00", "a\x7f", "a\u00a0b", "\xff"} {
		if got, err := ParseScope(in); !errors.Is(err, ErrScope) || got != nil {
			t.Errorf("ParseScope(%q) = %q, %v, want ErrScope", in, got, err)
		}
	}
}

func TestScopesAndGrantsAreExact(t *testing.T) {
	c := Client{Scopes: []string{"openid", "profile", "api.read", "offline_access"}, GrantTypes: []string{GrantAuthorizationCode}}
	for scope, want := range map[string]bool{"profile": true, "api": false, "api.*": false, "api.read.all": false, "PROFILE": false, "": false, "openid profile": false} {
		if got := c.ScopeAllowed(scope); got != want {
			t.Errorf("ScopeAllowed(%q) = %v", scope, got)
		}
	}
	if !c.GrantAllowed(GrantAuthorizationCode) || c.GrantAllowed(GrantRefreshToken) || c.GrantAllowed("") {
		t.Error("GrantAllowed does not follow GrantTypes")
	}
	if got := c.DefaultScopes(); !slices.Equal(got, []string{"profile", "api.read"}) {
		t.Errorf("DefaultScopes() = %q, want neither openid nor offline_access", got)
	}
}

func FuzzScope(f *testing.F) {
	for _, s := range []string{"", "openid profile", " a  a ", "a\tb", `"`, "é", strings.Repeat("a ", 50)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		values, err := ParseScope(in)
		if err != nil {
			if values != nil {
				t.Fatalf("%q: values beside an error", in)
			}
			return
		}
		for i, v := range values {
			if v == "" || strings.ContainsFunc(v, func(r rune) bool { return r <= 0x20 || r > 0x7E || r == '"' || r == '\\' }) {
				t.Fatalf("%q gave %q", in, v)
			}
			if slices.Contains(values[:i], v) {
				t.Fatalf("%q gave %q twice", in, v)
			}
			if !slices.Contains(strings.Split(in, " "), v) {
				t.Fatalf("%q gave %q, which is not in it", in, v)
			}
		}
		again, err := ParseScope(strings.Join(values, " "))
		if err != nil || !slices.Equal(again, values) {
			t.Fatalf("%q: not stable: %q, then %q, %v", in, values, again, err)
		}
	})
}
