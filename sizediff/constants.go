package sizediff

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"sort"

	"github.com/oxidometer/oxidometer/sizediff/coderef"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// constants attributes what Rust leaves without a symbol: string literals, vtables, panic locations. They belong to the
// first Rust function, in order of address, that refers to them, directly or through another such constant. Where the file
// has relocations this is exact. Elsewhere the code of Rust functions is decoded, and a constant is taken to end where
// anything else in the image seems to refer to; what stays in doubt stays unattributed.
func (w *measuring) constants() error {
	r := &references{measuring: w, targets: map[int][]target{}, bounds: map[int][]uint64{}}
	r.findSources()
	if len(r.sources) == 0 {
		return nil
	}
	if err := r.collect(); err != nil {
		return err
	}
	return r.claim()
}

// target is a place that Rust refers to.
type target struct {
	at    uint64 // offset in its section
	from  place  // where the reference is
	owner int32  // packed crates of the referrer
}

// place orders references: by section, then offset.
type place struct {
	section int
	at      uint64
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.section, q.section), cmp.Compare(p.at, q.at))
}

// link is a pointer: where it stands, and where it points to.
type link struct{ from, to place }

// references is the search for owners of unnamed constants.
type references struct {
	*measuring
	sources map[int][]run    // by section: offsets that belong to Rust symbols, in order
	targets map[int][]target // by section
	bounds  map[int][]uint64 // by section: offsets that anything else refers to, where another constant may begin
	links   []link           // pointers in data to data
	places  []constants      // constant sections, by address
	found   []coderef.Ref    // by candidatesX86 in one range
	fields  []uint64         // by fieldsX86 in one range
}

// constants is a section that can hold constants.
type constants struct {
	section    int
	start, end uint64   // addresses
	gaps       []uint64 // bits: blocks of gapBlock bytes in which some have no owner
}

const gapBlock = 64

func newConstants(s *elfmap.Section, t *elfmap.Tiling) constants {
	c := constants{t.Section, s.Addr, s.Addr + s.Size, make([]uint64, s.Size/gapBlock/64+1)}
	for i, g := range t.Ranges {
		if g.Class != elfmap.Unattributed {
			continue
		}
		for block := g.Start / gapBlock; block <= (t.End(i)-1)/gapBlock; block++ {
			c.gaps[block/64] |= 1 << (block % 64)
		}
	}
	return c
}

// nearGap reports whether an offset lies in a block with bytes that have no owner.
func (c *constants) nearGap(at uint64) bool {
	block := at / gapBlock
	return c.gaps[block/64]>>(block%64)&1 != 0
}

// findSources lists what Rust symbols own, code and data.
func (r *references) findSources() {
	r.sources = map[int][]run{}
	for i := range r.owners.Tilings {
		t := &r.owners.Tilings[i]
		for j, g := range t.Ranges {
			if owner := r.crateOf(g); owner != 0 {
				r.sources[t.Section] = append(r.sources[t.Section], run{g.Start, t.End(j), owner})
			}
		}
	}
}

// constantSection reports whether a section can hold unnamed constants.
func (r *references) constantSection(i int) bool {
	if i <= 0 || i >= len(r.elf.Sections) {
		return false
	}
	s := &r.elf.Sections[i]
	return s.Alloc() && !s.Exec() && !s.Nobits() && s.Size > 0 && !isDerived(s.Name) && r.owners.Tiling(i) != nil
}

// collect finds the references: all of them where the file has relocations.
func (r *references) collect() error {
	exact := r.elf.Type == elfmap.FileRelocatable
	for i := range r.elf.Sections {
		exact = exact || r.elf.Sections[i].Exec() && r.elf.HasRelocs(i)
	}
	if exact {
		return r.fromRelocations()
	}
	if !coderef.Supported(r.elf.Machine, r.elf.Class, r.elf.Big) {
		return nil
	}
	return r.fromCode()
}

// fromRelocations takes every relocation of every allocated section.
func (r *references) fromRelocations() error {
	for i := range r.owners.Tilings {
		section := r.owners.Tilings[i].Section
		if isDerived(r.elf.Sections[section].Name) {
			continue // tables refer to code; that makes nothing theirs
		}
		err := r.elf.Relocs(section, func(x elfmap.Reloc) {
			if int(x.Symbol) >= len(r.elf.Symbols) {
				return
			}
			s := &r.elf.Symbols[x.Symbol]
			if !s.Defined() || !r.constantSection(int(s.Section)) {
				return
			}
			at := r.elf.Offset(s) + uint64(x.Addend)
			if r.elf.Sections[section].Exec() {
				at += x.PCBias(r.elf.Machine)
			}
			r.add(place{section, x.Offset}, place{int(s.Section), at})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// add records a reference.
func (r *references) add(from, to place) {
	if to.at >= r.elf.Sections[to.section].Size {
		return
	}
	owner := find(r.sources[from.section], from.at)
	r.put(from, to, owner)
	if owner == 0 && !r.elf.Sections[from.section].Exec() {
		r.links = append(r.links, link{from, to})
	}
}

// put records where a constant begins, and who says so.
func (r *references) put(from, to place, owner int32) {
	if owner == 0 {
		r.bounds[to.section] = append(r.bounds[to.section], to.at)
	} else {
		r.targets[to.section] = append(r.targets[to.section], target{to.at, from, owner})
	}
}

// fromCode decodes Rust functions and reads pointers in data.
func (r *references) fromCode() error {
	r.places = r.constantSections()
	for i := range r.owners.Tilings {
		t := &r.owners.Tilings[i]
		s := &r.elf.Sections[t.Section]
		if s.Nobits() || s.Size == 0 || isDerived(s.Name) {
			continue
		}
		if s.Exec() {
			if err := r.scanCode(t); err != nil {
				return err
			}
			continue
		}
		data, err := r.elf.Data(t.Section)
		if err != nil {
			return err
		}
		r.pointers(t, data)
	}
	return nil
}

// scanCode finds references in the code of one section, range by range.
func (r *references) scanCode(t *elfmap.Tiling) error {
	window := r.elf.Window(t.Section)
	base := r.elf.Sections[t.Section].Addr
	for i, g := range t.Ranges {
		if g.Class == elfmap.Padding || g.Class == elfmap.Step || g.Class == elfmap.Prefix {
			continue
		}
		code, err := window.Bytes(g.Start, t.End(i))
		if err != nil {
			return err
		}
		if r.elf.Machine == elfmap.MachineX8664 {
			r.scanX86(t, code, base+g.Start, r.crateOf(g))
		} else {
			coderef.Scan(r.elf.Machine, code, base+g.Start, func(x coderef.Ref) { r.refer(t, x, r.crateOf(g)) })
		}
	}
	return nil
}

// refer records a reference from code. Only what Rust refers to gets an owner; the rest says where constants end.
func (r *references) refer(t *elfmap.Tiling, x coderef.Ref, owner int32) {
	if x.Kind == coderef.Number && r.elf.Type != elfmap.FileExecutable {
		return // it will lie elsewhere
	}
	if to, ok := r.locate(x.Target); ok {
		r.put(place{t.Section, x.At - r.elf.Sections[t.Section].Addr}, to, owner)
	}
}

// crateOf returns the packed crates of a range's owner, 0 when it is not Rust.
func (r *references) crateOf(g elfmap.Range) int32 {
	if g.Symbol() < 0 {
		return 0
	}
	s := &r.out.Symbols[r.index[g.Owner]]
	if s.Crate == 0 {
		return 0
	}
	return packCrates(s.Crate, s.Inst)
}

// scanX86 looks at every position of code for what could be an address of a constant, and so could begin one: a false
// boundary only makes us claim less. In a function of Rust the instructions with such an address are decoded, and what is truly
// there gets its crate.
func (r *references) scanX86(t *elfmap.Tiling, code []byte, base uint64, owner int32) {
	lo, hi := r.span()
	r.found = candidatesX86(r.found[:0], code, base, lo, hi)
	if owner != 0 && slices.ContainsFunc(r.found, r.inGap) {
		r.fields = r.fieldsX86(r.fields[:0], code, base)
		coderef.ScanX86At(code, base, r.fields, func(x coderef.Ref) { r.refer(t, x, owner) })
		return
	}
	for _, x := range r.found {
		r.refer(t, x, 0)
	}
}

// fieldsX86 appends to fields the places of all four bytes that, as an address or as a distance, lead to a constant that may
// have no owner: whatever stands before them.
func (r *references) fieldsX86(fields []uint64, code []byte, base uint64) []uint64 {
	lo, hi := r.span()
	for i := 1; i+4 <= len(code); i++ {
		at := base + uint64(i)
		v := binary.LittleEndian.Uint32(code[i:])
		absolute, relative := lo+uint64(v-uint32(lo)), lo+uint64(v+uint32(at)+4-uint32(lo))
		if absolute < hi && r.mayLead(absolute) || relative < hi && r.mayLead(relative) {
			fields = append(fields, at)
		}
	}
	return fields
}

func (r *references) mayLead(to uint64) bool {
	_, ok := r.locate(to)
	return ok
}

// inGap reports whether a reference may be to a constant without an owner.
func (r *references) inGap(x coderef.Ref) bool {
	p, ok := r.locate(x.Target)
	if !ok {
		return false
	}
	t := r.owners.Tiling(p.section)
	return t.Ranges[t.At(p.at)].Class == elfmap.Unattributed
}

// candidatesX86 appends to found what could be references to addresses from lo to hi in code at address base: a displacement
// after a ModRM byte that means RIP-relative, absolute or from a register, an immediate of MOV or PUSH (Intel SDM, volume 2,
// 2.1.5 and 2.2.1.6).
// Addresses are compared by their low 32 bits, which is all that code of the kernel's model holds.
func candidatesX86(found []coderef.Ref, code []byte, base, lo, hi uint64) []coderef.Ref {
	if hi-lo > 1<<31 {
		return found
	}
	low, size := uint32(lo), uint32(hi-lo)
	next := uint32(base) + 4 - low // the instruction after a displacement at position 0
	for i := 1; i+4 <= len(code); i++ {
		v := binary.LittleEndian.Uint32(code[i:])
		absolute, relative := v-low, v+next+uint32(i)
		if min(absolute, relative) >= size {
			continue
		}
		before := code[i-1]
		if relative < size && before&0xc7 == 0x05 {
			found = append(found, coderef.Ref{At: base + uint64(i), Target: lo + uint64(relative), Kind: coderef.Address})
		}
		if absolute < size && (before >= 0xb8 && before <= 0xc7 || before == 0x68 || before&7 == 5 || before&7 == 4 || before>>6 == 2) {
			found = append(found, coderef.Ref{At: base + uint64(i), Target: lo + uint64(absolute), Kind: coderef.Address})
		}
	}
	return found
}

// locate finds the constant section that holds an address; not for addresses of what is known to have an owner.
func (r *references) locate(at uint64) (place, bool) {
	i := sort.Search(len(r.places), func(i int) bool { return r.places[i].end > at })
	if i == len(r.places) || r.places[i].start > at {
		return place{}, false
	}
	c := &r.places[i]
	return place{c.section, at - c.start}, c.nearGap(at - c.start)
}

// constantSections lists the sections that can hold constants, by address. Of sections that overlap, which no linker
// makes, only the first is there.
func (r *references) constantSections() []constants {
	var all []constants
	for i := range r.owners.Tilings {
		if t := &r.owners.Tilings[i]; r.constantSection(t.Section) {
			all = append(all, newConstants(&r.elf.Sections[t.Section], t))
		}
	}
	slices.SortStableFunc(all, func(a, b constants) int { return cmp.Compare(a.start, b.start) })
	out := all[:0]
	for _, p := range all {
		if n := len(out); p.start < p.end && (n == 0 || p.start >= out[n-1].end) {
			out = append(out, p)
		}
	}
	return out
}

// span is the lowest and highest address of any constant section.
func (r *references) span() (lo, hi uint64) {
	if len(r.places) == 0 {
		return 0, 0
	}
	return r.places[0].start, r.places[len(r.places)-1].end
}

// pointers reads aligned words that are addresses of constants.
func (r *references) pointers(t *elfmap.Tiling, data []byte) {
	n := uint64(r.elf.PointerSize())
	lo, hi := r.span()
	base := r.elf.Sections[t.Section].Addr
	for i, g := range t.Ranges {
		if g.Class == elfmap.Padding || g.Class == elfmap.Step || g.Class == classTable {
			continue
		}
		owner, end := r.crateOf(g), t.End(i)
		for off := g.Start + -(base+g.Start)&(n-1); off+n <= end; off += n {
			at := r.elf.Pointer(data[off:])
			if at < lo || at >= hi {
				continue
			}
			to, ok := r.locate(at)
			if !ok {
				continue
			}
			from := place{t.Section, off}
			r.put(from, to, owner)
			if g.Class == elfmap.Unattributed {
				r.links = append(r.links, link{from, to})
			}
		}
	}
}

// object is one unnamed constant: from one target to the next, or to the end of its gap.
type object struct {
	section    int
	start, end uint64
	first      place // the first reference from Rust
	owner      int32
}

// claim cuts the gaps into objects and gives them to their first Rust referrer, following pointers between them.
func (r *references) claim() error {
	objects := map[int][]object{}
	for section, ts := range r.targets {
		slices.SortFunc(ts, func(a, b target) int { return cmp.Compare(a.at, b.at) })
		starts := slices.Grow(r.bounds[section], len(ts))
		for _, t := range ts {
			starts = append(starts, t.at)
		}
		slices.Sort(starts)
		objects[section] = cut(r.owners.Tiling(section), slices.Compact(starts), ts)
	}
	r.follow(objects)
	for section, list := range objects {
		var claims []elfmap.Claim
		data, err := r.elf.Data(section)
		if err != nil {
			return err
		}
		for _, o := range list {
			if o.owner != 0 {
				end := o.end - trailing(data, o, r.owners.Tiling(section))
				claims = append(claims, elfmap.Claim{Start: o.start, End: end, Owner: o.owner, Class: classConstant})
			}
		}
		r.owners.Tiling(section).Claim(claims)
	}
	return nil
}

// trailing is how many zero bytes at the end of an object only align what follows it.
func trailing(data []byte, o object, t *elfmap.Tiling) uint64 {
	align := min(o.end&-o.end, 8)
	n := uint64(len(data[o.start:o.end]) - len(bytes.TrimRight(data[o.start:o.end], "\x00")))
	if o.end == t.Size || align == 0 || n >= align {
		return 0
	}
	return n
}

// cut makes objects of the unattributed ranges of a section. Starts are where constants may begin, targets who says so;
// both are sorted.
func cut(t *elfmap.Tiling, starts []uint64, ts []target) []object {
	out := make([]object, 0, len(starts))
	for i, g := range t.Ranges {
		if g.Class != elfmap.Unattributed {
			continue
		}
		end := t.End(i)
		k, _ := slices.BinarySearch(starts, g.Start)
		starts = starts[k:]
		for len(starts) > 0 && starts[0] < end {
			o := object{section: t.Section, start: starts[0], end: end}
			if starts = starts[1:]; len(starts) > 0 {
				o.end = min(end, starts[0])
			}
			for len(ts) > 0 && ts[0].at < o.start {
				ts = ts[1:]
			}
			for ; len(ts) > 0 && ts[0].at == o.start; ts = ts[1:] {
				if o.owner == 0 || ts[0].from.compare(o.first) < 0 {
					o.owner, o.first = ts[0].owner, ts[0].from
				}
			}
			out = append(out, o)
		}
	}
	return out
}

// follow passes ownership along pointers from owned objects to others, nearest first: from a vtable or a location to its
// string.
func (r *references) follow(objects map[int][]object) {
	slices.SortFunc(r.links, func(a, b link) int { return cmp.Or(a.from.compare(b.from), a.to.compare(b.to)) })
	var queue []*object
	for _, section := range slices.Sorted(maps.Keys(objects)) {
		for i := range objects[section] {
			if o := &objects[section][i]; o.owner != 0 {
				queue = append(queue, o)
			}
		}
	}
	for len(queue) > 0 {
		src := queue[0]
		queue = queue[1:]
		first := sort.Search(len(r.links), func(i int) bool { return r.links[i].from.compare(place{src.section, src.start}) >= 0 })
		for _, l := range r.links[first:] {
			if l.from.compare(place{src.section, src.end}) >= 0 {
				break
			}
			if dst := objectAt(objects, l.to); dst != nil && dst.owner == 0 {
				dst.owner = src.owner
				queue = append(queue, dst)
			}
		}
	}
}

// objectAt returns the object that holds a place, or nil.
func objectAt(objects map[int][]object, p place) *object {
	list := objects[p.section]
	i := sort.Search(len(list), func(i int) bool { return list[i].end > p.at })
	if i < len(list) && list[i].start <= p.at {
		return &list[i]
	}
	return nil
}
