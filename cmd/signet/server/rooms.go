package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"signet/authz/login"
	"signet/authz/store"
	"signet/clients"
	"signet/cmd/signet/config"
	"signet/keys"
)

// OpenStore opens and migrates the database, making the data folder (0700)
// first if it is not there.
func OpenStore(ctx context.Context, cfg *config.Config, log *slog.Logger) (*store.Store, error) {
	return openStore(ctx, cfg, log, nil)
}

func openStore(ctx context.Context, cfg *config.Config, log *slog.Logger, onQuery func(bool, string)) (*store.Store, error) {
	for _, dir := range []string{cfg.DataDir, filepath.Dir(strings.TrimPrefix(cfg.Database, "sqlite:"))} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("cannot make the data folder: %w; set data_dir to a folder that this user may write", err)
		}
	}
	return store.Open(ctx, store.Config{Database: cfg.Database, Logger: log, OnQuery: onQuery})
}

// OpenKeys opens the ring of signing keys, making the sealing key and the
// first signing key on an empty database.
func OpenKeys(ctx context.Context, cfg *config.Config, st *store.Store, log *slog.Logger) (*keys.Ring, error) {
	return openKeys(ctx, cfg, st, log, nil)
}

func openKeys(ctx context.Context, cfg *config.Config, st *store.Store, log *slog.Logger, now func() time.Time) (*keys.Ring, error) {
	sealing, err := openSecret(ctx, st, cfg.Keys.SealingKeyFile, filepath.Join(cfg.DataDir, "secrets", "sealing.key"), "sealing key")
	if err != nil {
		return nil, err
	}
	kc := schedule(cfg)
	kc.Store, kc.SealingKey, kc.Logger, kc.Now = st, sealing, log, now
	return keys.Open(ctx, kc)
}

// schedule derives the times of keys from the one that operators set: a key
// is announced for a day where rotate_every leaves room for it, verifiers may
// cache the JWKS for up to a quarter of an hour, and a key stays published
// until its last token has expired, with an hour for clocks. An ID token counts
// for as long as the session it came from: it comes back, expired, as the hint
// of a logout.
func schedule(cfg *config.Config) keys.Config {
	every := cfg.Keys.RotateEvery
	maxAge := min(15*time.Minute, max(time.Second, (every/10).Truncate(time.Second)))
	reload := min(time.Minute, maxAge/4)
	return keys.Config{
		Algorithm: cfg.Keys.Algorithm, RSABits: cfg.Keys.RSABits,
		RotateEvery: every,
		MaxAge:      maxAge,
		ReloadEvery: reload,
		AnnounceFor: max(maxAge+2*reload, min(24*time.Hour, every/4)),
		KeepFor:     max(cfg.Tokens.AccessTTL, cfg.Tokens.IDTTL, cfg.Session.Lifetime) + time.Hour,
	}
}

// OpenLogin opens the room of people and their sessions.
func OpenLogin(cfg *config.Config, st *store.Store, log *slog.Logger) (*login.Service, error) {
	return openLogin(cfg, st, log, nil)
}

func openLogin(cfg *config.Config, st *store.Store, log *slog.Logger, now func() time.Time) (*login.Service, error) {
	return login.New(login.Config{
		People: st, Sessions: st, Setup: st,
		SessionLifetime: cfg.Session.Lifetime,
		HashConcurrency: cfg.Passwords.Concurrency,
		Now:             now, Logger: log,
	})
}

// reconcile brings the stored clients in line with those of config.yaml.
func reconcile(ctx context.Context, cfg *config.Config, st *store.Store, log *slog.Logger, now time.Time) error {
	declared, err := cfg.DeclaredClients()
	if err != nil {
		return err
	}
	stored, err := st.Clients(ctx)
	if err != nil {
		return err
	}
	create, update, err := clients.Reconcile(rand.Reader, declared, stored, now)
	if err != nil {
		return err
	}
	for _, c := range create {
		if err := st.CreateClient(ctx, c); err != nil {
			return fmt.Errorf("client %s: %w", c.ID, err)
		}
		log.Info("client created from config.yaml", "client_id", c.ID)
	}
	for _, c := range update {
		if err := st.UpdateClient(ctx, c); err != nil {
			return fmt.Errorf("client %s: %w", c.ID, err)
		}
		log.Info("client updated from config.yaml", "client_id", c.ID, "disabled", c.Disabled)
	}
	return nil
}
