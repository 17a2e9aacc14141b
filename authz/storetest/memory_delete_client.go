package storetest

import (
	"context"
	"maps"
	"time"

	"signet/authz"
	"signet/clients"
)

// DeleteClient implements clients.Store.
func (m *Memory) DeleteClient(ctx context.Context, id string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, ok := m.clients[id]; !ok {
		return clients.ErrNotFound
	}
	m.deleteClient(id)
	return nil
}

// deleteClient removes a client and what belongs to it. The caller holds the
// lock.
func (m *Memory) deleteClient(id string) {
	delete(m.clients, id)
	maps.DeleteFunc(m.uses, func(k useKey, _ time.Time) bool { return k.clientID == id })
	maps.DeleteFunc(m.reached, func(k reachedKey, _ authz.Reached) bool { return k.clientID == id })
	maps.DeleteFunc(m.deliveries, func(k reachedKey, _ authz.LogoutDelivery) bool { return k.clientID == id })
	maps.DeleteFunc(m.consents, func(k consentKey, _ authz.Consent) bool { return k.clientID == id })
}
