// Package debuginfo reads what the debug information of an image tells about its Rust code: what was inlined from other
// crates, and which line of source an instruction comes from.
//
// It takes the place of debug/dwarf, which says of itself that it is not hardened against hostile input, and which reads the
// abbreviations of every unit. Of a kernel nearly all units are C. Here the units are walked by their headers; of each the
// first entry is read for its language, and of those that are not Rust nothing else. What is read has limits on time and memory, however
// often a small file refers to the same large table. Sources: DWARF 2 to 5, the gABI for compressed sections, and the processor
// supplements for relocations.
//
// Read an image while it is open, as in sizediff.MeasureOptions.Examine; Info.Inlined and Lines.At are the answers.
//
// Everything here is of use only beside sizes that are known without it. So every error is a *NotKnown: a reason to say that
// something is not known, and none to refuse an image.
package debuginfo

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// Limits on what one image may take. They are far above any real kernel.
const (
	maxHeld  = 192 << 20 // bytes of debug sections that are read or inflated, those of Rust units only
	maxUnits = 1 << 16
	maxSpans = 1 << 21 // ranges of functions and of inlined code, and rows of lines
	maxDepth = 1 << 12 // of entries inside of entries
	maxWork  = 1 << 28 // values read and bytes compared, a few seconds' worth
)

// NotKnown says why debug information does not answer.
type NotKnown struct {
	Reason string // a clause: "it has no debug information"
}

func (e *NotKnown) Error() string { return e.Reason }

func notKnown(format string, a ...any) error { return &NotKnown{fmt.Sprintf(format, a...)} }

func damaged(format string, a ...any) error {
	return notKnown("its debug information is damaged: "+format, a...)
}

// Info is the debug information of the Rust code of one image. It reads from the image, which must stay open. Like that it
// is for one goroutine at a time.
type Info struct {
	im    *elfmap.Image
	units []unit // ordered by start

	code  []code   // sections with code, by address
	base  []uint64 // address of each section of code; of a relocatable file one that is made up
	debug map[string]*section
	homes map[uint64]string // namespaces of functions without a linkage name, by entry
	items map[uint64]item   // by entry
	held  uint64
	spans int
	work  int
}

// code is a section with code.
type code struct{ start, end uint64 }

// Read finds the Rust units of an image. It needs ReadSymbols. An image that has no Rust code, by its debug information and
// its symbols, is no error: of it everything is known.
func Read(im *elfmap.Image) (*Info, error) {
	in := &Info{im: im, debug: map[string]*section{}, homes: map[uint64]string{}, items: map[uint64]item{}, work: maxWork}
	in.layOut()
	if im.Find(".debug_info") == 0 || im.Find(".debug_abbrev") == 0 {
		if im.Stripped || in.hasRustSymbols() {
			return nil, notKnown("it has no debug information")
		}
		return in, nil
	}
	if err := in.readUnits(); err != nil {
		return nil, err
	}
	if len(in.rust()) == 0 && in.hasRustSymbols() {
		return nil, notKnown("it has no debug information of its Rust code")
	}
	return in, nil
}

// firstAddress is where the code of a relocatable file begins: away from 0, which stands for code that was dropped.
const firstAddress = 1 << 20

// layOut gives sections of code their addresses. In a relocatable file all are at 0, so each gets its own.
func (in *Info) layOut() {
	in.base = make([]uint64, len(in.im.Sections))
	next := uint64(firstAddress)
	for i := range in.im.Sections {
		s := &in.im.Sections[i]
		if !s.Alloc() || !s.Exec() || s.Size == 0 {
			continue
		}
		start := s.Addr
		if in.im.Type == elfmap.FileRelocatable {
			start, next = next, (next+s.Size+16)&^15
		}
		if start+s.Size < start {
			continue
		}
		in.base[i] = start
		in.code = append(in.code, code{start, start + s.Size})
	}
	slices.SortStableFunc(in.code, func(a, b code) int { return cmp.Compare(a.start, b.start) })
}

// inCode cuts a range of addresses at the end of the section it begins in. Of code that the linker dropped nothing is left.
func (in *Info) inCode(start, end uint64) (uint64, bool) {
	i, found := slices.BinarySearchFunc(in.code, start, func(c code, a uint64) int { return cmp.Compare(c.start, a) })
	if !found {
		i--
	}
	if i < 0 || start >= in.code[i].end || start >= end {
		return 0, false
	}
	return min(end, in.code[i].end), true
}

// hasRustSymbols reports whether any symbol has a Rust name.
func (in *Info) hasRustSymbols() bool {
	for i := range in.im.Symbols {
		if h := in.im.Head(int32(i)); h[0] == '_' && h[1] == 'R' || h == [4]byte{'_', 'Z', 'N'} {
			if _, rust := crateOf(in.im.Symbols[i].Name); rust {
				return true
			}
		}
	}
	return false
}

// spend takes from what reading may cost.
func (in *Info) spend(n int) error {
	if in.work -= n; in.work < 0 {
		return notKnown("its debug information takes too long to read")
	}
	return nil
}
