package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/bot/store/storetest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), url, nil)
	must(t, err)
	t.Cleanup(s.Close)
	return s
}

// each runs a test of the queue on both kinds of database.
func each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	storetest.Each(t, func(t *testing.T, url string) { test(t, open(t, url)) })
}

func quiet() *logrus.Logger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

// begin starts a queue whose workers all do the same, and stops it when the test ends.
func begin(t testing.TB, s *store.Store, o Options, do func(context.Context, Job) error) *Queue {
	t.Helper()
	if o.PollInterval == 0 {
		o.PollInterval = 50 * time.Millisecond
	}
	if o.RetryBase == 0 {
		o.RetryBase, o.RetryMax = 10*time.Millisecond, 100*time.Millisecond
	}
	if o.Log == nil {
		o.Log = quiet()
	}
	q, err := New(s, Workers{Pull: do, Base: do, Installation: do, Command: do}, o)
	must(t, err)
	must(t, q.Start(context.Background()))
	t.Cleanup(func() { stop(t, q) })
	return q
}

// stop stops a queue whose workers may be waiting for a test that has failed.
func stop(t testing.TB, q *Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := q.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// outcomes collects what Options.Done is told.
type outcomes struct {
	mu   sync.Mutex
	list []string
}

func (o *outcomes) done(kind, outcome string, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, kind+" "+outcome)
}

func (o *outcomes) count(want string) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.list {
		if s == want {
			n++
		}
	}
	return n
}

func receive[T any](t testing.TB, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(time.Minute):
		t.Fatal("nothing came within a minute")
	}
	return v
}

// send and await are for workers: they end with the job's context, so that a test that has failed does not hang.
func send[T any](ctx context.Context, c chan<- T, v T) {
	select {
	case c <- v:
	case <-ctx.Done():
	}
}

func await[T any](ctx context.Context, c <-chan T) {
	select {
	case <-c:
	case <-ctx.Done():
	}
}

var pull = Job{Kind: Pull, Installation: 3, RepoID: 1, Pull: 2, SHA: "a", Why: "test"}

func idle(t testing.TB, s *store.Store) {
	t.Helper()
	waitFor(t, func() bool {
		st, err := s.Stats(context.Background())
		return err == nil && st.Waiting == 0 && st.Jobs["running"] == 0
	})
}

func TestWorkersAreRequired(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.SQLite(t))
	if _, err := New(s, Workers{}, Options{}); err == nil {
		t.Error("a queue without workers was made")
	}
}

// TestHintsMerge sends a burst before the job runs, and another while it runs: two runs in all, the second after the last hint.
func TestHintsMerge(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store) {
		for range 10 {
			must(t, s.Enqueue(t.Context(), []Job{pull}))
		}
		started, finish := make(chan Job), make(chan bool)
		begin(t, s, Options{}, func(ctx context.Context, j Job) error {
			send(ctx, started, j)
			await(ctx, finish)
			return nil
		})
		if j := receive(t, started); j.Installation != 3 || j.RepoID != 1 || j.Pull != 2 || j.SHA != "a" || j.Why != "test" || j.Attempt != 1 {
			t.Errorf("the worker was given %+v", j)
		}
		for i := range 10 {
			_, err := s.Accept(t.Context(), store.Delivery{GUID: fmt.Sprint("guid", i)}, []Job{pull})
			must(t, err)
		}
		finish <- true
		if j := receive(t, started); !strings.HasPrefix(j.Delivery, "guid") {
			t.Errorf("the second run is of delivery %q, want one that came during the first", j.Delivery)
		}
		finish <- true
		idle(t, s)
		st, err := s.Stats(t.Context())
		must(t, err)
		if st.Jobs["completed"] != 2 {
			t.Errorf("%v, want two completed jobs", st.Jobs)
		}
	})
}

// TestNotSideBySide has two replicas, each with many workers, work jobs of both kinds for a few pull requests.
func TestNotSideBySide(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		const pulls = 4
		var busy [pulls + 1]atomic.Int32
		var runs atomic.Int32
		do := func(ctx context.Context, j Job) error {
			if busy[j.Pull].Add(1) != 1 {
				t.Errorf("two jobs of pull request %d run side by side", j.Pull)
			}
			runs.Add(1)
			time.Sleep(20 * time.Millisecond)
			busy[j.Pull].Add(-1)
			return nil
		}
		s := open(t, url)
		begin(t, s, Options{Concurrency: 8}, do)
		begin(t, open(t, url), Options{Concurrency: 8}, do)
		for range 10 {
			for n := range pulls {
				for _, kind := range []string{Pull, Base} {
					must(t, s.Enqueue(t.Context(), []Job{{Kind: kind, RepoID: 1, Pull: n + 1}}))
				}
			}
			time.Sleep(15 * time.Millisecond)
		}
		idle(t, s)
		if n := runs.Load(); n < 2*pulls {
			t.Errorf("%d runs, want at least one for each kind and pull request", n)
		}
	})
}

func TestSupersede(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store) {
		type written struct {
			head string
			err  error
		}
		started, results := make(chan string), make(chan written, 2)
		var out outcomes
		var head atomic.Value
		head.Store("old")
		begin(t, s, Options{Done: out.done}, func(ctx context.Context, j Job) error {
			sha := head.Load().(string)
			seq, err := s.SetHead(ctx, 1, 2, sha)
			if err != nil {
				return err
			}
			send(ctx, started, sha)
			if sha == "old" {
				<-ctx.Done()
				if !errors.Is(context.Cause(ctx), ErrSuperseded) {
					t.Errorf("the context ended because of %v", context.Cause(ctx))
				}
				// It tries to write nonetheless, after the newer head was set.
				if _, err := s.SetHead(context.Background(), 1, 2, "new"); err != nil {
					return err
				}
			}
			_, err = s.PutEvaluation(context.WithoutCancel(ctx), store.Evaluation{RepoID: 1, Pull: 2, HeadSHA: sha}, seq)
			results <- written{sha, err}
			return err
		})
		must(t, s.Enqueue(t.Context(), []Job{pull}))
		receive(t, started)
		head.Store("new")
		must(t, s.Enqueue(t.Context(), []Job{{Kind: Pull, RepoID: 1, Pull: 2, SHA: "new", Supersede: true}}))
		if r := receive(t, results); r.head != "old" || !errors.Is(r.err, store.ErrSuperseded) {
			t.Errorf("the older job: %+v", r)
		}
		if sha := receive(t, started); sha != "new" {
			t.Errorf("the next job works on %q", sha)
		}
		if r := receive(t, results); r.err != nil {
			t.Errorf("the newer job: %+v", r)
		}
		idle(t, s)
		if out.count("pull superseded") != 1 || out.count("pull completed") != 1 {
			t.Errorf("outcomes %v", out.list)
		}
		list, err := s.Evaluations(t.Context(), 1, 2)
		must(t, err)
		if len(list) != 1 || list[0].HeadSHA != "new" {
			t.Errorf("evaluations %+v", list)
		}
	})
}

// TestSupersedeUnheard has a worker that does not hear of the cancellation, as when its connection is just being made again.
func TestSupersedeUnheard(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store) {
		started, ends := make(chan Job, 5), make(chan error, 1)
		q := begin(t, s, Options{LeaseTTL: 2 * time.Second}, func(ctx context.Context, j Job) error {
			_, err := s.SetHead(ctx, 1, 2, j.SHA)
			started <- j
			if j.SHA == "a" {
				<-ctx.Done()
			}
			return err
		})
		must(t, s.Enqueue(t.Context(), []Job{pull}))
		id := receive(t, started).ID
		// The same job, but for its pull request, in a context that River does not end.
		go func() {
			_, err := q.work(context.Background(), Job{Kind: Pull, RepoID: 1, Pull: 99, ID: id}, func(ctx context.Context, j Job) error {
				started <- j
				<-ctx.Done()
				return ctx.Err()
			})
			ends <- err
		}()
		receive(t, started)
		if s.Cancelled(t.Context(), id) {
			t.Fatal("cancelled before it was superseded")
		}
		must(t, s.Enqueue(t.Context(), []Job{{Kind: Pull, RepoID: 1, Pull: 2, SHA: "b", Supersede: true}}))
		if err := receive(t, ends); !errors.Is(err, errNewHead) {
			t.Errorf("the job ended with %v", err)
		}
	})
}

func TestErrorsAreRetriedAndDiscarded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store) {
		log, hook := logtest.NewNullLogger()
		type end struct {
			job Job
			err error
		}
		ends := make(chan end, 5)
		var out outcomes
		var attempts sync.Map
		begin(t, s, Options{Log: log, Done: out.done, Discarded: func(_ context.Context, j Job, err error) { ends <- end{j, err} }},
			func(_ context.Context, j Job) error {
				attempts.Store(fmt.Sprint(j.Pull, "/", j.Attempt), true)
				switch {
				case j.Pull == 1:
					return errors.New("always wrong")
				case j.Pull == 2:
					panic("no good")
				case j.Pull == 3 && j.Attempt < 3:
					return errors.New("wrong at first")
				case j.Pull == 4:
					return Cancel("nothing to be done")
				}
				return nil
			})
		for n := range 4 {
			must(t, s.Enqueue(t.Context(), []Job{{Kind: Pull, RepoID: 1, Pull: n + 1, MaxAttempts: 3}}))
		}
		got := map[int]string{}
		for range 2 {
			e := receive(t, ends)
			got[e.job.Pull] = e.err.Error()
		}
		if got[1] != "always wrong" || got[2] != "panic: no good" {
			t.Errorf("discarded: %v", got)
		}
		idle(t, s)
		for what, want := range map[string]int{"pull retried": 6, "pull discarded": 2, "pull completed": 1, "pull cancelled": 1} {
			if n := out.count(what); n != want {
				t.Errorf("%d times %q, want %d", n, what, want)
			}
		}
		for _, key := range []string{"1/3", "2/3", "3/3", "4/1"} {
			if _, ok := attempts.Load(key); !ok {
				t.Errorf("attempt %s was not made", key)
			}
		}
		if !slices.ContainsFunc(hook.AllEntries(), func(e *logrus.Entry) bool {
			return strings.Contains(e.Message, "panicked") && e.Data["pull"] == int64(2) && strings.Contains(fmt.Sprint(e.Data["stack"]), "queue_test.go")
		}) {
			t.Error("the log does not show where the panic came from")
		}
	})
}

func TestSnoozeCostsNoAttempt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store) {
		var runs atomic.Int32
		last := make(chan Job, 1)
		begin(t, s, Options{}, func(_ context.Context, j Job) error {
			if runs.Add(1) <= 4 {
				return Snooze(time.Millisecond)
			}
			last <- j
			return nil
		})
		must(t, s.Enqueue(t.Context(), []Job{pull}))
		if j := receive(t, last); j.Attempt != 1 {
			t.Errorf("attempt %d after four snoozes, want 1", j.Attempt)
		}
	})
}

func TestLeaseLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store) {
		causes, again := make(chan error, 1), make(chan Job, 1)
		var runs atomic.Int32
		var jobID atomic.Int64
		started := make(chan bool, 1)
		q := begin(t, s, Options{LeaseTTL: 2 * time.Second}, func(ctx context.Context, j Job) error {
			if runs.Add(1) > 1 {
				again <- j
				return nil
			}
			jobID.Store(j.ID)
			started <- true
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return nil
		})
		must(t, s.Enqueue(t.Context(), []Job{pull}))
		receive(t, started)
		must(t, s.Release(t.Context(), "pull/1/2", fmt.Sprint(q.id, "/", jobID.Load())))
		if ok, err := s.Lease(t.Context(), "pull/1/2", "another", time.Hour); err != nil || !ok {
			t.Fatalf("lease: %v, %v", ok, err)
		}
		if cause := receive(t, causes); !errors.Is(cause, ErrLeaseLost) {
			t.Errorf("the context ended because of %v", cause)
		}
		select {
		case <-again:
			t.Error("the job runs while another owner holds the lease")
		case <-time.After(time.Second):
		}
		must(t, s.Release(t.Context(), "pull/1/2", "another"))
		if j := receive(t, again); j.Attempt != 1 {
			t.Errorf("attempt %d, want 1: losing the lease costs none", j.Attempt)
		}
	})
}

func TestStopIsGraceful(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store) {
		started, finish := make(chan bool), make(chan bool)
		var out outcomes
		q := begin(t, s, Options{SoftStop: time.Minute, Concurrency: 1, Done: out.done}, func(ctx context.Context, j Job) error {
			send(ctx, started, true)
			await(ctx, finish)
			return ctx.Err()
		})
		must(t, s.Enqueue(t.Context(), []Job{pull}))
		receive(t, started)
		stopped := make(chan error)
		go func() { stopped <- q.Stop(context.Background()) }()
		must(t, s.Enqueue(t.Context(), []Job{{Kind: Pull, RepoID: 1, Pull: 3}}))
		select {
		case <-stopped:
			t.Error("the queue stopped while a job ran")
		case <-started:
			t.Error("a job was begun after the stop")
		case <-time.After(500 * time.Millisecond):
		}
		finish <- true
		must(t, receive(t, stopped))
		st, err := s.Stats(t.Context())
		must(t, err)
		if st.Jobs["completed"] != 1 || st.Jobs["available"] != 1 || out.count("pull completed") != 1 {
			t.Errorf("jobs %v, outcomes %v; want one completed, one available", st.Jobs, out.list)
		}
	})
}

// TestStopInterrupts stops a queue whose job goes on and on: by Stop with an ended context, and by the context given to Start.
func TestStopInterrupts(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"Stop", "Start's context"} {
		t.Run(way, func(t *testing.T) {
			each(t, func(t *testing.T, s *store.Store) {
				started := make(chan bool, 1)
				var out outcomes
				do := func(ctx context.Context, j Job) error {
					started <- true
					<-ctx.Done()
					return errors.New("download broke off") // workers wrap the context's error, or do not
				}
				q, err := New(s, Workers{Pull: do, Base: do, Installation: do, Command: do},
					Options{SoftStop: 100 * time.Millisecond, PollInterval: 50 * time.Millisecond, Done: out.done, Log: quiet()})
				must(t, err)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				must(t, q.Start(ctx))
				must(t, s.Enqueue(t.Context(), []Job{pull}))
				receive(t, started)
				if way == "Stop" {
					ended, end := context.WithCancel(context.Background())
					end()
					must(t, q.Stop(ended))
				} else {
					cancel()
					must(t, q.Stop(context.Background()))
				}
				if out.count("pull interrupted") != 1 {
					t.Errorf("outcomes %v", out.list)
				}
				again := make(chan Job, 1)
				begin(t, s, Options{}, func(_ context.Context, j Job) error { again <- j; return nil })
				if j := receive(t, again); j.Attempt != 1 {
					t.Errorf("attempt %d after the restart, want 1: a stop costs none", j.Attempt)
				}
			})
		})
	}
}

func TestPeriodic(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store) {
		nothing := func(context.Context, Job) error { return nil }
		_, err := s.Accept(t.Context(), store.Delivery{GUID: "old", Received: time.Now().Add(-time.Hour * 24 * 365)}, nil)
		must(t, err)
		reconciled, redelivered := make(chan bool, 100), make(chan bool, 100)
		q, err := New(s, Workers{Pull: nothing, Base: nothing, Installation: nothing, Command: nothing,
			Reconcile: func(context.Context) error { reconciled <- true; return nil },
			Redeliver: func(context.Context) error { redelivered <- true; return errors.New("GitHub is away") },
		}, Options{ReconcileEvery: time.Hour, RedeliverEvery: time.Second, PurgeEvery: time.Second, PollInterval: 50 * time.Millisecond, Log: quiet(),
			Discarded: func(_ context.Context, j Job, _ error) { t.Errorf("people are told of %s", j.Kind) }})
		must(t, err)
		must(t, q.Start(context.Background()))
		defer stop(t, q)
		receive(t, reconciled) // at the start, long before its hour
		for range 3 {
			receive(t, redelivered) // comes again though it fails
		}
		waitFor(t, func() bool {
			_, err := s.DeliveryByGUID(t.Context(), "old")
			return errors.Is(err, store.ErrNotFound)
		})
	})
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.SQLite(t))
	causes := make(chan error, 10)
	begin(t, s, Options{Timeout: 100 * time.Millisecond}, func(ctx context.Context, _ Job) error {
		<-ctx.Done()
		causes <- ctx.Err()
		return ctx.Err()
	})
	must(t, s.Enqueue(t.Context(), []Job{pull}))
	if err := receive(t, causes); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the context ended with %v", err)
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	o := Options{}.withDefaults()
	for attempt, want := range map[int]time.Duration{1: 10 * time.Second, 2: 20 * time.Second, 5: 160 * time.Second, 8: 15 * time.Minute, 99: 15 * time.Minute} {
		least, most := time.Hour, time.Duration(0)
		for range 200 {
			wait := time.Until(backoff{o}.NextRetry(&rivertype.JobRow{Attempt: attempt}))
			least, most = min(least, wait), max(most, wait)
		}
		if least < want*79/100 || most > want*121/100 {
			t.Errorf("attempt %d: between %v and %v, want %v give or take a fifth", attempt, least, most, want)
		}
		if most-least < want/10 {
			t.Errorf("attempt %d: between %v and %v: no jitter", attempt, least, most)
		}
	}
}
