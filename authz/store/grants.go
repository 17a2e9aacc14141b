package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/authz"
)

// grantRow is a row of grants: in columns what is looked up, compared or
// changed, in the payload what is written once.
type grantRow struct {
	ID            string       `gorm:"column:id;primaryKey"`
	ClientID      string       `gorm:"column:client_id"`
	Subject       string       `gorm:"column:subject"`
	SessionID     string       `gorm:"column:session_id"`
	Generation    int          `gorm:"column:generation"`
	CodeExpires   *int64       `gorm:"column:code_expires_at"`
	Redeemed      *int64       `gorm:"column:redeemed_at"`
	Rotated       *int64       `gorm:"column:rotated_at"`
	Created       *int64       `gorm:"column:created_at"`
	Expires       *int64       `gorm:"column:expires_at"`
	Revoked       *int64       `gorm:"column:revoked_at"`
	RevokedReason string       `gorm:"column:revoked_reason"`
	Live          string       `gorm:"column:live"`
	Payload       grantPayload `gorm:"column:payload;serializer:json"`
}

// TableName implements gorm's schema.Tabler.
func (grantRow) TableName() string { return "grants" }

type grantPayload struct {
	Scopes        []string `json:"scopes"`
	Audiences     []string `json:"audiences"`
	RedirectURI   string   `json:"redirect_uri,omitempty"`
	Nonce         string   `json:"nonce,omitempty"`
	CodeChallenge string   `json:"code_challenge,omitempty"`
	AuthTime      *int64   `json:"auth_time,omitempty"`
	ACR           string   `json:"acr,omitempty"`
	AMR           []string `json:"amr"`
	// Claims is nil in rows from before there were any.
	Claims *authz.AskedClaims `json:"claims,omitempty"`
}

func newGrantRow(g authz.Grant) (grantRow, error) {
	live, err := marshalLive(g.Live)
	return grantRow{
		ID: g.ID, ClientID: g.ClientID, Subject: g.Subject, SessionID: g.SessionID,
		Generation:  g.Generation,
		CodeExpires: micros(g.CodeExpiresAt), Redeemed: micros(g.RedeemedAt), Rotated: micros(g.RotatedAt),
		Created: micros(g.CreatedAt), Expires: micros(g.ExpiresAt),
		Revoked: micros(g.RevokedAt), RevokedReason: g.RevokedReason, Live: live,
		Payload: grantPayload{
			Scopes: g.Scopes, Audiences: g.Audiences,
			RedirectURI: g.RedirectURI, Nonce: g.Nonce, CodeChallenge: g.CodeChallenge,
			AuthTime: micros(g.AuthTime), ACR: g.ACR, AMR: g.AMR, Claims: claimsOf(g),
		},
	}, err
}

// claimsOf is nil for a grant that asked for none, as most do.
func claimsOf(g authz.Grant) *authz.AskedClaims {
	if len(g.Claims.UserInfo) == 0 && len(g.Claims.IDToken) == 0 {
		return nil
	}
	return &g.Claims
}

func (r grantRow) grant() (authz.Grant, error) {
	live, err := unmarshalLive(r.Live)
	var asked authz.AskedClaims
	if r.Payload.Claims != nil {
		asked = *r.Payload.Claims
	}
	return authz.Grant{
		ID: r.ID, ClientID: r.ClientID, Subject: r.Subject, SessionID: r.SessionID,
		Scopes: r.Payload.Scopes, Audiences: r.Payload.Audiences,
		RedirectURI: r.Payload.RedirectURI, Nonce: r.Payload.Nonce, CodeChallenge: r.Payload.CodeChallenge,
		AuthTime: moment(r.Payload.AuthTime), ACR: r.Payload.ACR, AMR: r.Payload.AMR, Claims: asked,
		CodeExpiresAt: moment(r.CodeExpires), RedeemedAt: moment(r.Redeemed),
		Generation: r.Generation, RotatedAt: moment(r.Rotated),
		CreatedAt: moment(r.Created), ExpiresAt: moment(r.Expires),
		RevokedAt: moment(r.Revoked), RevokedReason: r.RevokedReason, Live: live,
	}, err
}

// CreateGrant implements authz.GrantStore: one INSERT.
func (s *Store) CreateGrant(ctx context.Context, g authz.Grant) error {
	row, err := newGrantRow(g)
	if err != nil {
		return err
	}
	if err := s.writer(ctx).Create(&row).Error; err != nil {
		return fmt.Errorf("storing a grant: %w", err)
	}
	return nil
}

// Grant implements authz.GrantStore.
func (s *Store) Grant(ctx context.Context, id string) (authz.Grant, error) {
	var row grantRow
	err := s.reader(ctx).Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return authz.Grant{}, authz.ErrNotFound
	}
	if err != nil {
		return authz.Grant{}, fmt.Errorf("reading a grant: %w", err)
	}
	return row.grant()
}

// RedeemCode implements authz.GrantStore: one UPDATE.
func (s *Store) RedeemCode(ctx context.Context, id string, spent authz.Spend) error {
	changes, err := spentColumns(spent)
	if err != nil {
		return err
	}
	changes["redeemed_at"] = micros(spent.At)
	return spend("redeeming a code", s.writer(ctx).Model(&grantRow{}).
		Where("id = ? AND redeemed_at IS NULL AND revoked_at IS NULL", id).Updates(changes))
}

// Rotate implements authz.GrantStore: one UPDATE.
func (s *Store) Rotate(ctx context.Context, id string, current int, spent authz.Spend) error {
	changes, err := spentColumns(spent)
	if err != nil {
		return err
	}
	return spend("rotating a refresh token", s.writer(ctx).Model(&grantRow{}).
		Where("id = ? AND generation = ? AND revoked_at IS NULL", id, current).Updates(changes))
}

func spentColumns(spent authz.Spend) (map[string]any, error) {
	live, err := marshalLive(spent.Live)
	return map[string]any{
		"generation": spent.Generation, "rotated_at": micros(spent.At), "expires_at": micros(spent.Expires), "live": live,
	}, err
}

// ExtendGrant implements authz.GrantStore: one UPDATE.
func (s *Store) ExtendGrant(ctx context.Context, seen authz.Grant, n authz.Spend) error {
	before, err := marshalLive(seen.Live)
	if err != nil {
		return err
	}
	live, err := marshalLive(n.Live)
	if err != nil {
		return err
	}
	return spend("extending a grant", s.writer(ctx).Model(&grantRow{}).
		Where("id = ? AND generation = ? AND expires_at = ? AND live = ? AND revoked_at IS NULL", seen.ID, seen.Generation, micros(seen.ExpiresAt), before).
		Updates(map[string]any{"expires_at": micros(n.Expires), "live": live}))
}

// spend reads the outcome of a conditional update: no row means that somebody
// else was first.
func spend(doing string, done *gorm.DB) error {
	if done.Error != nil {
		return fmt.Errorf("%s: %w", doing, done.Error)
	}
	if done.RowsAffected == 0 {
		return authz.ErrConflict
	}
	return nil
}

// RevokeGrant implements authz.GrantStore: one UPDATE, and one INSERT when
// access tokens are alive. The UPDATE returns what it found in the row that it
// locked: a rotation either came before, and its index is there, or finds the
// grant revoked.
func (s *Store) RevokeGrant(ctx context.Context, id string, at time.Time, reason string) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		_, err := s.revokeGrant(ctx, id, at, reason)
		return err
	})
}

// revokeGrant revokes a grant in the transaction of ctx, and reports whether it
// was alive.
func (s *Store) revokeGrant(ctx context.Context, id string, at time.Time, reason string) (alive bool, err error) {
	var rows []grantRow
	err = s.writer(ctx).Model(&rows).Clauses(clause.Returning{Columns: []clause.Column{{Name: "live"}}}).
		Where("id = ? AND revoked_at IS NULL", id).
		Updates(map[string]any{"revoked_at": micros(at), "revoked_reason": reason}).Error
	if err != nil {
		return false, fmt.Errorf("revoking a grant: %w", err)
	}
	for _, row := range rows {
		live, err := unmarshalLive(row.Live)
		if err != nil {
			return false, err
		}
		live = slices.DeleteFunc(live, func(i authz.StatusIndex) bool { return !at.Before(i.Expires) })
		if err := s.markRevoked(ctx, live); err != nil {
			return false, err
		}
	}
	return len(rows) > 0, nil
}
