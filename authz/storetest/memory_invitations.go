package storetest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"signet/authz"
	"signet/clients"
)

func keptInvitation(i authz.Invitation) authz.Invitation {
	i.CreatedAt, i.ExpiresAt = kept(i.CreatedAt), kept(i.ExpiresAt)
	return i
}

// CreateInvitation implements authz.InvitationStore.
func (m *Memory) CreateInvitation(ctx context.Context, i authz.Invitation) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, taken := m.invitations[i.ID]; taken {
		return errors.New("storing an invitation: its id is taken")
	}
	if _, taken := m.invitation(i.TokenHash); taken {
		return errors.New("storing an invitation: its token is taken")
	}
	m.invitations[i.ID] = keptInvitation(i)
	return nil
}

// invitation finds an invitation by its token. The caller holds the lock.
func (m *Memory) invitation(tokenHash string) (authz.Invitation, bool) {
	for _, i := range m.invitations {
		if i.TokenHash == tokenHash {
			return i, true
		}
	}
	return authz.Invitation{}, false
}

// Invitations implements authz.InvitationStore.
func (m *Memory) Invitations(ctx context.Context) ([]authz.Invitation, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	all := make([]authz.Invitation, 0, len(m.invitations))
	for _, i := range m.invitations {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b authz.Invitation) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

// InvitationByToken implements authz.InvitationStore.
func (m *Memory) InvitationByToken(ctx context.Context, tokenHash string) (authz.Invitation, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return authz.Invitation{}, err
	}
	defer leave()
	i, ok := m.invitation(tokenHash)
	if !ok {
		return authz.Invitation{}, authz.ErrNotFound
	}
	return i, nil
}

// RevokeInvitation implements authz.InvitationStore.
func (m *Memory) RevokeInvitation(ctx context.Context, id string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, ok := m.invitations[id]; !ok {
		return authz.ErrNotFound
	}
	delete(m.invitations, id)
	return nil
}

// RegisterClient implements authz.InvitationStore.
func (m *Memory) RegisterClient(ctx context.Context, c clients.Client, tokenHash string, now time.Time) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	i, ok := m.invitation(tokenHash)
	if !ok || !i.Live(kept(now)) {
		return authz.ErrConflict
	}
	if _, taken := m.clients[c.ID]; taken {
		return clients.ErrExists
	}
	i.UsesLeft--
	m.invitations[i.ID] = i
	m.clients[c.ID] = keptClient(c)
	return nil
}

// CountUnusedClients implements authz.DynamicClients.
func (m *Memory) CountUnusedClients(ctx context.Context, limit int) (int, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	n := 0
	for _, c := range m.clients {
		if c.Source == clients.SourceDynamic && n < limit && !m.usedSince(c.ID, time.Time{}) && !m.anyGrant(c.ID, func(authz.Grant) bool { return true }) {
			n++
		}
	}
	return n, nil
}

// SweepUnusedClients implements authz.DynamicClients.
func (m *Memory) SweepUnusedClients(ctx context.Context, before time.Time, limit int) ([]string, error) {
	return m.removeClients(ctx, before, before, limit, func(g authz.Grant) bool {
		return !g.Revoked() && (g.ExpiresAt.IsZero() || !g.ExpiresAt.Before(before))
	})
}

// EvictUnusedClients implements authz.DynamicClients.
func (m *Memory) EvictUnusedClients(ctx context.Context, before time.Time, limit int) ([]string, error) {
	return m.removeClients(ctx, before, time.Time{}, limit, func(authz.Grant) bool { return true })
}

// removeClients removes the oldest clients that registered themselves before a
// time, were not used from another on, and have no grant that keeps them.
func (m *Memory) removeClients(ctx context.Context, before, unused time.Time, limit int, keeps func(authz.Grant) bool) ([]string, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var removed []string
	for id, c := range m.clients {
		if c.Source == clients.SourceDynamic && !c.CreatedAt.IsZero() && c.CreatedAt.Before(before) && !m.usedSince(id, unused) && !m.anyGrant(id, keeps) {
			removed = append(removed, id)
		}
	}
	slices.SortFunc(removed, func(a, b string) int { return m.clients[a].CreatedAt.Compare(m.clients[b].CreatedAt) })
	removed = removed[:min(limit, len(removed))]
	for _, id := range removed {
		m.deleteClient(id)
	}
	return removed, nil
}

// usedSince reports whether the client was used at a time or later. The caller
// holds the lock.
func (m *Memory) usedSince(clientID string, since time.Time) bool {
	for key, at := range m.uses {
		if key.clientID == clientID && !at.Before(since) {
			return true
		}
	}
	return false
}

// anyGrant reports whether the client has a grant of this kind. The caller holds
// the lock.
func (m *Memory) anyGrant(clientID string, is func(authz.Grant) bool) bool {
	for _, g := range m.grants {
		if g.ClientID == clientID && is(g) {
			return true
		}
	}
	return false
}
