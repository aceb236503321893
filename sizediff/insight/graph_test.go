package insight

import (
	"fmt"
	"github.com/oxidometer/oxidometer/sizediff"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// made makes a graph of names in which the roots stay by themselves. A reference is "from to"; sizes are powers of two, so that
// each sum says what is in it.
func made(names string, roots map[string]sizediff.Root, refs ...string) *Graph {
	g := &Graph{}
	number := map[string]int32{}
	for i, name := range strings.Fields(names) {
		number[name] = int32(i)
		n := undefinedNode(name)
		n.Root, n.Size = roots[name], 1<<i
		g.Nodes = append(g.Nodes, n)
	}
	var edges []edge
	for i, r := range refs {
		from, to, _ := strings.Cut(r, " ")
		edges = append(edges, edge{From: number[from], To: number[to], At: uint32(i), Count: 1})
	}
	g.finish(edges)
	return g
}

// drawn is a list of chains as text.
func (g *Graph) drawn(chains [][]int32) (out []string) {
	for _, c := range chains {
		var names []string
		for _, n := range c {
			names = append(names, g.Name(n))
		}
		out = append(out, strings.Join(names, " "))
	}
	return out
}

func TestChains(t *testing.T) {
	for _, c := range []struct {
		name  string
		roots map[string]sizediff.Root
		refs  []string
		want  []string // to x
		all   int64
		keep  Keeping
	}{
		{"a root is its own chain", map[string]sizediff.Root{"x": sizediff.RootC, "a": sizediff.RootC}, []string{"a x"}, []string{"x"}, 1, Used},
		{"the shortest wins", map[string]sizediff.Root{"a": sizediff.RootC}, []string{"a b", "b c", "c x", "b x"}, []string{"a b x"}, 1, Used},
		{"ties are in order of name", map[string]sizediff.Root{"a": sizediff.RootC, "b": sizediff.RootEntry}, []string{"b d", "b c", "a d", "d x", "c x"},
			[]string{"a d x", "b c x"}, 3, Used},
		{"exports do not count beside others", map[string]sizediff.Root{"a": sizediff.RootC, "x": sizediff.RootExport}, []string{"a b", "b x"}, []string{"a b x"}, 1, Used},
		{"exports are better than nothing", map[string]sizediff.Root{"b": sizediff.RootExport}, []string{"a b", "b x"}, []string{"b x"}, 1, Exported},
		{"linked whole", nil, []string{"a x", "b x"}, []string{"a x", "b x"}, 2, Linked},
		{"a circle does not begin with what it leads to", nil, []string{"c d", "d c", "c a", "a x"}, []string{"c a x"}, 1, Linked},
		{"a circle begins somewhere", nil, []string{"c d", "d c", "d x"}, []string{"c d x"}, 1, Linked},
	} {
		g := made("a b c d x", c.roots, c.refs...)
		chains, all := g.Chains(4, 2)
		if got := g.drawn(chains); !slices.Equal(got, c.want) || all != c.all || g.keeping(4) != c.keep {
			t.Errorf("%s: %q of %d, %s; want %q of %d, %s", c.name, got, all, g.keeping(4), c.want, c.all, c.keep)
		}
	}
}

// TestManyChains holds that the number of chains, which doubles with every step, neither takes time nor overflows.
func TestManyChains(t *testing.T) {
	g := &Graph{}
	var refs []edge
	const steps = 100
	for i := int32(0); i <= 2*steps; i++ {
		g.Nodes = append(g.Nodes, undefinedNode(fmt.Sprint(i)))
		for next := i - i%2 + 2; i < 2*steps && next < i-i%2+4 && next <= 2*steps; next++ {
			refs = append(refs, edge{From: i, To: next, At: 0, Count: 1})
		}
	}
	g.Nodes[0].Root, g.Nodes[1].Root = sizediff.RootC, sizediff.RootC
	g.finish(refs)
	chains, all := g.Chains(2*steps, 3)
	if len(chains) != 3 || len(chains[0]) != steps+1 || all != 1<<63-1 {
		t.Errorf("%d chains of %d, %d nodes in the first", len(chains), all, len(chains[0]))
	}
}

func TestRetained(t *testing.T) {
	// a: 1, b: 2, c: 4, d: 8, e: 16, f: 32
	g := made("a b c d e f", map[string]sizediff.Root{"a": sizediff.RootC, "e": sizediff.RootExport}, "a b", "b c", "b d", "c f", "d f", "e d")
	for name, want := range map[int32][2]uint64{0: {1 | 2 | 4, 63 - 16}, 1: {2 | 4, 2 | 4 | 8 | 32}, 2: {4, 4}, 3: {8, 8}, 5: {32, 32}} {
		if got := [2]uint64{g.Retained(name).Bytes, g.RetainedUnexported(name).Bytes}; got != want {
			t.Errorf("%s: %d, want %d", g.Name(name), got, want)
		}
	}
	if got := g.Retained(4).Bytes; got != 16 || g.RetainedUnexported(4) != nil {
		t.Errorf("e: %d, %v", got, g.RetainedUnexported(4))
	}
}

// randomGraph has names in random order, some twice.
func randomGraph(rnd *rand.Rand) (nodes []Node, refs []edge) {
	n := 1 + rnd.IntN(24)
	for i := range n {
		x := undefinedNode(fmt.Sprintf("n%02d", i))
		x.Size = rnd.Uint64N(100)
		if rnd.IntN(4) == 0 {
			x.Root = sizediff.Root(1 + rnd.IntN(int(sizediff.RootLinked)-1))
		}
		nodes = append(nodes, x)
	}
	for range rnd.IntN(3 * n) {
		from, to := int32(rnd.IntN(n)), int32(rnd.IntN(n))
		if from != to {
			refs = append(refs, edge{From: from, To: to, At: rnd.Uint32N(64), Count: 1})
		}
	}
	return nodes, refs
}

// TestProperties checks random graphs against what the words mean: what goes with a node is what cannot be reached without
// it, and chains are paths, as many as there are and none shorter.
func TestProperties(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 1))
	for range 400 {
		nodes, refs := randomGraph(rnd)
		g := &Graph{Nodes: slices.Clone(nodes)}
		g.finish(slices.Clone(refs))
		everything := uint64(0)
		for _, x := range nodes {
			everything += x.Size
		}
		if got := g.retain(g.linked)[g.whole()].Bytes; got != everything {
			t.Fatalf("the roots retain %d of %d", got, everything)
		}
		linked, used := g.retain(g.linked), g.retain(g.used)
		for n := range nodes {
			checkRetained(t, g, g.linked, linked, int32(n))
			checkRetained(t, g, g.used, used, int32(n))
			checkChains(t, g, int32(n), 1<<20)
		}
	}
}

// checkRetained compares with what the dominators of the view say.
func checkRetained(t *testing.T, g *Graph, v *view, dominated []Retained, n int32) {
	t.Helper()
	if v.dist[n] < 0 {
		return
	}
	if got := g.without(v, n); got != dominated[n] {
		t.Fatalf("%s retains %v, want %v", g.Name(n), got, dominated[n])
	}
}

func checkChains(t *testing.T, g *Graph, n int32, limit int) {
	t.Helper()
	v := g.used
	if v.dist[n] < 0 {
		v = g.linked
	}
	chains, all := g.Chains(n, limit)
	if int64(len(chains)) != min(all, int64(limit)) || all == 0 {
		t.Fatalf("%d chains to %s, said to be %d", len(chains), g.Name(n), all)
	}
	drawn := g.drawn(chains)
	if !slices.IsSorted(drawn) || len(slices.Compact(drawn)) != len(chains) {
		t.Fatalf("chains out of order, or twice: %q", drawn)
	}
	for _, c := range chains {
		if v.dist[c[0]] != 0 || c[len(c)-1] != n || len(c) != int(v.dist[n])+1 {
			t.Fatalf("%v is no shortest chain to %d", c, n)
		}
		for i, x := range c[1:] {
			if !slices.ContainsFunc(g.out.of(c[i]), func(e edge) bool { return e.To == x }) {
				t.Fatalf("%v: no reference from %d to %d", c, c[i], x)
			}
		}
	}
}

// TestOrderOfInput holds that answers depend neither on the order of references nor on how nodes are numbered.
func TestOrderOfInput(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 2))
	for range 200 {
		nodes, refs := randomGraph(rnd)
		for i := range nodes { // of a circle that nothing leads to, the first node is the root
			if nodes[i].Root == sizediff.RootNone && rnd.IntN(2) == 0 {
				nodes[i].Root = sizediff.RootC
			}
		}
		g := &Graph{Nodes: slices.Clone(nodes)}
		g.finish(slices.Clone(refs))
		if slices.ContainsFunc(g.Nodes, func(x Node) bool { return x.Root == sizediff.RootLinked }) {
			continue
		}
		place := rnd.Perm(len(nodes))
		h := &Graph{Nodes: make([]Node, len(nodes))}
		for i, p := range place {
			h.Nodes[p] = nodes[i]
		}
		for i, e := range refs {
			refs[i].From, refs[i].To = int32(place[e.From]), int32(place[e.To])
		}
		rnd.Shuffle(len(refs), func(i, j int) { refs[i], refs[j] = refs[j], refs[i] })
		h.finish(refs)
		for i, p := range place {
			if a, b := g.explain("b", int32(i), 4), h.explain("b", int32(p), 4); !reflect.DeepEqual(a, b) {
				t.Fatalf("%+v\n%+v", a, b)
			}
		}
	}
}

func TestPanicPath(t *testing.T) {
	for path, want := range map[string]bool{
		"core::panicking::panic_fmt":                                        true,
		"core::panicking::panic_const::panic_const_div_by_zero":             true,
		"core::slice::index::slice_index_fail":                              true,
		"core::slice::index::slice_start_index_len_fail::do_panic::runtime": true,
		"core::str::slice_error_fail":                                       true,
		"core::option::unwrap_failed":                                       true,
		"core::result::unwrap_failed":                                       true,
		"core::option::expect_failed":                                       true,
		"core::cell::panic_already_borrowed":                                true,
		"core::fmt::write":                                                  false,
		"core::panic::panic_info::PanicInfo::message":                       false,
		"core::option::Option::unwrap_or":                                   false,
	} {
		if isPanicPath("core", path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
	if isPanicPath("mydriver", "mydriver::probe_failed") {
		t.Error("what a driver calls a failure is a panic")
	}
}

func TestImmediate(t *testing.T) {
	for code, want := range map[string]uint64{ // each ends where the field begins
		"\xe8":             0, // call
		"\x0f\x84":         0, // je
		"\xc7\x05":         4, // movl $imm32, x(%rip)
		"\x48\xc7\x05":     4, // movq $imm32, x(%rip)
		"\x66\xc7\x05":     2, // movw $imm16, x(%rip)
		"\x66\x41\xc7\x05": 2,
		"\x72\x0f\xc7\x05": 4, // jb over 15 bytes, and the same
		"\xc6\x05":         1, // movb $imm8, x(%rip)
		"\x80\x3d":         1, // cmpb $imm8, x(%rip)
		"\x48\x83\x3d":     1, // cmpq $imm8, x(%rip)
		"\x48\x8b\x05":     0, // mov x(%rip), %rax
		"\xf6\x05":         1, // testb $imm8, x(%rip)
		"\xf7\x15":         0, // notl x(%rip)
		"\x0f\xba\x25":     1, // btl $imm8, x(%rip)
		"\xf0\x0f\xc1\x05": 0, // lock xadd %eax, x(%rip)
	} {
		if got := immediate([]byte(code), uint64(len(code))); got != want {
			t.Errorf("% x: %d, want %d", code, got, want)
		}
	}
}

// TestSince follows new references only: what was used before is where chains begin, however it is reached.
func TestSince(t *testing.T) {
	base := made("a b c x", map[string]sizediff.Root{"a": sizediff.RootC, "x": sizediff.RootExport}, "a b", "c x")
	head := made("a b c x", map[string]sizediff.Root{"a": sizediff.RootC, "x": sizediff.RootExport}, "a b", "c x", "b c")
	for n, want := range []string{"a", "b", "b c", "b c x"} {
		since := head.Since(base)
		if got := head.drawn([][]int32{since.Chain(int32(n))})[0]; got != want {
			t.Errorf("%s: %q, want %q", head.Name(int32(n)), got, want)
		}
	}
	since := base.Since(head)
	if chain := since.Chain(3); chain != nil {
		t.Errorf("what is only exported has a chain: %v", chain)
	}
}
