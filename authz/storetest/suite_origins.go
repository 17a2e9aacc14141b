package storetest

import (
	"errors"
	"testing"

	"signet/clients"
)

// wantOrigins fails unless exactly those of these origins are allowed which
// are said to be.
func wantOrigins(t *testing.T, b Backend, when string, want map[string]bool) {
	t.Helper()
	for origin, allowed := range want {
		got, err := b.OriginAllowed(t.Context(), origin)
		must(t, err)
		if got != allowed {
			t.Errorf("%s: origin %q allowed: %t, want %t", when, origin, got, allowed)
		}
	}
}

// clientOrigins: the index of origins says what the clients say.
func clientOrigins(t *testing.T, b Backend) {
	ctx := t.Context()
	const app, other, local = "https://app.example", "https://other.example", "http://127.0.0.1:5173"
	web := clients.Client{ID: "web", RedirectURIs: []string{app + "/cb", app + "/cb2", "http://127.0.0.1/cb", "com.example:/cb"}, UpdatedAt: utc(1)}
	must(t, b.CreateClient(ctx, web))
	must(t, b.CreateClient(ctx, clients.Client{ID: "twin", RedirectURIs: []string{app + "/cb"}, UpdatedAt: utc(1)}))
	wantOrigins(t, b, "created", map[string]bool{
		app: true, local: true, "http://127.0.0.1": true, other: false,
		"http://127.0.0.1:*": false, "null": false, "": false, app + "/": false, "https://APP.example": false, app + ":443": false, "http://localhost:5173": false,
	})

	change := func(id string, f func(*clients.Client)) {
		t.Helper()
		must(t, b.UpdateClient(ctx, id, func(c *clients.Client) error { f(c); return nil }))
	}
	change("web", func(c *clients.Client) { c.AllowedOrigins = []string{other} })
	wantOrigins(t, b, "with origins of its own", map[string]bool{app: true, local: false, other: true})
	change("web", func(c *clients.Client) { c.Name, c.UpdatedAt = "renamed", utc(2) })
	wantOrigins(t, b, "renamed", map[string]bool{app: true, other: true})
	err := b.UpdateClient(ctx, "web", func(c *clients.Client) error { c.AllowedOrigins = nil; return errors.ErrUnsupported })
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("UpdateClient: %v", err)
	}
	wantOrigins(t, b, "after a change that failed", map[string]bool{other: true, local: false})
	if err := b.CreateClient(ctx, clients.Client{ID: "web", RedirectURIs: []string{"https://thief.example/cb"}}); !errors.Is(err, clients.ErrExists) {
		t.Errorf("CreateClient: %v", err)
	}
	wantOrigins(t, b, "after an id that is taken", map[string]bool{"https://thief.example": false})

	change("web", func(c *clients.Client) { c.Disabled = true })
	wantOrigins(t, b, "disabled", map[string]bool{app: true, other: false})
	change("web", func(c *clients.Client) { c.Disabled = false })
	wantOrigins(t, b, "enabled", map[string]bool{app: true, other: true})
	must(t, b.DeleteClient(ctx, "twin"))
	wantOrigins(t, b, "one of two deleted", map[string]bool{app: false, other: true})
	must(t, b.DeleteClient(ctx, "web"))
	wantOrigins(t, b, "both deleted", map[string]bool{app: false, other: false})
}
