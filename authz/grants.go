package authz

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// GrantFilter says which grants are meant: those that match every field that
// is set.
type GrantFilter struct {
	// ID is that of one grant.
	ID string
	// Subject, ClientID and SessionID are the fields of Grant.
	Subject, ClientID, SessionID string
	// LiveAt, if not zero, leaves out what was revoked or has expired by then.
	LiveAt time.Time
}

// Matches reports whether g is meant.
func (f GrantFilter) Matches(g *Grant) bool {
	return (f.ID == "" || f.ID == g.ID) &&
		(f.Subject == "" || f.Subject == g.Subject) &&
		(f.ClientID == "" || f.ClientID == g.ClientID) &&
		(f.SessionID == "" || f.SessionID == g.SessionID) &&
		(f.LiveAt.IsZero() || !g.Revoked() && (g.ExpiresAt.IsZero() || f.LiveAt.Before(g.ExpiresAt)))
}

// GrantFinder finds grants for operators, by index.
type GrantFinder interface {
	// Grants returns the first limit grants that f means and whose ID comes
	// after the one given, ordered by ID.
	Grants(ctx context.Context, f GrantFilter, after string, limit int) ([]Grant, error)
	// RevokeGrants does what GrantStore.RevokeGrant does for each of these
	// grants, in one transaction, and returns the IDs of those that it revoked.
	RevokeGrants(ctx context.Context, ids []string, at time.Time, reason string) ([]string, error)
}

// ErrNoFilter says that RevokeGrants was not told which grants are meant.
var ErrNoFilter = errors.New("no grant, person, client or session was named")

// grantBatch is how many grants are read or revoked at once: the write lock is
// held for milliseconds, however many there are.
const grantBatch = 200

// EachGrant calls do for each grant that f means, ordered by ID, until do
// returns an error, which it returns. It holds a small part of them at a time.
func EachGrant(ctx context.Context, st GrantFinder, f GrantFilter, do func(Grant) error) error {
	after := ""
	for {
		page, err := st.Grants(ctx, f, after, grantBatch)
		if err != nil {
			return err
		}
		for _, g := range page {
			if err := do(g); err != nil {
				return err
			}
			after = g.ID
		}
		if len(page) < grantBatch {
			return nil
		}
	}
}

// RevokeGrants revokes every live grant that f means, in batches, and returns
// how many it revoked, also when it fails on the way. revoked, unless it is nil,
// is told of each. An empty filter is refused with ErrNoFilter.
//
// A person who is signed in can authorize the client again meanwhile; to keep
// them out, disable the person or the client first.
func RevokeGrants(ctx context.Context, st GrantFinder, f GrantFilter, now time.Time, reason string, revoked func(Grant)) (n int, err error) {
	if f.LiveAt = (time.Time{}); f == (GrantFilter{}) {
		return 0, ErrNoFilter
	}
	f.LiveAt = now
	after := ""
	for {
		page, err := st.Grants(ctx, f, after, grantBatch)
		if err != nil || len(page) == 0 {
			return n, err
		}
		ids := make([]string, len(page))
		byID := make(map[string]Grant, len(page))
		for i, g := range page {
			ids[i], byID[g.ID] = g.ID, g
		}
		done, err := st.RevokeGrants(ctx, ids, now, reason)
		if err != nil {
			return n, err
		}
		n += len(done)
		for _, id := range done {
			if revoked != nil {
				revoked(byID[id])
			}
		}
		after = ids[len(ids)-1]
	}
}

// RevokeGrants revokes every live grant that f means, for an operator, and
// returns how many there were. See the function of the same name.
func (p *Provider) RevokeGrants(ctx context.Context, f GrantFilter, reason string) (n int, err error) {
	defer p.statusLists.changed()
	return RevokeGrants(ctx, p.cfg.GrantFinder, f, p.now(), reason, func(g Grant) {
		p.audit(ctx, slog.LevelInfo, eventGrantRevoked, &g, reason)
	})
}
