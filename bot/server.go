package bot

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/oxidometer/oxidometer/bot/command"
	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/intake"
	"github.com/oxidometer/oxidometer/bot/queue"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/bot/web"
	"github.com/oxidometer/oxidometer/bot/webhook"
	"github.com/oxidometer/oxidometer/config"
)

// stopTime is how long running jobs may go on after we were asked to stop. What is not finished then is done again.
const stopTime = 20 * time.Second

// Server is the App as a process: HTTP, queue and store.
type Server struct {
	bot    *Bot
	store  *store.Store
	queue  *queue.Queue
	http   *http.Server
	listen net.Listener
	log    *logrus.Logger
}

// NewServer opens the store and listens, but serves nothing yet. self is the path of this program, which is started again
// to measure artifacts.
func NewServer(ctx context.Context, c config.Server, self string, log *logrus.Logger) (_ *Server, err error) {
	secrets, err := c.Secrets()
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(c.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("--private-key %s: cannot be read: %w; name the .pem file that GitHub gave you", c.PrivateKey, errors.Unwrap(err))
	}
	s := &Server{log: log}
	var metrics *web.Metrics // counts in the store, which is opened after everything that can be wrong in the settings
	app, err := gh.New(gh.Options{
		BaseURL: c.GitHubURL, AppID: c.AppID, Key: key, Log: log,
		Observe: func(class string, _, remaining int, _ time.Time) { metrics.Request(class, remaining) },
	})
	if err != nil {
		return nil, err
	}
	if s.store, err = store.Open(ctx, c.Database, time.Now); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.store.Close()
		}
	}()
	metrics = web.NewMetrics(s.store)
	if err := s.newBot(ctx, c, self, app, key, metrics); err != nil {
		return nil, err
	}
	if s.queue, err = s.newQueue(c, metrics); err != nil {
		return nil, err
	}
	hook, err := webhook.Handler(webhook.Options{Secrets: secrets, Accept: s.bot.Accept, Log: log, Observe: func(event, result string) {
		if result != "accepted" { // those the bot counts, with what became of them
			metrics.Delivery(event, result)
		}
	}})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/webhook", hook)
	mux.Handle("/", web.Handler(web.Options{Store: s.store, Metrics: metrics, Log: log, History: s.bot.History,
		Prefix: command.DefaultPrefix, Commands: commandList()}))
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	if s.listen, err = net.Listen("tcp", c.Listen); err != nil {
		return nil, fmt.Errorf("--listen %s: %w; choose another address", c.Listen, err)
	}
	return s, nil
}

func (s *Server) newBot(ctx context.Context, c config.Server, self string, app *gh.App, key []byte, metrics *web.Metrics) error {
	in, err := intake.New(intake.Options{Self: self, AllowLoopback: c.AllowLoopback, Log: s.log, Observe: func(o intake.Observation) {
		metrics.Intake(o.Op, o.Outcome, o.Bytes, o.Duration)
	}})
	if err != nil {
		return err
	}
	// The first key of the App makes the secret, so that comments are found again without the database; the database keeps it, so that
	// links and comments outlive a key that is replaced.
	first := sha256.Sum256(append([]byte("oxidometer marker\n"), key...))
	marker, err := s.store.Secret(ctx, "marker", first[:])
	if err != nil {
		return err
	}
	s.bot = New(Options{
		GitHub: app, Store: s.store, Intake: in, Log: s.log, MarkerKey: marker, PublicURL: strings.TrimSuffix(c.PublicURL, "/"),
		RequireConfig: c.RequireConfig, Metrics: Metrics{Delivery: metrics.Delivery, Unattributed: metrics.Unattributed},
	})
	return nil
}

func (s *Server) newQueue(c config.Server, metrics *web.Metrics) (*queue.Queue, error) {
	b := s.bot
	w := queue.Workers{Pull: b.Pull, Base: b.Base, Installation: b.Installation, Command: b.Command, Reconcile: b.Reconcile, Redeliver: b.Redeliver}
	return queue.New(s.store, w, queue.Options{
		Concurrency: c.Workers, Log: s.log, Discarded: b.Discarded,
		Timeout:        30 * time.Minute, // intake may fetch one artifact for 20 minutes
		ReconcileEvery: c.PollInterval, RedeliverEvery: min(2*time.Minute, c.PollInterval), SoftStop: stopTime / 2,
		Done: func(kind, outcome string, _ time.Duration) { metrics.Job(kind, outcome) },
	})
}

// URL is where the server listens.
func (s *Server) URL() string { return "http://" + s.listen.Addr().String() }

// Working reports whether something is being done, or will be in a moment: what people see may be about to change.
func (s *Server) Working(ctx context.Context) (bool, error) { return s.store.Busy(ctx, 2*time.Second) }

// Close ends a server that was not run.
func (s *Server) Close() error {
	err := s.listen.Close()
	s.store.Close()
	return err
}

// Run serves until ctx ends, then stops in order: no new requests, no new jobs, wait for those that run.
func (s *Server) Run(ctx context.Context) error {
	if err := s.queue.Start(ctx); err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listen) }()
	s.log.WithField("address", s.listen.Addr().String()).Info("serving")
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	s.log.Info("stopping")
	err = errors.Join(ignoreClosed(err), s.http.Shutdown(stop), s.queue.Stop(stop))
	s.store.Close()
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
