package keys

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ImportOptions say what becomes of a foreign key.
type ImportOptions struct {
	// VerifyOnly publishes the key, for KeepFor, and never signs with it; its
	// private part is not even stored. Otherwise it becomes the next signing
	// key of its algorithm.
	VerifyOnly bool
	// KeepFor is how long a key that is VerifyOnly stays published; 0 is that
	// of the schedule.
	KeepFor time.Duration
	// Now has a signing key sign at once instead of announcing it first, for
	// verifiers that know it from the issuer it comes from.
	Now bool
}

// Import stores a foreign key under its own id. In a new store a signing key is
// active at once, and so becomes the first key: whoever moves to Signet by this
// gives verifiers nothing to notice. Import needs no ring, so that it can come
// before the first one is opened. Its errors are those of Open, or say why the
// key cannot be taken; nothing is changed then.
func Import(ctx context.Context, cfg Config, f Foreign, o ImportOptions) (Key, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return Key{}, err
	}
	sealer, err := newSealer(cfg.SealingKey, cfg.Rand)
	if err != nil {
		return Key{}, err
	}
	if !o.VerifyOnly && !slices.Contains(cfg.Algorithms, f.Algorithm) {
		return Key{}, fmt.Errorf("the key signs with %s, which keys.algorithms does not have", f.Algorithm)
	}
	rec, err := f.record(sealer, o.VerifyOnly)
	if err != nil {
		return Key{}, err
	}
	r := &Ring{cfg: cfg, sealer: sealer, wake: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.reload(ctx); err != nil {
		return Key{}, err
	}
	err = r.tryChange(ctx, f.Algorithm, cfg.planImport(o), &rec)
	if errors.Is(err, ErrExists) {
		return Key{}, errors.New("another process changed the keys at the same moment; try again")
	}
	if err != nil {
		return Key{}, err
	}
	if err := r.reload(ctx); err != nil {
		return Key{}, err
	}
	key, _ := r.find(rec.KID)
	return key, nil
}

// record seals a foreign key.
func (f Foreign) record(s *sealer, verifyOnly bool) (Record, error) {
	var secret []byte
	var err error
	switch {
	case verifyOnly:
		secret, err = x509.MarshalPKIXPublicKey(f.public)
	case f.private == nil:
		return Record{}, errors.New("the file holds the public key alone, and signing takes the private one; import it as verify-only, or bring the private key")
	default:
		secret, err = x509.MarshalPKCS8PrivateKey(f.private)
	}
	if err != nil {
		return Record{}, fmt.Errorf("marshalling the key: %w", err)
	}
	defer clear(secret)
	rec, err := s.record(f.KID, f.Algorithm, f.public, secret)
	rec.VerifyOnly = verifyOnly
	return rec, err
}

// sameKey is the id of a record that holds the same key as another; empty if
// there is none.
func sameKey(all []Record, rec Record) string {
	print := func(r Record) string {
		var public jose.JSONWebKey
		if json.Unmarshal(r.PublicJWK, &public) != nil {
			return ""
		}
		print, _ := thumbprint(public.Key)
		return print
	}
	for _, other := range all {
		if p := print(other); p != "" && p == print(rec) {
			return other.KID
		}
	}
	return ""
}

// planImport gives an imported key its times.
func (s Schedule) planImport(o ImportOptions) plan {
	return func(all []Record, imported *Record, now time.Time) ([]Record, error) {
		rec := *imported
		keys, same := line(all, rec.Algorithm), sameKey(all, rec)
		switch {
		case slices.ContainsFunc(all, func(r Record) bool { return r.KID == rec.KID }):
			return nil, fmt.Errorf("a key with the id %q is there already", rec.KID)
		case same != "":
			// Or one could be revoked, and the other go on.
			return nil, fmt.Errorf("the same key is there already, with the id %q", same)
		case o.VerifyOnly:
			keep := o.KeepFor
			if keep == 0 {
				keep = s.KeepFor
			}
			rec.AnnouncedAt, rec.ActiveAt = now, now
			rec.RetiredAt, rec.RemovedAt = now, now.Add(keep)
			return []Record{rec}, nil
		case len(keys) == 0:
			isNew := !slices.ContainsFunc(all, func(r Record) bool { return !r.VerifyOnly })
			return s.planFirst(rec.Algorithm, isNew || o.Now)(all, imported, now)
		case o.Now && keys[len(keys)-1].ActiveAt.After(now):
			return nil, errors.New("another key is announced already and would take over from this one; wait until it signs")
		case o.Now:
			return s.planTakeOver(rec.Algorithm)(all, imported, now)
		}
		prev, next := s.planNext(keys[len(keys)-1], rec, now)
		return []Record{prev, next}, nil
	}
}
