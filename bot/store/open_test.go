package store

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/oxidometer/oxidometer/bot/store/storetest"
)

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct{ url, want string }{
		{"", "neither sqlite:FILE nor postgres://"},
		{"sqlite:", "neither sqlite:FILE nor postgres://"},
		{"mysql://x", "neither sqlite:FILE nor postgres://"},
		{"sqlite:" + filepath.Join(t.TempDir(), "absent", "db"), "/absent/db: cannot be opened: no such file or directory; name a SQLite file"},
		{"postgres://me:hunter2@[::1", "has the form postgres://user:password@host"},
		{"postgres://me:hunter2@127.0.0.1:1/x?connect_timeout=2", "--database postgres://127.0.0.1:1/…: does not answer: connect: connection refused; check that it runs there"},
		{"postgres://me:hunter2@absent.invalid/x?connect_timeout=2", "--database postgres://absent.invalid:5432/…: does not answer: "},
	} {
		s, err := Open(t.Context(), c.url, nil)
		if err == nil {
			s.Close()
			t.Errorf("Open(%q) succeeded", c.url)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("Open(%q): %v, want %q in it", c.url, err, c.want)
		}
		if !strings.HasPrefix(err.Error(), "--database") || strings.ContainsAny(err.Error(), "\t\n") {
			t.Errorf("Open(%q): %q, want one line that names the flag", c.url, err)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q): the error tells the password: %v", c.url, err)
		}
	}
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	for _, name := range []string{"new", "open to all", "odd ?#%41&_txlock=x name"} {
		file := filepath.Join(t.TempDir(), name)
		if name == "open to all" {
			must(t, os.WriteFile(file, nil, 0o644))
		}
		s := open(t, "sqlite:"+file, nil)
		must(t, s.PutRepo(t.Context(), Repo{ID: 1}))
		for _, suffix := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(file + suffix)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v, want 0600", name+suffix, info.Mode())
			}
		}
	}
}

// TestOpenTogether starts replicas at the same moment on an empty database.
func TestOpenTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				s, err := Open(t.Context(), url, nil)
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if err := s.Enqueue(t.Context(), []Job{{Kind: "pull", RepoID: 1, Pull: 1}}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		s := open(t, url, nil)
		scripts, err := s.scripts()
		must(t, err)
		if n := s.count(t, "schema_version"); n != len(scripts) {
			t.Errorf("%d migrations were applied, want each of %d once", n, len(scripts))
		}
		if n := s.count(t, "river_job"); n != 1 {
			t.Errorf("%d jobs, want 1", n)
		}
	})
}

func TestOpenRefusesNewerTables(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s := open(t, url, nil)
		_, err := s.exec(t.Context(), "INSERT INTO schema_version VALUES (99)")
		must(t, err)
		_, err = Open(t.Context(), url, nil)
		if err == nil || !strings.Contains(err.Error(), "version 99") {
			t.Errorf("error %v, want one that names version 99", err)
		}
	})
}

func TestPing(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		must(t, s.Ping(t.Context()))
		s.Close()
		if err := s.Ping(t.Context()); err == nil {
			t.Error("a closed database answers")
		}
	})
}
