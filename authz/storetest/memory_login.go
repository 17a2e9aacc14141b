package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"signet/authz/login"
)

func keptPerson(p login.Person) login.Person {
	p.Groups, p.Attributes = slices.Clone(p.Groups), p.Attributes.Clone()
	if p.Profile.Address != nil {
		address := *p.Profile.Address
		p.Profile.Address = &address
	}
	p.CreatedAt, p.UpdatedAt = kept(p.CreatedAt), kept(p.UpdatedAt)
	return p
}

// personKeys returns the keys of the person's names.
func personKeys(p login.Person) ([]string, error) {
	var all []string
	for _, name := range []string{p.Username, p.Email} {
		if name == "" {
			continue
		}
		key, err := login.Key(name)
		if err != nil {
			return nil, fmt.Errorf("a name of the person: %w", err)
		}
		all = append(all, key)
	}
	return all, nil
}

// putPerson stores p with its names, or says that one of them is taken. The
// lock must be held.
func (m *Memory) putPerson(p login.Person) error {
	names, err := personKeys(p)
	if err != nil {
		return err
	}
	for _, name := range names {
		if owner, taken := m.names[name]; taken && owner != p.ID {
			return login.ErrTaken
		}
	}
	for name, owner := range m.names {
		if owner == p.ID {
			delete(m.names, name)
		}
	}
	for _, name := range names {
		m.names[name] = p.ID
	}
	m.people[p.ID] = keptPerson(p)
	return nil
}

// CreatePerson implements login.PeopleStore.
func (m *Memory) CreatePerson(ctx context.Context, p login.Person) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return m.addPerson(p)
}

// addPerson must be called with the lock held.
func (m *Memory) addPerson(p login.Person) error {
	if _, taken := m.people[p.ID]; taken {
		return errors.New("storing a person: its id is taken")
	}
	return m.putPerson(p)
}

// UpdatePerson implements login.PeopleStore.
func (m *Memory) UpdatePerson(ctx context.Context, id string, change func(*login.Person) error) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	old, ok := m.people[id]
	if !ok {
		return login.ErrNotFound
	}
	p := keptPerson(old)
	if err := change(&p); err != nil {
		return err
	}
	p.ID, p.CreatedAt = id, old.CreatedAt
	return m.putPerson(p)
}

// Person implements login.PeopleStore.
func (m *Memory) Person(ctx context.Context, id string) (login.Person, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return login.Person{}, err
	}
	defer leave()
	p, ok := m.people[id]
	if !ok {
		return login.Person{}, login.ErrNotFound
	}
	return keptPerson(p), nil
}

// PersonByLogin implements login.PeopleStore.
func (m *Memory) PersonByLogin(ctx context.Context, key string) (login.Person, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return login.Person{}, err
	}
	defer leave()
	id, ok := m.names[key]
	if !ok {
		return login.Person{}, login.ErrNotFound
	}
	return keptPerson(m.people[id]), nil
}

// People implements login.PeopleStore.
func (m *Memory) People(ctx context.Context) ([]login.Person, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	type keyed struct {
		key    string
		person login.Person
	}
	var rows []keyed
	for _, p := range m.people {
		row := keyed{person: keptPerson(p)}
		if p.Username != "" {
			if row.key, err = login.Key(p.Username); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b keyed) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.person.ID, b.person.ID))
	})
	all := make([]login.Person, 0, len(rows))
	for _, row := range rows {
		all = append(all, row.person)
	}
	return all, nil
}

func keptSession(s login.Session) login.Session {
	s.AMR = slices.Clone(s.AMR)
	s.AuthTime, s.CreatedAt = kept(s.AuthTime), kept(s.CreatedAt)
	s.ExpiresAt, s.EndedAt = kept(s.ExpiresAt), kept(s.EndedAt)
	s.LastUsed, s.ExpiresLatest = kept(s.LastUsed), kept(s.ExpiresLatest)
	return s
}

// CreateSession implements login.SessionStore.
func (m *Memory) CreateSession(ctx context.Context, s login.Session) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for _, other := range m.sessions {
		if other.ID == s.ID || other.TokenHash == s.TokenHash {
			return errors.New("storing a session: its id or token is taken")
		}
	}
	m.sessions[s.ID] = keptSession(s)
	return nil
}

// SessionByToken implements login.SessionStore.
func (m *Memory) SessionByToken(ctx context.Context, tokenHash string) (login.Session, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return login.Session{}, err
	}
	defer leave()
	for _, s := range m.sessions {
		if s.TokenHash == tokenHash {
			return keptSession(s), nil
		}
	}
	return login.Session{}, login.ErrNotFound
}

// EndSession implements login.SessionStore.
func (m *Memory) EndSession(ctx context.Context, id string, at time.Time) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if s, ok := m.sessions[id]; ok && s.EndedAt.IsZero() {
		s.EndedAt = at
		m.sessions[id] = keptSession(s)
		m.queueLogouts(id, at)
	}
	return nil
}

// ReplaceSetupLink implements login.SetupStore.
func (m *Memory) ReplaceSetupLink(ctx context.Context, l login.SetupLink) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	l.ExpiresAt = kept(l.ExpiresAt)
	m.links = map[string]login.SetupLink{l.TokenHash: l}
	return nil
}

// SetupLink implements login.SetupStore.
func (m *Memory) SetupLink(ctx context.Context, tokenHash string) (login.SetupLink, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return login.SetupLink{}, err
	}
	defer leave()
	l, ok := m.links[tokenHash]
	if !ok {
		return login.SetupLink{}, login.ErrNotFound
	}
	return l, nil
}

// UseSetupLink implements login.SetupStore.
func (m *Memory) UseSetupLink(ctx context.Context, tokenHash string, p login.Person) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, ok := m.links[tokenHash]; !ok {
		return login.ErrNotFound
	}
	if err := m.addPerson(p); err != nil {
		return err
	}
	delete(m.links, tokenHash)
	return nil
}

// CountPeople implements login.SetupStore.
func (m *Memory) CountPeople(ctx context.Context) (int64, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	return int64(len(m.people)), nil
}
