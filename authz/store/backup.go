package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gorm.io/driver/sqlite"
)

// ErrNotSQLite says that the database is none that Backup can copy.
var ErrNotSQLite = errors.New("only a SQLite database is copied into a file")

// Backup writes a copy of a SQLite database to the new file to (0600), while
// others use it: the copy is what was committed when it began. A database on
// Postgres is ErrNotSQLite. It migrates nothing, so that it can run before an
// upgrade.
func Backup(ctx context.Context, cfg Config, to string) error {
	cfg = cfg.withDefaults()
	path, lite, err := cfg.sqlitePath()
	if err != nil {
		return err
	}
	if !lite {
		return ErrNotSQLite
	}
	if path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("the path of the database: %w", err)
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no database to back up: %w", err)
	}
	var failed error // of the copy, not of the database
	err = withSQLite(path, cfg, func(s *schema) error {
		versioned, err := s.versioned(ctx)
		if err != nil {
			return err
		}
		if !versioned {
			return errors.New("it is empty: there is nothing to back up")
		}
		failed = copySQLite(ctx, s.db, to)
		return nil
	})
	if err != nil {
		return err
	}
	return failed
}

// takenError says that there is a file where a copy should go.
type takenError struct{ path string }

// Error says what to do about it.
func (e takenError) Error() string {
	return e.path + " exists already, and is not overwritten: name another file"
}

// copySQLite writes what db holds to a new file, which belongs to its owner
// alone from the beginning: its rows hold password hashes.
func copySQLite(ctx context.Context, db *sql.DB, to string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return takenError{to}
	}
	if err != nil {
		return fmt.Errorf("cannot make the copy: %w", err)
	}
	err = f.Chmod(0o600) // whatever the umask took away
	if err == nil {
		// VACUUM INTO takes an empty file for none.
		_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	}
	if err == nil {
		err = errors.Join(f.Sync(), syncFolder(filepath.Dir(to)))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("copying the database to %s: %w", to, err), os.Remove(to))
	}
	return nil
}

// syncFolder makes a new name in a folder outlive a loss of power.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// backupBefore copies the database at path next to itself before it is
// migrated from one version to another.
func backupBefore(ctx context.Context, db *sql.DB, path string, at time.Time, from, to int64) (string, error) {
	name := fmt.Sprintf("%s.before-v%d-%s", path, to, at.UTC().Format("20060102T150405Z"))
	first := name
	for n := 2; ; n++ {
		err := copySQLite(ctx, db, name)
		if err == nil {
			break
		}
		if !errors.As(err, new(takenError)) {
			return "", err
		}
		// Another process, in the same second.
		name = fmt.Sprintf("%s-%d", first, n)
	}
	version, err := copiedVersion(ctx, name)
	if err != nil {
		return "", errors.Join(fmt.Errorf("looking at the copy: %w", err), os.Remove(name))
	}
	if version != from {
		// Another process has migrated meanwhile, and has made a copy before.
		return "", os.Remove(name)
	}
	return name, nil
}

// copiedVersion is the version of the schema in a copy.
func copiedVersion(ctx context.Context, path string) (int64, error) {
	db, err := sql.Open(sqlite.DriverName, readerDSN(path))
	if err != nil {
		return 0, err
	}
	version, err := schemaVersion(ctx, db)
	return version, errors.Join(err, db.Close())
}
