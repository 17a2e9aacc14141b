package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"signet/authz/login"
)

// setupLinkRow is a row of setup_links.
type setupLinkRow struct {
	TokenHash string `gorm:"column:token_hash;primaryKey"`
	Expires   *int64 `gorm:"column:expires_at"`
}

// TableName implements gorm's schema.Tabler.
func (setupLinkRow) TableName() string { return "setup_links" }

// ReplaceSetupLink implements login.SetupStore.
func (s *Store) ReplaceSetupLink(ctx context.Context, l login.SetupLink) error {
	err := s.inTx(ctx, func(ctx context.Context) error {
		// Deleting spares the link that another transaction is just inserting.
		if err := s.lockTable(ctx, "setup_links"); err != nil {
			return err
		}
		if err := s.writer(ctx).Where("1 = 1").Delete(&setupLinkRow{}).Error; err != nil {
			return err
		}
		return s.writer(ctx).Create(&setupLinkRow{TokenHash: l.TokenHash, Expires: micros(l.ExpiresAt)}).Error
	})
	if err != nil {
		return fmt.Errorf("storing a set-up link: %w", err)
	}
	return nil
}

// SetupLink implements login.SetupStore.
func (s *Store) SetupLink(ctx context.Context, tokenHash string) (login.SetupLink, error) {
	var row setupLinkRow
	err := s.reader(ctx).Where("token_hash = ?", tokenHash).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return login.SetupLink{}, login.ErrNotFound
	}
	if err != nil {
		return login.SetupLink{}, fmt.Errorf("reading a set-up link: %w", err)
	}
	return login.SetupLink{TokenHash: row.TokenHash, ExpiresAt: moment(row.Expires)}, nil
}

// UseSetupLink implements login.SetupStore. Deleting comes first, so that of
// two racing uses the second finds nothing to delete.
func (s *Store) UseSetupLink(ctx context.Context, tokenHash string, p login.Person) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Where("token_hash = ?", tokenHash).Delete(&setupLinkRow{})
		if done.Error != nil {
			return fmt.Errorf("using a set-up link: %w", done.Error)
		}
		if done.RowsAffected == 0 {
			return login.ErrNotFound
		}
		return s.insertPerson(ctx, p)
	})
}

// CountPeople implements login.SetupStore.
func (s *Store) CountPeople(ctx context.Context) (int64, error) {
	var n int64
	if err := s.reader(ctx).Model(&personRow{}).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("counting the people: %w", err)
	}
	return n, nil
}
