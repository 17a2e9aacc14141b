package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Paths of the app that the issuer sends browsers back to.
const (
	callbackPath  = "/callback"
	signedOutPath = "/signed-out"
)

// appScopes is what the app asks for: who the person is, to stay signed in,
// and to read their photos.
func appScopes() []string {
	return []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess, scopePhotos}
}

type appConfig struct {
	// Issuer is who signs people in.
	Issuer string
	// ClientID and ClientSecret are what the issuer knows the app by.
	ClientID, ClientSecret string
	// URL is where the app is, and API whose photos it reads.
	URL, API string
	Logger   *slog.Logger
}

// app is a web app that signs people in by OpenID Connect and calls an API on
// their behalf.
type app struct {
	cfg      appConfig
	provider *oidc.Provider
	oauth    oauth2.Config
	idTokens *oidc.IDTokenVerifier
	// endpoints are those of the issuer that go-oidc does not know of.
	endpoints struct {
		Revocation string `json:"revocation_endpoint"`
		EndSession string `json:"end_session_endpoint"`
	}
	http     *http.Client
	pages    map[string]*template.Template
	sessions sessions
}

func newApp(ctx context.Context, cfg appConfig) (*app, error) {
	a := &app{cfg: cfg, http: &http.Client{Timeout: 10 * time.Second}, sessions: sessions{all: map[string]*session{}}}
	var err error
	if a.pages, err = parsePages(); err != nil {
		return nil, err
	}
	if a.provider, err = oidc.NewProvider(a.outbound(ctx), cfg.Issuer); err != nil {
		return nil, fmt.Errorf("the app cannot read the issuer's metadata: %w", err)
	}
	if err := a.provider.Claims(&a.endpoints); err != nil {
		return nil, fmt.Errorf("the app cannot read the issuer's metadata: %w", err)
	}
	a.oauth = oauth2.Config{
		ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret,
		Endpoint: a.provider.Endpoint(), RedirectURL: cfg.URL + callbackPath, Scopes: appScopes(),
	}
	a.idTokens = a.provider.VerifierContext(a.outbound(ctx), &oidc.Config{ClientID: cfg.ClientID})
	return a, nil
}

// outbound makes x/oauth2 and go-oidc use the app's HTTP client.
func (a *app) outbound(ctx context.Context) context.Context { return oidc.ClientContext(ctx, a.http) }

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /style.css", serveStyle)
	mux.HandleFunc("GET /sign-in", a.signIn)
	mux.HandleFunc("GET "+callbackPath, a.callback)
	mux.HandleFunc("POST /call-api", a.signedIn(a.callAPI))
	mux.HandleFunc("POST /refresh", a.signedIn(a.refresh))
	mux.HandleFunc("POST /sign-out", a.signOut)
	mux.HandleFunc("GET "+signedOutPath, a.signedOut)
	// Other sites cannot press the app's buttons.
	return a.secureHeaders(http.NewCrossOriginProtection().Handler(mux))
}

// signIn sends the browser to the issuer, and remembers what has to match when
// it comes back.
func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	s := a.sessions.find(r)
	if s == nil {
		s = a.sessions.start(w)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) >= maxPending {
		clear(s.pending)
	}
	state, begun := rand.Text(), pending{nonce: rand.Text(), verifier: oauth2.GenerateVerifier()}
	s.pending[state] = begun
	http.Redirect(w, r, a.oauth.AuthCodeURL(state,
		oidc.Nonce(begun.nonce),
		oauth2.S256ChallengeOption(begun.verifier),
		oauth2.SetAuthURLParam("resource", a.cfg.API), // the token's audience (RFC 8707)
	), http.StatusSeeOther)
}

// callback takes the issuer's answer.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	query, s := r.URL.Query(), a.sessions.find(r)
	if s == nil {
		a.fail(w, r, http.StatusBadRequest, "This browser has no sign-in under way.", nil)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	begun, ok := s.pending[query.Get("state")]
	delete(s.pending, query.Get("state"))
	switch {
	case !ok:
		a.fail(w, r, http.StatusBadRequest, "This sign-in was not begun in this browser, or is over.", nil)
	case query.Get("iss") != a.cfg.Issuer: // RFC 9207
		a.fail(w, r, http.StatusBadRequest, "The answer comes from somewhere else.", nil)
	case query.Get("error") == "access_denied":
		a.fail(w, r, http.StatusForbidden, "You did not allow access, so nothing was shared.", nil)
	case query.Has("error"):
		a.fail(w, r, http.StatusBadGateway, "The issuer refused: "+query.Get("error_description"), nil)
	default:
		u, err := a.redeem(r.Context(), query.Get("code"), begun)
		if err != nil {
			a.fail(w, r, http.StatusBadGateway, "Signing in did not work.", err)
			return
		}
		s.user = u
		a.sessions.renew(w, r, s)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// redeem exchanges the code and checks everything that comes back (OpenID
// Connect Core, sections 3.1.3.5 to 3.1.3.8 and 5.3.2).
func (a *app) redeem(ctx context.Context, code string, begun pending) (*user, error) {
	ctx = a.outbound(ctx)
	tokens, err := a.oauth.Exchange(ctx, code, oauth2.VerifierOption(begun.verifier))
	if err != nil {
		return nil, err
	}
	u := &user{tokens: tokens}
	u.idToken, _ = tokens.Extra("id_token").(string)
	idToken, err := a.idTokens.Verify(ctx, u.idToken)
	if err != nil {
		return nil, err
	}
	if idToken.Nonce != begun.nonce {
		return nil, errors.New("the ID token belongs to another sign-in")
	}
	if err := idToken.VerifyAccessToken(tokens.AccessToken); err != nil {
		return nil, err
	}
	userInfo, err := a.provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return nil, err
	}
	if userInfo.Subject != idToken.Subject {
		return nil, errors.New("userinfo is about somebody else")
	}
	return u, errors.Join(idToken.Claims(&u.claims), userInfo.Claims(&u.userInfo))
}

// callAPI asks the API for the person's photos, with a token that is renewed
// first if it has expired.
func (a *app) callAPI(ctx context.Context, u *user) error {
	if err := a.renew(ctx, u, u.tokens); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.cfg.API+"/photos", nil)
	if err != nil {
		return err
	}
	u.tokens.SetAuthHeader(req)
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	u.notice, u.answer = "The API answered "+resp.Status+".", string(body)
	return nil
}

// refresh gets new tokens although the old ones still live.
func (a *app) refresh(ctx context.Context, u *user) error {
	before := u.tokens.RefreshToken
	if err := a.renew(ctx, u, &oauth2.Token{RefreshToken: before}); err != nil {
		return err
	}
	u.notice = "There is a new access token, and a new refresh token too."
	if u.tokens.RefreshToken == before {
		u.notice = "There is a new access token."
	}
	return nil
}

// renew uses the refresh token of from if its access token has expired. The
// refresh token changes every time: keep the new one, with all that came.
func (a *app) renew(ctx context.Context, u *user, from *oauth2.Token) error {
	tokens, err := a.oauth.TokenSource(a.outbound(ctx), from).Token()
	if err != nil || tokens.AccessToken == from.AccessToken {
		return err
	}
	u.tokens = tokens
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return nil
	}
	// A new ID token came along: of the same person, or something is wrong
	// (OpenID Connect Core, section 12.2).
	idToken, err := a.idTokens.Verify(ctx, raw)
	if err != nil {
		return err
	}
	if idToken.Subject != u.claims["sub"] {
		return errors.New("the new ID token is about somebody else")
	}
	u.idToken, u.claims = raw, nil
	return idToken.Claims(&u.claims)
}

// signOut ends what the app has: the refresh token at the issuer, the session
// here. Then it sends the browser to the issuer, to end the sign-in there.
func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	s := a.sessions.find(r)
	a.sessions.end(w, r)
	if s == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.user == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if err := a.revoke(r.Context(), s.user.tokens.RefreshToken); err != nil {
		// The person is signed out all the same; the token ends by itself.
		a.cfg.Logger.WarnContext(r.Context(), "the refresh token was not revoked", "err", err)
	}
	http.Redirect(w, r, a.endpoints.EndSession+"?"+url.Values{
		"id_token_hint":            {s.user.idToken},
		"post_logout_redirect_uri": {a.cfg.URL + signedOutPath},
	}.Encode(), http.StatusSeeOther)
}

// revoke tells the issuer that a token is no longer needed (RFC 7009).
func (a *app) revoke(ctx context.Context, token string) error {
	form := url.Values{"token": {token}, "token_type_hint": {"refresh_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.endpoints.Revocation, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(a.cfg.ClientID), url.QueryEscape(a.cfg.ClientSecret))
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the issuer answered %s", resp.Status)
	}
	return nil
}
