package queue

import (
	"context"
	"log/slog"

	"github.com/sirupsen/logrus"
)

// logHandler hands River's log to ours. River's news about single jobs is left out: the queue writes its own, with more in it.
type logHandler struct{ log *logrus.Entry }

func (h logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	log := h.log
	r.Attrs(func(a slog.Attr) bool {
		log = log.WithField(a.Key, a.Value.Resolve().Any())
		return true
	})
	level := logrus.WarnLevel
	if r.Level >= slog.LevelError {
		level = logrus.ErrorLevel
	}
	log.Log(level, r.Message)
	return nil
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.log = h.log.WithField(a.Key, a.Value.Resolve().Any())
	}
	return h
}

func (h logHandler) WithGroup(string) slog.Handler { return h }
