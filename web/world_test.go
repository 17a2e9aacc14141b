package web

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/clients"
)

// world is a server on fakes.
type world struct {
	t      *testing.T
	authz  *fakeAuthz
	login  *fakeLogin
	clock  *clock
	server *server
	http   http.Handler
	log    *lockedBuffer
	issuer string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}
func (b *lockedBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }

const lifetime = 30 * time.Minute

func newWorld(t *testing.T, issuer string, change ...func(*Config)) *world {
	t.Helper()
	ada := login.Person{ID: "sub-ada", Username: "ada"}
	bob := login.Person{ID: "sub-bob", Username: "bob"}
	w := &world{t: t, issuer: issuer, clock: &clock{t: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}, log: &lockedBuffer{}}
	w.authz = &fakeAuthz{
		client:   clients.Client{ID: "photos", Name: "Photo Printer", RedirectURIs: []string{"https://photos.example.test/cb"}},
		consents: map[string]bool{}, people: map[string]login.Person{ada.ID: ada, bob.ID: bob},
		scopes: []authz.ScopeText{{Name: "profile", Text: "See your name and picture"}},
	}
	w.login = &fakeLogin{people: map[string]login.Person{"ada": ada, "bob": bob}, live: map[string]login.Session{}, clock: w.clock}
	cfg := Config{
		Issuer: issuer, CookieKey: bytes.Repeat([]byte{7}, 32), InteractionLifetime: lifetime, Now: w.clock.now,
		Logger: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&cfg)
	}
	answer := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		}
	}
	s, err := newServer(cfg, rooms{
		authorize: w.authz, logout: w.authz, after: w.authz, people: w.login, sessions: w.login, sessionLists: w.login, accounts: w.authz, setup: w.login, origins: w.authz, logos: w.authz,
		token: answer(`{"token":1}`), userInfo: answer(`{"sub":1}`), introspect: answer(`{}`), revoke: answer(`{}`),
		metadata: answer(`{"issuer":1}`), keySet: answer(`{"keys":[]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.server, w.http = s, s.routes()
	return w
}

// browser keeps cookies by their attributes and follows nothing by itself.
type browser struct {
	w    *world
	jar  http.CookieJar
	head http.Header
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{w: w, jar: jar, head: http.Header{}}
}

type answer struct {
	*httptest.ResponseRecorder
	t    *testing.T
	body string
}

func (b *browser) do(method, target string, form url.Values) answer {
	b.w.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.w.server.origin() + target
	}
	u, err := url.Parse(target)
	if err != nil {
		b.w.t.Fatal(err)
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, target, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range b.head {
		r.Header[k] = v
	}
	for _, ck := range b.jar.Cookies(u) {
		r.AddCookie(ck)
	}
	rec := httptest.NewRecorder()
	b.w.http.ServeHTTP(rec, r)
	b.jar.SetCookies(u, rec.Result().Cookies())
	return answer{rec, b.w.t, rec.Body.String()}
}

func (b *browser) get(target string) answer { b.w.t.Helper(); return b.do("GET", target, nil) }
func (b *browser) post(target string, form url.Values) answer {
	b.w.t.Helper()
	return b.do("POST", target, form)
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("status %d, want %d\nLocation: %s\n%s", a.Code, status, a.Header().Get("Location"), a.body)
	}
	return a
}

func (a answer) location() string { return a.Header().Get("Location") }

func (a answer) wantLocation(prefix string) answer {
	a.t.Helper()
	a.want(http.StatusSeeOther)
	if !strings.HasPrefix(a.location(), prefix) {
		a.t.Fatalf("Location %q, want it to begin with %q", a.location(), prefix)
	}
	return a
}

func (a answer) contains(parts ...string) answer {
	a.t.Helper()
	for _, p := range parts {
		if !strings.Contains(a.body, p) {
			a.t.Fatalf("the page lacks %q:\n%s", p, a.body)
		}
	}
	return a
}

func (a answer) lacks(parts ...string) answer {
	a.t.Helper()
	for _, p := range parts {
		if strings.Contains(a.body, p) {
			a.t.Fatalf("the page has %q:\n%s", p, a.body)
		}
	}
	return a
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// csrf returns the form token that stands last on the page: on the consent
// page that of Allow and Deny.
func (a answer) csrf() string {
	a.t.Helper()
	all := csrfField.FindAllStringSubmatch(a.body, -1)
	if all == nil {
		a.t.Fatalf("no form token on the page:\n%s", a.body)
	}
	return all[len(all)-1][1]
}

func authorizeQuery(extra ...string) string {
	v := url.Values{"client_id": {"photos"}, "response_type": {"code"}, "state": {"STATE-1"}}
	for i := 0; i+1 < len(extra); i += 2 {
		v.Set(extra[i], extra[i+1])
	}
	return v.Encode()
}

// begin opens the authorization endpoint and returns the URL it leads to.
func (b *browser) begin(extra ...string) string {
	b.w.t.Helper()
	return b.get(b.w.server.url(pathAuthorize) + "?" + authorizeQuery(extra...)).want(http.StatusSeeOther).location()
}

// signIn signs in at a login page.
func (b *browser) signIn(page, who string) answer {
	b.w.t.Helper()
	p := b.get(page).want(200)
	return b.post(page, url.Values{"csrf": {p.csrf()}, "username": {who}, "password": {password}})
}

func (b *browser) cookie(name string) string {
	u, _ := url.Parse(b.w.issuer + "/")
	for _, ck := range b.jar.Cookies(u) {
		if ck.Name == name {
			return ck.Value
		}
	}
	return ""
}

var errBroken = errors.New("the database is on fire")
