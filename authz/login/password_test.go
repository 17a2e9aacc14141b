package login

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/argon2"
)

// example is a hash in the form that the reference implementation prints.
const example = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

func TestPHCReadsTheReferenceImplementation(t *testing.T) {
	h, err := parsePHC(example)
	if err != nil {
		t.Fatal(err)
	}
	if h.params != (Argon2Params{65536, 2, 1}) || string(h.salt) != "somesalt" || h.String() != example {
		t.Errorf("parsePHC = %+v, printed as %s", h, h)
	}
	ok, err := newHasher(cheap, 1, nil).verify(t.Context(), h, "password")
	if err != nil || !ok {
		t.Errorf("the password of the reference implementation's test vector does not match: %v, %v", ok, err)
	}
}

func TestPHCIsReadStrictly(t *testing.T) {
	for name, s := range map[string]string{
		"empty":                "",
		"plain text":           "password",
		"another algorithm":    strings.Replace(example, "argon2id", "argon2i", 1),
		"another version":      strings.Replace(example, "v=19", "v=16", 1),
		"no version":           strings.Replace(example, "v=19$", "", 1),
		"bcrypt":               "$2a$12$abcdefghijklmnopqrstuvabcdefghijklmnopqrstuvabcdefghijk",
		"other order":          strings.Replace(example, "m=65536,t=2,p=1", "t=2,m=65536,p=1", 1),
		"a cost missing":       strings.Replace(example, ",p=1", "", 1),
		"a cost too many":      strings.Replace(example, "p=1", "p=1,keyid=x", 1),
		"leading zero":         strings.Replace(example, "t=2", "t=02", 1),
		"sign":                 strings.Replace(example, "t=2", "t=+2", 1),
		"no passes":            strings.Replace(example, "t=2", "t=0", 1),
		"no lanes":             strings.Replace(example, "p=1", "p=0", 1),
		"lanes that overflow":  strings.Replace(example, "p=1", "p=257", 1),
		"too little memory":    strings.Replace(example, "m=65536", "m=7", 1),
		"memory for an outage": strings.Replace(example, "m=65536", "m=4294967295", 1),
		"passes for an outage": strings.Replace(example, "t=2", "t=4294967295", 1),
		"padding":              example + "=",
		"newline":              example + "\n",
		"newline in the salt":  strings.Replace(example, "c29t", "c29t\n", 1),
		"loose trailing bits":  strings.Replace(example, "RPPc", "RPPd", 1),
		"short salt":           strings.Replace(example, "c29tZXNhbHQ", "c29t", 1),
		"short key":            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXP",
		"no key":               "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$",
		"a part too many":      example + "$",
	} {
		if h, err := parsePHC(s); err == nil {
			t.Errorf("%s: %q was read as %+v", name, s, h)
		} else if len(s) > 20 && strings.Contains(err.Error(), s) {
			t.Errorf("%s: the error repeats the hash", name)
		}
	}
}

func FuzzPHC(f *testing.F) {
	f.Add(example)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parsePHC(s)
		if err != nil {
			return
		}
		if h.String() != s {
			t.Fatalf("%q was read as %q", s, h.String())
		}
		if err := h.params.Validate(); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

func TestPasswordsDoNotDependOnTheKeyboard(t *testing.T) {
	b := newBench(t)
	b.add(t, NewPerson{Username: "zoe", Password: "cafe\u0301 au lait"})
	for _, typed := range []string{"cafe\u0301 au lait", "caf\u00e9 au lait", "caf\u00e9\u00a0au\u3000lait"} {
		if _, err := b.SignIn(t.Context(), "zoe", typed); err != nil {
			t.Errorf("%q: %v", typed, err)
		}
	}
	for _, typed := range []string{"Caf\u00e9 au lait", "cafe au lait", "caf\u00e9 au lait "} {
		if _, err := b.SignIn(t.Context(), "zoe", typed); !errors.Is(err, ErrMismatch) {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

func TestPasswordRules(t *testing.T) {
	for password, ok := range map[string]bool{
		"12345678":                    true,
		"correct horse battery":       true,
		"密码密码密码密码":                    true,
		"🙂🙂🙂🙂🙂🙂🙂🙂":                    true,
		strings.Repeat("é", 1024):     true,
		"":                            false,
		"1234567":                     false,
		"é́é́é́":                      false,
		strings.Repeat("a", 1025):     false,
		strings.Repeat("a", 10_000):   false,
		strings.Repeat("\xff", 5_000): false,
		"tab\tin the middle":          false,
		"nul\x00in the middle":        false,
		"broken \xff UTF-8":           false,
	} {
		_, err := preparePassword(password)
		var field *FieldError
		if (err == nil) != ok || (err != nil && (!errors.As(err, &field) || field.Field != "password")) {
			t.Errorf("%.40q: %v", password, err)
		}
		if err != nil && len(password) > 3 && strings.Contains(err.Error(), password) {
			t.Errorf("%.40q: the error repeats the password", password)
		}
	}
}

func TestHashesAreSaltedAndOfTheConfiguredCost(t *testing.T) {
	b := newBench(t)
	one := b.add(t, NewPerson{Username: "one", Password: "the same password"})
	two := b.add(t, NewPerson{Username: "two", Password: "the same password"})
	if one.PasswordHash == two.PasswordHash {
		t.Error("two hashes of one password are alike")
	}
	if !strings.HasPrefix(one.PasswordHash, "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Errorf("hash is %s", one.PasswordHash)
	}
	if DefaultArgon2() != (Argon2Params{MemoryKiB: 19456, Iterations: 2, Parallelism: 1}) || DefaultArgon2().Validate() != nil {
		t.Error("the default cost is not what is documented")
	}
}

// stuck makes every hash wait until release is closed, and tells the highest
// number of hashes that ran at once.
func stuck(h *hasher) (started chan struct{}, release chan struct{}, highest *atomic.Int64) {
	started, release, highest = make(chan struct{}, 1000), make(chan struct{}), &atomic.Int64{}
	var running atomic.Int64
	h.derive = func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte {
		n := running.Add(1)
		defer running.Add(-1)
		for old := highest.Load(); n > old && !highest.CompareAndSwap(old, n); old = highest.Load() {
		}
		started <- struct{}{}
		<-release
		return argon2.IDKey(password, salt, time, memory, threads, keyLen)
	}
	return started, release, highest
}

// Guards against an outage by a burst of sign-ins: memory and CPU are bounded,
// and whoever cannot be served soon is told at once.
func TestHashingIsBounded(t *testing.T) {
	const concurrency = 2
	h := newHasher(cheap, concurrency, strings.NewReader(strings.Repeat("salt", 4096)))
	p, err := h.dummy()
	if err != nil {
		t.Fatal(err)
	}
	started, release, highest := stuck(h)
	var wg sync.WaitGroup
	var busy, done atomic.Int64
	for range concurrency * (1 + queuePerSlot) {
		wg.Go(func() {
			if _, err := h.verify(t.Context(), p, "password"); err == nil {
				done.Add(1)
			}
		})
	}
	for range concurrency {
		<-started
	}
	for len(h.places) < cap(h.places) {
		runtime.Gosched() // everyone is on the way in
	}
	for range 10 {
		if _, err := h.verify(t.Context(), p, "password"); errors.Is(err, ErrBusy) {
			busy.Add(1)
		}
	}
	if busy.Load() != 10 {
		t.Errorf("%d of 10 were turned away from a full queue", busy.Load())
	}
	close(release)
	wg.Wait()
	if done.Load() != concurrency*(1+queuePerSlot) || highest.Load() != concurrency {
		t.Errorf("%d were served, %d at once; want %d, %d at once", done.Load(), highest.Load(), concurrency*(1+queuePerSlot), concurrency)
	}
	if len(h.places) != 0 || len(h.slots) != 0 {
		t.Error("a place was not given back")
	}
}

func TestWhoStopsWaitingFreesTheirPlace(t *testing.T) {
	b := newBench(t)
	b.add(t, NewPerson{Username: "john", Password: "long enough"})
	started, release, _ := stuck(b.hasher)
	var wg sync.WaitGroup
	for range cap(b.hasher.slots) {
		wg.Go(func() { _, _ = b.SignIn(t.Context(), "john", "long enough") })
	}
	for range cap(b.hasher.slots) {
		<-started
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.SignIn(ctx, "john", "long enough")
	if !errors.Is(err, ErrBusy) || !errors.Is(err, context.Canceled) {
		t.Errorf("SignIn() = %v, want ErrBusy and the reason", err)
	}
	close(release)
	wg.Wait()
	if len(b.hasher.places) != 0 {
		t.Error("a place was not given back")
	}
}
