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

// place is a symbol at its offset in a section.
type place struct {
	start, end uint64
	sym        int32
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

// places sorts the symbols that lie in allocated sections by section, then offset, then index.
func (im *Image) places() [][]place {
	count := make([]int, len(im.Sections))
	for i := range im.Symbols {
		if s := &im.Symbols[i]; im.ownable(s) {
			count[s.Section]++
		}
	}
	out := make([][]place, len(im.Sections))
	for i, n := range count {
		if n > 0 {
			out[i] = make([]place, 0, n)
		}
	}
	for i := range im.Symbols {
		s := &im.Symbols[i]
		if !im.ownable(s) {
			continue
		}
		if p, ok := im.place(s); ok {
			p.sym = int32(i)
			out[s.Section] = append(out[s.Section], p)
		}
	}
	for _, ps := range out {
		sortPlaces(ps)
	}
	return out
}

// sortPlaces sorts by start, then symbol. Offsets fit in 40 bits (maxSpan) and indexes in 24 (maxSymbols), so one number
// holds both, and numbers sort faster than structures.
func sortPlaces(ps []place) {
	keys := make([]uint64, len(ps))
	sorted := true
	for i, p := range ps {
		keys[i] = p.start<<24 | uint64(i)
		sorted = sorted && (i == 0 || keys[i-1] < keys[i])
	}
	if sorted {
		return
	}
	slices.Sort(keys)
	out := make([]place, len(ps))
	for i, k := range keys {
		out[i] = ps[k&(1<<24-1)]
	}
	copy(ps, out)
}

func (im *Image) ownable(s *Symbol) bool {
	return s.Section > 0 && s.Type != SectionType && s.Type != File && im.Sections[s.Section].Alloc()
}

// place returns where the symbol's bytes lie in its section, cut at the section's end; false when it starts outside.
func (im *Image) place(s *Symbol) (place, bool) {
	size, v := im.Sections[s.Section].Size, im.Offset(s)
	if v >= size {
		return place{}, false
	}
	end := size
	if s.Size < size-v {
		end = v + s.Size
	}
	return place{start: v, end: end}, true
}

// tile cuts one section: sized symbols first, then what lies between them.
func (im *Image) tile(t *Tiling, ps []place, m *Map) error {
	owners, labels := im.leaders(ps, m)
	t.Ranges = sweep(owners, t.Size)
	im.foldPrefixes(t)
	data, err := im.Data(t.Section)
	if err != nil {
		return err
	}
	f := filler{im: im, sec: &im.Sections[t.Section], data: data, labels: labels, named: len(owners) > 0}
	t.Ranges = f.fill(t)
	return nil
}

// leaders keeps one place for each group of sized symbols that start together: the longest, with the best name.
// The others of the same length are its aliases. Labels are the symbols without a size.
func (im *Image) leaders(ps []place, m *Map) (owners, labels []place) {
	owners = make([]place, 0, len(ps))
	for i := 0; i < len(ps); {
		best, j := -1, i
		for ; j < len(ps) && ps[j].start == ps[i].start; j++ {
			if ps[j].end == ps[j].start {
				labels = append(labels, ps[j])
			} else if best < 0 || im.better(ps[j], ps[best]) {
				best = j
			}
		}
		if best >= 0 {
			owners = append(owners, ps[best])
			for k := i; k < j; k++ {
				if k != best && ps[k].end > ps[k].start {
					m.Aliases = append(m.Aliases, Alias{ps[best].sym, ps[k].sym})
				}
			}
		}
		i = j
	}
	return owners, labels
}

// better reports whether a should own the bytes rather than b, which starts at the same place.
func (im *Image) better(a, b place) bool {
	if a.end != b.end {
		return a.end > b.end
	}
	s, t := &im.Symbols[a.sym], &im.Symbols[b.sym]
	if r, q := rank(s), rank(t); r != q {
		return r < q
	}
	if s.Name != t.Name {
		return len(s.Name) < len(t.Name) || len(s.Name) == len(t.Name) && s.Name < t.Name
	}
	return a.sym < b.sym
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
// the outer one. Bytes that no symbol covers are Unattributed.
func sweep(owners []place, size uint64) []Range {
	out := make([]Range, 0, 2*len(owners)+1)
	emit := func(start uint64, owner int32) {
		c := Body
		if owner < 0 {
			c = Unattributed
		}
		if n := len(out); n > 0 && out[n-1].Start == start {
			out = out[:n-1] // the range before is empty
		}
		if n := len(out); n == 0 || out[n-1].Owner != owner {
			out = append(out, Range{start, owner, c})
		}
	}
	if size > 0 {
		emit(0, -1)
	}
	var open []place // nested symbols that cover the current byte, innermost last
	closeUntil := func(pos uint64) {
		for len(open) > 0 && open[len(open)-1].end <= pos {
			at := open[len(open)-1].end
			open = open[:len(open)-1]
			for len(open) > 0 && open[len(open)-1].end <= at {
				open = open[:len(open)-1]
			}
			if at < size {
				if len(open) > 0 {
					emit(at, open[len(open)-1].sym)
				} else {
					emit(at, -1)
				}
			}
		}
	}
	for _, p := range owners {
		closeUntil(p.start)
		emit(p.start, p.sym)
		open = append(open, p)
	}
	closeUntil(size)
	return out
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
