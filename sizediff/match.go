package sizediff

import "slices"

// pair is a symbol of base and its counterpart in head.
type pair struct {
	base, head int32
	by         matchedBy
}

// matchedBy is the ground on which symbols were paired.
type matchedBy uint8

const (
	byExactName matchedBy = iota
	byLooseName
	byAliasName
	byFamily
)

// side is one image of a comparison.
type side struct {
	im       *Image
	sections []int32 // section names as numbers that both sides share
	rest     []int32 // symbols not paired yet, in order of address
}

func (s *side) symbol(i int32) *Symbol { return &s.im.Symbols[i] }

// matcher pairs the symbols of two images in passes of falling strictness. Each symbol is paired at most once, and no sum
// depends on the pairs. Exchanging base and head exchanges the sides of every pair.
type matcher struct {
	base, head side
	pairs      []pair
	by         matchedBy // what pass pairs by
	names      map[string]looseName
	steps      int // of searching that lockstep may still take
}

func matchSymbols(base, head *Image, count *Matching) *matcher {
	ids := map[string]int32{}
	m := &matcher{
		base: side{im: base, sections: sectionNumbers(base, ids)}, head: side{im: head, sections: sectionNumbers(head, ids)},
		names: map[string]looseName{},
	}
	m.lockstep()
	inSection := func(key func(s *side, i int32) string) keyFunc {
		return func(s *side, i int32) string {
			if k := key(s, i); k != "" {
				return sectionPrefix(s.sections[s.symbol(i).Section]) + k
			}
			return ""
		}
	}
	name := func(s *side, i int32) string { return s.symbol(i).Name }
	hashFree := func(s *side, i int32) string { return m.loose(s.symbol(i).Name).hashFree }
	m.pass(inSection(name))
	m.pass(name)
	m.by = byLooseName
	m.pass(inSection(func(s *side, i int32) string {
		return hashFree(s, i) + "\x00" + s.im.Crates[s.symbol(i).Inst]
	}))
	m.pass(inSection(hashFree))
	m.pass(hashFree)
	m.byAlias()
	m.reopenFamilies()
	m.by = byFamily
	m.pass(inSection(func(s *side, i int32) string { return m.loose(s.symbol(i).Name).family }))
	m.count(count)
	return m
}

func (m *matcher) count(to *Matching) {
	for _, p := range m.pairs {
		switch p.by {
		case byExactName:
			to.Exact++
		case byLooseName:
			to.HashFree++
		case byAliasName:
			to.Alias++
		case byFamily:
			to.Family++
		}
	}
}

// reopenFamilies takes back pairs of closures and shims that differ in size, where the family also has some without a
// counterpart: the number in the name has shifted, and says nothing.
func (m *matcher) reopenFamilies() {
	families := map[string]bool{}
	for _, s := range []*side{&m.base, &m.head} {
		for _, i := range s.rest {
			if n := m.loose(s.symbol(i).Name); n.numbered {
				families[n.family] = true
			}
		}
	}
	if len(families) == 0 {
		return
	}
	kept := m.pairs[:0]
	for _, p := range m.pairs {
		s, t := m.base.symbol(p.base), m.head.symbol(p.head)
		if s.Size == t.Size || s.How != ByName || !families[m.loose(s.Name).family] {
			kept = append(kept, p)
			continue
		}
		m.base.rest, m.head.rest = append(m.base.rest, p.base), append(m.head.rest, p.head)
	}
	m.pairs = kept
	slices.Sort(m.base.rest)
	slices.Sort(m.head.rest)
}

func sectionNumbers(im *Image, ids map[string]int32) []int32 {
	out := make([]int32, len(im.Sections))
	for i := range im.Sections {
		name := looseSection(im.Sections[i].Name)
		id, ok := ids[name]
		if !ok {
			id = int32(len(ids))
			ids[name] = id
		}
		out[i] = id
	}
	return out
}

// lookahead is how far lockstep searches for the point where base and head agree again: past all symbols of a driver that
// was built in. A budget of steps per symbol keeps images that have nothing in common from costing a search for each.
const (
	lookahead     = 4096
	stepsPerEntry = 64
)

// lockstep walks both lists in order of address, where unchanged code stands in the same order. It pairs nearly all
// symbols of a patched kernel without a hash table, and names that are not unique with their true counterpart.
func (m *matcher) lockstep() {
	a, b := m.base.im.Symbols, m.head.im.Symbols
	m.pairs = make([]pair, 0, min(len(a), len(b)))
	m.steps = stepsPerEntry * (len(a) + len(b))
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		skipBase, skipHead := 1, 1
		switch equal := m.equal(i, j); {
		case equal && (a[i].Size == b[j].Size || !repeats(a, i) && !repeats(b, j)):
			m.pairs = append(m.pairs, pair{int32(i), int32(j), byExactName})
			i, j = i+1, j+1
			continue
		case !equal:
			skipBase, skipHead = m.resync(i, j)
		}
		i = m.base.leave(i, i+skipBase)
		j = m.head.leave(j, j+skipHead)
	}
	m.base.leave(i, len(a))
	m.head.leave(j, len(b))
}

func (m *matcher) equal(i, j int) bool {
	s, t := &m.base.im.Symbols[i], &m.head.im.Symbols[j]
	return m.base.sections[s.Section] == m.head.sections[t.Section] && s.Name == t.Name
}

// repeats reports whether a symbol next to i has the same name, as static objects of functions do. If one is inserted, the
// order alone says nothing of those behind it.
func repeats(s []Symbol, i int) bool {
	return i > 0 && s[i-1].Name == s[i].Name || i+1 < len(s) && s[i+1].Name == s[i].Name
}

// resync says how many symbols to leave on each side so that both agree again, one on each when they do not soon.
func (m *matcher) resync(i, j int) (skipBase, skipHead int) {
	for k := 1; k <= lookahead && m.steps > 0; k++ {
		m.steps--
		inBase := i+k < len(m.base.im.Symbols) && m.equal(i+k, j)
		inHead := j+k < len(m.head.im.Symbols) && m.equal(i, j+k)
		switch {
		case inBase && inHead:
			return 1, 1
		case inBase:
			return k, 0
		case inHead:
			return 0, k
		}
	}
	return 1, 1
}

// leave puts symbols from i to j into the rest, and returns j.
func (s *side) leave(i, j int) int {
	for ; i < j; i++ {
		s.rest = append(s.rest, int32(i))
	}
	return j
}

// keyFunc names a symbol for one pass; "" keeps it out of the pass.
type keyFunc func(s *side, i int32) string

// sectionPrefix makes a section's number, which has 24 bits at most, the first bytes of a key.
func sectionPrefix(id int32) string {
	return string([]byte{byte(id >> 16), byte(id >> 8), byte(id)})
}

func (m *matcher) loose(name string) looseName {
	n, ok := m.names[name]
	if !ok {
		n = loosen(name)
		m.names[name] = n
	}
	return n
}

// pass pairs the symbols that are left and have the same key: those of equal size first, then in order.
func (m *matcher) pass(key keyFunc) {
	if len(m.base.rest) == 0 || len(m.head.rest) == 0 {
		return
	}
	base, _ := m.base.group(key)
	head, order := m.head.group(key)
	n := len(m.pairs)
	for _, k := range order {
		if len(base[k]) > 0 {
			m.pairGroup(base[k], head[k])
		}
	}
	m.settle(n)
}

func (s *side) group(key keyFunc) (groups map[string][]int32, order []string) {
	groups = make(map[string][]int32, len(s.rest))
	for _, i := range s.rest {
		k := key(s, i)
		if k == "" {
			continue
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], i)
	}
	return groups, order
}

// pairGroup pairs symbols with the same key: equal sizes first, each in order, then the rest in order.
func (m *matcher) pairGroup(base, head []int32) {
	bySize := map[uint64][]int32{}
	for _, j := range head {
		n := m.head.symbol(j).Size
		bySize[n] = append(bySize[n], j)
	}
	var left []int32
	used := map[int32]bool{}
	for _, i := range base {
		n := m.base.symbol(i).Size
		if q := bySize[n]; len(q) > 0 {
			m.pairs = append(m.pairs, pair{i, q[0], m.by})
			used[q[0]] = true
			bySize[n] = q[1:]
		} else {
			left = append(left, i)
		}
	}
	for _, j := range head {
		if len(left) > 0 && !used[j] {
			m.pairs = append(m.pairs, pair{left[0], j, m.by})
			left = left[1:]
		}
	}
}

// settle takes the symbols of the pairs from n on out of the rest.
func (m *matcher) settle(n int) {
	if n == len(m.pairs) {
		return
	}
	base, head := map[int32]bool{}, map[int32]bool{}
	for _, p := range m.pairs[n:] {
		base[p.base], head[p.head] = true, true
	}
	m.base.rest, m.head.rest = without(m.base.rest, base), without(m.head.rest, head)
}

func without(list []int32, done map[int32]bool) []int32 {
	out := list[:0]
	for _, i := range list {
		if !done[i] {
			out = append(out, i)
		}
	}
	return out
}

// byAlias pairs symbols that have any name in common: which of several names of the same bytes a linker lists first is
// chance. Names are taken in order, so that base and head can be exchanged.
func (m *matcher) byAlias() {
	if len(m.base.rest) == 0 || len(m.head.rest) == 0 {
		return
	}
	base, head := m.allNames(&m.base), m.allNames(&m.head)
	var common []string
	for n := range base {
		if _, ok := head[n]; ok {
			common = append(common, n)
		}
	}
	slices.Sort(common)
	n := len(m.pairs)
	usedBase, usedHead := map[int32]bool{}, map[int32]bool{}
	for _, k := range common {
		if i, j := base[k], head[k]; !usedBase[i] && !usedHead[j] {
			m.pairs = append(m.pairs, pair{i, j, byAliasName})
			usedBase[i], usedHead[j] = true, true
		}
	}
	m.settle(n)
}

// allNames returns the first symbol of the rest for each of their names.
func (m *matcher) allNames(s *side) map[string]int32 {
	out := map[string]int32{}
	put := func(name string, i int32) {
		k := m.loose(name).hashFree
		if _, ok := out[k]; !ok {
			out[k] = i
		}
	}
	left := make(map[int32]bool, len(s.rest))
	for _, i := range s.rest {
		left[i] = true
		put(s.symbol(i).Name, i)
	}
	for _, a := range s.im.Aliases {
		if left[a.Symbol] {
			put(a.Name, a.Symbol)
		}
	}
	return out
}
