package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/sqlite"
)

// busyTimeout is how long a statement waits for the lock that another process
// holds. Transactions last milliseconds; ten seconds outlive a slow disk.
const busyTimeout = 10 * time.Second

// smallestPage is the size in bytes of the smallest SQLite database that holds
// anything.
const smallestPage = 512

// openSQLite opens, checks and migrates the database file at path.
func openSQLite(ctx context.Context, path string, cfg Config) (*backend, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("the path of the database: %w", err)
	}
	if _, err := os.Stat(path); cfg.ManualMigrations && errors.Is(err, fs.ErrNotExist) {
		// Making an empty file would look like a database that works.
		all, err := sqliteMigrations(ctx, path)
		return nil, explain(path, errors.Join(err, errPending(len(all))))
	}
	if err := makeFile(path); err != nil {
		return nil, err
	}
	b := &backend{}
	if b.writer, err = openWriter(path); err != nil {
		return nil, err
	}
	b.write = sqlite.New(sqlite.Config{Conn: newPool(b.writer)})
	if err := prepareSQLite(ctx, b.writer, path, cfg); err != nil {
		_ = b.close() // the first error is the one to show
		return nil, explain(path, err)
	}
	if b.reader, err = sql.Open(sqlite.DriverName, readerDSN(path)); err != nil {
		_ = b.close()
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	readers := max(4, 2*runtime.GOMAXPROCS(0))
	b.reader.SetMaxOpenConns(readers)
	b.reader.SetMaxIdleConns(readers)
	b.read = sqlite.New(sqlite.Config{Conn: newPool(b.reader)})
	return b, nil
}

// openWriter returns the one connection that writes: writes queue in this
// process, in order, rather than compete for SQLite's lock by sleeping and
// trying again.
func openWriter(path string) (*sql.DB, error) {
	db, err := sql.Open(sqlite.DriverName, writerDSN(path))
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// fileURI escapes path for SQLite, which reads %, ? and # as parts of a URI.
func fileURI(path string, query url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

func writerDSN(path string) string {
	return fileURI(path, url.Values{
		// rw, not rwc: makeFile makes the file, with the right mode.
		"mode": {"rw"},
		// A deferred transaction that turns from reading to writing fails at
		// once when another process wrote in between, whatever the timeout.
		"_txlock":       {"immediate"},
		"_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())},
		"_foreign_keys": {"on"},
		// FULL writes each commit through to the disk. With NORMAL a power
		// failure can take back the last commits: a spent code could be redeemed
		// again, a revoked grant would live, and whoever holds the newest refresh
		// token would be taken for a thief. One commit on an SSD takes about
		// 0.24 ms with FULL and 0.08 ms with NORMAL (BenchmarkRotate), little
		// beside the RSA signature that follows; and only grants write, not
		// access tokens.
		"_synchronous": {"FULL"},
	})
}

func readerDSN(path string) string {
	return fileURI(path, url.Values{
		"mode":          {"ro"},
		"_query_only":   {"on"},
		"_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())},
	})
}

// makeFile makes an empty database that only its owner can read. SQLite gives
// its -wal and -shm files the mode of the database.
//
// A file that exists is not opened here, not even to look: closing it would
// drop the POSIX locks that another store of this process holds on it.
func makeFile(path string) error {
	info, err := os.Stat(path)
	if err == nil {
		if info.IsDir() {
			return fmt.Errorf("the database %s is a folder: name a file in it, for example %s", path, filepath.Join(path, "signet.db"))
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("the database %s is not a regular file: name another one", path)
		}
		// SQLite takes what is shorter than its smallest page for empty, and
		// would write over it.
		if size := info.Size(); size > 0 && size < smallestPage {
			return fmt.Errorf("the file %s is not a database: move it away, or name another file", path)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return unmade(path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was first
	}
	if err != nil {
		return unmade(path, err)
	}
	// The umask may have taken bits away that the owner needs.
	return errors.Join(f.Chmod(0o600), f.Close())
}

// unmade says why the file could not be made, without repeating its path.
func unmade(path string, err error) error {
	cause := err
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		cause = pathErr.Err
	}
	return fmt.Errorf("cannot make the database %s: %w; let this user write to the folder %s, or set database to another place",
		path, cause, filepath.Dir(path))
}

// tighten takes the database away from everyone but its owner, when a copy or
// a restored backup brought a wider mode. Its rows hold password hashes.
func tighten(path string, log *slog.Logger) error {
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 == 0 {
			continue
		}
		if err := os.Chmod(name, 0o600); err != nil {
			return fmt.Errorf("others can read it, and its mode cannot be changed: %w; run chmod 600 on it as its owner", err)
		}
		log.Warn("database file was readable by others; its mode is 0600 now", "file", name)
	}
	return nil
}

// useWAL turns on the write-ahead log, which stays on with the file: readers
// then never wait for the writer. The switch itself does not wait for a lock
// that another process holds, so that it is tried again here.
func useWAL(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, busyTimeout)
	defer cancel()
	for {
		var mode string
		err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		if err == nil && mode == "wal" {
			return nil
		}
		if err == nil {
			return fmt.Errorf("its file system cannot hold a write-ahead log (journal mode %q): keep it on a local disk", mode)
		}
		if !isCode(err, sqlite3.ErrBusy) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func isCode(err error, codes ...sqlite3.ErrNo) bool {
	var lite sqlite3.Error
	if !errors.As(err, &lite) {
		return false
	}
	for _, c := range codes {
		if lite.Code == c {
			return true
		}
	}
	return false
}

// explain names the file and says what an operator can do, on one line.
func explain(path string, err error) error {
	mend := ""
	switch {
	case isCode(err, sqlite3.ErrNotADB, sqlite3.ErrCorrupt):
		mend = "; it is not a database or is damaged: move it away, restore a backup, or name another file"
	case isCode(err, sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrPerm, sqlite3.ErrAuth):
		mend = "; let this user write to it and to the folder " + filepath.Dir(path)
	case isCode(err, sqlite3.ErrBusy, sqlite3.ErrLocked):
		mend = "; another process holds it: stop that one, or try again"
	case isCode(err, sqlite3.ErrFull, sqlite3.ErrIoErr):
		mend = "; check that its disk has room and works"
	}
	return fmt.Errorf("cannot use the database %s: %w%s", path, err, mend)
}
