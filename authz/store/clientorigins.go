package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"signet/clients"
)

// originRow is a row of client_origins.
type originRow struct {
	Origin   string `gorm:"column:origin;primaryKey"`
	ClientID string `gorm:"column:client_id;primaryKey"`
}

// TableName implements gorm's schema.Tabler.
func (originRow) TableName() string { return "client_origins" }

// OriginAllowed implements authz.OriginStore.
func (s *Store) OriginAllowed(ctx context.Context, origin string) (bool, error) {
	keys := clients.OriginKeys(origin)
	if len(keys) == 0 {
		return false, nil
	}
	var rows []originRow
	if err := s.reader(ctx).Where("origin IN ?", keys).Limit(1).Find(&rows).Error; err != nil {
		return false, fmt.Errorf("looking up an origin: %w", err)
	}
	return len(rows) > 0, nil
}

// addOrigins indexes a client that has no origins in the index.
func (s *Store) addOrigins(ctx context.Context, id string, origins []string) error {
	if len(origins) == 0 {
		return nil
	}
	rows := make([]originRow, 0, len(origins))
	for _, origin := range origins {
		rows = append(rows, originRow{origin, id})
	}
	if err := s.writer(ctx).Create(&rows).Error; err != nil {
		return fmt.Errorf("storing the origins of a client: %w", err)
	}
	return nil
}

// replaceOrigins indexes a client anew.
func (s *Store) replaceOrigins(ctx context.Context, id string, origins []string) error {
	if err := s.writer(ctx).Where("client_id = ?", id).Delete(&originRow{}).Error; err != nil {
		return fmt.Errorf("removing the origins of a client: %w", err)
	}
	return s.addOrigins(ctx, id, origins)
}

// unindexed is true of the clients that a release without the index made or
// changed: before the upgrade, or beside this one. There is an index on it.
const unindexed = "origins_at IS DISTINCT FROM updated_at"

// inLine reports whether the index has the origins of the row.
func (r clientRow) inLine() bool {
	return (r.Indexed == nil) == (r.Updated == nil) && (r.Indexed == nil || *r.Indexed == *r.Updated)
}

// indexOrigins indexes the clients that a release without the index left
// behind, each in a short transaction. With none of them, which is the rule, it
// is one query that finds nothing. It belongs to the migrations, whose
// statements are not reported.
func (s *Store) indexOrigins(ctx context.Context) error {
	ids, err := s.unindexedClients(ctx)
	if err != nil {
		return fmt.Errorf("looking for clients without origins: %w", err)
	}
	for _, id := range ids {
		err := s.inTx(ctx, func(ctx context.Context) error {
			var row clientRow
			if err := s.forUpdate(ctx).Where("id = ?", id).Take(&row).Error; err != nil {
				return err
			}
			c := row.client()
			if err := s.replaceOrigins(ctx, id, c.Origins()); err != nil {
				return err
			}
			return s.writer(ctx).Model(&row).Update("origins_at", row.Updated).Error
		})
		if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) { // deleted meanwhile
			return fmt.Errorf("indexing the origins of client %s: %w", id, err)
		}
	}
	return nil
}

func (s *Store) unindexedClients(ctx context.Context) (ids []string, err error) {
	ctx, cancel := s.backend.deadline(ctx)
	defer cancel()
	rows, err := s.backend.reader.QueryContext(ctx, "SELECT id FROM clients WHERE "+unindexed+" ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
