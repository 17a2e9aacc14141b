package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/authz/store"
	"signet/clients"
	"signet/cmd/signet/config"
	"signet/keys"
)

// OpenStore opens and migrates the database (see StoreConfig), making the data
// folder (0700) first if it is not there.
func OpenStore(ctx context.Context, cfg *config.Config, log *slog.Logger) (*store.Store, error) {
	return openStore(ctx, cfg, log, nil)
}

func openStore(ctx context.Context, cfg *config.Config, log *slog.Logger, onQuery func(bool, string)) (*store.Store, error) {
	if err := MakeDataDir(cfg); err != nil {
		return nil, err
	}
	open := StoreConfig(cfg, log)
	open.OnQuery = onQuery
	return store.Open(ctx, open)
}

// StoreConfig is what the database is opened with.
func StoreConfig(cfg *config.Config, log *slog.Logger) store.Config {
	return store.Config{
		Database: cfg.Database, MaxOpenConns: cfg.DatabasePool.MaxOpen,
		ManualMigrations: cfg.Migrate == config.MigrateManual, Logger: log,
	}
}

// MakeDataDir makes the folder of the secrets and that of a SQLite database,
// for their owner alone.
func MakeDataDir(cfg *config.Config) error {
	dirs := []string{cfg.DataDir}
	if path, ok := strings.CutPrefix(cfg.Database, "sqlite:"); ok {
		dirs = append(dirs, filepath.Dir(path))
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("cannot make the data folder: %w; set data_dir to a folder that this user may write", err)
		}
	}
	return nil
}

// KeysConfig is what a ring of signing keys is opened with. It makes the sealing
// key on an empty database.
func KeysConfig(ctx context.Context, cfg *config.Config, st *store.Store, log *slog.Logger) (keys.Config, error) {
	sealing, err := SealingKey(ctx, cfg, st)
	if err != nil {
		return keys.Config{}, err
	}
	return keys.Config{
		Store: st, SealingKey: sealing, Logger: log,
		Algorithms: cfg.Keys.Algorithms, RSABits: cfg.Keys.RSABits, Schedule: cfg.KeySchedule(),
	}, nil
}

// SealingKey is the key that private keys are sealed under: from the
// environment, or from its file, which is made on an empty database.
func SealingKey(ctx context.Context, cfg *config.Config, st *store.Store) ([]byte, error) {
	if cfg.Keys.SealingKey != "" {
		return config.ParseSecret([]byte(cfg.Keys.SealingKey))
	}
	return openSecret(ctx, st, cfg.Keys.SealingKeyFile, SealingKeyFile(cfg), "sealing key")
}

// SealingKeyFile is where the sealing key is when nothing else is configured.
func SealingKeyFile(cfg *config.Config) string {
	return filepath.Join(cfg.DataDir, "secrets", "sealing.key")
}

// OpenLogin opens the room of people and their sessions.
func OpenLogin(cfg *config.Config, st *store.Store, log *slog.Logger) (*login.Service, error) {
	return openLogin(cfg, st, Options{Logger: log})
}

func openLogin(cfg *config.Config, st *store.Store, o Options) (*login.Service, error) {
	return login.New(login.Config{
		People: st, Sessions: st, Setup: st, StepUps: st, Factors: o.Factors,
		Session:         login.SessionLimits{Lifetime: cfg.Session.Lifetime, Idle: cfg.Session.Idle},
		Remembered:      login.SessionLimits{Lifetime: cfg.Session.RememberLifetime, Idle: cfg.Session.RememberIdle},
		HashConcurrency: cfg.Passwords.Concurrency,
		Now:             o.Now, Logger: o.Logger,
	})
}

// OpenProvider opens the room of decisions by itself, on an open database and its
// keys, for commands that ask what a server would do.
func OpenProvider(ctx context.Context, cfg *config.Config, st *store.Store, ring *keys.Ring, log *slog.Logger, now func() time.Time) (*authz.Provider, error) {
	serverKey, err := openServerKey(ctx, cfg, st)
	if err != nil {
		return nil, err
	}
	s := &Server{Store: st, Keys: ring}
	if err := s.openProvider(Options{Config: cfg, Logger: log, Now: now}, serverKey); err != nil {
		return nil, err
	}
	return s.Provider, nil
}

// reconciled returns the stored clients that Reconcile has to know: those that
// were declared, now or before, and those that have a declared id. There may be
// a great many others.
func reconciled(ctx context.Context, declared []clients.Declared, st *store.Store) ([]clients.Client, error) {
	stored, err := st.ClientsOf(ctx, clients.SourceConfig)
	if err != nil {
		return nil, err
	}
	for i := range declared {
		id := declared[i].Client.ID
		if slices.ContainsFunc(stored, func(c clients.Client) bool { return c.ID == id }) {
			continue
		}
		other, err := st.Client(ctx, id)
		if err == nil {
			stored = append(stored, other)
		} else if !errors.Is(err, clients.ErrNotFound) {
			return nil, err
		}
	}
	return stored, nil
}

// reconcile brings the stored clients in line with those of config.yaml.
func reconcile(ctx context.Context, cfg *config.Config, st *store.Store, log *slog.Logger, now time.Time) error {
	declared, err := cfg.DeclaredClients()
	if err != nil {
		return err
	}
	stored, err := reconciled(ctx, declared, st)
	if err != nil {
		return err
	}
	create, update, err := clients.Reconcile(rand.Reader, declared, stored, now)
	if err != nil {
		return err
	}
	for _, c := range create {
		err := st.CreateClient(ctx, c)
		if errors.Is(err, clients.ErrExists) {
			continue // another node, which starts from the same file, was first
		}
		if err != nil {
			return fmt.Errorf("client %s: %w", c.ID, err)
		}
		log.Info("client created from config.yaml", "client_id", c.ID)
	}
	for _, c := range update {
		if err := st.UpdateClient(ctx, c.ID, func(stored *clients.Client) error { *stored = c; return nil }); err != nil {
			return fmt.Errorf("client %s: %w", c.ID, err)
		}
		log.Info("client updated from config.yaml", "client_id", c.ID, "disabled", c.Disabled)
	}
	return nil
}
