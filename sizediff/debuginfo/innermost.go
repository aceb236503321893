package debuginfo

import (
	"cmp"
	"container/heap"
	"slices"
)

// span is a range of addresses with code of a scope.
type span struct {
	start, end uint64
	depth      int32 // of the scope
	scope      int32
}

// innermost gives each address to the deepest span that has it; of equally deep ones, to the first in the list. The result
// is ordered, does not overlap, and has no depths. Neighbours of one scope are one span. The list is sorted on the way.
func innermost(spans []span) []span {
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	var out []span
	var open deepest
	for pos := uint64(0); len(open) > 0 || len(spans) > 0; {
		if len(open) == 0 {
			pos = spans[0].start
		}
		for len(spans) > 0 && spans[0].start <= pos {
			heap.Push(&open, spans[0])
			spans = spans[1:]
		}
		if open[0].end <= pos {
			heap.Pop(&open)
			continue
		}
		top := open[0]
		end := top.end
		if len(spans) > 0 {
			end = min(end, spans[0].start)
		}
		if n := len(out) - 1; n >= 0 && out[n].end == pos && out[n].scope == top.scope {
			out[n].end = end
		} else {
			out = append(out, span{start: pos, end: end, scope: top.scope})
		}
		pos = end
	}
	return out
}

// deepest is a heap with the deepest span on top.
type deepest []span

func (h deepest) Len() int      { return len(h) }
func (h deepest) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *deepest) Push(s any)   { *h = append(*h, s.(span)) }
func (h deepest) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[j].depth, h[i].depth), cmp.Compare(h[i].scope, h[j].scope)) < 0
}

func (h *deepest) Pop() any {
	s := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return s
}
