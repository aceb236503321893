package storetest

import (
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
)

// PostgreSQL refuses to run as root, so there its programs run as nobody.

// nobody is the user to run as, or nil when this process is not root.
func nobody() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	c := &syscall.Credential{Uid: 65534, Gid: 65534}
	if u, err := user.Lookup("nobody"); err == nil {
		if id, err := strconv.ParseUint(u.Uid, 10, 32); err == nil {
			c.Uid = uint32(id)
		}
		if id, err := strconv.ParseUint(u.Gid, 10, 32); err == nil {
			c.Gid = uint32(id)
		}
	}
	return c
}

func giveAway(dir string) error {
	if c := nobody(); c != nil {
		return os.Chown(dir, int(c.Uid), int(c.Gid))
	}
	return nil
}

func unprivileged(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Credential: nobody()} }

// startUnprivileged starts a server that ends with this process, even when that is killed. The kernel ties it to the starting thread,
// which therefore must stay.
func startUnprivileged(cmd *exec.Cmd) error {
	unprivileged(cmd)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		started <- cmd.Start()
		select {}
	}()
	return <-started
}
