package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/pressly/goose/v3"
)

// withSchema runs do on the schema, with connections of its own: a migration
// may take longer than any other statement.
func (p *postgresDB) withSchema(do func(*schema) error) error {
	db := p.open("0")
	defer db.Close() // nothing is under way
	db.SetMaxOpenConns(2)
	s, err := newSchema(db, goose.DialectPostgres, "postgres", p.log)
	if err != nil {
		return err
	}
	s.versioned = func(ctx context.Context) (bool, error) { return ownsSchema(ctx, db) }
	s.alone = func(ctx context.Context, do func() error) error { return p.migrateAlone(ctx, db, do) }
	return do(s)
}

// postgresMigrations is Migrations of the database in cfg.
func postgresMigrations(ctx context.Context, cfg Config) (all []Migration, err error) {
	p, err := connectPostgres(ctx, cfg)
	if err != nil {
		return nil, err
	}
	err = p.withSchema(func(s *schema) error {
		all, _, err = s.list(ctx)
		return err
	})
	return all, p.explain(err)
}

// migratePostgres is Migrate of the database in cfg.
func migratePostgres(ctx context.Context, cfg Config) (done Migrated, err error) {
	p, err := connectPostgres(ctx, cfg)
	if err != nil {
		return Migrated{}, err
	}
	err = p.withSchema(func(s *schema) error {
		if _, _, err := s.list(ctx); err != nil {
			return err
		}
		done, err = s.up(ctx)
		return err
	})
	return done, p.explain(err)
}

// ownsSchema refuses a schema of another program, and reports whether it has
// the table of versions. Others use goose too, so the table alone proves
// nothing.
func ownsSchema(ctx context.Context, db *sql.DB) (versioned bool, err error) {
	var tables, versions, ours int
	err = db.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE tablename = $1), count(*) FILTER (WHERE tablename = 'signing_keys') "+
		"FROM pg_tables WHERE schemaname = current_schema()", goose.DefaultTablename).Scan(&tables, &versions, &ours)
	if err != nil {
		return false, err
	}
	// goose makes its table in a transaction of its own, before ours.
	foreign := tables > 0 && (versions == 0 || ours == 0 && tables > 1)
	if versions > 0 && ours == 0 && !foreign {
		version, err := schemaVersion(ctx, db)
		if err != nil {
			return false, err
		}
		foreign = version > 0
	}
	if foreign {
		return false, errors.New("its schema holds tables of another program: give Signet a database of its own, or a schema (add ?search_path=signet)")
	}
	return versions > 0, nil
}

// migrationLock begins the key of the advisory lock; the schema ends it.
const migrationLock = 0x5167 // any number that nobody else uses

// migrateAlone runs do while it holds an advisory lock. It belongs to a
// transaction, since a session means nothing behind a pooler, and is tried
// rather than waited for, since ten waiting nodes would take all connections
// of a small pool from the one that migrates.
func (p *postgresDB) migrateAlone(ctx context.Context, db *sql.DB, do func() error) error {
	for told := false; ; told = true {
		locked, err := p.tryAlone(ctx, db, do)
		if locked || err != nil {
			return err
		}
		if !told {
			p.log.Info("another node migrates the database; waiting for it")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (p *postgresDB) tryAlone(ctx context.Context, db *sql.DB, do func() error) (locked bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }() // it has changed nothing
	// This transaction does nothing while others migrate.
	if _, err := tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
		return false, err
	}
	err = tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1::int, hashtext(current_schema()))", migrationLock).Scan(&locked)
	if err != nil || !locked {
		return false, err
	}
	return true, do()
}
