package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strings"

	"github.com/pressly/goose/v3"
)

var (
	// ErrNewer says that a newer release of Signet made the database. Nothing
	// in it was changed.
	ErrNewer = errors.New("the database was made by a newer release of Signet")
	// ErrPending says that the schema is behind this release, and that
	// migrations are left to the operator. Nothing was changed.
	ErrPending = errors.New("its schema is behind this release")
)

// Migration is one step of the schema.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// Migrated is what Migrate has done.
type Migrated struct {
	// Applied are the migrations that this call has applied.
	Applied []Migration
	// Backup is the copy of a SQLite database that was made before; empty when
	// there was nothing to migrate, or nothing to lose.
	Backup string
}

// Migrations lists every migration of this release and says which of them the
// database has. It changes nothing. A database of a newer release is ErrNewer.
func Migrations(ctx context.Context, cfg Config) ([]Migration, error) {
	cfg = cfg.withDefaults()
	path, lite, err := cfg.sqlitePath()
	if err != nil {
		return nil, err
	}
	if lite {
		return sqliteMigrations(ctx, path)
	}
	return postgresMigrations(ctx, cfg)
}

// Migrate brings the schema up to date, whatever cfg.ManualMigrations says.
func Migrate(ctx context.Context, cfg Config) (Migrated, error) {
	cfg = cfg.withDefaults()
	cfg.ManualMigrations = false
	path, lite, err := cfg.sqlitePath()
	if err != nil {
		return Migrated{}, err
	}
	if lite {
		return migrateSQLite(ctx, path, cfg)
	}
	return migratePostgres(ctx, cfg)
}

//go:embed migrations
var migrations embed.FS

// schema is the migrations of one dialect, and a database to apply them to.
type schema struct {
	db    *sql.DB
	goose *goose.Provider
	log   *slog.Logger
	// versioned reports whether the database has goose's table. It returns an
	// error when the database belongs to another program.
	versioned func(context.Context) (bool, error)
	// alone runs do while no other process migrates.
	alone func(ctx context.Context, do func() error) error
	// backup, if not nil, keeps a copy before a database is migrated from one
	// version to another, and returns its path.
	backup func(ctx context.Context, from, to int64) (string, error)
}

// newSchema returns the migrations of one dialect.
func newSchema(db *sql.DB, dialect goose.Dialect, folder string, log *slog.Logger) (*schema, error) {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(dialect, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, err
	}
	return &schema{db: db, goose: provider, log: log}, nil
}

// schemaVersion reads the highest applied migration of a database that has
// its version table. It writes nothing.
func schemaVersion(ctx context.Context, db *sql.DB) (int64, error) {
	var version sql.NullInt64
	err := db.QueryRowContext(ctx,
		"SELECT max(version_id) FROM "+goose.DefaultTablename).Scan(&version)
	return version.Int64, err
}

// list looks and writes nothing: what is not ours, or newer than us, is left
// as it is. It also returns the version of the database, 0 for an empty one.
func (s *schema) list(ctx context.Context) (all []Migration, version int64, err error) {
	versioned, err := s.versioned(ctx)
	if err != nil {
		return nil, 0, err
	}
	if versioned {
		if version, err = schemaVersion(ctx, s.db); err != nil {
			return nil, 0, err
		}
	}
	sources := s.goose.ListSources()
	if known := sources[len(sources)-1].Version; version > known {
		return nil, 0, fmt.Errorf("%w: its schema has version %d and this release knows %d; "+
			"start the newer release, or restore a backup from before the upgrade", ErrNewer, version, known)
	}
	for _, source := range sources {
		// Migrations are applied in order, each with its version.
		all = append(all, migration(source, source.Version <= version))
	}
	return all, version, nil
}

func migration(source *goose.Source, applied bool) Migration {
	return Migration{
		Version: source.Version, Applied: applied,
		Name: strings.TrimSuffix(path.Base(source.Path), ".sql"),
	}
}

// pending counts the migrations that are not applied.
func pending(all []Migration) int {
	n := 0
	for _, m := range all {
		if !m.Applied {
			n++
		}
	}
	return n
}

// errPending is the refusal to start on a schema with n pending migrations.
func errPending(n int) error {
	return fmt.Errorf("%w (migrations pending: %d): run \"signet migrate up\", or set migrate to auto", ErrPending, n)
}

// prepare is what Open does about the schema. A database that is up to date
// is only read, so that its user need not be allowed to change tables.
func (s *schema) prepare(ctx context.Context, manual bool) error {
	all, _, err := s.list(ctx)
	if err != nil {
		return err
	}
	n := pending(all)
	if n > 0 && manual {
		return errPending(n)
	}
	if n > 0 {
		_, err = s.up(ctx)
	}
	return err
}

// up applies what is pending.
func (s *schema) up(ctx context.Context) (done Migrated, err error) {
	err = s.alone(ctx, func() error {
		// Another process may have been first.
		all, version, err := s.list(ctx)
		if err != nil || pending(all) == 0 {
			return err
		}
		if s.backup != nil && version > 0 {
			if done.Backup, err = s.backup(ctx, version, all[len(all)-1].Version); err != nil {
				return fmt.Errorf("backing it up before its migration: %w", err)
			}
		}
		done.Applied, err = s.apply(ctx)
		return err
	})
	return done, err
}

// apply runs goose. SQLite has no lock around it: then each migration is
// applied by one process, in a transaction, and fails in the other. So a
// failure is looked at again as long as the schema moved on meanwhile.
func (s *schema) apply(ctx context.Context) ([]Migration, error) {
	before := int64(-1)
	for {
		results, err := s.goose.Up(ctx)
		if err == nil {
			var applied []Migration
			for _, r := range results {
				applied = append(applied, migration(r.Source, true))
				s.log.Info("database migrated", "version", r.Source.Version)
			}
			return applied, nil
		}
		now, versionErr := schemaVersion(ctx, s.db)
		if versionErr != nil || now <= before {
			return nil, fmt.Errorf("migrating the database: %w", err)
		}
		before = now
	}
}
