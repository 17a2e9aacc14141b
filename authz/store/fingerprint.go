package store

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"

	"gorm.io/gorm/clause"
)

// fingerprintRow is a row of fingerprints.
type fingerprintRow struct {
	Name   string `gorm:"column:name;primaryKey"`
	Digest string `gorm:"column:digest"`
}

// TableName implements gorm's schema.Tabler.
func (fingerprintRow) TableName() string { return "fingerprints" }

// Fingerprint remembers value under name on the first call and reports on
// every later one whether value is still the same. It tells a lost or swapped
// secret before that secret is used. Only the SHA-256 of value is kept; value
// must have 128 bits of entropy or more.
func (s *Store) Fingerprint(ctx context.Context, name string, value []byte) (match bool, err error) {
	sum := sha256.Sum256(value)
	row := fingerprintRow{Name: name, Digest: hex.EncodeToString(sum[:])}
	stored, err := s.fingerprints(ctx, name)
	if err != nil {
		return false, err
	}
	if len(stored) == 0 {
		// Two nodes may start at once; then the first one's value counts.
		done := s.writer(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if done.Error != nil {
			return false, fmt.Errorf("storing fingerprint %s: %w", name, done.Error)
		}
		if done.RowsAffected == 1 {
			return true, nil
		}
		if stored, err = s.fingerprints(ctx, name); err != nil {
			return false, err
		}
	}
	return len(stored) == 1 && subtle.ConstantTimeCompare([]byte(stored[0].Digest), []byte(row.Digest)) == 1, nil
}

func (s *Store) fingerprints(ctx context.Context, name string) ([]fingerprintRow, error) {
	var rows []fingerprintRow
	if err := s.reader(ctx).Where("name = ?", name).Limit(1).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading fingerprint %s: %w", name, err)
	}
	return rows, nil
}
