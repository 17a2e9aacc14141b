package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
)

// sqliteSchema is the schema of the database at path.
func sqliteSchema(db *sql.DB, path string, cfg Config) (*schema, error) {
	s, err := newSchema(db, goose.DialectSQLite3, "sqlite", cfg.Logger)
	if err != nil {
		return nil, err
	}
	s.versioned = func(ctx context.Context) (bool, error) { return checkOurs(ctx, db) }
	// apply bears with others; a migration itself is a transaction.
	s.alone = func(_ context.Context, do func() error) error { return do() }
	s.backup = func(ctx context.Context, from, to int64) (string, error) {
		name, err := backupBefore(ctx, db, path, cfg.Now(), from, to)
		if err == nil && name != "" {
			cfg.Logger.Info("database backed up before its migration", "file", name, "version", from)
		}
		return name, err
	}
	return s, nil
}

// prepareSQLite looks before it writes: what is not ours, or newer than us,
// or not ours to migrate, is left as it is.
func prepareSQLite(ctx context.Context, db *sql.DB, path string, cfg Config) error {
	s, err := sqliteSchema(db, path, cfg)
	if err != nil {
		return err
	}
	all, _, err := s.list(ctx)
	if err != nil {
		return err
	}
	if n := pending(all); n > 0 && cfg.ManualMigrations {
		return errPending(n)
	}
	warnOfNetwork(path, cfg.Logger)
	if err := tighten(path, cfg.Logger); err != nil {
		return err
	}
	if err := useWAL(ctx, db); err != nil {
		return err
	}
	return s.prepare(ctx, cfg.ManualMigrations)
}

// sqliteMigrations is Migrations of the database at path, which need not be
// there.
func sqliteMigrations(ctx context.Context, path string) (all []Migration, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		path = ":memory:"
	}
	err = withSQLite(path, Config{}.withDefaults(), func(s *schema) error {
		all, _, err = s.list(ctx)
		return err
	})
	return all, err
}

// migrateSQLite is Migrate of the database at path.
func migrateSQLite(ctx context.Context, path string, cfg Config) (done Migrated, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return Migrated{}, fmt.Errorf("the path of the database: %w", err)
	}
	if err := makeFile(path); err != nil {
		return Migrated{}, err
	}
	err = withSQLite(path, cfg, func(s *schema) error {
		if _, _, err := s.list(ctx); err != nil {
			return err
		}
		warnOfNetwork(path, cfg.Logger)
		if err := errors.Join(tighten(path, cfg.Logger), useWAL(ctx, s.db)); err != nil {
			return err
		}
		done, err = s.up(ctx)
		return err
	})
	return done, err
}

// withSQLite runs do on the schema of the database at path.
func withSQLite(path string, cfg Config, do func(*schema) error) error {
	db, err := openWriter(path)
	if err != nil {
		return err
	}
	s, err := sqliteSchema(db, path, cfg)
	if err == nil {
		err = do(s)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return explain(path, err)
	}
	return nil
}

// checkOurs refuses a database of another program, and reports whether it has
// the table of versions, which an empty one has not.
func checkOurs(ctx context.Context, db *sql.DB) (versioned bool, err error) {
	var tables, versions int
	err = db.QueryRowContext(ctx, "SELECT count(*), count(CASE WHEN name = ? THEN 1 END) FROM sqlite_schema WHERE type = 'table'",
		goose.DefaultTablename).Scan(&tables, &versions)
	if err == nil && tables > 0 && versions == 0 {
		err = errors.New("it belongs to another program: name another file")
	}
	return versions > 0, err
}
