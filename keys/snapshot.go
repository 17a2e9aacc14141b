package keys

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// deck is all the keys that one reading of the store gave, ordered by
// algorithm and generation. It does not change.
type deck struct {
	cards  []card
	readAt time.Time
}

// card is one key of a deck.
type card struct {
	record Record
	span   span
	// key is nil when the key was removed before the deck was read.
	key *signingKey
}

// deal makes a deck of records, taking over from known what has not changed.
// Removed keys are not unsealed: nothing will be done with them.
func (r *Ring) deal(records []Record, known *deck, now time.Time) (*deck, error) {
	records = slices.Clone(records)
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.Generation, b.Generation))
	})
	d := &deck{readAt: now}
	for len(records) > 0 {
		n := 1
		for n < len(records) && records[n].Algorithm == records[0].Algorithm {
			n++
		}
		for i, span := range spans(records[:n]) {
			if i > 0 && !records[i].ActiveAt.After(records[i-1].ActiveAt) {
				return nil, fmt.Errorf("signing key %s: %w (it is active before the key it follows)", records[i].KID, ErrDamaged)
			}
			d.cards = append(d.cards, card{record: records[i], span: span})
		}
		records = records[n:]
	}
	return d, r.openCards(d, known, now)
}

// openCards unseals the keys of a new deck.
func (r *Ring) openCards(d *deck, known *deck, now time.Time) error {
	for i := range d.cards {
		c := &d.cards[i]
		if c.span.state(now) == StateRemoved {
			continue
		}
		if c.key = known.unchanged(c.record); c.key != nil {
			continue
		}
		var err error
		if c.key, err = r.openKey(c.record); err != nil {
			return fmt.Errorf("signing key %s: %w", c.record.KID, err)
		}
	}
	return nil
}

// unchanged returns the key of rec if the deck has it from the same bytes.
func (d *deck) unchanged(rec Record) *signingKey {
	if d == nil {
		return nil
	}
	for _, c := range d.cards {
		if c.key != nil && c.record.KID == rec.KID && c.record.Algorithm == rec.Algorithm &&
			bytes.Equal(c.record.Sealed, rec.Sealed) && bytes.Equal(c.record.PublicJWK, rec.PublicJWK) {
			return c.key
		}
	}
	return nil
}

// last is the newest card of an algorithm.
func (d *deck) last(alg string) (card, bool) {
	for _, c := range slices.Backward(d.cards) {
		if c.record.Algorithm == alg {
			return c, true
		}
	}
	return card{}, false
}

// snapshot is a deck during one stretch of time in which no key of it changes
// its state. It does not change.
type snapshot struct {
	deck *deck
	// from and until bound the stretch; zero is no bound.
	from, until time.Time
	signer      *signingKey
	published   map[string]*signingKey
	jwks        []byte
	etag        string
}

// errNoSigner cannot happen to a deck that has a key of the algorithm.
var errNoSigner = errors.New("there is no active signing key")

// snapshot is the deck at an instant, signing with the algorithm named.
func (d *deck) snapshot(now time.Time, alg string) (*snapshot, error) {
	s := &snapshot{deck: d, published: make(map[string]*signingKey)}
	var order []*signingKey
	// The signer first, for verifiers that take whichever key comes first;
	// then the newest.
	for _, c := range slices.Backward(d.cards) {
		if since := c.span.since(now); since.After(s.from) {
			s.from = since
		}
		s.until = earlier(s.until, c.span.boundary(now))
		state := c.span.state(now)
		if c.key == nil || !state.published() {
			continue
		}
		s.published[c.key.kid] = c.key
		if state == StateActive && c.record.Algorithm == alg {
			s.signer = c.key
			order = slices.Insert(order, 0, c.key)
		} else {
			order = append(order, c.key)
		}
	}
	if s.signer == nil {
		return nil, errNoSigner
	}
	s.jwks, s.etag = marshalJWKS(order)
	return s, nil
}

// covers says whether the snapshot holds at an instant.
func (s *snapshot) covers(now time.Time) bool {
	return !now.Before(s.from) && (s.until.IsZero() || now.Before(s.until))
}
