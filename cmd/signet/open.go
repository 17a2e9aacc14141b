package main

import (
	"context"
	"log/slog"

	"signet/authz/store"
	"signet/cmd/signet/config"
	"signet/cmd/signet/server"
)

// load reads the configuration.
func (a *app) load() (*config.Config, error) { return config.Load(a.configFile, a.environ) }

// quietLog is the log of commands that do one thing: warnings alone.
func (a *app) quietLog() *slog.Logger {
	return newLogger(a.stderr, config.Log{Level: "warn", Format: "text"})
}

// withStore runs do with the configuration and its open database.
func (a *app) withStore(ctx context.Context, do func(cfg *config.Config, st *store.Store) error) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	st, err := server.OpenStore(ctx, cfg, a.quietLog())
	if err != nil {
		return err
	}
	defer func() {
		if closing := st.Close(); err == nil {
			err = closing
		}
	}()
	return do(cfg, st)
}
