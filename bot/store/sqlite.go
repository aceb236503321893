package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// openSQLite opens the file with one writing connection, because SQLite has one writer and River's driver asks for it, and a few that
// read beside it, which the write-ahead log allows.
//
// Commits do not wait for the disk, but for those of deliveries (see durable): the log is written in order, so a power failure takes
// the newest commits only, and what they did is done again. Of a killed process nothing is lost.
func (s *Store) openSQLite(ctx context.Context, file string) error {
	if err := makePrivate(file); err != nil {
		return notOpened(file, err)
	}
	name := "file:" + (&url.URL{Path: file}).EscapedPath()
	const common = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=temp_store(MEMORY)"
	var err error
	if s.write, err = sql.Open("sqlite", name+common+"&_txlock=immediate"); err != nil {
		return notOpened(file, err)
	}
	s.write.SetMaxOpenConns(1)
	s.close = func() { s.write.Close() }
	if err := s.write.PingContext(ctx); err != nil {
		return notOpened(file, err)
	}
	if s.read, err = sql.Open("sqlite", name+common+"&_pragma=query_only(true)"); err != nil {
		return notOpened(file, err)
	}
	s.read.SetMaxOpenConns(4)
	s.close = func() { s.read.Close(); s.write.Close() }

	s.jobs, err = newRiver(riversqlite.New(s.write), riversqlite.New(s.read), s.durable)
	return err
}

func notOpened(file string, err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err // the file is named already
	}
	return fmt.Errorf("--database sqlite:%s: cannot be opened: %w; name a SQLite file in a folder that this user may write to", file, err)
}

// durable begins a transaction that is on the disk, and all before it, when its commit returns: a delivery that was answered does not
// come again.
func (s *Store) durable(ctx context.Context) (*sql.Tx, conn, error) {
	c, err := s.write.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	end := func() {
		c.ExecContext(context.WithoutCancel(ctx), "PRAGMA synchronous=NORMAL") // else the next ones wait too, no more
		c.Close()
	}
	if _, err := c.ExecContext(ctx, "PRAGMA synchronous=FULL"); err != nil {
		end()
		return nil, nil, err
	}
	tx, err := c.BeginTx(ctx, nil)
	if err != nil {
		end()
		return nil, nil, err
	}
	return tx, sqlConn{tx, end}, nil
}

// makePrivate makes the file, if need be, and takes it from everyone else: payloads and measurements of private repositories lie in it.
// SQLite gives its log the same mode.
func makePrivate(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return f.Chmod(0o600)
}

// sqlConn is a transaction of database/sql.
type sqlConn struct {
	tx  *sql.Tx
	end func() // gives the connection back
}

func (c sqlConn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := c.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (c sqlConn) row(ctx context.Context, query string, args []any, into ...any) error {
	return notFound(c.tx.QueryRowContext(ctx, query, args...).Scan(into...))
}

func (c sqlConn) commit(context.Context) error {
	defer c.end()
	return c.tx.Commit()
}

func (c sqlConn) rollback(context.Context) error {
	defer c.end()
	return c.tx.Rollback()
}
