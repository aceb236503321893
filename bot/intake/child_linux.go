package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxStderr = 64 << 10
	watchTick = 20 * time.Millisecond

	// A Go program maps writable memory in large pieces, and reserves addresses for its tables.
	dataSlack    = 256 << 20
	addressSlack = 4 << 30

	openFiles = 128
	threads   = 256
)

// keepFiles makes sure that what this process has inherited open is not handed on to children.
func keepFiles() {
	files, _ := os.ReadDir("/proc/self/fd")
	for _, f := range files {
		if fd, err := strconv.Atoi(f.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

// runChild runs our program in a directory within limits, and waits until it and all it started have ended.
func (in *Intake) runChild(ctx context.Context, dir string, l limits, args ...string) (ended, error) {
	runtime.LockOSThread() // the child dies with the thread that started it
	defer runtime.UnlockOSThread()
	stderr := &head{most: maxStderr}
	cmd, err := in.start(dir, l, stderr, args)
	if err != nil {
		return ended{}, err
	}
	pid := cmd.Process.Pid
	confined := confine(pid, l, !in.plain.Load())
	if confined != nil {
		kill(pid)
	}
	e := watch(ctx, pid, l)
	kill(pid)  // what is left of its group; the number is ours until it is waited for
	cmd.Wait() // the state says it all
	if confined != nil {
		return ended{}, fmt.Errorf("limits cannot be set: %w", confined)
	}
	e.state, e.stderr = cmd.ProcessState, stderr.b.String()
	return e, nil
}

// start starts the child in namespaces of its own, or without where they are not permitted.
func (in *Intake) start(dir string, l limits, stderr *head, args []string) (*exec.Cmd, error) {
	if !in.plain.Load() {
		cmd := in.command(dir, l, stderr, args)
		isolate(cmd.SysProcAttr)
		err := cmd.Start()
		if err == nil {
			return cmd, nil
		}
		plain := in.command(dir, l, stderr, args)
		if plain.Start() != nil {
			return nil, err
		}
		if in.plain.CompareAndSwap(false, true) {
			in.o.Log.WithError(err).Warn("namespaces are not permitted here; measuring processes are limited, but not cut off from the network")
		}
		return plain, nil
	}
	cmd := in.command(dir, l, stderr, args)
	return cmd, cmd.Start()
}

func (in *Intake) command(dir string, l limits, stderr *head, args []string) *exec.Cmd {
	cmd := exec.Command(in.o.Self, args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"GOMEMLIMIT=" + strconv.FormatInt(l.memory/8*7, 10),
		"GOGC=100",
		"GOTRACEBACK=single",
		"TMPDIR=" + dir,
	}
	cmd.Stderr = stderr
	cmd.WaitDelay = time.Second // for a process outside the group that holds on to stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// isolate gives a child its own users, processes, network and IPC. In there it is nobody, so it has no capabilities.
func isolate(a *syscall.SysProcAttr) {
	const nobody = 65534
	a.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Geteuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getegid(), Size: 1}}
}

// confine sets the limits of a child that was just started. Processes are only counted in its own namespace: outside, all that
// the server's user runs would count.
func confine(pid int, l limits, isolated bool) error {
	seconds := uint64(math.Ceil(l.cpu.Seconds()))
	set := []struct {
		resource   int
		soft, hard uint64
	}{
		{unix.RLIMIT_CPU, seconds, seconds + 1},
		{unix.RLIMIT_DATA, uint64(l.memory + dataSlack), uint64(l.memory + dataSlack)},
		{unix.RLIMIT_AS, uint64(l.memory + addressSlack), uint64(l.memory + addressSlack)},
		{unix.RLIMIT_FSIZE, uint64(l.file), uint64(l.file)},
		{unix.RLIMIT_NOFILE, openFiles, openFiles},
		{unix.RLIMIT_CORE, 0, 0},
		{unix.RLIMIT_MEMLOCK, 0, 0},
		{unix.RLIMIT_NPROC, threads, threads},
	}
	for _, s := range set {
		if s.resource == unix.RLIMIT_NPROC && !isolated {
			continue
		}
		var old unix.Rlimit
		err := unix.Prlimit(pid, s.resource, nil, &old)
		if err == nil {
			err = unix.Prlimit(pid, s.resource, &unix.Rlimit{Cur: min(s.soft, old.Max), Max: min(s.hard, old.Max)}, nil)
		}
		if err != nil {
			return err
		}
	}
	// If the machine runs out of memory all the same, the kernel should choose the child. Not everywhere permitted.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("1000"), 0)
	return nil
}

// watch waits until a child has ended, and ends it when it passes a limit that the kernel does not know. The child stays a
// zombie, so that its number means nothing else yet.
func watch(ctx context.Context, pid int, l limits) ended {
	var e ended
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		}
	}()
	deadline := time.After(l.wall)
	tick := time.NewTicker(watchTick)
	defer tick.Stop()
	for {
		select {
		case <-exited:
			return e
		case <-ctx.Done():
			e.killed = canceled
		case <-deadline:
			e.killed = overTime
		case <-tick.C:
			memory := resident(pid)
			e.memory = max(e.memory, memory)
			if memory > l.memory {
				e.killed = overMemory
			} else if info, err := os.Lstat(l.output); err == nil && info.Size() > l.outputSize {
				e.killed = overOutput
			}
		}
		if e.killed != byItself {
			kill(pid)
			<-exited
			return e
		}
	}
}

// resident is a process's memory in bytes, as far as it can be told.
func resident(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := bytes.Fields(data)
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// kill ends a child's whole group.
func kill(pid int) {
	if err := unix.Kill(-pid, unix.SIGKILL); errors.Is(err, unix.ESRCH) {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}
