package web

import (
	"net/http"
	"strings"
	"time"

	"signet/authz"
)

// grantView is what a person allowed a client, by the names of the claims and
// parameters.
type grantView struct {
	GrantID   string   `json:"grant_id"`
	ClientID  string   `json:"client_id"`
	Subject   string   `json:"sub"`
	SessionID string   `json:"sid,omitempty" doc:"The sign-in that it was made in."`
	Scope     string   `json:"scope"`
	Audience  []string `json:"aud"`
	State     string   `json:"state" doc:"pending (a code that was not exchanged), active, expired or revoked."`
	// The times are in UTC.
	CreatedAt     time.Time `json:"created_at"`
	RefreshedAt   time.Time `json:"refreshed_at,omitzero"`
	ExpiresAt     time.Time `json:"expires_at"`
	RevokedAt     time.Time `json:"revoked_at,omitzero"`
	RevokedReason string    `json:"revoked_reason,omitempty"`
}

func (a *admin) viewGrant(g *authz.Grant) grantView {
	v := grantView{
		GrantID: g.ID, ClientID: g.ClientID, Subject: g.Subject, SessionID: g.SessionID,
		Scope: strings.Join(g.Scopes, " "), Audience: append([]string{}, g.Audiences...), State: "active",
		CreatedAt: g.CreatedAt, ExpiresAt: g.ExpiresAt, RevokedAt: g.RevokedAt, RevokedReason: g.RevokedReason,
	}
	if g.Generation > 1 {
		v.RefreshedAt = g.RotatedAt
	}
	switch {
	case g.Revoked():
		v.State = "revoked"
	case !a.now().Before(g.ExpiresAt):
		v.State = "expired"
	case g.RedeemedAt.IsZero():
		v.State = "pending"
	}
	return v
}

func (a *admin) listGrants(in *call) error {
	f := authz.GrantFilter{
		ClientID: in.query.Get("client_id"), Subject: in.query.Get("sub"), SessionID: in.query.Get("sid"), LiveAt: a.liveAt(in),
	}
	return sendPage(a, in, func(after string, limit int) ([]authz.Grant, error) {
		return a.core.FindGrants(in.ctx(), f, after, limit)
	}, func(g *authz.Grant) string { return g.ID }, a.viewGrant)
}

// grant is the one that the path names.
func (a *admin) grant(in *call) (authz.Grant, error) {
	id, err := in.id()
	if err != nil {
		return authz.Grant{}, err
	}
	found, err := a.core.FindGrants(in.ctx(), authz.GrantFilter{ID: id}, "", 1)
	if err != nil {
		return authz.Grant{}, err
	}
	if len(found) == 0 {
		return authz.Grant{}, authz.ErrNotFound
	}
	return found[0], nil
}

func (a *admin) showGrant(in *call) error {
	g, err := a.grant(in)
	if err != nil {
		return err
	}
	return in.JSON(http.StatusOK, a.viewGrant(&g))
}

// revokeGrant revokes a grant; the audit line comes from authz. One that was
// revoked before is as it should be.
func (a *admin) revokeGrant(in *call) error {
	g, err := a.grant(in)
	if err != nil {
		return err
	}
	if _, err := a.core.RevokeGrants(in.ctx(), authz.GrantFilter{ID: g.ID}, byAdminAPI); err != nil {
		return err
	}
	return in.NoContent(http.StatusNoContent)
}
