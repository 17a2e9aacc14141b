package demo

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

const (
	// cookieName is the app's own: cookies do not tell ports apart, and the
	// issuer is on the same host. On https, call it "__Host-…" and set Secure.
	cookieName = "photo_printer"
	// sessionFor is how long the app remembers someone.
	sessionFor = 12 * time.Hour
	// maxPending is how many sign-ins one browser may have begun.
	maxPending = 10
)

// session is one browser at the app. Tokens stay here, at the server; the
// browser holds a random cookie.
type session struct {
	// mu is held for a whole request, so that two tabs refresh one after the
	// other and the second uses what the first got.
	mu      sync.Mutex
	expires time.Time
	// pending holds the sign-ins that wait for their answer, by state: people
	// open several tabs.
	pending map[string]pending
	// user is who is signed in, nil for nobody.
	user *user
}

// pending is what must match when the answer comes.
type pending struct{ nonce, verifier string }

// user is what the issuer said about who is signed in.
type user struct {
	tokens   *oauth2.Token
	idToken  string
	claims   map[string]any // of the ID token
	userInfo map[string]any
	// notice and answer are what the last button led to.
	notice, answer string
}

// sessions keeps every session in memory, by the value of its cookie.
type sessions struct {
	mu  sync.Mutex
	all map[string]*session
}

// find returns the session of a request, or nil.
func (ss *sessions) find(r *http.Request) *session {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.all[cookie.Value]
	if s == nil || time.Now().After(s.expires) {
		return nil
	}
	return s
}

// start gives a browser a new, empty session.
func (ss *sessions) start(w http.ResponseWriter) *session {
	s := &session{expires: time.Now().Add(sessionFor), pending: map[string]pending{}}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for id, old := range ss.all {
		if time.Now().After(old.expires) {
			delete(ss.all, id)
		}
	}
	ss.keep(w, s)
	return s
}

// renew gives a session another cookie: nobody who knew the one from before
// the sign-in has a part in it (session fixation).
func (ss *sessions) renew(w http.ResponseWriter, r *http.Request, s *session) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.forget(r)
	ss.keep(w, s)
}

// end ends the session of a request.
func (ss *sessions) end(w http.ResponseWriter, r *http.Request) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.forget(r)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (ss *sessions) keep(w http.ResponseWriter, s *session) {
	id := rand.Text()
	ss.all[id] = s
	// Lax, not Strict: the browser comes back from the issuer with it.
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (ss *sessions) forget(r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		delete(ss.all, cookie.Value)
	}
}
