// Package storetest gives tests databases: SQLite files, and databases of a real PostgreSQL server that it starts.
package storetest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Each runs the test on both kinds of database, at once. url is the setting of an empty one.
//
// The test fails without PostgreSQL's programs when the environment variable CI is set, and is skipped otherwise.
func Each(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Postgres(t))
	})
}

// SQLite returns the setting of an empty SQLite file.
func SQLite(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "db") }

// Main runs a package's tests and then ends the server, if one was started. TestMain calls it.
func Main(m *testing.M) int {
	defer func() {
		if running != nil {
			running.stop()
		}
	}()
	return m.Run()
}

var (
	start    sync.Once
	running  *server
	startErr error
	database atomic.Int64
)

// Postgres returns the setting of an empty database on a server that all tests of the process share.
func Postgres(t testing.TB) string {
	t.Helper()
	start.Do(func() { running, startErr = startServer() })
	if errors.Is(startErr, exec.ErrNotFound) && os.Getenv("CI") == "" {
		t.Skipf("PostgreSQL's programs are not installed: %v", startErr)
	}
	if startErr != nil {
		t.Fatalf("PostgreSQL did not start: %v", startErr)
	}
	name := fmt.Sprintf("test%d", database.Add(1))
	if err := running.run("createdb", "-h", running.dir, "-U", "postgres", name); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("postgres://postgres@/%s?host=%s&sslmode=disable", name, running.dir)
}

// server is a PostgreSQL server that listens on a socket in its own folder only.
type server struct {
	dir     string
	process *exec.Cmd
	ended   chan struct{}
}

func startServer() (s *server, err error) {
	dir, err := os.MkdirTemp("", "oxidometer-pg-")
	if err != nil {
		return nil, err
	}
	s = &server{dir: dir, ended: make(chan struct{})}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	if err := giveAway(dir); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if err := s.run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return nil, err
	}
	postgres, err := program("postgres")
	if err != nil {
		return nil, err
	}
	s.process = exec.Command(postgres, "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200")
	s.process.Dir = dir
	if err := startUnprivileged(s.process); err != nil {
		return nil, err
	}
	go func() {
		s.process.Wait()
		close(s.ended)
	}()
	for range 300 {
		if s.run("psql", "-h", dir, "-U", "postgres", "-c", "SELECT 1", "postgres") == nil {
			return s, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.stop()
	return nil, errors.New("the server does not answer")
}

func (s *server) stop() {
	s.process.Process.Signal(os.Interrupt) // a fast shutdown
	select {
	case <-s.ended:
	case <-time.After(10 * time.Second):
		s.process.Process.Kill()
		<-s.ended
	}
	os.RemoveAll(s.dir)
}

// run runs one of PostgreSQL's programs to its end.
func (s *server) run(name string, args ...string) error {
	path, err := program(name)
	if err != nil {
		return err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = s.dir
	unprivileged(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// program finds one of PostgreSQL's programs, which Debian keeps out of PATH. The newest version wins.
func program(name string) (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err == nil && len(found) > 0 {
		return slices.MaxFunc(found, func(a, b string) int { return len(a) - len(b) + strings.Compare(a, b) }), nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return path, nil
}
