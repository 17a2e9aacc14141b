package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"signet/keys"
)

// keyRow is a row of signing_keys.
type keyRow struct {
	KID        string `gorm:"column:kid;primaryKey"`
	Algorithm  string `gorm:"column:algorithm"`
	Generation int    `gorm:"column:generation"`
	PublicJWK  []byte `gorm:"column:public_jwk"`
	Sealed     []byte `gorm:"column:sealed"`
	Announced  *int64 `gorm:"column:announced_at"`
	Active     *int64 `gorm:"column:active_at"`
	Retired    *int64 `gorm:"column:retired_at"`
	Removed    *int64 `gorm:"column:removed_at"`
}

// TableName implements gorm's schema.Tabler.
func (keyRow) TableName() string { return "signing_keys" }

// Keys implements keys.Store.
func (s *Store) Keys(ctx context.Context) ([]keys.Record, error) {
	var rows []keyRow
	if err := s.reader(ctx).Order("algorithm, generation").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the signing keys: %w", err)
	}
	all := make([]keys.Record, 0, len(rows))
	for _, r := range rows {
		all = append(all, keys.Record{
			KID: r.KID, Algorithm: r.Algorithm, Generation: r.Generation,
			PublicJWK: r.PublicJWK, Sealed: r.Sealed,
			AnnouncedAt: moment(r.Announced), ActiveAt: moment(r.Active),
			RetiredAt: moment(r.Retired), RemovedAt: moment(r.Removed),
		})
	}
	return all, nil
}

// InsertKey implements keys.Store.
func (s *Store) InsertKey(ctx context.Context, next keys.Record, prev *keys.Record) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		err := s.writer(ctx).Create(&keyRow{
			KID: next.KID, Algorithm: next.Algorithm, Generation: next.Generation,
			PublicJWK: next.PublicJWK, Sealed: next.Sealed,
			Announced: micros(next.AnnouncedAt), Active: micros(next.ActiveAt),
			Retired: micros(next.RetiredAt), Removed: micros(next.RemovedAt),
		}).Error
		if errors.Is(err, gorm.ErrDuplicatedKey) {
			return keys.ErrExists
		}
		if err != nil {
			return fmt.Errorf("storing a signing key: %w", err)
		}
		if prev == nil {
			return nil
		}
		done := s.writer(ctx).Model(&keyRow{}).Where("kid = ?", prev.KID).
			Updates(map[string]any{"retired_at": micros(prev.RetiredAt), "removed_at": micros(prev.RemovedAt)})
		if done.Error != nil {
			return fmt.Errorf("retiring signing key %s: %w", prev.KID, done.Error)
		}
		if done.RowsAffected == 0 {
			return fmt.Errorf("retiring signing key %s: there is no such key", prev.KID)
		}
		return nil
	})
}
