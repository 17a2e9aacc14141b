package storetest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"signet/clients"
	"signet/keys"
)

// keptClient is a copy of c as a database would give it back.
func keptClient(c clients.Client) clients.Client {
	doc, err := json.Marshal(c)
	if err != nil {
		panic(err) // a client that no database could keep
	}
	out := clients.Client{ID: c.ID, Source: c.Source, Disabled: c.Disabled, CreatedAt: kept(c.CreatedAt), UpdatedAt: kept(c.UpdatedAt)}
	if err := json.Unmarshal(doc, &out); err != nil {
		panic(err)
	}
	out.Secrets = slices.Clone(c.Secrets)
	for i, s := range c.Secrets {
		out.Secrets[i].CreatedAt, out.Secrets[i].ExpiresAt = kept(s.CreatedAt), kept(s.ExpiresAt)
	}
	return out
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
func (m *Memory) UpdateClient(ctx context.Context, id string, change func(*clients.Client) error) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	old, ok := m.clients[id]
	if !ok {
		return clients.ErrNotFound
	}
	c := keptClient(old)
	if err := change(&c); err != nil {
		return err
	}
	c.ID, c.CreatedAt = id, old.CreatedAt
	m.clients[id] = keptClient(c)
	return nil
}

// OriginAllowed implements authz.OriginStore.
func (m *Memory) OriginAllowed(ctx context.Context, origin string) (bool, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	for _, c := range m.clients {
		if c.AllowsOrigin(origin) {
			return true, nil
		}
	}
	return false, nil
}

func keptKey(r keys.Record) keys.Record {
	r.PublicJWK, r.Sealed = bytes.Clone(r.PublicJWK), bytes.Clone(r.Sealed)
	r.AnnouncedAt, r.ActiveAt = kept(r.AnnouncedAt), kept(r.ActiveAt)
	r.RetiredAt, r.RemovedAt = kept(r.RetiredAt), kept(r.RemovedAt)
	r.RevokedAt = kept(r.RevokedAt)
	return r
}

// Keys implements keys.Store.
func (m *Memory) Keys(ctx context.Context) ([]keys.Record, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return m.sortedKeys(), nil
}

// sortedKeys copies the keys. The caller holds the lock.
func (m *Memory) sortedKeys() []keys.Record {
	all := make([]keys.Record, 0, len(m.keys))
	for _, r := range m.keys {
		all = append(all, keptKey(r))
	}
	slices.SortFunc(all, func(a, b keys.Record) int {
		return cmp.Or(cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.Generation, b.Generation))
	})
	return all
}

// ChangeKeys implements keys.Store.
func (m *Memory) ChangeKeys(ctx context.Context, change func(all []keys.Record) (changed []keys.Record, err error)) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	changed, err := change(m.sortedKeys())
	if err != nil {
		return err
	}
	// A database takes no write of a request that is gone meanwhile.
	if err := ctx.Err(); err != nil {
		return err
	}
	after := maps.Clone(m.keys)
	for _, r := range changed {
		_, replaces := m.keys[r.KID]
		for _, other := range after {
			same := other.KID == r.KID
			if same && !replaces || !same && other.Algorithm == r.Algorithm && other.Generation == r.Generation {
				return keys.ErrExists
			}
		}
		after[r.KID] = keptKey(r)
	}
	m.keys = after
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
