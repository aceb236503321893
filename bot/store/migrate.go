package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationLock is the key of the advisory lock that one replica holds while it changes PostgreSQL's tables.
const migrationLock = 0x6f78696d65746572 // "oximeter"

// migrate brings our own tables and River's up to date.
func (s *Store) migrate(ctx context.Context) error {
	scripts, err := s.scripts()
	if err != nil {
		return err
	}
	if s.postgres {
		return s.migratePostgres(ctx, scripts)
	}
	// SQLite runs one transaction at a time, so ours need no lock. Of two programs that bring River's tables up at once, one may
	// find a table that the other has just made; it looks again.
	err = s.migrateOwn(ctx, scripts)
	for try := 0; err == nil; try++ {
		riverErr := s.jobs.migrate(ctx)
		if riverErr == nil {
			return nil
		}
		if try == 5 {
			return fmt.Errorf("job tables of the database cannot be brought up to date: %w", riverErr)
		}
		err = sleep(ctx, 200*time.Millisecond)
	}
	return err
}

func (s *Store) migratePostgres(ctx context.Context, scripts []string) (err error) {
	lock, err := s.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, err := lock.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return err
	}
	defer func() {
		_, unlockErr := lock.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(migrationLock))
		err = errors.Join(err, unlockErr)
	}()
	if err := s.migrateOwn(ctx, scripts); err != nil {
		return err
	}
	if err := s.jobs.migrate(ctx); err != nil {
		return fmt.Errorf("job tables of the database cannot be brought up to date: %w", err)
	}
	return nil
}

// migrateOwn applies, in one transaction, the scripts that the database has not seen.
func (s *Store) migrateOwn(ctx context.Context, scripts []string) error {
	t, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	if _, err := t.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)"); err != nil {
		return err
	}
	var version int
	if err := t.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM schema_version").Scan(&version); err != nil {
		return err
	}
	if version > len(scripts) {
		return fmt.Errorf("database has tables of version %d, this program knows %d: use the newer program, or a backup from before it", version, len(scripts))
	}
	for i := version; i < len(scripts); i++ {
		if _, err := t.ExecContext(ctx, scripts[i]); err != nil {
			return fmt.Errorf("tables of the database cannot be brought to version %d: %w", i+1, err)
		}
		if _, err := t.ExecContext(ctx, s.sql("INSERT INTO schema_version VALUES (?1)"), i+1); err != nil {
			return err
		}
	}
	return t.Commit()
}

// scripts are the migrations in the database's words, in order: the first makes version 1.
func (s *Store) scripts() ([]string, error) {
	words := strings.NewReplacer("{{blob}}", "BLOB", "{{id}}", "INTEGER PRIMARY KEY AUTOINCREMENT")
	if s.postgres {
		words = strings.NewReplacer("{{blob}}", "BYTEA", "{{id}}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
	}
	names, err := fs.Glob(migrations, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var scripts []string
	for _, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		scripts = append(scripts, words.Replace(string(text)))
	}
	return scripts, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
