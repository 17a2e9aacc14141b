package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"signet/authz"
	"signet/clients"
)

// invitationRow is a row of invitations.
type invitationRow struct {
	ID        string            `gorm:"column:id;primaryKey"`
	TokenHash string            `gorm:"column:token_hash"`
	UsesLeft  int               `gorm:"column:uses_left"`
	Created   *int64            `gorm:"column:created_at"`
	Expires   *int64            `gorm:"column:expires_at"`
	Payload   invitationPayload `gorm:"column:payload;serializer:json"`
}

// TableName implements gorm's schema.Tabler.
func (invitationRow) TableName() string { return "invitations" }

type invitationPayload struct {
	Uses int    `json:"uses"`
	Note string `json:"note,omitempty"`
}

func (r invitationRow) invitation() authz.Invitation {
	return authz.Invitation{
		ID: r.ID, TokenHash: r.TokenHash, Uses: r.Payload.Uses, UsesLeft: r.UsesLeft, Note: r.Payload.Note,
		CreatedAt: moment(r.Created), ExpiresAt: moment(r.Expires),
	}
}

// CreateInvitation implements authz.InvitationStore.
func (s *Store) CreateInvitation(ctx context.Context, i authz.Invitation) error {
	row := invitationRow{
		ID: i.ID, TokenHash: i.TokenHash, UsesLeft: i.UsesLeft,
		Created: micros(i.CreatedAt), Expires: micros(i.ExpiresAt),
		Payload: invitationPayload{Uses: i.Uses, Note: i.Note},
	}
	if err := s.writer(ctx).Create(&row).Error; err != nil {
		return fmt.Errorf("storing an invitation: %w", err)
	}
	return nil
}

// Invitations implements authz.InvitationStore.
func (s *Store) Invitations(ctx context.Context) ([]authz.Invitation, error) {
	var rows []invitationRow
	if err := s.reader(ctx).Order("created_at DESC, id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the invitations: %w", err)
	}
	all := make([]authz.Invitation, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.invitation())
	}
	return all, nil
}

// InvitationByToken implements authz.InvitationStore.
func (s *Store) InvitationByToken(ctx context.Context, tokenHash string) (authz.Invitation, error) {
	var row invitationRow
	err := s.reader(ctx).Where("token_hash = ?", tokenHash).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return authz.Invitation{}, authz.ErrNotFound
	}
	if err != nil {
		return authz.Invitation{}, fmt.Errorf("reading an invitation: %w", err)
	}
	return row.invitation(), nil
}

// RevokeInvitation implements authz.InvitationStore.
func (s *Store) RevokeInvitation(ctx context.Context, id string) error {
	done := s.writer(ctx).Where("id = ?", id).Delete(&invitationRow{})
	if done.Error != nil {
		return fmt.Errorf("revoking an invitation: %w", done.Error)
	}
	if done.RowsAffected == 0 {
		return authz.ErrNotFound
	}
	return nil
}

// RegisterClient implements authz.InvitationStore. The conditional UPDATE comes
// first: of two that race for the last use, the second waits for the first
// and then finds nothing to spend.
func (s *Store) RegisterClient(ctx context.Context, c clients.Client, tokenHash string, now time.Time) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&invitationRow{}).
			Where("token_hash = ? AND uses_left > 0 AND expires_at > ?", tokenHash, now.UnixMicro()).
			Update("uses_left", gorm.Expr("uses_left - 1"))
		if done.Error != nil {
			return fmt.Errorf("using an invitation: %w", done.Error)
		}
		if done.RowsAffected == 0 {
			return authz.ErrConflict
		}
		return s.insertClient(ctx, c)
	})
}
