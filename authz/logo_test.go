package authz_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/fetch"
	"signet/authz/storetest"
	"signet/clients"
	"signet/keys"
)

// web is the world outside, by URL.
type web struct {
	mu      sync.Mutex
	pages   map[string]fetch.Response
	fetched map[string]int
	most    int64
}

func (w *web) Do(_ context.Context, r fetch.Request) (*fetch.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fetched[r.URL]++
	w.most = r.MaxBytes
	if page, ok := w.pages[r.URL]; ok {
		return &page, nil
	}
	return nil, fetch.ErrAddress
}

func (w *web) count(url string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fetched[url]
}

const logoHost = "https://app.example.test/"

// pictures are the beginnings of files, by the type that they are.
func pictures() map[string]string {
	return map[string]string{
		"image/png": "\x89PNG\r\n\x1a\n....", "image/jpeg": "\xff\xd8\xff\xe0....", "image/gif": "GIF89a....", "image/webp": "RIFF\x10\x00\x00\x00WEBPVP8 ....",
	}
}

// newGallery is a provider on memory whose fetcher knows pages, with a clock
// that moves by the pointer.
func newGallery(t *testing.T, pages map[string]fetch.Response) (*storetest.Memory, *web, *authz.Provider, *time.Time) {
	t.Helper()
	db, outside := storetest.NewMemory(), &web{pages: pages, fetched: map[string]int{}}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	ring, err := keys.Open(t.Context(), keys.Config{
		Store: db, SealingKey: bytes.Repeat([]byte{1}, 32),
		Schedule: keys.NewSchedule(keys.ScheduleOptions{RotateEvery: 24 * time.Hour, TokenLifetime: time.Minute}),
	})
	if err != nil {
		t.Fatal(err)
	}
	p := newProvider(t, db, ring, nil, func(c *authz.Config) { c.Fetch, c.Now = outside, func() time.Time { return now } })
	return db, outside, p, &now
}

// Only what begins like a picture is one, whatever it calls itself; SVG, which
// can hold scripts, is none.
func TestLogoIsWhatItsContentSays(t *testing.T) {
	pages := map[string]fetch.Response{}
	want := map[string]string{}
	for kind, body := range pictures() {
		pages[logoHost+kind] = fetch.Response{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte(body)}
		want[kind] = kind
	}
	for name, body := range map[string]string{
		"svg": `<svg xmlns="http://www.w3.org/2000/svg"/>`, "xml": `<?xml version="1.0"?><svg/>`, "html": "<!doctype html><script>alert(1)</script>", "text": "hello", "empty": "",
		"ico": "\x00\x00\x01\x00", "pdf": "%PDF-1.7", "almost": "\x89PN",
	} {
		pages[logoHost+name] = fetch.Response{Status: 200, Header: http.Header{"Content-Type": {"image/png"}}, Body: []byte(body)}
		want[name] = ""
	}
	for _, status := range []int{204, 206, 301, 404, 500} {
		pages[logoHost+fmt.Sprint(status)] = fetch.Response{Status: status, Body: []byte(pictures()["image/png"])}
		want[fmt.Sprint(status)] = ""
	}
	want["unreachable"] = ""
	db, outside, p, _ := newGallery(t, pages)
	for name, kind := range want {
		uri := logoHost + name
		if err := db.CreateClient(t.Context(), clients.Client{ID: name, LogoURI: uri}); err != nil {
			t.Fatal(err)
		}
		logo, client, err := p.Logo(t.Context(), name, authz.LogoKey(uri))
		if logo.ContentType != kind || (kind == "") != errors.Is(err, authz.ErrNoLogo) || client.ID != name {
			t.Errorf("%s: %q of %q, %v", name, logo.ContentType, client.ID, err)
		}
		if string(logo.Body) != pictures()[kind] {
			t.Errorf("%s: body %q", name, logo.Body)
		}
	}
	if outside.most != 256<<10 {
		t.Errorf("at most %d bytes are read, want 256 KiB", outside.most)
	}
}

// It is fetched once, for all who look at once; what could not be had is asked
// for again after some minutes, what was had after some hours.
func TestLogoIsKept(t *testing.T) {
	good, bad := logoHost+"good", logoHost+"bad"
	db, outside, p, now := newGallery(t, map[string]fetch.Response{good: {Status: 200, Body: []byte(pictures()["image/png"])}})
	for id, uri := range map[string]string{"good": good, "bad": bad} {
		if err := db.CreateClient(t.Context(), clients.Client{ID: id, LogoURI: uri}); err != nil {
			t.Fatal(err)
		}
	}
	look := func() {
		t.Helper()
		var all sync.WaitGroup
		for range 10 {
			for id, uri := range map[string]string{"good": good, "bad": bad} {
				all.Go(func() {
					if _, _, err := p.Logo(t.Context(), id, authz.LogoKey(uri)); (err == nil) != (id == "good") {
						t.Errorf("%s: %v", id, err)
					}
				})
			}
		}
		all.Wait()
	}
	wantFetched := func(wantGood, wantBad int) {
		t.Helper()
		if outside.count(good) != wantGood || outside.count(bad) != wantBad {
			t.Errorf("fetched %d and %d times, want %d and %d", outside.count(good), outside.count(bad), wantGood, wantBad)
		}
	}
	look()
	wantFetched(1, 1)
	*now = now.Add(6 * time.Minute)
	look()
	wantFetched(1, 2)
	*now = now.Add(7 * time.Hour)
	look()
	wantFetched(2, 3)
	// A visitor who has left is no reason to think that there is no logo.
	*now = now.Add(7 * time.Hour)
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, _, _ = p.Logo(gone, "good", authz.LogoKey(good))
	look()
}

// Nobody can have anything fetched but the logo of a client that is there.
func TestLogoIsNoProxy(t *testing.T) {
	picture := fetch.Response{Status: 200, Body: []byte(pictures()["image/png"])}
	french := logoHost + "fr.png"
	db, outside, p, _ := newGallery(t, map[string]fetch.Response{logoHost + "a.png": picture, logoHost + "evil.png": picture, french: picture})
	for _, c := range []clients.Client{
		{ID: "a", LogoURI: logoHost + "a.png", Localized: map[string]string{"logo_uri#fr": french, "client_uri#fr": logoHost + "evil.png"}},
		{ID: "off", LogoURI: logoHost + "a.png", Disabled: true},
		{ID: "none"},
	} {
		if err := db.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for _, ask := range [][2]string{
		{"a", logoHost + "evil.png"}, {"a", ""}, {"off", logoHost + "a.png"}, {"none", ""}, {"none", logoHost + "a.png"}, {"nobody", logoHost + "a.png"}, {"", ""},
	} {
		if _, _, err := p.Logo(t.Context(), ask[0], authz.LogoKey(ask[1])); !errors.Is(err, authz.ErrNoLogo) {
			t.Errorf("%q: %v", ask, err)
		}
	}
	if len(outside.fetched) != 0 {
		t.Errorf("fetched %v", outside.fetched)
	}
	if logo, _, err := p.Logo(t.Context(), "a", authz.LogoKey(french)); err != nil || logo.ContentType != "image/png" {
		t.Errorf("in French: %v", err)
	}
}

// Strangers' logos take no more memory than they may.
func TestLogosAreBounded(t *testing.T) {
	pages := map[string]fetch.Response{}
	body := []byte(pictures()["image/png"] + strings.Repeat("x", 250<<10))
	const many = 100
	db, outside, p, now := newGallery(t, pages)
	for n := range many {
		uri := logoHost + fmt.Sprint(n)
		pages[uri] = fetch.Response{Status: 200, Body: body}
		if err := db.CreateClient(t.Context(), clients.Client{ID: fmt.Sprint(n), LogoURI: uri}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range many {
		*now = now.Add(time.Second)
		if _, _, err := p.Logo(t.Context(), fmt.Sprint(n), authz.LogoKey(logoHost+fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{many - 1, 0} { // the newest is kept, the oldest was given up
		if _, _, err := p.Logo(t.Context(), fmt.Sprint(n), authz.LogoKey(logoHost+fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
	}
	if outside.count(logoHost+"99") != 1 || outside.count(logoHost+"0") != 2 {
		t.Errorf("the newest was fetched %d times, the oldest %d times", outside.count(logoHost+"99"), outside.count(logoHost+"0"))
	}
}
