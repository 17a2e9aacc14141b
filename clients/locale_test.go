package clients

import (
	"slices"
	"strings"
	"testing"
)

func TestLanguages(t *testing.T) {
	for _, tt := range []struct {
		ui, accept string
		want       []string
	}{
		{"", "", nil},
		{"", "en-GB,en;q=0.9, fr;q=0.95", []string{"en-GB", "fr", "en"}},
		{"de fr-CA", "en", []string{"de", "fr-CA", "en"}},
		{"", "fr;q=0, de; q=0.5, *;q=0.1", []string{"de", "*"}},
		{"", "fr;q=x,,;q=1,de", []string{"de"}},
	} {
		if got := Languages(tt.ui, tt.accept); !slices.Equal(got, tt.want) {
			t.Errorf("%q, %q: %q, want %q", tt.ui, tt.accept, got, tt.want)
		}
	}
	if got := Languages(strings.Repeat("x ", 5000), strings.Repeat("y,", 5000)); len(got) > maxLanguages {
		t.Errorf("%d languages", len(got))
	}
}

func TestClientInLanguages(t *testing.T) {
	c := Client{
		Name: "Photos", PolicyURI: "https://app.example.com/policy",
		Localized: map[string]string{
			"client_name#fr": "Photos de famille", "client_name#pt-BR": "Fotos", "client_name#zh-Hant": "相片", "client_name#EN-gb": "Snaps",
			"policy_uri#fr": "https://app.example.com/fr/policy", "tos_uri#de": "https://app.example.com/de/agb",
		},
	}
	for _, tt := range []struct{ languages, name string }{
		{"", "Photos"}, {"fr", "Photos de famille"}, {"fr-CA", "Photos de famille"}, {"FR", "Photos de famille"}, {"pt", "Fotos"}, {"pt-PT", "Fotos"},
		{"zh-Hant-TW", "相片"}, {"it", "Photos"}, {"it fr", "Photos de famille"}, {"en fr", "Photos"}, {"en-GB", "Snaps"}, {"* fr", "Photos"}, {"de-x-fr fr", "Photos de famille"},
	} {
		if got := c.In(strings.Fields(tt.languages), "en"); got.Name != tt.name {
			t.Errorf("%s: %q, want %q", tt.languages, got.Name, tt.name)
		}
	}
	if got := c.In([]string{"fr"}, "en"); got.PolicyURI != "https://app.example.com/fr/policy" || got.TermsURI != "" || c.PolicyURI != "https://app.example.com/policy" {
		t.Errorf("%+v", got)
	}
	if got := c.In([]string{"de"}, "en"); got.TermsURI != "https://app.example.com/de/agb" || got.Name != "Photos" {
		t.Errorf("%+v", got)
	}
}
