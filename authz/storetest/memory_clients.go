package storetest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"signet/clients"
	"signet/keys"
)

func keptClient(c clients.Client) clients.Client {
	c.Secrets = slices.Clone(c.Secrets)
	for i, s := range c.Secrets {
		c.Secrets[i].CreatedAt, c.Secrets[i].ExpiresAt = kept(s.CreatedAt), kept(s.ExpiresAt)
	}
	for _, list := range []*[]string{
		&c.RedirectURIs, &c.PostLogoutRedirectURIs, &c.GrantTypes, &c.Scopes, &c.Audiences,
	} {
		*list = slices.Clone(*list)
	}
	if c.RequirePKCE != nil {
		require := *c.RequirePKCE
		c.RequirePKCE = &require
	}
	c.CreatedAt, c.UpdatedAt = kept(c.CreatedAt), kept(c.UpdatedAt)
	return c
}

// Client implements clients.Store.
func (m *Memory) Client(ctx context.Context, id string) (clients.Client, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return clients.Client{}, err
	}
	defer leave()
	c, ok := m.clients[id]
	if !ok {
		return clients.Client{}, clients.ErrNotFound
	}
	return keptClient(c), nil
}

// Clients implements clients.Store.
func (m *Memory) Clients(ctx context.Context) ([]clients.Client, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	all := make([]clients.Client, 0, len(m.clients))
	for _, id := range slices.Sorted(maps.Keys(m.clients)) {
		all = append(all, keptClient(m.clients[id]))
	}
	return all, nil
}

// CreateClient implements clients.Store.
func (m *Memory) CreateClient(ctx context.Context, c clients.Client) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, taken := m.clients[c.ID]; taken {
		return clients.ErrExists
	}
	m.clients[c.ID] = keptClient(c)
	return nil
}

// UpdateClient implements clients.Store.
func (m *Memory) UpdateClient(ctx context.Context, c clients.Client) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	old, ok := m.clients[c.ID]
	if !ok {
		return clients.ErrNotFound
	}
	c.CreatedAt = old.CreatedAt
	m.clients[c.ID] = keptClient(c)
	return nil
}

func keptKey(r keys.Record) keys.Record {
	r.PublicJWK, r.Sealed = bytes.Clone(r.PublicJWK), bytes.Clone(r.Sealed)
	r.AnnouncedAt, r.ActiveAt = kept(r.AnnouncedAt), kept(r.ActiveAt)
	r.RetiredAt, r.RemovedAt = kept(r.RetiredAt), kept(r.RemovedAt)
	return r
}

// Keys implements keys.Store.
func (m *Memory) Keys(ctx context.Context) ([]keys.Record, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	all := make([]keys.Record, 0, len(m.keys))
	for _, r := range m.keys {
		all = append(all, keptKey(r))
	}
	slices.SortFunc(all, func(a, b keys.Record) int {
		return cmp.Or(cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.Generation, b.Generation))
	})
	return all, nil
}

// InsertKey implements keys.Store.
func (m *Memory) InsertKey(ctx context.Context, next keys.Record, prev *keys.Record) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for _, r := range m.keys {
		if r.KID == next.KID || r.Algorithm == next.Algorithm && r.Generation == next.Generation {
			return keys.ErrExists
		}
	}
	if prev != nil {
		old, ok := m.keys[prev.KID]
		if !ok {
			return fmt.Errorf("retiring signing key %s: there is no such key", prev.KID)
		}
		old.RetiredAt, old.RemovedAt = prev.RetiredAt, prev.RemovedAt
		m.keys[prev.KID] = keptKey(old)
	}
	m.keys[next.KID] = keptKey(next)
	return nil
}

// Fingerprint implements Fingerprints.
func (m *Memory) Fingerprint(ctx context.Context, name string, value []byte) (bool, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	if _, known := m.fingerprints[name]; !known {
		m.fingerprints[name] = string(value)
	}
	return m.fingerprints[name] == string(value), nil
}
