package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// How long Postgres may take. Our statements take milliseconds; these bounds
// are for when something is wrong, and let a request fail before its client
// gives up.
const (
	connectTimeout   = 5 * time.Second
	statementTimeout = 15 * time.Second
	lockTimeout      = 10 * time.Second
	// idleTimeout ends a transaction whose node has gone silent with a lock in
	// its hands.
	idleTimeout = 30 * time.Second
	// clientTimeout is our own bound, for a server that does not even answer.
	clientTimeout = 20 * time.Second
)

// A connection is closed after so long without use, or at this age, so that
// the pool shrinks again, and follows a name that points to another server.
const (
	connIdleTime = 5 * time.Minute
	connLifetime = 30 * time.Minute
)

// postgresDB is one Postgres database, which may be behind a pooler.
type postgresDB struct {
	conf *pgx.ConnConfig
	log  *slog.Logger
	// limits are the parameters that bound a session, by name.
	limits map[string]string
	// pooled says that the limits do not reach the server with the connection,
	// as through pgbouncer: then each transaction sets them for itself.
	pooled bool
}

// openPostgres connects, checks and migrates the database.
func openPostgres(ctx context.Context, cfg Config) (_ *backend, err error) {
	p, err := connectPostgres(ctx, cfg)
	if err != nil {
		return nil, err
	}
	err = p.withSchema(func(s *schema) error { return s.prepare(ctx, cfg.ManualMigrations) })
	if err != nil {
		return nil, p.explain(err)
	}
	db := p.open(p.limits["statement_timeout"])
	db.SetMaxOpenConns(cfg.MaxOpenConns)
	db.SetMaxIdleConns(cfg.MaxOpenConns)
	db.SetConnMaxIdleTime(connIdleTime)
	db.SetConnMaxLifetime(connLifetime)
	b := &backend{
		writer: db, reader: db, timeout: clientTimeout, transient: thwarted, unstorable: unstorable,
		// Whatever the server's default is: with REPEATABLE READ and above, a
		// code that is redeemed twice at once would be an error, not a loser.
		txOptions:  &sql.TxOptions{Isolation: sql.LevelReadCommitted},
		skipLocked: " FOR UPDATE SKIP LOCKED",
		lock: func(tx *gorm.DB, table string) error {
			// Against itself and all writers, also those of a release that does
			// not lock; readers go on.
			return tx.Exec("LOCK TABLE " + table + " IN SHARE ROW EXCLUSIVE MODE").Error
		},
	}
	if p.pooled {
		b.begin = func(tx *gorm.DB) error { return p.limit(tx.Statement.Context, tx.Statement.ConnPool) }
	}
	b.write = dialect{postgres.New(postgres.Config{Conn: retryingPool{DB: db, retry: b.retry}})}
	b.read = b.write
	return b, nil
}

// dialect is gorm's Postgres with our view of its errors.
type dialect struct{ gorm.Dialector }

// Translate implements gorm.ErrorTranslator.
func (dialect) Translate(err error) error {
	if sqlState(err) == "23505" { // unique_violation
		return fmt.Errorf("%w: %w", gorm.ErrDuplicatedKey, err)
	}
	return err
}

// unstorable reports whether a statement failed because a text in it has a NUL,
// or is no UTF-8 (character_not_in_repertoire).
func unstorable(err error) bool { return sqlState(err) == "22021" }

// retryingPool runs gorm's statements. One that stands alone and changes rows
// runs again when another transaction thwarted it.
type retryingPool struct {
	*sql.DB
	retry func(ctx context.Context, do func() error) error
}

// ExecContext implements gorm.ConnPool.
func (p retryingPool) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = p.retry(ctx, func() error {
		result, err = p.DB.ExecContext(ctx, query, args...)
		return err
	})
	return result, err
}

// thwarted reports whether Postgres gave a transaction up for the sake of
// another: serialization_failure, deadlock_detected.
func thwarted(err error) bool {
	state := sqlState(err)
	return state == "40001" || state == "40P01"
}

func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// connectPostgres finds out whether there is a database for us behind the URL,
// and whether a pooler stands before it.
func connectPostgres(ctx context.Context, cfg Config) (*postgresDB, error) {
	conf, err := parsePostgres(cfg.Database)
	if err != nil {
		return nil, fmt.Errorf("the database %w", err)
	}
	p := &postgresDB{conf: conf, log: cfg.Logger, limits: map[string]string{}}
	for name, d := range map[string]time.Duration{
		"statement_timeout": statementTimeout, "lock_timeout": lockTimeout, "idle_in_transaction_session_timeout": idleTimeout,
	} {
		// What the URL says goes.
		if p.limits[name] = conf.RuntimeParams[name]; p.limits[name] == "" {
			p.limits[name] = strconv.FormatInt(d.Milliseconds(), 10)
		}
		delete(conf.RuntimeParams, name)
	}
	err = p.check(ctx)
	if refusesParameters(err) {
		p.pooled = true
		err = p.check(ctx)
	}
	if err != nil {
		return nil, p.explain(err)
	}
	return p, nil
}

// refusesParameters recognises pgbouncer, which refuses a connection with a
// parameter that it does not know (protocol_violation).
func refusesParameters(err error) bool {
	return sqlState(err) == "08P01"
}

// open returns a pool. Its statements are sent whole, each with its parameters
// in one message, and nothing is prepared: a pooler may give the next one to
// another server.
func (p *postgresDB) open(statementTimeout string) *sql.DB {
	conf := p.conf.Copy()
	conf.DefaultQueryExecMode = pgx.QueryExecModeExec
	conf.StatementCacheCapacity, conf.DescriptionCacheCapacity = 0, 0
	if !p.pooled {
		for name, value := range p.limits {
			conf.RuntimeParams[name] = value
		}
		conf.RuntimeParams["statement_timeout"] = statementTimeout
	}
	return stdlib.OpenDB(*conf)
}

// limit sets the limits for the transaction of tx alone.
func (p *postgresDB) limit(ctx context.Context, tx execer) error {
	_, err := tx.ExecContext(ctx, "SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true), "+
		"set_config('idle_in_transaction_session_timeout', $3, true)",
		p.limits["statement_timeout"], p.limits["lock_timeout"], p.limits["idle_in_transaction_session_timeout"])
	return err
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// check connects once and looks at what no statement of ours would get past.
func (p *postgresDB) check(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	db := p.open(p.limits["statement_timeout"])
	defer func() { err = errors.Join(err, db.Close()) }()
	var encoding, schema, idle string
	var readOnly bool
	err = db.QueryRowContext(ctx, "SELECT current_setting('server_encoding'), coalesce(current_schema(), ''), "+
		"current_setting('idle_in_transaction_session_timeout'), current_setting('transaction_read_only')::boolean").
		Scan(&encoding, &schema, &idle, &readOnly)
	switch {
	case err != nil:
		return err
	case encoding != "UTF8":
		return fmt.Errorf("its encoding is %s: make a database with the encoding UTF8 (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0)", encoding)
	case schema == "":
		return errors.New("its search_path names no schema that is there: create the schema, or name another")
	case readOnly:
		return errors.New("it takes no writes: name the primary server, or all of them and add target_session_attrs=read-write")
	}
	// A pooler can be told to drop parameters silently. Off is how it then is.
	p.pooled = p.pooled || idle == "0"
	return nil
}
