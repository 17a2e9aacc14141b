package authz

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"signet/authz/login"
	"signet/clients"
)

// sessionGone is the reason of grants that end with their session.
const sessionGone = "the sign-in session was ended"

// SessionEnded does what follows from a session that was ended just now, whoever
// ended it: the grants that were made in it end too, but for those with
// offline_access, which a person gives to an app for when they are away (OpenID
// Connect Core, section 11); and the apps that it had reached get their logout
// tokens, which the store has queued, in the background.
//
// It has no error: the session is over, and the person is not to be told that
// they are still signed in. What fails goes to the log.
func (p *Provider) SessionEnded(ctx context.Context, s login.Session) {
	sids := []string{s.ID}
	if reached, err := p.reachedBy(ctx, s.ID); err != nil {
		p.logoutFailed(ctx, err)
	} else {
		for _, r := range reached {
			sids = append(sids, r.SID)
		}
	}
	slices.Sort(sids)
	for _, sid := range slices.Compact(sids) {
		p.endGrants(ctx, GrantFilter{SessionID: sid})
	}
	p.WakeLogouts()
}

// SessionsEnded is SessionEnded for all sessions of a person.
func (p *Provider) SessionsEnded(ctx context.Context, subject string) {
	p.endGrants(ctx, GrantFilter{Subject: subject})
	p.WakeLogouts()
}

// SessionReplaced comes before a session is ended because the same browser has
// signed in anew. If it is the same person, who has only proved once more who
// they are, their apps are none the wiser: the new session stands for what the
// old one has reached. It reports whether that is so; otherwise the old session
// ends like any other.
func (p *Provider) SessionReplaced(ctx context.Context, old, fresh login.Session) (continued bool, err error) {
	if old.Subject != fresh.Subject {
		return false, nil
	}
	if p.cfg.Logouts == nil {
		return true, nil
	}
	return true, p.cfg.Logouts.MoveReached(ctx, old.ID, fresh.ID, fresh.Latest())
}

// endGrants revokes the live grants that f means and that have no offline_access.
func (p *Provider) endGrants(ctx context.Context, f GrantFilter) {
	defer p.statusLists.changed()
	now := p.now()
	f.LiveAt = now
	ending := map[string]Grant{}
	err := EachGrant(ctx, p.cfg.GrantFinder, f, func(g Grant) error {
		if g.SessionID != "" && !slices.Contains(g.Scopes, scopeOfflineAccess) {
			ending[g.ID] = g
		}
		return nil
	})
	if err != nil {
		p.logoutFailed(ctx, err)
	}
	for ids := range slices.Chunk(sortedIDs(ending), grantBatch) {
		revoked, err := p.cfg.GrantFinder.RevokeGrants(ctx, ids, now, sessionGone)
		if err != nil {
			p.logoutFailed(ctx, err)
			return
		}
		for _, id := range revoked {
			g := ending[id]
			p.audit(ctx, slog.LevelInfo, eventGrantRevoked, &g, sessionGone)
		}
	}
}

func sortedIDs(grants map[string]Grant) []string {
	ids := make([]string, 0, len(grants))
	for id := range grants {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (p *Provider) logoutFailed(ctx context.Context, err error) {
	p.cfg.Logger.LogAttrs(ctx, slog.LevelError, "a session was ended, but not all that came of it", slog.Any("error", err))
}

func (p *Provider) reachedBy(ctx context.Context, sessionID string) ([]Reached, error) {
	if p.cfg.Logouts == nil {
		return nil, nil
	}
	return p.cfg.Logouts.ReachedClients(ctx, sessionID)
}

// reach says what has to be kept of a code for a client, nil for one that does
// not want to hear of the end of the session.
func (p *Provider) reach(c *clients.Client, s *login.Session) (*Reached, error) {
	if p.cfg.Logouts == nil || (c.BackchannelLogoutURI == "" && c.FrontchannelLogoutURI == "") {
		return nil, nil
	}
	sub, err := p.subjectFor(c, s.Subject)
	if err != nil {
		return nil, err
	}
	return &Reached{
		SID: s.ID, SessionID: s.ID, ClientID: c.ID, Subject: s.Subject, Sub: sub,
		Back: c.BackchannelLogoutURI != "", Front: c.FrontchannelLogoutURI != "", ExpiresAt: s.Latest(),
	}, nil
}

// FrontchannelLogouts returns what the browser of a session loads in frames when
// it ends (OpenID Connect Front-Channel Logout 1.0, section 3): the
// frontchannel_logout_uri of each app that it has reached, with iss and sid.
func (p *Provider) FrontchannelLogouts(ctx context.Context, sessionID string) ([]string, error) {
	reached, err := p.reachedBy(ctx, sessionID)
	if err != nil {
		return nil, err
	}
	var frames []string
	for _, r := range reached {
		if !r.Front {
			continue
		}
		c, err := p.cfg.Clients.Client(ctx, r.ClientID)
		if err != nil || c.Disabled || c.FrontchannelLogoutURI == "" {
			continue // an app that is gone keeps nobody from signing out
		}
		separator := "?"
		if strings.Contains(c.FrontchannelLogoutURI, "?") {
			separator = "&"
		}
		frames = append(frames, c.FrontchannelLogoutURI+separator+url.Values{"iss": {p.cfg.Issuer}, "sid": {r.SID}}.Encode())
	}
	return frames, nil
}
