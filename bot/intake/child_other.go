//go:build !linux

package intake

import (
	"context"
	"os"
	"os/exec"
	"time"
)

func keepFiles() {}

// runChild runs our program in a directory, limited in time and output only.
func (in *Intake) runChild(ctx context.Context, dir string, l limits, args ...string) (ended, error) {
	if in.plain.CompareAndSwap(false, true) {
		in.o.Log.Warn("this system does not limit measuring processes; use it for builds that you trust")
	}
	timed, cancel := context.WithTimeout(ctx, l.wall)
	defer cancel()
	stderr := &head{most: 64 << 10}
	cmd := exec.CommandContext(timed, in.o.Self, args...)
	cmd.Dir, cmd.Stderr, cmd.WaitDelay = dir, stderr, time.Second
	cmd.Env = append(os.Environ()[:0:0], "TMPDIR="+dir, "TMP="+dir)
	if err := cmd.Start(); err != nil {
		return ended{}, err
	}
	cmd.Wait() // the state says it all
	e := ended{state: cmd.ProcessState, stderr: stderr.b.String()}
	switch {
	case ctx.Err() != nil:
		e.killed = canceled
	case timed.Err() != nil:
		e.killed = overTime
	}
	return e, nil
}
