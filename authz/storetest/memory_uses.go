package storetest

import (
	"context"

	"signet/clients"
)

type useKey struct{ clientID, credential string }

// ClientUses implements clients.UseStore.
func (m *Memory) ClientUses(ctx context.Context, clientID string) ([]clients.Use, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var uses []clients.Use
	for key, at := range m.uses {
		if clientID == "" || clientID == key.clientID {
			uses = append(uses, clients.Use{ClientID: key.clientID, Credential: key.credential, At: at})
		}
	}
	clients.SortUses(uses)
	return uses, nil
}

// SaveClientUses implements clients.UseStore.
func (m *Memory) SaveClientUses(ctx context.Context, uses []clients.Use) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for _, u := range uses {
		key := useKey{u.ClientID, u.Credential}
		_, there := m.clients[u.ClientID]
		if old, used := m.uses[key]; there && (!used || kept(u.At).Sub(old) >= clients.UseResolution) {
			m.uses[key] = kept(u.At)
		}
	}
	return nil
}
