package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/authz/store"
)

// shownGrant is a grant for scripts: claims and parameters by the names of
// their RFCs, and ours.
type shownGrant struct {
	GrantID  string   `json:"grant_id"`
	ClientID string   `json:"client_id"`
	Subject  string   `json:"sub"`
	Username string   `json:"username,omitempty"`
	Session  string   `json:"sid,omitempty"`
	Scope    string   `json:"scope"`
	Audience []string `json:"aud"`
	// State is pending (a code that was not exchanged), active, expired or
	// revoked.
	State         string    `json:"state"`
	CreatedAt     time.Time `json:"created_at"`
	RefreshedAt   time.Time `json:"refreshed_at,omitzero"`
	ExpiresAt     time.Time `json:"expires_at"`
	RevokedAt     time.Time `json:"revoked_at,omitzero"`
	RevokedReason string    `json:"revoked_reason,omitempty"`
}

func (a *app) showGrant(g authz.Grant, username string) shownGrant {
	s := shownGrant{
		GrantID: g.ID, ClientID: g.ClientID, Subject: g.Subject, Username: username, Session: g.SessionID,
		Scope: strings.Join(g.Scopes, " "), Audience: append([]string{}, g.Audiences...), State: a.grantState(&g),
		CreatedAt: g.CreatedAt, ExpiresAt: g.ExpiresAt, RevokedAt: g.RevokedAt, RevokedReason: g.RevokedReason,
	}
	if g.Generation > 1 {
		s.RefreshedAt = g.RotatedAt
	}
	return s
}

func (a *app) grantState(g *authz.Grant) string {
	switch {
	case g.Revoked():
		return "revoked"
	case !a.now().Before(g.ExpiresAt):
		return "expired"
	case g.RedeemedAt.IsZero():
		return "pending"
	}
	return "active"
}

// printGrants prints what the filter means.
func (a *app) printGrants(ctx context.Context, st *store.Store, filter authz.GrantFilter) error {
	shown := []shownGrant{}
	names := map[string]string{}
	err := authz.EachGrant(ctx, st, filter, func(g authz.Grant) error {
		name, known := names[g.Subject]
		if !known {
			p, err := st.Person(ctx, g.Subject)
			if err != nil && !errors.Is(err, login.ErrNotFound) {
				return err
			}
			name = p.Username
			names[g.Subject] = name
		}
		shown = append(shown, a.showGrant(g, name))
		return nil
	})
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(shown)
	}
	var rows [][]string
	for _, g := range shown {
		state := g.State
		if g.RevokedReason != "" {
			state += ": " + g.RevokedReason
		}
		user := g.Username
		if user == "" {
			user = g.Subject
		}
		rows = append(rows, []string{g.GrantID, user, g.ClientID, g.Scope, moment(g.CreatedAt), moment(g.ExpiresAt), state})
	}
	return a.table("No such grants.", []string{"GRANT ID", "USER", "CLIENT", "SCOPE", "CREATED", "EXPIRES", "STATE"}, rows)
}
