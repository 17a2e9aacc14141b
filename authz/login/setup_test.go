package login

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func admin(name string) NewPerson { return NewPerson{Username: name, Password: rightPassword} }

func TestSetUpMakesTheFirstAdministratorOnce(t *testing.T) {
	b := newBench(t)
	token, expires, err := b.NewSetupLink(t.Context())
	if err != nil || !expires.Equal(b.clock.Now().Add(time.Hour)) {
		t.Fatalf("NewSetupLink() = %v, %v", expires, err)
	}
	if err := b.CheckSetupLink(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if _, stored := b.store.links[token]; stored {
		t.Error("the token is stored in the clear")
	}
	// A mistake in the form does not cost the link.
	var field *FieldError
	if _, err := b.SetUp(t.Context(), token, NewPerson{Username: "root"}); !errors.As(err, &field) || field.Field != "password" {
		t.Errorf("without a password: %v", err)
	}
	p, err := b.SetUp(t.Context(), token, admin("root"))
	if err != nil || !p.Admin {
		t.Fatalf("SetUp() = %+v, %v", p, err)
	}
	if _, err := b.SignIn(t.Context(), "root", rightPassword); err != nil {
		t.Errorf("signing in: %v", err)
	}
	if _, err := b.SetUp(t.Context(), token, admin("second")); !errors.Is(err, ErrSetupLink) {
		t.Errorf("a second use: %v", err)
	}
	if err := b.CheckSetupLink(t.Context(), token); !errors.Is(err, ErrSetupLink) {
		t.Errorf("after use: %v", err)
	}
	if _, _, err := b.NewSetupLink(t.Context()); !errors.Is(err, ErrPeopleExist) {
		t.Errorf("another link: %v", err)
	}
}

func TestSetupLinkIsUsedOnceByTwentyAtOnce(t *testing.T) {
	b := newBench(t)
	token, _, err := b.NewSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// All are past the first look at the link before anyone uses it.
	var arrived sync.WaitGroup
	arrived.Add(20)
	derive := b.hasher.derive
	b.hasher.slots = make(chan struct{}, 20)
	b.hasher.derive = func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte {
		arrived.Done()
		arrived.Wait()
		return derive(password, salt, time, memory, threads, keyLen)
	}
	var won, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			switch _, err := b.SetUp(t.Context(), token, admin(fmt.Sprintf("root%d", i))); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, ErrSetupLink):
				refused.Add(1)
			default:
				t.Errorf("SetUp() = %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || refused.Load() != 19 || len(b.store.people) != 1 {
		t.Errorf("%d won, %d were refused, %d people", won.Load(), refused.Load(), len(b.store.people))
	}
}

func TestSetupLinkExpiresAfterAnHour(t *testing.T) {
	b := newBench(t)
	token, _, err := b.NewSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.clock.advance(time.Hour - time.Nanosecond)
	if err := b.CheckSetupLink(t.Context(), token); err != nil {
		t.Errorf("just before: %v", err)
	}
	b.clock.advance(time.Nanosecond)
	if err := b.CheckSetupLink(t.Context(), token); !errors.Is(err, ErrSetupLink) {
		t.Errorf("after an hour: %v", err)
	}
	if _, err := b.SetUp(t.Context(), token, admin("root")); !errors.Is(err, ErrSetupLink) {
		t.Errorf("used after an hour: %v", err)
	}
}

func TestSetupLinkDiesWithANewOneAndWithTheFirstPerson(t *testing.T) {
	b := newBench(t)
	old, _, _ := b.NewSetupLink(t.Context())
	token, _, err := b.NewSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	work := b.countWork()
	for _, wrong := range []string{old, "", token + "x", token[1:]} {
		if _, err := b.SetUp(t.Context(), wrong, admin("root")); !errors.Is(err, ErrSetupLink) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if n := len(work()); n != 0 {
		t.Errorf("strangers without the link had %d passwords hashed", n)
	}
	b.add(t, NewPerson{Username: "made-on-the-command-line"})
	if err := b.CheckSetupLink(t.Context(), token); !errors.Is(err, ErrSetupLink) {
		t.Errorf("with people there: %v", err)
	}
	if _, err := b.SetUp(t.Context(), token, admin("root")); !errors.Is(err, ErrSetupLink) {
		t.Errorf("used with people there: %v", err)
	}
}

func TestSetupReportsAStoreThatFails(t *testing.T) {
	b := newBench(t)
	token, _, _ := b.NewSetupLink(t.Context())
	b.store.err = errors.New("disk is gone")
	_, _, errNew := b.NewSetupLink(t.Context())
	_, errUse := b.SetUp(t.Context(), token, admin("root"))
	for _, err := range []error{errNew, errUse, b.CheckSetupLink(t.Context(), token)} {
		if !errors.Is(err, b.store.err) || errors.Is(err, ErrSetupLink) {
			t.Errorf("got %v", err)
		}
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	m := &memory{}
	good := func() Config { return Config{People: m, Sessions: m, Setup: m} }
	if s, err := New(good()); err != nil || s.hasher.params != DefaultArgon2() || s.limits.Lifetime != 12*time.Hour || cap(s.hasher.slots) < 1 {
		t.Errorf("with the defaults: %+v, %v", s, err)
	}
	for name, change := range map[string]func(*Config){
		"no people store":      func(c *Config) { c.People = nil },
		"no session store":     func(c *Config) { c.Sessions = nil },
		"no set-up store":      func(c *Config) { c.Setup = nil },
		"negative idle":        func(c *Config) { c.Remembered.Idle = -1 },
		"negative lifetime":    func(c *Config) { c.Session.Lifetime = -1 },
		"negative concurrency": func(c *Config) { c.HashConcurrency = -1 },
		"half of the cost":     func(c *Config) { c.Argon2.MemoryKiB = 19456 },
		"no randomness":        func(c *Config) { c.Rand = io.LimitReader(nil, 0) },
	} {
		cfg := good()
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
