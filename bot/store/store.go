// Package store keeps what the App knows: deliveries, jobs, measurements, evaluations, what was written to GitHub, what people asked
// and accepted, and the leases that make one writer per pull request. It is the only importer of SQL drivers.
//
// A store is a SQLite file or a PostgreSQL database; the same code and the same tests serve both. River's tables lie in the same
// database, so that a delivery and its jobs are stored in one transaction. Every row is keyed by the repository's id, because owners
// and names change.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// ErrNotFound says that there is no such row.
var ErrNotFound = errors.New("not in the store")

// ErrSuperseded says that a newer head of the pull request is wanted: what was made for the older one was not written.
var ErrSuperseded = errors.New("superseded by a newer head")

// ErrRemoved says that the repository was taken from the App: what was made from it meanwhile was not written.
var ErrRemoved = errors.New("the repository was taken from the App")

// A Store is safe for use by several goroutines, and a database by several replicas.
type Store struct {
	write  *sql.DB // one connection on SQLite, which has one writer
	read   *sql.DB
	jobs   jobs
	now    func() time.Time
	packer *zstd.Encoder
	unpack *zstd.Decoder

	postgres bool
	close    func()
}

// Open opens "sqlite:FILE" (made with mode 0600 if absent) or "postgres://…", and brings its tables up to date. Replicas may start
// at once. now is the clock, time.Now when nil.
func Open(ctx context.Context, url string, now func() time.Time) (*Store, error) {
	if now == nil {
		now = time.Now
	}
	s := &Store{now: now}
	var err error
	switch file, isFile := strings.CutPrefix(url, "sqlite:"); {
	case isFile && file != "":
		err = s.openSQLite(ctx, file)
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		err = s.openPostgres(ctx, url)
	default:
		err = errors.New("--database: is neither sqlite:FILE nor postgres://…; give one of them")
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	if err := s.openCompression(); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) openCompression() (err error) {
	if s.packer, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2)); err != nil {
		return err
	}
	s.unpack, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(64<<20))
	return err
}

// Close closes the database. Clients made by Worker must have stopped.
func (s *Store) Close() {
	if s.close != nil {
		s.close()
		s.close = nil
	}
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return fmt.Errorf("database does not answer: %w", err)
	}
	return nil
}

// sql turns the parameters ?1, ?2 … of a query into the database's.
func (s *Store) sql(query string) string {
	if s.postgres {
		return strings.ReplaceAll(query, "?", "$")
	}
	return query
}

// exec runs a statement and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := s.write.ExecContext(ctx, s.sql(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// row reads one row into the pointers, or returns ErrNotFound.
func (s *Store) row(ctx context.Context, query string, args []any, into ...any) error {
	return notFound(s.read.QueryRowContext(ctx, s.sql(query), args...).Scan(into...))
}

// rows calls each for every row.
func (s *Store) rows(ctx context.Context, query string, args []any, each func(scan func(...any) error) error) error {
	rows, err := s.read.QueryContext(ctx, s.sql(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// orNow is t, or the clock's time when t is zero, as it is stored.
func (s *Store) orNow(t time.Time) int64 {
	if t.IsZero() {
		t = s.now()
	}
	return t.UnixMicro()
}

func fromMicro(us int64) time.Time { return time.UnixMicro(us).UTC() }

// fromStamp is fromMicro for a moment that may not have come: 0 is the zero time.
func fromStamp(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return fromMicro(us)
}

// number is how a bool is stored.
func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
