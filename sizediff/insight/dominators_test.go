package insight

// Dominators find what every node retains by another way than Graph.without: all ways to a node lead through its dominators (Cooper,
// Harvey, Kennedy: A Simple, Fast Dominance Algorithm).

// whole is the number that stands for all roots together.
func (g *Graph) whole() int32 { return int32(len(g.Nodes)) }

// retain adds up what each node dominates, once.
func (g *Graph) retain(v *view) []Retained {
	order := g.postorder(v)
	dominator := g.dominators(v, order)
	sum := make([]Retained, len(g.Nodes)+1)
	for _, n := range order { // what is dominated comes before its dominator
		if n == g.whole() {
			continue
		}
		sum[n].add(&g.Nodes[n])
		d := &sum[dominator[n]]
		d.Bytes += sum[n].Bytes
		d.Symbols += sum[n].Symbols
	}
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
