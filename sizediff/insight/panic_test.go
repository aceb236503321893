package insight

import (
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
)

// TestPanicsThroughTable holds that a call through the global offset table counts as one, and that a slot which leads elsewhere, or
// whatever else leads to a function that panics, does not.
func TestPanicsThroughTable(t *testing.T) {
	im := &sizediff.Image{
		Sections:   []sizediff.Section{{Name: ".text", Code: true}, {Name: ".got"}, {Name: ".data.rel.ro"}},
		Crates:     []string{""},
		Symbols:    []sizediff.Symbol{{Name: "f"}},
		References: &sizediff.References{},
	}
	g := &Graph{Images: []Image{{Path: "m", Image: im}}}
	unnamed := func(section int32) Node {
		return Node{RefNode: sizediff.RefNode{Kind: sizediff.NodeUnnamed, Section: section, Symbol: -1, Size: 8}}
	}
	g.Nodes = []Node{
		{RefNode: sizediff.RefNode{Root: sizediff.RootC}}, unnamed(1), unnamed(1), unnamed(2),
		undefinedNode("_RNvNtCs1_4core9panicking9panic_fmt"), undefinedNode("memcpy"),
	}
	g.finish([]edge{
		{From: 0, To: 1, Count: 3}, {From: 0, To: 2, At: 4, Count: 5}, {From: 0, To: 3, At: 8, Count: 7}, {From: 0, To: 4, At: 12, Count: 1},
		{From: 1, To: 4, Count: 1}, {From: 2, To: 5, Count: 1}, {From: 3, To: 4, Count: 1},
	})
	if got := g.Panics(); len(got) != 1 || got[0] != (PanicSites{0, 3 + 1}) || g.panicSites(0) != 4 {
		t.Errorf("%v, want 4 in the function", got)
	}
}
