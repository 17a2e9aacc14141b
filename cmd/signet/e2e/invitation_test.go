package e2e

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"signet/authz"
)

// invite makes an invitation as `signet clients invite` does.
func (i *issuer) invite(t testing.TB, uses int, lifetime time.Duration) (authz.Invitation, string) {
	t.Helper()
	now := i.clock.Now()
	inv, token, err := authz.NewInvitation(rand.Reader, uses, "a test", now, now.Add(lifetime))
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Store.CreateInvitation(t.Context(), inv); err != nil {
		t.Fatal(err)
	}
	return inv, token
}

// wantUninvited checks how someone is turned away: 401 with a Bearer challenge
// (RFC 7591, section 3).
func (a answer) wantUninvited(t testing.TB) {
	t.Helper()
	a.wantRefused(t, http.StatusUnauthorized, "invalid_token")
	if c := a.Header.Get("WWW-Authenticate"); !strings.HasPrefix(c, "Bearer ") {
		t.Errorf("WWW-Authenticate %q, want Bearer", c)
	}
}

// By invitation alone: no token, a wrong one, one that is used up, has expired
// or was taken back registers nothing; a bad request costs nothing.
func TestRegisterByInvitation(t *testing.T) {
	i := start(t, byInvitation)
	inv, token := i.invite(t, 2, time.Hour)
	i.register(t, nil, "").wantUninvited(t)
	for _, wrong := range []string{"x", token[:len(token)-1], token + "A", "sgi_" + strings.Repeat("A", 43), inv.ID, inv.TokenHash, strings.ToUpper(token)} {
		i.register(t, nil, wrong).wantUninvited(t)
	}
	for _, h := range []http.Header{{"Authorization": {"Basic " + token}}, {"Authorization": {token}}, {"Authorization": {"Bearer " + token, "Bearer " + token}}} {
		i.send(t, http.MethodPost, "/oauth2/register", jsonType, marshal(t, metadata(nil)), h).wantUninvited(t)
	}
	i.send(t, http.MethodPost, "/oauth2/register?access_token="+token, jsonType, marshal(t, metadata(nil)), nil).wantUninvited(t)
	for range 5 {
		i.register(t, map[string]any{"redirect_uris": []string{"javascript:alert(1)"}}, token).wantRefused(t, http.StatusBadRequest, "invalid_redirect_uri")
	}
	for range 2 {
		if a := i.register(t, nil, token); a.Status != http.StatusCreated {
			t.Fatalf("invited: %d %s", a.Status, a.Raw)
		}
	}
	i.register(t, nil, token).wantUninvited(t)

	_, token = i.invite(t, 2, time.Hour)
	i.clock.Advance(59 * time.Minute)
	if a := i.register(t, nil, token); a.Status != http.StatusCreated {
		t.Errorf("just before the end: %d %s", a.Status, a.Raw)
	}
	i.clock.Advance(2 * time.Minute)
	i.register(t, nil, token).wantUninvited(t)

	inv, token = i.invite(t, 1, time.Hour)
	if err := i.Store.RevokeInvitation(t.Context(), inv.ID); err != nil {
		t.Fatal(err)
	}
	i.register(t, nil, token).wantUninvited(t)
	if all, err := i.Store.Clients(t.Context()); len(all) != 3 || err != nil {
		t.Errorf("%d clients, %v; want 3", len(all), err)
	}
	if log := i.log.String(); !strings.Contains(log, "audit: client registered") || !strings.Contains(log, `"invitation_id":"`) {
		t.Error("the log does not say who registered by which invitation")
	}
}

// 50 at once with an invitation for one: one 201, and one client.
func TestInvitationRace(t *testing.T) {
	i := start(t, byInvitation)
	_, token := i.invite(t, 1, time.Hour)
	body := marshal(t, metadata(nil))
	var made, refused atomic.Int64
	atOnce(50, func(int) {
		switch a := i.send(t, http.MethodPost, "/oauth2/register", jsonType, body, bearer(token)); a.Status {
		case http.StatusCreated:
			made.Add(1)
		case http.StatusUnauthorized:
			refused.Add(1)
		default:
			t.Errorf("%d %s", a.Status, a.Raw)
		}
	})
	all, err := i.Store.Clients(t.Context())
	if made.Load() != 1 || refused.Load() != 49 || len(all) != 1 || err != nil {
		t.Errorf("%d registered, %d refused, %d stored, %v; want 1, 49 and 1", made.Load(), refused.Load(), len(all), err)
	}
}

// The command beside a running server: the token works at once, once, and the
// list says what is left.
func TestInviteCommand(t *testing.T) {
	t.Setenv("SIGNET_REGISTRATION_MODE", "invite")
	in := newInstall(t)
	in.serve()
	out, stderr, code := in.run("clients", "invite", "--note", "for a test", "--json")
	var inv map[string]any
	if err := json.Unmarshal([]byte(out), &inv); err != nil || code != 0 {
		t.Fatalf("clients invite: exit %d, %v\n%s%s", code, err, out, stderr)
	}
	i := &issuer{URL: in.URL}
	token, _ := inv["initial_access_token"].(string)
	if inv["registration_endpoint"] != in.URL+"/oauth2/register" {
		t.Errorf("registration_endpoint is %v", inv["registration_endpoint"])
	}
	a := i.register(t, nil, token)
	if a.Status != http.StatusCreated {
		t.Fatalf("register: %d %s", a.Status, a.Raw)
	}
	i.register(t, nil, token).wantUninvited(t)
	if out, _, _ := in.run("clients", "invitations", "list"); !strings.Contains(out, "0 of 1") || !strings.Contains(out, "used up") || strings.Contains(out, token) {
		t.Errorf("invitations list:\n%s", out)
	}
	if out, _, _ := in.run("clients", "show", a.str("client_id"), "--json"); !strings.Contains(out, `"source": "dynamic"`) || strings.Contains(out, "registration") {
		t.Errorf("clients show:\n%s", out)
	}
	// What an operator disables manages nothing any more.
	if _, stderr, code := in.run("clients", "disable", a.str("client_id")); code != 0 {
		t.Fatal(stderr)
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		i.manage(t, method, a.str("client_id"), a.str("registration_access_token"), metadata(map[string]any{"client_id": a.str("client_id")})).wantUninvited(t)
	}
}
