package store

import (
	"context"
	"fmt"

	"signet/clients"
)

// belongings are the tables with what belongs to a client and goes with it.
// Grants stay until they expire: what is left of them may still be revoked.
var belongings = []string{"client_uses", "client_origins", "consents", "session_clients", "logout_deliveries"}

// DeleteClient implements clients.Store.
func (s *Store) DeleteClient(ctx context.Context, id string) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		// Read first: an id that no row can hold is not found, rather than a failure.
		if _, err := oneClient(s.forUpdate(ctx).Where("id = ?", id)); err != nil {
			return err
		}
		done := s.writer(ctx).Where("id = ?", id).Delete(&clientRow{})
		if done.Error != nil {
			return fmt.Errorf("deleting a client: %w", done.Error)
		}
		if done.RowsAffected == 0 {
			return clients.ErrNotFound
		}
		return s.deleteBelongings(ctx, []string{id})
	})
}

// deleteBelongings removes what belongs to clients that were deleted.
func (s *Store) deleteBelongings(ctx context.Context, ids []string) error {
	for _, table := range belongings {
		if err := s.writer(ctx).Exec("DELETE FROM "+table+" WHERE client_id IN ?", ids).Error; err != nil {
			return fmt.Errorf("deleting the %s of a client: %w", table, err)
		}
	}
	return nil
}
