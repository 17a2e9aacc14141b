package storetest

import (
	"context"
	"time"

	"signet/authz"
)

// Sweep implements Sweeper.
func (m *Memory) Sweep(ctx context.Context, before time.Time, limit int) (map[string]int, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	removed := map[string]int{}
	expired := func(table string, at time.Time) bool {
		if at.IsZero() || !at.Before(before) || removed[table] == limit {
			return false
		}
		removed[table]++
		return true
	}
	for id, g := range m.grants {
		if expired("grants", g.ExpiresAt) {
			delete(m.grants, id)
		}
	}
	for id, s := range m.sessions {
		if expired("sessions", s.ExpiresAt) {
			delete(m.sessions, id)
		}
	}
	for jti, at := range m.revoked {
		if expired("revoked_tokens", at) {
			delete(m.revoked, jti)
		}
	}
	for list, marks := range m.marks {
		for index, at := range marks {
			if expired("status_entries", at) {
				delete(marks, index)
			}
		}
		if len(marks) == 0 {
			delete(m.marks, list)
		}
	}
	for id, l := range m.lists {
		if expired("status_lists", l.ExpiresAt) {
			delete(m.lists, id)
			delete(m.nextBlock, id)
		}
	}
	for hash, l := range m.links {
		if expired("setup_links", l.ExpiresAt) {
			delete(m.links, hash)
		}
	}
	for id, i := range m.invitations {
		if expired("invitations", i.ExpiresAt) {
			delete(m.invitations, id)
		}
	}
	for id, at := range m.assertions {
		if expired("client_assertions", at) {
			delete(m.assertions, id)
		}
	}
	for key, r := range m.reached {
		if expired("session_clients", r.ExpiresAt) {
			delete(m.reached, key)
		}
	}
	for key, d := range m.deliveries {
		if expired("logout_deliveries", d.CreatedAt.Add(authz.LogoutRetention)) {
			delete(m.deliveries, key)
		}
	}
	return removed, nil
}
