// Package queue works the store's jobs with River: one at a time for a pull request, on however many replicas, again after an error
// or a crash.
//
// River runs, retries and snoozes jobs and elects the leader that starts the periodic ones. Three things are ours, because River
// has them only in another form: hints are merged while a job waits but not while it runs (in store.Enqueue), a lease makes one
// writer for each pull request, and the jobs of a worker that died are taken over within seconds (River waits until a job must have
// timed out).
package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/sirupsen/logrus"

	"github.com/oxidometer/oxidometer/bot/store"
)

// Kinds of job.
const (
	Pull         = "pull"         // look at a pull request
	Base         = "base"         // look at a run on a base branch, or a merge group
	Installation = "installation" // look at what the App is installed on
	Command      = "command"      // do what a person asked for on a pull request
	reconcile    = "reconcile"
	redeliver    = "redeliver"
	purge        = "purge"
)

// A Job is what a worker is given. Attempt counts from 1; a snooze does not count.
type Job = store.Job

// Workers do the jobs. Each may run many times for one job and must come to the same result; each stops soon after its context ends.
// The context ends when the queue stops, the job has run too long, a newer head supersedes it, or its lease is lost.
type Workers struct {
	Pull         func(context.Context, Job) error
	Base         func(context.Context, Job) error
	Installation func(context.Context, Job) error
	Command      func(context.Context, Job) error
	Reconcile    func(context.Context) error // periodic; nil: not done
	Redeliver    func(context.Context) error // periodic; nil: not done
}

// Options has a default for every zero field.
type Options struct {
	Concurrency    int           // jobs at once in this process; 4
	Timeout        time.Duration // of one job; 15 minutes
	RetryBase      time.Duration // wait after the first failure, doubled for each further; 10 seconds
	RetryMax       time.Duration // at most; 15 minutes
	LeaseTTL       time.Duration // after a crash its jobs wait this long; 10 seconds
	SoftStop       time.Duration // running jobs may finish for this long when the queue stops; 10 seconds
	PollInterval   time.Duration // for new jobs, beside notifications; half a second
	ReconcileEvery time.Duration // 5 minutes
	RedeliverEvery time.Duration // 2 minutes
	PurgeEvery     time.Duration // an hour
	Retention      store.Retention
	Log            *logrus.Logger

	// Done is told of every run of a job: outcome is completed, snoozed, cancelled, superseded, interrupted, retried or discarded.
	// For metrics; may be nil.
	Done func(kind, outcome string, took time.Duration)
	// Discarded is told when a job has used up its attempts, so that people see it. May be nil. It may be called more than once for
	// a job when the process dies in between.
	Discarded func(ctx context.Context, j Job, err error)
}

// Snooze is returned by a worker that wants to be called again after d. It costs no attempt.
func Snooze(d time.Duration) error { return river.JobSnooze(max(0, d)) }

// Cancel is returned by a worker whose job is over for good, though not done.
func Cancel(reason string) error { return river.JobCancel(errors.New(reason)) }

// ErrSuperseded is the cause of a worker's context when a newer head supersedes its job.
var ErrSuperseded = river.ErrJobCancelledRemotely

// ErrLeaseLost is the cause of a worker's context when another worker may have taken over its pull request.
var ErrLeaseLost = errors.New("lease lost: another worker may be at work on the pull request")

// A Queue works jobs until it is stopped. It cannot be started again.
type Queue struct {
	store   *store.Store
	client  store.Client
	options Options
	id      string // of this worker, unlike any other's
	log     *logrus.Entry
	stop    context.CancelFunc // ends the heartbeat though jobs run
	beat    sync.WaitGroup

	reconciles bool
}

// New prepares the queue. Every Job worker must be there.
func New(s *store.Store, w Workers, o Options) (*Queue, error) {
	if w.Pull == nil || w.Base == nil || w.Installation == nil || w.Command == nil {
		return nil, errors.New("queue: a worker is missing")
	}
	o = o.withDefaults()
	q := &Queue{store: s, options: o, id: workerID(), reconciles: w.Reconcile != nil}
	q.log = o.Log.WithField("worker", q.id)

	workers := river.NewWorkers()
	add(q, workers, pullArgs{}, w.Pull)
	add(q, workers, baseArgs{}, w.Base)
	add(q, workers, installationArgs{}, w.Installation)
	add(q, workers, commandArgs{}, w.Command)
	add(q, workers, purgeArgs{}, q.purge)
	periodic := []*river.PeriodicJob{every(o.PurgeEvery, purgeArgs{})}
	if w.Reconcile != nil {
		add(q, workers, reconcileArgs{}, func(ctx context.Context, _ Job) error { return w.Reconcile(ctx) })
		periodic = append(periodic, every(o.ReconcileEvery, reconcileArgs{}))
	}
	if w.Redeliver != nil {
		add(q, workers, redeliverArgs{}, func(ctx context.Context, _ Job) error { return w.Redeliver(ctx) })
		periodic = append(periodic, every(o.RedeliverEvery, redeliverArgs{}))
	}
	client, err := s.Worker(&river.Config{
		ID:                   q.id,
		Workers:              workers,
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.Concurrency}},
		PeriodicJobs:         periodic,
		FetchCooldown:        min(50*time.Millisecond, o.PollInterval),
		FetchPollInterval:    o.PollInterval,
		JobTimeout:           o.Timeout,
		RescueStuckJobsAfter: o.Timeout + 5*time.Minute, // for what hangs in a worker that lives
		RetryPolicy:          backoff{o},
		SoftStopTimeout:      o.SoftStop,
		Logger:               slog.New(logHandler{q.log}),

		CompletedJobRetentionPeriod: 2 * time.Hour,
		CancelledJobRetentionPeriod: 2 * time.Hour,
	})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	q.client = client
	return q, nil
}

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&o.Timeout, 15*time.Minute)
	set(&o.RetryBase, 10*time.Second)
	set(&o.RetryMax, 15*time.Minute)
	set(&o.LeaseTTL, 10*time.Second)
	set(&o.SoftStop, 10*time.Second)
	set(&o.PollInterval, 500*time.Millisecond)
	set(&o.ReconcileEvery, 5*time.Minute)
	set(&o.RedeliverEvery, 2*time.Minute)
	set(&o.PurgeEvery, time.Hour)
	if o.Retention == (store.Retention{}) {
		o.Retention = store.DefaultRetention()
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 4
	}
	if o.Log == nil {
		o.Log = logrus.New()
		o.Log.SetLevel(logrus.WarnLevel)
	}
	if o.Done == nil {
		o.Done = func(string, string, time.Duration) {}
	}
	if o.Discarded == nil {
		o.Discarded = func(context.Context, Job, error) {}
	}
	return o
}

// workerID names this worker for people, and no other: the host and a random number.
func workerID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	host, _, _ = strings.Cut(host, ".")
	return fmt.Sprintf("%.40s-%s", host, rand.Text()[:12])
}

// Start takes over what dead workers left and begins to work. When ctx ends, the queue stops as by Stop.
func (q *Queue) Start(ctx context.Context) error {
	// The worker lives, for others, until its last job has ended, however that comes about.
	beat, stop := context.WithCancel(context.WithoutCancel(ctx))
	if err := q.store.Alive(beat, q.id, q.options.LeaseTTL); err != nil {
		stop()
		return fmt.Errorf("queue cannot start: %w", err)
	}
	q.stop = stop
	q.rescue(ctx)
	if q.reconciles {
		// What happened while nobody listened is looked for at once; River would wait for a leader, and then for the period.
		if err := q.store.Enqueue(ctx, []Job{{Kind: reconcile}}); err != nil {
			q.log.WithError(err).Warn("no reconcile at the start")
		}
	}
	if err := q.client.Start(ctx); err != nil {
		stop()
		return fmt.Errorf("queue cannot start: %w", err)
	}
	q.beat.Go(func() { q.heartbeat(beat, q.client.Stopped()) })
	return nil
}

// Stop takes no more jobs and waits for those that run, at most Options.SoftStop; then their contexts end and they go back to the
// queue. When ctx ends first, that happens then. It returns when all have ended, or with an error when some will not.
func (q *Queue) Stop(ctx context.Context) error {
	if q.stop == nil {
		return nil
	}
	err := q.client.Stop(ctx)
	if err != nil {
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = q.client.StopAndCancel(hard)
	}
	if err != nil {
		q.stop() // the heartbeat ends, and others take the jobs over
		err = fmt.Errorf("queue: jobs did not end: %w: they run again after the next start", err)
	}
	q.beat.Wait()
	q.stop()
	return err
}

// heartbeat tells others that this worker lives, and looks for those that died.
func (q *Queue) heartbeat(ctx context.Context, stopped <-chan struct{}) {
	tick := time.NewTicker(q.options.LeaseTTL / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-stopped:
			if err := q.store.Gone(ctx, q.id); err != nil {
				q.log.WithError(err).Warn("heartbeat was not ended; it will expire")
			}
			return
		case <-tick.C:
		}
		if err := q.store.Alive(ctx, q.id, q.options.LeaseTTL); err != nil && ctx.Err() == nil {
			q.log.WithError(err).Warn("heartbeat was not written")
			continue
		}
		q.rescue(ctx)
	}
}

func (q *Queue) rescue(ctx context.Context) {
	rescued, discarded, err := q.store.RescueOrphans(ctx)
	if err != nil && ctx.Err() == nil {
		q.log.WithError(err).Warn("jobs of dead workers were not looked for")
	}
	for _, row := range rescued {
		q.log.WithFields(logrus.Fields{"job": row.ID, "kind": row.Kind, "attempt": row.Attempt}).Warn("job taken over from a worker that died")
	}
	for _, row := range discarded {
		j, err := fromRow(row)
		if err != nil {
			q.log.WithError(err).WithField("job", row.ID).Error("job discarded: it cannot be read")
			continue
		}
		q.discarded(ctx, j, errors.New("the worker died in each attempt"))
	}
}

func (q *Queue) discarded(ctx context.Context, j Job, err error) {
	q.logger(j).WithError(err).Error("job discarded after its last attempt")
	switch j.Kind {
	case reconcile, redeliver, purge: // come again by themselves
	default:
		q.options.Discarded(ctx, j, err)
	}
}

// purge deletes what the store need not keep.
func (q *Queue) purge(ctx context.Context, _ Job) error {
	n, err := q.store.Purge(ctx, q.options.Retention)
	if n > 0 {
		q.log.WithField("rows", n).Info("purged what is past its retention")
	}
	return err
}

func (q *Queue) logger(j Job) *logrus.Entry {
	fields := logrus.Fields{"job": j.ID, "kind": j.Kind, "attempt": j.Attempt}
	for name, id := range map[string]int64{"installation": j.Installation, "repository": j.RepoID, "pull": int64(j.Pull), "run": j.RunID} {
		if id != 0 {
			fields[name] = id
		}
	}
	if j.Delivery != "" {
		fields["delivery"] = j.Delivery
	}
	if j.SHA != "" {
		fields["head"] = j.SHA
	}
	return q.log.WithFields(fields)
}

// backoff doubles the wait with every attempt, and spreads it by a fifth so that what failed together does not come back together.
type backoff struct{ o Options }

func (b backoff) NextRetry(row *rivertype.JobRow) time.Time {
	wait := b.o.RetryMax
	if n := max(row.Attempt, 1) - 1; n < 30 {
		wait = min(wait, b.o.RetryBase<<n)
	}
	return time.Now().Add(wait + time.Duration((mathrand.Float64()-0.5)*0.4*float64(wait)))
}

func every(d time.Duration, args river.JobArgs) *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(d), func() (river.JobArgs, *river.InsertOpts) {
		return args, &river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateScheduled,
			rivertype.JobStateRetryable,
		}}}
	}, nil)
}
