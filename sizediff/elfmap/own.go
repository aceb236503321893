package elfmap

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// Class says on what ground a range of bytes has its owner. Classes from ClassFree on are for the caller's claims.
type Class uint8

const (
	Unattributed Class = iota // nothing in the image says whose it is; Owner is -1
	Body                      // a sized symbol covers it
	Inferred                  // a code label without a size precedes it, and no sized symbol covers it
	Prefix                    // belongs to the function that it precedes (call padding, patchable entry)
	Padding                   // alignment; Owner is -1
	Step                      // alignment to a page or more; Owner is -1
	ClassFree
)

// Range is a run of bytes of a section with one owner. It ends where the next range of the section begins.
type Range struct {
	Start uint64 // from the start of the section
	Owner int32  // index into Symbols for Body, Inferred and Prefix; the caller's for its own classes; else -1
	Class Class
}

// Symbol is the ELF symbol that owns the range, -1 when none does.
func (r Range) Symbol() int32 {
	if r.Class >= ClassFree {
		return -1
	}
	return r.Owner
}

// Tiling is a section cut into ranges without gap or overlap, so that their lengths always add up to the section's size.
// An empty section has no ranges.
type Tiling struct {
	Section int
	Size    uint64
	Ranges  []Range
}

// End returns where range i ends.
func (t *Tiling) End(i int) uint64 {
	if i+1 < len(t.Ranges) {
		return t.Ranges[i+1].Start
	}
	return t.Size
}

// At returns the index of the range that holds offset off, which must be less than Size.
func (t *Tiling) At(off uint64) int {
	return sort.Search(len(t.Ranges), func(i int) bool { return t.Ranges[i].Start > off }) - 1
}

// Alias is another name for the bytes of Leader.
type Alias struct{ Leader, Name int32 }

// Map is the ownership of all allocated sections.
type Map struct {
	Tilings []Tiling // of the sections with SHF_ALLOC, in file order
	Aliases []Alias  // ordered by address of the leader
}

// Tiling returns the tiling of a section, or nil when it is not allocated.
func (m *Map) Tiling(section int) *Tiling {
	i := sort.Search(len(m.Tilings), func(i int) bool { return m.Tilings[i].Section >= section })
	if i < len(m.Tilings) && m.Tilings[i].Section == section {
		return &m.Tilings[i]
	}
	return nil
}

// place is a symbol at its offset in a section: the offset above, the symbol in the 24 low bits. Offsets fit in 40 bits
// (maxSpan) and indexes in 24 (maxSymbols), and numbers sort faster than structures.
type place uint64

const symbolBits = 24

func (p place) start() uint64 { return uint64(p >> symbolBits) }
func (p place) symbol() int32 { return int32(p & (1<<symbolBits - 1)) }

// end returns where the bytes of the symbol end, at the section's end at the latest.
func (im *Image) end(p place) uint64 {
	s := &im.Symbols[p.symbol()]
	size := im.Sections[s.Section].Size
	return p.start() + min(s.Size, size-p.start())
}

// Own decides the owner of every byte of every allocated section. It needs ReadSymbols.
func (im *Image) Own() (*Map, error) {
	m := &Map{}
	places := im.places()
	for i := 1; i < len(im.Sections); i++ {
		s := &im.Sections[i]
		if !s.Alloc() {
			continue
		}
		t := Tiling{Section: i, Size: s.Size}
		if s.Size > 0 {
			if err := im.tile(&t, places[i], m); err != nil {
				return nil, err
			}
		}
		m.Tilings = append(m.Tilings, t)
	}
	return m, nil
}

// sectionPlaces is the symbols in one section, by offset, then index.
type sectionPlaces struct {
	sized  []place
	labels []place // symbols without a size
}

// places sorts the symbols that lie in allocated sections.
func (im *Image) places() []sectionPlaces {
	out := make([]sectionPlaces, len(im.Sections))
	for i, n := range im.countPlaces() {
		all := make([]place, n[0]+n[1])
		out[i] = sectionPlaces{all[:0:n[0]], all[n[0]:n[0]]}
	}
	for i := range im.Symbols {
		s := &im.Symbols[i]
		if !im.ownable(s) {
			continue
		}
		at := im.Offset(s)
		if at >= im.Sections[s.Section].Size {
			continue
		}
		list := &out[s.Section].sized
		if s.Size == 0 {
			list = &out[s.Section].labels
		}
		*list = append(*list, place(at<<symbolBits|uint64(i)))
	}
	var spare []place
	for i := range out {
		size := im.Sections[i].Size
		out[i].sized, spare = sortPlaces(out[i].sized, spare, size)
		out[i].labels, spare = sortPlaces(out[i].labels, spare, size)
	}
	return out
}

// countPlaces returns for each section how many symbols have a size and how many have none.
func (im *Image) countPlaces() [][2]int {
	count := make([][2]int, len(im.Sections))
	for i := range im.Symbols {
		switch s := &im.Symbols[i]; {
		case !im.ownable(s):
		case s.Size > 0:
			count[s.Section][0]++
		default:
			count[s.Section][1]++
		}
	}
	return count
}

// sortPlaces sorts places that are in order of their symbols, with offsets less than size: byte by byte of the offset, the
// lowest first, which takes a third of the time that comparing takes. It returns the sorted list, and memory for the next.
func sortPlaces(ps, spare []place, size uint64) (sorted, rest []place) {
	if len(ps) < 256 {
		slices.Sort(ps)
		return ps, spare
	}
	to := slices.Grow(spare[:0], len(ps))[:len(ps)]
	for shift := symbolBits; size>>(shift-symbolBits) > 0; shift += 8 {
		var next [257]int // where the next place with each byte goes
		for _, p := range ps {
			next[p>>shift&0xff+1]++
		}
		for i := range 256 {
			next[i+1] += next[i]
		}
		for _, p := range ps {
			b := p >> shift & 0xff
			to[next[b]] = p
			next[b]++
		}
		ps, to = to, ps
	}
	return ps, to
}

func (im *Image) ownable(s *Symbol) bool {
	return s.Section > 0 && s.Type != SectionType && s.Type != File && im.Sections[s.Section].Alloc()
}

// tile cuts one section: sized symbols first, then what lies between them.
func (im *Image) tile(t *Tiling, ps sectionPlaces, m *Map) error {
	owners := im.leaders(ps.sized, m)
	t.Ranges = im.sweep(owners, t.Size)
	im.foldPrefixes(t)
	f := filler{
		im: im, sec: &im.Sections[t.Section], window: im.Window(t.Section), labels: ps.labels, named: len(owners) > 0,
	}
	t.Ranges = f.fill(t)
	return f.err
}

// leaders keeps one place for each group of sized symbols that start together: the longest, with the best name.
// The others are its aliases. The places are overwritten.
func (im *Image) leaders(ps []place, m *Map) (owners []place) {
	owners = ps[:0]
	for i := 0; i < len(ps); {
		best, first := ps[i], len(m.Aliases)
		for i++; i < len(ps) && ps[i].start() == best.start(); i++ {
			p := ps[i]
			if im.better(p, best) {
				p, best = best, p
			}
			m.Aliases = append(m.Aliases, Alias{Name: p.symbol()})
		}
		for k := first; k < len(m.Aliases); k++ {
			m.Aliases[k].Leader = best.symbol()
		}
		owners = append(owners, best)
	}
	return owners
}

// better reports whether a should own the bytes rather than b, which starts at the same place.
func (im *Image) better(a, b place) bool {
	if x, y := im.end(a), im.end(b); x != y {
		return x > y
	}
	s, t := &im.Symbols[a.symbol()], &im.Symbols[b.symbol()]
	if r, q := rank(s), rank(t); r != q {
		return r < q
	}
	if s.Name != t.Name {
		return len(s.Name) < len(t.Name) || len(s.Name) == len(t.Name) && s.Name < t.Name
	}
	return a < b
}

// rank orders names for the same bytes: what people call the thing first, then what tools made of it.
func rank(s *Symbol) int {
	r := 0
	if s.Type == NoType {
		r += 8
	}
	if strings.HasPrefix(s.Name, "__pi_") || strings.HasPrefix(s.Name, "__se_") || strings.HasPrefix(s.Name, ".L") || isPrefixName(s.Name) {
		r += 4
	}
	switch s.Bind {
	case Local:
		r += 2
	case Weak:
		r++
	}
	return r
}

// sweep gives each byte to the symbol that starts last before it and still covers it: an inner symbol takes its bytes from
// the outer one. Bytes that no symbol covers are Unattributed. The ranges are valid until the next call.
func (im *Image) sweep(owners []place, size uint64) []Range {
	w := sweeping{out: slices.Grow(im.swept[:0], len(owners)+len(owners)/2+1)}
	w.emit(0, -1)
	for _, p := range owners {
		w.close(p.start(), size)
		w.emit(p.start(), p.symbol())
		w.open = append(w.open, covering{im.end(p), p.symbol()})
	}
	w.close(size, size)
	im.swept = w.out
	return w.out
}

// covering is a symbol that covers the current byte.
type covering struct {
	end    uint64
	symbol int32
}

type sweeping struct {
	out  []Range
	open []covering // nested, innermost last
}

// emit begins a range. One that begins at the same place is empty, and goes.
func (w *sweeping) emit(start uint64, owner int32) {
	c := Body
	if owner < 0 {
		c = Unattributed
	}
	if n := len(w.out); n > 0 && w.out[n-1].Start == start {
		w.out = w.out[:n-1]
	}
	if n := len(w.out); n == 0 || w.out[n-1].Owner != owner {
		w.out = append(w.out, Range{start, owner, c})
	}
}

// close ends the symbols that do not reach past pos. Their bytes go back to the symbol around them, if any.
func (w *sweeping) close(pos, size uint64) {
	for n := len(w.open); n > 0 && w.open[n-1].end <= pos; n = len(w.open) {
		at := w.open[n-1].end
		for n > 0 && w.open[n-1].end <= at {
			n--
		}
		w.open = w.open[:n]
		switch {
		case at >= size:
		case n > 0:
			w.emit(at, w.open[n-1].symbol)
		default:
			w.emit(at, -1)
		}
	}
}

// Claim is a range that a caller attributes.
type Claim struct {
	Start, End uint64
	Owner      int32
	Class      Class
}

// Claim gives unattributed bytes of the section to the claims, which it sorts by start. Bytes that have an owner keep it,
// and of two claims on a byte the one that starts first wins, or the first in the list. The claims are changed.
func (t *Tiling) Claim(claims []Claim) {
	if len(claims) == 0 {
		return
	}
	slices.SortStableFunc(claims, func(a, b Claim) int { return cmp.Compare(a.Start, b.Start) })
	reach := uint64(0) // so far claimed
	for i := range claims {
		c := &claims[i]
		c.Start = max(c.Start, reach)
		reach = max(reach, c.End)
	}
	out := make([]Range, 0, len(t.Ranges)+2*len(claims))
	next := 0
	for i, r := range t.Ranges {
		end := t.End(i)
		if r.Class != Unattributed {
			out = append(out, r)
			continue
		}
		pos := r.Start
		for next < len(claims) && claims[next].End <= pos {
			next++
		}
		for k := next; k < len(claims) && claims[k].Start < end; k++ {
			c := claims[k]
			from, to := max(c.Start, pos), min(c.End, end)
			if from >= to {
				continue // all of it was claimed before
			}
			if from > pos {
				out = append(out, Range{pos, -1, Unattributed})
			}
			out = append(out, Range{from, c.Owner, c.Class})
			pos = to
		}
		if pos < end {
			out = append(out, Range{pos, -1, Unattributed})
		}
	}
	t.Ranges = out
}
