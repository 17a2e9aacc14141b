package login

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

const rightPassword = "correct horse battery"

// Guards against enumeration: nothing in the answer, and nothing in the work
// done for it, tells who exists, who is disabled and who has a password. The
// hashes are counted, which no noise on the clock can hide.
func TestSignInAnswersAndCostsTheSameWhoeverIsNamed(t *testing.T) {
	b := newBench(t)
	b.add(t, NewPerson{Username: "john", Password: rightPassword})
	disabled := b.add(t, NewPerson{Username: "gone", Password: rightPassword})
	if err := b.SetDisabled(t.Context(), disabled.ID, true); err != nil {
		t.Fatal(err)
	}
	b.add(t, NewPerson{Username: "nopassword"})
	broken := b.add(t, NewPerson{Username: "broken", Password: rightPassword})
	broken.PasswordHash = "not a hash"
	b.store.people[broken.ID] = broken

	work := b.countWork()
	want := []phcWork{{cheap, saltBytes, keyBytes}}
	if p, err := b.SignIn(t.Context(), "john", rightPassword); err != nil || p.Username != "john" {
		t.Fatalf("the right password: %+v, %v", p, err)
	}
	if got := work(); !slices.Equal(got, want) {
		t.Errorf("the right password cost %+v", got)
	}
	for name, try := range map[string][2]string{
		"wrong password":               {"john", "wrong password"},
		"unknown":                      {"nobody", rightPassword},
		"unknown email":                {"nobody@example.com", rightPassword},
		"a name that cannot be":        {"no body\x00", rightPassword},
		"no name":                      {"", rightPassword},
		"disabled, right password":     {"gone", rightPassword},
		"disabled, wrong password":     {"gone", "wrong password"},
		"no password":                  {"nopassword", rightPassword},
		"unreadable hash":              {"broken", rightPassword},
		"empty password":               {"john", ""},
		"empty password, none set":     {"nopassword", ""},
		"password too short":           {"john", "x"},
		"password too long":            {"john", strings.Repeat("x", 100_000)},
		"unknown, password too long":   {"nobody", strings.Repeat("x", 100_000)},
		"control character":            {"john", rightPassword + "\x00"},
		"the hash itself":              {"john", b.dummy.String()},
		"unknown, control character":   {"nobody", rightPassword + "\x00"},
		"disabled, control character":  {"gone", rightPassword + "\x00"},
		"username of another spelling": {"john.", rightPassword},
	} {
		p, err := b.SignIn(t.Context(), try[0], try[1])
		if err != ErrMismatch || p.ID != "" { // not errors.Is: a wrapped error could tell more
			t.Errorf("%s: %+v, %v, want the bare ErrMismatch", name, p, err)
		}
		if got := work(); !slices.Equal(got, want) {
			t.Errorf("%s: cost %+v, want %+v", name, got, want)
		}
	}
}

// Guards against twins: john, JOHN and their full-width spelling are one
// person (and will share one bucket).
func TestTwinsAreOnePerson(t *testing.T) {
	b := newBench(t)
	john := b.add(t, NewPerson{Username: "John", Email: "John@Example.com", Password: rightPassword})
	for _, name := range []string{"john", "JOHN", "ｊｏｈｎ", " john ", "john@example.com", "JOHN@EXAMPLE.COM", "john＠example.com"} {
		if p, err := b.SignIn(t.Context(), name, rightPassword); err != nil || p.ID != john.ID {
			t.Errorf("%q: %+v, %v", name, p, err)
		}
	}
	for _, twin := range []NewPerson{
		{Username: "JOHN"}, {Username: "ＪＯＨＮ"}, {Username: "other", Email: "john@example.COM"}, {Username: "john＠example.com", Email: "john@example.com"},
	} {
		if p, err := b.CreatePerson(t.Context(), twin); !errors.Is(err, ErrTaken) {
			t.Errorf("%+v was created: %+v, %v", twin, p, err)
		}
	}
}

func TestSignInReportsAStoreThatFails(t *testing.T) {
	b := newBench(t)
	b.add(t, NewPerson{Username: "john", Password: rightPassword})
	b.store.err = errors.New("disk is gone")
	if _, err := b.SignIn(t.Context(), "john", rightPassword); !errors.Is(err, b.store.err) || errors.Is(err, ErrMismatch) {
		t.Errorf("SignIn() = %v", err)
	}
}

// Guards against secrets in logs: people type their password into the name
// field.
func TestSignInLogsNeitherNameNorPassword(t *testing.T) {
	b := newBench(t)
	john := b.add(t, NewPerson{Username: "john", Password: rightPassword})
	var out bytes.Buffer
	b.logger = slog.New(slog.NewTextHandler(&out, nil))
	_, _ = b.SignIn(t.Context(), "hunter2-as-name", "hunter2-as-password")
	_, _ = b.SignIn(t.Context(), "john", "hunter2-as-password")
	if log := out.String(); strings.Contains(log, "hunter2") || !strings.Contains(log, `reason="unknown person"`) || !strings.Contains(log, "subject="+john.ID) {
		t.Errorf("log is\n%s", log)
	}
}

func TestSetPasswordAndDisabled(t *testing.T) {
	b := newBench(t)
	john := b.add(t, NewPerson{Username: "john", Password: rightPassword, Groups: []string{"staff"}})
	if err := b.SetPassword(t.Context(), john.ID, "another password"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.SignIn(t.Context(), "john", rightPassword); !errors.Is(err, ErrMismatch) {
		t.Errorf("the old password: %v", err)
	}
	p, err := b.SignIn(t.Context(), "john", "another password")
	if err != nil || len(p.Groups) != 1 || !p.CreatedAt.Equal(john.CreatedAt) {
		t.Errorf("the new password: %+v, %v", p, err)
	}
	for _, disabled := range []bool{true, false} {
		if err := b.SetDisabled(t.Context(), john.ID, disabled); err != nil {
			t.Fatal(err)
		}
		if _, err := b.SignIn(t.Context(), "john", "another password"); (err != nil) != disabled {
			t.Errorf("disabled %v: %v", disabled, err)
		}
	}
	var field *FieldError
	if err := b.SetPassword(t.Context(), john.ID, "short"); !errors.As(err, &field) {
		t.Errorf("a short password: %v", err)
	}
	if err := b.SetPassword(t.Context(), "nobody", rightPassword); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody's password: %v", err)
	}
	if err := b.SetDisabled(t.Context(), "nobody", true); !errors.Is(err, ErrNotFound) {
		t.Errorf("disabling nobody: %v", err)
	}
}
