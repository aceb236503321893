package debuginfo

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestInnermost paints addresses one by one, the deepest last.
func TestInnermost(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		const size = 40
		var spans []span
		for i := range r.IntN(12) {
			start := r.Uint64N(size - 1)
			spans = append(spans, span{start, start + 1 + r.Uint64N(size-start-1), int32(r.IntN(4)), int32(i)})
		}
		var want [size]int32
		byDepth := slices.Clone(spans)
		slices.SortStableFunc(byDepth, func(a, b span) int { return int(a.depth-b.depth)*100 + int(b.scope-a.scope) })
		for _, s := range byDepth {
			for a := s.start; a < s.end; a++ {
				want[a] = s.scope + 1
			}
		}
		list := slices.Clone(spans)
		out := innermost(spans)
		var got [size]int32
		last := uint64(0)
		for i, s := range out {
			if s.start < last || s.end <= s.start {
				t.Fatalf("%v: %v overlap", list, out)
			}
			if i > 0 && s.start == last && s.scope == out[i-1].scope {
				t.Fatalf("%v: %v has neighbours of one scope", list, out)
			}
			last = s.end
			for a := s.start; a < s.end; a++ {
				got[a] = s.scope + 1
			}
		}
		if got != want {
			t.Fatalf("%v: %v, want %v", list, got, want)
		}
	}
}
