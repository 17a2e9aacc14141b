package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestInvitations(t *testing.T) {
	c := newCLI(t, "registration:\n  mode: invite\n")
	noon := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	c.now = func() time.Time { return noon }
	if out := c.must("clients", "invitations", "list"); !strings.Contains(out, "No invitations") {
		t.Errorf("an empty list says %q", out)
	}
	inv := c.object("clients", "invite", "--uses", "3", "--for", "7d", "--note", "partner fair")
	token, _ := inv["initial_access_token"].(string)
	if !strings.HasPrefix(token, "sgi_") || len(token) != 47 || inv["uses"] != 3.0 || inv["uses_left"] != 3.0 || inv["note"] != "partner fair" ||
		inv["expires_at"] != "2030-01-08T12:00:00Z" || inv["registration_endpoint"] != "http://127.0.0.1:9096/oauth2/register" || inv["state"] != "live" {
		t.Errorf("invite --json: %v", inv)
	}
	noon = noon.Add(time.Hour)
	out := c.must("clients", "invite")
	if !strings.Contains(out, "sgi_") || !strings.Contains(out, "2030-01-02 13:00:00 UTC") || !strings.Contains(out, "only time") || strings.Contains(out, "registration.mode") {
		t.Errorf("invite:\n%s", out)
	}
	list := c.must("clients", "invitations", "list")
	if got := rows(list); len(got) != 3 || !strings.Contains(got[1], "1 of 1 2030-01-02 13:00:00 UTC live -") || !strings.Contains(got[2], "3 of 3 2030-01-08 12:00:00 UTC live partner fair") || strings.Contains(list, "sgi_") {
		t.Errorf("list:\n%s", list)
	}
	noon = noon.Add(48 * time.Hour)
	all := c.array("clients", "invitations", "list")
	if len(all) != 2 || all[0]["state"] != "expired" || all[1]["state"] != "live" || all[0]["initial_access_token"] != nil {
		t.Errorf("list --json: %v", all)
	}
	id, _ := inv["invitation_id"].(string)
	if out := c.must("clients", "invitations", "revoke", id); out != "Invitation "+id+" is revoked.\n" {
		t.Errorf("revoke: %q", out)
	}
	c.refused(`signet: there is no invitation "`+id+`"; "signet clients invitations list" shows all`, "clients", "invitations", "revoke", id)
	if ids := c.array("clients", "invitations", "list"); slices.ContainsFunc(ids, func(i map[string]any) bool { return i["invitation_id"] == id }) {
		t.Errorf("it is still there: %v", ids)
	}
}

func TestInviteRefusesWhatCannotBeMeant(t *testing.T) {
	c := newCLI(t, "")
	for _, args := range [][]string{
		{"--uses", "0"}, {"--uses", "-1"}, {"--uses", "10001"}, {"--for", "0s"}, {"--for", "366d"}, {"--note", strings.Repeat("x", 201)}, {"--note", "a\x00b"}, {"x"},
	} {
		if code, out, errs := c.run(append([]string{"clients", "invite"}, args...)...); code != exitUsage || out != "" || errs == "" {
			t.Errorf("invite %q: exit %d, %q, %q", args, code, out, errs)
		}
	}
	if out := c.must("clients", "invite"); !strings.Contains(out, "registration.mode is off") {
		t.Errorf("with registration off:\n%s", out)
	}
}
