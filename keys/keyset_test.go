package keys

import (
	"errors"
	"strings"
	"testing"
)

// A reader of the JWKS accepts what the ring signed, and nothing else.
func TestKeySet(t *testing.T) {
	b := newBench(t)
	ring := b.mustOpen()
	b.store = &memStore{} // another issuer, with the next of the small keys
	other := b.mustOpen()
	token, err := ring.Sign(algRS256, "at+jwt", []byte(`{"sub":"ada"}`))
	if err != nil {
		t.Fatal(err)
	}
	set := parsed(t, ring)
	if kids := set.KIDs(); len(kids) != 1 || kids[0] != ring.Keys()[0].KID {
		t.Errorf("kids %v", kids)
	}
	if err := set.Verify(token); err != nil {
		t.Errorf("the ring's own token: %v", err)
	}
	parts := strings.Split(token, ".")
	for name, tt := range map[string]struct {
		set   KeySet
		token string
		want  error
	}{
		"another issuer's set": {parsed(t, other), token, ErrUnknownKey},
		"another payload":      {set, parts[0] + ".eyJzdWIiOiJldmUifQ." + parts[2], ErrSignature},
		"no signature":         {set, parts[0] + "." + parts[1] + ".", ErrMalformed},
		"alg none":             {set, "eyJhbGciOiJub25lIn0." + parts[1] + "." + parts[2], ErrMalformed},
		"not a token":          {set, "x", ErrMalformed},
	} {
		if err := tt.set.Verify(tt.token); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func parsed(t *testing.T, r *Ring) KeySet {
	t.Helper()
	set, err := r.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseJWKS(set.Body)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// A key of a kind that is not known is left out, and takes no other with it
// (RFC 7517, section 5); a secret key is no public one.
func TestParseJWKS(t *testing.T) {
	for body, keys := range map[string]int{
		`{"keys":[]}`:                                   0,
		`{"keys":[{"kty":"PQ","kid":"new"}]}`:           0,
		`{"keys":[{"kty":"oct","kid":"s","k":"AAAA"}]}`: 0,
	} {
		if set, err := ParseJWKS([]byte(body)); err != nil || len(set.KIDs()) != keys {
			t.Errorf("%s: %v, %v", body, set.KIDs(), err)
		}
	}
	for _, body := range []string{``, `{}`, `[]`, `{"keys":null}`, `{"keys":"x"}`, `<html>`} {
		if _, err := ParseJWKS([]byte(body)); err == nil {
			t.Errorf("%q is no JWKS", body)
		}
	}
}
