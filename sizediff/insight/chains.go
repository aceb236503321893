package insight

import (
	"math"
	"slices"
)

// Chains returns the shortest chains of references from roots to a node, both included, in order of their names, at most
// limit of them, and how many there are in all; math.MaxInt64 stands for more than that. Exports do not count as roots,
// unless nothing else leads there.
func (g *Graph) Chains(n int32, limit int) (chains [][]int32, all int64) {
	dist := g.used.dist
	if dist[n] < 0 {
		dist = g.linked.dist
	}
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
			if dist[e.from] != dist[x]-1 {
				continue
			}
			if _, seen := next[e.from]; !seen {
				order = append(order, e.from)
			}
			next[e.from] = append(next[e.from], x)
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
