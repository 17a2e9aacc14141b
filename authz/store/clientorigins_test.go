package store_test

import (
	"testing"

	"signet/clients"
)

// Clients from before the index of origins are in it after the upgrade, and so
// are those that the release before makes and changes beside this one.
func TestOriginsOfClientsFromBefore(t *testing.T) {
	const insert = "INSERT INTO clients (id, source, disabled, created_at, updated_at, payload) VALUES "
	path := newFile(t)
	migrateTo(t, path, 4)
	execSQL(t, path, insert+`('web', 'cli', false, 1, 1, '{"redirect_uris": ["https://app.example/cb", "http://127.0.0.1/cb"]}')`)
	execSQL(t, path, insert+`('off', 'cli', true, 1, 1, '{"redirect_uris": ["https://off.example/cb"]}')`)
	execSQL(t, path, insert+`('job', 'cli', false, 1, 1, '{"redirect_uris": null}')`)
	want := func(when string, origins map[string]bool) {
		t.Helper()
		s := open(t, path)
		for origin, allowed := range origins {
			if got, err := s.OriginAllowed(t.Context(), origin); err != nil || got != allowed {
				t.Errorf("%s: %s: %t, %v", when, origin, got, err)
			}
		}
	}
	want("after the upgrade", map[string]bool{"https://app.example": true, "http://127.0.0.1:9": true, "https://off.example": false})
	execSQL(t, path, insert+`('late', 'cli', false, 2, 2, '{"redirect_uris": ["https://late.example/cb"]}')`)
	execSQL(t, path, `UPDATE clients SET updated_at = 3, payload = '{"redirect_uris": ["https://moved.example/cb"]}' WHERE id = 'web'`)
	// A change by this release mends what the other left behind.
	s := open(t, path)
	execSQL(t, path, `UPDATE clients SET updated_at = 4, payload = '{"redirect_uris": ["https://again.example/cb"]}' WHERE id = 'web'`)
	if err := s.UpdateClient(t.Context(), "web", func(c *clients.Client) error { c.Name = "named"; return nil }); err != nil {
		t.Fatal(err)
	}
	want("beside the release before", map[string]bool{
		"https://app.example": false, "https://moved.example": false, "https://again.example": true, "https://late.example": true, "http://127.0.0.1:9": false,
	})
}
