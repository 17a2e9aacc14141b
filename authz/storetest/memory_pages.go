package storetest

import (
	"context"
	"maps"
	"slices"

	"signet/authz/login"
	"signet/clients"
)

// pageOf returns the first limit rows that match, by id, after the one given.
func pageOf[Row any](rows map[string]Row, after string, limit int, match func(Row) bool, keep func(Row) Row) []Row {
	all := []Row{}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		if id > after && match(rows[id]) && len(all) < limit {
			all = append(all, keep(rows[id]))
		}
	}
	return all
}

// ClientsPage implements clients.Pager.
func (m *Memory) ClientsPage(ctx context.Context, after string, limit int) ([]clients.Client, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return pageOf(m.clients, after, limit, func(clients.Client) bool { return true }, keptClient), nil
}

// ClientsOf implements clients.Pager.
func (m *Memory) ClientsOf(ctx context.Context, source clients.Source) ([]clients.Client, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return pageOf(m.clients, "", len(m.clients), func(c clients.Client) bool { return c.Source == source }, keptClient), nil
}

// PeoplePage implements login.Directory.
func (m *Memory) PeoplePage(ctx context.Context, after string, limit int) ([]login.Person, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return pageOf(m.people, after, limit, func(login.Person) bool { return true }, keptPerson), nil
}

// SessionsPage implements login.Directory.
func (m *Memory) SessionsPage(ctx context.Context, f login.SessionFilter, after string, limit int) ([]login.Session, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return pageOf(m.sessions, after, limit, func(v login.Session) bool { return f.Matches(&v) }, keptSession), nil
}

// SessionByID implements login.Directory.
func (m *Memory) SessionByID(ctx context.Context, id string) (login.Session, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return login.Session{}, err
	}
	defer leave()
	s, ok := m.sessions[id]
	if !ok {
		return login.Session{}, login.ErrNotFound
	}
	return keptSession(s), nil
}
