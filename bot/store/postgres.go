package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

func (s *Store) openPostgres(ctx context.Context, url string) error {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The driver's message would repeat the setting, and with it the password.
		return errors.New("database setting postgres://… cannot be read: it has the form postgres://user:password@host:5432/name?sslmode=…")
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = 16
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("database %s: %w", config.ConnConfig.Host, err)
	}
	s.postgres = true
	s.write = stdlib.OpenDBFromPool(pool)
	s.read = s.write
	s.close = func() { s.write.Close(); pool.Close() }
	if err := pool.Ping(ctx); err != nil {
		return fmt.Errorf("database %s does not answer: %w: check that it runs and that --database names it", config.ConnConfig.Host, err)
	}
	driver := riverpgxv5.New(pool)
	s.jobs, err = newRiver(driver, driver, func(ctx context.Context) (pgx.Tx, conn, error) {
		tx, err := pool.Begin(ctx)
		return tx, pgConn{tx}, err
	})
	return err
}

// pgConn is a transaction of pgx.
type pgConn struct{ tx pgx.Tx }

func (c pgConn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := c.tx.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

func (c pgConn) row(ctx context.Context, query string, args []any, into ...any) error {
	err := c.tx.QueryRow(ctx, query, args...).Scan(into...)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

func (c pgConn) commit(ctx context.Context) error   { return c.tx.Commit(ctx) }
func (c pgConn) rollback(ctx context.Context) error { return c.tx.Rollback(ctx) }
