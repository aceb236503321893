package elfmap

import "strings"

const (
	page       = 4096
	hugePage   = 2 << 20
	maxPatches = 64 // bytes of a patchable prefix
)

// isPrefixName reports whether a symbol marks call padding in front of a function (objtool's __pfx_, kCFI's __cfi_).
func isPrefixName(name string) bool {
	return strings.HasPrefix(name, "__pfx_") || strings.HasPrefix(name, "__cfi_")
}

// isPrefix is isPrefixName for a symbol.
func (im *Image) isPrefix(symbol int32) bool {
	switch im.heads[symbol] {
	case [4]byte{'_', '_', 'p', 'f'}, [4]byte{'_', '_', 'c', 'f'}:
		return isPrefixName(im.Symbols[symbol].Name)
	}
	return false
}

// foldPrefixes gives the bytes of prefix symbols to the function that starts where they end.
func (im *Image) foldPrefixes(t *Tiling) {
	for i := len(t.Ranges) - 2; i >= 0; i-- {
		r, next := &t.Ranges[i], t.Ranges[i+1]
		if r.Class == Body && im.isPrefix(r.Owner) && (next.Class == Prefix || im.beginsFunction(next)) {
			r.Owner, r.Class = next.Owner, Prefix
		}
	}
}

// beginsFunction reports whether a symbol that is no prefix itself starts with the range.
func (im *Image) beginsFunction(r Range) bool {
	if r.Class != Body {
		return false
	}
	s := &im.Symbols[r.Owner]
	return im.Offset(s) == r.Start && !im.isPrefix(r.Owner)
}

// filler decides about the bytes that no sized symbol covers.
type filler struct {
	im     *Image
	sec    *Section
	window *Window // not used for a section without bytes in the file, which is all zeros
	err    error   // the first of reading
	labels []place // symbols without a size, by offset
	named  bool    // some symbol with a size lies in the section
	out    []Range
}

func (f *filler) fill(t *Tiling) []Range {
	f.out = make([]Range, 0, len(t.Ranges)+len(f.labels)/4)
	for i, r := range t.Ranges {
		if r.Class != Unattributed {
			f.emit(r.Start, r.Owner, r.Class)
			continue
		}
		var after *Range
		if i+1 < len(t.Ranges) {
			after = &t.Ranges[i+1]
		}
		f.gap(r.Start, t.End(i), after)
	}
	return f.out
}

func (f *filler) emit(start uint64, owner int32, c Class) {
	if n := len(f.out); n > 0 && f.out[n-1].Owner == owner && f.out[n-1].Class == c && c != Body {
		return
	}
	f.out = append(f.out, Range{start, owner, c})
}

// gap cuts the bytes [a, b) at the labels in it. after is the range that follows, or nil at the end of the section.
func (f *filler) gap(a, b uint64, after *Range) {
	for len(f.labels) > 0 && f.labels[0].start() < a {
		f.labels = f.labels[1:]
	}
	owner, prefix := int32(-1), b
	var best place // the label that owner is
	for len(f.labels) > 0 && f.labels[0].start() < b {
		l := f.labels[0]
		f.labels = f.labels[1:]
		name := f.im.Symbols[l.symbol()].Name
		switch {
		case f.sec.Exec() && strings.HasPrefix(name, ".Ltmp") && after != nil && f.patchable(l.start(), b, *after):
			prefix = min(prefix, l.start())
		case f.sec.Exec() && f.codeLabel(l):
			if owner >= 0 && l.start() == a && !f.im.better(l, best) {
				continue
			}
			if l.start() > a {
				f.piece(a, l.start(), owner)
				a = l.start()
			}
			owner, best = l.symbol(), l
		}
	}
	if prefix < a {
		prefix = b
	}
	if prefix > a {
		f.piece(a, prefix, owner)
	}
	if prefix < b {
		f.emit(prefix, after.Owner, Prefix)
	}
}

// patchable reports whether [a, b), which a label of LLVM begins, is the patchable prefix of the function that follows: all
// filling, and the function has no other prefix. It can also begin a weak function that lost its name to a strong one.
func (f *filler) patchable(a, b uint64, after Range) bool {
	return b-a <= maxPatches && f.im.beginsFunction(after) && !f.sec.Nobits() && isNops(f.im.Machine, f.bytes(a, b))
}

// codeLabel reports whether a symbol without a size can name code that follows it: not a mark of the assembler or of the
// linker script.
func (f *filler) codeLabel(l place) bool {
	s := &f.im.Symbols[l.symbol()]
	if s.Type != Func && s.Type != NoType && s.Type != IFunc {
		return false
	}
	n := s.Name
	if n == "" || n[0] == '$' || strings.HasPrefix(n, ".L") || isPrefixName(n) {
		return false
	}
	return s.Type == Func || !isMark(n)
}

// isMark reports whether a name looks like a boundary that a linker script or assembly defines.
func isMark(n string) bool {
	for _, p := range []string{"__start_", "__stop_", "__ksymtab_", "__kstrtab"} {
		if strings.HasPrefix(n, p) {
			return true
		}
	}
	for _, s := range []string{"_start", "_end", "_begin", "_stop", "text", "_etext"} {
		if strings.HasSuffix(n, s) {
			return true
		}
	}
	return false
}

// piece decides about [a, b), which holds no further label: padding at its end, the rest to owner, if any.
func (f *filler) piece(a, b uint64, owner int32) {
	pad := f.padding(a, b, owner >= 0)
	if pad < b-a {
		if owner >= 0 {
			f.emit(a, owner, Inferred)
		} else {
			f.emit(a, -1, Unattributed)
		}
	}
	if pad == 0 {
		return
	}
	c := Padding
	if pad >= page/2 || pad > 64 && f.address(b)%page == 0 {
		c = Step
	}
	f.emit(b-pad, -1, c)
}

// bytes returns [a, b) of the section, nothing after an error.
func (f *filler) bytes(a, b uint64) []byte {
	d, err := f.window.Bytes(a, b)
	if err != nil && f.err == nil {
		f.err = err
	}
	return d
}

func (f *filler) address(off uint64) uint64 { return f.sec.Addr + off }

// padding returns how many bytes at the end of [a, b) only align what follows: no more than the address of b can need, and
// nothing but filling. What follows the end of a section is not known, so there only a step to a page counts. Zeros that
// are more than alignment are an object without a name. labelled says that a label begins at a.
func (f *filler) padding(a, b uint64, labelled bool) uint64 {
	align := f.address(b) & -f.address(b)
	if top := f.maxAlign(); align == 0 || align > top {
		align = top
	}
	limit := align - 1
	if b == f.sec.Size && (!f.named || align < page) {
		return 0 // tables end where they end
	}
	n := b - a
	if !f.sec.Nobits() {
		if f.sec.Exec() {
			return f.codePadding(a, b, limit, labelled)
		}
		n = f.zeros(a, b)
	}
	if n == b-a && n > limit {
		return 0
	}
	return min(n, limit)
}

// zeros returns the number of zero bytes at the end of [a, b). It reads all of it only where the last page has no others.
func (f *filler) zeros(a, b uint64) uint64 {
	if b-a > page {
		if n := uint64(zeros(f.bytes(b-page, b))); n < page {
			return n
		}
	}
	return uint64(zeros(f.bytes(a, b)))
}

// maxAlign is the largest step that linker scripts take inside a section: a huge page in code, a page elsewhere.
func (f *filler) maxAlign() uint64 {
	if f.sec.Exec() {
		return hugePage
	}
	return page
}

// codePadding finds the longest filling at the end of [a, b). Instructions cannot be read backwards, so all of the piece is
// tried first, traps behind the last return and all; then its uniform tail. Under a label one byte repeated is somebody's code, but for what can
// align.
func (f *filler) codePadding(a, b, limit uint64, labelled bool) uint64 {
	d := f.bytes(a, b)
	n := uint64(zeros(d))
	if f.im.Machine == MachineX8664 || f.im.Machine == MachineX86 {
		n = max(n, tail(d, 0xcc), tail(d, 0x90))
	}
	if b-a < page && (n < b-a || !labelled) && isNops(f.im.Machine, d) {
		return b - a
	}
	return min(n, limit)
}

// tail returns how many bytes equal to c the slice ends with.
func tail(d []byte, c byte) uint64 {
	n := 0
	for n < len(d) && d[len(d)-1-n] == c {
		n++
	}
	return uint64(n)
}
