package store

import (
	"context"
	"strings"
	"time"
)

// Lease takes the lease on key for ttl. It returns false while another owner holds one that has not expired; its own is prolonged.
// Replicas on PostgreSQL go by the server's clock.
func (s *Store) Lease(ctx context.Context, key, owner string, ttl time.Duration) (ok bool, err error) {
	now, err := s.leaseClock(ctx)
	if err != nil {
		return false, err
	}
	n, err := s.exec(ctx, `INSERT INTO leases (key, owner, expires) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE
		SET owner = excluded.owner, expires = excluded.expires WHERE leases.owner = excluded.owner OR leases.expires <= ?4`,
		key, owner, now+ttl.Microseconds(), now)
	return n == 1, err
}

// Renew prolongs a lease. It returns false when the lease has gone to another owner: the work under it must stop.
func (s *Store) Renew(ctx context.Context, key, owner string, ttl time.Duration) (ok bool, err error) {
	now, err := s.leaseClock(ctx)
	if err != nil {
		return false, err
	}
	n, err := s.exec(ctx, `UPDATE leases SET expires = ?3 WHERE key = ?1 AND owner = ?2`, key, owner, now+ttl.Microseconds())
	return n == 1, err
}

// Release gives a lease back. It leaves another owner's alone.
func (s *Store) Release(ctx context.Context, key, owner string) error {
	_, err := s.exec(ctx, `DELETE FROM leases WHERE key = ?1 AND owner = ?2`, key, owner)
	return err
}

// leaseClock is now in microseconds by the clock that all replicas share.
func (s *Store) leaseClock(ctx context.Context) (us int64, err error) {
	if !s.postgres {
		return s.now().UnixMicro(), nil
	}
	err = s.row(ctx, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`, nil, &us)
	return us, err
}

const workerPrefix = "worker/"

// Alive marks a worker as alive for ttl. Its jobs are others' once it is not.
func (s *Store) Alive(ctx context.Context, worker string, ttl time.Duration) error {
	_, err := s.Lease(ctx, workerPrefix+worker, worker, ttl)
	return err
}

// Gone marks a worker as stopped.
func (s *Store) Gone(ctx context.Context, worker string) error {
	return s.Release(ctx, workerPrefix+worker, worker)
}

func (s *Store) aliveWorkers(ctx context.Context) (map[string]bool, error) {
	now, err := s.leaseClock(ctx)
	if err != nil {
		return nil, err
	}
	alive := map[string]bool{}
	err = s.rows(ctx, `SELECT key FROM leases WHERE key LIKE 'worker/%' AND expires > ?1`, []any{now}, func(scan func(...any) error) error {
		var key string
		err := scan(&key)
		alive[strings.TrimPrefix(key, workerPrefix)] = true
		return err
	})
	return alive, err
}
