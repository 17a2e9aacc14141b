package login

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// memory is a store for these tests. err, when set, is what every call fails
// with.
type memory struct {
	mu       sync.Mutex
	people   map[string]Person
	sessions map[string]Session
	links    map[string]SetupLink
	// touches counts the statements of TouchSession.
	touches int
	err     error
}

func (m *memory) lock() func() { m.mu.Lock(); return m.mu.Unlock }

func (m *memory) taken(p Person) bool {
	keys := loginKeys(p)
	for _, other := range m.people {
		for key := range loginKeys(other) {
			if other.ID != p.ID && keys[key] {
				return true
			}
		}
	}
	return false
}

func loginKeys(p Person) map[string]bool {
	keys := make(map[string]bool)
	for _, name := range []string{p.Username, p.Email} {
		if key, err := Key(name); err == nil {
			keys[key] = true
		}
	}
	return keys
}

func (m *memory) CreatePerson(_ context.Context, p Person) error {
	defer m.lock()()
	if m.err != nil {
		return m.err
	}
	if m.taken(p) {
		return ErrTaken
	}
	m.people[p.ID] = p
	return nil
}

func (m *memory) UpdatePerson(_ context.Context, id string, change func(*Person) error) error {
	defer m.lock()()
	if m.err != nil {
		return m.err
	}
	p, ok := m.people[id]
	if !ok {
		return ErrNotFound
	}
	if err := change(&p); err != nil {
		return err
	}
	if m.taken(p) {
		return ErrTaken
	}
	m.people[p.ID] = p
	return nil
}

func (m *memory) Person(_ context.Context, id string) (Person, error) {
	defer m.lock()()
	p, ok := m.people[id]
	if m.err == nil && !ok {
		return p, ErrNotFound
	}
	return p, m.err
}

func (m *memory) PersonByLogin(_ context.Context, key string) (Person, error) {
	defer m.lock()()
	for _, p := range m.people {
		if m.err == nil && loginKeys(p)[key] {
			return p, nil
		}
	}
	if m.err != nil {
		return Person{}, m.err
	}
	return Person{}, ErrNotFound
}

func (m *memory) People(context.Context) ([]Person, error) {
	defer m.lock()()
	var all []Person
	for _, p := range m.people {
		all = append(all, p)
	}
	return all, m.err
}

func (m *memory) CreateSession(_ context.Context, s Session) error {
	defer m.lock()()
	if m.err == nil {
		m.sessions[s.TokenHash] = s
	}
	return m.err
}

func (m *memory) SessionByToken(_ context.Context, hash string) (Session, error) {
	defer m.lock()()
	s, ok := m.sessions[hash]
	if m.err == nil && !ok {
		return s, ErrNotFound
	}
	return s, m.err
}

func (m *memory) EndSession(_ context.Context, id string, at time.Time) error {
	defer m.lock()()
	for hash, s := range m.sessions {
		if s.ID == id && s.EndedAt.IsZero() {
			s.EndedAt = at
			m.sessions[hash] = s
		}
	}
	return m.err
}

func (m *memory) TouchSession(_ context.Context, seen Session, at, expires time.Time) error {
	defer m.lock()()
	m.touches++
	s, ok := m.sessions[seen.TokenHash]
	if m.err == nil && ok && s.EndedAt.IsZero() && s.LastUsed.Equal(seen.LastUsed) {
		s.LastUsed, s.ExpiresAt = at, expires
		m.sessions[seen.TokenHash] = s
	}
	return m.err
}

func (m *memory) LatestSessions(_ context.Context, f SessionFilter, limit int) ([]Session, error) {
	defer m.lock()()
	var all []Session
	for _, s := range m.sessions {
		if f.Matches(&s) && len(all) < limit {
			all = append(all, s)
		}
	}
	return all, m.err
}

func (m *memory) EndSessions(_ context.Context, f SessionFilter, at time.Time) ([]Session, error) {
	defer m.lock()()
	if f.Subject == "" {
		return nil, ErrNoFilter
	}
	f.LiveAt = at
	var ended []Session
	for hash, s := range m.sessions {
		if f.Matches(&s) && m.err == nil {
			s.EndedAt = at
			m.sessions[hash] = s
			ended = append(ended, s)
		}
	}
	return ended, m.err
}

func (m *memory) ReplaceSetupLink(_ context.Context, l SetupLink) error {
	defer m.lock()()
	if m.err == nil {
		m.links = map[string]SetupLink{l.TokenHash: l}
	}
	return m.err
}

func (m *memory) SetupLink(_ context.Context, hash string) (SetupLink, error) {
	defer m.lock()()
	l, ok := m.links[hash]
	if m.err == nil && !ok {
		return l, ErrNotFound
	}
	return l, m.err
}

func (m *memory) UseSetupLink(_ context.Context, hash string, p Person) error {
	defer m.lock()()
	if m.err != nil {
		return m.err
	}
	if _, ok := m.links[hash]; !ok {
		return ErrNotFound
	}
	if m.taken(p) {
		return ErrTaken
	}
	delete(m.links, hash)
	m.people[p.ID] = p
	return nil
}

func (m *memory) CountPeople(context.Context) (int64, error) {
	defer m.lock()()
	return int64(len(m.people)), m.err
}

// clock is a clock that tests move.
type clock struct{ ns atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

// cheap keeps the tests fast; the work it stands for is counted, not timed.
var cheap = Argon2Params{MemoryKiB: 8, Iterations: 1, Parallelism: 1}

// bench is a Service on memory, with a clock to move.
type bench struct {
	*Service
	store *memory
	clock *clock
}

func newBench(t testing.TB) bench {
	t.Helper()
	b := bench{
		store: &memory{people: map[string]Person{}, sessions: map[string]Session{}, links: map[string]SetupLink{}},
		clock: &clock{},
	}
	b.clock.ns.Store(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC).UnixNano())
	var err error
	b.Service, err = New(Config{People: b.store, Sessions: b.store, Setup: b.store, Argon2: cheap, HashConcurrency: 2, Now: b.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// add creates a person or ends the test.
func (b bench) add(t testing.TB, p NewPerson) Person {
	t.Helper()
	person, err := b.CreatePerson(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return person
}

// countWork records the cost and the length of every hash from now on.
func (b bench) countWork() func() []phcWork {
	var mu sync.Mutex
	var work []phcWork
	derive := b.hasher.derive
	b.hasher.derive = func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte {
		mu.Lock()
		defer mu.Unlock()
		work = append(work, phcWork{Argon2Params{memory, time, threads}, len(salt), keyLen})
		return derive(password, salt, time, memory, threads, keyLen)
	}
	return func() []phcWork {
		mu.Lock()
		defer mu.Unlock()
		done := work
		work = nil
		return done
	}
}

// phcWork is what one hash cost.
type phcWork struct {
	params Argon2Params
	salt   int
	key    uint32
}
