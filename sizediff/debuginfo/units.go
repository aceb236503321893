package debuginfo

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// DW_LANG of Rust: as DWARF 5 has it, and as rustc wrote it before there was one.
const (
	languageRust    = 0x1c
	languageRustOld = 0x9000
)

// unit is one unit of .debug_info. Only Rust units have data, and what is read from it.
type unit struct {
	start, end uint64 // in .debug_info, with its header
	head       []byte // how it begins, until its language is known
	language   uint64 // DW_LANG; 0: its first entry has none

	data    []byte // from start
	entries int    // where the first entry begins in data
	version int
	offsets int    // size of an offset: 8 in the 64-bit format
	address int    // size of an address
	table   uint64 // its abbreviations, in .debug_abbrev

	abbrevs    *abbrevs // these and what follows: after load
	crate      string   // whose code it is, "" if its name does not say
	directory  string   // in which the compiler ran
	low        uint64
	cover      []span
	lineAt     uint64
	hasLines   bool
	strOffsets uint64
	addresses  uint64
	rangeLists uint64
}

// rust lists the Rust units.
func (in *Info) rust() []*unit {
	var out []*unit
	for i := range in.units {
		if in.units[i].data != nil {
			out = append(out, &in.units[i])
		}
	}
	return out
}

// unitAt returns the unit that holds an offset of .debug_info, or nil.
func (in *Info) unitAt(off uint64) *unit {
	i, found := slices.BinarySearchFunc(in.units, off, func(u unit, off uint64) int { return cmp.Compare(u.start, off) })
	if !found {
		i--
	}
	if i < 0 || off == nowhere {
		return nil
	}
	return &in.units[i]
}

// headSize is how much of a unit is read to learn its language. That stands among the first attributes of the first entry.
const headSize = 256

// readUnits walks .debug_info from unit to unit.
func (in *Info) readUnits() error {
	s, err := in.section(".debug_info")
	if err != nil {
		return err
	}
	if written, err := in.byRustc(s); err != nil || !written {
		return err
	}
	from, err := in.open(s)
	if err != nil {
		return err
	}
	defer from.Close()
	for at := uint64(0); at < s.size; {
		head, err := from.piece(at, min(at+headSize, s.size))
		if err != nil {
			return err
		}
		c := cursor{b: head, big: in.im.Big}
		n, _ := c.length()
		if c.spent || n > s.size-at-uint64(c.off) {
			return damaged("a unit ends behind the last")
		}
		u := unit{start: at, end: at + uint64(c.off) + n}
		u.head = head[:min(uint64(len(head)), u.end-at)]
		if at = u.end; n == 0 { // it fills a gap
			continue
		}
		if len(in.units) == maxUnits {
			return notKnown("its debug information has more than %d units", maxUnits)
		}
		if !in.relocates(s) {
			if err := in.take(&u, from); err != nil {
				return err
			}
		}
		in.units = append(in.units, u)
	}
	if in.relocates(s) {
		err = in.takeRelocated(s)
	}
	if err != nil || len(in.rust()) == 0 {
		return err
	}
	for _, name := range []string{".debug_str", ".debug_line_str", ".debug_str_offsets", ".debug_addr", ".debug_ranges", ".debug_rnglists"} {
		if _, err := in.named(name); err != nil { // what units refer to; from here on it is there
			return err
		}
	}
	return nil
}

// byRustc reports whether there can be Rust units. Where skipping a unit means to inflate it, the names of the compilers tell
// sooner: every unit has one, among the strings.
func (in *Info) byRustc(s *section) (bool, error) {
	if s.packed == 0 {
		return true, nil
	}
	b, err := in.named(".debug_str")
	return bytes.Contains(b, []byte("rustc version")) || bytes.Contains(b, []byte("GNU Rust")), err
}

// take reads the header and the language of a unit, and when that is Rust, all of it.
func (in *Info) take(u *unit, from source) error {
	err := in.readHeader(u)
	if u.head = nil; err == nil && (u.language == languageRust || u.language == languageRustOld) {
		u.data, err = from.piece(u.start, u.end)
	}
	return err
}

// takeRelocated does so for the units of a relocatable file, first for all heads: which abbreviations are a unit's is left to
// the linker there.
func (in *Info) takeRelocated(s *section) error {
	patches := make([]patch, len(in.units))
	for i := range in.units {
		u := &in.units[i]
		u.head = slices.Clone(u.head)
		patches[i] = patch{u.start, u.head}
	}
	if err := in.relocate(s, patches); err != nil {
		return err
	}
	from, err := in.open(s)
	if err != nil {
		return err
	}
	defer from.Close()
	patches = patches[:0]
	for i := range in.units {
		u := &in.units[i]
		if err := in.take(u, from); err != nil {
			return err
		}
		if u.data != nil {
			u.data = slices.Clone(u.data)
			patches = append(patches, patch{u.start, u.data})
		}
	}
	if len(patches) == 0 {
		return nil
	}
	return in.relocate(s, patches)
}

// Types of units of DWARF 5, DW_UT, that have something behind the common header, and how much.
var unitHeads = map[uint8]uint64{1: 0, 2: 0, 3: 0, 4: 8, 5: 8, 6: 8}

func (in *Info) readHeader(u *unit) error {
	c := cursor{b: u.head, big: in.im.Big}
	_, u.offsets = c.length()
	u.version = int(c.number(2))
	switch {
	case u.version >= 2 && u.version <= 4:
		u.table = c.number(u.offsets)
		u.address = int(c.u8())
	case u.version == 5:
		kind := c.u8()
		u.address = int(c.u8())
		u.table = c.number(u.offsets)
		more, known := unitHeads[kind]
		if kind == 2 || kind == 6 { // type units: their signature, and where the type is
			more = 8 + uint64(u.offsets)
		}
		if !known {
			return nil // what it holds is somebody's own
		}
		c.skip(more)
	default:
		return notKnown("its debug information is DWARF %d, which is not known here", u.version)
	}
	if c.spent || u.address != 4 && u.address != 8 {
		return damaged("a unit has no header")
	}
	u.entries = c.off
	return in.readLanguage(u, &c)
}

// readLanguage reads of the first entry as much as it takes. A language that stands further behind is not found.
func (in *Info) readLanguage(u *unit, c *cursor) error {
	code := c.uleb()
	if code == 0 || c.spent {
		return nil
	}
	first, err := in.abbrevOf(u.table, code)
	if err != nil {
		return err
	}
	for _, a := range first.attrs {
		v := u.read(c, a)
		if c.spent {
			return nil
		}
		if a.name == attrLanguage {
			u.language = v.n
			return nil
		}
	}
	return nil
}

// load reads the abbreviations and the first entry of a Rust unit.
func (in *Info) load(u *unit) error {
	if u.abbrevs != nil {
		return nil
	}
	abbrevs, err := in.readAbbrevs(u)
	if err != nil {
		return err
	}
	c := u.cursor(in.im.Big, u.entries)
	root := abbrevs.of(c.uleb())
	if root == nil {
		return damaged("the first entry of a unit has no form")
	}
	e := u.entry(&c, root)
	if c.spent {
		return damaged("a unit ends inside of its first entry")
	}
	u.abbrevs = abbrevs
	u.strOffsets, u.addresses, u.rangeLists = e.strOffsets.n, e.addresses.n, e.rangeLists.n
	u.lineAt, u.hasLines = e.lines.n, e.lines.form != 0
	u.low, _ = in.addressOf(u, e.low)
	u.directory = string(in.stringOf(u, e.directory))
	u.crate = crateOfUnit(string(in.stringOf(u, e.name)))
	err = in.eachRange(u, &e, func(start, end uint64) { u.cover = append(u.cover, span{start: start, end: end}) })
	slices.SortFunc(u.cover, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	return err
}

func (u *unit) cursor(big bool, at int) cursor { return cursor{b: u.data, off: at, big: big} }

// crateOfUnit takes the crate from what rustc calls a unit: "rust/kernel/lib.rs/@/kernel.c1b7b7b6e83f9a2-cgu.0".
func crateOfUnit(name string) string {
	_, cgu, ok := strings.Cut(name, "/@/")
	crate, rest, dot := strings.Cut(cgu, ".")
	if !ok || !dot || !strings.Contains(rest, "-cgu.") {
		return ""
	}
	return crate
}
