package insight

import (
	"cmp"
	"math"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff"
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
	before, after := keys(base, g)
	return g.since(base, before, after)
}

// since is Since of graphs whose keys are known.
func (g *Graph) since(base *Graph, before, after []nodeKey) News {
	old := map[nodeKey]bool{}
	for n, d := range base.used.dist {
		if k := before[n]; d >= 0 && k != (nodeKey{}) {
			old[k] = true
		}
	}
	v := g.spread(func(n int32) bool {
		return g.used.dist[n] >= 0 && (g.Nodes[n].Root != sizediff.RootNone && g.Nodes[n].Root < sizediff.RootExport || old[after[n]])
	}, -1)
	return News{Graph: g, dist: v.dist}
}

// Chain returns one of the shortest chains of new references to a node: of those who refer to a thing first, it takes the first by
// name. It begins with what was used before, or with a new root; of what was used before itself, that is all. It is empty for
// what is not used. All chains together take no longer than one.
func (s *News) Chain(n int32) []int32 {
	if s.dist[n] < 0 {
		return nil
	}
	if s.before == nil {
		s.before = s.predecessors()
	}
	chain := make([]int32, 0, s.dist[n]+1)
	for ; n >= 0; n = s.before[n] {
		chain = append(chain, n)
	}
	slices.Reverse(chain)
	return chain
}

// predecessors returns who refers to each node on a shortest way, -1 for where a way begins.
func (s *News) predecessors() []int32 {
	shortest := func(take func(from, to int32)) {
		for i := range s.Nodes {
			if s.dist[i] <= 0 {
				continue
			}
			for _, e := range s.in.of(int32(i)) {
				if s.dist[e.From] == s.dist[i]-1 {
					take(e.From, int32(i))
				}
			}
		}
	}
	before := slices.Repeat([]int32{-1}, len(s.Nodes))
	var tied []int32
	shortest(func(from, to int32) {
		if before[to] < 0 {
			before[to] = from
		} else {
			tied = append(tied, before[to], from)
		}
	})
	rank := s.ranks(tied)
	shortest(func(from, to int32) {
		if rank[from] < rank[before[to]] {
			before[to] = from
		}
	})
	return before
}

// nodeKey tells symbols of two builds apart. It is the zero value for what has no name.
type nodeKey struct {
	image int32 // the same number in both builds, 0 for a name that is not defined
	name  string
}

// keys are those of the nodes of two graphs.
func keys(base, head *Graph) (before, after []nodeKey) {
	number := map[string]int32{} // of an image, by path: a path can be long, and stand before a million names
	of := func(g *Graph) []nodeKey {
		images := make([]int32, len(g.Images))
		for i := range g.Images {
			path := g.Images[i].Path
			if number[path] == 0 {
				number[path] = int32(len(number) + 1)
			}
			images[i] = number[path]
		}
		out := make([]nodeKey, len(g.Nodes))
		for n := range out {
			if k := g.Nodes[n].Kind; k != sizediff.NodeSymbol && k != sizediff.NodeExternal {
				continue
			}
			out[n].name = g.key(int32(n))
			if i := g.Nodes[n].Image; i >= 0 {
				out[n].image = images[i]
			}
		}
		return out
	}
	return of(base), of(head)
}

// key is the name of a symbol without what changes from build to build.
func (g *Graph) key(n int32) string {
	name := g.Name(n)
	if rustname.Looks(name) {
		if parsed, ok := rustname.Parse(name); ok {
			return parsed.MatchKey()
		}
	}
	return name
}

// chains goes down the distances from their zeros to a node.
func (g *Graph) chains(n int32, dist []int32, limit int) (chains [][]int32, all int64) {
	next, roots, all := g.shortest(n, dist)
	g.sortAll(next, roots)
	for _, r := range roots {
		chain, taken := []int32{r}, []int{0} // taken: how many of what follows were looked at
		for len(chain) > 0 && len(chains) < limit {
			last := len(chain) - 1
			x := chain[last]
			if x == n {
				chains = append(chains, slices.Clone(chain))
			}
			if taken[last] == len(next[x]) {
				chain, taken = chain[:last], taken[:last]
				continue
			}
			taken[last]++
			chain, taken = append(chain, next[x][taken[last]-1]), append(taken, 0)
		}
	}
	return chains, all
}

// sortAll puts roots and what follows each node in order.
func (g *Graph) sortAll(next map[int32][]int32, roots []int32) {
	var tied []int32
	for _, list := range next {
		if len(list) > 1 {
			tied = append(tied, list...)
		}
	}
	rank := g.ranks(append(tied, roots...))
	byRank := func(a, b int32) int { return cmp.Compare(rank[a], rank[b]) }
	for _, list := range next {
		slices.SortFunc(list, byRank)
	}
	slices.SortFunc(roots, byRank)
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
