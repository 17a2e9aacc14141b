package storetest

import (
	"errors"
	"testing"
	"time"

	"signet/authz/login"
)

// sessionRaise checks that a session is raised once, by whoever has its token.
func sessionRaise(t *testing.T, b Backend) {
	open := fullSession("a")
	open.EndedAt = time.Time{}
	ended := fullSession("ended")
	must(t, b.CreateSession(t.Context(), open))
	must(t, b.CreateSession(t.Context(), ended))
	raised := open
	raised.TokenHash, raised.ACR, raised.AMR, raised.AuthTime = "raised", "urn:acr:2", []string{"pwd", "otp", "hwk"}, utc(9)
	for what, refused := range map[string]struct {
		s   login.Session
		had string
	}{
		"another token": {raised, "hash of b"},
		"ended":         {ended, ended.TokenHash},
		"unknown":       {login.Session{ID: "nowhere", TokenHash: "x"}, "hash of a"},
	} {
		if err := b.RaiseSession(t.Context(), refused.s, refused.had); !errors.Is(err, login.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", what, err)
		}
	}
	must(t, b.RaiseSession(t.Context(), raised, open.TokenHash))
	got, err := b.SessionByToken(t.Context(), "raised")
	must(t, err)
	same(t, "raised session", got, raised)
	if _, err := b.SessionByToken(t.Context(), open.TokenHash); !errors.Is(err, login.ErrNotFound) {
		t.Errorf("the token from before: got %v, want ErrNotFound", err)
	}
	if err := b.RaiseSession(t.Context(), raised, open.TokenHash); !errors.Is(err, login.ErrNotFound) {
		t.Errorf("raised twice from one token: got %v, want ErrNotFound", err)
	}
}
