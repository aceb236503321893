package sizediff

import (
	"cmp"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// tables attributes the entries of derived tables to the crates whose symbols they describe: exported names, unwind data,
// call sites, names in kallsyms. It only looks for Rust; the rest of a table stays the table's own.
func (w *measuring) tables() error {
	others := w.nameless()
	if err := w.kallsyms(others); err != nil {
		return err
	}
	code := w.rustCode()
	if len(code.runs) == 0 && len(w.crates.names) == 1 {
		return nil
	}
	orc := w.owners.Tiling(w.elf.Find(".orc_unwind"))
	for i := range w.owners.Tilings {
		t := &w.owners.Tilings[i]
		if t.Size == 0 || !isDerived(w.elf.Sections[t.Section].Name) {
			continue
		}
		t.Claim(w.exports(t, others))
		size, entries, err := w.addressTable(t, code)
		if err != nil {
			return err
		}
		t.Claim(claimEntries(entries, size))
		if w.elf.Sections[t.Section].Name == ".orc_unwind_ip" && orc != nil && size > 0 && orc.Size/orcEntry == t.Size/size {
			orc.Claim(claimEntries(entries, orcEntry))
		}
	}
	return nil
}

// exports claims the bytes between labels of exported Rust symbols.
func (w *measuring) exports(t *elfmap.Tiling, others *nameless) []elfmap.Claim {
	labels := w.marks.exports[int32(t.Section)]
	slices.Sort(labels)
	var claims []elfmap.Claim
	var names []string
	for i := 0; i < len(labels); {
		start, end := labels[i].at(), t.Size
		names = names[:0]
		for ; i < len(labels) && labels[i].at() == start; i++ {
			if letter := labels[i].letter(); letter == '_' || others.first[letter] {
				name, _ := exported(w.elf.Symbols[labels[i].symbol()].Name)
				names = append(names, name)
			}
		}
		if i < len(labels) {
			end = labels[i].at()
		}
		slices.Sort(names)
		for _, name := range names {
			if owner := w.crateOfName(name, others); owner != 0 {
				claims = append(claims, elfmap.Claim{Start: start, End: end, Owner: owner, Class: classTable})
				break
			}
		}
	}
	return claims
}

// nameless is the packed crates of the names of Rust symbols that do not tell.
type nameless struct {
	crates map[string]int32
	first  [256]bool // letters that some of the names begin with
}

func (n *nameless) put(name string, crates int32) {
	if name != "" {
		n.crates[name] = crates
		n.first[name[0]] = true
	}
}

// crate returns 0 for a name that is not there.
func (n *nameless) crate(name string) int32 {
	if name == "" || !n.first[name[0]] {
		return 0
	}
	return n.crates[name]
}

// nameless collects the names of Rust symbols that do not tell, and remembers those that do.
func (w *measuring) nameless() *nameless {
	m := &nameless{crates: map[string]int32{}}
	for i := range w.out.Symbols {
		switch s := &w.out.Symbols[i]; s.How {
		case ByNothing:
		case ByName:
			w.rustNames[s.Name] = packCrates(s.Crate, s.Inst)
		default:
			m.put(s.Name, packCrates(s.Crate, s.Inst))
		}
	}
	for _, a := range w.owners.Aliases {
		if k := w.index[a.Leader]; k >= 0 && w.out.Symbols[k].How != ByNothing && w.out.Symbols[k].How != ByName {
			m.put(w.elf.Symbols[a.Name].Name, packCrates(w.out.Symbols[k].Crate, w.out.Symbols[k].Inst))
		}
	}
	return m
}

// crateOfName returns the packed crates of a name, 0 when it is not Rust. Most names are those of symbols in the image; the
// others are not remembered, for compressed names could unpack to more than memory holds.
func (w *measuring) crateOfName(name string, others *nameless) int32 {
	if !rustname.Looks(name) {
		return others.crate(name)
	}
	if owner, ok := w.rustNames[name]; ok {
		return owner
	}
	if crate, inst, ok := w.crates.ofName(name); ok && crate != 0 {
		return packCrates(crate, inst)
	}
	return 0
}

// run is a range of addresses, or of offsets in one section, that belongs to one crate.
type run struct {
	start, end uint64
	owner      int32
}

// codeMap finds the crate of an address in Rust code. In a relocatable file addresses of different sections overlap, so
// there each section has its own.
type codeMap struct {
	runs     []run         // by start
	sections map[int][]run // relocatable files only
	all      []run         // all code, Rust or not, by start and without overlap
}

// rustCode lists the code of Rust symbols, prefixes included.
func (w *measuring) rustCode() codeMap {
	m := codeMap{sections: map[int][]run{}}
	for i := range w.owners.Tilings {
		t := &w.owners.Tilings[i]
		sec := &w.elf.Sections[t.Section]
		if !sec.Exec() {
			continue
		}
		m.all = append(m.all, run{sec.Addr, sec.Addr + sec.Size, 1})
		n := len(m.runs)
		for j, r := range t.Ranges {
			if r.Symbol() < 0 {
				continue
			}
			if s := &w.out.Symbols[w.index[r.Owner]]; s.Crate != 0 {
				m.runs = append(m.runs, run{sec.Addr + r.Start, sec.Addr + t.End(j), packCrates(s.Crate, s.Inst)})
			}
		}
		if w.elf.Type == elfmap.FileRelocatable {
			m.sections[t.Section] = slices.Clone(m.runs[n:])
		}
	}
	byStart := func(a, b run) int { return cmp.Compare(a.start, b.start) }
	slices.SortStableFunc(m.runs, byStart)
	slices.SortStableFunc(m.all, byStart)
	m.all = merged(m.all)
	return m
}

// merged joins runs, sorted by start, that overlap or touch and have the same owner.
func merged(runs []run) []run {
	var out []run
	for _, r := range runs {
		if n := len(out); n > 0 && r.start <= out[n-1].end && r.owner == out[n-1].owner {
			out[n-1].end = max(out[n-1].end, r.end)
			continue
		}
		out = append(out, r)
	}
	return out
}

// find returns the owner of an address, 0 for none.
func find(runs []run, at uint64) int32 {
	f := finder{runs: runs}
	return f.find(at)
}

// finder finds owners in runs that are sorted by their ends. It is fast for addresses that come nearly in order.
type finder struct {
	runs     []run
	from, to uint64 // between which addresses owner is the answer
	owner    int32
}

func (f *finder) find(at uint64) int32 {
	if at-f.from < f.to-f.from {
		return f.owner
	}
	lo, hi := 0, len(f.runs)
	for lo < hi {
		if mid := (lo + hi) / 2; f.runs[mid].end <= at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	switch {
	case lo < len(f.runs) && f.runs[lo].start <= at:
		f.from, f.to, f.owner = f.runs[lo].start, f.runs[lo].end, f.runs[lo].owner
	default: // in a gap, before the first or behind the last
		f.from, f.to, f.owner = 0, ^uint64(0), 0
		if lo > 0 {
			f.from = f.runs[lo-1].end
		}
		if lo < len(f.runs) {
			f.to = f.runs[lo].start
		}
	}
	return f.owner
}

// addressTables are tables of fixed-size entries that begin with the place they describe: as a 32-bit distance from the
// entry itself, or as an address, which is the whole entry. Sizes to try; the smallest first, since entries of 8 bytes can
// pass for some of 16. .orc_unwind goes with .orc_unwind_ip.
var addressTables = map[string]struct {
	sizes    []uint64
	absolute bool
}{
	".orc_unwind_ip": {sizes: []uint64{4}}, ".call_sites": {sizes: []uint64{4}}, ".return_sites": {sizes: []uint64{4}},
	".retpoline_sites": {sizes: []uint64{4}}, ".ibt_endbr_seal": {sizes: []uint64{4}}, ".cfi_sites": {sizes: []uint64{4}},
	".smp_locks": {sizes: []uint64{4}}, "__ex_table": {sizes: []uint64{8, 12}}, "__bug_table": {sizes: []uint64{8, 12, 16}},
	".altinstructions": {sizes: []uint64{12, 13, 14}}, "__jump_table": {sizes: []uint64{12, 16}}, ".static_call_sites": {sizes: []uint64{8}},
	"__mcount_loc": {absolute: true}, "__patchable_function_entries": {absolute: true},
}

const orcEntry = 6 // struct orc_entry, arch/x86/include/asm/orc_types.h

// addressTable finds the entries of one table that describe Rust code, and their size; 0 when it cannot be read.
func (w *measuring) addressTable(t *elfmap.Tiling, code codeMap) (size uint64, entries []entry, err error) {
	kind, ok := addressTables[w.elf.Sections[t.Section].Name]
	if !ok || len(code.runs) == 0 {
		return 0, nil, nil
	}
	sizes := kind.sizes
	if kind.absolute {
		sizes = []uint64{uint64(w.elf.PointerSize())}
	} else if n := w.elf.Sections[t.Section].EntrySize; n > 1 {
		sizes = []uint64{n}
	}
	if w.elf.Type == elfmap.FileRelocatable {
		return w.relocatedEntries(t, sizes, code)
	}
	return w.linkedEntries(t, sizes, kind.absolute, code)
}

// entry is entry number n of a table, and its owner.
type entry struct {
	n     uint64
	owner int32
}

func claimEntries(entries []entry, size uint64) []elfmap.Claim {
	var out []elfmap.Claim
	for _, e := range entries {
		if k := len(out); k > 0 && out[k-1].End == e.n*size && out[k-1].Owner == e.owner {
			out[k-1].End += size
			continue
		}
		out = append(out, elfmap.Claim{Start: e.n * size, End: (e.n + 1) * size, Owner: e.owner, Class: classTable})
	}
	return out
}

// relocatedEntries reads a table of a relocatable file: each entry begins with a relocation that names the code. The size
// of entries is the first for which this is so.
func (w *measuring) relocatedEntries(t *elfmap.Tiling, sizes []uint64, code codeMap) (uint64, []entry, error) {
	owners := map[uint64]int32{} // by offset; 0 for code that is not Rust
	err := w.elf.Relocs(t.Section, func(r elfmap.Reloc) {
		if int(r.Symbol) >= len(w.elf.Symbols) {
			return
		}
		s := &w.elf.Symbols[r.Symbol]
		if !s.Defined() {
			owners[r.Offset] = 0
			return
		}
		owners[r.Offset] = find(code.sections[int(s.Section)], w.elf.Sections[s.Section].Addr+w.elf.Offset(s)+uint64(r.Addend))
	})
	if err != nil || len(owners) == 0 {
		return 0, nil, err
	}
	size, entries := firstFitting(t.Size, sizes, func(off uint64) (int32, bool) {
		owner, ok := owners[off]
		return owner, ok
	})
	return size, entries, nil
}

// linkedEntries reads the words of a table in a linked image. The size of entries is the first for which every entry points
// into code; when there is but one size, entries that point elsewhere are passed over.
func (w *measuring) linkedEntries(t *elfmap.Tiling, sizes []uint64, absolute bool, code codeMap) (uint64, []entry, error) {
	data, err := w.elf.Data(t.Section)
	if err != nil || data == nil {
		return 0, nil, err
	}
	field := uint64(4)
	if absolute {
		field = uint64(w.elf.PointerSize())
	}
	base := w.elf.Sections[t.Section].Addr
	rust, all := finder{runs: code.runs}, finder{runs: code.all}
	size, entries := firstFitting(t.Size, sizes, func(off uint64) (int32, bool) {
		if off+field > t.Size {
			return 0, false
		}
		at := base + off + uint64(int64(w.elf.Word(data[off:])))
		if absolute {
			at = w.elf.Pointer(data[off:])
		}
		owner := rust.find(at)
		return owner, owner != 0 || len(sizes) == 1 || all.find(at) != 0
	})
	return size, entries, nil
}

// firstFitting tries sizes of entries until owner accepts the offsets of all entries, and returns those with an owner.
func firstFitting(total uint64, sizes []uint64, owner func(off uint64) (int32, bool)) (uint64, []entry) {
next:
	for _, size := range sizes {
		if total%size != 0 || size < 4 {
			continue
		}
		var out []entry
		for off := uint64(0); off < total; off += size {
			o, ok := owner(off)
			if !ok {
				continue next
			}
			if o != 0 {
				out = append(out, entry{off / size, o})
			}
		}
		return size, out
	}
	return 0, nil
}
