package elfmap

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// span is a run of bytes.
type span struct{ start, end uint64 }

// covered is what sized symbols cover of a section, each byte once: computed by merging intervals, which Own does not do.
func covered(im *Image, section int) []span {
	var all []span
	size := im.Sections[section].Size
	for i := range im.Symbols {
		s := &im.Symbols[i]
		if int(s.Section) != section || s.Size == 0 || s.Type == SectionType || s.Type == File {
			continue
		}
		if at := im.Offset(s); at < size {
			all = append(all, span{at, at + min(s.Size, size-at)})
		}
	}
	return union(all)
}

func union(all []span) []span {
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	var out []span
	for _, s := range all {
		if n := len(out); n > 0 && s.start <= out[n-1].end {
			out[n-1].end = max(out[n-1].end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}

func total(spans []span) (n uint64) {
	for _, s := range spans {
		n += s.end - s.start
	}
	return n
}

// within reports whether [start, end) lies in one of the disjoint, ordered spans; touches, whether it meets any.
func within(spans []span, start, end uint64) (within, touches bool) {
	i, _ := slices.BinarySearchFunc(spans, start, func(s span, at uint64) int {
		if s.end <= at {
			return -1
		}
		return 1
	})
	if i == len(spans) {
		return false, false
	}
	return spans[i].start <= start && end <= spans[i].end, spans[i].start < end
}

// checkMap holds what Own promises about any image.
func checkMap(t testing.TB, im *Image, m *Map) {
	t.Helper()
	next := 0
	for i := range im.Sections {
		if i == 0 || !im.Sections[i].Alloc() {
			if m.Tiling(i) != nil {
				t.Errorf("section %d without memory has a tiling", i)
			}
			continue
		}
		if next >= len(m.Tilings) || m.Tilings[next].Section != i || m.Tiling(i) != &m.Tilings[next] {
			t.Fatalf("no tiling for section %d", i)
		}
		tl := &m.Tilings[next]
		next++
		if tl.Size != im.Sections[i].Size {
			t.Errorf("section %d: tiling of %d bytes, section of %d", i, tl.Size, im.Sections[i].Size)
		}
		checkTiling(t, tl)
		checkOwners(t, im, tl)
	}
	if next != len(m.Tilings) {
		t.Errorf("%d tilings, %d sections with memory", len(m.Tilings), next)
	}
	for _, a := range m.Aliases {
		s, l := &im.Symbols[a.Name], &im.Symbols[a.Leader]
		if a.Name == a.Leader || s.Section != l.Section || im.Offset(s) != im.Offset(l) || s.Size == 0 || l.Size == 0 {
			t.Errorf("%q is no alias of %q", s.Name, l.Name)
		}
	}
}

// checkTiling holds that the ranges fill the section, in order, without an empty one.
func checkTiling(t testing.TB, tl *Tiling) {
	t.Helper()
	if tl.Size == 0 {
		if len(tl.Ranges) > 0 {
			t.Errorf("section %d: %d ranges of nothing", tl.Section, len(tl.Ranges))
		}
		return
	}
	if len(tl.Ranges) == 0 || tl.Ranges[0].Start != 0 {
		t.Fatalf("section %d: the ranges do not begin at 0", tl.Section)
	}
	sum := uint64(0)
	for i, r := range tl.Ranges {
		if tl.End(i) <= r.Start || tl.End(i) > tl.Size {
			t.Fatalf("section %d: range %d goes from %d to %d of %d", tl.Section, i, r.Start, tl.End(i), tl.Size)
		}
		if tl.At(r.Start) != i || tl.At(tl.End(i)-1) != i {
			t.Errorf("section %d: At does not find range %d", tl.Section, i)
		}
		sum += tl.End(i) - r.Start
	}
	if sum != tl.Size {
		t.Errorf("section %d: %d bytes in ranges, %d in the section", tl.Section, sum, tl.Size)
	}
}

// checkOwners holds that every range has an owner that fits its class, and that sized symbols own what they cover, and
// nothing else.
func checkOwners(t testing.TB, im *Image, tl *Tiling) {
	t.Helper()
	cover := covered(im, tl.Section)
	inCover := uint64(0)
	for i, r := range tl.Ranges {
		end := tl.End(i)
		inside, touches := within(cover, r.Start, end)
		if i > 0 && r.Class != Body && tl.Ranges[i-1].Class == r.Class && tl.Ranges[i-1].Owner == r.Owner {
			t.Errorf("section %d: range %d goes on in the next", tl.Section, i-1)
		}
		if (r.Owner >= 0) != (r.Class == Body || r.Class == Inferred || r.Class == Prefix) {
			t.Fatalf("section %d: class %d with owner %d", tl.Section, r.Class, r.Owner)
		}
		if inside {
			inCover += end - r.Start
		}
		switch r.Class {
		case Body, Inferred, Prefix:
			s := &im.Symbols[r.Owner]
			at := im.Offset(s)
			ok := int(s.Section) == tl.Section
			switch r.Class {
			case Body:
				ok = ok && inside && at <= r.Start && (s.Size >= end-at)
			case Inferred:
				ok = ok && !touches && s.Size == 0 && at <= r.Start && im.Sections[tl.Section].Exec()
			case Prefix:
				ok = ok && inside == touches && s.Size > 0 && at >= end && !isPrefixName(s.Name)
			}
			if !ok {
				t.Errorf("section %d: class %d from %#x to %#x cannot belong to %q", tl.Section, r.Class, r.Start, end, s.Name)
			}
		case Unattributed, Padding, Step:
			if touches {
				t.Errorf("section %d: a symbol covers bytes of class %d from %#x to %#x", tl.Section, r.Class, r.Start, end)
			}
		default:
			t.Errorf("section %d: unknown class %d", tl.Section, r.Class)
		}
	}
	if inCover != total(cover) {
		t.Errorf("section %d: symbols own %d bytes and cover %d", tl.Section, inCover, total(cover))
	}
}

// names writes a map without the numbers of symbols.
func names(im *Image, m *Map) string {
	var b strings.Builder
	for i := range m.Tilings {
		b.WriteString("section " + hex(uint64(m.Tilings[i].Section)) + "\n" + describe(im, &m.Tilings[i]))
	}
	aliases := make([]string, 0, len(m.Aliases))
	for _, a := range m.Aliases {
		aliases = append(aliases, im.Symbols[a.Leader].Name+" = "+im.Symbols[a.Name].Name)
	}
	slices.Sort(aliases)
	return b.String() + strings.Join(aliases, "\n")
}

// shuffled returns the file with its symbol table in another order.
func shuffled(t testing.TB, data []byte, seed uint64) []byte {
	t.Helper()
	im := open(t, data)
	data = slices.Clone(data)
	for i := range im.Sections {
		if im.Sections[i].Type == TypeShndx {
			t.Fatal("the extended indexes would have to move, too")
		}
	}
	for i := range im.Sections {
		s := &im.Sections[i]
		if s.Type != TypeSymtab {
			continue
		}
		esz := map[int]uint64{32: 16, 64: 24}[im.Class]
		at := func(k int) []byte { return data[s.Offset+uint64(k)*esz:][:esz] }
		swap := make([]byte, esz)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(int(s.Size/esz)-1, func(a, b int) {
			copy(swap, at(a+1))
			copy(at(a+1), at(b+1))
			copy(at(b+1), swap)
		})
	}
	return data
}

// checkImage holds everything that must be true of an image that can be read.
func checkImage(t testing.TB, data []byte) {
	t.Helper()
	im, m := own(t, data)
	checkMap(t, im, m)
	want := names(im, m)
	again, m2 := own(t, data)
	if names(again, m2) != want {
		t.Error("a second reading owns otherwise")
	}
	if !im.Stripped {
		for seed := range uint64(2) {
			other, m3 := own(t, shuffled(t, data, seed))
			if got := names(other, m3); got != want {
				t.Errorf("the order of the symbol table makes a difference:\n%s", firstDifference(want, got))
			}
		}
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			return "- " + x[i] + "\n+ " + strings.Join(y[min(i, len(y)):min(i+1, len(y))], "")
		}
	}
	return ""
}

// randomImage is one section with symbols that overlap, nest, repeat and leave gaps.
func randomImage(r *rand.Rand) []byte {
	size := 1 + r.Uint64N(200)
	b := builder{class: []int{32, 64}[r.IntN(2)], big: r.IntN(2) == 0, symbols: []sym{}}
	data := make([]byte, size)
	for i := range data {
		data[i] = "\x90\x90\x90\x00\x00\xcc\xc3"[r.IntN(7)]
	}
	b.parts = []part{code(".text", data), {name: ".data", typ: progbits, flags: flagAlloc, data: data}}
	for range r.IntN(30) {
		s := sym{
			name:  []string{"a", "b", "__pfx_a", "__pi_b", ".Ltmp1", ".Lx", "$d", "z_start", "", "longer"}[r.IntN(10)],
			value: r.Uint64N(size + 10), size: r.Uint64N(40), bind: Binding(r.IntN(3)), section: 1 + r.IntN(2),
			typ: []SymbolType{NoType, Object, Func, IFunc, SectionType, File}[r.IntN(6)],
		}
		if r.IntN(3) == 0 {
			s.size = 0
		}
		if r.IntN(20) == 0 {
			s.size = ^uint64(0) - r.Uint64N(10)
		}
		b.symbols = append(b.symbols, s)
	}
	return b.bytes()
}

// Own agrees with painting the bytes one by one: the symbol that starts last has the byte, of those that start together
// the longest, and the others are aliases.
func TestRandomSymbols(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 3000 {
		data := randomImage(r)
		checkImage(t, data)
		im, m := own(t, data)
		for i := range m.Tilings {
			paint(t, im, &m.Tilings[i])
		}
		if t.Failed() {
			t.Fatalf("%x", data)
		}
	}
}

func paint(t *testing.T, im *Image, tl *Tiling) {
	t.Helper()
	for at := range tl.Size {
		var start, length uint64
		found := false
		for i := range im.Symbols {
			s := &im.Symbols[i]
			off := im.Offset(s)
			if int(s.Section) != tl.Section || s.Type == SectionType || s.Type == File || at < off || at-off >= s.Size {
				continue
			}
			n := min(s.Size, tl.Size-off)
			if !found || off > start || off == start && n > length {
				found, start, length = true, off, n
			}
		}
		r := tl.Ranges[tl.At(at)]
		switch {
		case !found && r.Class == Body, found && r.Class != Body && r.Class != Prefix:
			t.Fatalf("byte %#x has class %d, painted %v", at, r.Class, found)
		case r.Class == Body:
			s := &im.Symbols[r.Owner]
			if off := im.Offset(s); off != start || min(s.Size, tl.Size-off) != length {
				t.Fatalf("byte %#x belongs to %q at %#x, painted by one at %#x of %d bytes", at, s.Name, off, start, length)
			}
		}
	}
}

// Claims only ever get unattributed bytes, the first claim wins, and the section stays filled.
func TestRandomClaims(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 3000 {
		_, m := own(t, randomImage(r))
		for i := range m.Tilings {
			tl := &m.Tilings[i]
			var claims []Claim
			for k := range r.IntN(12) {
				start := r.Uint64N(tl.Size + 5)
				c := Claim{Start: start, End: start + r.Uint64N(60), Owner: int32(k), Class: ClassFree + Class(r.IntN(2))}
				if r.IntN(10) == 0 {
					c.Start, c.End = c.End, c.Start
				}
				claims = append(claims, c)
			}
			want := paintClaims(tl, claims)
			tl.Claim(claims)
			checkTiling(t, tl)
			for at, w := range want {
				g := tl.Ranges[tl.At(uint64(at))]
				if g.Class != w.Class || g.Owner != w.Owner {
					t.Fatalf("byte %#x: class %d of %d, want class %d of %d", at, g.Class, g.Owner, w.Class, w.Owner)
				}
			}
		}
	}
}

// paintClaims is the promise of Claim, byte by byte.
func paintClaims(tl *Tiling, claims []Claim) []Range {
	out := make([]Range, tl.Size)
	for at := range tl.Size {
		out[at] = tl.Ranges[tl.At(at)]
		if out[at].Class != Unattributed {
			continue
		}
		best := -1
		for k, c := range claims {
			if c.Start <= at && at < c.End && (best < 0 || c.Start < claims[best].Start) {
				best = k
			}
		}
		if best >= 0 {
			out[at].Class, out[at].Owner = claims[best].Class, claims[best].Owner
		}
	}
	return out
}

// Many claims inside a long one cost what they are, not their square.
func TestClaimNested(t *testing.T) {
	const n = 200_000
	tl := Tiling{Section: 1, Size: 2 * n}
	claims := []Claim{{Start: 0, End: 2 * n, Owner: 1, Class: ClassFree}}
	for i := range uint64(n) {
		tl.Ranges = append(tl.Ranges, Range{2 * i, -1, Unattributed}, Range{2*i + 1, 0, Body})
		claims = append(claims, Claim{Start: 2 * i, End: 2*i + 1, Owner: 2, Class: ClassFree})
	}
	tl.Claim(claims)
	checkTiling(t, &tl)
	for i, r := range tl.Ranges {
		if r.Class == ClassFree && r.Owner != 1 || r.Class == Unattributed {
			t.Fatalf("range %d: class %d of %d", i, r.Class, r.Owner)
		}
	}
}
