package insight

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sort"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// Folding is what identical code folding would save in an image.
//
// Functions are identical when their instructions are, once addresses in them are replaced by what lies there; functions
// that differ only in which of several identical functions they refer to are identical too. The linker places functions of
// different output sections apart, so these are never folded. Tables about places inside of functions (warnings, patched
// jumps, exception handlers) are not compared, as no linker compares them.
type Folding struct {
	Groups []FoldGroup // largest saving first, then by place
	Saves  uint64      // bytes, of all groups: what the linker's --icf=all would save
	Safe   uint64      // bytes of these that are saved without folding a function whose address is taken: --icf=safe

	Judged    uint64 // bytes of the functions in scope that were compared
	NotJudged uint64 // bytes of those that were not: their code cannot be read, or runs on into what follows; of a stripped image, all code
}

// FoldGroup is a group of identical functions, of which one would stay.
type FoldGroup struct {
	Functions []Function // two or more, by place
	Saves     uint64     // bytes of all but the largest
	Safe      uint64     // bytes of those that fold into another whose address is not taken either
}

// Function is one copy of the code; other names of it are aliases, and cost nothing.
type Function struct {
	Symbol       int32  // index into the image's symbols
	Section      int    // it lies in
	Start        uint64 // offset in the section
	Bytes        uint64 // with what belongs to it before its start, without alignment
	AddressTaken bool   // code or data hold its address, so that it may be compared with another
}

// Fold finds identical functions in an image whose symbols have been read; owners is what Own returns. Where an object file
// has an address-significance table, it decides about AddressTaken as it does for a linker; elsewhere every address that is
// found in code or data counts, that of a method in a vtable too, and Safe is a lower bound. (A linker that has no such table
// folds nothing in safe mode; rustc writes one only with -Cllvm-args=-addrsig.)
//
// Code of x86-64 and arm64 is compared in linked images and in relocatable files; that of other machines only where a
// function has a section of a relocatable file for itself. All else is counted as NotJudged. In linked arm64 code an address
// that takes two instructions (ADRP and another) is compared as it is: what refers in this way to different identical functions
// is told apart, and so is, everywhere, what refers to equal jump tables and unnamed constants of its own.
//
// The error is that of reading the image.
func Fold(im *elfmap.Image, owners *elfmap.Map, scope Scope) (*Folding, error) {
	c, err := newComparison(im, owners, scope)
	if err != nil {
		return nil, err
	}
	return c.fold()
}

// fold groups the functions by class.
func (c *comparison) fold() (*Folding, error) {
	if err := c.findTaken(); err != nil {
		return nil, err
	}
	out := &Folding{Judged: c.judged, NotJudged: c.notJudged}
	safe := foldable(c.bodies, func(i int) bool { return !c.functions[i].taken })
	group := map[int32]int{} // by class
	for k, members := range groups(c.class) {
		group[c.class[members[0]]] = k
		g := FoldGroup{Saves: c.saved(members)}
		for _, i := range members {
			f := &c.functions[i]
			g.Functions = append(g.Functions, Function{f.symbol, f.section, f.start, f.bytes(), f.taken})
		}
		out.Groups = append(out.Groups, g)
		out.Saves += g.Saves
	}
	for _, members := range groups(safe) {
		saves := c.saved(members)
		out.Groups[group[c.class[members[0]]]].Safe += saves
		out.Safe += saves
	}
	slices.SortStableFunc(out.Groups, func(a, b FoldGroup) int { return cmp.Compare(b.Saves, a.Saves) })
	return out, nil
}

// saved is the bytes of all but the largest function.
func (p *program) saved(members []int) uint64 {
	sum, largest := uint64(0), uint64(0)
	for _, i := range members {
		n := p.functions[i].bytes()
		sum += n
		largest = max(largest, n)
	}
	return sum - largest
}

// reader brings the code of functions into a form that does not depend on where they lie.
type reader struct {
	*program
	plain []byte // everything but what refs says, and their offsets
	notes []byte // what is said about fields
	refs  []functionRef
}

// read reads one function and reports whether it can be judged.
func (r *reader) read(f *function, self int32, code []byte) (bool, error) {
	name := outputSection(r.im.Sections[f.section].Name, r.relocatable())
	r.plain = append(append(r.plain[:0], name...), 0)
	r.notes, r.refs = r.notes[:0], r.refs[:0]
	relocs := r.relocsIn(f)
	if r.decode == nil {
		if !r.alone[f.section] {
			return false, nil
		}
		r.plain = append(r.plain, code...)
	} else if ok, err := r.instructions(f, self, code, relocs); !ok || err != nil {
		return false, err
	}
	for _, x := range relocs {
		if err := r.note(x.offset-f.start, x.kind, x.to); err != nil {
			return false, err
		}
	}
	r.plain = append(r.plain, r.notes...)
	return true, nil
}

func (p *program) relocsIn(f *function) []located {
	all := p.relocs[f.section]
	from := sort.Search(len(all), func(i int) bool { return all[i].offset >= f.start })
	to := sort.Search(len(all), func(i int) bool { return all[i].offset >= f.end })
	return all[from:to]
}

// instructions copies the code and notes addresses in it that have no relocation. It returns false for code that cannot be
// decoded, and for code that runs on into what lies behind it.
func (r *reader) instructions(f *function, self int32, code []byte, relocs []located) (bool, error) {
	last := onward
	for pos := 0; pos < len(code); {
		in, ok := r.decode(code[pos:], f.addr+uint64(pos))
		if !ok {
			return false, nil
		}
		start := len(r.plain)
		r.plain = append(r.plain, code[pos:pos+in.size]...)
		for len(relocs) > 0 && relocs[0].offset < f.start+uint64(pos) {
			relocs = relocs[1:]
		}
		for _, x := range in.fields[:in.n] {
			if covered(relocs, f.start+uint64(pos+x.at), x.size) {
				continue
			}
			to, ok := r.refersTo(x, self)
			if !ok {
				continue
			}
			erase(r.im.Machine, r.plain[start:], x)
			if err := r.note(uint64(pos+x.at), 0, to); err != nil {
				return false, err
			}
		}
		last = in.flow
		pos += in.size
	}
	return last != onward, nil
}

// covered reports whether a relocation says what a field holds.
func covered(relocs []located, at uint64, size int) bool {
	for _, x := range relocs {
		if x.offset >= at+uint64(size) {
			return false
		}
		if x.offset >= at {
			return true
		}
	}
	return false
}

// refersTo says what a field refers to, unless its bytes say enough: inside of the function, and for numbers.
func (p *program) refersTo(x field, self int32) (target, bool) {
	if !x.relative && p.relocatable() {
		return target{}, false
	}
	to := p.resolve(x.target)
	if x.relative {
		return to, to.function != self
	}
	return to, to.function >= 0 && to.at == 0
}

// note says what stands in the place of an address: which function goes to refs, all else is a part of the code.
func (r *reader) note(at uint64, kind uint32, to target) error {
	r.notes = binary.AppendUvarint(r.notes, at)
	r.notes = binary.AppendUvarint(r.notes, uint64(kind))
	switch to.function {
	case outside:
		r.notes = append(r.notes, 'o')
		r.notes = binary.AppendUvarint(r.notes, uint64(to.symbol))
		r.notes = binary.AppendUvarint(r.notes, to.at)
	case atAddress:
		return r.noteAddress(to.at)
	default:
		r.notes = append(r.notes, 'f')
		r.refs = append(r.refs, functionRef{to.function, to.at})
	}
	return nil
}

const flagMerge, flagStrings = 0x10, 0x20

// noteAddress describes an address in data. A linker merges equal strings and constants before it compares code, so in a
// relocatable file they are described by what they hold.
func (r *reader) noteAddress(at uint64) error {
	i := sort.Search(len(r.base), func(i int) bool { return r.base[i] > at }) - 1
	if r.relocatable() && i > 0 && at-r.base[i] < r.im.Sections[i].Size && r.im.Sections[i].Flags&flagMerge != 0 {
		s := &r.im.Sections[i]
		all, err := r.piecesOf(i)
		if err != nil {
			return err
		}
		if piece, off, ok := mergePiece(all, at-r.base[i], s); ok {
			for _, n := range []uint64{'m', s.Flags, s.EntrySize, s.Align, off, uint64(len(piece))} {
				r.notes = binary.AppendUvarint(r.notes, n)
			}
			r.notes = append(append(append(r.notes, piece...), outputSection(s.Name, true)...), 0)
			return nil
		}
	}
	r.notes = append(r.notes, 'a')
	r.notes = binary.AppendUvarint(r.notes, at)
	return nil
}

func (p *program) piecesOf(section int) ([]byte, error) {
	if b, ok := p.pieces[section]; ok {
		return b, nil
	}
	b, err := p.im.Data(section)
	if err != nil {
		return nil, err
	}
	b = bytes.Clone(b)
	p.pieces[section] = b
	return b, nil
}

// mergePiece returns the constant or the string around an offset, and the offset in it. Strings of wide characters are left
// out.
func mergePiece(b []byte, at uint64, s *elfmap.Section) (piece []byte, off uint64, ok bool) {
	size := uint64(len(b))
	if at >= size || s.EntrySize == 0 || s.EntrySize > size {
		return nil, 0, false
	}
	if s.Flags&flagStrings == 0 {
		start := at - at%s.EntrySize
		return b[start:min(start+s.EntrySize, size)], at - start, true
	}
	if s.EntrySize != 1 {
		return nil, 0, false
	}
	start := uint64(bytes.LastIndexByte(b[:at], 0) + 1)
	if end := bytes.IndexByte(b[at:], 0); end >= 0 {
		return b[start : at+uint64(end)], at - start, true
	}
	return b[start:], at - start, true
}

// outputSection is the section that a linker puts another into, as far as the name tells: ".text.f" into ".text".
func outputSection(name string, relocatable bool) string {
	if !relocatable {
		return name
	}
	for _, p := range []string{".text", ".init.text", ".exit.text", ".rodata"} {
		if strings.HasPrefix(name, p+".") {
			return p
		}
	}
	return name
}
