package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"signet/authz"
)

// revokedTokenRow is a row of revoked_tokens.
type revokedTokenRow struct {
	JTI     string `gorm:"column:jti;primaryKey"`
	Expires *int64 `gorm:"column:expires_at"`
}

// TableName implements gorm's schema.Tabler.
func (revokedTokenRow) TableName() string { return "revoked_tokens" }

// RevokeToken implements authz.TokenStore: one INSERT, and one more for a token
// that stands in a status list.
func (s *Store) RevokeToken(ctx context.Context, jti string, index authz.StatusIndex, expires time.Time) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		row := revokedTokenRow{JTI: jti, Expires: micros(expires)}
		err := s.writer(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error
		if err != nil {
			return fmt.Errorf("revoking a token: %w", err)
		}
		if index.List == "" {
			return nil
		}
		return s.markRevoked(ctx, []authz.StatusIndex{index})
	})
}

// TokenRevoked implements authz.TokenStore.
func (s *Store) TokenRevoked(ctx context.Context, jti string) (bool, error) {
	var rows []revokedTokenRow
	if err := s.reader(ctx).Where("jti = ?", jti).Limit(1).Find(&rows).Error; err != nil {
		return false, fmt.Errorf("reading token revocations: %w", err)
	}
	return len(rows) > 0, nil
}
