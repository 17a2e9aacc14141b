package main

import (
	"strings"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/authz/store"
)

// What became of logout tokens: those that apps have not taken, and why; the
// others on demand.
func TestLogoutList(t *testing.T) {
	c, ada, _ := withGrants(t)
	if got := c.must("logout", "list"); got != "No such logout tokens.\n" {
		t.Errorf("nothing yet: %q", got)
	}
	at := c.now()
	c.inStore(func(st *store.Store) {
		ctx := t.Context()
		s := login.Session{ID: "s1", TokenHash: "x", Subject: ada, ExpiresAt: at.Add(time.Hour)}
		if err := st.CreateSession(ctx, s); err != nil {
			t.Fatal(err)
		}
		for n, id := range []string{"shop", "blog"} {
			r := authz.Reached{SID: "s1", SessionID: "s1", ClientID: id, Subject: ada, Sub: ada, Back: true}
			if err := st.CreateReachingGrant(ctx, authz.Grant{ID: grantID(100 + n), ClientID: id, Subject: ada, SessionID: "s1"}, r); err != nil {
				t.Fatal(err)
			}
		}
		if err := st.EndSession(ctx, "s1", at); err != nil {
			t.Fatal(err)
		}
		until := at.Add(time.Minute)
		claimed, err := st.ClaimLogouts(ctx, "shop", at, until, 10)
		if err != nil || len(claimed) != 1 {
			t.Fatal(claimed, err)
		}
		claimed[0].NextAt, claimed[0].Status, claimed[0].Error = time.Time{}, 500, "the app answered 500"
		if err := st.SettleLogouts(ctx, until, claimed); err != nil {
			t.Fatal(err)
		}
		if claimed, err = st.ClaimLogouts(ctx, "blog", at, until, 10); err != nil || len(claimed) != 1 {
			t.Fatal(claimed, err)
		}
		claimed[0].NextAt, claimed[0].Status, claimed[0].DeliveredAt = time.Time{}, 200, at
		if err := st.SettleLogouts(ctx, until, claimed); err != nil {
			t.Fatal(err)
		}
	})
	text := c.must("logout", "list")
	if !strings.Contains(text, "failed: the app answered 500") || strings.Contains(text, "blog") {
		t.Errorf("not taken:\n%s", text)
	}
	all := c.array("logout", "list", "--all")
	if len(all) != 2 || all[0]["client_id"] != "blog" || all[0]["state"] != "delivered" || all[1]["state"] != "failed" || all[1]["sub"] != ada || all[1]["status"] != 500.0 {
		t.Errorf("all: %v", all)
	}
	if one := c.array("logout", "list", "--all", "--limit", "1"); len(one) != 1 {
		t.Errorf("one: %v", one)
	}
	if code, _, stderr := c.run("logout", "list", "--limit", "0"); code != exitUsage || !strings.Contains(stderr, "--limit is 0") {
		t.Errorf("--limit 0: %d %s", code, stderr)
	}
}
