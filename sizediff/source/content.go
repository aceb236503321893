package source

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// Content is the uncompressed bytes of a file. Reads may be concurrent.
type Content struct {
	r     io.ReaderAt
	size  int64
	mem   []byte
	file  *os.File // it is the whole of; nil otherwise
	close func() error
}

func newFileContent(f *os.File, size int64) *Content {
	c := newContent(f, 0, size)
	c.file = f
	return c
}

func newContent(r io.ReaderAt, offset, size int64) *Content {
	return &Content{r: io.NewSectionReader(r, offset, size), size: size}
}

// ReadAt implements io.ReaderAt.
func (c *Content) ReadAt(p []byte, offset int64) (int, error) { return c.r.ReadAt(p, offset) }

// Size returns the number of bytes.
func (c *Content) Size() int64 { return c.size }

// Bytes returns all bytes if they are in memory already. They must not be changed.
func (c *Content) Bytes() ([]byte, bool) { return c.mem, c.mem != nil }

// Files of these sizes are mapped: of smaller ones a copy costs less, and what is touched of larger ones would count as memory.
const (
	minMapped = 1 << 20
	maxMapped = 64 << 20
)

// Map returns all bytes without a copy of them, nil when that is not possible. They must not be changed, nor used after release.
// Where a file is cut short by somebody else in the meantime, reading what is gone is a fault: see debug.SetPanicOnFault.
func (c *Content) Map() (data []byte, release func()) {
	if c.mem == nil && c.file != nil && c.size >= minMapped && c.size <= maxMapped {
		if data, release := mapFile(c.file, int(c.size)); data != nil {
			return data, release
		}
	}
	return c.mem, func() {}
}

// Close releases the content.
func (c *Content) Close() error {
	if c.close == nil {
		return nil
	}
	return c.close()
}

// spool keeps unpacked bytes: in memory while its allowance lasts, then in a temporary file that has no name, so that
// nothing is left behind however the process ends.
type spool struct {
	memory int64 // bytes that may still be kept in memory
	file   *os.File
	end    int64
}

// keep reads a stream to its end. The hint is a guess at its length.
func (s *spool) keep(r io.Reader, hint int64) (*Content, error) {
	var buf bytes.Buffer
	buf.Grow(int(min(hint, s.memory)) + bytes.MinRead)
	if _, err := buf.ReadFrom(io.LimitReader(r, s.memory+1)); err != nil {
		return nil, err
	}
	mem := buf.Bytes()
	if size := int64(len(mem)); size <= s.memory {
		s.memory -= size
		return &Content{r: bytes.NewReader(mem), size: size, mem: mem}, nil
	}
	return s.spill(io.MultiReader(bytes.NewReader(mem), r))
}

func (s *spool) spill(r io.Reader) (*Content, error) {
	if err := s.create(); err != nil {
		return nil, noRoom(err)
	}
	w := &spoolWriter{w: io.NewOffsetWriter(s.file, s.end)}
	n, err := io.CopyBuffer(w, r, make([]byte, 256<<10))
	if w.err != nil {
		return nil, noRoom(w.err)
	}
	if err != nil {
		return nil, err
	}
	c := newContent(s.file, s.end, n)
	s.end += n
	return c, nil
}

func (s *spool) create() error {
	if s.file != nil {
		return nil
	}
	f, err := os.CreateTemp("", "oxidometer-*")
	if err != nil {
		return err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return err
	}
	s.file = f
	return nil
}

func (s *spool) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// spoolWriter remembers its own errors, so that they are not taken for errors of what is read.
type spoolWriter struct {
	w   io.Writer
	err error
}

func (w *spoolWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.err = err
	return n, err
}

func noRoom(err error) *Error {
	reason := err
	if cause := errors.Unwrap(err); cause != nil {
		reason = cause
	}
	return &Error{
		Problem: "cannot be unpacked: " + reason.Error(),
		Remedy:  "make room in " + os.TempDir() + ", or set TMPDIR to another directory",
		Err:     err,
	}
}
