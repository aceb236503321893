package insight

import (
	"github.com/oxidometer/oxidometer/sizediff"
	"math"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// Chains returns the shortest chains of references from roots to a node, both included, in order of their names, at most
// limit of them, and how many there are in all; math.MaxInt64 stands for more than that. Exports do not count as roots,
// unless nothing else leads there.
func (g *Graph) Chains(n int32, limit int) (chains [][]int32, all int64) {
	dist := g.used.dist
	if dist[n] < 0 {
		dist = g.linked.dist
	}
	return g.chains(n, dist, limit)
}

// News is what is used in a build and was not in another.
type News struct {
	*Graph
	dist   []int32 // references from what was used before, -1 for what is not used
	before []int32 // by node, who refers to it in Chain; made when first asked for
}

// Since compares with the graph of another build. Symbols are the same if image and name are, hashes aside
// (rustname.MatchKey). What has no name is not compared, and neither what is only exported: the first use of what was
// exported all along is news.
func (g *Graph) Since(base *Graph) News {
	old := map[string]bool{}
	for n, d := range base.used.dist {
		if key := base.key(int32(n)); d >= 0 && key != "" {
			old[key] = true
		}
	}
	v := g.spread(func(n int32) bool {
		return g.used.dist[n] >= 0 && (g.Nodes[n].Root != sizediff.RootNone && g.Nodes[n].Root < sizediff.RootExport || old[g.key(n)])
	}, -1)
	return News{Graph: g, dist: v.dist}
}

// Chain returns one of the shortest chains of new references to a node: of those who refer to a thing first, it takes the first by
// name. It is empty for what is not used. All chains together take no longer than one.
func (s *News) Chain(n int32) []int32 {
	if s.dist[n] < 0 {
		return nil
	}
	if s.before == nil {
		s.before = s.predecessors()
	}
	var chain []int32
	for ; n >= 0; n = s.before[n] {
		chain = append(chain, n)
	}
	slices.Reverse(chain)
	return chain
}

// predecessors returns who refers to each node on a shortest way, -1 for where a way begins.
func (s *News) predecessors() []int32 {
	before := make([]int32, len(s.Nodes))
	for i := range before {
		before[i] = -1
		if s.dist[i] <= 0 {
			continue
		}
		for _, e := range s.in.of(int32(i)) {
			if s.dist[e.From] == s.dist[i]-1 && (before[i] < 0 || s.compare(e.From, before[i]) < 0) {
				before[i] = e.From
			}
		}
	}
	return before
}

// key tells symbols of two builds apart, "" for what has no name.
func (g *Graph) key(n int32) string {
	if k := g.Nodes[n].Kind; k != sizediff.NodeSymbol && k != sizediff.NodeExternal {
		return ""
	}
	name := g.Name(n)
	if rustname.Looks(name) {
		if parsed, ok := rustname.Parse(name); ok {
			name = parsed.MatchKey()
		}
	}
	if g.lone {
		return name
	}
	return g.path(n) + "\x00" + name
}

// Chains returns the shortest chains of new references to a node, as Graph.Chains does: each begins with what was used
// before, or with a new root. Of what was used before itself, that is all; of what is not used there is none.
func (s News) Chains(n int32, limit int) (chains [][]int32, all int64) {
	if s.dist[n] < 0 {
		return nil, 0
	}
	return s.chains(n, s.dist, limit)
}

// chains goes down the distances from their zeros to a node.
func (g *Graph) chains(n int32, dist []int32, limit int) (chains [][]int32, all int64) {
	next, roots, all := g.shortest(n, dist)
	for _, list := range next {
		slices.SortFunc(list, g.compare)
	}
	slices.SortFunc(roots, g.compare)
	var chain []int32
	var walk func(x int32)
	walk = func(x int32) {
		chain = append(chain, x)
		if x == n {
			chains = append(chains, slices.Clone(chain))
		}
		for _, y := range next[x] {
			if len(chains) >= limit {
				break
			}
			walk(y)
		}
		chain = chain[:len(chain)-1]
	}
	for _, r := range roots {
		if len(chains) < limit {
			walk(r)
		}
	}
	return chains, all
}

// shortest goes back from a node on all shortest ways. It returns what follows each node on them, the roots where they
// begin, and how many ways there are.
func (g *Graph) shortest(n int32, dist []int32) (next map[int32][]int32, roots []int32, all int64) {
	next = map[int32][]int32{n: nil}
	order := []int32{n} // by falling distance
	for i := 0; i < len(order); i++ {
		x := order[i]
		if dist[x] == 0 {
			roots = append(roots, x)
			continue // a root's own referrers are no shorter way
		}
		for _, e := range g.in.of(x) {
			if dist[e.From] != dist[x]-1 {
				continue
			}
			if _, seen := next[e.From]; !seen {
				order = append(order, e.From)
			}
			next[e.From] = append(next[e.From], x)
		}
	}
	ways := map[int32]int64{n: 1} // from a node to n
	for _, x := range order[1:] {
		for _, y := range next[x] {
			ways[x] = sum(ways[x], ways[y])
		}
	}
	for _, r := range roots {
		all = sum(all, ways[r])
	}
	return next, roots, all
}

// sum of two counts, math.MaxInt64 when it is more than that.
func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
