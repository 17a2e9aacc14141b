package login

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSessionLivesUntilItExpiresOrEnds(t *testing.T) {
	b := newBench(t)
	john := b.add(t, NewPerson{Username: "john"})
	s, token, err := b.StartSession(t.Context(), john.ID, []string{AMRPassword}, Device{})
	if err != nil {
		t.Fatal(err)
	}
	if len(token) != 43 || len(s.ID) != 32 || len(s.TokenHash) != 64 || strings.Contains(s.TokenHash+s.ID, token) {
		t.Errorf("token %q of %+v", token, s)
	}
	if s.Subject != john.ID || !slices.Equal(s.AMR, []string{"pwd"}) || s.ACR != "1" || !s.AuthTime.Equal(b.clock.Now()) || s.ExpiresAt.Sub(s.CreatedAt) != 12*time.Hour {
		t.Errorf("started %+v", s)
	}
	b.clock.advance(12*time.Hour - time.Nanosecond)
	if got, err := b.Session(t.Context(), token); err != nil || got.ID != s.ID {
		t.Errorf("just before it expires: %+v, %v", got, err)
	}
	b.clock.advance(time.Nanosecond)
	if got, err := b.Session(t.Context(), token); !errors.Is(err, ErrNoSession) || got.ID != "" {
		t.Errorf("expired: %+v, %v", got, err)
	}

	s, token, _ = b.StartSession(t.Context(), john.ID, []string{AMRPassword}, Device{})
	other, otherToken, _ := b.StartSession(t.Context(), john.ID, []string{AMRPassword}, Device{})
	if s.ID == other.ID || token == otherToken {
		t.Error("two sessions are one")
	}
	for range 2 {
		if err := b.EndSession(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Session(t.Context(), token); !errors.Is(err, ErrNoSession) {
		t.Errorf("ended: %v", err)
	}
	if _, err := b.Session(t.Context(), otherToken); err != nil {
		t.Errorf("the person's other browser: %v", err)
	}
	if err := b.EndSession(t.Context(), "never was"); err != nil {
		t.Errorf("ending a session that never was: %v", err)
	}
}

// Guards against one artefact used as another, and against a copy of the
// database: neither an id nor a hash nor a set-up link opens a session.
func TestOnlyTheTokenOpensASession(t *testing.T) {
	b := newBench(t)
	link, _, err := b.NewSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	john := b.add(t, NewPerson{Username: "john"})
	s, token, err := b.StartSession(t.Context(), john.ID, nil, Device{})
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"", s.ID, s.TokenHash, link, john.ID, token + "A", token[1:], strings.ToUpper(token), " " + token, strings.Repeat("A", 43)} {
		if _, err := b.Session(t.Context(), wrong); !errors.Is(err, ErrNoSession) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if err := b.CheckSetupLink(t.Context(), token); !errors.Is(err, ErrSetupLink) {
		t.Errorf("a session's token as a set-up link: %v", err)
	}
}

func TestSessionsReportAStoreThatFails(t *testing.T) {
	b := newBench(t)
	john := b.add(t, NewPerson{Username: "john"})
	_, token, err := b.StartSession(t.Context(), john.ID, nil, Device{})
	if err != nil {
		t.Fatal(err)
	}
	b.store.err = errors.New("disk is gone")
	if _, _, err := b.StartSession(t.Context(), john.ID, nil, Device{}); !errors.Is(err, b.store.err) {
		t.Errorf("StartSession() = %v", err)
	}
	if _, err := b.Session(t.Context(), token); !errors.Is(err, b.store.err) || errors.Is(err, ErrNoSession) {
		t.Errorf("Session() = %v", err)
	}
	if err := b.EndSession(t.Context(), "x"); !errors.Is(err, b.store.err) {
		t.Errorf("EndSession() = %v", err)
	}
	if _, _, err := b.StartSession(t.Context(), "", nil, Device{}); err == nil {
		t.Error("a session of nobody was started")
	}
}
