package authz

import (
	"context"
	"slices"
	"strings"
	"time"

	"signet/clients"
)

// maxLiveIndexes bounds what a grant's row remembers: a client that refreshes
// more often while its tokens live gets the newest index again.
const maxLiveIndexes = 64

// StatusIndex is the place of an access token in a status list (Token Status
// List, section 6.2).
type StatusIndex struct {
	// List is the id of the list, empty for a token that stands in none.
	List string
	// Index is below StatusListSize.
	Index int
	// Expires is when every token that has the index has expired.
	Expires time.Time
}

// StatusList is a list of the revoked among StatusListSize tokens.
type StatusList struct {
	ID        string
	CreatedAt time.Time
	// ClosesAt is when its last index may go to a token, and ExpiresAt when
	// the last token that stands in it has expired.
	ClosesAt, ExpiresAt time.Time
}

// StatusBlock is a part of a list whose indexes belong to one node.
type StatusBlock struct {
	List StatusList
	// Number is below StatusBlocks.
	Number int
}

// StatusStore keeps status lists, and what is revoked in them.
type StatusStore interface {
	// ReserveStatusBlock returns a block that nobody has and nobody will be
	// given again: the next one of the oldest list that has one left, closes
	// after open, and lives on as long after it has closed as fresh does. When
	// there is none it stores fresh and returns its first block. It is one
	// short transaction.
	ReserveStatusBlock(ctx context.Context, open time.Time, fresh StatusList) (StatusBlock, error)
	// StatusList returns the list with this id, or ErrNotFound.
	StatusList(ctx context.Context, id string) (StatusList, error)
	// StatusLists returns the lists that expire after now, the oldest first.
	StatusLists(ctx context.Context, now time.Time) ([]StatusList, error)
	// RevokedIndexes returns the indexes of a list that are marked, in
	// ascending order.
	RevokedIndexes(ctx context.Context, list string) ([]int, error)
}

// statusClaim is the `status` of an access token (Token Status List, section 6.1).
type statusClaim struct {
	List statusReference `json:"status_list"`
}

type statusReference struct {
	Index int    `json:"idx"`
	URI   string `json:"uri"`
}

func (p *Provider) statusClaim(i StatusIndex) *statusClaim {
	if i.List == "" {
		return nil
	}
	return &statusClaim{List: statusReference{Index: i.Index, URI: p.statusURI(i.List)}}
}

// statusIndexOf is the place of a verified token. Its mark outlives the token:
// a refresh within the grace may have yielded another with the same index.
func (p *Provider) statusIndexOf(c *accessClaims, client *clients.Client) StatusIndex {
	if c.Status == nil {
		return StatusIndex{}
	}
	id, ok := strings.CutPrefix(c.Status.List.URI, p.statusURI(""))
	if !ok {
		return StatusIndex{}
	}
	return StatusIndex{List: id, Index: c.Status.List.Index, Expires: time.Unix(c.Expires, 0).UTC().Add(p.indexLifetime(client))}
}

// indexLifetime is how long after the spending of a code or refresh token of
// this client access tokens may live that came of it.
func (p *Provider) indexLifetime(client *clients.Client) time.Duration {
	return p.cfg.AccessTokenTTL + p.refreshRules(client).grace
}

// longestIndexLifetime is that of a client with the longest grace there is.
func (p *Provider) longestIndexLifetime() time.Duration {
	return p.cfg.AccessTokenTTL + max(p.cfg.RefreshGrace, clients.MaxRefreshGrace)
}

// chooseStatusIndex settles where a revocation of the access token will stand.
// Like chooseAlgorithms it comes before anything is spent, and for the same
// reason. It asks nothing of the database but, for one token in many, a block.
func (p *Provider) chooseStatusIndex(ctx context.Context, s *session, client *clients.Client) error {
	if s.grant != nil {
		s.live = slices.DeleteFunc(slices.Clone(s.grant.Live), func(i StatusIndex) bool { return !s.issuedAt.Before(i.Expires) })
	}
	if !client.StatusListed() {
		return nil
	}
	expires := s.issuedAt.Add(p.indexLifetime(client))
	if n := len(s.live); n >= maxLiveIndexes {
		// The oldest of the others expires within one lifetime, so that the
		// newest is used for that long at most: a list has to live for two
		// after it has closed.
		s.live[n-1].Expires = latest(s.live[n-1].Expires, expires)
		s.status = s.live[n-1]
		return nil
	}
	index, err := p.statusIndexes.take(ctx)
	if err != nil {
		return refuse(CodeTemporarilyUnavailable, "The server cannot issue tokens at the moment. Try again.").because(err)
	}
	index.Expires = expires
	s.status = index
	if s.grant != nil {
		s.live = append(s.live, index)
	}
	return nil
}

// repeatStatusIndex gives a token the index that the first one of its
// generation got: there is no write in which another could be remembered, and
// one that is not would outlive the grant's revocation.
func (p *Provider) repeatStatusIndex(s *session, client *clients.Client) {
	s.status = StatusIndex{}
	if n := len(s.grant.Live); n > 0 && client.StatusListed() && s.issuedAt.Before(s.grant.Live[n-1].Expires) {
		s.status = s.grant.Live[n-1]
	}
}

// accessExpiry is when an access token expires: not after its status index,
// which the grant's row forgets then. That comes sooner than the lifetime only
// when a refresh is retried and an operator has changed something since it was
// first answered: made the lifetime longer, or the client one with a status list,
// so that the newest index is of a generation before.
func (p *Provider) accessExpiry(s *session) time.Time {
	expires := s.issuedAt.Add(p.cfg.AccessTokenTTL)
	if s.status.List != "" && s.status.Expires.Before(expires) {
		return s.status.Expires
	}
	return expires
}
