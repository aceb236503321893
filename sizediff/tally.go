package sizediff

import "github.com/oxidometer/oxidometer/sizediff/rustname"

// tally is the sums over one image, or over a build.
type tally struct {
	file, unloaded int64
	memory         [2]int64              // resident, init
	closing        [2]parts              // the same bytes by kind of owner
	buckets        [][2]int64            // the same bytes by bucket
	crates         map[crateKey]crateSum // Rust only
	inst           map[string]crateSum
	runtime        map[string]int64
	sections       map[sectionKey]sectionSum
	residue        map[residueKey]int64
	bucketOf       []uint16 // of each symbol; nil for a build
}

// parts are the five kinds of owner of Closing.
type parts struct{ named, constants, derived, padding, unattributed int64 }

type crateKey struct {
	bucket int
	crate  string
}

type crateSum struct{ bytes, unnamed int64 }

type sectionKey struct {
	name string
	kind Kind
}

type sectionSum struct {
	derived bool
	size    int64
}

type residueKey struct {
	section, class, crate string
	kind                  Kind
}

func newTally(buckets int) *tally {
	return &tally{
		buckets: make([][2]int64, buckets), crates: map[crateKey]crateSum{}, inst: map[string]crateSum{},
		runtime: map[string]int64{}, sections: map[sectionKey]sectionSum{}, residue: map[residueKey]int64{},
	}
}

// modules remembers the module path of Rust names: base and head share nearly all of them.
type modules map[string]string

func (m modules) of(s *Symbol, crate string) string {
	if s.How != ByName {
		return crate
	}
	p, ok := m[s.Name]
	if !ok {
		if n, parsed := rustname.Parse(s.Name); parsed {
			p = n.Module()
		}
		if p == "" {
			p = crate
		}
		m[s.Name] = p
	}
	return p
}

// tallyImage adds up one image.
func (c *classifier) tallyImage(path string, im *Image, paths modules) *tally {
	t := newTally(len(c.buckets))
	by := c.forImage(path, im)
	for i := range im.Sections {
		t.section(&im.Sections[i])
	}
	t.bucketOf = make([]uint16, len(im.Symbols))
	for i := range im.Symbols {
		s := &im.Symbols[i]
		b := by.symbol(s)
		t.bucketOf[i] = uint16(b)
		t.symbol(im, s, b)
		if s.How != ByNothing && c.buckets[b].Name == BucketRuntime {
			t.runtime[paths.of(s, im.Crates[s.Crate])] += int64(s.Size)
		}
	}
	for i := range im.Shares {
		t.share(im, &im.Shares[i], by.share(&im.Shares[i]))
	}
	return t
}

func (t *tally) section(s *Section) {
	k := sectionKey{s.Name, s.Kind}
	sum := t.sections[k]
	sum.size += int64(s.Size)
	sum.derived = s.Derived
	t.sections[k] = sum
	if s.Kind == Unloaded {
		t.unloaded += int64(s.Size)
	}
}

// memoryOf is the index of a kind in the pairs of a tally.
func memoryOf(k Kind) int {
	if k == Init {
		return 1
	}
	return 0
}

func (t *tally) symbol(im *Image, s *Symbol, bucket int) {
	sec := &im.Sections[s.Section]
	m, n := memoryOf(sec.Kind), int64(s.Size)
	t.memory[m] += n
	t.buckets[bucket][m] += n
	if sec.Derived {
		t.closing[m].derived += n
	} else {
		t.closing[m].named += n
	}
	if s.How != ByNothing {
		t.crate(im, bucket, s.Crate, s.Inst, crateSum{bytes: n}, !sec.Derived)
	}
}

// crate adds bytes to a defining crate, and to the crate that pays for them.
func (t *tally) crate(im *Image, bucket int, crate, inst int32, n crateSum, pays bool) {
	k := crateKey{bucket, im.Crates[crate]}
	sum := t.crates[k]
	t.crates[k] = crateSum{sum.bytes + n.bytes, sum.unnamed + n.unnamed}
	if !pays {
		return
	}
	if inst == 0 {
		inst = crate
	}
	sum = t.inst[im.Crates[inst]]
	t.inst[im.Crates[inst]] = crateSum{sum.bytes + n.bytes, sum.unnamed + n.unnamed}
}

func (t *tally) share(im *Image, s *Share, bucket int) {
	sec := &im.Sections[s.Section]
	m, n := memoryOf(sec.Kind), int64(s.Bytes)
	t.memory[m] += n
	t.buckets[bucket][m] += n
	p := &t.closing[m]
	class := s.Class
	if sec.Derived && class == ShareUnattributed {
		class = ShareTable
	}
	switch class {
	case ShareConstant:
		p.constants += n
		t.crate(im, bucket, s.Crate, s.Inst, crateSum{n, n}, true)
	case ShareTable:
		p.derived += n
		if s.Crate != 0 {
			t.crate(im, bucket, s.Crate, s.Inst, crateSum{bytes: n}, false)
		}
	case SharePadding, ShareStep:
		p.padding += n
	default:
		p.unattributed += n
	}
	name := sec.Name
	if s.Table != "" {
		name += " (" + s.Table + ")"
	}
	t.residue[residueKey{name, class.String(), im.Crates[s.Crate], sec.Kind}] += n
}

// add adds the sums of an image to those of its build.
func (t *tally) add(u *tally) {
	t.file += u.file
	t.unloaded += u.unloaded
	for m := range t.memory {
		t.memory[m] += u.memory[m]
		p, q := &t.closing[m], u.closing[m]
		p.named += q.named
		p.constants += q.constants
		p.derived += q.derived
		p.padding += q.padding
		p.unattributed += q.unattributed
	}
	for i := range u.buckets {
		t.buckets[i][0] += u.buckets[i][0]
		t.buckets[i][1] += u.buckets[i][1]
	}
	for k, v := range u.crates {
		sum := t.crates[k]
		t.crates[k] = crateSum{sum.bytes + v.bytes, sum.unnamed + v.unnamed}
	}
	for k, v := range u.inst {
		sum := t.inst[k]
		t.inst[k] = crateSum{sum.bytes + v.bytes, sum.unnamed + v.unnamed}
	}
	for k, v := range u.runtime {
		t.runtime[k] += v
	}
}
