package store

import (
	"context"
	"fmt"
	"time"
)

// Conditions on clients c. 'dynamic' stands in the text of a statement, and not
// beside it, so that the planner sees that the index clients_dynamic holds all
// that is asked for.
const (
	neverUsed = `c.source = 'dynamic'
		AND NOT EXISTS (SELECT 1 FROM client_uses u WHERE u.client_id = c.id)
		AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.client_id = c.id)`
	unusedSince = `c.source = 'dynamic'
		AND NOT EXISTS (SELECT 1 FROM client_uses u WHERE u.client_id = c.id AND u.used_at >= @before)
		AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.client_id = c.id AND g.revoked_at IS NULL
			AND (g.expires_at IS NULL OR g.expires_at >= @before))`
)

// CountUnusedClients implements authz.DynamicClients.
func (s *Store) CountUnusedClients(ctx context.Context, limit int) (int, error) {
	var n int
	err := s.reader(ctx).Raw(`SELECT COUNT(*) FROM (SELECT 1 FROM clients c WHERE `+neverUsed+` LIMIT ?) AS unused`, limit).Scan(&n).Error
	if err != nil {
		return 0, fmt.Errorf("counting the clients that are not used: %w", err)
	}
	return n, nil
}

// SweepUnusedClients implements authz.DynamicClients.
func (s *Store) SweepUnusedClients(ctx context.Context, before time.Time, limit int) ([]string, error) {
	return s.removeClients(ctx, unusedSince, before, limit)
}

// EvictUnusedClients implements authz.DynamicClients.
func (s *Store) EvictUnusedClients(ctx context.Context, before time.Time, limit int) ([]string, error) {
	return s.removeClients(ctx, neverUsed, before, limit)
}

// removeClients removes the oldest clients that meet a condition and were made
// before a time. The candidates are read first, without a lock. Those that
// still meet the condition go while nobody can add a grant, which takes a
// moment: a client that somebody signs in through just now is spared.
func (s *Store) removeClients(ctx context.Context, condition string, before time.Time, limit int) ([]string, error) {
	parameters := map[string]any{"before": before.UnixMicro(), "limit": limit}
	condition += ` AND c.created_at < @before`
	var candidates []string
	err := s.reader(ctx).Raw(`SELECT c.id FROM clients c WHERE `+condition+` ORDER BY c.created_at LIMIT @limit`, parameters).
		Scan(&candidates).Error
	if err != nil {
		return nil, fmt.Errorf("finding the clients that are not used: %w", err)
	}
	if len(candidates) == 0 {
		return nil, nil
	}
	parameters["ids"] = candidates
	var removed []string
	err = s.inTx(ctx, func(ctx context.Context) error {
		if err := s.lockTable(ctx, "grants"); err != nil {
			return err
		}
		removed = nil
		err := s.writer(ctx).Raw(`DELETE FROM clients AS c WHERE c.id IN @ids AND `+condition+` RETURNING id`, parameters).
			Scan(&removed).Error
		if err != nil {
			return fmt.Errorf("removing the clients that are not used: %w", err)
		}
		if len(removed) == 0 {
			return nil
		}
		return s.deleteBelongings(ctx, removed)
	})
	if err != nil {
		return nil, err
	}
	return removed, nil
}
