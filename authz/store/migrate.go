package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
)

// ErrNewer says that a newer release of Signet made the database. Nothing in
// it was changed.
var ErrNewer = errors.New("the database was made by a newer release of Signet")

//go:embed migrations
var migrations embed.FS

// migrator returns goose on the migrations of one dialect.
func migrator(db *sql.DB, dialect goose.Dialect, folder string) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
}

// schemaVersion reads the highest applied migration of a database that has
// its version table. It writes nothing.
func schemaVersion(ctx context.Context, db *sql.DB) (int64, error) {
	var version sql.NullInt64
	err := db.QueryRowContext(ctx,
		"SELECT max(version_id) FROM "+goose.DefaultTablename).Scan(&version)
	return version.Int64, err
}

// checkNewer returns ErrNewer when version is above the last migration of m.
func checkNewer(m *goose.Provider, version int64) error {
	sources := m.ListSources()
	if known := sources[len(sources)-1].Version; version > known {
		return fmt.Errorf("%w: its schema has version %d and this release knows %d; "+
			"start the newer release, or restore a backup from before the upgrade", ErrNewer, version, known)
	}
	return nil
}

// migrate applies what is pending. Two processes may start on the same
// database at once: then each migration is applied by one of them, in a
// transaction, and fails in the other. So a failure is looked at again as long
// as the schema moved on meanwhile.
func migrate(ctx context.Context, db *sql.DB, m *goose.Provider, log *slog.Logger) error {
	before := int64(-1)
	for {
		applied, err := m.Up(ctx)
		if err == nil {
			for _, r := range applied {
				log.Info("database migrated", "version", r.Source.Version)
			}
			return nil
		}
		now, versionErr := schemaVersion(ctx, db)
		if versionErr != nil || now <= before {
			return fmt.Errorf("migrating the database: %w", err)
		}
		before = now
	}
}
