package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"signet/keys"
)

func TestKeysRevokeTheSigningKey(t *testing.T) {
	c := newCLI(t, "")
	serving := c.serving()
	first := serving.ring.Keys()[0].KID
	stolen := sign(t, serving.ring, "at+jwt", good(nil))

	code, out, errs := c.run("keys", "revoke", "--reason", "laptop stolen", "--", first)
	if code != exitDone {
		t.Fatalf("exit %d: %s", code, errs)
	}
	if strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "level=WARN") || !strings.Contains(errs, "event=key_revoked kid="+first) || !strings.Contains(errs, `reason="laptop stolen"`) || !strings.Contains(errs, "revoked_at=") {
		t.Errorf("the audit event is %q", errs)
	}
	second := c.serving().ring.Keys()[1].KID
	for _, want := range []string{
		"Key " + first + " (RS256) is revoked", "Other nodes follow within 1m.",
		"signs now    " + second, "may refuse its tokens until",
		"every token that it signed since ", "access tokens, which live for 10m, and ID tokens (1h)", "not refresh tokens",
		"forged tokens too", `"signet keys rekey --new-file FILE"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing from:\n%s", want, out)
		}
	}

	// The server that was running all the while follows at its next reading.
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); serving.ring.Run(ctx) }()
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		set, err := serving.ring.JWKS()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(set.Body, []byte(first)) && bytes.Contains(set.Body, []byte(second)) {
			break
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("the JWKS of the server is still %s", set.Body)
		}
	}
	stop()
	<-done
	if _, err := serving.ring.Verify(stolen); err == nil {
		t.Error("the server takes a token that the revoked key signed")
	}
	if code, _, errs := c.run("token", "inspect", stolen); code != exitRefused || !strings.Contains(errs, "its key was revoked at ") || !strings.Contains(errs, "laptop stolen") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestKeysRevokeTwiceAndForScripts(t *testing.T) {
	c, pass := newKeysCLI(t, "")
	first := c.serving().ring.Keys()[0].KID
	code, out, _ := c.run("keys", "revoke", "--json", "--reason", "r", "--", first)
	var v map[string]any
	c.decode(out, &v)
	next, _ := v["successor"].(map[string]any)
	if code != exitDone || v["kid"] != first || v["state"] != "revoked" || v["revoked_reason"] != "r" || v["revoked_at"] != "2026-11-20T12:00:00Z" ||
		v["tokens_since"] != "2026-11-20T12:00:00Z" || v["gone_by"] != "2026-11-20T12:21:00Z" || v["successor_announced"] != nil || next["state"] != "active" {
		t.Errorf("exit %d: %s", code, out)
	}
	pass(time.Hour)
	if out := c.must("keys", "revoke", "--reason", "another", "--", first); out != "Key "+first+" was revoked 2026-11-20 12:00:00 UTC: r. Nothing has changed.\n" {
		t.Errorf("got %s", out)
	}
	var again map[string]any
	if c.decode(c.must("keys", "revoke", "--json", "--reason", "another", "--", first), &again); again["revoked_reason"] != "r" || again["revoked_at"] != v["revoked_at"] {
		t.Errorf("got %v", again)
	}
	if listed := c.array("keys", "list")[0]; listed["state"] != "revoked" || listed["revoked_reason"] != "r" || listed["next"] != nil {
		t.Errorf("got %v", listed)
	}
}

func TestKeysRevokeOtherKeys(t *testing.T) {
	c, pass := newKeysCLI(t, "")
	room := c.serving()
	first := room.ring.Keys()[0].KID
	rotate := func() string {
		next, err := room.ring.Rotate(context.Background(), keys.RotateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return next[0].KID
	}
	revoke := func(kid string, want ...string) {
		t.Helper()
		code, out, errs := c.run("keys", "revoke", "--reason", "r", "--", kid)
		for _, w := range want {
			if code != exitDone || !strings.Contains(out, w) {
				t.Errorf("exit %d, %q is missing from:\n%s%s", code, w, out, errs)
			}
		}
	}
	revoke(rotate(), "signs now    "+first+", as before", "no token, for it has not signed any")
	second := rotate()
	pass(24*time.Hour + 2*time.Minute)
	revoke(first, "signs now    "+second+", as before", "every token that it signed since ")
	third := rotate()
	pass(time.Hour)
	revoke(second, "signs now    "+third, "so every verifier has it")
}

func TestKeysRevokeNamesTheKeyThatWasMeant(t *testing.T) {
	c := newCLI(t, "")
	kid := c.serving().ring.Keys()[0].KID
	for _, near := range []string{kid[:12], kid[:20] + "~" + kid[21:]} {
		c.refused(`signet: there is no key "`+near+`"; did you mean `+kid+`? "signet keys list --all" shows all`, "keys", "revoke", "--reason", "r", "--", near)
	}
	c.refused(`signet: there is no key "nope"; "signet keys list --all" shows all`, "keys", "revoke", "nope", "--reason", "r")
	if got := c.array("keys", "list"); len(got) != 1 || got[0]["state"] != "active" {
		t.Errorf("a refused revocation left %v", got)
	}
}
