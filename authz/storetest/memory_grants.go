package storetest

import (
	"context"
	"maps"
	"slices"
	"time"

	"signet/authz"
)

// ExtendGrant implements authz.GrantStore.
func (m *Memory) ExtendGrant(ctx context.Context, seen authz.Grant, s authz.Spend) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	g, ok := m.grants[seen.ID]
	if !ok || g.Generation != seen.Generation || !g.ExpiresAt.Equal(kept(seen.ExpiresAt)) || !slices.Equal(g.Live, keptLive(seen.Live)) || g.Revoked() {
		return authz.ErrConflict
	}
	g.ExpiresAt, g.Live = s.Expires, s.Live
	m.grants[seen.ID] = keptGrant(g)
	return nil
}

// Grants implements authz.GrantFinder.
func (m *Memory) Grants(ctx context.Context, f authz.GrantFilter, after string, limit int) ([]authz.Grant, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	found := []authz.Grant{}
	for _, id := range slices.Sorted(maps.Keys(m.grants)) {
		if g := m.grants[id]; id > after && len(found) < limit && f.Matches(&g) {
			found = append(found, keptGrant(g))
		}
	}
	return found, nil
}

// RevokeGrants implements authz.GrantFinder.
func (m *Memory) RevokeGrants(ctx context.Context, ids []string, at time.Time, reason string) ([]string, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var revoked []string
	for _, id := range ids {
		if m.revokeGrant(id, at, reason) {
			revoked = append(revoked, id)
		}
	}
	return revoked, nil
}
