package store

import (
	"context"
	"fmt"
	"time"

	"signet/authz"
)

// Grants implements authz.GrantFinder. Whatever is filtered by has an index
// that goes on with the id, so that each page is read where the last one ended.
func (s *Store) Grants(ctx context.Context, f authz.GrantFilter, after string, limit int) ([]authz.Grant, error) {
	query := s.reader(ctx).Where("id > ?", after)
	for _, by := range []struct{ where, value string }{
		{"id = ?", f.ID}, {"subject = ?", f.Subject}, {"client_id = ?", f.ClientID}, {"session_id = ?", f.SessionID},
	} {
		if by.value != "" {
			query = query.Where(by.where, by.value)
		}
	}
	if !f.LiveAt.IsZero() {
		query = query.Where("revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", micros(f.LiveAt))
	}
	var rows []grantRow
	if err := query.Order("id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading grants: %w", err)
	}
	all := make([]authz.Grant, 0, len(rows))
	for _, r := range rows {
		g, err := r.grant()
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// RevokeGrants implements authz.GrantFinder: what RevokeGrant does for each
// grant, by its key, so that there is one text for any number of them.
func (s *Store) RevokeGrants(ctx context.Context, ids []string, at time.Time, reason string) ([]string, error) {
	var revoked []string
	err := s.inTx(ctx, func(ctx context.Context) error {
		revoked = nil
		for _, id := range ids {
			live, err := s.revokeGrant(ctx, id, at, reason)
			if err != nil {
				return err
			}
			if live {
				revoked = append(revoked, id)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return revoked, nil
}
