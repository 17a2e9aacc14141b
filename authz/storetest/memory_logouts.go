package storetest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"signet/authz"
)

type reachedKey struct{ sid, clientID string }

func keptDelivery(d authz.LogoutDelivery) authz.LogoutDelivery {
	d.NextAt, d.CreatedAt, d.DeliveredAt = kept(d.NextAt), kept(d.CreatedAt), kept(d.DeliveredAt)
	return d
}

// CreateReachingGrant implements authz.LogoutStore.
func (m *Memory) CreateReachingGrant(ctx context.Context, g authz.Grant, r authz.Reached) error {
	if err := m.CreateGrant(ctx, g); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := reachedKey{r.SID, r.ClientID}
	if _, known := m.reached[key]; !known {
		r.ExpiresAt = kept(r.ExpiresAt)
		m.reached[key] = r
	}
	return nil
}

// ReachedClients implements authz.LogoutStore.
func (m *Memory) ReachedClients(ctx context.Context, sessionID string) ([]authz.Reached, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	all := []authz.Reached{}
	for _, r := range m.reached {
		if r.SessionID == sessionID {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b authz.Reached) int {
		return cmp.Or(cmp.Compare(a.ClientID, b.ClientID), cmp.Compare(a.SID, b.SID))
	})
	return all, nil
}

// MoveReached implements authz.LogoutStore.
func (m *Memory) MoveReached(ctx context.Context, from, to string, expires time.Time) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for key, r := range m.reached {
		if r.SessionID == from {
			r.SessionID, r.ExpiresAt = to, kept(expires)
			m.reached[key] = r
		}
	}
	return nil
}

// queueLogouts enqueues the logout tokens of a session that was ended. The caller
// holds the lock.
func (m *Memory) queueLogouts(sessionID string, at time.Time) {
	for key, r := range m.reached {
		if _, queued := m.deliveries[key]; !queued && r.Back && r.SessionID == sessionID {
			m.deliveries[key] = keptDelivery(authz.LogoutDelivery{
				SID: r.SID, ClientID: r.ClientID, Subject: r.Subject, Sub: r.Sub, NextAt: at, CreatedAt: at,
			})
		}
	}
}

// PendingLogouts implements authz.LogoutStore.
func (m *Memory) PendingLogouts(ctx context.Context) (map[string]time.Time, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	due := map[string]time.Time{}
	for _, d := range m.deliveries {
		if first, known := due[d.ClientID]; !d.NextAt.IsZero() && (!known || d.NextAt.Before(first)) {
			due[d.ClientID] = d.NextAt
		}
	}
	return due, nil
}

// ClaimLogouts implements authz.LogoutStore.
func (m *Memory) ClaimLogouts(ctx context.Context, clientID string, now, until time.Time, limit int) ([]authz.LogoutDelivery, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	claimed := []authz.LogoutDelivery{}
	for key, d := range m.deliveries {
		if d.ClientID != clientID || d.NextAt.IsZero() || d.NextAt.After(kept(now)) || len(claimed) == limit {
			continue
		}
		d.Attempts++
		d.NextAt = kept(until)
		m.deliveries[key] = d
		claimed = append(claimed, d)
	}
	return claimed, nil
}

// SettleLogouts implements authz.LogoutStore.
func (m *Memory) SettleLogouts(ctx context.Context, until time.Time, done []authz.LogoutDelivery) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for _, d := range done {
		key := reachedKey{d.SID, d.ClientID}
		stored, ok := m.deliveries[key]
		if !ok || !stored.NextAt.Equal(kept(until)) {
			continue
		}
		stored.Attempts, stored.NextAt, stored.DeliveredAt, stored.Status, stored.Error = d.Attempts, d.NextAt, d.DeliveredAt, d.Status, d.Error
		m.deliveries[key] = keptDelivery(stored)
	}
	return nil
}

// LogoutDeliveries implements authz.LogoutFinder.
func (m *Memory) LogoutDeliveries(ctx context.Context, all bool, limit int) ([]authz.LogoutDelivery, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	found := []authz.LogoutDelivery{}
	for _, d := range m.deliveries {
		if all || d.DeliveredAt.IsZero() {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b authz.LogoutDelivery) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.SID, b.SID), cmp.Compare(a.ClientID, b.ClientID))
	})
	return found[:min(limit, len(found))], nil
}
