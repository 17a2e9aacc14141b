package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/authz"
)

// statusListRow is a row of status_lists.
type statusListRow struct {
	ID        string `gorm:"column:id;primaryKey"`
	NextBlock int    `gorm:"column:next_block"`
	Created   *int64 `gorm:"column:created_at"`
	Closes    *int64 `gorm:"column:closes_at"`
	Expires   *int64 `gorm:"column:expires_at"`
}

// TableName implements gorm's schema.Tabler.
func (statusListRow) TableName() string { return "status_lists" }

func (r statusListRow) list() authz.StatusList {
	return authz.StatusList{ID: r.ID, CreatedAt: moment(r.Created), ClosesAt: moment(r.Closes), ExpiresAt: moment(r.Expires)}
}

// statusEntryRow is a row of status_entries.
type statusEntryRow struct {
	List    string `gorm:"column:list_id;primaryKey"`
	Index   int    `gorm:"column:idx;primaryKey"`
	Expires *int64 `gorm:"column:expires_at"`
}

// TableName implements gorm's schema.Tabler.
func (statusEntryRow) TableName() string { return "status_entries" }

// liveIndex is a status index in the column grants.live.
type liveIndex struct {
	List    string `json:"list"`
	Index   int    `json:"idx"`
	Expires *int64 `json:"exp"`
}

func marshalLive(live []authz.StatusIndex) (string, error) {
	rows := make([]liveIndex, len(live))
	for i, l := range live {
		rows[i] = liveIndex{List: l.List, Index: l.Index, Expires: micros(l.Expires)}
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return "", fmt.Errorf("writing status indexes: %w", err)
	}
	return string(text), nil
}

// unmarshalLive returns nil for no indexes.
func unmarshalLive(text string) ([]authz.StatusIndex, error) {
	var rows []liveIndex
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, fmt.Errorf("reading status indexes: %w", err)
	}
	var live []authz.StatusIndex
	for _, r := range rows {
		live = append(live, authz.StatusIndex{List: r.List, Index: r.Index, Expires: moment(r.Expires)})
	}
	return live, nil
}

// ReserveStatusBlock implements authz.StatusStore: one UPDATE, and one INSERT
// when no list has a block left.
func (s *Store) ReserveStatusBlock(ctx context.Context, open time.Time, fresh authz.StatusList) (block authz.StatusBlock, err error) {
	err = s.inTx(ctx, func(ctx context.Context) error {
		// Or two nodes that find no open list would both make one.
		if err := s.lockTable(ctx, "status_lists"); err != nil {
			return err
		}
		row, ok, err := s.nextBlock(ctx, open, fresh.ExpiresAt.Sub(fresh.ClosesAt))
		if err != nil || ok {
			block = authz.StatusBlock{List: row.list(), Number: row.NextBlock - 1}
			return err
		}
		row = statusListRow{
			ID: fresh.ID, NextBlock: 1,
			Created: micros(fresh.CreatedAt), Closes: micros(fresh.ClosesAt), Expires: micros(fresh.ExpiresAt),
		}
		if err := s.writer(ctx).Create(&row).Error; err != nil {
			return fmt.Errorf("storing a status list: %w", err)
		}
		block = authz.StatusBlock{List: row.list()}
		return nil
	})
	return block, err
}

// nextBlock takes the next block of a list that is there. The condition on
// next_block stands twice: where transactions run side by side, the one that
// waited for the row compares it again, but does not look for another row.
func (s *Store) nextBlock(ctx context.Context, open time.Time, outlives time.Duration) (row statusListRow, ok bool, err error) {
	var rows []statusListRow
	err = s.writer(ctx).Model(&rows).Clauses(clause.Returning{}).
		Where(`next_block < ? AND id = (SELECT id FROM status_lists
			WHERE closes_at > ? AND expires_at - closes_at >= ? AND next_block < ? ORDER BY created_at, id LIMIT 1)`,
			authz.StatusBlocks, micros(open), outlives.Microseconds(), authz.StatusBlocks).
		Update("next_block", gorm.Expr("next_block + 1")).Error
	if err != nil {
		return row, false, fmt.Errorf("reserving status indexes: %w", err)
	}
	if len(rows) == 0 {
		return row, false, nil
	}
	return rows[0], true, nil
}

// StatusList implements authz.StatusStore.
func (s *Store) StatusList(ctx context.Context, id string) (authz.StatusList, error) {
	var row statusListRow
	err := s.reader(ctx).Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return authz.StatusList{}, authz.ErrNotFound
	}
	if err != nil {
		return authz.StatusList{}, fmt.Errorf("reading a status list: %w", err)
	}
	return row.list(), nil
}

// StatusLists implements authz.StatusStore.
func (s *Store) StatusLists(ctx context.Context, now time.Time) ([]authz.StatusList, error) {
	var rows []statusListRow
	if err := s.reader(ctx).Where("expires_at > ?", micros(now)).Order("created_at, id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the status lists: %w", err)
	}
	all := make([]authz.StatusList, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.list())
	}
	return all, nil
}

// RevokedIndexes implements authz.StatusStore. Index of (list_id, idx) covers it.
func (s *Store) RevokedIndexes(ctx context.Context, list string) ([]int, error) {
	var indexes []int
	err := s.reader(ctx).Model(&statusEntryRow{}).Where("list_id = ?", list).Order("idx").Pluck("idx", &indexes).Error
	if err != nil {
		return nil, fmt.Errorf("reading a status list: %w", err)
	}
	return indexes, nil
}

// markRevoked must run in the transaction that revokes the tokens. A mark that
// is there stays as long as the later of the two says.
func (s *Store) markRevoked(ctx context.Context, indexes []authz.StatusIndex) error {
	if len(indexes) == 0 {
		return nil
	}
	rows := make([]statusEntryRow, len(indexes))
	for i, x := range indexes {
		rows[i] = statusEntryRow{List: x.List, Index: x.Index, Expires: micros(x.Expires)}
	}
	err := s.writer(ctx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "list_id"}, {Name: "idx"}},
		DoUpdates: clause.AssignmentColumns([]string{"expires_at"}),
		Where:     clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "excluded.expires_at > status_entries.expires_at"}}},
	}).Create(&rows).Error
	if err != nil {
		return fmt.Errorf("marking status indexes: %w", err)
	}
	return nil
}
