package storetest

import (
	"context"

	"signet/authz/login"
)

// RaiseSession implements login.StepUpStore.
func (m *Memory) RaiseSession(ctx context.Context, s login.Session, had string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	old, ok := m.sessions[s.ID]
	if !ok || old.TokenHash != had || !old.EndedAt.IsZero() {
		return login.ErrNotFound
	}
	old.TokenHash, old.AMR, old.ACR, old.AuthTime = s.TokenHash, s.AMR, s.ACR, s.AuthTime
	m.sessions[s.ID] = keptSession(old)
	return nil
}
