package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/authz/login"
	"signet/clients"
)

// The page of the person: who they are, where they are signed in, and which apps
// have access. Everything on it is found by the subject of the session at hand,
// and everything that it changes is changed under that subject alone: an id in a
// form can name nobody else's.

const (
	// maxShownSessions bounds the list of live sessions, maxRecent that of the
	// latest sign-ins.
	maxShownSessions, maxRecent = 50, 10
)

// accounts is what the page needs of *authz.Provider.
type accounts interface {
	Account(ctx context.Context, subject string) (login.Person, error)
	AccessOf(ctx context.Context, subject string) ([]authz.Access, error)
	Withdraw(ctx context.Context, subject, clientID string) error
}

// sessionLists is what the page needs of *login.Service.
type sessionLists interface {
	Sessions(ctx context.Context, f login.SessionFilter, limit int) ([]login.Session, error)
	EndSessions(ctx context.Context, f login.SessionFilter) ([]login.Session, error)
	Remembers() time.Duration
}

type accountView struct {
	// Said is what the last form has done.
	Said                               string
	Name, Username, Email              string
	Token                              string
	EndOne, EndOthers, Revoke, SignOut string
	Sessions                           []sessionRow
	// Others says that there is a session beside this one, More that there are
	// more than are shown.
	Others, More bool
	Apps         []accessRow
	Recent       []sessionRow
}

// sessionRow is one session in words.
type sessionRow struct {
	ID, Device, Agent, Address string
	This, Remembered           bool
	Began, Used, Ended         moment
	State                      string
}

// accessRow is one app in words.
type accessRow struct {
	App         appView
	ID          string
	Scopes      []authz.ScopeText
	Since, Used moment
}

// showAccount shows the page, or asks for a sign-in first.
func (s *server) showAccount(c echo.Context) error {
	sess, person, err := s.owner(c)
	if err != nil {
		return err
	}
	if sess == nil {
		return s.showAccountLogin(c, loginForm{})
	}
	v, err := s.accountView(c, sess, person)
	if err != nil {
		return err
	}
	return s.pages.render(c, page{name: "account", status: http.StatusOK, title: s.texts.AccountTitle, wide: true, alone: true, view: v})
}

// owner is whose page this is, nil when nobody is signed in.
func (s *server) owner(c echo.Context) (*login.Session, login.Person, error) {
	sess, err := s.session(c)
	if err != nil || sess == nil {
		return nil, login.Person{}, err
	}
	person, err := s.accounts.Account(c.Request().Context(), sess.Subject)
	if errors.Is(err, login.ErrNotFound) {
		return nil, login.Person{}, nil
	}
	return sess, person, err
}

func (s *server) accountView(c echo.Context, sess *login.Session, person login.Person) (accountView, error) {
	ctx := c.Request().Context()
	browser, err := s.ensureBrowser(c)
	if err != nil {
		return accountView{}, err
	}
	// This session is shown in any case, so the others are asked for apart.
	f := login.SessionFilter{Subject: sess.Subject, Except: sess.ID, LiveAt: s.cfg.Now().UTC()}
	live, err := s.sessionLists.Sessions(ctx, f, maxShownSessions+1)
	if err != nil {
		return accountView{}, err
	}
	latest, err := s.sessionLists.Sessions(ctx, login.SessionFilter{Subject: sess.Subject}, maxRecent)
	if err != nil {
		return accountView{}, err
	}
	apps, err := s.accounts.AccessOf(ctx, sess.Subject)
	if err != nil {
		return accountView{}, err
	}
	v := accountView{
		Said: s.said(c, sess), Name: tidy(person.Profile.Name), Username: tidy(person.Username), Email: clip(tidyLong(person.Email), 320),
		Token:  s.accountToken(browser, sess),
		EndOne: s.url(pathAccount + "/sessions/end"), EndOthers: s.url(pathAccount + "/sessions/end-others"),
		Revoke: s.url(pathAccount + "/apps/revoke"), SignOut: s.url(pathLogout),
		Others: len(live) > 0, More: len(live) > maxShownSessions,
	}
	for _, one := range append([]login.Session{*sess}, live[:min(len(live), maxShownSessions)]...) {
		v.Sessions = append(v.Sessions, s.sessionRow(&one, sess.ID))
	}
	for _, one := range latest {
		v.Recent = append(v.Recent, s.sessionRow(&one, sess.ID))
	}
	for _, a := range apps {
		v.Apps = append(v.Apps, s.accessRow(c, a))
	}
	return v, nil
}

func (s *server) sessionRow(v *login.Session, this string) sessionRow {
	now := s.cfg.Now()
	row := sessionRow{
		ID: v.ID, Device: s.texts.device(v.Device.UserAgent), Agent: clip(tidyLong(v.Device.UserAgent), 256), Address: tidy(v.Device.Address),
		This: v.ID == this, Remembered: v.Device.Remembered,
		Began: s.texts.moment(v.CreatedAt, now), Used: s.texts.moment(v.LastUsed, now),
		State: s.texts.SessionActive,
	}
	switch {
	case row.This:
		row.State = s.texts.SessionThis
		row.Used = s.texts.moment(now, now)
	case !v.EndedAt.IsZero():
		row.State, row.Ended = s.texts.SessionEnded, s.texts.moment(v.EndedAt, now)
	case !now.Before(v.ExpiresAt):
		row.State, row.Ended = s.texts.SessionExpired, s.texts.moment(v.ExpiresAt, now)
	}
	return row
}

func (s *server) accessRow(c echo.Context, a authz.Access) accessRow {
	step := authz.Step{Client: a.Client, ClientHost: a.ClientHost}
	if len(a.Client.RedirectURIs) > 0 {
		step.RedirectURI = a.Client.RedirectURIs[0]
	}
	now := s.cfg.Now()
	return accessRow{
		App: s.appOf(step, clients.Languages("", c.Request().Header.Get("Accept-Language"))),
		ID:  a.Client.ID, Scopes: scopeTexts(a.Scopes),
		Since: s.texts.moment(a.Since, now), Used: s.texts.moment(a.LastUsed, now),
	}
}

// tidyLong is tidy without its limit, for what has one of its own.
func tidyLong(text string) string {
	var parts []string
	for _, word := range strings.Fields(text) {
		if word = tidy(word); word != "" {
			parts = append(parts, word)
		}
	}
	return strings.Join(parts, " ")
}
