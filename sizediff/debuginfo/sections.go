package debuginfo

import (
	"bufio"
	"compress/zlib"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// section is a debug section as it was before it was compressed.
type section struct {
	index  int // 0: the image has none
	size   uint64
	packed uint32 // how it is compressed, 0: not
	begins uint64 // where what is compressed begins
	whole  []byte // once it was wanted as a whole
}

// Kinds of compression, ch_type of the gABI.
const (
	packedZlib = 1
	packedZstd = 2
)

// section returns a section by name.
func (in *Info) section(name string) (*section, error) {
	if s := in.debug[name]; s != nil {
		return s, nil
	}
	s := &section{index: in.im.Find(name)}
	if s.index != 0 {
		h := &in.im.Sections[s.index]
		s.size = h.Size
		if h.Nobits() {
			s.size = 0
		}
		if h.Compressed() {
			if err := in.readPacking(s); err != nil {
				return nil, err
			}
		}
	}
	in.debug[name] = s
	return s, nil
}

// readPacking reads the header of a compressed section.
func (in *Info) readPacking(s *section) error {
	s.begins = 12
	if in.im.Class == 64 {
		s.begins = 24
	}
	head, err := in.im.Piece(s.index, 0, min(s.begins, s.size))
	if err != nil {
		return damaged("%v", err)
	}
	c := cursor{b: head, big: in.im.Big}
	s.packed = uint32(c.number(4))
	if in.im.Class == 64 {
		c.skip(4)
	}
	s.size = c.number(in.im.PointerSize())
	if c.spent || s.packed != packedZlib && s.packed != packedZstd {
		return notKnown("its debug information is compressed in a way that is not known here (type %d)", s.packed)
	}
	return nil
}

// piece returns bytes of a section. They are not to be changed.
func (in *Info) piece(s *section, start, end uint64) ([]byte, error) {
	if start > end || end > s.size {
		return nil, damaged("a reference leads out of its section")
	}
	if s.packed != 0 || s.whole != nil {
		b, err := in.all(s)
		if err != nil {
			return nil, err
		}
		return b[start:end], nil
	}
	if err := in.hold(end - start); err != nil {
		return nil, err
	}
	b, err := in.im.Piece(s.index, start, end)
	if err != nil {
		return nil, damaged("%v", err)
	}
	return b, nil
}

// named returns a whole section, relocated; empty when the image has none.
func (in *Info) named(name string) ([]byte, error) {
	s, err := in.section(name)
	if err != nil || s.size == 0 {
		return nil, err
	}
	if s.whole == nil {
		b, err := in.all(s)
		if err != nil {
			return nil, err
		}
		if in.relocates(s) {
			b = append([]byte(nil), b...)
			if err := in.relocate(s, []patch{{0, b}}); err != nil {
				return nil, err
			}
		}
		s.whole = b
	}
	return s.whole, nil
}

// all returns a whole section as it is in the file.
func (in *Info) all(s *section) ([]byte, error) {
	if s.whole != nil {
		return s.whole, nil
	}
	if s.packed == 0 {
		return in.piece(s, 0, s.size)
	}
	r, err := in.inflate(s)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s.whole, err = r.piece(0, s.size)
	return s.whole, err
}

// hold counts bytes that are kept.
func (in *Info) hold(n uint64) error {
	if n > maxHeld || in.held+n > maxHeld {
		return notKnown("its debug information of Rust code is larger than %d MiB, which is the most that is read", maxHeld>>20)
	}
	in.held += n
	return nil
}

// source gives pieces of .debug_info in rising order. A piece stays valid.
type source interface {
	piece(start, end uint64) ([]byte, error)
	Close()
}

func (in *Info) open(s *section) (source, error) {
	if s.packed != 0 {
		return in.inflate(s)
	}
	return plain{in, s}, nil
}

// plain is a section that is not compressed.
type plain struct {
	in *Info
	s  *section
}

func (p plain) piece(start, end uint64) ([]byte, error) { return p.in.piece(p.s, start, end) }
func (p plain) Close()                                  {}

// inflating is a compressed section, of which no more is kept than what was asked for.
type inflating struct {
	in     *Info
	r      *bufio.Reader
	closer io.Closer
	pos    uint64
}

func (in *Info) inflate(s *section) (*inflating, error) {
	h := &in.im.Sections[s.index]
	raw := io.NewSectionReader(in.im, int64(h.Offset+s.begins), int64(h.Size-s.begins))
	f := &inflating{in: in}
	switch s.packed {
	case packedZlib:
		z, err := zlib.NewReader(raw)
		if err != nil {
			return nil, damaged("%v", err)
		}
		f.r, f.closer = bufio.NewReaderSize(z, 64<<10), z
	default:
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(32<<20))
		if err != nil {
			return nil, damaged("%v", err)
		}
		f.r, f.closer = bufio.NewReaderSize(z, 64<<10), z.IOReadCloser()
	}
	return f, nil
}

func (f *inflating) Close() { f.closer.Close() }

func (f *inflating) piece(start, end uint64) ([]byte, error) {
	if err := f.in.hold(end - start); err != nil {
		return nil, err
	}
	if err := f.in.spend(int((end-f.pos)/4) + 1); err != nil {
		return nil, err
	}
	if _, err := f.r.Discard(int(start - f.pos)); err != nil {
		return nil, damaged("%v", err)
	}
	f.pos = start
	if n := int(end - start); n <= headSize { // the head of a unit; it may be wanted again
		b, err := f.r.Peek(n)
		if err != nil {
			return nil, damaged("%v", err)
		}
		return append([]byte(nil), b...), nil
	}
	var b []byte
	for grow := uint64(1 << 20); f.pos < end; grow *= 2 { // no more memory than there turn out to be bytes
		n := min(end-f.pos, grow)
		b = append(b, make([]byte, n)...)
		if _, err := io.ReadFull(f.r, b[uint64(len(b))-n:]); err != nil {
			return nil, damaged("%v", err)
		}
		f.pos += n
	}
	return b, nil
}

// relocates reports whether a section lacks what the linker has yet to fill in.
func (in *Info) relocates(s *section) bool {
	return in.im.Type == elfmap.FileRelocatable && in.im.HasRelocs(s.index)
}
