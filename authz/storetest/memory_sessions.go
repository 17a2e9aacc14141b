package storetest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"signet/authz/login"
)

// TouchSession implements login.SessionStore.
func (m *Memory) TouchSession(ctx context.Context, seen login.Session, at, expires time.Time) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	s, ok := m.sessions[seen.ID]
	if ok && s.EndedAt.IsZero() && s.LastUsed.Equal(kept(seen.LastUsed)) {
		s.LastUsed, s.ExpiresAt = at, expires
		m.sessions[seen.ID] = keptSession(s)
	}
	return nil
}

// LatestSessions implements login.SessionStore.
func (m *Memory) LatestSessions(ctx context.Context, f login.SessionFilter, limit int) ([]login.Session, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	all := []login.Session{}
	for _, s := range m.sessions {
		if f.Matches(&s) {
			all = append(all, keptSession(s))
		}
	}
	slices.SortFunc(all, func(a, b login.Session) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return all[:min(limit, len(all))], nil
}

// EndSessions implements login.SessionStore.
func (m *Memory) EndSessions(ctx context.Context, f login.SessionFilter, at time.Time) ([]login.Session, error) {
	if f.Subject == "" {
		return nil, login.ErrNoFilter
	}
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	f.LiveAt = at
	ended := []login.Session{}
	for id, s := range m.sessions {
		if f.Matches(&s) {
			s.EndedAt = at
			m.sessions[id] = keptSession(s)
			m.queueLogouts(id, at)
			ended = append(ended, keptSession(s))
		}
	}
	return ended, nil
}
