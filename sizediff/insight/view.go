package insight

import "github.com/oxidometer/oxidometer/sizediff"

// view is what is reached from some of the roots.
type view struct {
	dist []int32 // references from the nearest root, -1 where none leads
}

// Retained is what would go with something: what is reached only through it, itself included.
type Retained struct {
	Bytes   uint64 `json:"bytes"`
	Symbols int    `json:"symbols"` // of them with a name
}

// reach follows the references from the roots that count.
func (g *Graph) reach(counts func(sizediff.Root) bool) *view {
	return g.spread(func(n int32) bool { return counts(g.Nodes[n].Root) }, -1)
}

// spread follows the references from the nodes where it begins, as if one node were gone; -1 is none.
func (g *Graph) spread(begins func(int32) bool, gone int32) *view {
	v := &view{dist: make([]int32, len(g.Nodes))}
	var queue []int32
	for i := range v.dist {
		v.dist[i] = -1
		if begins(int32(i)) {
			v.dist[i] = 0
			queue = append(queue, int32(i))
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, e := range g.out.of(queue[0]) {
			if v.dist[e.To] < 0 && e.To != gone {
				v.dist[e.To] = v.dist[queue[0]] + 1
				queue = append(queue, e.To)
			}
		}
	}
	return v
}

// without is what of a view would no longer be reached if a node were gone, itself included: all that the node dominates.
func (g *Graph) without(v *view, gone int32) (r Retained) {
	left := g.spread(func(n int32) bool { return n != gone && v.dist[n] == 0 }, gone)
	for n := range g.Nodes {
		if v.dist[n] >= 0 && left.dist[n] < 0 {
			r.add(&g.Nodes[n])
		}
	}
	return r
}

func (r *Retained) add(n *Node) {
	r.Bytes += n.Size
	if n.Kind == sizediff.NodeSymbol {
		r.Symbols++
	}
}
