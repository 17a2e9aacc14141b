package authz_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/storetest"
	"signet/clients"
	"signet/keys"
)

var errDisk = errors.New("disk I/O error")

// failing is a database whose grants and revocations cannot be reached.
type failing struct {
	*storetest.Memory
	down bool
}

func (f *failing) Grant(ctx context.Context, id string) (authz.Grant, error) {
	if f.down {
		return authz.Grant{}, errDisk
	}
	return f.Memory.Grant(ctx, id)
}

func (f *failing) RevokeToken(ctx context.Context, jti string, index authz.StatusIndex, expires time.Time) error {
	if f.down {
		return errDisk
	}
	return f.Memory.RevokeToken(ctx, jti, index, expires)
}

func (f *failing) TokenRevoked(ctx context.Context, jti string) (bool, error) {
	if f.down {
		return false, errDisk
	}
	return f.Memory.TokenRevoked(ctx, jti)
}

// newFailing is a provider on memory, with one client, "job".
func newFailing(t *testing.T) (*failing, *authz.Provider) {
	t.Helper()
	db := &failing{Memory: storetest.NewMemory()}
	secret, err := clients.HashSecret(nil, strings.Repeat("s", 40), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.CreateClient(t.Context(), clients.Client{
		ID: "job", Secrets: []clients.Secret{secret}, GrantTypes: []string{clients.GrantClientCredentials}, Source: clients.SourceCLI,
	}); err != nil {
		t.Fatal(err)
	}
	ring, err := keys.Open(t.Context(), keys.Config{
		Store: db, SealingKey: bytes.Repeat([]byte{1}, 32),
		Schedule: keys.NewSchedule(keys.ScheduleOptions{RotateEvery: 24 * time.Hour, TokenLifetime: time.Minute}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return db, newProvider(t, db, ring, nil)
}

// database is what a provider needs of one.
type database interface {
	authz.GrantStore
	authz.GrantFinder
	authz.TokenStore
	authz.StatusStore
	authz.AssertionStore
	authz.ConsentStore
	authz.ClientStore
	authz.PersonStore
}

func newProvider(t *testing.T, db database, ring authz.Keyring, log *slog.Logger, change ...func(*authz.Config)) *authz.Provider {
	t.Helper()
	cfg := authz.Config{
		Issuer: "https://id.example.test", Grants: db, GrantFinder: db, Tokens: db, Status: db, Assertions: db, Consents: db, Clients: db, People: db,
		Keys: ring, SigningAlgs: []string{"ES256", "RS256"},
		Secret: bytes.Repeat([]byte{2}, 32), AccessTokenTTL: time.Minute, IDTokenTTL: time.Minute, CodeTTL: time.Minute, StatusTTL: time.Minute,
		RefreshIdleTTL: time.Hour, RefreshAbsoluteTTL: time.Hour, Logger: log,
	}
	for _, f := range change {
		f(&cfg)
	}
	p, err := authz.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// send posts a form as the client "job".
func send(t *testing.T, endpoint http.HandlerFunc, form url.Values) (*httptest.ResponseRecorder, map[string]any) {
	t.Helper()
	return sendAs(t, "job", endpoint, form)
}

func sendAs(t *testing.T, clientID string, endpoint http.HandlerFunc, form url.Values) (*httptest.ResponseRecorder, map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(clientID, strings.Repeat("s", 40))
	w := httptest.NewRecorder()
	endpoint(w, r)
	var body map[string]any
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
	}
	return w, body
}

// A revocation that the database could not take is answered 503, never as if
// it had worked (fosite CVE-2020-15223); and a token whose state it cannot tell
// is an error, neither active nor inactive.
func TestStorageFailureIsNotHidden(t *testing.T) {
	db, p := newFailing(t)
	_, issued := send(t, p.Token, url.Values{"grant_type": {"client_credentials"}})
	token := url.Values{"token": {issued["access_token"].(string)}}

	db.down = true
	if w, body := send(t, p.Revoke, token); w.Code != http.StatusServiceUnavailable || body["error"] != "temporarily_unavailable" || w.Header().Get("Retry-After") == "" {
		t.Errorf("revoke: %d %v", w.Code, body)
	}
	if w, body := send(t, p.Introspect, token); w.Code != http.StatusInternalServerError || body["active"] != nil || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("introspect: %d %v", w.Code, body)
	}
	db.down = false
	if _, body := send(t, p.Introspect, token); body["active"] != true {
		t.Errorf("the token was revoked after all: %v", body)
	}
	if w, _ := send(t, p.Revoke, token); w.Code != http.StatusOK {
		t.Errorf("revoke: %d", w.Code)
	}
	if _, body := send(t, p.Introspect, token); body["active"] != false || len(body) != 1 {
		t.Errorf("after the revocation: %v", body)
	}
}
