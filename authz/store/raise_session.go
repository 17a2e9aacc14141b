package store

import (
	"context"
	"encoding/json"
	"fmt"

	"signet/authz/login"
)

// RaiseSession implements login.StepUpStore: one UPDATE.
func (s *Store) RaiseSession(ctx context.Context, v login.Session, had string) error {
	payload, err := json.Marshal(payloadOf(v))
	if err != nil {
		return fmt.Errorf("raising a session: %w", err)
	}
	done := s.writer(ctx).Model(&sessionRow{}).
		Where("id = ? AND token_hash = ? AND ended_at IS NULL", v.ID, had).
		Updates(map[string]any{"token_hash": v.TokenHash, "payload": string(payload)})
	if done.Error != nil {
		return fmt.Errorf("raising a session: %w", done.Error)
	}
	if done.RowsAffected == 0 {
		return login.ErrNotFound
	}
	return nil
}
