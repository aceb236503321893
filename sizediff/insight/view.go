package insight

import "github.com/oxidometer/oxidometer/sizediff"

// view is what is reached from some of the roots, and who dominates whom in it: all ways to a node lead through its
// dominators (Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm).
type view struct {
	dist     []int32    // references from the nearest root, -1 where none leads
	retained []Retained // by node, and for all together at the end
}

// Retained is what would go with something: what is reached only through it, itself included.
type Retained struct {
	Bytes   uint64 `json:"bytes"`
	Symbols int    `json:"symbols"` // of them with a name
}

// reach follows the references from the roots that count.
func (g *Graph) reach(counts func(sizediff.Root) bool) *view {
	return g.spread(func(n int32) bool { return counts(g.Nodes[n].Root) })
}

// spread follows the references from the nodes where it begins.
func (g *Graph) spread(begins func(int32) bool) *view {
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
			if v.dist[e.To] < 0 {
				v.dist[e.To] = v.dist[queue[0]] + 1
				queue = append(queue, e.To)
			}
		}
	}
	return v
}

// whole is the number that stands for all roots together.
func (g *Graph) whole() int32 { return int32(len(g.Nodes)) }

// retain adds up what each node dominates, once.
func (g *Graph) retain(v *view) []Retained {
	if v.retained != nil {
		return v.retained
	}
	order := g.postorder(v)
	dominator := g.dominators(v, order)
	sum := make([]Retained, len(g.Nodes)+1)
	for _, n := range order { // what is dominated comes before its dominator
		if n == g.whole() {
			continue
		}
		x := &g.Nodes[n]
		sum[n].Bytes += x.Size
		if x.Kind == sizediff.NodeSymbol {
			sum[n].Symbols++
		}
		d := &sum[dominator[n]]
		d.Bytes += sum[n].Bytes
		d.Symbols += sum[n].Symbols
	}
	v.retained = sum
	return sum
}

// postorder lists what is reached, each node after those that were first reached through it. The whole is last.
func (g *Graph) postorder(v *view) []int32 {
	type step struct {
		node int32
		next int // edge to follow
	}
	seen := make([]bool, len(g.Nodes))
	var order []int32
	var stack []step
	for i := range g.Nodes {
		if v.dist[i] != 0 || seen[i] {
			continue
		}
		seen[i] = true
		stack = append(stack, step{int32(i), 0})
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			edges := g.out.of(top.node)
			if top.next == len(edges) {
				order = append(order, top.node)
				stack = stack[:len(stack)-1]
				continue
			}
			to := edges[top.next].To
			top.next++
			if !seen[to] {
				seen[to] = true
				stack = append(stack, step{to, 0})
			}
		}
	}
	return append(order, g.whole())
}

// dominators returns the nearest dominator of each node that is reached.
func (g *Graph) dominators(v *view, order []int32) []int32 {
	number := make([]int32, len(g.Nodes)+1) // in order
	for i, n := range order {
		number[n] = int32(i)
	}
	idom := make([]int32, len(g.Nodes)+1)
	for i := range idom {
		idom[i] = -1
	}
	idom[g.whole()] = g.whole()
	meet := func(a, b int32) int32 {
		for a != b {
			for number[a] < number[b] {
				a = idom[a]
			}
			for number[b] < number[a] {
				b = idom[b]
			}
		}
		return a
	}
	for changed := true; changed; {
		changed = false
		for i := len(order) - 2; i >= 0; i-- {
			n, d := order[i], int32(-1)
			if v.dist[n] == 0 {
				d = g.whole()
			}
			for _, e := range g.in.of(n) {
				switch {
				case idom[e.From] < 0: // not reached, or not yet
				case d < 0:
					d = e.From
				default:
					d = meet(d, e.From)
				}
			}
			if idom[n] != d {
				idom[n], changed = d, true
			}
		}
	}
	return idom
}
