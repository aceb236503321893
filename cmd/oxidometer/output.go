package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// output collects what a command writes. Nothing reaches its destination before commit, so an error leaves it as it was.
type output struct {
	bytes.Buffer
	app     *app
	path    string      // "" for standard output
	special bool        // a device or a pipe, which cannot be replaced
	mode    fs.FileMode // of the file that is replaced; 0 when there is none
}

// create prepares writing to path; "" and "-" are standard output. A place that cannot be written to is an error now, before
// any work. The inputs are files that must not be overwritten.
func (a *app) create(path string, inputs ...string) (*output, error) {
	o := &output{app: a}
	if path == "" || path == "-" {
		return o, nil
	}
	o.path = path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		o.path = real
	}
	info, err := os.Stat(o.path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, outputError(path, err)
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("%s: is a directory; name a file", path)
	case err == nil && !info.Mode().IsRegular():
		o.special = true
		return o, nil
	case err == nil:
		if err := precious(path, info, inputs); err != nil {
			return nil, err
		}
		o.mode = info.Mode().Perm()
	}
	// The place is only tried: a file that stays there would be measured when it lies inside of a build.
	_, discard, err := o.createTemp()
	if err != nil {
		return nil, outputError(path, err)
	}
	discard()
	return o, nil
}

// precious refuses to overwrite what is being measured: an input, or an image inside an input that is a directory.
func precious(path string, info fs.FileInfo, inputs []string) error {
	for _, input := range inputs {
		if in, err := os.Stat(input); err == nil && os.SameFile(in, info) {
			return fmt.Errorf("%s: is also read; choose another file for -o", path)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil // not readable, so not an input
	}
	defer f.Close()
	var magic [4]byte
	if _, err := io.ReadFull(f, magic[:]); err == nil && string(magic[:]) == "\x7fELF" {
		return fmt.Errorf("%s: is an ELF image; choose another file for -o, or remove it first", path)
	}
	return nil
}

// createTemp creates an empty file beside the destination, with the mode that the umask gives. discard closes and removes it;
// that does nothing once it has been renamed.
func (o *output) createTemp() (temp *os.File, discard func(), err error) {
	o.app.mu.Lock()
	defer o.app.mu.Unlock()
	dir, base := filepath.Split(o.path)
	for {
		name := filepath.Join(dir, fmt.Sprintf(".%s.%08x", base, rand.Uint32()))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		return f, o.app.undoLater(func() {
			f.Close()
			os.Remove(name)
		}), nil
	}
}

// commit writes everything to the destination, which is replaced at once or not at all.
func (o *output) commit() error {
	switch {
	case o.path == "":
		return o.app.print(o.String())
	case o.special:
		if err := os.WriteFile(o.path, o.Bytes(), 0o666); err != nil {
			return outputError(o.path, err)
		}
		return nil
	}
	if err := o.replace(); err != nil {
		return outputError(o.path, err)
	}
	return nil
}

func (o *output) replace() error {
	temp, discard, err := o.createTemp()
	if err != nil {
		return err
	}
	defer discard()
	if _, err := temp.Write(o.Bytes()); err != nil {
		return err
	}
	if o.mode != 0 {
		if err := temp.Chmod(o.mode); err != nil {
			return err
		}
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), o.path)
}

// outputError says why a place cannot be written to, and what to do.
func outputError(path string, err error) error {
	cause := err
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		cause = p.Err
	}
	remedy := "check the place and its permissions"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		cause, remedy = errors.New("its directory does not exist"), "create it, or choose another file"
	case errors.Is(err, syscall.ENOSPC):
		remedy = "make room, or choose another place"
	}
	return fmt.Errorf("%s: cannot be written: %w; %s", path, cause, remedy)
}
