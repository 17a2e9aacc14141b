package login

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func withLimits(b bench) bench {
	b.limits = SessionLimits{Lifetime: 12 * time.Hour, Idle: 4 * time.Hour}
	b.longer = SessionLimits{Lifetime: 240 * time.Hour, Idle: 48 * time.Hour}
	return b
}

// Idle and absolute lifetime, of both classes.
func TestSessionLimits(t *testing.T) {
	for name, remembered := range map[string]bool{"plain": false, "remembered": true} {
		t.Run(name, func(t *testing.T) {
			b := withLimits(newBench(t))
			s, token, err := b.StartSession(t.Context(), "john", nil, Device{Remembered: remembered})
			if err != nil {
				t.Fatal(err)
			}
			limits := b.limitsOf(&s)
			if s.ExpiresAt.Sub(s.CreatedAt) != limits.Idle || s.ExpiresLatest.Sub(s.CreatedAt) != limits.Lifetime {
				t.Errorf("started %+v", s)
			}
			for b.clock.Now().Add(limits.Idle - time.Second).Before(s.ExpiresLatest) {
				b.clock.advance(limits.Idle - time.Second)
				if _, err := b.Session(t.Context(), token); err != nil {
					t.Fatalf("in use, after %s: %v", b.clock.Now().Sub(s.CreatedAt), err)
				}
			}
			b.clock.advance(s.ExpiresLatest.Sub(b.clock.Now()))
			if _, err := b.Session(t.Context(), token); !errors.Is(err, ErrNoSession) {
				t.Errorf("past its lifetime: %v", err)
			}
			_, token, _ = b.StartSession(t.Context(), "john", nil, Device{Remembered: remembered})
			b.clock.advance(limits.Idle)
			if _, err := b.Session(t.Context(), token); !errors.Is(err, ErrNoSession) {
				t.Errorf("unused for too long: %v", err)
			}
		})
	}
}

// Using a session writes seldom, and a store that takes no writes keeps nobody out.
func TestLastUseIsCoarse(t *testing.T) {
	b := withLimits(newBench(t))
	_, token, err := b.StartSession(t.Context(), "john", nil, Device{})
	if err != nil {
		t.Fatal(err)
	}
	for range 60 {
		b.clock.advance(10 * time.Second)
		if _, err := b.Session(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if b.store.touches != 2 {
		t.Errorf("%d writes in ten minutes, want 2", b.store.touches)
	}
}

// Nobody is remembered where that is off, whatever a form says.
func TestRememberingCanBeOff(t *testing.T) {
	b := newBench(t)
	s, _, err := b.StartSession(t.Context(), "john", nil, Device{Remembered: true})
	if err != nil || s.Device.Remembered || b.Remembers() != 0 || s.ExpiresAt.Sub(s.CreatedAt) != 12*time.Hour {
		t.Errorf("%+v, %v", s, err)
	}
}

// What a browser says of itself is bounded and fit for every database.
func TestDeviceIsCleaned(t *testing.T) {
	b := newBench(t)
	for _, agent := range []string{"a\x00b\r\nc\xff\u202ed", strings.Repeat("é", 300), strings.Repeat("\x00", 1<<16)} {
		s, _, err := b.StartSession(t.Context(), "john", nil, Device{UserAgent: agent, Address: agent})
		if err != nil {
			t.Fatal(err)
		}
		for _, kept := range []string{s.Device.UserAgent, s.Device.Address} {
			if len(kept) > maxUserAgent || !utf8.ValidString(kept) || strings.ContainsAny(kept, "\x00\r\n\u202e") {
				t.Errorf("%.40q became %q", agent, kept)
			}
		}
	}
}

// Another password and being disabled end what is open, and nobody else's.
func TestChangesThatEndSessions(t *testing.T) {
	for name, change := range map[string]func(bench, string) error{
		"password": func(b bench, id string) error { return b.SetPassword(t.Context(), id, "another long one") },
		"disabled": func(b bench, id string) error { return b.SetDisabled(t.Context(), id, true) },
	} {
		b := newBench(t)
		john, mary := b.add(t, NewPerson{Username: "john"}), b.add(t, NewPerson{Username: "mary"})
		_, johns, _ := b.StartSession(t.Context(), john.ID, nil, Device{})
		_, marys, _ := b.StartSession(t.Context(), mary.ID, nil, Device{})
		if err := change(b, john.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Session(t.Context(), johns); !errors.Is(err, ErrNoSession) {
			t.Errorf("%s: still signed in: %v", name, err)
		}
		if _, err := b.Session(t.Context(), marys); err != nil {
			t.Errorf("%s: somebody else was signed out: %v", name, err)
		}
	}
	if _, err := newBench(t).EndSessions(t.Context(), SessionFilter{ID: "x"}); !errors.Is(err, ErrNoFilter) {
		t.Errorf("sessions of nobody: %v", err)
	}
}
