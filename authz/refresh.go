package authz

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"signet/clients"
)

// mayRefresh reports whether a grant comes with refresh tokens (OpenID
// Connect Core, section 11).
func mayRefresh(c *clients.Client, scopes []string) bool {
	return c.GrantAllowed(clients.GrantRefreshToken) && slices.Contains(scopes, scopeOfflineAccess)
}

// refreshRules are what holds for the refresh tokens of one client.
type refreshRules struct {
	rotates               bool
	grace, idle, absolute time.Duration
}

// refreshRules returns the client's own rules and, where it has none, the
// server's.
func (p *Provider) refreshRules(c *clients.Client) refreshRules {
	r := refreshRules{
		rotates: c.RotatesRefreshTokens(),
		grace:   p.cfg.RefreshGrace, idle: p.cfg.RefreshIdleTTL, absolute: p.cfg.RefreshAbsoluteTTL,
	}
	if c.RefreshTokenGrace != nil {
		r.grace = *c.RefreshTokenGrace
	}
	if c.RefreshTokenIdleTTL > 0 {
		r.idle = c.RefreshTokenIdleTTL
	}
	if c.RefreshTokenAbsoluteTTL > 0 {
		r.absolute = c.RefreshTokenAbsoluteTTL
	}
	return r
}

// end is when a grant cannot be refreshed any more. An absolute lifetime that
// was shortened since counts at once, an idle one from the next refresh.
func (r refreshRules) end(g *Grant) time.Time {
	return earliest(g.ExpiresAt, g.CreatedAt.Add(r.absolute))
}

// expiry is when a grant ends that is refreshed at now: the idle lifetime from
// now, within the absolute one.
func (r refreshRules) expiry(g *Grant, now time.Time) time.Time {
	return earliest(now.Add(r.idle), g.CreatedAt.Add(r.absolute))
}

func (r refreshRules) inGrace(g *Grant, presented int, now time.Time) bool {
	return r.grace > 0 && presented == g.Generation-1 && now.Sub(g.RotatedAt) <= r.grace
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// judgeRefresh looks at the generation of the refresh token that a request
// presents (RFC 9700, section 4.14.2):
//
//	current                          → rotate
//	the one before, in the grace     → the same successor again
//	older, or the grace is over      → somebody has a copy: revoke the grant
//
// The grace belongs to people on real networks: a lost response or a second
// tab must not sign anyone out.
func (p *Provider) judgeRefresh(ctx context.Context, x *exchange) error {
	g, now := x.grant, p.now()
	switch {
	case g.Revoked():
		return refreshRefused("a live grant", "grant "+g.ID+" was revoked: "+g.RevokedReason)
	case !now.Before(x.rules.end(g)):
		return refreshRefused("a grant until "+x.rules.end(g).Format(time.RFC3339), "an expired grant")
	case !slices.Contains(x.session.scopes, scopeOfflineAccess):
		return refreshRefused("the scope offline_access", "a client that has lost it")
	case x.presented == g.Generation, x.rules.inGrace(g, x.presented, now):
		return nil
	case x.presented > g.Generation:
		return refreshRefused(fmt.Sprintf("generation %d", g.Generation), fmt.Sprintf("generation %d, from another copy of the database", x.presented))
	case x.presented == g.Generation-1 && g.RotatedAt.After(x.arrived):
		return refreshRefused("the current refresh token", "one that a parallel request has spent")
	}
	reason := fmt.Sprintf("refresh token of generation %d was used again, %d is current", x.presented, g.Generation)
	if err := p.revoke(ctx, g, eventRefreshTokenReused, reason); err != nil {
		return err
	}
	return refreshRefused("the current refresh token", "a spent one")
}

// rotate spends the refresh token. A request that comes second, within the
// grace, gets the successor that the first one got, without a write. For a
// client without rotation, the token stays and only its expiry moves.
func (p *Provider) rotate(ctx context.Context, x *exchange, client *clients.Client) error {
	s, g := x.session, x.grant
	s.refreshGeneration = x.presented + 1
	if x.presented < g.Generation {
		p.repeatStatusIndex(s, client)
		x.spent = true
		return nil
	}
	spend := Spend{Generation: s.refreshGeneration, At: s.issuedAt, Expires: x.rules.expiry(g, s.issuedAt), Live: s.live}
	var err error
	if x.rules.rotates {
		err = p.cfg.Grants.Rotate(ctx, g.ID, x.presented, spend)
	} else {
		s.refreshGeneration = x.presented
		err = p.cfg.Grants.ExtendGrant(ctx, *g, spend)
	}
	if errors.Is(err, ErrConflict) {
		return p.refreshedMeanwhile(ctx, x, client)
	}
	x.spent = err == nil
	return err
}

// refreshedMeanwhile looks again after another request has moved the grant on.
func (p *Provider) refreshedMeanwhile(ctx context.Context, x *exchange, client *clients.Client) error {
	g, err := p.cfg.Grants.Grant(ctx, x.grant.ID)
	if err != nil {
		return err
	}
	*x.grant = g
	if err := p.judgeRefresh(ctx, x); err != nil {
		return err
	}
	// Without rotation, the other request has just written what this one would.
	x.session.refreshGeneration = g.Generation
	x.spent = x.presented < g.Generation || !x.rules.rotates
	if !x.spent {
		return refreshRefused("the current refresh token", "one that could not be rotated")
	}
	p.repeatStatusIndex(x.session, client)
	return nil
}
