package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
)

// A Client is a River client that works jobs; which transactions it uses is the store's business.
type Client interface {
	Start(context.Context) error
	Stop(context.Context) error
	StopAndCancel(context.Context) error
	Stopped() <-chan struct{}
}

// conn is what a transaction of either database can do. Queries are in the database's own form.
type conn interface {
	exec(ctx context.Context, query string, args ...any) (int64, error)
	row(ctx context.Context, query string, args []any, into ...any) error
	commit(context.Context) error
	rollback(context.Context) error
}

// tx is a transaction that knows River's jobs too.
type tx interface {
	conn
	insert(ctx context.Context, j Job, now time.Time) (id int64, err error)
	job(ctx context.Context, id int64) (*rivertype.JobRow, error) // nil when there is none
	runNow(ctx context.Context, id int64) error
	cancel(ctx context.Context, id int64) error
}

// jobs is River on either database.
type jobs interface {
	begin(context.Context) (tx, error)
	migrate(context.Context) error
	client(*river.Config) (Client, error)
	running(context.Context) ([]*rivertype.JobRow, error)
	get(ctx context.Context, id int64) (*rivertype.JobRow, error)
	rescue(ctx context.Context, j *rivertype.JobRow, reason string, now time.Time) error
	counts(context.Context) (map[rivertype.JobState]int, error)
	oldest(ctx context.Context, states ...rivertype.JobState) (*rivertype.JobRow, error)
}

// riverJobs is River with transactions of type T.
type riverJobs[T any] struct {
	driver riverdriver.Driver[T]
	insert *river.Client[T] // inserts, works nothing
	reader *river.Client[T] // reads, beside the writer
	start  func(context.Context) (T, conn, error)
}

func newRiver[T any](driver, reader riverdriver.Driver[T], start func(context.Context) (T, conn, error)) (*riverJobs[T], error) {
	quiet := &river.Config{Logger: slog.New(slog.DiscardHandler)}
	insert, err := river.NewClient(driver, quiet)
	if err != nil {
		return nil, err
	}
	read, err := river.NewClient(reader, quiet)
	if err != nil {
		return nil, err
	}
	return &riverJobs[T]{driver: driver, insert: insert, reader: read, start: start}, nil
}

func (r *riverJobs[T]) begin(ctx context.Context) (tx, error) {
	raw, c, err := r.start(ctx)
	if err != nil {
		return nil, err
	}
	return riverTx[T]{c, raw, r.insert}, nil
}

func (r *riverJobs[T]) migrate(ctx context.Context) error {
	m, err := rivermigrate.New(r.driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

func (r *riverJobs[T]) client(config *river.Config) (Client, error) {
	return river.NewClient(r.driver, config)
}

func (r *riverJobs[T]) running(ctx context.Context) ([]*rivertype.JobRow, error) {
	return r.reader.Driver().GetExecutor().JobGetStuck(ctx, &riverdriver.JobGetStuckParams{
		Max: 1000, StuckHorizon: time.Now().Add(24 * time.Hour), // that is, all of them
	})
}

func (r *riverJobs[T]) get(ctx context.Context, id int64) (*rivertype.JobRow, error) {
	return r.reader.JobGet(ctx, id)
}

// rescue takes a running job from its dead worker: it runs again at once, or is discarded when that was its last attempt. A worker
// that has taken it meanwhile keeps it.
func (r *riverJobs[T]) rescue(ctx context.Context, j *rivertype.JobRow, reason string, now time.Time) error {
	note, err := json.Marshal(rivertype.AttemptError{At: now, Attempt: j.Attempt, Error: reason})
	if err != nil {
		return err
	}
	state, finalized := rivertype.JobStateAvailable, (*time.Time)(nil)
	if j.Attempt >= j.MaxAttempts {
		state, finalized = rivertype.JobStateDiscarded, &now
	}
	_, err = r.driver.GetExecutor().JobRescueMany(ctx, &riverdriver.JobRescueManyParams{
		ID: []int64{j.ID}, Error: [][]byte{note}, FinalizedAt: []*time.Time{finalized}, ScheduledAt: []time.Time{now},
		State: []string{string(state)}, StuckHorizon: j.AttemptedAt.Add(r.driver.TimePrecision()),
	})
	return err
}

func (r *riverJobs[T]) counts(ctx context.Context) (map[rivertype.JobState]int, error) {
	return r.reader.Driver().GetExecutor().JobCountByAllStates(ctx, &riverdriver.JobCountByAllStatesParams{})
}

// oldest is the job in one of these states that was due first, or nil.
func (r *riverJobs[T]) oldest(ctx context.Context, states ...rivertype.JobState) (*rivertype.JobRow, error) {
	list, err := r.reader.JobList(ctx, river.NewJobListParams().States(states...).
		OrderBy(river.JobListOrderByScheduledAt, river.SortOrderAsc).First(1))
	if err != nil || len(list.Jobs) == 0 {
		return nil, err
	}
	return list.Jobs[0], nil
}

type riverTx[T any] struct {
	conn
	raw    T
	client *river.Client[T]
}

func (t riverTx[T]) insert(ctx context.Context, j Job, now time.Time) (int64, error) {
	options := &river.InsertOpts{Priority: min(max(cmp.Or(j.Priority, 2), 1), 4), MaxAttempts: cmp.Or(j.MaxAttempts, MaxAttempts)}
	if j.After > 0 {
		options.ScheduledAt = now.Add(j.After)
	}
	result, err := t.client.InsertTx(ctx, t.raw, JobArgs{j}, options)
	if err != nil {
		return 0, err
	}
	return result.Job.ID, nil
}

func (t riverTx[T]) job(ctx context.Context, id int64) (*rivertype.JobRow, error) {
	j, err := t.client.JobGetTx(ctx, t.raw, id)
	if errors.Is(err, rivertype.ErrNotFound) {
		return nil, nil
	}
	return j, err
}

func (t riverTx[T]) runNow(ctx context.Context, id int64) error {
	_, err := t.client.JobRetryTx(ctx, t.raw, id)
	return err
}

func (t riverTx[T]) cancel(ctx context.Context, id int64) error {
	_, err := t.client.JobCancelTx(ctx, t.raw, id)
	return err
}
