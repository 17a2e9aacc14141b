package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Lists are read page by page, and a cursor is good for its list and filters
// alone (SECURITY 17).
func TestAdminPages(t *testing.T) {
	i := start(t)
	o := i.operator(t)
	var want []string
	for n := range 7 {
		id := fmt.Sprintf("app-%d", n)
		i.webApp(t, id)
		want = append(want, id)
	}
	want = append(want, "ops")
	var got []string
	path := "/clients?limit=3"
	pages := 0
	var cursors []string
	for ; path != ""; pages++ {
		i.queries.take()
		a := o.call(http.MethodGet, path, "", http.StatusOK)
		if reads, _ := i.queries.take(); len(reads) > 4 || !strings.Contains(reads[len(reads)-1], "LIMIT") {
			t.Errorf("a page takes %q", reads)
		}
		for _, item := range a.items() {
			got = append(got, item["client_id"].(string))
		}
		path = ""
		if next := a.str("next_cursor"); next != "" {
			cursors = append(cursors, next)
			link := regexp.MustCompile(`^<([^>]+)>; rel="next"$`).FindStringSubmatch(a.Header.Get("Link"))
			if link == nil {
				t.Fatalf("Link: %q", a.Header.Get("Link"))
			}
			path = strings.TrimPrefix(link[1], adminPath)
		} else if a.Header.Get("Link") != "" {
			t.Errorf("the last page links on: %q", a.Header.Get("Link"))
		}
	}
	if pages != 3 || !slices.Equal(got, want) {
		t.Errorf("%d pages: %v, want %v", pages, got, want)
	}
	cursor := cursors[0]
	if a := o.call(http.MethodGet, "/clients?limit=100&cursor="+cursor, "", http.StatusOK); len(a.items()) != 5 {
		t.Errorf("another limit: %s", a.Raw)
	}
	for n := range len(cursor) {
		changed := cursor[:n] + flip(cursor[n]) + cursor[n+1:]
		o.refused(http.MethodGet, "/clients?cursor="+changed, "", http.StatusBadRequest, "cursor")
		if n > 0 {
			o.refused(http.MethodGet, "/clients?cursor="+cursor[:n], "", http.StatusBadRequest, "cursor")
		}
	}
	for _, path := range []string{"/people?cursor=" + cursor, "/grants?cursor=" + cursor, "/sessions?cursor=" + cursor, "/clients?cursor=" + cursor + "A", "/clients?cursor=YXBwLTI"} {
		o.refused(http.MethodGet, path, "", http.StatusBadRequest, "cursor")
	}
	i.person(t, "ada")
	secret := i.webApp(t, "many")
	for range 3 {
		i.tokens(t, newBrowser(t), "ada", "many", secret)
	}
	next := o.call(http.MethodGet, "/grants?client_id=many&limit=1", "", http.StatusOK).str("next_cursor")
	o.call(http.MethodGet, "/grants?limit=2&client_id=many&cursor="+next, "", http.StatusOK)
	for _, filters := range []string{"", "&client_id=app-1", "&client_id=many&live=false", "&client_id=many&sub=x"} {
		o.refused(http.MethodGet, "/grants?cursor="+next+filters, "", http.StatusBadRequest, "cursor")
	}
	sessions := o.call(http.MethodGet, "/sessions?limit=2", "", http.StatusOK)
	rest := o.call(http.MethodGet, "/sessions?limit=2&cursor="+sessions.str("next_cursor"), "", http.StatusOK)
	if len(sessions.items()) != 2 || len(rest.items()) != 1 {
		t.Errorf("sessions: %s, %s", sessions.Raw, rest.Raw)
	}
	i.clock.Advance(13 * time.Hour)
	o.token = i.adminToken(t, "ops", o.secret, "signet:read")
	if list := o.call(http.MethodGet, "/sessions", "", http.StatusOK).items(); len(list) != 0 {
		t.Errorf("expired sessions are alive: %v", list)
	}
}
