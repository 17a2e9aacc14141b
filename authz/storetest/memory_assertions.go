package storetest

import (
	"context"
	"time"

	"signet/authz"
)

// UseAssertion implements authz.AssertionStore.
func (m *Memory) UseAssertion(ctx context.Context, id string, expires time.Time) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, used := m.assertions[id]; used {
		return authz.ErrConflict
	}
	m.assertions[id] = kept(expires)
	return nil
}
