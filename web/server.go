package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"signet/authz"
	"signet/authz/login"
)

// Config is everything the web room needs. Issuer, Provider, Login, CookieKey
// and InteractionLifetime are required.
type Config struct {
	// Issuer is the issuer identifier (RFC 8414, section 2). Every link is
	// built from it; no request header ever changes one.
	Issuer string
	// Provider makes the protocol's decisions.
	Provider *authz.Provider
	// Login knows people and their sessions.
	Login *login.Service
	// CookieKey is 32 bytes. The keys that seal pending requests and
	// authenticate forms are derived from it.
	CookieKey []byte
	// InteractionLifetime is how long a sign-in or consent page can be used.
	InteractionLifetime time.Duration
	// TrustedProxies may say in X-Forwarded-For who is behind them. It
	// changes the address in the log and nothing else.
	TrustedProxies []netip.Prefix
	// Brand is what people see as the name of this server.
	Brand Brand
	// Checks are what the server needs in order to work, for /readyz.
	Checks []Check
	// Admin is what the admin API works on; nil is none on this listener.
	Admin *Admin
	// Now, Rand and Logger default to the real clock, crypto/rand and silence.
	Now    func() time.Time
	Rand   io.Reader
	Logger *slog.Logger
}

// Brand is how the operator names the server.
type Brand struct {
	// Name stands on top of every page; empty means "Signet".
	Name string
}

// pending is an authorization request on its way. *authz.Request is one.
type pending interface {
	// Marshal saves the request, for Restore.
	Marshal() ([]byte, error)
	// Query returns the request's parameters, to start over with.
	Query() url.Values
	// Refuse is an error that the client is told by redirect.
	Refuse(code, description string) *authz.Error
}

// authorizer decides what happens to an authorization request.
type authorizer interface {
	Begin(ctx context.Context, form url.Values) (pending, error)
	Restore(ctx context.Context, saved []byte) (pending, error)
	Advance(ctx context.Context, r pending, s *login.Session, a authz.Answer) (authz.Step, error)
}

// ender decides what happens to an RP-initiated logout, and knows which apps the
// browser itself has to tell.
type ender interface {
	EndSession(ctx context.Context, form url.Values, s *login.Session) (authz.Logout, error)
	FrontchannelLogouts(ctx context.Context, sessionID string) ([]string, error)
}

// aftermath does what follows from the end of a session.
type aftermath interface {
	SessionReplaced(ctx context.Context, old, fresh login.Session) (continued bool, err error)
	SessionEnded(ctx context.Context, s login.Session)
}

// credentials checks who somebody is.
type credentials interface {
	SignIn(ctx context.Context, nameOrEmail, password string) (login.Person, error)
}

// sessions keeps who is signed in.
type sessions interface {
	StartSession(ctx context.Context, subject string, amr []string, on login.Device) (login.Session, string, error)
	Session(ctx context.Context, token string) (login.Session, error)
	EndSession(ctx context.Context, id string) error
}

// stepUps raises sessions by one more factor.
type stepUps interface {
	FactorLevel(ctx context.Context, subject, acr string) (login.Level, error)
	StepUp(ctx context.Context, s login.Session, acr, response string) (login.Session, string, error)
}

// setup creates the first administrator.
type setup interface {
	CheckSetupLink(ctx context.Context, token string) error
	SetUp(ctx context.Context, token string, p login.NewPerson) (login.Person, error)
}

// rooms is what lies behind the pages: authz and authz/login, or fakes.
type rooms struct {
	authorize                                             authorizer
	logout                                                ender
	after                                                 aftermath
	people                                                credentials
	sessions                                              sessions
	stepUps                                               stepUps
	sessionLists                                          sessionLists
	accounts                                              accounts
	setup                                                 setup
	origins                                               origins
	logos                                                 logos
	forward                                               forwarder
	startsForward                                         func(context.Context, url.Values) (pending, error)
	token, userInfo, introspect, revoke, metadata, keySet http.HandlerFunc
	statusLists, statusList                               http.HandlerFunc
	register, registration                                http.HandlerFunc
}

// provider lends *authz.Provider the shape of authorizer.
type provider struct{ *authz.Provider }

func (p provider) Begin(ctx context.Context, form url.Values) (pending, error) {
	r, err := p.Provider.Begin(ctx, form)
	if err != nil {
		return nil, err // never a nil *Request inside a pending
	}
	return r, nil
}

func (p provider) BeginForward(ctx context.Context, form url.Values) (pending, error) {
	r, err := p.Provider.BeginForward(ctx, form)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (p provider) Restore(ctx context.Context, saved []byte) (pending, error) {
	if authz.IsForwardRequest(saved) {
		r, err := p.RestoreForward(ctx, saved)
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	r, err := p.Provider.Restore(ctx, saved)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (p provider) Advance(ctx context.Context, r pending, s *login.Session, a authz.Answer) (authz.Step, error) {
	if f, ok := r.(*authz.ForwardRequest); ok {
		return p.AdvanceForward(ctx, f, s)
	}
	req, ok := r.(*authz.Request)
	if !ok {
		return authz.Step{}, fmt.Errorf("advance: %T did not come from this provider", r)
	}
	return p.Provider.Advance(ctx, req, s, a)
}

// server is the state that handlers share. All of it is read-only.
type server struct {
	cfg Config
	rooms
	// issuer has no trailing slash; base is its path ("" or "/tenant"); host
	// and secure are its host and whether it is https.
	issuer, base, host string
	secure             bool
	names              cookieNames
	seal               *sealer
	pages              *pages
	static             map[string]asset
	texts              *texts
	admin              *admin
}

// New builds the handler of the whole server. It fails on a configuration
// that cannot work.
func New(cfg Config) (http.Handler, error) {
	s, err := assemble(cfg)
	if err != nil {
		return nil, err
	}
	return s.routes(), nil
}

// NewAdmin builds the handler of a listener that has the admin API alone, below
// the same path. New gets no Admin then.
func NewAdmin(cfg Config) (http.Handler, error) {
	if cfg.Admin == nil {
		return nil, errors.New("web: Admin is required")
	}
	s, err := assemble(cfg)
	if err != nil {
		return nil, err
	}
	e := s.newEcho()
	s.mountAdmin(e)
	return e, nil
}

// assemble puts the rooms behind a server.
func assemble(cfg Config) (*server, error) {
	if cfg.Provider == nil || cfg.Login == nil {
		return nil, errors.New("web: Provider and Login are required")
	}
	p, l := cfg.Provider, cfg.Login
	s, err := newServer(cfg, rooms{
		authorize: provider{p}, logout: p, after: p, people: l, sessions: l, stepUps: l, sessionLists: l, accounts: p,
		setup: l, origins: p, logos: p, forward: p, startsForward: provider{p}.BeginForward,
		token: p.Token, userInfo: p.UserInfo, introspect: p.Introspect,
		revoke: p.Revoke, metadata: p.Metadata, keySet: p.JWKS,
		statusLists: p.StatusLists, statusList: p.StatusList,
		register: p.Register, registration: p.ManageRegistration,
	})
	if err == nil && cfg.Admin != nil {
		s.admin, err = newAdmin(s, p)
	}
	return s, err
}

// plainPath is what the path of an issuer may look like: it becomes routes
// and cookie paths as it stands.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)

func newServer(cfg Config, r rooms) (*server, error) {
	u, err := url.Parse(cfg.Issuer)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("web: the issuer must be an http or https URL without query and fragment")
	}
	base := strings.TrimSuffix(u.EscapedPath(), "/")
	if !plainPath.MatchString(base) || path.Clean("/"+base) != "/"+strings.TrimPrefix(base, "/") {
		return nil, errors.New("web: the issuer's path may hold letters, digits, '.', '_', '~' and '-' between single slashes")
	}
	if len(cfg.CookieKey) != 32 {
		return nil, fmt.Errorf("web: CookieKey must be 32 bytes, not %d", len(cfg.CookieKey))
	}
	if cfg.InteractionLifetime <= 0 {
		return nil, errors.New("web: InteractionLifetime must be positive")
	}
	cfg = withDefaults(cfg)
	s := &server{
		cfg: cfg, rooms: r,
		issuer: strings.TrimSuffix(cfg.Issuer, "/"), base: base, host: u.Host,
		secure: u.Scheme == "https", texts: english(),
	}
	s.names = newCookieNames(s.secure, base)
	if s.seal, err = newSealer(cfg.CookieKey, cfg.Rand); err != nil {
		return nil, err
	}
	if s.static, err = loadStatic(); err != nil {
		return nil, err
	}
	s.pages, err = loadPages(s)
	return s, err
}

func withDefaults(cfg Config) Config {
	if cfg.Brand.Name == "" {
		cfg.Brand.Name = "Signet"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// url returns the absolute URL of a path below the issuer.
func (s *server) url(path string) string { return s.issuer + path }
