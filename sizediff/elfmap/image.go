// Package elfmap reads an ELF image that nobody vouches for, and gives every byte of every section exactly one owner.
//
// It replaces debug/elf, which says of itself that it is not hardened against hostile input. Reading is by offset: a
// 400 MB vmlinux with debug information costs what its allocated sections and its symbol table cost. No count or size in
// a header leads to an allocation unless the file backs it. Sources: System V gABI (ELF-32 and ELF-64), and the
// processor supplements for what is named in machine.go.
package elfmap

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Limits on what an image may claim. They are far above any real kernel and bound time and memory on hostile input.
const (
	maxSections  = 1 << 20
	maxSymbols   = 1 << 22
	maxNames     = 512 << 20 // bytes of symbol names in all
	maxNameLen   = 4096      // a longer name is cut; KSYM_NAME_LEN is 512
	maxShstrtab  = 64 << 20  // bytes of section names, in their table and in all
	maxStrtab    = 1 << 30
	maxSpan      = 1 << 40 // memory size of one section
	maxAllocated = 4 << 30 // file bytes of all allocated sections
	maxOverlap   = 4       // file bytes of all sections, as a multiple of the file
)

// Error says why a file cannot be read as an ELF image.
type Error struct {
	Problem string // what is wrong, lower case, no file name
	Remedy  string // what to do
}

func (e *Error) Error() string { return e.Problem + "; " + e.Remedy }

const (
	rebuild    = "build it again or download it again"
	notForUs   = "give an ELF file, a directory, an archive or a measurement"
	tooHostile = "no real image looks like this, so it is refused"
)

var noSections = &Error{"ELF file without section headers", "give the image as the linker wrote it"}

func damaged(format string, a ...any) error {
	return &Error{"damaged ELF file: " + fmt.Sprintf(format, a...), rebuild}
}

func refused(format string, a ...any) error {
	return &Error{"implausible ELF file: " + fmt.Sprintf(format, a...), tooHostile}
}

// Image is an open ELF image. Its methods read from the reader it was opened on, which must outlive it.
// An Image is for one goroutine at a time.
type Image struct {
	Class    int    // 32 or 64
	Big      bool   // most significant byte first
	Type     uint16 // ET_REL, ET_EXEC, ET_DYN
	Machine  Machine
	Entry    uint64
	Sections []Section // index as in the file; number 0 is the null section
	Symbols  []Symbol  // after ReadSymbols; index as in the file
	Stripped bool      // after ReadSymbols: there is no symbol table

	r       io.ReaderAt
	size    int64
	bytes   []byte           // the whole file, when it is in memory already
	scratch []byte           // of Data
	loaded  int              // the section that scratch holds, 0 for none
	window  []byte           // of the last Window
	swept   []Range          // by the last call of sweep
	heads   [][4]byte        // how the names of Symbols begin
	tlsBase uint64           // what values of TLS symbols count from: the address of the first TLS section
	relocs  map[uint32][]int // after the first use: relocation sections by the section they apply to
}

// Section is one section header.
type Section struct {
	Name      string
	Type      uint32
	Flags     uint64
	Addr      uint64
	Offset    uint64
	Size      uint64 // in memory
	Link      uint32
	Info      uint32
	Align     uint64
	EntrySize uint64
}

// Section types and flags of the gABI that matter here.
const (
	TypeNull        = 0
	TypeSymtab      = 2
	TypeStrtab      = 3
	TypeRela        = 4
	TypeNote        = 7
	TypeNobits      = 8
	TypeRel         = 9
	TypeShndx       = 18
	flagWrite       = 0x1
	flagAlloc       = 0x2
	flagExec        = 0x4
	flagTLS         = 0x400
	flagCompressed  = 0x800
	FileRelocatable = 1 // ET_REL
	FileExecutable  = 2 // ET_EXEC
	FileShared      = 3 // ET_DYN
)

// Alloc reports whether the section occupies memory at run time.
func (s *Section) Alloc() bool { return s.Flags&flagAlloc != 0 }

// Exec reports whether the section holds code.
func (s *Section) Exec() bool { return s.Flags&flagExec != 0 }

// Write reports whether the section is writable, as far as its flags tell.
func (s *Section) Write() bool { return s.Flags&flagWrite != 0 }

// Compressed reports whether the bytes begin with a header that says how they are compressed. Size is that of what is in the file.
func (s *Section) Compressed() bool { return s.Flags&flagCompressed != 0 }

// ThreadLocal reports whether the section is a template for each thread's own. One without bytes in the file has no memory by
// itself: its addresses are those of the sections behind it.
func (s *Section) ThreadLocal() bool { return s.Flags&flagTLS != 0 }

// Nobits reports whether the section has no bytes in the file.
func (s *Section) Nobits() bool { return s.Type == TypeNobits }

// IsELF reports whether the bytes begin an ELF file.
func IsELF(head []byte) bool { return len(head) >= 4 && string(head[:4]) == "\x7fELF" }

// Open reads the file header and the section headers. data may be nil; otherwise it is the whole file in memory, r and size
// are not used, and sections are not copied. The error is an *Error, or the reader's own, and the image is then nil.
func Open(r io.ReaderAt, size int64, data []byte) (*Image, error) {
	if data != nil {
		size = int64(len(data))
	}
	im := &Image{r: r, size: size, bytes: data}
	h := make([]byte, 64)
	if size < 16 || im.read(h[:16], 0) != nil || !IsELF(h) {
		return nil, &Error{"not an ELF file", notForUs}
	}
	if err := im.ident(h); err != nil {
		return nil, err
	}
	n := 52
	if im.Class == 64 {
		n = 64
	}
	if err := im.read(h[:n], 0); err != nil {
		return nil, err
	}
	if err := im.readHeaders(h[:n]); err != nil {
		return nil, err
	}
	return im, nil
}

func (im *Image) ident(h []byte) error {
	switch h[4] {
	case 1:
		im.Class = 32
	case 2:
		im.Class = 64
	default:
		return damaged("class %d is neither 32 nor 64 bit", h[4])
	}
	switch h[5] {
	case 1:
	case 2:
		im.Big = true
	default:
		return damaged("byte order %d is unknown", h[5])
	}
	return nil
}

// read fills b from offset off, or reports a truncated file.
func (im *Image) read(b []byte, off uint64) error {
	if off > uint64(im.size) || uint64(len(b)) > uint64(im.size)-off {
		return damaged("it ends at byte %d, before its contents do", im.size)
	}
	if im.bytes != nil {
		copy(b, im.bytes[off:])
		return nil
	}
	n, err := im.r.ReadAt(b, int64(off))
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		return damaged("it ends at byte %d, though it began with %d", off+uint64(n), im.size)
	}
	return err
}

func (im *Image) u16(b []byte) uint16 {
	if im.Big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (im *Image) u32(b []byte) uint32 {
	if im.Big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (im *Image) u64(b []byte) uint64 {
	if im.Big {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

func (im *Image) readHeaders(h []byte) error {
	im.Type = im.u16(h[16:])
	im.Machine = Machine(im.u16(h[18:]))
	var shoff uint64
	var shentsize, shnum, shstrndx int
	if im.Class == 64 {
		im.Entry, shoff = im.u64(h[24:]), im.u64(h[40:])
		shentsize, shnum, shstrndx = int(im.u16(h[58:])), int(im.u16(h[60:])), int(im.u16(h[62:]))
	} else {
		im.Entry, shoff = uint64(im.u32(h[24:])), uint64(im.u32(h[32:]))
		shentsize, shnum, shstrndx = int(im.u16(h[46:])), int(im.u16(h[48:])), int(im.u16(h[50:]))
	}
	if im.Type != FileRelocatable && im.Type != FileExecutable && im.Type != FileShared {
		return &Error{fmt.Sprintf("ELF file of type %d holds no program", im.Type), notForUs}
	}
	if shoff == 0 {
		return noSections
	}
	want := 40
	if im.Class == 64 {
		want = 64
	}
	if shentsize != want {
		return damaged("a section header has %d bytes, not %d", shentsize, want)
	}
	return im.readSections(shoff, shnum, shstrndx)
}

func (im *Image) readSections(shoff uint64, shnum, shstrndx int) error {
	esz := 40
	if im.Class == 64 {
		esz = 64
	}
	first := make([]byte, esz)
	if err := im.read(first, shoff); err != nil {
		return err
	}
	zero := im.section(first)
	// gABI: with 0xff00 sections or more the header holds 0 and SHN_XINDEX, and section 0 the real numbers.
	if shnum == 0 {
		if zero.Size > maxSections {
			return refused("%d sections", zero.Size)
		}
		shnum = int(zero.Size)
	}
	if shstrndx == 0xffff {
		shstrndx = int(zero.Link)
	}
	if shnum == 0 {
		return noSections
	}
	if need := uint64(shnum) * uint64(esz); shoff > uint64(im.size) || need > uint64(im.size)-shoff {
		return damaged("its section headers end after byte %d, the end of the file", im.size)
	}
	raw := make([]byte, shnum*esz)
	if err := im.read(raw, shoff); err != nil {
		return err
	}
	im.Sections = make([]Section, shnum)
	names := make([]uint32, shnum)
	for i := range im.Sections {
		b := raw[i*esz:]
		names[i] = im.u32(b)
		im.Sections[i] = im.section(b)
	}
	if err := im.checkSections(); err != nil {
		return err
	}
	return im.nameSections(names, shstrndx)
}

// section decodes one header, all but its name.
func (im *Image) section(b []byte) Section {
	if im.Class == 64 {
		return Section{
			Type: im.u32(b[4:]), Flags: im.u64(b[8:]), Addr: im.u64(b[16:]), Offset: im.u64(b[24:]), Size: im.u64(b[32:]),
			Link: im.u32(b[40:]), Info: im.u32(b[44:]), Align: im.u64(b[48:]), EntrySize: im.u64(b[56:]),
		}
	}
	w := func(i int) uint64 { return uint64(im.u32(b[i:])) }
	return Section{
		Type: im.u32(b[4:]), Flags: w(8), Addr: w(12), Offset: w(16), Size: w(20),
		Link: im.u32(b[24:]), Info: im.u32(b[28:]), Align: w(32), EntrySize: w(36),
	}
}

// checkSections refuses sections that lie outside the file, and sums that no file of this size can mean.
func (im *Image) checkSections() error {
	var allocated, all uint64
	im.Sections[0] = Section{} // it holds numbers that did not fit into the file header, and no section
	tls := false
	for i := 1; i < len(im.Sections); i++ {
		s := &im.Sections[i]
		if s.Type == TypeNull {
			*s = Section{}
			continue
		}
		if s.Size > maxSpan {
			return refused("section %d claims %d bytes", i, s.Size)
		}
		if s.Alloc() && s.Flags&flagTLS != 0 && !tls {
			im.tlsBase, tls = s.Addr, true
		}
		if s.Nobits() {
			continue
		}
		if s.Offset > uint64(im.size) || s.Size > uint64(im.size)-s.Offset {
			return damaged("section %d ends after byte %d, the end of the file", i, im.size)
		}
		if s.Alloc() {
			allocated += s.Size
		}
		all += s.Size
	}
	if allocated > maxAllocated || all > maxOverlap*uint64(im.size) {
		return refused("its sections claim %d bytes of a file of %d", all, im.size)
	}
	return nil
}

func (im *Image) nameSections(names []uint32, shstrndx int) error {
	if shstrndx <= 0 || shstrndx >= len(im.Sections) {
		return damaged("its section names are in section %d, which does not exist", shstrndx)
	}
	tab, err := im.stringTable(shstrndx, maxShstrtab)
	if err != nil {
		return err
	}
	total := 0
	for i := range im.Sections {
		s := &im.Sections[i]
		s.Name = cstring(tab, uint64(names[i]))
		if total += len(s.Name); total > maxShstrtab {
			return refused("more than %d bytes of section names", maxShstrtab)
		}
	}
	return nil
}

// stringTable reads a whole string table as one string, so that names can be cut from it without copies.
func (im *Image) stringTable(i int, limit uint64) (string, error) {
	s := &im.Sections[i]
	if s.Type != TypeStrtab || s.Nobits() {
		return "", damaged("section %d is no string table", i)
	}
	if s.Size > limit {
		return "", refused("a string table of %d bytes", s.Size)
	}
	var b strings.Builder
	b.Grow(int(s.Size))
	var buf []byte
	for off, end := s.Offset, s.Offset+s.Size; off < end; off += uint64(len(buf)) {
		var err error
		if buf, err = im.view(buf, off, min(end-off, windowSize)); err != nil {
			return "", err
		}
		b.Write(buf)
	}
	return b.String(), nil
}

// ReadAt reads the file.
func (im *Image) ReadAt(b []byte, off int64) (int, error) {
	if im.bytes != nil {
		if off < 0 || off >= int64(len(im.bytes)) {
			return 0, io.EOF
		}
		n := copy(b, im.bytes[off:])
		if n < len(b) {
			return n, io.EOF
		}
		return n, nil
	}
	return im.r.ReadAt(b, off)
}

// cstring returns the NUL-terminated string at off, cut at maxNameLen; "" when off is outside.
func cstring(tab string, off uint64) string {
	if off >= uint64(len(tab)) {
		return ""
	}
	s := tab[off:]
	if len(s) > maxNameLen {
		s = s[:maxNameLen]
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	return s
}

// Data returns the bytes of a section, nil for one without bytes in the file. The slice is valid until the next call of
// Data. Code, of which there can be much, is better read through a Window.
func (im *Image) Data(i int) ([]byte, error) {
	s := &im.Sections[i]
	if s.Nobits() || s.Size == 0 {
		return nil, nil
	}
	if im.bytes != nil {
		return im.bytes[s.Offset : s.Offset+s.Size : s.Offset+s.Size], nil
	}
	if im.loaded == i {
		return im.scratch, nil
	}
	if uint64(cap(im.scratch)) < s.Size {
		im.scratch = make([]byte, s.Size)
	}
	im.scratch, im.loaded = im.scratch[:s.Size], 0
	if err := im.read(im.scratch, s.Offset); err != nil {
		return nil, err
	}
	im.loaded = i
	return im.scratch, nil
}

// Window reads a section piece by piece, in rising order, without holding all of it.
type Window struct {
	im         *Image
	section    *Section
	buf        []byte
	start, end uint64 // what buf holds, as offsets in the section
}

const windowSize = 256 << 10

// Window returns a window on a section that has bytes in the file. An image has one window at a time.
func (im *Image) Window(i int) *Window {
	return &Window{im: im, section: &im.Sections[i], buf: im.window[:0]}
}

// Bytes returns the bytes from start to end, offsets in the section. The slice is valid until the next call.
func (w *Window) Bytes(start, end uint64) ([]byte, error) {
	if start > end || end > w.section.Size || w.section.Nobits() {
		return nil, damaged("a range ends after byte %d of its section", w.section.Size)
	}
	if w.im.bytes != nil {
		return w.im.bytes[w.section.Offset+start : w.section.Offset+end], nil
	}
	if start < w.start || end > w.end {
		n := min(max(end-start, windowSize), w.section.Size-start)
		if uint64(cap(w.buf)) < n {
			w.buf = make([]byte, n)
		}
		w.buf = w.buf[:n]
		w.im.window = w.buf
		w.start, w.end = start, start
		if err := w.im.read(w.buf, w.section.Offset+start); err != nil {
			return nil, err
		}
		w.end = start + n
	}
	return w.buf[start-w.start : end-w.start], nil
}

// Piece returns the bytes from start to end, offsets in a section. They are the file's own when it is in memory, else a copy
// that is the caller's, so they stay valid. It is for sections that are read here and there, such as debug information.
func (im *Image) Piece(i int, start, end uint64) ([]byte, error) {
	s := &im.Sections[i]
	if start > end || end > s.Size || s.Nobits() {
		return nil, damaged("a range ends after byte %d of its section", s.Size)
	}
	return im.view(nil, s.Offset+start, end-start)
}

// Find returns the index of the first section with that name, or 0.
func (im *Image) Find(name string) int {
	for i := 1; i < len(im.Sections); i++ {
		if im.Sections[i].Name == name {
			return i
		}
	}
	return 0
}
