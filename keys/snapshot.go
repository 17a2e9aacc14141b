package keys

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"
)

// deck is all the keys that one reading of the store gave, ordered by
// algorithm and generation. It does not change.
type deck struct {
	cards  []card
	readAt time.Time
	// trusted is until when no key that is not in the deck can sign: one that
	// was made right after the reading is announced until then.
	trusted time.Time
}

// card is one key of a deck.
type card struct {
	record Record
	span   span
	// key is nil when the key had been removed or revoked before the deck was
	// read.
	key *signingKey
}

// deal makes a deck of records, taking over from known what has not changed.
func (r *Ring) deal(ctx context.Context, records []Record, known *deck, now time.Time) (*deck, error) {
	records = sorted(records)
	d := &deck{readAt: now, trusted: now.Add(r.cfg.MinAnnounce())}
	for len(records) > 0 {
		peers := of(records, records[0].Algorithm)
		if err := checkOrder(line(peers, peers[0].Algorithm)); err != nil {
			return nil, err
		}
		for i, span := range spans(peers, slices.Contains(r.cfg.Algorithms, peers[0].Algorithm)) {
			// KeepFor may have grown since the record was written, with the
			// lifetime of the tokens that the key signs now.
			if !span.last && !span.verifyOnly {
				span.removed = later(span.removed, span.retired.Add(r.cfg.KeepFor))
			}
			d.cards = append(d.cards, card{record: peers[i], span: span})
		}
		records = records[len(peers):]
	}
	return d, r.openCards(ctx, d, known, now)
}

// dealKnown makes a deck of those records alone whose keys are known, as of the
// last reading that was whole.
func (r *Ring) dealKnown(ctx context.Context, records []Record, known *deck, now time.Time) *deck {
	records = slices.DeleteFunc(slices.Clone(records), func(rec Record) bool {
		_, ok := known.find(rec.KID)
		return !ok
	})
	d, err := r.deal(ctx, records, known, now)
	if err != nil {
		return known
	}
	d.readAt, d.trusted = known.readAt, known.trusted
	return d
}

// vanished returns an error if a key that is in use has gone from the store. No
// key is ever deleted while it is: somebody has emptied or swapped the database,
// and to make new keys would end every token there is.
func (d *deck) vanished(records []Record, now time.Time) error {
	if d == nil {
		return nil
	}
	for _, c := range d.cards {
		if c.span.state(now).published() && !slices.ContainsFunc(records, func(r Record) bool { return r.KID == c.record.KID }) {
			return fmt.Errorf("signing key %s has gone from the database: %w", c.record.KID, ErrDamaged)
		}
	}
	return nil
}

// checkOrder checks that keys sign in the order of their generations.
func checkOrder(keys []Record) error {
	for i := 1; i < len(keys); i++ {
		if !keys[i].ActiveAt.After(keys[i-1].ActiveAt) {
			return fmt.Errorf("signing key %s: %w (it is active before the key it follows)", keys[i].KID, ErrDamaged)
		}
	}
	return nil
}

// openCards unseals the keys of a new deck, but for those that nothing will be
// done with any more.
func (r *Ring) openCards(ctx context.Context, d *deck, known *deck, now time.Time) error {
	for i := range d.cards {
		c := &d.cards[i]
		if !c.span.state(now).published() {
			continue
		}
		if c.key = known.unchanged(c.record, r.sealer); c.key != nil {
			continue
		}
		var err error
		if c.key, err = r.openKey(ctx, c.record); err != nil {
			return fmt.Errorf("signing key %s: %w", c.record.KID, err)
		}
	}
	return nil
}

// unchanged returns the key of rec if the deck has it from the same bytes, or
// from bytes that were since sealed anew under another sealing key: until it is
// restarted with that one, a node goes on with the keys it has.
func (d *deck) unchanged(rec Record, own *sealer) *signingKey {
	if d == nil {
		return nil
	}
	c, ok := d.find(rec.KID)
	if ok && c.record.Algorithm == rec.Algorithm && c.record.VerifyOnly == rec.VerifyOnly &&
		bytes.Equal(c.record.PublicJWK, rec.PublicJWK) &&
		(bytes.Equal(c.record.Sealed, rec.Sealed) || !own.marked(rec.Sealed)) {
		return c.key
	}
	return nil
}

// find is the card of a kid.
func (d *deck) find(kid string) (card, bool) {
	i := slices.IndexFunc(d.cards, func(c card) bool { return c.record.KID == kid })
	if i < 0 {
		return card{}, false
	}
	return d.cards[i], true
}

// last is the newest card of those that sign in turn for an algorithm.
func (d *deck) last(alg string) (card, bool) {
	for _, c := range slices.Backward(d.cards) {
		if c.record.Algorithm == alg && !c.span.revoked && !c.span.verifyOnly {
			return c, true
		}
	}
	return card{}, false
}

// stop is when a card must not sign any more. The last key of its algorithm
// signs on while it has no successor; but once a successor may be there that
// this deck does not know of, it ends with its time.
func (d *deck) stop(c card) time.Time {
	if c.span.last {
		return later(c.span.retired, d.trusted)
	}
	return c.span.retired
}

// snapshot is a deck during one stretch of time in which no key of it changes
// its state. It does not change.
type snapshot struct {
	deck *deck
	// from and until bound the stretch; zero is no bound.
	from, until time.Time
	// signers is the active key of each algorithm that has one which may sign.
	signers map[string]*signingKey
	// defaultAlg is the algorithm for those who ask for none.
	defaultAlg string
	published  map[string]*signingKey
	jwks       document
}

// snapshot is the deck at an instant.
func (d *deck) snapshot(now time.Time, cfg Config) *snapshot {
	s := &snapshot{deck: d, signers: make(map[string]*signingKey), published: make(map[string]*signingKey)}
	var signers, others []*signingKey
	// The signers first, for verifiers that take whichever key comes first;
	// then the newest.
	for _, c := range slices.Backward(d.cards) {
		s.bound(now, append(c.span.changes(), d.stop(c)))
		state := c.span.state(now)
		if c.key == nil || !state.published() {
			continue
		}
		s.published[c.key.kid] = c.key
		if state == StateActive && now.Before(d.stop(c)) {
			s.signers[c.record.Algorithm] = c.key
			signers = append(signers, c.key)
		} else {
			others = append(others, c.key)
		}
	}
	s.chooseDefault(cfg)
	if i := slices.Index(signers, s.signers[s.defaultAlg]); i > 0 {
		signers = slices.Insert(slices.Delete(signers, i, i+1), 0, s.signers[s.defaultAlg])
	}
	s.jwks = marshalJWKS(append(signers, others...), cfg)
	return s
}

// bound narrows the stretch to where none of these instants lies.
func (s *snapshot) bound(now time.Time, changes []time.Time) {
	for _, t := range changes {
		if t.After(now) {
			s.until = earlier(s.until, t)
		} else {
			s.from = later(s.from, t)
		}
	}
}

// chooseDefault finds the default algorithm. While the first key of the
// configured one is only announced, another one that signs stands in: one in
// use, or else one that was in use until now.
func (s *snapshot) chooseDefault(cfg Config) {
	s.defaultAlg = cfg.defaultAlg()
	if s.signers[s.defaultAlg] != nil || s.overdue(s.defaultAlg) {
		return
	}
	for _, alg := range slices.Concat(cfg.Algorithms, Algorithms()) {
		if s.signers[alg] != nil {
			s.defaultAlg = alg
			return
		}
	}
}

// overdue says whether the newest key of an algorithm had to stop signing
// because a successor may be there.
func (s *snapshot) overdue(alg string) bool {
	last, ok := s.deck.last(alg)
	return ok && last.span.last && !s.from.Before(s.deck.stop(last))
}

// covers says whether the snapshot holds at an instant.
func (s *snapshot) covers(now time.Time) bool {
	return !now.Before(s.from) && (s.until.IsZero() || now.Before(s.until))
}
