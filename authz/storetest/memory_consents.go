package storetest

import (
	"context"
	"slices"
	"strings"

	"signet/authz"
)

// ConsentsOf implements authz.ConsentStore.
func (m *Memory) ConsentsOf(ctx context.Context, subject string) ([]authz.Consent, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	all := []authz.Consent{}
	for key, c := range m.consents {
		if key.subject == subject {
			c.Scopes = slices.Clone(c.Scopes)
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b authz.Consent) int { return strings.Compare(a.ClientID, b.ClientID) })
	return all, nil
}

// ForgetConsent implements authz.ConsentStore.
func (m *Memory) ForgetConsent(ctx context.Context, subject, clientID string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	delete(m.consents, consentKey{subject, clientID})
	return nil
}
