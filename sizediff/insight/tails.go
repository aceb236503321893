package insight

import (
	"cmp"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// TailMerging is an estimate of what one copy of the common ends of functions would save in an image: each other copy is
// replaced by a jump to it. It comes on top of Folding: of identical functions only the first is looked at, and one that is
// referred to stands for the others.
//
// A tail is a run of instructions that control leaves at its end by a return or an unconditional jump, or at the end of a
// function also by a trap or a call that does not come back. Two tails are common when their instructions are, once
// addresses in them are replaced by what lies there, and jumps inside of them stay inside. That is exact; what is estimated
// is the saving, since alignment, short jumps that become long ones, and entries in unwinder and patch tables are not
// counted. A tail that ends in a trap may be shared from different stack depths, which spoils the trace of stack frames.
type TailMerging struct {
	Tails []Tail // largest saving first, then by place of the first site
	Saves uint64 // bytes, of all tails

	// The same by how the tails end. They add up to Saves.
	Return, Jump, Trap uint64

	Judged    uint64 // bytes of the functions in scope that were looked at
	NotJudged uint64 // bytes of those that were not: all of them on machines whose code cannot be decoded; of a stripped image, all code
}

// Tail is a common end. A tail that is a part of a longer one is listed for what it saves beyond the longer one.
type Tail struct {
	Bytes  uint64    // of one copy
	Sites  []TailEnd // one, the first, for each way in which the code goes on backwards; two or more
	Saves  uint64    // bytes: Bytes less the jump, for all sites but one
	Ending Ending
}

// TailEnd is a place where a common end stands.
type TailEnd struct {
	Symbol  int32 // of the function, as an index into the image's symbols
	Section int
	Start   uint64 // of the common end, as an offset in the section
}

// Ending is how control leaves the end of a tail.
type Ending uint8

const (
	EndsInReturn Ending = iota
	EndsInJump
	EndsInTrap // or in a call that does not come back
)

// MergeTails finds common ends of functions in an image whose symbols have been read; owners is what Own returns. It decodes
// x86-64 and arm64. The error is that of reading the image.
func MergeTails(im *elfmap.Image, owners *elfmap.Map, scope Scope) (*TailMerging, error) {
	c, t, err := newNumbered(im, owners, scope)
	if err != nil {
		return nil, err
	}
	return c.mergeTails(t), nil
}

// newNumbered compares the functions of an image and numbers their instructions.
func newNumbered(im *elfmap.Image, owners *elfmap.Map, scope Scope) (*comparison, *tails, error) {
	c, err := newComparison(im, owners, scope)
	if err != nil {
		return nil, nil, err
	}
	t, err := c.number()
	return c, t, err
}

// mergeTails is done last, because it sorts the sites.
func (c *comparison) mergeTails(t *tails) *TailMerging {
	out := &TailMerging{Judged: c.judged, NotJudged: c.notJudged}
	if c.decode == nil {
		out.Judged, out.NotJudged = 0, c.judged+c.notJudged
		return out
	}
	t.report(out, jumpSize[c.im.Machine])
	return out
}

// tails holds the instructions of functions as numbers, so that equal ones have equal numbers.
type tails struct {
	*program
	thunk   target  // where an x86 kernel jumps in place of a return
	leader  []int32 // by function: the first of those it is identical to
	fields  map[plainField]uint32
	numbers map[plainInstruction]uint32
	shapes  []shape  // by number
	code    []uint32 // the instructions of all functions that are looked at
	listed  []listing
	sites   []site
}

// listing is the instructions of a function.
type listing struct {
	function   int32
	first, end int // indexes of instructions
}

// plainInstruction is an instruction without its addresses, and the numbers of these.
type plainInstruction struct {
	bytes  [maxX86]byte
	size   uint8
	fields [2]uint32
}

// plainField is an address in an instruction, with the type of its relocation if it has one.
type plainField struct {
	at, kind uint32
	to       target
}

// shape is the size of an instruction, and how far its jumps that stay in the function go, in bytes from its start.
type shape struct {
	size        uint8
	back, ahead int32
}

// site is a run of instructions that ends where control leaves the function, and begins behind the one before.
type site struct {
	function   int32
	first, end int    // indexes of instructions
	stop       uint64 // offset in the section at which it ends
	ending     Ending
}

// number reads the first of each group of identical functions, if the machine's code can be decoded.
func (c *comparison) number() (*tails, error) {
	t := newTails(c.program, c.class)
	if c.decode == nil || c.judged == 0 {
		return t, nil
	}
	t.findThunk()
	var window *elfmap.Window
	section := -1
	for i := range t.functions {
		f := &t.functions[i]
		if c.bodies[i].class < 0 || t.leader[i] != int32(i) {
			continue
		}
		if f.section != section {
			section, window = f.section, t.im.Window(f.section)
		}
		code, err := window.Bytes(f.start, f.end)
		if err != nil {
			return nil, err
		}
		first := len(t.code)
		t.function(f, int32(i), code)
		t.listed = append(t.listed, listing{int32(i), first, len(t.code)})
	}
	return t, nil
}

func newTails(p *program, classes []int32) *tails {
	t := &tails{program: p, thunk: target{function: atAddress}, leader: make([]int32, len(classes)),
		fields: map[plainField]uint32{}, numbers: map[plainInstruction]uint32{}}
	first := make([]int32, 0, len(classes)) // by class, from 1
	for i, c := range classes {
		for int(c) >= len(first) {
			first = append(first, 0)
		}
		if first[c] == 0 {
			first[c] = int32(i) + 1
		}
		t.leader[i] = first[c] - 1
	}
	return t
}

func (t *tails) findThunk() {
	for i := range t.im.Symbols {
		s := &t.im.Symbols[i]
		if t.im.Head(int32(i)) != [4]byte{'_', '_', 'x', '8'} || s.Name != "__x86_return_thunk" {
			continue
		}
		if t.thunk = (target{outside, uint32(i), 0}); s.Defined() {
			t.thunk = t.resolve(t.base[s.Section] + t.im.Offset(s))
		}
	}
}

// function takes in one function, which has been decoded before.
func (t *tails) function(f *function, self int32, code []byte) {
	relocs := t.relocsIn(f)
	first := len(t.code)
	begin := first
	for pos := 0; pos < len(code); {
		in, ok := t.decode(code[pos:], f.addr+uint64(pos))
		if !ok {
			return
		}
		for len(relocs) > 0 && relocs[0].offset < f.start+uint64(pos) {
			relocs = relocs[1:]
		}
		to := t.add(f, self, code, pos, &in, relocs)
		pos += in.size
		switch {
		case in.flow == trap && begin == len(t.code)-1 && begin > first: // it keeps a processor from running on behind a return
			last := &t.sites[len(t.sites)-1]
			last.end, last.stop = len(t.code), f.start+uint64(pos)
			begin = len(t.code)
		case in.flow == ret || in.flow == jump || pos == len(code):
			t.sites = append(t.sites, site{self, begin, len(t.code), f.start + uint64(pos), t.ending(in.flow, to)})
			begin = len(t.code)
		}
	}
}

func (t *tails) ending(f flow, to target) Ending {
	switch {
	case f == ret, f == jump && to == t.thunk:
		return EndsInReturn
	case f == jump:
		return EndsInJump
	}
	return EndsInTrap
}

// add adds an instruction in a form that does not depend on where it stands, and returns the last place it refers to.
func (t *tails) add(f *function, self int32, code []byte, pos int, in *instruction, relocs []located) (last target) {
	p := plainInstruction{size: uint8(in.size)}
	copy(p.bytes[:], code[pos:pos+in.size])
	s := shape{size: p.size}
	n := 0
	note := func(at, kind uint32, to target) {
		if last = to; n < len(p.fields) {
			p.fields[n] = t.field(at, kind, to)
			n++
		}
	}
	for _, x := range in.fields[:in.n] {
		if covered(relocs, f.start+uint64(pos+x.at), x.size) {
			continue
		}
		if to, ok := t.refersTo(x, self); ok {
			erase(t.im.Machine, p.bytes[:in.size], x)
			note(uint32(x.at), 0, to)
		} else if x.relative {
			d := int32(int64(to.at) - int64(pos))
			s.back, s.ahead = min(s.back, d), max(s.ahead, d)
		}
	}
	for _, x := range relocs {
		if x.offset >= f.start+uint64(pos+in.size) {
			break
		}
		note(uint32(x.offset-f.start)-uint32(pos), x.kind, x.to)
	}
	k := number(t.numbers, p)
	if int(k) == len(t.shapes) {
		t.shapes = append(t.shapes, s)
	}
	t.code = append(t.code, k)
	return last
}

// field numbers an address; a function stands for those that are identical to it. 0 is for none.
func (t *tails) field(at, kind uint32, to target) uint32 {
	if to.function >= 0 {
		to.function = t.leader[to.function]
	}
	return number(t.fields, plainField{at, kind, to}) + 1
}

// number returns the number of a key, the next one for a new key.
func number[K comparable](m map[K]uint32, k K) uint32 {
	n, known := m[k]
	if !known {
		n = uint32(len(m))
		m[k] = n
	}
	return n
}

// report finds what sites have in common. Ordered by their instructions from the last to the first, sites with a common end
// stand together, and the longest common ends are those of neighbours: what they save is the most that can be saved.
func (t *tails) report(out *TailMerging, jump uint64) {
	slices.SortFunc(t.sites, t.compare)
	var open []common // each a part of the next
	for i := range t.sites {
		depth := uint64(0)
		if i+1 < len(t.sites) {
			depth = t.common(&t.sites[i], &t.sites[i+1])
		}
		first := i // of the sites below
		for n := len(open); n > 0 && open[n-1].bytes > depth; n = len(open) {
			c := open[n-1]
			open = open[:n-1]
			c.add(t, first)
			out.add(t.tail(c, jump))
			first = c.first
		}
		switch n := len(open); {
		case depth <= jump:
		case n > 0 && open[n-1].bytes == depth:
			open[n-1].add(t, first)
		default:
			open = append(open, common{depth, []int{first}, first})
		}
	}
	slices.SortFunc(out.Tails, func(a, b Tail) int {
		x, y := a.Sites[0], b.Sites[0]
		return cmp.Or(cmp.Compare(b.Saves, a.Saves), cmp.Compare(x.Section, y.Section), cmp.Compare(x.Start, y.Start))
	})
}

// common is an end that sites share.
type common struct {
	bytes uint64
	sites []int
	first int // of these, by place
}

func (c *common) add(t *tails, site int) {
	c.sites = append(c.sites, site)
	if t.before(site, c.first) {
		c.first = site
	}
}

// before compares sites by place.
func (t *tails) before(a, b int) bool { return t.sites[a].first < t.sites[b].first }

// compare orders sites by their instructions, from the last to the first; the longer of two comes later.
func (t *tails) compare(a, b site) int {
	n := min(a.end-a.first, b.end-b.first)
	for i := 1; i <= n; i++ {
		if x, y := t.code[a.end-i], t.code[b.end-i]; x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Or(cmp.Compare(a.end-a.first, b.end-b.first), cmp.Compare(a.first, b.first))
}

// common returns the bytes of the longest common end in which jumps inside of the function stay.
func (t *tails) common(a, b *site) (bytes uint64) {
	n := min(a.end-a.first, b.end-b.first)
	start, back := int64(0), int64(0) // from the end of the site
	for i := 1; i <= n && t.code[a.end-i] == t.code[b.end-i]; i++ {
		s := &t.shapes[t.code[a.end-i]]
		start -= int64(s.size)
		if start+int64(s.ahead) >= 0 {
			break // to behind the end
		}
		if back = min(back, start+int64(s.back)); back >= start {
			bytes = uint64(-start)
		}
	}
	return bytes
}

// tail describes a common end.
func (t *tails) tail(c common, jump uint64) Tail {
	slices.SortFunc(c.sites, func(a, b int) int { return cmp.Compare(t.sites[a].first, t.sites[b].first) })
	out := Tail{Bytes: c.bytes, Saves: uint64(len(c.sites)-1) * (c.bytes - jump), Ending: t.sites[c.first].ending}
	for _, i := range c.sites {
		s := &t.sites[i]
		f := &t.functions[s.function]
		out.Sites = append(out.Sites, TailEnd{f.symbol, f.section, s.stop - c.bytes})
	}
	return out
}

func (m *TailMerging) add(t Tail) {
	m.Tails = append(m.Tails, t)
	m.Saves += t.Saves
	switch t.Ending {
	case EndsInReturn:
		m.Return += t.Saves
	case EndsInJump:
		m.Jump += t.Saves
	default:
		m.Trap += t.Saves
	}
}
