package store

import (
	"context"
	"fmt"
	"time"
)

// swept are the tables whose rows are of no use after their expires_at, with
// the columns of their key. Each has an index on expires_at.
var swept = []struct{ table, key string }{
	{"grants", "id"},
	{"sessions", "id"},
	{"revoked_tokens", "jti"},
	{"status_entries", "list_id, idx"},
	{"status_lists", "id"},
	{"setup_links", "token_hash"},
	{"invitations", "id"},
	{"client_assertions", "id"},
	{"session_clients", "sid, client_id"},
	{"logout_deliveries", "sid, client_id"},
}

// Sweep removes up to limit rows of each table that expired before a time, and
// returns how many those were, by table. A batch of each table is one
// statement, so that writers never wait for more than that; whoever wants all
// of them gone calls it until it removes nothing. Several nodes may do so at
// once.
func (s *Store) Sweep(ctx context.Context, before time.Time, limit int) (removed map[string]int, err error) {
	removed = map[string]int{}
	for _, t := range swept {
		done := s.writer(ctx).Exec(fmt.Sprintf(
			"DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE expires_at < ? ORDER BY expires_at LIMIT ?%[3]s)", t.table, t.key, s.backend.skipLocked),
			before.UnixMicro(), limit)
		if done.Error != nil {
			return removed, fmt.Errorf("removing expired rows of %s: %w", t.table, done.Error)
		}
		if done.RowsAffected > 0 {
			removed[t.table] = int(done.RowsAffected)
		}
	}
	return removed, nil
}
