package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

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
// back when do returns an error. When the transaction was given up for the
// sake of another (a deadlock), it runs again: do must be able to. It does not
// nest: SQLite's writer is one connection, and a second transaction would wait
// for the first.
func (s *Store) inTx(ctx context.Context, do func(context.Context) error) error {
	if ctx.Value(txKey{s}) != nil {
		return errors.New("a transaction was begun within another, and would wait for it for ever")
	}
	return s.backend.retry(ctx, func() error { return s.inOneTx(ctx, do) })
}

// inOneTx is inTx for a do that must not run twice.
func (s *Store) inOneTx(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := s.backend.deadline(ctx)
	defer cancel()
	return s.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if s.backend.begin != nil {
			if err := s.backend.begin(tx); err != nil {
				return fmt.Errorf("beginning a transaction: %w", err)
			}
		}
		return do(context.WithValue(ctx, txKey{s}, tx))
	}, s.backend.txOptions)
}

// lockTable keeps all others from changing a table until the transaction of
// ctx ends; readers go on. Whoever decides in a transaction by what is, or is
// not, in a table must call it first: on Postgres, READ COMMITTED lets others'
// rows appear between two statements.
func (s *Store) lockTable(ctx context.Context, table string) error {
	if s.backend.lock == nil {
		return nil
	}
	if err := s.backend.lock(s.writer(ctx), table); err != nil {
		return fmt.Errorf("locking %s: %w", table, err)
	}
	return nil
}

// forUpdate returns the handle for reading a row that the transaction of ctx is
// going to change: nobody else may change it until the transaction ends. On
// SQLite the transaction holds the one write lock from its beginning.
func (s *Store) forUpdate(ctx context.Context) *gorm.DB {
	if s.backend.lock == nil {
		return s.writer(ctx)
	}
	return s.writer(ctx).Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
}

// tries is how often what another transaction thwarted is tried. The second
// try finds what the winner left, so that a third is rarely needed.
const tries = 5

// retry runs do again while it fails only because of another transaction.
func (b *backend) retry(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if err == nil || b.transient == nil || !b.transient(err) || try == tries {
			return err
		}
		pause := time.Duration(1+rand.IntN(10*try)) * time.Millisecond // apart from the others
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// deadline bounds what is done in a context.
func (b *backend) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if b.timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, b.timeout)
}
