package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

func (s *Store) openPostgres(ctx context.Context, url string) error {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The driver's message would repeat the setting, and with it the password.
		return errors.New("--database postgres://…: cannot be read; it has the form postgres://user:password@host:5432/name?sslmode=…")
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = 16
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return unanswered(config, err)
	}
	s.postgres = true
	s.write = stdlib.OpenDBFromPool(pool)
	s.read = s.write
	s.close = func() { s.write.Close(); pool.Close() }
	if err := pool.Ping(ctx); err != nil {
		return unanswered(config, err)
	}
	driver := riverpgxv5.New(pool)
	s.jobs, err = newRiver(driver, driver, func(ctx context.Context) (pgx.Tx, conn, error) {
		tx, err := pool.Begin(ctx)
		return tx, pgConn{tx}, err
	})
	return err
}

// unanswered tells the newest cause only: pgx lists every attempt on a line of its own, and the setting's user with it.
func unanswered(config *pgxpool.Config, err error) error {
	c := config.ConnConfig
	address := c.Host
	if !strings.HasPrefix(c.Host, "/") { // else a socket's folder
		address = net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	}
	var refused *net.OpError
	var name *net.DNSError
	var answer *pgconn.PgError
	switch {
	case errors.As(err, &answer):
		return fmt.Errorf("--database postgres://%s/…: refuses us: %w; correct the user, the password or the name in the setting", address, answer)
	case errors.As(err, &name):
		err = fmt.Errorf("no address for %s", name.Name)
	case errors.As(err, &refused):
		err = refused.Err
	}
	return fmt.Errorf("--database postgres://%s/…: does not answer: %s; check that it runs there", address, strings.Join(strings.Fields(err.Error()), " "))
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
