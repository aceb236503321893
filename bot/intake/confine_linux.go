package intake

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// landlockFiles are the rights over files that each version of Landlock knows, from its first on.
// https://docs.kernel.org/userspace-api/landlock.html
var landlockFiles = []uint64{
	unix.LANDLOCK_ACCESS_FS_REFER - 1, // all that have lower bits
	unix.LANDLOCK_ACCESS_FS_TRUNCATE - 1,
	unix.LANDLOCK_ACCESS_FS_IOCTL_DEV - 1,
	unix.LANDLOCK_ACCESS_FS_IOCTL_DEV - 1,
	unix.LANDLOCK_ACCESS_FS_IOCTL_DEV<<1 - 1,
}

// What is left to a confined process in its directory: ordinary files, to be read, written and removed.
const landlockDir = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
	unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE

// landlockVersion is 0 where the kernel does not offer Landlock.
func landlockVersion() int {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// Confine takes from this process, for good, all files but one that it may read and the directory of its output, the running of
// programs and, from Linux 6.7 on, TCP. What is open stays open. It is for the measuring child, before it reads what strangers made.
// The error is errors.ErrUnsupported, and nothing is taken, where the kernel or this program (one with cgo) cannot do that.
func Confine(input, output string) error {
	version := landlockVersion()
	if version == 0 {
		return errors.ErrUnsupported
	}
	rules := unix.LandlockRulesetAttr{Handled_access_fs: landlockFiles[min(version, len(landlockFiles))-1]}
	if version >= 4 {
		rules.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	set, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), unsafe.Sizeof(rules), 0)
	if errno != 0 {
		return fmt.Errorf("confinement: cannot be set up: %w; see what Landlock is allowed here", errno)
	}
	defer unix.Close(int(set))
	if err := landlockAllow(set, input, unix.LANDLOCK_ACCESS_FS_READ_FILE); err != nil {
		return err
	}
	if err := landlockAllow(set, filepath.Dir(output), landlockDir&rules.Handled_access_fs); err != nil {
		return err
	}
	// Each thread confines itself; threads that are made later inherit that.
	_, _, errno = syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	if errno == 0 {
		_, _, errno = syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, set, 0, 0)
	}
	if errno != 0 {
		return fmt.Errorf("confinement: refused: %w; see what Landlock is allowed here", errno)
	}
	return nil
}

// landlockAllow leaves rights over a file, or over what is below a directory.
func landlockAllow(set uintptr, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: cannot be opened: %w; check the path", path, err)
	}
	defer unix.Close(fd)
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, set, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("%s: cannot be left to a confined process: %w", path, errno)
	}
	return nil
}
