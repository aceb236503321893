package insight

import (
	"cmp"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// Outlining is an estimate of what large generic functions of an image would save if what their instances have in common were
// an inner function that is not generic. It comes on top of Folding: of identical instances only the first is looked at. Common
// ends of instances count here and in TailMerging, so the two are not to be added.
//
// Common is what stands in the same order in each of the instances: runs of instructions that are the same once addresses
// in them are replaced by what lies there. That is exact; the estimate is that each run becomes a function of its own, for
// which every instance pays a call and a jump, and nothing to pass arguments or to keep registers. Where some instances have
// little in common with the others, they are left as they are.
type Outlining struct {
	Families []OutlinedFamily // largest saving first, then by name
	Saves    uint64           // bytes, of all families

	Judged    uint64 // bytes of the functions in scope that were looked at, generic or not
	NotJudged uint64 // bytes of those that were not: all of them on machines whose code cannot be decoded; of a stripped image, all code
}

// OutlinedFamily is a generic function whose instances have something in common.
type OutlinedFamily struct {
	Name      string // as Family.Name
	Crate     string // that defines it
	Instances int    // in the image, that differ
	Bytes     uint64 // of these
	Sharing   int    // instances that would call the inner function; two or more
	Common    uint64 // bytes that each of those has of it
	Runs      int    // that Common is made of
	Saves     uint64 // bytes; at most Bytes less the largest instance
}

// Outline estimates what outlining would save in an image whose symbols have been read; owners is what Own returns. It decodes
// x86-64 and arm64. The error is that of reading the image.
func Outline(im *elfmap.Image, owners *elfmap.Map, scope Scope) (*Outlining, error) {
	c, t, err := newNumbered(im, owners, scope)
	if err != nil {
		return nil, err
	}
	return c.outline(t), nil
}

const (
	largeFamily = 512 // bytes of instances that differ, below which a family is not looked at
	longRun     = 32  // bytes of a run, so that what every function begins and ends with does not count
)

func (c *comparison) outline(t *tails) *Outlining {
	out := &Outlining{Judged: c.judged, NotJudged: c.notJudged}
	if c.decode == nil {
		out.Judged, out.NotJudged = 0, c.judged+c.notJudged
		return out
	}
	for k, instances := range t.families() {
		f := OutlinedFamily{Name: k.name, Crate: k.crate, Instances: len(instances)}
		for _, x := range instances {
			f.Bytes += t.functions[x.function].bytes()
		}
		if len(instances) < 2 || f.Bytes < largeFamily {
			continue
		}
		if t.estimate(&f, instances, jumpSize[c.im.Machine]); f.Saves > 0 {
			out.Families = append(out.Families, f)
			out.Saves += f.Saves
		}
	}
	slices.SortFunc(out.Families, func(a, b OutlinedFamily) int {
		return cmp.Or(cmp.Compare(b.Saves, a.Saves), strings.Compare(a.Name, b.Name), strings.Compare(a.Crate, b.Crate))
	})
	return out
}

type familyKey struct{ crate, name string }

// families are the instances of each generic function, smallest first, then by place.
func (t *tails) families() map[familyKey][]listing {
	out := map[familyKey][]listing{}
	var parser rustname.Parser
	for _, x := range t.listed {
		name := t.im.Symbols[t.functions[x.function].symbol].Name
		if !rustname.Looks(name) {
			continue
		}
		if n, ok := parser.Parse(name); ok && n.Generic() {
			k := familyKey{n.Crate, n.Family()}
			out[k] = append(out[k], x)
		}
	}
	for _, list := range out {
		slices.SortStableFunc(list, func(a, b listing) int { return cmp.Compare(t.size(a), t.size(b)) })
	}
	return out
}

func (t *tails) size(x listing) (n uint64) {
	for _, k := range t.code[x.first:x.end] {
		n += uint64(t.shapes[k].size)
	}
	return n
}

// estimate compares all instances with the one of middle size, and takes those that have most in common with it, as many
// as save most. Half of them are no smaller than that one, so the work does not grow faster than the code.
func (t *tails) estimate(f *OutlinedFamily, instances []listing, jump uint64) {
	middle := len(instances) / 2
	code := t.code[instances[middle].first:instances[middle].end]
	windows := windowsOf(code)
	type compared struct {
		runs  []mark
		bytes uint64
	}
	var others []compared
	for i, x := range instances {
		if i != middle {
			o := compared{runs: commonRuns(code, t.code[x.first:x.end], windows)}
			o.bytes, _, _ = t.sharing(code, o.runs, 2, jump)
			others = append(others, o)
		}
	}
	slices.SortStableFunc(others, func(a, b compared) int { return cmp.Compare(b.bytes, a.bytes) })
	common := slices.Repeat([]mark{goesOn}, len(code))
	for i, o := range others {
		for j := range common {
			common[j] = min(common[j], o.runs[j])
		}
		bytes, runs, saves := t.sharing(code, common, uint64(i)+2, jump)
		if saves > f.Saves {
			f.Sharing, f.Common, f.Runs, f.Saves = i+2, bytes, runs, saves
		}
	}
}

// mark says of an instruction whether it is in a run. What two instances have in common with a third is the lesser of both.
type mark uint8

const (
	differs mark = iota
	begins       // a run
	goesOn
)

// sharing adds up the runs of an instance that are worth sharing by a number of instances.
func (t *tails) sharing(code []uint32, marks []mark, instances, jump uint64) (bytes uint64, runs int, saves uint64) {
	run := uint64(0)
	end := func() {
		if cost := instances * 2 * jump; run >= longRun && (instances-1)*run > cost {
			bytes += run
			runs++
			saves += (instances-1)*run - cost
		}
		run = 0
	}
	for i, k := range code {
		if marks[i] != goesOn {
			end()
		}
		if marks[i] != differs {
			run += uint64(t.shapes[k].size)
		}
	}
	end()
	return bytes, runs, saves
}

// window is some instructions in a row: as many as are hardly the same by chance.
type window [4]uint32

// windowsOf says where each window stands that is there once; of others it says -1.
func windowsOf(code []uint32) map[window]int {
	out := map[window]int{}
	for i := 0; i+len(window{}) <= len(code); i++ {
		w := window(code[i:])
		if _, again := out[w]; again {
			out[w] = -1
		} else {
			out[w] = i
		}
	}
	return out
}

// commonRuns marks the instructions of a that stand in b too, in the same order. As in patience diff, both are held together
// where they have a window that is there once in each, and from there compared backwards and onwards.
func commonRuns(a, b []uint32, inA map[window]int) []mark {
	marks := make([]mark, len(a))
	endA, endB := 0, 0 // of what was compared
	for _, x := range anchors(inA, windowsOf(b)) {
		if x.a < endA || x.b < endB {
			continue
		}
		for x.a > endA && x.b > endB && a[x.a-1] == b[x.b-1] {
			x.a, x.b = x.a-1, x.b-1
		}
		n := 0
		for ; x.a+n < len(a) && x.b+n < len(b) && a[x.a+n] == b[x.b+n]; n++ {
			marks[x.a+n] = goesOn
		}
		marks[x.a] = begins
		endA, endB = x.a+n, x.b+n
	}
	return marks
}

// anchor is a place in two functions where the same stands.
type anchor struct{ a, b int }

// anchors is the longest list of places that is in order in both functions.
func anchors(inA, inB map[window]int) []anchor {
	var all []anchor
	for w, a := range inA {
		if b, both := inB[w]; both && a >= 0 && b >= 0 {
			all = append(all, anchor{a, b})
		}
	}
	slices.SortFunc(all, func(x, y anchor) int { return cmp.Compare(x.a, y.a) })
	var last []int // by length of a list: which anchor ends the one that ends first in b
	before := make([]int, len(all))
	for i, x := range all {
		n, _ := slices.BinarySearchFunc(last, x.b, func(k, b int) int { return cmp.Compare(all[k].b, b) })
		if before[i] = -1; n > 0 {
			before[i] = last[n-1]
		}
		if n == len(last) {
			last = append(last, i)
		} else {
			last[n] = i
		}
	}
	out := make([]anchor, len(last))
	for n := len(last) - 1; n >= 0; n-- {
		i := last[n]
		if n+1 < len(last) {
			i = before[last[n+1]]
		}
		out[n], last[n] = all[i], i
	}
	return out
}
