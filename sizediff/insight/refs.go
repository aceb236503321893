package insight

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sort"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/coderef"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// references finds all references of the image.
func (r *reading) references() error {
	source := r.g.Images[r.image].Source
	for i := range r.owners.Tilings {
		t := &r.owners.Tilings[i]
		s := &r.elf.Sections[t.Section]
		if r.measured.Sections[r.section[t.Section]].Derived || t.Size == 0 {
			continue // tables refer to code; that keeps nothing
		}
		var err error
		switch {
		case source == Relocations:
			err = r.relocated(t.Section)
		case s.Nobits():
		case !s.Exec():
			err = r.pointers(t)
		case source == Decoded:
			err = r.code(t)
		}
		if err != nil {
			return err
		}
	}
	if source == Relocations {
		return nil
	}
	return r.dynamic()
}

// relocated takes the relocations of one section.
func (r *reading) relocated(section int) error {
	var code []byte
	if r.elf.Sections[section].Exec() && r.elf.Machine == elfmap.MachineX8664 && !r.elf.Sections[section].Nobits() {
		data, err := r.elf.Data(section)
		if err != nil {
			return err
		}
		code = data
	}
	return r.elf.Relocs(section, func(x elfmap.Reloc) {
		if x.Symbol == 0 || int(x.Symbol) >= len(r.elf.Symbols) {
			return
		}
		from, s := at(section, x.Offset), &r.elf.Symbols[x.Symbol]
		switch {
		case s.Section == elfmap.SectionUndefined:
			r.found = append(r.found, reference{from, undefined | place(x.Symbol)})
		case !s.Defined():
		case s.Type != elfmap.SectionType:
			r.add(from, int(s.Section), r.elf.Offset(s))
		default:
			r.add(from, int(s.Section), r.elf.Offset(s)+uint64(x.Addend)+pcBias(r.elf.Machine, x, code))
		}
	})
}

// add records a reference to a place that some image section holds.
func (r *reading) add(from place, section int, offset uint64) {
	if s := &r.elf.Sections[section]; s.Alloc() && offset < s.Size {
		r.found = append(r.found, reference{from, at(section, offset)})
	}
}

// pcBias is what an addend lacks because the processor counts from the end of the instruction, not from the field: 4 for
// the field of x86-64 and what follows it, 2 for s390x (S + A - P of the psABI with A = target - that).
func pcBias(m elfmap.Machine, x elfmap.Reloc, code []byte) uint64 {
	switch {
	case m == elfmap.MachineX8664 && code != nil && (x.Type == 2 || x.Type == 4 || x.Type == 9 || x.Type == 41 || x.Type == 42):
		return 4 + immediate(code, x.Offset)
	case m == elfmap.MachineS390 && (x.Type == 19 || x.Type == 20):
		return 2
	}
	return 0
}

// immediate is the length of the immediate behind an address relative to RIP, by the opcode before it (Intel SDM, volume 2,
// appendix A).
func immediate(code []byte, field uint64) uint64 {
	if field < 3 || field > uint64(len(code)) || code[field-1]&0xc7 != 5 {
		return 0 // no ModRM byte that means RIP: a call, a jump
	}
	op, reg := code[field-2], code[field-1]>>3&7
	if code[field-3] == 0x0f { // an opcode of two bytes
		if op == 0xba || op == 0x70 || op == 0xc2 || op >= 0xc4 && op <= 0xc6 || op == 0xa4 || op == 0xac {
			return 1
		}
		return 0
	}
	switch {
	case op == 0x80, op == 0x83, op == 0x6b, op == 0xc0, op == 0xc1, op == 0xc6, op == 0xf6 && reg < 2:
		return 1
	case op == 0x81, op == 0x69, op == 0xc7, op == 0xf7 && reg < 2:
		if code[field-3] == 0x66 || field > 3 && code[field-4] == 0x66 && code[field-3]>>4 == 4 {
			return 2 // operands of 16 bits
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
		if s := &r.elf.Sections[k]; s.Size > 0 && s.Addr > 0 && s.Addr+s.Size > s.Addr && r.elf.Type != elfmap.FileRelocatable {
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

// span is the lowest and the highest address of the image.
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

// code decodes one section, range by range.
func (r *reading) code(t *elfmap.Tiling) error {
	window := r.elf.Window(t.Section)
	base := r.elf.Sections[t.Section].Addr
	lo, hi := r.bounds()
	quick := r.elf.Machine == elfmap.MachineX8664 && hi-lo < 1<<31
	var fields []uint64
	for i, g := range t.Ranges {
		if g.Class == elfmap.Padding || g.Class == elfmap.Step || g.Class == elfmap.Prefix {
			continue
		}
		code, err := window.Bytes(g.Start, t.End(i))
		if err != nil {
			return err
		}
		start, end := base+g.Start, base+t.End(i)
		record := func(x coderef.Ref) {
			if x.Target < start || x.Target >= end {
				r.refer(at(t.Section, x.At-base), x.Target)
			}
		}
		if !quick {
			coderef.Scan(r.elf.Machine, code, start, record)
			continue
		}
		fields = r.fields(fields[:0], code, start)
		if r.elf.Type == elfmap.FileShared {
			record = relativeOnly(code, start, fields, record)
		}
		coderef.ScanX86At(code, start, fields, record)
	}
	return nil
}

// fields appends to list the places of all four bytes of x86-64 code that lead into the image but not into the code itself, as a
// distance or, where the image has a fixed address, as an address.
func (r *reading) fields(list []uint64, code []byte, base uint64) []uint64 {
	lo, hi := r.bounds()
	low, size := uint32(lo), uint32(hi-lo)
	self, length := uint32(base)-low, uint32(len(code))
	fixed := r.elf.Type == elfmap.FileExecutable
	for i := 1; i+4 <= len(code); i++ {
		v := binary.LittleEndian.Uint32(code[i:]) - low
		relative := v + uint32(base) + uint32(i) + 4
		if relative < size && relative-self >= length || fixed && v < size && v-self >= length {
			list = append(list, base+uint64(i))
		}
	}
	return list
}

// relativeOnly lets only those references through that are distances: in an image that can lie anywhere, a number is no
// address.
func relativeOnly(code []byte, base uint64, fields []uint64, f func(coderef.Ref)) func(coderef.Ref) {
	return func(x coderef.Ref) {
		for len(fields) > 0 && fields[0] <= x.At {
			fields = fields[1:]
		}
		for _, at := range fields {
			if at >= x.At+15 { // no instruction is longer
				break
			}
			next := at + 4 + uint64(int64(int32(binary.LittleEndian.Uint32(code[at-base:]))))
			if x.Target-next <= 4 { // an immediate of up to 4 bytes may follow
				f(x)
				return
			}
		}
	}
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
	for i, g := range t.Ranges {
		if g.Class == elfmap.Padding || g.Class == elfmap.Step {
			continue
		}
		end := t.End(i)
		for off := g.Start + -(base+g.Start)&(n-1); off+n <= end; off += n {
			if word := r.elf.Pointer(data[off:]); word >= lo && word < hi {
				r.refer(at(t.Section, off), word)
			}
		}
	}
	return nil
}

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
			if n := r.owner(to); n >= 0 && r.g.Nodes[n].Kind == Symbol {
				r.g.Nodes[n].Root = ByEntry
			}
		}
	}
	return nil
}
