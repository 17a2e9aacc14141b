package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"signet/authz/login"
	"signet/clients"
)

// readPages reads page after page, and fails when one is larger than asked.
func readPages[T any](t *testing.T, limit int, read func(after string) ([]T, error), id func(T) string) []T {
	t.Helper()
	var all []T
	after := ""
	for {
		page, err := read(after)
		must(t, err)
		if len(page) > limit {
			t.Fatalf("a page of %d, want %d at most", len(page), limit)
		}
		all = append(all, page...)
		if len(page) < limit {
			return all
		}
		after = id(page[len(page)-1])
	}
}

func pageClients(t *testing.T, b Backend) {
	page, err := b.ClientsPage(t.Context(), "", 10)
	must(t, err)
	same(t, "a page of an empty store", page, []clients.Client{})
	for _, id := range []string{"b", "ä", "B", "a", "a-1"} {
		must(t, b.CreateClient(t.Context(), fullClient(id)))
	}
	want, err := b.Clients(t.Context())
	must(t, err)
	for _, limit := range []int{1, 2, 5, 100} {
		got := readPages(t, limit, func(after string) ([]clients.Client, error) {
			return b.ClientsPage(t.Context(), after, limit)
		}, func(c clients.Client) string { return c.ID })
		same(t, fmt.Sprintf("clients by pages of %d", limit), got, want)
	}
	page, err = b.ClientsPage(t.Context(), "aa", 1)
	must(t, err)
	same(t, "after an id that is gone", page, want[3:4])
	ours := fullClient("ours")
	ours.Source = clients.SourceAPI
	must(t, b.CreateClient(t.Context(), ours))
	of, err := b.ClientsOf(t.Context(), clients.SourceAPI)
	must(t, err)
	same(t, "the clients of a source", of, []clients.Client{ours})
	if of, err := b.ClientsOf(t.Context(), clients.SourceDynamic); err != nil || len(of) != 0 {
		t.Errorf("of a source without clients: %v, %v", of, err)
	}
}

func pagePeople(t *testing.T, b Backend) {
	var want []login.Person
	for _, id := range []string{"1", "2", "3", "4", "5"} {
		p := fullPerson(id, "z"+id, "")
		want = append(want, p)
	}
	for _, n := range []int{3, 0, 4, 2, 1} {
		must(t, b.CreatePerson(t.Context(), want[n]))
	}
	for _, limit := range []int{1, 2, 5, 100} {
		got := readPages(t, limit, func(after string) ([]login.Person, error) {
			return b.PeoplePage(t.Context(), after, limit)
		}, func(p login.Person) string { return p.ID })
		same(t, fmt.Sprintf("people by pages of %d", limit), got, want)
	}
}

// sessionOf is a session that is alive until minute 30 unless it has ended.
func sessionOf(id, subject string, ended time.Time) login.Session {
	s := fullSession(id)
	s.Subject, s.ExpiresAt, s.EndedAt = subject, utc(30), ended
	return s
}

func pageSessions(t *testing.T, b Backend) {
	var anns, all []login.Session
	for n := range 6 {
		ended := time.Time{}
		if n%2 == 1 {
			ended = utc(5)
		}
		ann, bob := sessionOf(fmt.Sprint("a", n), "ann", ended), sessionOf(fmt.Sprint("b", n), "bob", time.Time{})
		must(t, b.CreateSession(t.Context(), bob))
		must(t, b.CreateSession(t.Context(), ann))
		anns, all = append(anns, ann), append(all, bob)
	}
	all = append(append([]login.Session{}, anns...), all...)
	read := func(f login.SessionFilter) []login.Session {
		return readPages(t, 2, func(after string) ([]login.Session, error) {
			return b.SessionsPage(t.Context(), f, after, 2)
		}, func(s login.Session) string { return s.ID })
	}
	same(t, "all sessions", read(login.SessionFilter{}), all)
	same(t, "those of one person", read(login.SessionFilter{Subject: "ann"}), anns)
	same(t, "those alive", read(login.SessionFilter{Subject: "ann", LiveAt: at(29)}), []login.Session{anns[0], anns[2], anns[4]})
	same(t, "when all have expired", len(read(login.SessionFilter{LiveAt: at(30)})), 0)
	got, err := b.SessionByID(t.Context(), "a1")
	must(t, err)
	same(t, "one by its id", got, anns[1])
	if _, err := b.SessionByID(t.Context(), "nowhere"); !errors.Is(err, login.ErrNotFound) {
		t.Errorf("SessionByID: got %v, want ErrNotFound", err)
	}
}

func endSessions(t *testing.T, b Backend) {
	for _, s := range []login.Session{
		sessionOf("a", "ann", time.Time{}), sessionOf("b", "ann", time.Time{}), sessionOf("c", "ann", utc(5)), sessionOf("d", "bob", time.Time{}),
	} {
		must(t, b.CreateSession(t.Context(), s))
	}
	if _, err := b.EndSessions(t.Context(), login.SessionFilter{ID: "a"}, at(10)); !errors.Is(err, login.ErrNoFilter) {
		t.Errorf("without a person: got %v, want ErrNoFilter", err)
	}
	for what, f := range map[string]login.SessionFilter{
		"another's": {Subject: "ann", ID: "d"}, "one that has ended": {Subject: "ann", ID: "c"}, "one that is not": {Subject: "ann", ID: "x"},
	} {
		got, err := b.EndSessions(t.Context(), f, at(9))
		must(t, err)
		same(t, what, len(got), 0)
	}
	for n, f := range []login.SessionFilter{{Subject: "ann", Except: "a"}, {Subject: "ann"}, {Subject: "ann"}} {
		got, err := b.EndSessions(t.Context(), f, fine(10))
		must(t, err)
		want := [][]login.Session{{sessionOf("b", "ann", utc(10))}, {sessionOf("a", "ann", utc(10))}, {}}[n]
		same(t, fmt.Sprint("sessions ended, round ", n), got, want)
	}
	for id, ended := range map[string]time.Time{"a": utc(10), "b": utc(10), "c": utc(5), "d": {}} {
		got, err := b.SessionByID(t.Context(), id)
		must(t, err)
		same(t, "end of "+id, got.EndedAt, ended)
	}
}
