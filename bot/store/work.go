package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Worker makes a River client that works jobs of this store.
func (s *Store) Worker(config *river.Config) (Client, error) { return s.jobs.client(config) }

// Cancelled says whether a running job is to be cancelled. When the store cannot tell, it is not.
func (s *Store) Cancelled(ctx context.Context, id int64) bool {
	j, err := s.jobs.get(ctx, id)
	if err != nil {
		return false
	}
	var metadata struct {
		At json.RawMessage `json:"cancel_attempted_at"` // River's mark
	}
	return json.Unmarshal(j.Metadata, &metadata) == nil && metadata.At != nil
}

// RescueOrphans takes the jobs of workers that are not alive any more: they run again at once, or are discarded when that was their
// last attempt. It returns both.
func (s *Store) RescueOrphans(ctx context.Context) (rescued, discarded []*rivertype.JobRow, err error) {
	running, err := s.jobs.running(ctx)
	if err != nil || len(running) == 0 {
		return nil, nil, err
	}
	// Read after the jobs: a worker says that it lives before it takes its first.
	alive, err := s.aliveWorkers(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, j := range running {
		if j.AttemptedAt == nil || len(j.AttemptedBy) == 0 || alive[j.AttemptedBy[len(j.AttemptedBy)-1]] {
			continue
		}
		if err := s.jobs.rescue(ctx, j, "the worker that ran it died", s.now()); err != nil {
			return rescued, discarded, err
		}
		if j.Attempt >= j.MaxAttempts {
			discarded = append(discarded, j)
		} else {
			rescued = append(rescued, j)
		}
	}
	return rescued, discarded, nil
}

// Stats is the state of the queue.
type Stats struct {
	Jobs      map[string]int // by River's state: available, running, scheduled, retryable, completed, cancelled, discarded, pending
	Waiting   int            // available, scheduled and retryable
	OldestAge time.Duration  // how long the job that could run and waits longest has waited; 0 when none waits
}

// Stats counts the jobs.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	counts, err := s.jobs.counts(ctx)
	if err != nil {
		return Stats{}, err
	}
	st := Stats{Jobs: map[string]int{}}
	for _, state := range rivertype.JobStates() {
		st.Jobs[string(state)] = counts[state]
	}
	st.Waiting = counts[rivertype.JobStateAvailable] + counts[rivertype.JobStateScheduled] + counts[rivertype.JobStateRetryable]
	oldest, err := s.jobs.oldest(ctx, rivertype.JobStateAvailable)
	if err != nil || oldest == nil {
		return st, err
	}
	st.OldestAge = max(0, s.now().Sub(oldest.ScheduledAt))
	return st, nil
}

// Busy reports whether a job is being worked, or is due within that time.
func (s *Store) Busy(ctx context.Context, within time.Duration) (bool, error) {
	next, err := s.jobs.oldest(ctx, rivertype.JobStateRunning, rivertype.JobStateAvailable, rivertype.JobStateScheduled, rivertype.JobStateRetryable)
	return next != nil && next.ScheduledAt.Before(s.now().Add(within)), err
}

// Retention says how long things are kept. Zero keeps them for ever. The ledger of acceptances is kept as long as its repository:
// who accepted what, when and why stays readable when the evaluation is gone.
type Retention struct {
	Deliveries   time.Duration // and commands: what makes a redelivery a duplicate; GitHub redelivers for three days
	Evaluations  time.Duration // except the newest of each pull request
	Measurements time.Duration
}

// DefaultRetention suits a busy installation.
func DefaultRetention() Retention {
	return Retention{Deliveries: 14 * 24 * time.Hour, Evaluations: 365 * 24 * time.Hour, Measurements: 180 * 24 * time.Hour}
}

// SetRetention says how long a repository's own file wants its evaluations kept; 0 leaves that to Purge's caller. The newest of an
// open pull request stays in any case.
func (s *Store) SetRetention(ctx context.Context, repoID int64, evaluations time.Duration) error {
	var before int64
	err := s.row(ctx, `SELECT evaluations FROM retention WHERE repo = ?1`, []any{repoID}, &before)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if before == max(0, evaluations.Microseconds()) { // nearly always: it is asked for at every look
		return nil
	}
	if evaluations <= 0 {
		_, err := s.exec(ctx, `DELETE FROM retention WHERE repo = ?1`, repoID)
		return err
	}
	_, err = s.exec(ctx, `INSERT INTO retention (repo, evaluations) VALUES (?1, ?2)
		ON CONFLICT (repo) DO UPDATE SET evaluations = excluded.evaluations`, repoID, evaluations.Microseconds())
	return err
}

// Purge deletes what is older than its retention, or the repository's own (SetRetention), in steps that do not hold up deliveries, and
// returns how many rows went.
func (s *Store) Purge(ctx context.Context, keep Retention) (int64, error) {
	var total int64
	now := s.now()
	steps := []struct {
		age   time.Duration
		query string
	}{
		{keep.Deliveries, `DELETE FROM deliveries WHERE guid IN (SELECT guid FROM deliveries WHERE received < ?1 LIMIT 500)`},
		{keep.Deliveries, `DELETE FROM commands WHERE (repo, kind, source) IN
			(SELECT repo, kind, source FROM commands WHERE begun < ?1 LIMIT 500)`},
		{keep.Evaluations, `DELETE FROM evaluations WHERE id IN (SELECT id FROM evaluations e WHERE created < ?1 AND EXISTS
			(SELECT 1 FROM evaluations n WHERE n.repo = e.repo AND n.pull = e.pull AND n.id > e.id) LIMIT 100)`},
		{time.Nanosecond, `DELETE FROM evaluations WHERE id IN (SELECT e.id FROM evaluations e JOIN retention r ON r.repo = e.repo
			WHERE e.created < ?1 - r.evaluations AND (EXISTS (SELECT 1 FROM evaluations n WHERE n.repo = e.repo AND n.pull = e.pull AND n.id > e.id)
			OR NOT EXISTS (SELECT 1 FROM pulls p WHERE p.repo = e.repo AND p.pull = e.pull AND p.closed = 0)) LIMIT 100)`},
		{keep.Measurements, `DELETE FROM sizes WHERE measurement IN (SELECT measurement FROM sizes
			WHERE measurement NOT IN (SELECT id FROM measurements WHERE created >= ?1) LIMIT 500)`},
		{keep.Measurements, `DELETE FROM measurements WHERE id IN (SELECT id FROM measurements WHERE created < ?1 LIMIT 20)`},
		{7 * 24 * time.Hour, `DELETE FROM job_keys WHERE key IN (SELECT key FROM job_keys WHERE updated < ?1 LIMIT 500)`},
		{24 * time.Hour, `DELETE FROM leases WHERE expires < ?1`},
	}
	for _, step := range steps {
		if step.age <= 0 {
			continue
		}
		for {
			n, err := s.exec(ctx, step.query, now.Add(-step.age).UnixMicro())
			total += n
			if err != nil {
				return total, err
			}
			if n == 0 {
				break
			}
		}
	}
	return total, nil
}
