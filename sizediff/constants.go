package sizediff

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff/coderef"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// constants attributes what Rust leaves without a symbol: string literals, vtables, panic locations. They belong to the
// first Rust function, in order of address, that refers to them, directly or through another such constant. Where the file
// has relocations this is exact. Elsewhere the code of Rust functions is decoded, and a constant is taken to end where
// anything else in the image seems to refer to; what stays in doubt stays unattributed.
func (w *measuring) constants() error {
	r := &references{measuring: w, targets: map[int][]target{}}
	r.findSources()
	if len(r.sources) == 0 {
		return nil
	}
	if err := r.collect(); err != nil {
		return err
	}
	return r.claim()
}

// target is a place that something refers to.
type target struct {
	at    uint64 // offset in its section
	from  place  // where the reference is
	owner int32  // packed crates of the referrer; 0 when it is not Rust
}

// place orders references: by section, then offset.
type place struct {
	section int
	at      uint64
}

func (p place) less(q place) bool {
	return p.section < q.section || p.section == q.section && p.at < q.at
}

// references is the search for owners of unnamed constants.
type references struct {
	*measuring
	sources map[int][]run    // by section: offsets that belong to Rust symbols, in order
	targets map[int][]target // by section
	links   map[place]place  // pointers in data to data: where they stand, where they point to
	exact   bool             // targets hold every reference in the image
}

// findSources lists what Rust symbols own, code and data.
func (r *references) findSources() {
	r.sources = map[int][]run{}
	for i := range r.owners.Tilings {
		t := &r.owners.Tilings[i]
		for j, g := range t.Ranges {
			if g.Owner < 0 || g.Class >= elfmap.ClassFree {
				continue
			}
			s := &r.out.Symbols[r.index[g.Owner]]
			if s.Crate != 0 {
				r.sources[t.Section] = append(r.sources[t.Section], run{g.Start, t.End(j), packCrates(s.Crate, s.Inst)})
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

func (r *references) collect() error {
	r.links = map[place]place{}
	r.exact = r.elf.Type == elfmap.FileRelocatable
	for i := range r.elf.Sections {
		r.exact = r.exact || r.elf.Sections[i].Exec() && r.elf.HasRelocs(i)
	}
	if r.exact {
		return r.fromRelocations()
	}
	if !coderef.Supported(r.elf.Machine) {
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
			at := uint64(int64(r.elf.Offset(s)) + x.Addend + pcBias(r.elf.Machine, x.Type))
			r.add(place{section, x.Offset}, place{int(s.Section), at})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pcBias is what an addend lacks because the processor counts from the end of the field: S + A - P with A = target - 4 for
// x86-64 (psABI, table 4.10), - 2 for s390x.
func pcBias(m elfmap.Machine, kind uint32) int64 {
	switch {
	case m == elfmap.MachineX8664 && (kind == 2 || kind == 4 || kind == 9 || kind == 41 || kind == 42):
		return 4
	case m == elfmap.MachineS390 && (kind == 19 || kind == 20):
		return 2
	}
	return 0
}

// add records a reference.
func (r *references) add(from, to place) {
	if to.at >= r.elf.Sections[to.section].Size {
		return
	}
	owner := find(r.sources[from.section], from.at)
	r.targets[to.section] = append(r.targets[to.section], target{to.at, from, owner})
	if owner == 0 && !r.elf.Sections[from.section].Exec() {
		r.links[from] = to
	}
}

// fromCode decodes Rust functions and reads pointers in data.
func (r *references) fromCode() error {
	for i := range r.owners.Tilings {
		section := r.owners.Tilings[i].Section
		s := &r.elf.Sections[section]
		if s.Nobits() || s.Size == 0 || isDerived(s.Name) || s.Exec() && len(r.sources[section]) == 0 {
			continue
		}
		data, err := r.elf.Data(section)
		if err != nil {
			return err
		}
		if s.Exec() {
			r.decode(section, data)
		} else {
			r.pointers(&r.owners.Tilings[i], data)
		}
	}
	return r.boundaries()
}

func (r *references) decode(section int, data []byte) {
	base := r.elf.Sections[section].Addr
	for _, f := range r.sources[section] {
		coderef.Scan(r.elf.Machine, data[f.start:f.end], base+f.start, func(x coderef.Ref) {
			if to, ok := r.locate(x.Target); ok {
				r.add(place{section, x.At - base}, to)
			}
		})
	}
}

// locate finds the constant section that holds an address.
func (r *references) locate(at uint64) (place, bool) {
	for i := range r.owners.Tilings {
		section := r.owners.Tilings[i].Section
		s := &r.elf.Sections[section]
		if at >= s.Addr && at-s.Addr < s.Size && r.constantSection(section) {
			return place{section, at - s.Addr}, true
		}
	}
	return place{}, false
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
		owner := int32(0)
		if g.Owner >= 0 {
			s := &r.out.Symbols[r.index[g.Owner]]
			owner = packCrates(s.Crate, s.Inst)
		}
		end := t.End(i)
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
			r.targets[to.section] = append(r.targets[to.section], target{to.at, from, owner})
			if g.Class == elfmap.Unattributed {
				r.links[from] = to
			}
		}
	}
}

// span is the lowest and highest address of any constant section.
func (r *references) span() (lo, hi uint64) {
	lo = ^uint64(0)
	for i := range r.owners.Tilings {
		if section := r.owners.Tilings[i].Section; r.constantSection(section) {
			s := &r.elf.Sections[section]
			lo, hi = min(lo, s.Addr), max(hi, s.Addr+s.Size)
		}
	}
	return lo, hi
}

// boundaries looks through all code for anything that could be an address of a section with constants of Rust, and so could
// begin another constant. A false boundary only makes us claim less.
func (r *references) boundaries() error {
	if r.elf.Machine != elfmap.MachineX8664 {
		return r.decodeBoundaries()
	}
	for i := range r.owners.Tilings {
		section := r.owners.Tilings[i].Section
		s := &r.elf.Sections[section]
		if !s.Exec() || s.Nobits() {
			continue
		}
		data, err := r.elf.Data(section)
		if err != nil {
			return err
		}
		for to, ts := range r.targets {
			if rust := slices.ContainsFunc(ts, func(t target) bool { return t.owner != 0 }); rust {
				r.scanX86(section, data, to)
			}
		}
	}
	return nil
}

// scanX86 looks at every position for the encodings that hold an address: a displacement after a ModRM byte that means
// RIP-relative or absolute, and an immediate of MOV or PUSH (Intel SDM, volume 2, 2.1.5 and 2.2.1.6).
func (r *references) scanX86(section int, data []byte, to int) {
	s := &r.elf.Sections[to]
	here := r.elf.Sections[section].Addr
	for i := 1; i+4 <= len(data); i++ {
		at := uint64(int64(int32(binary.LittleEndian.Uint32(data[i:])))) - s.Addr
		rel := at + here + uint64(i) + 4
		if at >= s.Size && rel >= s.Size {
			continue
		}
		before := beforeAddress[data[i-1]]
		if rel < s.Size && before == relative {
			r.targets[to] = append(r.targets[to], target{at: rel, from: place{section, uint64(i)}})
		}
		if at < s.Size && before != 0 {
			r.targets[to] = append(r.targets[to], target{at: at, from: place{section, uint64(i)}})
		}
	}
}

// What can stand before the four bytes of an address.
const (
	absolute = 1 + iota
	relative // relative to the next instruction, or absolute
)

var beforeAddress = func() (t [256]uint8) {
	for b := range t {
		switch {
		case b&0xc7 == 0x05: // ModRM: RIP-relative
			t[b] = relative
		case b >= 0xb8 && b <= 0xc7, b == 0x68, b&7 == 5, b&7 == 4: // MOV, PUSH; ModRM or SIB with displacement
			t[b] = absolute
		}
	}
	return t
}()

// decodeBoundaries decodes all code of machines whose instructions have a fixed length.
func (r *references) decodeBoundaries() error {
	for i := range r.owners.Tilings {
		section := r.owners.Tilings[i].Section
		s := &r.elf.Sections[section]
		if !s.Exec() || s.Nobits() {
			continue
		}
		data, err := r.elf.Data(section)
		if err != nil {
			return err
		}
		coderef.Scan(r.elf.Machine, data, s.Addr, func(x coderef.Ref) {
			if to, ok := r.locate(x.Target); ok {
				r.targets[to.section] = append(r.targets[to.section], target{at: to.at, from: place{section, x.At - s.Addr}})
			}
		})
	}
	return nil
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
		slices.SortFunc(ts, func(a, b target) int {
			switch {
			case a.at < b.at:
				return -1
			case a.at > b.at:
				return 1
			case a.from.less(b.from):
				return -1
			case b.from.less(a.from):
				return 1
			}
			return 0
		})
		objects[section] = cut(r.owners.Tiling(section), ts)
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

// cut makes objects of the unattributed ranges of a section, at targets that are sorted.
func cut(t *elfmap.Tiling, ts []target) []object {
	var out []object
	k := 0
	for i, g := range t.Ranges {
		if g.Class != elfmap.Unattributed {
			continue
		}
		end := t.End(i)
		for k < len(ts) && ts[k].at < g.Start {
			k++
		}
		n := len(out)
		for ; k < len(ts) && ts[k].at < end; k++ {
			if len(out) == n || out[len(out)-1].start != ts[k].at {
				if len(out) > n {
					out[len(out)-1].end = ts[k].at
				}
				out = append(out, object{section: t.Section, start: ts[k].at, end: end})
			}
			if o := &out[len(out)-1]; ts[k].owner != 0 && (o.owner == 0 || ts[k].from.less(o.first)) {
				o.owner, o.first = ts[k].owner, ts[k].from
			}
		}
	}
	return out
}

// follow passes ownership along pointers from owned objects to others: from a vtable or a location to its string.
func (r *references) follow(objects map[int][]object) {
	at := func(p place) *object {
		list := objects[p.section]
		i, _ := slices.BinarySearchFunc(list, p.at, func(o object, at uint64) int {
			if o.end <= at {
				return -1
			}
			if o.start > at {
				return 1
			}
			return 0
		})
		if i < len(list) && list[i].start <= p.at && p.at < list[i].end {
			return &list[i]
		}
		return nil
	}
	links := make([]place, 0, len(r.links))
	for from := range r.links {
		links = append(links, from)
	}
	slices.SortFunc(links, func(a, b place) int {
		if a.less(b) {
			return -1
		}
		return 1
	})
	for changed := true; changed; {
		changed = false
		for _, from := range links {
			src, dst := at(from), at(r.links[from])
			if src != nil && dst != nil && src.owner != 0 && dst.owner == 0 {
				dst.owner, dst.first = src.owner, src.first
				changed = true
			}
		}
	}
}
