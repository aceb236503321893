package insight

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// Image is one image of a graph.
type Image struct {
	Path string
	*sizediff.Image
	nodes []int32 // by symbol, -1 for one that is no node: a graph of Rust has not all of them
}

// Node is something that owns bytes. Nodes of a graph are numbered in order of image, then symbols, then nameless things by
// section and offset; names that are not defined come last.
type Node struct {
	sizediff.RefNode
	Image int32  // index into Graph.Images, -1 for NodeExternal; then Section is -1, too
	name  string // of NodeExternal
}

// Graph is who refers to what in a build. It is for one goroutine at a time.
type Graph struct {
	Images []Image
	Nodes  []Node
	Rust   bool      // only Rust symbols and what leads to them is known of some image
	out    adjacency // by node, what it refers to
	in     adjacency // by node, who refers to it
	used   *view     // without exports
	kept   *view     // with them
	linked *view     // and with what is linked whole: all
}

// edge is all references from one node of a graph to another.
type edge = sizediff.RefEdge

// adjacency holds edges by one of their ends.
type adjacency struct {
	first []int32 // by node, the index of its first edge; one more at the end
	edges []edge
}

func (a *adjacency) of(n int32) []edge { return a.edges[a.first[n]:a.first[n+1]] }

// finish makes the graph of references in any order. Several between the same two nodes count together.
func (g *Graph) finish(refs []edge) {
	g.out = gather(len(g.Nodes), refs, func(e edge) int32 { return e.From })
	g.out.merge(len(g.Nodes))
	g.in = gather(len(g.Nodes), g.out.edges, func(e edge) int32 { return e.To })
	g.used = g.reach(func(r sizediff.Root) bool { return r != sizediff.RootNone && r < sizediff.RootExport })
	g.kept = g.reach(func(r sizediff.Root) bool { return r != sizediff.RootNone })
	g.keepLinked()
	g.linked = g.reach(func(r sizediff.Root) bool { return r != sizediff.RootNone })
}

// gather sorts edges by the end that key names, keeping the order of equal ones.
func gather(n int, edges []edge, key func(edge) int32) adjacency {
	a := adjacency{make([]int32, n+1), make([]edge, len(edges))}
	for _, e := range edges {
		a.first[key(e)+1]++
	}
	for i := range n {
		a.first[i+1] += a.first[i]
	}
	next := slices.Clone(a.first)
	for _, e := range edges {
		k := key(e)
		a.edges[next[k]] = e
		next[k]++
	}
	return a
}

// merge makes one edge of all references between two nodes.
func (a *adjacency) merge(n int) {
	kept := a.edges[:0]
	for i := range n {
		list := a.edges[a.first[i]:a.first[i+1]]
		slices.SortFunc(list, func(x, y edge) int { return cmp.Or(cmp.Compare(x.To, y.To), cmp.Compare(x.At, y.At)) })
		start := len(kept)
		for _, e := range list {
			if k := len(kept); k > start && kept[k-1].To == e.To {
				kept[k-1].Count += e.Count
				continue
			}
			kept = append(kept, e)
		}
		a.first[i] = int32(start)
	}
	a.first[n] = int32(len(kept))
	a.edges = kept
}

// keepLinked makes roots of what is linked and not reached by any other: what nothing of it refers to, and one of each circle that
// nothing outside of it refers to.
func (g *Graph) keepLinked() {
	reached := slices.Clone(g.kept.dist)
	order := g.finished(reached)
	slices.Reverse(order) // who refers to others comes before them, unless they refer to it, too
	for _, n := range order {
		if reached[n] >= 0 {
			continue
		}
		g.Nodes[n].Root = sizediff.RootLinked
		reached[n] = 0
		for queue := []int32{n}; len(queue) > 0; queue = queue[1:] {
			for _, e := range g.out.of(queue[0]) {
				if reached[e.To] < 0 {
					reached[e.To] = 0
					queue = append(queue, e.To)
				}
			}
		}
	}
}

// finished lists the nodes that are not reached in the order in which a search into the depth is done with them: each after all that it
// leads to, but for circles.
func (g *Graph) finished(reached []int32) (order []int32) {
	type step struct {
		node int32
		left []edge // not followed yet
	}
	seen := make([]bool, len(g.Nodes))
	var path []step
	enter := func(n int32) {
		if reached[n] < 0 && !seen[n] {
			seen[n] = true
			path = append(path, step{n, g.out.of(n)})
		}
	}
	for i := range g.Nodes {
		enter(int32(i))
		for len(path) > 0 {
			top := &path[len(path)-1]
			if len(top.left) == 0 {
				order = append(order, top.node)
				path = path[:len(path)-1]
				continue
			}
			to := top.left[0].To
			top.left = top.left[1:]
			enter(to)
		}
	}
	return order
}

// Name returns the name of a node as its symbol table has it; of a nameless one, where it lies. It can be "".
func (g *Graph) Name(n int32) string {
	x := &g.Nodes[n]
	switch x.Kind {
	case sizediff.NodeSymbol:
		return g.Images[x.Image].Symbols[x.Symbol].Name
	case sizediff.NodeExternal:
		return x.name
	case sizediff.NodeRest:
		return g.section(n)
	}
	return fmt.Sprintf("%s+%#x", g.section(n), x.Offset)
}

// Demangled is Name as people write it, without hashes.
func (g *Graph) Demangled(n int32) string {
	name := g.Name(n)
	if parsed, ok := rustname.Parse(name); ok {
		return parsed.String()
	}
	return name
}

// path is where the image of a node lies in the build, "" for a name that is not defined.
func (g *Graph) path(n int32) string {
	if i := g.Nodes[n].Image; i >= 0 {
		return g.Images[i].Path
	}
	return ""
}

// section is the name of a node's section, "" for a name that is not defined.
func (g *Graph) section(n int32) string {
	x := &g.Nodes[n]
	if x.Section < 0 {
		return ""
	}
	return g.Images[x.Image].Sections[x.Section].Name
}

// crate returns the defining crate of a symbol, "" for all else.
func (g *Graph) crate(n int32) string {
	x := &g.Nodes[n]
	if x.Kind != sizediff.NodeSymbol {
		return ""
	}
	m := &g.Images[x.Image]
	return m.Crates[m.Symbols[x.Symbol].Crate]
}

// longName is how much of a name counts in an order of names, in bytes.
const longName = 256

// ranks orders some nodes for people: by name, then by place. Different nodes never have the same rank. Each name is made once,
// because a crafted one takes long to make.
func (g *Graph) ranks(nodes []int32) map[int32]int32 {
	nodes = unique(slices.Clone(nodes))
	type named struct {
		name string
		node int32
	}
	list := make([]named, len(nodes))
	for i, n := range nodes {
		name := g.Demangled(n)
		if len(name) > longName {
			name = strings.Clone(name[:longName])
		}
		list[i] = named{name, n}
	}
	slices.SortFunc(list, func(a, b named) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(g.path(a.node), g.path(b.node)), cmp.Compare(a.node, b.node))
	})
	rank := make(map[int32]int32, len(list))
	for i, x := range list {
		rank[x.node] = int32(i)
	}
	return rank
}
