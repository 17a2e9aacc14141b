package login

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// fixedFactor has one answer for everyone who has it.
type fixedFactor struct {
	level Level
	has   []string
	fail  error
}

func (f *fixedFactor) Level() Level { return f.level }

func (f *fixedFactor) Enrolled(_ context.Context, subject string) (bool, error) {
	return slices.Contains(f.has, subject), f.fail
}

func (f *fixedFactor) Check(_ context.Context, _, response string) error {
	if response != "right" {
		return ErrMismatch
	}
	return nil
}

// raiser keeps what it is told.
type raiser struct {
	raised []Session
	had    []string
	err    error
}

func (r *raiser) RaiseSession(_ context.Context, s Session, had string) error {
	r.raised, r.had = append(r.raised, s), append(r.had, had)
	return r.err
}

func TestFactorsHaveLevelsOfTheirOwn(t *testing.T) {
	good := &fixedFactor{level: Level{ACR: "2", AMR: "otp"}}
	for name, factors := range map[string][]Factor{
		"no acr":                {&fixedFactor{level: Level{AMR: "otp"}}},
		"no amr":                {&fixedFactor{level: Level{ACR: "2"}}},
		"the acr of a password": {&fixedFactor{level: Level{ACR: ACRSingleFactor, AMR: "otp"}}},
		"the acr of another":    {good, &fixedFactor{level: Level{ACR: "2", AMR: "hwk"}}},
	} {
		if err := checkFactors(factors, &raiser{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := checkFactors([]Factor{good}, nil); err == nil {
		t.Error("a factor without a store: accepted")
	}
	if err := checkFactors(nil, nil); err != nil {
		t.Error(err)
	}
}

func TestStepUpFindsTheLowestFactor(t *testing.T) {
	otp := &fixedFactor{level: Level{ACR: "2", AMR: "otp"}, has: []string{"ada"}}
	key := &fixedFactor{level: Level{ACR: "3", AMR: "hwk"}, has: []string{"ada", "bob"}}
	s := &Service{factors: []Factor{otp, key}}
	if got := s.Levels(); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Fatalf("levels are %v", got)
	}
	for name, tt := range map[string]struct{ subject, acr, want string }{
		"the factor itself":         {"ada", "2", "2"},
		"a higher one for want of":  {"bob", "2", "3"},
		"the higher one":            {"ada", "3", "3"},
		"somebody without":          {"eve", "2", ""},
		"an unknown level":          {"ada", "urn:x", ""},
		"no level":                  {"ada", "", ""},
		"the first leads higher up": {"ada", "1", "2"},
	} {
		level, err := s.FactorLevel(t.Context(), tt.subject, tt.acr)
		if can, canErr := s.CanStepUp(t.Context(), tt.subject, tt.acr); level.ACR != tt.want || can != (tt.want != "") || canErr != nil || errors.Is(err, ErrNoFactor) == can {
			t.Errorf("%s: %+v %v, %t %v", name, level, err, can, canErr)
		}
	}
	otp.fail = errors.New("the store is gone")
	if can, err := s.CanStepUp(t.Context(), "ada", "2"); can || !errors.Is(err, otp.fail) {
		t.Errorf("a store that fails: %t %v", can, err)
	}
}

func TestStepUpRaises(t *testing.T) {
	otp := &fixedFactor{level: Level{ACR: "2", AMR: "otp"}, has: []string{"ada"}}
	store := &raiser{}
	b := newBench(t)
	s, err := New(Config{People: b.store, Sessions: b.store, Setup: b.store, Argon2: cheap, Factors: []Factor{otp}, StepUps: store})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1, 0)
	session := Session{ID: "sid", TokenHash: "old", Subject: "ada", ACR: ACRSingleFactor, AMR: []string{"pwd"}, AuthTime: at}
	for _, wrong := range []string{"", "wrong"} {
		if _, _, err := s.StepUp(t.Context(), session, "2", wrong); !errors.Is(err, ErrMismatch) || len(store.raised) != 0 {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	got, token, err := s.StepUp(t.Context(), session, "2", "right")
	hash, _ := hashToken(token)
	if err != nil || got.ID != "sid" || got.TokenHash != hash || got.ACR != "2" || !slices.Equal(got.AMR, []string{"pwd", "otp"}) || !got.AuthTime.Equal(at) {
		t.Errorf("%+v, %v", got, err)
	}
	if len(store.had) != 1 || store.had[0] != "old" || store.raised[0].TokenHash != hash || !slices.Equal(session.AMR, []string{"pwd"}) {
		t.Errorf("stored %+v for %v", store.raised, store.had)
	}
	store.err = ErrNotFound
	if _, _, err := s.StepUp(t.Context(), session, "2", "right"); !errors.Is(err, ErrNoSession) {
		t.Errorf("a session that is gone: %v", err)
	}
	if _, _, err := s.StepUp(t.Context(), session, "3", "right"); !errors.Is(err, ErrNoFactor) {
		t.Errorf("a level there is not: %v", err)
	}
}
