package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/authz/store"
	"signet/clients"
	"signet/cmd/signet/config"
	"signet/keys"
	"signet/web"
)

// drainFor is how long requests under way may take after SIGTERM.
const drainFor = 20 * time.Second

// Options is what New needs. Now and OnQuery serve tests.
type Options struct {
	Config *config.Config
	Logger *slog.Logger
	// Now is the clock of every room; nil is the real one.
	Now func() time.Time
	// OnQuery is told of every statement the database gets.
	OnQuery func(write bool, sql string)
	// Fetch gets what clients name by URL; nil is a fetch.Client that reaches
	// public addresses alone.
	Fetch authz.Fetcher
	// Factors are what people can prove beside a password.
	Factors []login.Factor
}

// Server is an assembled authorization server. Close it when done.
type Server struct {
	// Handler serves every path below the issuer.
	Handler http.Handler
	// AdminHandler serves the admin API where that has a listener of its own, and
	// is nil otherwise.
	AdminHandler http.Handler
	// Store, Keys, Login and Provider are its rooms.
	Store    *store.Store
	Keys     *keys.Ring
	Login    *login.Service
	Provider *authz.Provider

	cfg  *config.Config
	log  *slog.Logger
	uses *clients.UseRecorder
	// unchecked is the id of the client after which warnOfOthers goes on.
	unchecked string
	// stop ends the work in the background; done is when it has ended.
	stop context.CancelFunc
	done sync.WaitGroup
}

// New opens every room and starts the key schedule. It serves nothing yet.
func New(ctx context.Context, o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	st, err := openStore(ctx, o.Config, o.Logger, o.OnQuery)
	if err != nil {
		return nil, err
	}
	s := &Server{Store: st, cfg: o.Config, log: o.Logger, uses: clients.NewUseRecorder()}
	if err := s.assemble(ctx, o); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.done.Go(func() { s.Keys.Run(background) })
	s.done.Go(func() { warnOfOthers(background, o.Config, st, o.Logger, s.unchecked) })
	s.done.Go(func() { recordUses(background, s.uses, st, o.Logger) })
	s.done.Go(func() { s.Provider.RunLogouts(background) })
	s.done.Go(func() { newSweeper(o.Config, st, o.Now, o.Logger).run(background) })
	return s, nil
}

func (s *Server) assemble(ctx context.Context, o Options) (err error) {
	cfg, st := o.Config, s.Store
	serverKey, err := openServerKey(ctx, cfg, st)
	if err != nil {
		return err
	}
	cookieKey, err := derive(serverKey, "cookies")
	if err != nil {
		return err
	}
	keyring, err := KeysConfig(ctx, cfg, st, o.Logger)
	if err != nil {
		return err
	}
	keyring.Now = o.Now
	if s.Keys, err = keys.Open(ctx, keyring); err != nil {
		return err
	}
	if s.Login, err = openLogin(cfg, st, o); err != nil {
		return err
	}
	if err := reconcile(ctx, cfg, st, o.Logger, o.Now().UTC()); err != nil {
		return err
	}
	if s.unchecked, err = warnOfAlgorithms(ctx, cfg, st, o.Logger, ""); err != nil {
		return err
	}
	if err := s.openProvider(o, serverKey); err != nil {
		return err
	}
	return s.openHandler(o, cookieKey, keyring)
}

// openProvider opens the room of decisions, on those of the database and the keys.
func (s *Server) openProvider(o Options, serverKey []byte) (err error) {
	cfg, st := o.Config, s.Store
	registration, err := registrationOf(cfg, st)
	if err != nil {
		return err
	}
	if o.Fetch == nil {
		if o.Fetch, err = newFetcher(cfg); err != nil {
			return err
		}
	}
	var steps authz.StepUps
	if s.Login != nil {
		steps = s.Login
	}
	s.Provider, err = authz.New(authz.Config{
		Issuer: cfg.Issuer, Fetch: o.Fetch,
		Grants: st, GrantFinder: st, Tokens: st, Status: st, Assertions: st, Consents: st, Clients: st, People: st, Uses: s.uses, Origins: st, Logouts: st,
		Keys: s.Keys, SigningAlgs: cfg.Keys.Algorithms, Secret: serverKey,
		AccessTokenTTL: cfg.Tokens.AccessTTL, IDTokenTTL: cfg.Tokens.IDTTL, CodeTTL: cfg.Tokens.CodeTTL,
		StatusTTL:      cfg.Tokens.StatusTTL,
		RefreshIdleTTL: cfg.Refresh.IdleTTL, RefreshAbsoluteTTL: cfg.Refresh.AbsoluteTTL, RefreshGrace: cfg.Refresh.Grace,
		Scopes: cfg.Scopes, StepUps: steps,
		Registration: registration, Documents: clientDocuments(cfg, st),
		Forward: forwardSites(cfg), Sessions: st,
		Now: o.Now, Logger: o.Logger,
	})
	return err
}

// openHandler opens the room of pages and paths, on all others.
func (s *Server) openHandler(o Options, cookieKey []byte, keyring keys.Config) error {
	cfg, st := o.Config, s.Store
	front := web.Config{
		Issuer: cfg.Issuer, Provider: s.Provider, Login: s.Login, CookieKey: cookieKey,
		InteractionLifetime: cfg.Interaction.Lifetime, TrustedProxies: cfg.TrustedProxies,
		Brand: web.Brand{Name: cfg.Branding.Name},
		Checks: []web.Check{
			{Name: "database", OK: st.Ping},
			{Name: "signing keys", OK: func(context.Context) error { return s.Keys.Ready() }},
		},
		Now: o.Now, Logger: o.Logger,
	}
	return s.serveAdmin(front, keyring, o.Now)
}

// Close stops the work in the background and closes the database.
func (s *Server) Close() error {
	s.stop()
	s.done.Wait()
	return s.Store.Close()
}

// Serve answers on ln until ctx ends, then lets the requests under way finish.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	return s.serve(ctx, ln, s.Handler)
}

// ServeAdmin is Serve for the listener of the admin API.
func (s *Server) ServeAdmin(ctx context.Context, ln net.Listener) error {
	return s.serve(ctx, ln, s.AdminHandler)
}

// serveBoth serves on every listener until ctx ends or one of them fails, which
// ends the other one too.
func (s *Server) serveBoth(ctx context.Context, main, admin net.Listener) error {
	if admin == nil {
		return s.Serve(ctx, main)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		defer stop()
		ended <- s.ServeAdmin(ctx, admin)
	}()
	err := s.Serve(ctx, main)
	stop()
	return errors.Join(err, <-ended)
}

func (s *Server) serve(ctx context.Context, ln net.Listener, handler http.Handler) error {
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() {
		if s.cfg.TLS.CertFile != "" {
			failed <- srv.ServeTLS(ln, s.cfg.TLS.CertFile, s.cfg.TLS.KeyFile)
		} else {
			failed <- srv.Serve(ln)
		}
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.log.Info("draining: no new connections, requests under way may finish")
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
	defer cancel()
	if err := srv.Shutdown(drain); err != nil {
		return fmt.Errorf("some requests did not finish within %s and were cut off: %w", drainFor, err)
	}
	s.log.Info("stopped")
	return nil
}

// Announcement says where a server is, by the names of its metadata.
type Announcement struct {
	Issuer    string `json:"issuer"`
	Discovery string `json:"openid_configuration_uri"`
	JWKS      string `json:"jwks_uri"`
	// Setup is the one-time link that creates the first administrator, empty
	// when there is somebody already, and SetupExpires is when it ends.
	Setup        string    `json:"setup_uri,omitempty"`
	SetupExpires time.Time `json:"setup_expires_at,omitzero"`
}

// Run is `signet serve`: it opens everything, announces where it is, and
// serves until ctx ends.
func Run(ctx context.Context, cfg *config.Config, log *slog.Logger, announce func(Announcement) error) (err error) {
	// The port first: if another server has it, the database may be its too.
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return listenError(cfg.Listen, err)
	}
	defer ln.Close() // closed twice after Serve, which does no harm
	var adminLn net.Listener
	if cfg.Admin.Separate() {
		if adminLn, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Admin.Listen); err != nil {
			return adminListenError(cfg.Admin.Listen, err)
		}
		defer adminLn.Close()
	}
	s, err := New(ctx, Options{Config: cfg, Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	where, err := s.announcement(ctx)
	if err != nil {
		return err
	}
	if err := announce(where); err != nil {
		return err
	}
	return s.serveBoth(ctx, ln, adminLn)
}

func listenError(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("cannot listen on %s: another process has this port; stop it, or set listen (SIGNET_LISTEN) to another", address)
	}
	return fmt.Errorf("cannot listen on %s: %w; set listen (SIGNET_LISTEN) to an address of this machine", address, err)
}

// announcement makes a set-up link when nobody can sign in yet.
func (s *Server) announcement(ctx context.Context) (Announcement, error) {
	a := Announcement{
		Issuer:    s.cfg.Issuer,
		Discovery: s.cfg.Issuer + "/.well-known/openid-configuration",
		JWKS:      s.cfg.Issuer + "/.well-known/jwks.json",
	}
	token, expires, err := s.Login.NewSetupLink(ctx)
	if errors.Is(err, login.ErrPeopleExist) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	a.Setup, a.SetupExpires = s.cfg.Issuer+"/setup/"+token, expires
	return a, nil
}
