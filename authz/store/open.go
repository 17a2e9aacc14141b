package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Config says which database to open, and how.
type Config struct {
	// Database is "sqlite:PATH" or a Postgres URL ("postgres://…" or
	// "postgresql://…"). A relative PATH starts at the working directory; a
	// missing file is made, with its folder.
	Database string
	// ManualMigrations leaves the schema to Migrate: Open then refuses a
	// database that is behind with ErrPending.
	ManualMigrations bool
	// MaxOpenConns bounds the connections to Postgres, 2 at least; 0 is
	// DefaultMaxOpenConns. SQLite has a pool of its own.
	MaxOpenConns int
	// Now tells the time for the name of a backup; nil is time.Now.
	Now func() time.Time
	// Logger hears of migrations, backups and mended file modes; nil discards.
	Logger *slog.Logger
	// OnQuery, if not nil, is called after each statement with its text, free
	// of values, and whether it was a write. It must be safe for concurrent
	// use. BEGIN, COMMIT, locks and the statements of migrations are not
	// reported.
	OnQuery func(write bool, sql string)
}

// DefaultMaxOpenConns is how many connections to Postgres a store opens at
// most when nothing else is said: five such nodes fit Postgres' own default of
// 100.
const DefaultMaxOpenConns = 20

// withDefaults fills in what was left out.
func (cfg Config) withDefaults() Config {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxOpenConns == 0 {
		cfg.MaxOpenConns = DefaultMaxOpenConns
	}
	return cfg
}

// sqlitePath returns the path of a SQLite database, or false for Postgres.
func (cfg Config) sqlitePath() (path string, ok bool, err error) {
	scheme, path, _ := strings.Cut(cfg.Database, ":")
	switch {
	case IsPostgres(cfg.Database):
		return "", false, nil
	case scheme != "sqlite":
		// The rest of another scheme's address is not quoted: it can hold a
		// password.
		return "", false, fmt.Errorf("cannot open a %q database: set database to sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME", scheme)
	case path == "" || path == ":memory:":
		return "", false, errors.New("the database needs a file: set database to sqlite:PATH, for example sqlite:./data/signet.db")
	}
	return path, true, nil
}

// Store is the database. It is safe for concurrent use, by several processes
// as well.
type Store struct {
	write   *gorm.DB
	read    *gorm.DB
	backend *backend
}

// backend is an open database, as its dialect sets it up.
type backend struct {
	// writer and reader are the pools of connections, one and the same on
	// Postgres; gorm reaches them through write and read.
	writer, reader *sql.DB
	write, read    gorm.Dialector
	// txOptions are those of every transaction; nil is the driver's own.
	txOptions *sql.TxOptions
	// begin, if not nil, runs first in every transaction.
	begin func(tx *gorm.DB) error
	// lock keeps all others from changing a table until the transaction ends.
	// It is nil where a transaction is the only one that writes anyway.
	lock func(tx *gorm.DB, table string) error
	// skipLocked ends a query for rows to delete that leaves out those which
	// another transaction deletes already.
	skipLocked string
	// transient reports whether a statement or transaction failed only because
	// of another one, and left nothing behind. It is nil where that never is.
	transient func(error) bool
	// unstorable reports whether a statement failed because no row can hold one
	// of its values. It is nil where every text can be stored.
	unstorable func(error) bool
	// timeout bounds each statement and each transaction; 0 is without bounds.
	timeout time.Duration
}

// close closes the readers first: on SQLite the writer is then the last
// connection of this process, which moves the write-ahead log into the
// database.
func (b *backend) close() error {
	var err error
	if b.reader != nil && b.reader != b.writer {
		err = b.reader.Close()
	}
	return errors.Join(err, b.writer.Close())
}

// Open opens the database and brings its schema up to date. A database that a
// newer release made is left untouched and answered with ErrNewer. Every error
// is one line that says how to mend it, and never shows a password.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	path, lite, err := cfg.sqlitePath()
	if err != nil {
		return nil, err
	}
	var b *backend
	if lite {
		b, err = openSQLite(ctx, path, cfg)
	} else {
		b, err = openPostgres(ctx, cfg)
	}
	if err != nil {
		return nil, err
	}
	s, err := newStore(b, cfg.OnQuery)
	if err != nil {
		_ = b.close() // the first error is the one to show
		return nil, err
	}
	if err := s.indexOrigins(ctx); err != nil {
		_ = b.close()
		return nil, err
	}
	return s, nil
}

func newStore(b *backend, onQuery func(bool, string)) (*Store, error) {
	write, err := openGorm(b, b.write, onQuery)
	if err != nil {
		return nil, fmt.Errorf("opening the database for writing: %w", err)
	}
	read, err := openGorm(b, b.read, onQuery)
	if err != nil {
		return nil, fmt.Errorf("opening the database for reading: %w", err)
	}
	return &Store{write: write, read: read, backend: b}, nil
}

func openGorm(b *backend, d gorm.Dialector, onQuery func(bool, string)) (*gorm.DB, error) {
	db, err := gorm.Open(d, &gorm.Config{
		// A single statement is its own transaction.
		SkipDefaultTransaction: true,
		// Unique violations become gorm.ErrDuplicatedKey in every dialect.
		TranslateError:       true,
		DisableAutomaticPing: true,
		// Errors are returned, and their values belong in no log.
		Logger: logger.Discard,
	})
	if err != nil {
		return nil, err
	}
	if b.timeout > 0 {
		err = bound(db, b.timeout)
	}
	if b.unstorable != nil {
		err = errors.Join(err, findNothing(db, b.unstorable))
	}
	if onQuery != nil {
		err = errors.Join(err, report(db, onQuery))
	}
	return db, err
}

// report calls onQuery after each statement that db runs.
func report(db *gorm.DB, onQuery func(bool, string)) error {
	after := func(write bool) func(*gorm.DB) {
		return func(tx *gorm.DB) {
			if tx.Statement.SQL.Len() > 0 {
				onQuery(write, tx.Statement.SQL.String())
			}
		}
	}
	const name = "signet:report"
	on := db.Callback()
	return errors.Join(
		on.Create().After("gorm:create").Register(name, after(true)),
		on.Update().After("gorm:update").Register(name, after(true)),
		on.Delete().After("gorm:delete").Register(name, after(true)),
		on.Query().After("gorm:query").Register(name, after(false)),
	)
}

// findNothing makes a look-up of what no row can hold one that finds no row.
// Names come from strangers: theirs must not look like failures of the database.
func findNothing(db *gorm.DB, unstorable func(error) bool) error {
	return db.Callback().Query().After("gorm:query").Register("signet:nothing", func(tx *gorm.DB) {
		if !unstorable(tx.Error) {
			return
		}
		if tx.Error = nil; tx.Statement.RaiseErrorOnNotFound {
			tx.Error = gorm.ErrRecordNotFound
		}
	})
}

// bound gives each statement that db runs a deadline. The server's own limits
// do not help when the server is gone, and a pooler may not pass them on.
func bound(db *gorm.DB, timeout time.Duration) error {
	const name, cancelKey = "signet:deadline", "signet:cancel"
	before := func(tx *gorm.DB) {
		ctx, cancel := context.WithTimeout(tx.Statement.Context, timeout)
		tx.Statement.Context = ctx
		tx.InstanceSet(cancelKey, cancel)
	}
	// By now gorm has read every row.
	after := func(tx *gorm.DB) {
		if cancel, ok := tx.InstanceGet(cancelKey); ok {
			cancel.(context.CancelFunc)()
		}
	}
	on := db.Callback()
	return errors.Join(
		on.Create().Before("gorm:create").Register(name, before), on.Create().After("gorm:create").Register(name+":end", after),
		on.Update().Before("gorm:update").Register(name, before), on.Update().After("gorm:update").Register(name+":end", after),
		on.Delete().Before("gorm:delete").Register(name, before), on.Delete().After("gorm:delete").Register(name+":end", after),
		on.Query().Before("gorm:query").Register(name, before), on.Query().After("gorm:query").Register(name+":end", after),
	)
}

// Close closes the database. It must be called once, when nothing uses the
// store any more.
func (s *Store) Close() error { return s.backend.close() }

// Ping reports whether the database answers a query on its schema.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := s.backend.deadline(ctx)
	defer cancel()
	if _, err := schemaVersion(ctx, s.backend.reader); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	return nil
}
