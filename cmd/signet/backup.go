package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"signet/authz/store"
	"signet/cmd/signet/config"
	"signet/cmd/signet/server"
)

func newBackup(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "backup PATH",
		Short: "Copy the SQLite database while the server runs",
		Long: `Copy the SQLite database to a new file, while the server runs. The secrets are
not in it, and must be kept with it: without the sealing key its signing keys
are of no use. On Postgres, use pg_dump.`,
		Args: takes("PATH"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.backup(cmd.Context(), args[0]) },
	}
}

// backedUp is what `backup --json` prints.
type backedUp struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
	// Secrets are the files without which the copy is of little use.
	Secrets []string `json:"secrets"`
}

func (a *app) backup(ctx context.Context, path string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	err = store.Backup(ctx, server.StoreConfig(cfg, a.quietLog()), path)
	if errors.Is(err, store.ErrNotSQLite) {
		return errors.New("backup copies a SQLite database, and this one is on Postgres: use pg_dump, and keep the secrets with the dump")
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	done := backedUp{Path: path, Bytes: info.Size(), Secrets: secretFiles(cfg)}
	if a.json {
		return a.printJSON(done)
	}
	a.say("Copied the database to %s (%d bytes).", done.Path, done.Bytes)
	for _, file := range done.Secrets {
		a.say("Keep this with it, and apart from who may read only the copy: %s", file)
	}
	return nil
}

// secretFiles are the files that a backup of the database does not hold.
func secretFiles(cfg *config.Config) []string {
	serverKey, sealingKey := cfg.ServerKeyFile, cfg.Keys.SealingKeyFile
	if serverKey == "" {
		serverKey = filepath.Join(cfg.DataDir, "secrets", "server.key")
	}
	files := []string{serverKey}
	if sealingKey == "" && cfg.Keys.SealingKey == "" {
		sealingKey = server.SealingKeyFile(cfg)
	}
	if sealingKey != "" {
		files = append(files, sealingKey)
	}
	return files
}
