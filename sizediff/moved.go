package sizediff

import (
	"cmp"
	"slices"
	"strings"
)

// movedImages recognises an image whose symbols went to another one, or came from there: a module that became built-in,
// or the other way, or was renamed. At least half of its bytes that a name can tell apart must be found again; between
// an image that went and one that came, half of both's. Exchanging base and head exchanges what is found.
func (c *comparison) movedImages() {
	for _, m := range c.moves() {
		from, to := &c.out.Images[m.from.row], &c.out.Images[m.to.row]
		gone, came := m.from.head == nil && from.MovedTo == "", m.to.base == nil && to.MovedFrom == ""
		if m.from.head == nil && !gone || m.to.base == nil && !came {
			continue // it went elsewhere, or came from elsewhere
		}
		if gone {
			from.MovedTo = m.to.path
		}
		if came {
			to.MovedFrom = m.from.path
		}
		c.move(m.from, m.to)
	}
}

// move is an image of base that may stand in an image of head.
type move struct {
	from, to *imagePair
	found    uint64 // bytes
}

// moves lists the likely moves, the largest first.
func (c *comparison) moves() []move {
	if !slices.ContainsFunc(c.matched, func(p *imagePair) bool { return p.base == nil || p.head == nil }) {
		return nil
	}
	base, head := holdings{}, holdings{}
	names := map[string]looseName{}
	for _, p := range c.matched {
		base.add(p, p.base, p.restBase, names)
		head.add(p, p.head, p.restHead, names)
	}
	found := map[[2]*imagePair]uint64{}
	for key, b := range base {
		if h := head[key]; b.only != nil && h != nil && h.only != nil {
			found[[2]*imagePair{b.only, h.only}] += min(b.size, h.size)
		}
	}
	knownBase, knownHead := base.known(), head.known()
	var out []move
	for k, n := range found {
		from, to := k[0], k[1]
		gone, came := from.head == nil, to.base == nil
		if (gone || came) && (!gone || 2*n >= knownBase[from]) && (!came || 2*n >= knownHead[to]) && n > 0 {
			out = append(out, move{from, to, n})
		}
	}
	slices.SortFunc(out, func(a, b move) int {
		return cmp.Or(cmp.Compare(b.found, a.found),
			strings.Compare(min(a.from.path, a.to.path), min(b.from.path, b.to.path)),
			strings.Compare(max(a.from.path, a.to.path), max(b.from.path, b.to.path)))
	})
	return out
}

// holdings says which image of one side holds the symbols of a name.
type holdings map[string]*holding

type holding struct {
	only *imagePair // nil when several images have such a symbol
	size uint64
}

func (h holdings) add(p *imagePair, im *Image, rest []int32, names map[string]looseName) {
	for _, i := range rest {
		s := &im.Symbols[i]
		n, ok := names[s.Name]
		if !ok {
			n = loosen(s.Name)
			names[s.Name] = n
		}
		if s.How != ByName && n.hashFree != s.Name || inEveryModule(s.Name) {
			continue
		}
		e := h[n.hashFree]
		switch {
		case e == nil:
			h[n.hashFree] = &holding{p, s.Size}
		case e.only == p:
			e.size += s.Size
		default:
			e.only = nil
		}
	}
}

// known adds up, for each image, the bytes of the names that only it has.
func (h holdings) known() map[*imagePair]uint64 {
	sum := map[*imagePair]uint64{}
	for _, e := range h {
		sum[e.only] += e.size
	}
	return sum
}

// inEveryModule reports whether a name says nothing of the module it stands in.
func inEveryModule(name string) bool {
	switch name {
	case "__this_module", "init_module", "cleanup_module":
		return true
	}
	return strings.HasPrefix(name, "__mod_") || strings.HasPrefix(name, "_note_") || strings.HasPrefix(name, "____versions")
}

// move records that symbols of p.base stand in q.head now.
func (c *comparison) move(p, q *imagePair) {
	m := &matcher{base: side{im: p.base, rest: p.restBase}, head: side{im: q.head, rest: q.restHead}, names: map[string]looseName{}}
	m.pass(func(s *side, i int32) string { return s.symbol(i).Name })
	m.pass(func(s *side, i int32) string { return m.loose(s.symbol(i).Name).hashFree })
	for _, x := range m.pairs {
		s, t := &p.base.Symbols[x.base], &q.head.Symbols[x.head]
		row := c.symbolRow(q, q.head, q.headTally, x.head, Moved, NewChange(int64(s.Size), int64(t.Size)))
		row.FromImage, row.FromSection = p.path, p.base.Sections[s.Section].Name
		c.out.Symbols = append(c.out.Symbols, row)
	}
	p.restBase, q.restHead = m.base.rest, m.head.rest
	c.out.Matching.Moved += len(m.pairs)
}
