package insight

import (
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// What RustReferences leaves out: nine tenths of a kernel are C that refers to C.

const pageSize = 4096

// markPages notes where Rust symbols lie, so that of what C refers to all else is passed over at once.
func (r *reading) markPages() {
	lo, hi := r.bounds()
	if hi-lo >= 1<<32 || hi == lo {
		return
	}
	r.pages = make([]uint64, (hi-lo)/pageSize/64+1)
	for i := range r.owners.Tilings {
		t := &r.owners.Tilings[i]
		s := &r.elf.Sections[t.Section]
		for j, g := range t.Ranges {
			if g.Symbol() < 0 || s.Addr < lo || s.Addr+t.End(j) > hi || !r.isRust(r.node[g.Symbol()]) {
				continue
			}
			for page := (s.Addr + g.Start - lo) / pageSize; page*pageSize < s.Addr+t.End(j)-lo; page++ {
				r.pages[page/64] |= 1 << (page % 64)
			}
		}
	}
}

func (r *reading) isRust(n int32) bool {
	s := r.out.Nodes[n].Symbol
	return s >= 0 && r.measured.Symbols[s].Crate != 0
}

// pagesFor returns where references of a range may lead: those of C, and of code without a name, only to Rust.
func (r *reading) pagesFor(g elfmap.Range, code bool) []uint64 {
	if g.Symbol() < 0 && !code || g.Symbol() >= 0 && r.isRust(r.node[g.Symbol()]) {
		return nil
	}
	return r.pages
}

// inPages reports whether what lies so far from the lowest address may be referred to.
func inPages(pages []uint64, distance uint64) bool {
	return pages == nil || pages[distance/pageSize/64]>>(distance/pageSize%64)&1 != 0
}

// onlyRust keeps Rust symbols, what leads to them, and on the way what has no name.
func onlyRust(r *sizediff.References, im *sizediff.Image) {
	n := len(r.Nodes)
	rust := func(i int32) bool { s := r.Nodes[i].Symbol; return s >= 0 && im.Symbols[s].Crate != 0 }
	leads := make([]bool, n) // it is Rust, or has no name and leads there
	var queue []int32
	reach := func(i int32) {
		if !leads[i] {
			leads[i] = true
			queue = append(queue, i)
		}
	}
	r.Imports = keep(r.Imports, func(x sizediff.RefImport) bool {
		return rustname.Looks(x.Name) || rust(x.From) || r.Nodes[x.From].Kind != sizediff.NodeSymbol
	})
	for i := range int32(n) {
		if rust(i) {
			reach(i)
		}
	}
	for _, x := range r.Imports {
		if rustname.Looks(x.Name) && r.Nodes[x.From].Kind != sizediff.NodeSymbol {
			reach(x.From)
		}
	}
	in := gather(n, r.Edges, func(e edge) int32 { return e.To })
	for ; len(queue) > 0; queue = queue[1:] {
		for _, e := range in.of(queue[0]) {
			if r.Nodes[e.From].Kind != sizediff.NodeSymbol {
				reach(e.From)
			}
		}
	}
	r.Edges = keep(r.Edges, func(e edge) bool { return leads[e.To] })
	r.Imports = keep(r.Imports, func(x sizediff.RefImport) bool { return leads[x.From] || rustname.Looks(x.Name) })
	renumber(r, rust)
}

// renumber drops the nodes that nothing refers to and that refer to nothing, unless they are wanted.
func renumber(r *sizediff.References, wanted func(int32) bool) {
	stays := make([]bool, len(r.Nodes))
	for i := range r.Nodes {
		stays[i] = wanted(int32(i))
	}
	for _, e := range r.Edges {
		stays[e.From], stays[e.To] = true, true
	}
	for _, x := range r.Imports {
		stays[x.From] = true
	}
	number := make([]int32, len(r.Nodes))
	var nodes []sizediff.RefNode
	for i, n := range r.Nodes {
		if stays[i] {
			number[i] = int32(len(nodes))
			nodes = append(nodes, n)
		}
	}
	r.Nodes = nodes
	for i := range r.Edges {
		e := &r.Edges[i]
		e.From, e.To = number[e.From], number[e.To]
	}
	for i := range r.Imports {
		r.Imports[i].From = number[r.Imports[i].From]
	}
}

// keep returns the elements that fit in memory of their own, so that the others' is freed.
func keep[T any](list []T, fits func(T) bool) []T {
	var out []T
	for _, x := range list {
		if fits(x) {
			out = append(out, x)
		}
	}
	return out
}
