package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"signet/authz"
)

// assertionRow is a row of client_assertions.
type assertionRow struct {
	ID      string `gorm:"column:id;primaryKey"`
	Expires *int64 `gorm:"column:expires_at"`
}

// TableName implements gorm's schema.Tabler.
func (assertionRow) TableName() string { return "client_assertions" }

// UseAssertion implements authz.AssertionStore: one INSERT.
func (s *Store) UseAssertion(ctx context.Context, id string, expires time.Time) error {
	row := assertionRow{ID: id, Expires: micros(expires)}
	done := s.writer(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
	if done.Error != nil {
		return fmt.Errorf("storing a client assertion: %w", done.Error)
	}
	if done.RowsAffected == 0 {
		return authz.ErrConflict
	}
	return nil
}
