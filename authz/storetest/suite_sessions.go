package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"signet/authz/login"
)

func fullSession(id string) login.Session {
	return login.Session{
		ID: id, TokenHash: "hash of " + id, Subject: "subject-ü",
		AuthTime: utc(1), AMR: []string{"pwd", "otp"}, ACR: "urn:acr:1",
		Device:    login.Device{Address: "2001:db8::1", UserAgent: "Браузер/1.0", Remembered: true},
		CreatedAt: utc(2), ExpiresAt: utc(3), EndedAt: utc(4), LastUsed: utc(5), ExpiresLatest: utc(6),
	}
}

func sessionRoundTrip(t *testing.T, b Backend) {
	for _, s := range []login.Session{fullSession("full"), {ID: "zero", TokenHash: "0"}, {ID: "empty", TokenHash: "1", AMR: []string{}}} {
		must(t, b.CreateSession(t.Context(), s))
		got, err := b.SessionByToken(t.Context(), s.TokenHash)
		must(t, err)
		same(t, "session "+s.ID, got, s)
	}
	s := fullSession("zones")
	s.AuthTime, s.CreatedAt, s.ExpiresAt, s.EndedAt = fine(1), fine(2), fine(3), fine(4)
	s.LastUsed, s.ExpiresLatest = fine(5), fine(6)
	must(t, b.CreateSession(t.Context(), s))
	got, err := b.SessionByToken(t.Context(), s.TokenHash)
	must(t, err)
	same(t, "times in UTC with microseconds", got, fullSession("zones"))
}

func sessionErrors(t *testing.T, b Backend) {
	must(t, b.CreateSession(t.Context(), fullSession("a")))
	for _, hash := range []string{"nowhere", "", "a", "HASH OF A"} {
		if _, err := b.SessionByToken(t.Context(), hash); !errors.Is(err, login.ErrNotFound) {
			t.Errorf("token hash %q: got %v, want ErrNotFound", hash, err)
		}
	}
	for what, s := range map[string]login.Session{
		"id":         {ID: "a", TokenHash: "new"},
		"token hash": {ID: "new", TokenHash: "hash of a"},
	} {
		if err := b.CreateSession(t.Context(), s); err == nil {
			t.Errorf("a second session with the same %s was stored", what)
		}
	}
	got, err := b.SessionByToken(t.Context(), "hash of a")
	must(t, err)
	same(t, "first session", got, fullSession("a"))
}

func sessionEnd(t *testing.T, b Backend) {
	open := fullSession("a")
	open.EndedAt = time.Time{}
	other := fullSession("b")
	other.EndedAt = time.Time{}
	must(t, b.CreateSession(t.Context(), open))
	must(t, b.CreateSession(t.Context(), other))
	must(t, b.EndSession(t.Context(), "nowhere", at(9)))
	must(t, b.EndSession(t.Context(), "a", fine(10)))
	must(t, b.EndSession(t.Context(), "a", fine(11)))

	open.EndedAt = utc(10)
	got, err := b.SessionByToken(t.Context(), open.TokenHash)
	must(t, err)
	same(t, "session ended twice", got, open)
	got, err = b.SessionByToken(t.Context(), other.TokenHash)
	must(t, err)
	same(t, "another session of the same person", got, other)
}

func sessionTouch(t *testing.T, b Backend) {
	live := sessionOf("a", "ann", time.Time{})
	old := sessionOf("old", "ann", time.Time{})
	old.LastUsed = time.Time{}
	ended := sessionOf("z", "ann", utc(5))
	for _, s := range []login.Session{live, old, ended} {
		must(t, b.CreateSession(t.Context(), s))
		must(t, b.TouchSession(t.Context(), s, fine(7), fine(40)))
		// Another request that had seen it as it was comes too late.
		must(t, b.TouchSession(t.Context(), s, fine(8), fine(41)))
	}
	must(t, b.TouchSession(t.Context(), sessionOf("nowhere", "ann", time.Time{}), at(7), at(40)))
	live.LastUsed, live.ExpiresAt, old.LastUsed, old.ExpiresAt = utc(7), utc(40), utc(7), utc(40)
	for _, want := range []login.Session{live, old, ended} {
		got, err := b.SessionByToken(t.Context(), want.TokenHash)
		must(t, err)
		same(t, "touched "+want.ID, got, want)
	}
}

// raceTouch: of requests that come at once, one moves the session on.
func raceTouch(t *testing.T, b Backend) {
	seen := sessionOf("a", "ann", time.Time{})
	must(t, b.CreateSession(t.Context(), seen))
	race(t, 20, func(error) bool { return false }, func(i int) error {
		return b.TouchSession(t.Context(), seen, at(100+i), at(200+i))
	})
	got, err := b.SessionByID(t.Context(), "a")
	must(t, err)
	if got.ExpiresAt.Sub(got.LastUsed) != utc(200).Sub(utc(100)) {
		t.Errorf("two uses were mixed: %v and %v", got.LastUsed, got.ExpiresAt)
	}
}

func sessionLatest(t *testing.T, b Backend) {
	var want []login.Session
	for n := range 5 {
		s := sessionOf(fmt.Sprint("s", 9-n), "ann", time.Time{})
		s.CreatedAt = utc(20 - n)
		if n == 2 {
			s.EndedAt = utc(21)
		}
		want = append(want, s)
		must(t, b.CreateSession(t.Context(), s))
	}
	must(t, b.CreateSession(t.Context(), sessionOf("b", "bob", time.Time{})))
	for what, c := range map[string]struct {
		f     login.SessionFilter
		limit int
		want  []login.Session
	}{
		"all":         {login.SessionFilter{Subject: "ann"}, 10, want},
		"the first":   {login.SessionFilter{Subject: "ann"}, 3, want[:3]},
		"alive":       {login.SessionFilter{Subject: "ann", LiveAt: at(22)}, 3, []login.Session{want[0], want[1], want[3]}},
		"but for one": {login.SessionFilter{Subject: "ann", Except: "s9"}, 2, want[1:3]},
		"one":         {login.SessionFilter{Subject: "ann", ID: "s8"}, 2, want[1:2]},
		"another's":   {login.SessionFilter{Subject: "ann", ID: "b"}, 2, []login.Session{}},
		"nobody's":    {login.SessionFilter{Subject: "carol"}, 2, []login.Session{}},
	} {
		got, err := b.LatestSessions(t.Context(), c.f, c.limit)
		must(t, err)
		same(t, what, got, c.want)
	}
}

func setupReplace(t *testing.T, b Backend) {
	if _, err := b.SetupLink(t.Context(), "first"); !errors.Is(err, login.ErrNotFound) {
		t.Errorf("SetupLink of an empty store: got %v, want ErrNotFound", err)
	}
	must(t, b.ReplaceSetupLink(t.Context(), login.SetupLink{TokenHash: "first", ExpiresAt: fine(1)}))
	got, err := b.SetupLink(t.Context(), "first")
	must(t, err)
	same(t, "link", got, login.SetupLink{TokenHash: "first", ExpiresAt: utc(1)})

	must(t, b.ReplaceSetupLink(t.Context(), login.SetupLink{TokenHash: "second", ExpiresAt: at(2)}))
	must(t, b.ReplaceSetupLink(t.Context(), login.SetupLink{TokenHash: "second", ExpiresAt: at(3)}))
	if _, err := b.SetupLink(t.Context(), "first"); !errors.Is(err, login.ErrNotFound) {
		t.Errorf("the replaced link: got %v, want ErrNotFound", err)
	}
	got, err = b.SetupLink(t.Context(), "second")
	must(t, err)
	same(t, "link replaced by itself", got, login.SetupLink{TokenHash: "second", ExpiresAt: utc(3)})
}

func setupUse(t *testing.T, b Backend) {
	admin := fullPerson("1", "admin", "admin@example.com")
	if err := b.UseSetupLink(t.Context(), "link", admin); !errors.Is(err, login.ErrNotFound) {
		t.Errorf("a link that never was: got %v, want ErrNotFound", err)
	}
	must(t, b.ReplaceSetupLink(t.Context(), login.SetupLink{TokenHash: "link", ExpiresAt: at(1)}))
	if n, err := b.CountPeople(t.Context()); err != nil || n != 0 {
		t.Errorf("CountPeople before: got %d, %v, want 0", n, err)
	}
	must(t, b.UseSetupLink(t.Context(), "link", admin))
	got, err := b.PersonByLogin(t.Context(), key(t, "admin"))
	must(t, err)
	same(t, "administrator", got, admin)
	if _, err := b.SetupLink(t.Context(), "link"); !errors.Is(err, login.ErrNotFound) {
		t.Errorf("the used link: got %v, want ErrNotFound", err)
	}
	if err := b.UseSetupLink(t.Context(), "link", fullPerson("2", "mallory", "")); !errors.Is(err, login.ErrNotFound) {
		t.Errorf("using it again: got %v, want ErrNotFound", err)
	}
	if n, err := b.CountPeople(t.Context()); err != nil || n != 1 {
		t.Errorf("CountPeople after: got %d, %v, want 1", n, err)
	}
}

func setupTaken(t *testing.T, b Backend) {
	must(t, b.CreatePerson(t.Context(), fullPerson("1", "ann", "ann@example.com")))
	must(t, b.ReplaceSetupLink(t.Context(), login.SetupLink{TokenHash: "link", ExpiresAt: at(1)}))
	if err := b.UseSetupLink(t.Context(), "link", fullPerson("2", "ANN", "")); !errors.Is(err, login.ErrTaken) {
		t.Errorf("a taken name: got %v, want ErrTaken", err)
	}
	must(t, b.UseSetupLink(t.Context(), "link", fullPerson("2", "bob", "")))
}

func raceSetup(t *testing.T, b Backend) {
	must(t, b.ReplaceSetupLink(t.Context(), login.SetupLink{TokenHash: "link", ExpiresAt: at(1)}))
	won, lost := race(t, 20, func(err error) bool { return errors.Is(err, login.ErrNotFound) }, func(i int) error {
		return b.UseSetupLink(t.Context(), "link", login.Person{ID: fmt.Sprint(i), Username: fmt.Sprint("admin", i)})
	})
	if n, err := b.CountPeople(t.Context()); won != 1 || lost != 19 || n != 1 || err != nil {
		t.Errorf("%d uses won, %d lost, %d people (%v), want 1, 19 and 1", won, lost, n, err)
	}
}

// raceReplace: of links made at once, only the last one works.
func raceReplace(t *testing.T, b Backend) {
	none := func(error) bool { return false }
	race(t, 20, none, func(i int) error {
		return b.ReplaceSetupLink(t.Context(), login.SetupLink{TokenHash: fmt.Sprint("link", i), ExpiresAt: at(1)})
	})
	left := 0
	for i := range 20 {
		switch _, err := b.SetupLink(t.Context(), fmt.Sprint("link", i)); {
		case err == nil:
			left++
		case !errors.Is(err, login.ErrNotFound):
			t.Error(err)
		}
	}
	if left != 1 {
		t.Errorf("%d links work, want 1", left)
	}
}
