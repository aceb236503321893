package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/oxidometer/oxidometer/bot"
)

type serveCommand struct {
	serverSettings
}

func (*serveCommand) Help() string {
	return `The server receives webhooks at /webhook, measures the builds of pull requests, and comments.

Every setting is a flag, an environment variable or a key in a file; each wins over the next. In the file, keys are named
like the flags, and files are relative to it.

Examples:

    oxidometer serve --config oxidometer-app/serve.yml
    oxidometer serve --app-id 1234 --private-key app.pem --webhook-secret @secret
    oxidometer serve --config oxidometer-app/serve.yml --database postgres://oxidometer@db/oxidometer --log-format json`
}

func (c *serveCommand) Run(a *app) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this program cannot find itself, which it must start to measure: %w", err)
	}
	ctx, stop := a.untilSignal()
	defer stop()
	s, err := bot.NewServer(ctx, c.Server, self, newLogger(c.LogLevel, c.LogFormat, a.stderr))
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// untilSignal returns a context that ends with Ctrl-C, SIGTERM or SIGHUP, in place of ending the program there and then.
func (a *app) untilSignal() (context.Context, context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup wants it
		signals = append(signals, syscall.SIGHUP)
	}
	signal.Reset(signals...)
	return signal.NotifyContext(context.Background(), signals...)
}

// newLogger writes one line for each event.
func newLogger(level, format string, out *os.File) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(out)
	if format == "json" {
		log.SetFormatter(&logrus.JSONFormatter{})
	} else {
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true})
	}
	if l, err := logrus.ParseLevel(level); err == nil {
		log.SetLevel(l)
	}
	return log
}
