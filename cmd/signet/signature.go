package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"signet/keys"
)

// checkSignature says in words why the signature of a compact JWS is not
// valid, or returns nil.
func checkSignature(token, alg, kid string, published keys.KeySet) error {
	switch {
	case strings.EqualFold(alg, "none"):
		return errors.New("it is not signed (alg is none), so anyone can have written it")
	case !slices.Contains(keys.Algorithms(), alg):
		return fmt.Errorf("its alg is %q; this server signs with one of %s", alg, strings.Join(keys.Algorithms(), ", "))
	case kid == "":
		return errors.New("its header has no kid, so the key that signed it cannot be told; this server always names one")
	}
	err := published.Verify(token)
	switch {
	case errors.Is(err, keys.ErrUnknownKey):
		return fmt.Errorf("its kid %q is not in the JWKS, which has %s: another server signed it, or its key has been removed since",
			kid, strings.Join(published.KIDs(), ", "))
	case errors.Is(err, keys.ErrSignature):
		return errors.New("its signature does not match: it was changed after it was signed, or cut off while copying")
	case err != nil:
		return errors.New("its signature cannot be read; was it cut off while copying?")
	}
	return nil
}
