package sizediff

// movedImages recognises an image whose symbols went to another one, or came from there: a module that became built-in,
// or the other way, or was renamed. At least half of its bytes that a name can recognise must be found again.
func (c *comparison) movedImages() {
	for _, p := range c.matched {
		if p.head == nil {
			if q, pairs := c.bestMove(p, true); q != nil {
				c.move(p, q, pairs)
			}
		}
	}
	for _, p := range c.matched {
		if p.base == nil && c.out.Images[p.row].MovedFrom == "" {
			if q, pairs := c.bestMove(p, false); q != nil {
				c.move(q, p, pairs)
			}
		}
	}
}

// bestMove finds the image on the other side that holds most of p's symbols. Pairs are of base and head whichever way.
func (c *comparison) bestMove(p *imagePair, removed bool) (best *imagePair, pairs []pair) {
	mine := &side{im: p.base, rest: p.restBase}
	if !removed {
		mine = &side{im: p.head, rest: p.restHead}
	}
	var known, most uint64
	for _, i := range mine.rest {
		if mine.im.Symbols[i].moves() {
			known += mine.im.Symbols[i].Size
		}
	}
	for _, q := range c.matched {
		if q == p || removed && q.head == nil || !removed && q.base == nil {
			continue
		}
		m := &matcher{base: *mine, head: side{im: q.head, rest: q.restHead}, names: map[string]looseName{}}
		if !removed {
			m = &matcher{base: side{im: q.base, rest: q.restBase}, head: *mine, names: map[string]looseName{}}
		}
		m.base.rest, m.head.rest = movable(&m.base), movable(&m.head)
		m.pass(func(s *side, i int32) string { return m.loose(s.symbol(i).Name).hashFree })
		var found uint64
		for _, x := range m.pairs {
			if removed {
				found += p.base.Symbols[x.base].Size
			} else {
				found += p.head.Symbols[x.head].Size
			}
		}
		if found > most {
			best, pairs, most = q, m.pairs, found
		}
	}
	if most*2 < known || most == 0 {
		return nil, nil
	}
	return best, pairs
}

// moves reports whether a symbol is the module's own: not what every module has.
func (s *Symbol) moves() bool {
	return s.Name != "__this_module" && loosen(s.Name).hashFree == loosen(uncount(s.Name)).hashFree
}

func movable(s *side) []int32 {
	var out []int32
	for _, i := range s.rest {
		if s.symbol(i).moves() {
			out = append(out, i)
		}
	}
	return out
}

// move records that symbols of p.base stand in q.head now.
func (c *comparison) move(p, q *imagePair, pairs []pair) {
	from, to := map[int32]bool{}, map[int32]bool{}
	for _, x := range pairs {
		s, t := &p.base.Symbols[x.base], &q.head.Symbols[x.head]
		row := c.symbolRow(q, q.head, q.headTally, x.head, Moved, NewChange(int64(s.Size), int64(t.Size)))
		row.FromImage, row.FromSection = p.path, p.base.Sections[s.Section].Name
		c.out.Symbols = append(c.out.Symbols, row)
		from[x.base], to[x.head] = true, true
	}
	p.restBase, q.restHead = without(p.restBase, from), without(q.restHead, to)
	c.out.Matching.Moved += len(pairs)
	if p.head == nil {
		c.out.Images[p.row].MovedTo = q.path
	}
	if q.base == nil {
		c.out.Images[q.row].MovedFrom = p.path
	}
}
