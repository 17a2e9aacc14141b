package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Config says which database to open.
type Config struct {
	// Database is "sqlite:PATH". A relative PATH starts at the working
	// directory; a missing file is made, with its folder.
	Database string
	// Logger hears of migrations and mended file modes; nil discards.
	Logger *slog.Logger
	// OnQuery, if not nil, is called after each statement with its text, free
	// of values, and whether it was a write. It must be safe for concurrent
	// use. BEGIN, COMMIT and the statements of migrations are not reported.
	OnQuery func(write bool, sql string)
}

// Store is the database. It is safe for concurrent use, by several processes
// as well.
type Store struct {
	write *gorm.DB
	read  *gorm.DB
	pools *pools
}

// Open opens the database and brings its schema up to date. A database that a
// newer release made is left untouched and answered with ErrNewer. Every error
// is one line that says how to mend it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	scheme, path, _ := strings.Cut(cfg.Database, ":")
	// The rest of another scheme's address is not quoted: it can hold a
	// password.
	if scheme != "sqlite" {
		return nil, fmt.Errorf("cannot open a %q database: set database to sqlite:PATH", scheme)
	}
	if path == "" || path == ":memory:" {
		return nil, errors.New("the database needs a file: set database to sqlite:PATH, for example sqlite:./data/signet.db")
	}
	p, err := openSQLite(ctx, path, log)
	if err != nil {
		return nil, err
	}
	s, err := newStore(p, cfg.OnQuery)
	if err != nil {
		_ = p.close() // the first error is the one to show
		return nil, err
	}
	return s, nil
}

func newStore(p *pools, onQuery func(bool, string)) (*Store, error) {
	write, err := openGorm(p.dialector(p.writer), onQuery)
	if err != nil {
		return nil, fmt.Errorf("opening the database for writing: %w", err)
	}
	read, err := openGorm(p.dialector(p.reader), onQuery)
	if err != nil {
		return nil, fmt.Errorf("opening the database for reading: %w", err)
	}
	return &Store{write: write, read: read, pools: p}, nil
}

func openGorm(d gorm.Dialector, onQuery func(bool, string)) (*gorm.DB, error) {
	db, err := gorm.Open(d, &gorm.Config{
		// A single statement is its own transaction.
		SkipDefaultTransaction: true,
		// Unique violations become gorm.ErrDuplicatedKey in every dialect.
		TranslateError:       true,
		DisableAutomaticPing: true,
		// Errors are returned, and their values belong in no log.
		Logger: logger.Discard,
	})
	if err != nil || onQuery == nil {
		return db, err
	}
	return db, report(db, onQuery)
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

// Close closes the database. It must be called once, when nothing uses the
// store any more.
func (s *Store) Close() error { return s.pools.close() }

// Ping reports whether the database answers a query on its schema.
func (s *Store) Ping(ctx context.Context) error {
	if _, err := schemaVersion(ctx, s.pools.reader.db); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	return nil
}

// txKey finds a store's transaction in a context. The store is part of the
// key, so that two stores never take each other's handle.
type txKey struct{ store *Store }

// reader returns the handle for reads: the transaction that ctx carries, or
// else the pool of readers.
func (s *Store) reader(ctx context.Context) *gorm.DB {
	if tx, ok := ctx.Value(txKey{s}).(*gorm.DB); ok {
		return tx.WithContext(ctx)
	}
	return s.read.WithContext(ctx)
}

// writer returns the handle for writes: the transaction that ctx carries, or
// else the writer.
func (s *Store) writer(ctx context.Context) *gorm.DB {
	if tx, ok := ctx.Value(txKey{s}).(*gorm.DB); ok {
		return tx.WithContext(ctx)
	}
	return s.write.WithContext(ctx)
}

// inTx runs do in a transaction, which do finds in its context, and rolls
// back when do returns an error. It does not nest: the writer is one
// connection, and a second transaction would wait for the first.
func (s *Store) inTx(ctx context.Context, do func(context.Context) error) error {
	return s.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		return do(context.WithValue(ctx, txKey{s}, tx))
	})
}
