package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/oxidometer/oxidometer/bot/intake"
	"github.com/oxidometer/oxidometer/bot/store"
)

const (
	mib = 1 << 20
	gib = 1 << 30

	longQueue = 10 * time.Minute
)

// database opens the store as the server does.
func (e *examination) database(ctx context.Context) {
	const what = "database"
	file, isFile := strings.CutPrefix(e.o.Server.Database, "sqlite:")
	if isFile {
		_, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			e.newDatabase(file)
			return
		}
	}
	s, err := store.Open(ctx, e.o.Server.Database, e.o.Now)
	if err != nil {
		e.failed(what, err, "")
		e.skipped(what, "queue")
		return
	}
	defer s.Close()
	if err := s.Ping(ctx); err != nil {
		e.failed(what, err, "check --database, its server and its permissions")
		e.skipped(what, "queue")
		return
	}
	if isFile {
		e.ok(what, "%s opens, its tables are up to date and can be written to", file)
	} else {
		e.ok(what, "PostgreSQL answers, its tables are up to date and can be written to")
	}
	e.queue(ctx, s)
	if isFile {
		e.space("database space", filepath.Dir(file), 100*mib, gib)
	}
}

// newDatabase checks that the server will be able to make the file.
func (e *examination) newDatabase(file string) {
	dir := filepath.Dir(file)
	if err := tryToWrite(dir); err != nil {
		e.fail("database", "make the folder, for the user who runs the server", "%s is not there, and in %s nothing can be written: %v", file, dir, cause(err))
		return
	}
	e.ok("database", "%s is not there yet; the server will make it", file)
	e.space("database space", dir, 100*mib, gib)
}

func (e *examination) queue(ctx context.Context, s *store.Store) {
	const what = "queue"
	stats, err := s.Stats(ctx)
	switch {
	case err != nil:
		e.failed(what, err, "check the database")
	case stats.OldestAge > longQueue:
		e.warn(what, "is oxidometer serve running? If it is, give it more --workers", "%s, the oldest for %s", count(stats.Waiting, "waiting job"), stats.OldestAge.Round(time.Minute))
	default:
		e.ok(what, "%s", count(stats.Waiting, "waiting job"))
	}
}

// space checks what is free where a folder lies, in bytes: fail below the first, warn below the second.
func (e *examination) space(what, dir string, little, some uint64) {
	free, err := freeSpace(dir)
	text := fmt.Sprintf("%d MiB free in %s", free/mib, dir)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		e.warn(what, "look yourself", "cannot be found out on this system")
	case err != nil:
		e.fail(what, "check the folder", "%s: %v", dir, cause(err))
	case free < little:
		e.fail(what, "make room", "%s", text)
	case free < some:
		e.warn(what, "make room", "%s", text)
	default:
		e.ok(what, "%s", text)
	}
}

// machine checks what measuring artifacts needs.
func (e *examination) machine(ctx context.Context) {
	dir := os.TempDir()
	if err := tryToWrite(dir); err != nil {
		e.fail("temporary folder", "make it writable, or set TMPDIR to another", "nothing can be written in %s: %v", dir, cause(err))
		e.skipped("temporary folder", "measuring")
		return
	}
	e.space("temporary folder", dir, 256*mib, 4*gib) // an artifact may have 2 GiB, and is unpacked
	e.measuring(ctx)
}

func tryToWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".oxidometer-doctor-")
	if err != nil {
		return err
	}
	_, err = f.WriteString("x")
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// measuring has this program measured by a child with the server's limits.
func (e *examination) measuring(ctx context.Context) {
	const what = "measuring"
	heard := &warnings{}
	log := logrus.New()
	log.SetOutput(io.Discard)
	log.AddHook(heard)
	in, err := intake.New(intake.Options{Self: e.o.Self, Log: log})
	if err != nil {
		e.failed(what, err, "")
		return
	}
	if _, err := in.Measure(ctx, e.o.Self, intake.MeasureOptions{}); err != nil {
		e.fail(what, "see that this machine lets the program start itself, with 1 GiB of memory and prlimit(2)", "%s cannot be measured: %v", e.o.Self, err)
		return
	}
	if text := heard.String(); text != "" {
		e.warn(what, "permit user namespaces to this program, where your system's policy lets you", "works; %s", text)
		return
	}
	e.ok(what, "works, in a process of its own with limits and without network")
}

// warnings keeps what the intake warns of.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

func (*warnings) Levels() []logrus.Level { return []logrus.Level{logrus.WarnLevel, logrus.ErrorLevel} }

func (w *warnings) Fire(entry *logrus.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, entry.Message)
	return nil
}

func (w *warnings) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.texts, ", ")
}
