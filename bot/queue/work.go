package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/oxidometer/oxidometer/bot/store"
)

// River finds the worker of a job by a type, so every kind has one. What is stored is the same: store.JobArgs.
type (
	pullArgs         struct{ store.Job }
	baseArgs         struct{ store.Job }
	installationArgs struct{ store.Job }
	commandArgs      struct{ store.Job }
	reconcileArgs    struct{ store.Job }
	redeliverArgs    struct{ store.Job }
	purgeArgs        struct{ store.Job }
)

func (pullArgs) Kind() string         { return Pull }
func (baseArgs) Kind() string         { return Base }
func (installationArgs) Kind() string { return Installation }
func (commandArgs) Kind() string      { return Command }
func (reconcileArgs) Kind() string    { return reconcile }
func (redeliverArgs) Kind() string    { return redeliver }
func (purgeArgs) Kind() string        { return purge }

// worker adapts a function to River.
type worker[T river.JobArgs] struct {
	river.WorkerDefaults[T]
	queue *Queue
	do    func(context.Context, Job) error
}

func add[T river.JobArgs](q *Queue, workers *river.Workers, _ T, do func(context.Context, Job) error) {
	river.AddWorker(workers, &worker[T]{queue: q, do: do})
}

// Work runs the job and reports how it went.
func (w *worker[T]) Work(ctx context.Context, row *river.Job[T]) error {
	j, err := fromRow(row.JobRow)
	if err != nil {
		return river.JobCancel(err)
	}
	start := time.Now()
	outcome, err := w.queue.work(ctx, j, w.do)
	if outcome == "" {
		outcome = w.queue.outcome(ctx, j, row.MaxAttempts, err)
	}
	w.queue.options.Done(row.Kind, outcome, time.Since(start))
	return err
}

func fromRow(row *rivertype.JobRow) (Job, error) {
	j := Job{Kind: row.Kind}
	if err := json.Unmarshal(row.EncodedArgs, &j); err != nil {
		return Job{}, fmt.Errorf("job %d cannot be read: %w", row.ID, err)
	}
	j.Kind, j.ID, j.Attempt, j.Priority = row.Kind, row.ID, row.Attempt, row.Priority
	return j, nil
}

// Why a job has nothing to do, or nothing more. (River's cancellations are all equal for errors.Is.)
var (
	errNewer   = errors.New("a newer job looks at the same")
	errNewHead = errors.New("superseded by a newer head")
)

// work does the job under its lease, unless a newer job has taken its place. The outcome is empty when the worker's error decides.
func (q *Queue) work(ctx context.Context, j Job, do func(context.Context, Job) error) (outcome string, err error) {
	key, owner := leaseKey(j), q.id+"/"+strconv.FormatInt(j.ID, 10)
	err = q.newest(ctx, j) // before the lease, so that it need not wait for it
	if err == nil {
		var ok bool
		if ok, err = q.store.Lease(ctx, key, owner, q.options.LeaseTTL); err == nil && !ok {
			// Another job of the pull request runs. The wait is spread so that several do not keep colliding.
			return "snoozed", Snooze(500*time.Millisecond + mathrand.N(time.Second))
		}
	}
	if err == nil {
		err = q.underLease(ctx, j, key, owner, do)
	}
	switch {
	case errors.Is(err, errNewer), errors.Is(err, errNewHead):
		return "superseded", river.JobCancel(err)
	case errors.Is(err, ErrLeaseLost):
		return "interrupted", Snooze(0) // costs no attempt; whoever took over sees to it that they do not run side by side
	case err != nil && stopping(ctx):
		return "interrupted", fmt.Errorf("%w: %w", context.Canceled, err) // so River knows it, and counts no attempt
	}
	return "", err
}

// newest returns errNewer when there is a newer job of the same key.
func (q *Queue) newest(ctx context.Context, j Job) error {
	newest, err := q.store.NewestJob(ctx, j.Key())
	if err == nil && newest > j.ID {
		err = errNewer
	}
	return err
}

// stopping says whether the job's context ended because the queue stops.
func stopping(ctx context.Context) bool {
	return errors.Is(ctx.Err(), context.Canceled) && !errors.Is(context.Cause(ctx), ErrSuperseded)
}

// leaseKey is the pull request, whatever kind of job works on it.
func leaseKey(j Job) string {
	if j.Pull != 0 {
		return fmt.Sprintf("pull/%d/%d", j.RepoID, j.Pull)
	}
	return "job/" + j.Key()
}

// underLease does the job while it keeps the lease alive, and ends the job's context when it cannot.
func (q *Queue) underLease(ctx context.Context, j Job, key, owner string, do func(context.Context, Job) error) error {
	work, end := context.WithCancelCause(ctx)
	defer end(nil)
	done, kept := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(kept)
		q.keep(ctx, j, key, owner, done, end)
	}()
	err := q.newest(work, j) // again: one may have come while this one waited for the lease
	if err == nil {
		err = q.protect(work, j, do)
	}
	close(done)
	<-kept
	cause := context.Cause(work)
	if errors.Is(cause, ErrLeaseLost) {
		return ErrLeaseLost
	}
	if releaseErr := q.store.Release(context.WithoutCancel(ctx), key, owner); releaseErr != nil {
		q.logger(j).WithError(releaseErr).Warn("lease was not given back; it will expire")
	}
	if err != nil && errors.Is(cause, ErrSuperseded) {
		return errNewHead
	}
	return err
}

// keep prolongs the lease until done is closed. It ends the job's context when the lease is another's or could not be prolonged before
// it expired, and when the job was cancelled: River tells its workers of that, but not one that was not listening just then.
func (q *Queue) keep(ctx context.Context, j Job, key, owner string, done <-chan struct{}, end context.CancelCauseFunc) {
	ctx = context.WithoutCancel(ctx) // a job that is being stopped still holds its lease
	ttl := q.options.LeaseTTL
	valid := time.Now().Add(ttl)
	tick := time.NewTicker(ttl / 4)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		asked := time.Now()
		try, cancel := context.WithDeadline(ctx, valid)
		ok, err := q.store.Renew(try, key, owner, ttl)
		cancelled := ok && q.store.Cancelled(try, j.ID)
		cancel()
		switch {
		case ok:
			valid = asked.Add(ttl)
			if cancelled {
				end(ErrSuperseded)
			}
		case err == nil, !time.Now().Before(valid.Add(-ttl / 4)):
			end(ErrLeaseLost)
			return
		}
	}
}

// protect makes an error of a panic: other jobs go on.
func (q *Queue) protect(ctx context.Context, j Job, do func(context.Context, Job) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			q.logger(j).WithField("stack", string(debug.Stack())).Errorf("job panicked: %v", p)
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return do(ctx, j)
}

// outcome says what River will make of the worker's error, and tells people of the end of a job.
func (q *Queue) outcome(ctx context.Context, j Job, maxAttempts int, err error) string {
	log := q.logger(j)
	switch {
	case err == nil:
		return "completed"
	case errors.Is(context.Cause(ctx), ErrSuperseded):
		log.Info("job superseded by a newer head")
		return "superseded"
	case errors.Is(err, &rivertype.JobSnoozeError{}):
		return "snoozed"
	case errors.Is(err, &rivertype.JobCancelError{}):
		log.WithError(err).Info("job cancelled")
		return "cancelled"
	case j.Attempt >= maxAttempts:
		q.discarded(context.WithoutCancel(ctx), j, err)
		return "discarded"
	}
	log.WithError(err).Warn("job failed; it is tried again")
	return "retried"
}
