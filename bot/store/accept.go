package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/riverqueue/river/rivertype"
)

// A Delivery is a webhook as it came, after its signature was checked.
type Delivery struct {
	GUID         string // GitHub's, unique
	Event        string
	Action       string
	Installation int64
	RepoID       int64
	Payload      []byte
	Received     time.Time // zero: now
}

// A Job says "look at this again". It carries ids only: whoever works it reads the state from GitHub.
type Job struct {
	Kind         string        `json:"kind"`
	Installation int64         `json:"installation"`
	RepoID       int64         `json:"repo,omitempty"`
	Pull         int           `json:"pull,omitempty"`
	RunID        int64         `json:"run,omitempty"`
	Command      bool          `json:"command,omitempty"`  // what a person asked for in Delivery; never merged with another
	CheckRunID   int64         `json:"check,omitempty"`    // of a button
	MergeGroup   string        `json:"group,omitempty"`    // SHA is the head of this branch of the merge queue
	Removed      bool          `json:"removed,omitempty"`  // the repository, without one the installation, is to be forgotten
	SHA          string        `json:"sha,omitempty"`      // the head, when the hint named one
	Why          string        `json:"why,omitempty"`      // for the log
	Delivery     string        `json:"delivery,omitempty"` // GUID; Accept fills it in
	Priority     int           `json:"-"`                  // 1 (a person waits) to 4; 0 is 2
	After        time.Duration `json:"-"`                  // not before
	MaxAttempts  int           `json:"-"`                  // 0 is MaxAttempts

	// Supersede says that SHA is a new head: a job of the same key that runs for another head is cancelled.
	Supersede bool `json:"-"`

	ID      int64 `json:"-"` // set when it is worked
	Attempt int   `json:"-"` // likewise, from 1
}

// MaxAttempts is how often a job is tried when it does not say otherwise: with the queue's waits, for about an hour and a half.
const MaxAttempts = 12

// Key names what the job looks at. Jobs of one key are merged while they wait. A job for a pull request is the same whatever commit
// its hint named; without one, the commit counts.
func (j Job) Key() string {
	if j.Removed {
		return fmt.Sprintf("%s/removed/%d/%d", j.Kind, j.Installation, j.RepoID)
	}
	if j.RepoID == 0 {
		return fmt.Sprintf("%s/installation/%d", j.Kind, j.Installation)
	}
	key := fmt.Sprintf("%s/%d/%d/%d", j.Kind, j.RepoID, j.Pull, j.RunID)
	if j.Command {
		key += "/delivery/" + j.Delivery
	}
	if j.Pull == 0 && j.SHA != "" {
		key += "/" + j.SHA
	}
	return key
}

// JobArgs is a Job as River stores it.
type JobArgs struct{ Job }

// Kind is River's name of the job.
func (a JobArgs) Kind() string { return a.Job.Kind }

// Accept stores a delivery and its jobs in one transaction: when it returns, both are on the disk. A delivery that is there already
// changes nothing, and fresh is false.
func (s *Store) Accept(ctx context.Context, d Delivery, list []Job) (fresh bool, err error) {
	if d.GUID == "" {
		return false, errors.New("delivery has no GUID")
	}
	payload := notNil(s.packer.EncodeAll(d.Payload, nil))
	list = slices.Clone(list)
	for i := range list {
		list[i].Delivery = d.GUID
	}
	err = s.inTx(ctx, func(t tx) error {
		n, err := t.exec(ctx, s.sql(`INSERT INTO deliveries (guid, event, action, installation, repo, payload, received)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (guid) DO NOTHING`),
			d.GUID, d.Event, d.Action, d.Installation, d.RepoID, payload, s.orNow(d.Received))
		if err != nil || n == 0 {
			return err
		}
		fresh = true
		return s.enqueue(ctx, t, list)
	})
	if err != nil {
		return false, fmt.Errorf("delivery %s was not stored: %w", d.GUID, err)
	}
	return fresh, nil
}

// Enqueue stores jobs. One that looks at the same as a job that waits is merged into it; while that one runs, it becomes one more,
// because what it hints at may have come too late for the one that runs.
func (s *Store) Enqueue(ctx context.Context, list []Job) error {
	if err := s.inTx(ctx, func(t tx) error { return s.enqueue(ctx, t, slices.Clone(list)) }); err != nil {
		return fmt.Errorf("jobs were not stored: %w", err)
	}
	return nil
}

func (s *Store) inTx(ctx context.Context, do func(tx) error) error {
	t, err := s.jobs.begin(ctx)
	if err != nil {
		return err
	}
	defer t.rollback(context.WithoutCancel(ctx)) // does nothing after a commit
	if err := do(t); err != nil {
		return err
	}
	return t.commit(ctx)
}

// enqueue sorts the jobs it is given: two transactions that lock the same keys do it in the same order.
func (s *Store) enqueue(ctx context.Context, t tx, list []Job) error {
	slices.SortStableFunc(list, func(a, b Job) int { return cmp.Compare(a.Key(), b.Key()) })
	for _, j := range list {
		if err := s.enqueueOne(ctx, t, j); err != nil {
			return err
		}
	}
	return nil
}

// enqueueOne inserts the job unless the newest of its key still waits. River's own unique jobs will not do: they count a running job,
// and a hint that comes while it runs would be lost.
func (s *Store) enqueueOne(ctx context.Context, t tx, j Job) error {
	now := s.now()
	var newest int64
	// The update changes nothing; it locks the row until the transaction ends.
	err := t.row(ctx, s.sql(`INSERT INTO job_keys (key, job, updated) VALUES (?1, 0, ?2)
		ON CONFLICT (key) DO UPDATE SET updated = excluded.updated RETURNING job`), []any{j.Key(), now.UnixMicro()}, &newest)
	if err != nil {
		return err
	}
	if newest != 0 {
		row, err := t.job(ctx, newest)
		if err != nil {
			return err
		}
		if merged, err := s.merge(ctx, t, row, j, now); merged || err != nil {
			return err
		}
	}
	id, err := t.insert(ctx, j, now)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, s.sql(`UPDATE job_keys SET job = ?2 WHERE key = ?1`), j.Key(), id)
	return err
}

// merge says whether the job in the queue will do what j asks for. A job that was put off is brought forward when j wants it sooner;
// one that backs off after an error is not, except for a person (priority 1).
func (s *Store) merge(ctx context.Context, t tx, row *rivertype.JobRow, j Job, now time.Time) (bool, error) {
	if row == nil {
		return false, nil
	}
	sooner := row.ScheduledAt.After(now.Add(j.After + time.Second))
	switch row.State {
	case rivertype.JobStateAvailable, rivertype.JobStatePending:
		return true, nil
	case rivertype.JobStateScheduled:
		if sooner {
			return true, t.runNow(ctx, row.ID)
		}
		return true, nil
	case rivertype.JobStateRetryable:
		if sooner && j.Priority == 1 {
			return true, t.runNow(ctx, row.ID)
		}
		return true, nil
	case rivertype.JobStateRunning:
		return false, s.supersede(ctx, t, row, j)
	}
	return false, nil
}

// supersede cancels a running job when j names another head than the one it works on.
func (s *Store) supersede(ctx context.Context, t tx, row *rivertype.JobRow, j Job) error {
	if !j.Supersede || j.SHA == "" {
		return nil
	}
	var head string
	err := t.row(ctx, s.sql(`SELECT head FROM pulls WHERE repo = ?1 AND pull = ?2`), []any{j.RepoID, j.Pull}, &head)
	if errors.Is(err, ErrNotFound) || err == nil && head == j.SHA {
		return nil
	}
	if err != nil {
		return err
	}
	return t.cancel(ctx, row.ID)
}

// NewestJob is the newest job of a key, or 0. An older one that is about to run has nothing to do: the newer looks at the same later.
func (s *Store) NewestJob(ctx context.Context, key string) (int64, error) {
	var id int64
	err := s.row(ctx, `SELECT job FROM job_keys WHERE key = ?1`, []any{key}, &id)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return id, err
}

// DeliveryByGUID reads a delivery back, or returns ErrNotFound.
func (s *Store) DeliveryByGUID(ctx context.Context, guid string) (Delivery, error) {
	var d Delivery
	var received int64
	var payload []byte
	err := s.row(ctx, `SELECT guid, event, action, installation, repo, payload, received FROM deliveries WHERE guid = ?1`, []any{guid},
		&d.GUID, &d.Event, &d.Action, &d.Installation, &d.RepoID, &payload, &received)
	if err != nil {
		return Delivery{}, err
	}
	d.Received = fromMicro(received)
	d.Payload, err = s.unpack.DecodeAll(payload, nil)
	return d, err
}

// DeliveriesSince lists what arrived since then, oldest first, without payloads.
func (s *Store) DeliveriesSince(ctx context.Context, since time.Time) ([]Delivery, error) {
	var list []Delivery
	err := s.rows(ctx, `SELECT guid, event, action, installation, repo, received FROM deliveries WHERE received >= ?1
		ORDER BY received, guid`, []any{since.UnixMicro()}, func(scan func(...any) error) error {
		var d Delivery
		var received int64
		err := scan(&d.GUID, &d.Event, &d.Action, &d.Installation, &d.RepoID, &received)
		d.Received = fromMicro(received)
		list = append(list, d)
		return err
	})
	return list, err
}
