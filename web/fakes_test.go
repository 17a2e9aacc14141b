package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/clients"
)

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// fakeRequest is an authorization request as its parameters.
type fakeRequest url.Values

func (r fakeRequest) Marshal() ([]byte, error) { return json.Marshal(r) }
func (r fakeRequest) Query() url.Values        { return url.Values(r) }
func (r fakeRequest) Refuse(code, description string) *authz.Error {
	params := url.Values{"error": {code}, "error_description": {description}, "state": r["state"], "iss": {httpsIssuer}}
	return &authz.Error{Code: code, Description: description, Status: 400,
		Response: &authz.Response{RedirectURI: callback, Mode: "query", Params: params}}
}

// fakeAuthz knows one app, which needs a sign-in and, unless it is first
// party, a consent.
type fakeAuthz struct {
	mu       sync.Mutex
	client   clients.Client
	host     string
	consents map[string]bool
	issued   int
	// people names the subjects.
	people map[string]login.Person
	scopes []authz.ScopeText
	old    []authz.ScopeText
	logout authz.Logout
	// frames are those of a logout, and ended the sessions that came to one.
	frames []string
	ended  []string
	seen   []url.Values
	fail   error
}

// The fake client has its origins by its redirect URIs, as real ones do.
func (a *fakeAuthz) OriginKnown(_ context.Context, origin string) (bool, error) {
	return a.client.AllowsOrigin(origin), a.fail
}

func (a *fakeAuthz) MayRead(_ *http.Request, origin string) bool {
	return a.client.AllowsOrigin(origin)
}

// Logo knows the picture of a logo_uri that ends in .png.
func (a *fakeAuthz) Logo(_ context.Context, clientID, key string) (authz.Logo, clients.Client, error) {
	switch uri := a.client.LogoURI; {
	case clientID != a.client.ID:
		return authz.Logo{}, clients.Client{}, authz.ErrNoLogo
	case authz.LogoKey(uri) != key || !strings.HasSuffix(uri, ".png"):
		return authz.Logo{}, a.client, authz.ErrNoLogo
	}
	return authz.Logo{ContentType: "image/png", Body: []byte("\x89PNG")}, a.client, nil
}

func (a *fakeAuthz) Begin(_ context.Context, form url.Values) (pending, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail != nil {
		return nil, a.fail
	}
	a.seen = append(a.seen, form)
	if form.Get("client_id") != a.client.ID {
		return nil, &authz.Error{Code: authz.CodeInvalidClient, Status: 401, Expected: "a registered client", Received: form.Get("client_id"),
			Description: "No app is registered under this client_id."}
	}
	if form.Get("response_type") != "code" {
		return nil, &authz.Error{Code: authz.CodeUnsupportedResponseType, Status: 400, Response: a.response(form, url.Values{"error": {authz.CodeUnsupportedResponseType}})}
	}
	return fakeRequest(form), nil
}

func (a *fakeAuthz) Restore(_ context.Context, saved []byte) (pending, error) {
	var r fakeRequest
	return r, json.Unmarshal(saved, &r)
}

func (a *fakeAuthz) response(form url.Values, params url.Values) *authz.Response {
	if st := form.Get("state"); st != "" {
		params.Set("state", st)
	}
	return &authz.Response{RedirectURI: a.client.RedirectURIs[0], Mode: form.Get("response_mode"), Params: params}
}

func (a *fakeAuthz) Advance(_ context.Context, p pending, s *login.Session, answer authz.Answer) (authz.Step, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := url.Values(p.(fakeRequest))
	step := authz.Step{Client: a.client, ClientHost: a.host, RedirectURI: a.client.RedirectURIs[0], LoginHint: r.Get("login_hint"), NewScopes: a.scopes, OldScopes: a.old}
	if s == nil {
		step.Kind = authz.StepLogin
		return step, nil
	}
	step.Person = a.people[s.Subject]
	switch {
	case answer == authz.Deny:
		step.Kind, step.Response = authz.StepRespond, a.response(r, url.Values{"error": {authz.CodeAccessDenied}})
		return step, nil
	case answer == authz.Allow:
		a.consents[s.Subject] = true
	}
	if !a.consents[s.Subject] && !a.client.FirstParty {
		step.Kind = authz.StepConsent
		return step, nil
	}
	a.issued++
	step.Kind, step.Response = authz.StepRespond, a.response(r, url.Values{"code": {fmt.Sprintf("SECRETCODE-%s-%d", s.Subject, a.issued)}})
	return step, nil
}

func (a *fakeAuthz) EndSession(_ context.Context, form url.Values, s *login.Session) (authz.Logout, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, form)
	return a.logout, a.fail
}

func (a *fakeAuthz) Account(_ context.Context, subject string) (login.Person, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.people[subject]
	if !ok {
		return p, login.ErrNotFound
	}
	return p, a.fail
}

func (a *fakeAuthz) AccessOf(_ context.Context, subject string) ([]authz.Access, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.consents[subject] {
		return nil, a.fail
	}
	return []authz.Access{{Client: a.client, ClientHost: a.host, Scopes: a.scopes, Since: time.Date(2026, 5, 1, 11, 0, 0, 0, time.UTC)}}, a.fail
}

func (a *fakeAuthz) Withdraw(_ context.Context, subject, clientID string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if clientID == a.client.ID {
		delete(a.consents, subject)
	}
	return a.fail
}

func (a *fakeAuthz) FrontchannelLogouts(context.Context, string) ([]string, error) {
	return a.frames, nil
}

func (a *fakeAuthz) SessionReplaced(_ context.Context, old, fresh login.Session) (bool, error) {
	return old.Subject == fresh.Subject, nil
}

func (a *fakeAuthz) SessionEnded(_ context.Context, s login.Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = append(a.ended, s.ID)
}

func (a *fakeAuthz) codes() int { a.mu.Lock(); defer a.mu.Unlock(); return a.issued }

// fakeLogin knows ada and bob; everybody's password is "correct horse".
type fakeLogin struct {
	mu      sync.Mutex
	people  map[string]login.Person // by username
	live    map[string]login.Session
	ended   []string
	n       int
	clock   *clock
	signErr error
	setErr  error
	setup   login.NewPerson
}

const password = "correct horse"

func (l *fakeLogin) SignIn(_ context.Context, name, pw string) (login.Person, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signErr != nil {
		return login.Person{}, l.signErr
	}
	p, ok := l.people[name]
	if !ok || pw != password {
		return login.Person{}, login.ErrMismatch
	}
	return p, nil
}

func (l *fakeLogin) StartSession(_ context.Context, subject string, amr []string, on login.Device) (login.Session, string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	s := login.Session{ID: fmt.Sprintf("sid-%d", l.n), Subject: subject, AuthTime: l.clock.now(), AMR: amr, Device: on, CreatedAt: l.clock.now(), LastUsed: l.clock.now(), ExpiresAt: l.clock.now().Add(24 * time.Hour)}
	token := fmt.Sprintf("session-token-%d", l.n)
	l.live[token] = s
	return s, token, nil
}

func (l *fakeLogin) Session(_ context.Context, token string) (login.Session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok := l.live[token]
	if !ok || slices.Contains(l.ended, s.ID) {
		return login.Session{}, login.ErrNoSession
	}
	return s, nil
}

func (l *fakeLogin) EndSession(_ context.Context, id string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = append(l.ended, id)
	return nil
}

func (l *fakeLogin) Remembers() time.Duration { return 30 * 24 * time.Hour }

func (l *fakeLogin) all(f login.SessionFilter) []login.Session {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []login.Session
	for _, s := range l.live {
		if slices.Contains(l.ended, s.ID) {
			s.EndedAt = l.clock.now()
		}
		if f.Matches(&s) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b login.Session) int { return strings.Compare(b.ID, a.ID) })
	return out
}

func (l *fakeLogin) Sessions(_ context.Context, f login.SessionFilter, limit int) ([]login.Session, error) {
	all := l.all(f)
	return all[:min(limit, len(all))], nil
}

func (l *fakeLogin) EndSessions(_ context.Context, f login.SessionFilter) ([]login.Session, error) {
	f.LiveAt = l.clock.now()
	all := l.all(f)
	for _, s := range all {
		l.ended = append(l.ended, s.ID)
	}
	return all, nil
}

const setupToken = "SETUPTOKEN"

func (l *fakeLogin) CheckSetupLink(_ context.Context, token string) error {
	if token != setupToken {
		return login.ErrSetupLink
	}
	return nil
}

func (l *fakeLogin) SetUp(ctx context.Context, token string, p login.NewPerson) (login.Person, error) {
	if err := l.CheckSetupLink(ctx, token); err != nil {
		return login.Person{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setup = p
	return login.Person{Username: p.Username}, l.setErr
}

func (l *fakeLogin) endedSessions() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ended)
}
