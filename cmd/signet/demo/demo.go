package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"signet/authz/login"
	"signet/clients"
	"signet/cmd/signet/config"
	"signet/cmd/signet/server"
)

const (
	clientID = "photo-printer"
	username = "ada"
	// shutdownFor is how long the app and the API wait for requests under way.
	shutdownFor = 5 * time.Second
)

// Demo is a running demonstration. Close it when done.
type Demo struct {
	// Issuer, App and API are the URLs of the three servers.
	Issuer string `json:"issuer"`
	App    string `json:"app"`
	API    string `json:"api"`
	// Username and Password are those of the demo person.
	Username string `json:"username"`
	Password string `json:"password"`

	log *slog.Logger
	dir string
	// stop ends the servers, running waits for them, and failed tells of the
	// first one that ended by itself.
	stop      context.CancelFunc
	running   sync.WaitGroup
	failed    chan error
	listeners []net.Listener
	issuer    *server.Server
	app       *app
}

// Run starts a demo, hands it to announce, and keeps it until ctx ends.
func Run(ctx context.Context, log *slog.Logger, announce func(*Demo) error) error {
	d, err := start(ctx, log)
	if ctx.Err() != nil && err != nil {
		return nil // told to stop before it stood
	}
	if err != nil {
		return err
	}
	if err := announce(d); err != nil {
		return errors.Join(err, d.close())
	}
	select {
	case <-ctx.Done():
		return d.close()
	case err := <-d.failed:
		return errors.Join(err, d.close())
	}
}

// Start starts a demo that runs until it is closed, whatever becomes of ctx.
func Start(ctx context.Context) (*Demo, error) {
	return start(ctx, slog.New(slog.DiscardHandler))
}

func start(ctx context.Context, log *slog.Logger) (_ *Demo, err error) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	d := &Demo{Username: username, log: log, stop: stop, failed: make(chan error, 3)}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if d.dir, err = os.MkdirTemp("", "signet-demo-"); err != nil {
		return nil, fmt.Errorf("cannot make a temporary folder: %w; set TMPDIR to a folder that this user may write", err)
	}
	if err := d.listen(ctx); err != nil {
		return nil, err
	}
	if err := d.startIssuer(ctx, running, d.listeners[0]); err != nil {
		return nil, err
	}
	secret, err := d.register(ctx)
	if err != nil {
		return nil, err
	}
	// From here on, as if the issuer belonged to somebody else.
	d.app, err = newApp(ctx, appConfig{
		Issuer: d.Issuer, ClientID: clientID, ClientSecret: secret, URL: d.App, API: d.API, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	api, err := newAPI(running, apiConfig{Issuer: d.Issuer, URL: d.API, Logger: log})
	if err != nil {
		return nil, err
	}
	d.serve(running, d.listeners[1], d.app.handler())
	d.serve(running, d.listeners[2], api)
	return d, nil
}

// listen opens three ports that the system chooses, and so fixes the URLs.
func (d *Demo) listen(ctx context.Context) error {
	for _, url := range []*string{&d.Issuer, &d.App, &d.API} {
		ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("cannot listen on 127.0.0.1: %w", err)
		}
		d.listeners = append(d.listeners, ln)
		*url = "http://" + ln.Addr().String()
	}
	return nil
}

// startIssuer starts Signet on ln, with its data in the temporary folder.
func (d *Demo) startIssuer(ctx, running context.Context, ln net.Listener) error {
	cfg := config.Default()
	cfg.Issuer, cfg.Listen = d.Issuer, ln.Addr().String()
	cfg.DataDir = filepath.Join(d.dir, "data")
	cfg.Database = "sqlite:" + filepath.Join(cfg.DataDir, "signet.db")
	cfg.Scopes = map[string]string{scopePhotos: "See your photos"}
	var err error
	if d.issuer, err = server.New(ctx, server.Options{Config: cfg, Logger: d.log}); err != nil {
		return err
	}
	d.running.Go(func() {
		if err := d.issuer.Serve(running, ln); err != nil {
			d.failed <- fmt.Errorf("the issuer stopped: %w", err)
		}
	})
	return nil
}

// register makes the demo person and the app's client, and returns the
// client's secret: what `signet users create` and `signet clients create` do.
func (d *Demo) register(ctx context.Context) (secret string, err error) {
	text := strings.ToLower(rand.Text())
	d.Password = text[:4] + "-" + text[4:8] + "-" + text[8:12]
	_, err = d.issuer.Login.CreatePerson(ctx, login.NewPerson{
		Username: d.Username, Password: d.Password,
		Email: "ada@example.com", EmailVerified: true,
		Profile: login.Profile{Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace", Birthdate: "1815-12-10"},
		Groups:  []string{"engineers"},
	})
	if err != nil {
		return "", err
	}
	now := time.Now().UTC()
	secret, hashed, err := clients.NewSecret(rand.Reader, now)
	if err != nil {
		return "", err
	}
	client := clients.Client{
		ID: clientID, Name: "Photo Printer", Secrets: []clients.Secret{hashed},
		RedirectURIs:           []string{d.App + callbackPath},
		PostLogoutRedirectURIs: []string{d.App + signedOutPath},
		GrantTypes:             []string{clients.GrantAuthorizationCode, clients.GrantRefreshToken},
		Scopes:                 appScopes(),
		Audiences:              []string{d.API},
		ClientURI:              d.App,
		Source:                 clients.SourceCLI, CreatedAt: now, UpdatedAt: now,
	}
	if err := client.Validate(); err != nil {
		return "", err
	}
	return secret, d.issuer.Store.CreateClient(ctx, client)
}

// serve answers on ln until running ends.
func (d *Demo) serve(running context.Context, ln net.Listener, handler http.Handler) {
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		ErrorLog:          slog.NewLogLogger(d.log.Handler(), slog.LevelWarn),
	}
	d.running.Go(func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) && running.Err() == nil {
			d.failed <- fmt.Errorf("the demo stopped: %w", err)
		}
	})
	d.running.Go(func() {
		<-running.Done()
		drain, cancel := context.WithTimeout(context.Background(), shutdownFor)
		defer cancel()
		if srv.Shutdown(drain) != nil {
			_ = srv.Close()
		}
	})
}

// Describe writes where everything is, and what to do there.
func (d *Demo) Describe(out io.Writer) error {
	_, err := fmt.Fprintf(out, `Signet's demo is ready: an issuer, an app and an API on this machine.

  app       %s   (open this one)
  issuer    %s
  API       %s

  username  %s
  password  %s

1. Open the app and press "Sign in with Signet".
2. Sign in with the username and the password above, then press Allow.
3. The app shows what it was told. Press Call the API, Refresh, Sign out.

Everything is in a temporary folder that goes away at the end. Ctrl-C ends it.
`, d.App, d.Issuer, d.API, d.Username, d.Password)
	return err
}

// Close ends the demo and removes its folder.
func (d *Demo) Close() {
	if err := d.close(); err != nil {
		d.log.Error("the demo did not end cleanly", "err", err)
	}
}

func (d *Demo) close() error {
	d.stop()
	d.running.Wait()
	for _, ln := range d.listeners {
		_ = ln.Close() // its server has, if one got so far
	}
	var closing error
	if d.issuer != nil {
		closing = d.issuer.Close()
	}
	return errors.Join(closing, os.RemoveAll(d.dir))
}
