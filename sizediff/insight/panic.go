package insight

import (
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// PanicSites are the places in one function that call into the panic machinery.
type PanicSites struct {
	Node  int32
	Sites int
}

// Panics counts the panic call sites of a build, by function, in order of nodes. A site is a reference to a function that never
// returns but panics (see isPanic); those of such functions themselves do not count.
func (g *Graph) Panics() []PanicSites {
	panics := make([]bool, len(g.Nodes)) // names are parsed once
	for n := range g.Nodes {
		panics[n] = g.isPanic(int32(n))
	}
	var out []PanicSites
	for n := range g.Nodes {
		if panics[n] || !g.isCode(int32(n)) {
			continue
		}
		sites := 0
		for _, e := range g.out.of(int32(n)) {
			if panics[e.To] {
				sites += int(e.Count)
			}
		}
		if sites > 0 {
			out = append(out, PanicSites{int32(n), sites})
		}
	}
	return out
}

// panicSites is Panics of one node.
func (g *Graph) panicSites(n int32) (sites int) {
	if !g.isCode(n) || g.isPanic(n) {
		return 0
	}
	for _, e := range g.out.of(n) {
		if g.isPanic(e.To) {
			sites += int(e.Count)
		}
	}
	return sites
}

// isCode reports whether a node lies in a section of code.
func (g *Graph) isCode(n int32) bool {
	x := &g.Nodes[n]
	return x.Section >= 0 && g.Images[x.Image].Sections[x.Section].Code
}

// isPanic reports whether a node is a function that panics and does nothing else, by its name: all of core::panicking, and
// what core and alloc call so: slice_index_fail, unwrap_failed, panic_already_borrowed, handle_alloc_error. So is its slot in
// the global offset table, through which programs call it that can be loaded anywhere.
func (g *Graph) isPanic(n int32) bool {
	switch g.Nodes[n].Kind {
	case sizediff.NodeSymbol, sizediff.NodeExternal:
		name := g.Name(n)
		if !rustname.Looks(name) {
			return false
		}
		parsed, ok := rustname.Parse(name)
		return ok && isPanicPath(parsed.Crate, parsed.Item())
	case sizediff.NodeUnnamed:
		if section := g.section(n); section != ".got" && section != ".got.plt" {
			return false
		}
		for _, e := range g.out.of(n) {
			if e.At == 0 && g.Nodes[e.To].Kind != sizediff.NodeUnnamed {
				return g.isPanic(e.To)
			}
		}
	}
	return false
}

func isPanicPath(crate, path string) bool {
	if crate != "core" && crate != "alloc" && crate != "std" {
		return false
	}
	if strings.HasPrefix(path, "core::panicking::") {
		return true
	}
	path, _, _ = strings.Cut(path, "::do_panic") // what const_panic! makes of a function, and its runtime part
	last := path[strings.LastIndex(path, ":")+1:]
	switch last {
	case "handle_alloc_error", "capacity_overflow", "from_ascii_radix_panic":
		return true
	}
	return strings.HasPrefix(last, "panic_") || strings.HasSuffix(last, "_fail") || strings.HasSuffix(last, "_failed") ||
		strings.HasSuffix(last, "_fail_rt") || strings.HasSuffix(last, "_fail_ct")
}
