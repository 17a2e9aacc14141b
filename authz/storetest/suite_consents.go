package storetest

import (
	"fmt"
	"testing"

	"signet/authz"
)

func consentsOf(t *testing.T, b Backend) {
	must(t, b.SaveConsent(t.Context(), "ann", "b", []string{"openid", "日本"}, fine(1)))
	must(t, b.SaveConsent(t.Context(), "ann", "a", []string{"email"}, at(2)))
	must(t, b.SaveConsent(t.Context(), "bob", "b", []string{"openid"}, at(3)))
	a, bs := authz.Consent{ClientID: "a", Scopes: []string{"email"}, At: utc(2)}, authz.Consent{ClientID: "b", Scopes: []string{"openid", "日本"}, At: utc(1)}
	for n, want := range [][]authz.Consent{{a, bs}, {a}, {a}} {
		got, err := b.ConsentsOf(t.Context(), "ann")
		must(t, err)
		same(t, fmt.Sprint("consents, round ", n), got, want)
		must(t, b.ForgetConsent(t.Context(), "ann", "b"))
	}
	scopes, err := b.ConsentedScopes(t.Context(), "ann", "b")
	must(t, err)
	same(t, "what was forgotten", len(scopes), 0)
	got, err := b.ConsentsOf(t.Context(), "bob")
	must(t, err)
	same(t, "another person's", len(got), 1)
	got, err = b.ConsentsOf(t.Context(), "carol")
	must(t, err)
	same(t, "nobody's", got, []authz.Consent{})
}
