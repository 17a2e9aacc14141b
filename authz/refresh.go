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
	case !now.Before(g.ExpiresAt):
		return refreshRefused("a grant until "+g.ExpiresAt.Format(time.RFC3339), "an expired grant")
	case !slices.Contains(x.session.scopes, scopeOfflineAccess):
		return refreshRefused("the scope offline_access", "a client that has lost it")
	case x.presented == g.Generation, p.inGrace(x, now):
		return nil
	case x.presented > g.Generation:
		return refreshRefused(fmt.Sprintf("generation %d", g.Generation), fmt.Sprintf("generation %d, from another copy of the database", x.presented))
	case x.presented == g.Generation-1 && g.RotatedAt.After(x.arrived):
		return refreshRefused("the current refresh token", "one that a parallel request has spent")
	}
	reason := fmt.Sprintf("refresh token of generation %d was used again, %d is current", x.presented, g.Generation)
	if err := p.revoke(ctx, g, reason); err != nil {
		return err
	}
	return refreshRefused("the current refresh token", "a spent one")
}

func (p *Provider) inGrace(x *exchange, now time.Time) bool {
	return p.cfg.RefreshGrace > 0 && x.presented == x.grant.Generation-1 && now.Sub(x.grant.RotatedAt) <= p.cfg.RefreshGrace
}

// rotate spends the refresh token. A request that comes second, within the
// grace, gets the successor that the first one got, without a write.
func (p *Provider) rotate(ctx context.Context, x *exchange, client *clients.Client) error {
	s, g := x.session, x.grant
	s.refreshGeneration = x.presented + 1
	if x.presented < g.Generation {
		p.repeatStatusIndex(s, client)
		x.spent = true
		return nil
	}
	err := p.cfg.Grants.Rotate(ctx, g.ID, x.presented,
		Spend{Generation: s.refreshGeneration, At: s.issuedAt, Expires: p.refreshExpiry(g, s.issuedAt), Live: s.live})
	if errors.Is(err, ErrConflict) {
		return p.rotatedMeanwhile(ctx, x, client)
	}
	x.spent = err == nil
	return err
}

// rotatedMeanwhile looks again after another request has moved the grant on.
func (p *Provider) rotatedMeanwhile(ctx context.Context, x *exchange, client *clients.Client) error {
	g, err := p.cfg.Grants.Grant(ctx, x.grant.ID)
	if err != nil {
		return err
	}
	*x.grant = g
	if err := p.judgeRefresh(ctx, x); err != nil {
		return err
	}
	x.spent = x.presented < g.Generation
	if !x.spent {
		return refreshRefused("the current refresh token", "one that could not be rotated")
	}
	p.repeatStatusIndex(x.session, client)
	return nil
}

// refreshExpiry is when a grant ends that is refreshed at now: the idle
// lifetime from now, within the absolute one.
func (p *Provider) refreshExpiry(g *Grant, now time.Time) time.Time {
	idle, absolute := now.Add(p.cfg.RefreshIdleTTL), g.CreatedAt.Add(p.cfg.RefreshAbsoluteTTL)
	if absolute.Before(idle) {
		return absolute
	}
	return idle
}
