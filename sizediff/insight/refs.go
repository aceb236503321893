package insight

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sort"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/coderef"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// references finds all references of the image.
func (r *reading) references() error {
	source := r.out.Source
	for i := range r.owners.Tilings {
		t := &r.owners.Tilings[i]
		s := &r.elf.Sections[t.Section]
		if r.measured.Sections[r.section[t.Section]].Derived || t.Size == 0 {
			continue // tables refer to code; that keeps nothing
		}
		var err error
		switch {
		case source == sizediff.RefRelocations:
			err = r.relocated(t)
		case s.Nobits():
		case !s.Exec():
			err = r.pointers(t)
		case source == sizediff.RefDecoded:
			err = r.code(t, nil)
		}
		if err != nil {
			return err
		}
	}
	if source == sizediff.RefRelocations {
		return nil
	}
	return r.dynamic()
}

// relocated takes the relocations of one section, and the references inside it that the assembler resolved already: those of
// code to local functions of the same section.
func (r *reading) relocated(t *elfmap.Tiling) error {
	s := &r.elf.Sections[t.Section]
	var code []byte
	if s.Exec() && !s.Nobits() && coderef.Supported(r.elf.Machine, r.elf.Class, r.elf.Big) {
		data, err := r.elf.Data(t.Section)
		if err != nil {
			return err
		}
		code = data
	}
	taken := []uint64{}
	err := r.elf.Relocs(t.Section, func(x elfmap.Reloc) {
		if code != nil {
			taken = append(taken, s.Addr+x.Offset)
		}
		r.relocation(at(t.Section, x.Offset), x, code)
	})
	if err != nil || code == nil {
		return err
	}
	slices.Sort(taken)
	return r.code(t, taken)
}

// relocation records what one relocation refers to.
func (r *reading) relocation(from place, x elfmap.Reloc, code []byte) {
	if x.Symbol == 0 || int(x.Symbol) >= len(r.elf.Symbols) {
		return
	}
	switch s := &r.elf.Symbols[x.Symbol]; {
	case s.Section == elfmap.SectionUndefined && s.Name == ".TOC.": // what r2 of ppc64 points to: nobody defines it
	case s.Section == elfmap.SectionUndefined:
		r.found = append(r.found, reference{from, undefined | place(x.Symbol)})
	case !s.Defined():
	case s.Type != elfmap.SectionType:
		r.add(from, int(s.Section), r.elf.Offset(s))
	default:
		r.add(from, int(s.Section), r.elf.Offset(s)+uint64(x.Addend)+addendBias(r.elf.Machine, x, code))
	}
}

// add records a reference to a place that some image section holds.
func (r *reading) add(from place, section int, offset uint64) {
	if s := &r.elf.Sections[section]; s.Alloc() && offset < s.Size {
		r.found = append(r.found, reference{from, at(section, offset)})
	}
}

// addendBias is Reloc.PCBias with what follows the field in an instruction of x86-64. Where the code is not known it is 0 there.
func addendBias(m elfmap.Machine, x elfmap.Reloc, code []byte) uint64 {
	bias := x.PCBias(m)
	if m != elfmap.MachineX8664 || bias == 0 {
		return bias
	}
	if code == nil {
		return 0
	}
	return bias + immediate(code, x.Offset)
}

// immediate is the length of the immediate behind an address relative to RIP, by the opcode before it (Intel SDM, volume 2,
// appendix A). Those of opcodes of two bytes are no others' with such an address, but for shifts.
func immediate(code []byte, field uint64) uint64 {
	if field < 2 || field > uint64(len(code)) || code[field-1]&0xc7 != 5 {
		return 0 // no ModRM byte that means RIP: a call, a jump
	}
	var before [2]byte // the opcode, the nearest first
	for i := uint64(0); i < 2 && field >= i+3; i++ {
		before[i] = code[field-3-i]
	}
	switch op, reg := code[field-2], code[field-1]>>3&7; op {
	case 0x6b, 0x80, 0x83, 0xc6, 0x70, 0xa4, 0xac, 0xba, 0xc2, 0xc4, 0xc5:
		return 1
	case 0xc0, 0xc1:
		if before[0] != 0x0f { // XADD
			return 1
		}
	case 0xf6:
		if reg < 2 {
			return 1
		}
	case 0x69, 0x81, 0xc7, 0xf7:
		switch {
		case op == 0xc7 && reg > 0, op == 0xf7 && reg > 1: // CMPXCHG8B, NOT and others
			return 0
		case before[0] == 0x66 || before[1] == 0x66 && before[0]>>4 == 4: // operands of 16 bits
			return 2
		}
		return 4
	}
	return 0
}

// area is a section at its address.
type area struct {
	start, end uint64
	section    int
}

// addressSpace lists the sections of a linked image by address. Where sections overlap, which no linker makes, only the first
// counts; what lies at 0, such as data per processor, is no place that a number can mean.
func (r *reading) addressSpace() []area {
	var all []area
	for i := range r.owners.Tilings {
		k := r.owners.Tilings[i].Section
		if s := &r.elf.Sections[k]; s.Size > 0 && s.Addr > 0 && !(s.ThreadLocal() && s.Nobits()) && s.Addr+s.Size > s.Addr && r.elf.Type != elfmap.FileRelocatable {
			all = append(all, area{s.Addr, s.Addr + s.Size, k})
		}
	}
	slices.SortStableFunc(all, func(a, b area) int { return cmp.Compare(a.start, b.start) })
	out := all[:0]
	for _, a := range all {
		if n := len(out); n == 0 || a.start >= out[n-1].end {
			out = append(out, a)
		}
	}
	return out
}

// locate finds the place that an address means.
func (r *reading) locate(address uint64) (place, bool) {
	i := sort.Search(len(r.areas), func(i int) bool { return r.areas[i].end > address })
	if i == len(r.areas) || r.areas[i].start > address {
		return 0, false
	}
	return at(r.areas[i].section, address-r.areas[i].start), true
}

// bounds are the lowest and the highest address of the image.
func (r *reading) bounds() (lo, hi uint64) {
	if len(r.areas) == 0 {
		return 0, 0
	}
	return r.areas[0].start, r.areas[len(r.areas)-1].end
}

// refer records a reference to an address, if that means a place.
func (r *reading) refer(from place, address uint64) {
	if to, ok := r.locate(address); ok {
		r.found = append(r.found, reference{from, to})
	}
}

// code decodes one section, range by range. taken is the addresses of what relocations fill, in order, nil for an image
// without relocations; with them only references that stay in the section are left to find.
func (r *reading) code(t *elfmap.Tiling, taken []uint64) error {
	window := r.elf.Window(t.Section)
	d := decoding{reading: r, section: t.Section, taken: taken, fixed: r.elf.Type == elfmap.FileExecutable && taken == nil}
	s := &r.elf.Sections[t.Section]
	if d.lo, d.hi = r.bounds(); taken != nil {
		d.lo, d.hi = s.Addr, s.Addr+s.Size
	}
	for i, g := range t.Ranges {
		if isPadding(g) || g.Class == elfmap.Prefix {
			continue
		}
		code, err := window.Bytes(g.Start, t.End(i))
		if err != nil {
			return err
		}
		d.code, d.start, d.end = code, s.Addr+g.Start, s.Addr+t.End(i)
		if d.pages = nil; taken == nil {
			d.pages = r.pagesFor(g, true)
		}
		if r.elf.Machine == elfmap.MachineX8664 && d.hi-d.lo < 1<<31 {
			d.x86()
		} else {
			coderef.Scan(r.elf.Machine, code, d.start, d.other)
		}
	}
	return nil
}

// decoding is the code of one range of a section.
type decoding struct {
	*reading
	section    int
	lo, hi     uint64 // where references can lead
	taken      []uint64
	fixed      bool // numbers can be addresses
	code       []byte
	start, end uint64
	fields     []uint64 // of x86: addresses of what leads out of the range
	pages      []uint64 // where references may lead, as in reading; nil: anywhere
}

// record takes a reference that leads out of the range.
func (d *decoding) record(x coderef.Ref) {
	if x.Target >= d.start && x.Target < d.end || x.Target < d.lo || x.Target >= d.hi || !inPages(d.pages, x.Target-d.lo) {
		return
	}
	base := d.elf.Sections[d.section].Addr
	from := at(d.section, x.At-base)
	if d.taken != nil {
		d.add(from, d.section, x.Target-base)
		return
	}
	d.refer(from, x.Target)
}

// other takes references of other machines than x86-64: with relocations, what the assembler resolved by itself.
func (d *decoding) other(x coderef.Ref) {
	if x.Kind == coderef.Number && !d.fixed || d.isTaken(x.At) || d.isTaken(x.High) {
		return
	}
	d.record(x)
}

// isTaken reports whether a relocation fills the instruction at an address.
func (d *decoding) isTaken(at uint64) bool {
	if d.elf.Machine == elfmap.MachineS390 {
		at += 2 // all that has a relocation begins with its opcode
	}
	_, ok := slices.BinarySearch(d.taken, at)
	return ok
}

// x86 decodes only instructions that can refer to something outside of the range.
func (d *decoding) x86() {
	d.findFields()
	fields := d.fields
	coderef.ScanX86At(d.code, d.start, fields, func(x coderef.Ref) {
		for len(fields) > 0 && fields[0] <= x.At {
			fields = fields[1:]
		}
		if d.fixed || d.leads(fields, x) {
			d.record(x)
		}
	})
}

// findFields lists the places of all four bytes of x86-64 code that lead out of the range but not out of bounds, as a
// distance or, where the image has a fixed address, as an address; and of single bytes that do so behind the opcode of a
// short jump (Intel SDM, volume 2: JMP, Jcc).
func (d *decoding) findFields() {
	low, size := uint32(d.lo), uint32(d.hi-d.lo)
	base, length := uint32(d.start), uint32(len(d.code))
	self := base - low
	taken := d.taken
	d.fields = d.fields[:0]
	for i := 1; i < len(d.code); i++ {
		found := false
		if i+4 <= len(d.code) {
			v := binary.LittleEndian.Uint32(d.code[i:]) - low
			to := v + base + uint32(i) + 4
			found = to < size && to-self >= length && inPages(d.pages, uint64(to)) ||
				d.fixed && v < size && v-self >= length && inPages(d.pages, uint64(v))
		}
		if op := d.code[i-1]; !found && (op == 0xeb || op&0xf0 == 0x70) {
			to := i + 1 + int(int8(d.code[i]))
			found = to < 0 || to >= len(d.code)
		}
		if !found {
			continue
		}
		at := d.start + uint64(i)
		for len(taken) > 0 && taken[0] < at {
			taken = taken[1:]
		}
		if len(taken) == 0 || taken[0] != at {
			d.fields = append(d.fields, at)
		}
	}
	d.taken = taken // ranges come in order
}

// leads reports whether it is one of the fields as a distance that makes the reference. fields are those from its instruction
// on.
func (d *decoding) leads(fields []uint64, x coderef.Ref) bool {
	for _, field := range fields {
		if field >= x.At+15 { // no instruction is longer
			break
		}
		b := d.code[field-d.start:]
		if x.Target == field+1+uint64(int64(int8(b[0]))) {
			return true
		}
		if len(b) >= 4 {
			end := field + 4 + uint64(int64(int32(binary.LittleEndian.Uint32(b))))
			if x.Target-end <= 4 { // an immediate of up to 4 bytes may follow
				return true
			}
		}
	}
	return false
}

// pointers takes the aligned words of a section that are addresses in the image.
func (r *reading) pointers(t *elfmap.Tiling) error {
	data, err := r.elf.Data(t.Section)
	if err != nil {
		return err
	}
	n := uint64(r.elf.PointerSize())
	lo, hi := r.bounds()
	base := r.elf.Sections[t.Section].Addr
	for i := 0; i < len(t.Ranges); i++ {
		g := t.Ranges[i]
		if isPadding(g) {
			continue
		}
		for g.Symbol() < 0 && i+1 < len(t.Ranges) && t.Ranges[i+1].Symbol() < 0 && !isPadding(t.Ranges[i+1]) {
			i++ // measuring may have cut a constant inside of a pointer, where only zeros follow
		}
		end, pages := t.End(i), r.pagesFor(g, false)
		for off := g.Start + -(base+g.Start)&(n-1); off+n <= end; off += n {
			if word := r.elf.Pointer(data[off:]); word >= lo && word < hi && inPages(pages, word-lo) {
				r.refer(at(t.Section, off), word)
			}
		}
	}
	return nil
}

func isPadding(g elfmap.Range) bool { return g.Class == elfmap.Padding || g.Class == elfmap.Step }

// relative are the relocations that only add where the image was loaded: R_X86_64_RELATIVE and its like.
var relative = map[elfmap.Machine]uint32{
	elfmap.MachineX8664: 8, elfmap.MachineARM64: 1027, elfmap.MachineRISCV: 3, elfmap.MachineLoongArch: 3, elfmap.MachineS390: 12,
	elfmap.MachinePPC64: 22,
}

// dynamic takes the pointers that the file leaves to who loads it: their words need not be there, but the addends are.
func (r *reading) dynamic() error {
	kind, known := relative[r.elf.Machine]
	if !known || r.elf.Class != 64 {
		return nil
	}
	for i := range r.elf.Sections {
		if s := &r.elf.Sections[i]; s.Type != elfmap.TypeRela || !s.Alloc() {
			continue
		}
		data, err := r.elf.Data(i)
		if err != nil {
			return err
		}
		for ; len(data) >= 24; data = data[24:] {
			if uint32(r.elf.Pointer(data[8:])) != kind {
				continue
			}
			if from, ok := r.locate(r.elf.Pointer(data)); ok {
				r.refer(from, r.elf.Pointer(data[16:]))
			}
		}
	}
	return nil
}

// initcalls makes roots of the functions that the kernel calls at boot. Their table is full of distances of 4 bytes
// (include/linux/init.h, CONFIG_HAVE_ARCH_PREL32_RELOCATIONS), which are no pointers.
func (r *reading) initcalls() error {
	if r.elf.Type == elfmap.FileRelocatable {
		return nil
	}
	for i := range r.elf.Symbols {
		s, head := &r.elf.Symbols[i], r.elf.Head(int32(i))
		if string(head[:]) != "__in" || !s.Defined() || !strings.HasPrefix(s.Name, "__initcall__") {
			continue
		}
		section, off := &r.elf.Sections[s.Section], r.elf.Offset(s)
		if section.Nobits() || !section.Alloc() || section.Size < 4 || off > section.Size-4 {
			continue
		}
		data, err := r.elf.Data(int(s.Section))
		if err != nil {
			return err
		}
		if to, ok := r.locate(s.Value + uint64(int64(r.elf.Word(data[off:])))); ok {
			if n := r.owner(to); n >= 0 && r.out.Nodes[n].Kind == sizediff.NodeSymbol {
				r.out.Nodes[n].Root = sizediff.RootEntry
			}
		}
	}
	return nil
}
