package demo

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

//go:embed pages
var files embed.FS

// view is what a page shows.
type view struct {
	Title string
	// SignedIn chooses between the two home pages.
	SignedIn         bool
	Name             string
	Notice, Answer   string
	Claims, UserInfo []claim
	Scope, Expires   string
	// Problem stands on the page that says what went wrong.
	Problem string
}

// claim is one line of what the issuer said.
type claim struct{ Name, Value string }

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	v := view{Title: "Photo Printer"}
	if s := a.sessions.find(r); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.user != nil {
			v.show(s.user)
		}
	}
	a.render(w, r, http.StatusOK, "home.html", v)
}

// show fills in what the app knows of u.
func (v *view) show(u *user) {
	v.SignedIn, v.Title = true, "Signed in"
	v.Name, _ = u.userInfo["name"].(string)
	v.Notice, v.Answer = u.notice, u.answer
	v.Claims, v.UserInfo = sorted(u.claims), sorted(u.userInfo)
	v.Expires = u.tokens.Expiry.Local().Format("15:04:05 MST")
	v.Scope, _ = u.tokens.Extra("scope").(string)
	if v.Scope == "" { // as asked for (RFC 6749, section 5.1)
		v.Scope = strings.Join(appScopes(), " ")
	}
}

// sorted writes claims as JSON does, in the order of their names.
func sorted(claims map[string]any) []claim {
	var out []claim
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		value, isText := claims[name].(string)
		if number, ok := claims[name].(float64); ok && isTime(name) {
			value, isText = time.Unix(int64(number), 0).Local().Format("2006-01-02 15:04:05 MST"), true
		}
		if !isText {
			encoded, err := json.Marshal(claims[name])
			if err != nil {
				continue // it was decoded from JSON, so it can be encoded
			}
			value = string(encoded)
		}
		out = append(out, claim{name, value})
	}
	return out
}

// isTime reports whether a claim counts seconds since 1970.
func isTime(name string) bool {
	return slices.Contains([]string{"iat", "exp", "auth_time", "updated_at"}, name)
}

// signedIn runs the action of a button for whoever is signed in, and shows
// the home page again.
func (a *app) signedIn(action func(context.Context, *user) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := a.sessions.find(r)
		if s == nil {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.user != nil {
			s.user.notice, s.user.answer = "", ""
			err := action(r.Context(), s.user)
			if refused := (*oauth2.RetrieveError)(nil); errors.As(err, &refused) && refused.ErrorCode == "invalid_grant" {
				s.user = nil
				a.fail(w, r, http.StatusUnauthorized, "Your sign-in has ended at the issuer. Sign in again.", err)
				return
			}
			if err != nil {
				a.fail(w, r, http.StatusBadGateway, "That did not work. Try again.", err)
				return
			}
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// signedOut is where the issuer sends the browser after signing out there.
func (a *app) signedOut(w http.ResponseWriter, r *http.Request) {
	a.render(w, r, http.StatusOK, "signed-out.html", view{Title: "Signed out"})
}

// fail tells the person what happened, and the log why.
func (a *app) fail(w http.ResponseWriter, r *http.Request, status int, problem string, cause error) {
	level := slog.LevelWarn
	if cause == nil {
		level = slog.LevelInfo // the person's doing
	}
	a.cfg.Logger.Log(r.Context(), level, "request failed", "status", status, "reason", problem, "err", cause)
	a.render(w, r, status, "problem.html", view{Title: "Something went wrong", Problem: problem})
}

// parsePages reads each page, in the layout that all share.
func parsePages() (map[string]*template.Template, error) {
	pages := map[string]*template.Template{}
	for _, name := range []string{"home.html", "signed-out.html", "problem.html"} {
		var err error
		if pages[name], err = template.ParseFS(files, "pages/layout.html", "pages/"+name); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

func (a *app) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	var page bytes.Buffer
	if err := a.pages[name].ExecuteTemplate(&page, "layout.html", v); err != nil {
		a.cfg.Logger.ErrorContext(r.Context(), "page not rendered", "err", err)
		http.Error(w, "Something went wrong.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w)
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, "pages/style.css")
}

// secureHeaders allows pages what they need: one style sheet, and forms that
// lead to the app itself or, when signing out, on to the issuer.
func (a *app) secureHeaders(next http.Handler) http.Handler {
	issuer := a.cfg.Issuer
	if u, err := url.Parse(issuer); err == nil {
		issuer = u.Scheme + "://" + u.Host
	}
	policy := "default-src 'none'; style-src 'self'; img-src data:; form-action 'self' " + issuer + "; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
