package source

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"syscall"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Kinds of errors, to be told apart with errors.Is. What is none of them is a plain problem of reading, such as a
// missing permission.
var (
	ErrNotFound = errors.New("not found")
	ErrNotBuild = errors.New("not a build")
	ErrLimit    = errors.New("over a limit")
	ErrDamaged  = errors.New("damaged")
	ErrUnsafe   = errors.New("unsafe archive") // such as a name that leaves the archive, or members that overlap
)

// Error is what every function of this package returns when something is wrong with a build.
type Error struct {
	Path    string // the build, as the caller named it
	Problem string // what is wrong, and with which of its files
	Remedy  string // what to do
	Err     error  // one of the kinds above, a cause, or both
}

// Error returns one line: path, problem, remedy.
func (e *Error) Error() string { return e.Path + ": " + e.Problem + "; " + e.Remedy }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

const giveBuild = "give a vmlinux, a module, a directory, a .zip, a .tar or a measurement file"

// fail completes an error with the build and with the file of it that the error is about, if any.
func (b *Build) fail(name string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		e = explain(err)
	}
	if e.Path != "" {
		return e
	}
	done := *e
	done.Path = b.Label
	if name != "" && !b.Single {
		done.Problem = b.noun + " " + quote(name) + " " + e.Problem
	}
	if done.Remedy == "" {
		done.Remedy = "build or copy it again"
		if b.noun == "member" {
			done.Remedy = "download the artifact again"
		}
	}
	return &done
}

// refuse is for what an archive must not hold.
func (b *Build) refuse(name, problem, remedy string) error {
	return b.fail(name, &Error{Problem: problem, Remedy: remedy, Err: ErrUnsafe})
}

// explain puts an error of the system or of a decompressor into words. An empty remedy is filled in by fail.
func explain(err error) *Error {
	var system *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Error{Problem: "does not exist", Remedy: "check the path", Err: fmt.Errorf("%w: %w", ErrNotFound, err)}
	case errors.Is(err, fs.ErrPermission):
		return &Error{Problem: "cannot be read: permission denied", Remedy: "check its permissions", Err: err}
	case errors.As(err, &system):
		remedy := "check the disk and try again"
		if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENAMETOOLONG) {
			remedy = "check the path"
		}
		return &Error{Problem: "cannot be read: " + system.Err.Error(), Remedy: remedy, Err: err}
	case errors.Is(err, zip.ErrChecksum), errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return damaged("its checksum does not match", err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return damaged("it ends too early", err)
	}
	return damaged(err.Error(), err)
}

func damaged(how string, cause error) *Error {
	e := &Error{Problem: "is damaged: " + how, Err: ErrDamaged}
	if cause != nil {
		e.Err = fmt.Errorf("%w: %w", ErrDamaged, cause)
	}
	return e
}

// notBuild says what a file is instead, as far as its first bytes tell.
func notBuild(head []byte) error {
	e := &Error{Problem: "is neither an ELF file nor an archive nor a measurement", Remedy: giveBuild, Err: ErrNotBuild}
	at := func(offset int, magic string) bool {
		return len(head) >= offset && bytes.HasPrefix(head[offset:], []byte(magic))
	}
	switch {
	case len(head) == 0:
		e.Problem = "is empty"
	case at(0x202, "HdrS"), at(56, "ARM\x64"), at(56, "RSC\x05"): // Linux boot protocols of x86, arm64 and RISC-V
		e.Problem, e.Remedy = "is a boot image, which has no symbols", "give the vmlinux it was made from"
	case at(0, "!<arch>\n"):
		e.Problem, e.Remedy = "is a static library or a package", "unpack it and give the directory"
	}
	return e
}

// quote makes a name from outside fit for a terminal.
func quote(name string) string {
	const most = 160
	if len(name) > most {
		return strconv.QuoteToASCII(name[:most]) + "..."
	}
	return strconv.QuoteToASCII(name)
}
