package keys

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
)

// Rekey seals everything in a store anew, from one sealing key to another, in
// one transaction, and returns how many keys that were. Every one is opened
// again with the new sealing key before the transaction ends. On an error, such
// as ErrSealingKey when from is not the key they were sealed with, nothing has
// changed.
//
// Rings that are open go on with the keys they have, but can add none until they
// are opened again with the new sealing key.
func Rekey(ctx context.Context, store Store, from, to []byte) (int, error) {
	if len(from) != sealingKeySize || len(to) != sealingKeySize {
		return 0, fmt.Errorf("a sealing key has %d bytes; these have %d and %d", sealingKeySize, len(from), len(to))
	}
	if bytes.Equal(from, to) {
		return 0, errors.New("the new sealing key is the old one")
	}
	old, err := newSealer(from, rand.Reader)
	if err != nil {
		return 0, err
	}
	next, err := newSealer(to, rand.Reader)
	if err != nil {
		return 0, err
	}
	n := 0
	err = store.ChangeKeys(ctx, func(all []Record) ([]Record, error) {
		n = len(all)
		changed := make([]Record, len(all))
		for i, rec := range all {
			sealed, err := reseal(rec, old, next)
			if err != nil {
				return nil, fmt.Errorf("signing key %s: %w", rec.KID, err)
			}
			changed[i] = rec
			changed[i].Sealed = sealed
		}
		return changed, nil
	})
	return n, err
}

// reseal seals one record anew, and proves that it opens to the same.
func reseal(rec Record, from, to *sealer) ([]byte, error) {
	secret, err := from.unseal(rec.KID, rec.Sealed)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	sealed, err := to.seal(rec.KID, secret)
	if err != nil {
		return nil, err
	}
	again, err := to.unseal(rec.KID, sealed)
	if err != nil {
		return nil, fmt.Errorf("what was sealed anew does not open: %w", err)
	}
	defer clear(again)
	if !bytes.Equal(secret, again) {
		return nil, errors.New("what was sealed anew opens to something else")
	}
	return sealed, nil
}
