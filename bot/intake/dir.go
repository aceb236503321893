package intake

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	dirPrefix = "oxidometer-intake-"
	staleAge  = 24 * time.Hour // of a directory that cannot be locked
)

// workDir is a directory that only we may enter. While it is in use it is locked, so that Sweep of another process leaves
// it alone; the lock of a process that was killed is gone with it.
type workDir struct {
	path string
	lock *os.File // nil where there are no locks
	once sync.Once
	err  error
}

func (in *Intake) newDir() (*workDir, error) {
	for {
		path, err := os.MkdirTemp(in.o.Dir, dirPrefix+"*") // mode 0700
		if err != nil {
			return nil, fmt.Errorf("directory for artifacts: %w; check its permissions and its room", err)
		}
		d := &workDir{path: path}
		if d.lock, err = lockDir(path, true); err == nil || !errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Lstat(path); err == nil {
				return d, nil
			}
		}
		d.remove() // swept between its creation and its lock
	}
}

func (d *workDir) file(name string) string { return filepath.Join(d.path, name) }

// remove removes the directory and all in it. It may be called again.
func (d *workDir) remove() error {
	d.once.Do(func() {
		d.err = os.RemoveAll(d.path)
		if d.lock != nil {
			d.lock.Close()
		}
	})
	return d.err
}

// Sweep removes the directories of servers that were killed: ours by name and owner, and no longer locked. On file systems
// without locks it takes those older than a day. It returns how many it removed.
func (in *Intake) Sweep() (int, error) {
	entries, err := os.ReadDir(in.o.Dir)
	if err != nil {
		return 0, fmt.Errorf("directory for artifacts: %w; create it, or set another", err)
	}
	removed := 0
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), dirPrefix) || !e.IsDir() {
			continue
		}
		ok, err := sweepDir(filepath.Join(in.o.Dir, e.Name()))
		if err != nil {
			in.o.Log.WithError(err).Warn("left-over directory of artifacts cannot be removed")
		} else if ok {
			removed++
		}
	}
	if removed > 0 {
		in.o.Log.WithField("directories", removed).Info("removed artifacts that an ended server left behind")
	}
	return removed, nil
}

func sweepDir(path string) (bool, error) {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() || !ours(info) {
		return false, nil
	}
	lock, err := lockDir(path, false)
	switch {
	case errors.Is(err, errLocked), errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil && time.Since(info.ModTime()) < staleAge:
		return false, nil
	case err == nil:
		defer lock.Close()
	}
	return true, os.RemoveAll(path)
}

var errLocked = errors.New("in use")
