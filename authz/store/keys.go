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
	KID           string `gorm:"column:kid;primaryKey"`
	Algorithm     string `gorm:"column:algorithm"`
	Generation    int    `gorm:"column:generation"`
	PublicJWK     []byte `gorm:"column:public_jwk"`
	Sealed        []byte `gorm:"column:sealed"`
	VerifyOnly    bool   `gorm:"column:verify_only"`
	Announced     *int64 `gorm:"column:announced_at"`
	Active        *int64 `gorm:"column:active_at"`
	Retired       *int64 `gorm:"column:retired_at"`
	Removed       *int64 `gorm:"column:removed_at"`
	Revoked       *int64 `gorm:"column:revoked_at"`
	RevokedReason string `gorm:"column:revoked_reason"`
}

// TableName implements gorm's schema.Tabler.
func (keyRow) TableName() string { return "signing_keys" }

func newKeyRow(r keys.Record) keyRow {
	return keyRow{
		KID: r.KID, Algorithm: r.Algorithm, Generation: r.Generation,
		PublicJWK: r.PublicJWK, Sealed: r.Sealed, VerifyOnly: r.VerifyOnly,
		Announced: micros(r.AnnouncedAt), Active: micros(r.ActiveAt),
		Retired: micros(r.RetiredAt), Removed: micros(r.RemovedAt),
		Revoked: micros(r.RevokedAt), RevokedReason: r.RevokedReason,
	}
}

func (r keyRow) record() keys.Record {
	return keys.Record{
		KID: r.KID, Algorithm: r.Algorithm, Generation: r.Generation,
		PublicJWK: r.PublicJWK, Sealed: r.Sealed, VerifyOnly: r.VerifyOnly,
		AnnouncedAt: moment(r.Announced), ActiveAt: moment(r.Active),
		RetiredAt: moment(r.Retired), RemovedAt: moment(r.Removed),
		RevokedAt: moment(r.Revoked), RevokedReason: r.RevokedReason,
	}
}

// Keys implements keys.Store.
func (s *Store) Keys(ctx context.Context) ([]keys.Record, error) {
	var rows []keyRow
	if err := s.reader(ctx).Order("algorithm, generation").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the signing keys: %w", err)
	}
	all := make([]keys.Record, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.record())
	}
	return all, nil
}

// ChangeKeys implements keys.Store. The transaction holds the lock before it
// reads, so that what change has seen is still so when it is replaced. It runs
// once: nobody promised that change may be called again.
func (s *Store) ChangeKeys(ctx context.Context, change func(all []keys.Record) (changed []keys.Record, err error)) error {
	return s.inOneTx(ctx, func(ctx context.Context) error {
		if err := s.lockTable(ctx, "signing_keys"); err != nil {
			return err
		}
		all, err := s.Keys(ctx)
		if err != nil {
			return err
		}
		// Taken down first: all is change's to spoil.
		stored := make(map[string]bool, len(all))
		for _, r := range all {
			stored[r.KID] = true
		}
		changed, err := change(all)
		if err != nil {
			return err
		}
		for _, r := range changed {
			if err := s.putKey(ctx, newKeyRow(r), stored[r.KID]); err != nil {
				return err
			}
		}
		return nil
	})
}

// putKey adds a row, or replaces the one of the same kid.
func (s *Store) putKey(ctx context.Context, row keyRow, replace bool) error {
	var err error
	if replace {
		err = s.writer(ctx).Model(&row).Select("*").Updates(&row).Error
	} else {
		err = s.writer(ctx).Create(&row).Error
	}
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return keys.ErrExists
	}
	if err != nil {
		return fmt.Errorf("storing signing key %s: %w", row.KID, err)
	}
	return nil
}
