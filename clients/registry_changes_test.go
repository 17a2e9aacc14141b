package clients

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// mapStore keeps clients in a map, as a database would: what change
// returns an error for is not stored.
type mapStore map[string]Client

func (m mapStore) Client(_ context.Context, id string) (Client, error) {
	c, ok := m[id]
	if !ok {
		return Client{}, ErrNotFound
	}
	return c, nil
}

func (m mapStore) Clients(context.Context) ([]Client, error) { return nil, nil }

func (m mapStore) CreateClient(_ context.Context, c Client) error {
	if _, taken := m[c.ID]; taken {
		return ErrExists
	}
	m[c.ID] = c
	return nil
}

func (m mapStore) UpdateClient(_ context.Context, id string, change func(*Client) error) error {
	c, ok := m[id]
	if !ok {
		return ErrNotFound
	}
	c.Secrets = slices.Clone(c.Secrets)
	if err := change(&c); err != nil {
		return err
	}
	m[id] = c
	return nil
}

func (m mapStore) DeleteClient(_ context.Context, id string) error {
	if _, ok := m[id]; !ok {
		return ErrNotFound
	}
	delete(m, id)
	return nil
}

// newTestRegistry is a Registry on an empty store, at a clock that is moved.
func newTestRegistry() (*Registry, mapStore, *time.Time) {
	st, now := mapStore{}, noon
	return NewRegistry(RegistryConfig{Store: st, Now: func() time.Time { return now }}), st, &now
}

func TestRegistryMakesASecretOnlyForThoseWhoUseOne(t *testing.T) {
	r, st, _ := newTestRegistry()
	for method, secret := range map[string]bool{
		AuthMethodAny: true, AuthMethodBasic: true, AuthMethodPost: true, AuthMethodNone: false,
	} {
		c := Client{TokenEndpointAuthMethod: method, RedirectURIs: []string{"https://app.example.com/cb"}}
		made, err := r.Create(t.Context(), c, nil)
		if err != nil {
			t.Fatalf("%q: %v", method, err)
		}
		stored := st[made.Client.ID]
		if (made.Secret != "") != secret || (len(stored.Secrets) == 1) != secret || (secret && !stored.CheckSecret(made.Secret, noon)) {
			t.Errorf("%q: secret %q, %d stored", method, made.Secret, len(stored.Secrets))
		}
		if stored.Name != stored.ID || !stored.GrantAllowed(GrantAuthorizationCode) || !stored.CreatedAt.Equal(noon) {
			t.Errorf("%q: not filled in: %+v", method, stored)
		}
	}
	given := "a secret of the operator's own"
	if _, err := r.Create(t.Context(), Client{TokenEndpointAuthMethod: AuthMethodNone, RedirectURIs: []string{"https://app.example.com/cb"}}, &given); err == nil {
		t.Error("a public client was given a secret")
	}
}

func TestRegistryKeepsThePolicyOfAClientThatIsMadeConfidential(t *testing.T) {
	r, st, _ := newTestRegistry()
	made, err := r.Create(t.Context(), Client{ID: "app", TokenEndpointAuthMethod: AuthMethodNone, RedirectURIs: []string{"https://app.example.com/cb"}}, nil)
	if err != nil || made.Secret != "" {
		t.Fatal(made.Secret, err)
	}
	changed, err := r.Update(t.Context(), "app", nil, func(c *Client) error {
		return c.Patch([]byte(`{"token_endpoint_auth_method": "client_secret_basic"}`), Operator)
	})
	if err != nil || changed.Secret == "" {
		t.Fatal(changed.Secret, err)
	}
	if c := st["app"]; c.RequirePKCE == nil || !*c.RequirePKCE || !c.CheckSecret(changed.Secret, noon) {
		t.Errorf("PKCE was lost on the way: %+v", c)
	}
	// And back: no secret is left that works.
	if _, err := r.Update(t.Context(), "app", nil, func(c *Client) error {
		return c.Patch([]byte(`{"token_endpoint_auth_method": "none"}`), Operator)
	}); err != nil || len(st["app"].Secrets) != 0 {
		t.Errorf("%v, %d secrets", err, len(st["app"].Secrets))
	}
}

func TestRegistryLosesNothingOnARefusal(t *testing.T) {
	r, st, _ := newTestRegistry()
	if _, err := r.Create(t.Context(), Client{ID: "app", RedirectURIs: []string{"https://app.example.com/cb"}, Audiences: []string{"https://api.example.com"}}, nil); err != nil {
		t.Fatal(err)
	}
	before := st["app"]
	for doc, field := range map[string]string{
		`{"client_name": "New", "redirect_uris": ["https://app.example.com/cb#x"]}`: "redirect_uris",
		`{"client_name": "New", "no_such_field": 1}`:                                "no_such_field",
		`{"client_name": 5}`:                             "client_name",
		`{"client_name": "New", "client_name": "Newer"}`: "client_name",
	} {
		_, err := r.Update(t.Context(), "app", nil, func(c *Client) error { return c.Patch([]byte(doc), Operator) })
		var fe *FieldError
		if !errors.As(err, &fe) || fe.Field != field {
			t.Errorf("%s: %v", doc, err)
		}
		if !same(before, st["app"]) {
			t.Errorf("%s: something was stored", doc)
		}
	}
	if _, err := r.Create(t.Context(), Client{ID: "app", RedirectURIs: []string{"https://other.example.com/cb"}}, nil); !errors.Is(err, ErrExists) || !same(before, st["app"]) {
		t.Errorf("a second client of the same id: %v", err)
	}
}

func TestRegistryLeavesDeclaredClientsAlone(t *testing.T) {
	r, st, _ := newTestRegistry()
	st["app"] = Client{ID: "app", Source: SourceConfig, TokenEndpointAuthMethod: AuthMethodNone}
	_, err := r.Update(t.Context(), "app", nil, func(c *Client) error { c.Name = "changed"; return nil })
	if _, rotated := r.RotateSecret(t.Context(), "app", nil, 0); !errors.Is(err, ErrDeclared) || !errors.Is(rotated, ErrDeclared) || st["app"].Name != "" {
		t.Error(err, rotated)
	}
}

func TestTwoSecretsLiveAtMost(t *testing.T) {
	r, st, now := newTestRegistry()
	first, err := r.Create(t.Context(), Client{ID: "app", RedirectURIs: []string{"https://app.example.com/cb"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rotate := func(overlap time.Duration) string {
		t.Helper()
		*now = now.Add(time.Minute)
		out, err := r.RotateSecret(t.Context(), "app", nil, overlap)
		if err != nil || len(out.Client.Secrets) > 2 {
			t.Fatal(len(out.Client.Secrets), err)
		}
		return out.Secret
	}
	works := func(secret string, at time.Time) bool { c := st["app"]; return c.CheckSecret(secret, at) }
	second := rotate(time.Hour)
	if !works(first.Secret, *now) || !works(second, *now) || works(first.Secret, now.Add(time.Hour)) || !works(second, now.Add(time.Hour)) {
		t.Error("the overlap is not an hour")
	}
	third := rotate(time.Hour)
	if works(first.Secret, *now) || !works(second, *now) || !works(third, *now) {
		t.Error("rotating twice has to end the first secret")
	}
	fourth := rotate(0)
	if works(second, *now) || works(third, *now) || !works(fourth, *now) {
		t.Error("without an overlap, only the new secret works")
	}
	if _, err := r.Update(t.Context(), "app", nil, func(c *Client) error { c.TokenEndpointAuthMethod = AuthMethodNone; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := r.RotateSecret(t.Context(), "app", nil, 0); !errors.Is(err, ErrPublic) {
		t.Errorf("a public client: %v", err)
	}
}
