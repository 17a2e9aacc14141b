package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/clients"
	"signet/keys"
)

// Memory is a store for tests: it has the semantics of the real ones, loses
// everything with the process, and is safe for concurrent use.
type Memory struct {
	mu           sync.Mutex
	grants       map[string]authz.Grant
	revoked      map[string]time.Time // when the token expires
	consents     map[consentKey]authz.Consent
	clients      map[string]clients.Client
	uses         map[useKey]time.Time
	people       map[string]login.Person
	names        map[string]string // login.Key → Person.ID
	sessions     map[string]login.Session
	links        map[string]login.SetupLink
	keys         map[string]keys.Record
	fingerprints map[string]string
	lists        map[string]authz.StatusList
	nextBlock    map[string]int               // by list
	marks        map[string]map[int]time.Time // by list: when the tokens expire
	invitations  map[string]authz.Invitation  // by id
	assertions   map[string]time.Time         // when they expire
	reached      map[reachedKey]authz.Reached
	deliveries   map[reachedKey]authz.LogoutDelivery
}

type consentKey struct{ subject, clientID string }

var _ Backend = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		grants:       map[string]authz.Grant{},
		revoked:      map[string]time.Time{},
		consents:     map[consentKey]authz.Consent{},
		clients:      map[string]clients.Client{},
		uses:         map[useKey]time.Time{},
		people:       map[string]login.Person{},
		names:        map[string]string{},
		sessions:     map[string]login.Session{},
		links:        map[string]login.SetupLink{},
		keys:         map[string]keys.Record{},
		fingerprints: map[string]string{},
		lists:        map[string]authz.StatusList{},
		nextBlock:    map[string]int{},
		marks:        map[string]map[int]time.Time{},
		invitations:  map[string]authz.Invitation{},
		assertions:   map[string]time.Time{},
		reached:      map[reachedKey]authz.Reached{},
		deliveries:   map[reachedKey]authz.LogoutDelivery{},
	}
}

// enter takes the lock, or returns the error of a context that is done. The
// returned function gives the lock back.
func (m *Memory) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	return m.mu.Unlock, nil
}

// kept is a time as every store keeps it.
func kept(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

func keptGrant(g authz.Grant) authz.Grant {
	g.Scopes, g.Audiences, g.AMR = slices.Clone(g.Scopes), slices.Clone(g.Audiences), slices.Clone(g.AMR)
	for _, t := range []*time.Time{
		&g.AuthTime, &g.CodeExpiresAt, &g.RedeemedAt, &g.RotatedAt, &g.CreatedAt, &g.ExpiresAt, &g.RevokedAt,
	} {
		*t = kept(*t)
	}
	g.Live = keptLive(g.Live)
	return g
}

// CreateGrant implements authz.GrantStore.
func (m *Memory) CreateGrant(ctx context.Context, g authz.Grant) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, taken := m.grants[g.ID]; taken {
		return errors.New("storing a grant: its id is taken")
	}
	m.grants[g.ID] = keptGrant(g)
	return nil
}

// Grant implements authz.GrantStore.
func (m *Memory) Grant(ctx context.Context, id string) (authz.Grant, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return authz.Grant{}, err
	}
	defer leave()
	g, ok := m.grants[id]
	if !ok {
		return authz.Grant{}, authz.ErrNotFound
	}
	return keptGrant(g), nil
}

// RedeemCode implements authz.GrantStore.
func (m *Memory) RedeemCode(ctx context.Context, id string, s authz.Spend) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	g, ok := m.grants[id]
	if !ok || !g.RedeemedAt.IsZero() || g.Revoked() {
		return authz.ErrConflict
	}
	g.RedeemedAt, g.RotatedAt, g.Generation, g.ExpiresAt, g.Live = s.At, s.At, s.Generation, s.Expires, s.Live
	m.grants[id] = keptGrant(g)
	return nil
}

// Rotate implements authz.GrantStore.
func (m *Memory) Rotate(ctx context.Context, id string, current int, s authz.Spend) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	g, ok := m.grants[id]
	if !ok || g.Generation != current || g.Revoked() {
		return authz.ErrConflict
	}
	g.Generation, g.RotatedAt, g.ExpiresAt, g.Live = s.Generation, s.At, s.Expires, s.Live
	m.grants[id] = keptGrant(g)
	return nil
}

// RevokeGrant implements authz.GrantStore.
func (m *Memory) RevokeGrant(ctx context.Context, id string, at time.Time, reason string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	m.revokeGrant(id, at, reason)
	return nil
}

// revokeGrant revokes a grant, and reports whether it was alive. The caller
// holds the lock.
func (m *Memory) revokeGrant(id string, at time.Time, reason string) (alive bool) {
	g, ok := m.grants[id]
	if !ok || g.Revoked() {
		return false
	}
	g.RevokedAt, g.RevokedReason = at, reason
	m.grants[id] = keptGrant(g)
	for _, i := range g.Live {
		if at.Before(i.Expires) {
			m.mark(i)
		}
	}
	return true
}

// RevokeToken implements authz.TokenStore.
func (m *Memory) RevokeToken(ctx context.Context, jti string, index authz.StatusIndex, expires time.Time) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, twice := m.revoked[jti]; !twice {
		m.revoked[jti] = kept(expires)
	}
	if index.List != "" {
		m.mark(index)
	}
	return nil
}

// TokenRevoked implements authz.TokenStore.
func (m *Memory) TokenRevoked(ctx context.Context, jti string) (bool, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	_, revoked := m.revoked[jti]
	return revoked, nil
}

// ConsentedScopes implements authz.ConsentStore.
func (m *Memory) ConsentedScopes(ctx context.Context, subject, clientID string) ([]string, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return slices.Clone(m.consents[consentKey{subject, clientID}].Scopes), nil
}

// SaveConsent implements authz.ConsentStore.
func (m *Memory) SaveConsent(ctx context.Context, subject, clientID string, scopes []string, at time.Time) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	m.consents[consentKey{subject, clientID}] = authz.Consent{ClientID: clientID, Scopes: slices.Clone(scopes), At: kept(at)}
	return nil
}
