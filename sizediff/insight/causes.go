package insight

import (
	"cmp"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Explain finds the causes of a change. What measurements do not know is nil in them.
func Explain(base, head *sizediff.Measurement, buckets []sizediff.Bucket) *sizediff.Causes {
	b, h := newBuild(base, buckets), newBuild(head, buckets)
	return &sizediff.Causes{
		References: explainReferences(b, h), Copies: copyCauses(b, h), Exports: exportCauses(b, h),
		Inlined: CompareInlined(inlining(b.images), inlining(h.images), buckets),
	}
}

func copyCauses(base, head *build) sizediff.CopyCauses {
	b, h := base.oneCopy(), head.oneCopy()
	out := sizediff.CopyCauses{
		Items:  sizediff.NewChange(int64(len(b.Items)), int64(len(h.Items))),
		Beyond: sizediff.NewChange(b.Beyond, h.Beyond), New: []sizediff.CopyChange{},
	}
	for _, c := range CompareCopies(b, h) {
		if c.Images.Delta <= 0 || c.Images.Head < 2 {
			continue
		}
		x := sizediff.CopyChange{Name: c.Name, Copies: c.Images, Beyond: c.BeyondOne, Kernel: string(c.Kernel), Reason: string(c.Reason), Images: []string{}}
		for _, copy := range c.Copies {
			x.Images = append(x.Images, copy.Image)
		}
		out.New = append(out.New, x)
	}
	return out
}

func exportCauses(base, head *build) *sizediff.ExportCauses {
	c := CompareExports(base.exportTax(), head.exportTax())
	if !c.Known {
		return nil
	}
	return &sizediff.ExportCauses{Added: exportSum(c.Added), Removed: exportSum(c.Removed)}
}

func exportSum(list []Export) sizediff.ExportSum {
	sum, importers := sizediff.ExportSum{Count: len(list)}, map[string]bool{}
	for _, x := range list {
		sum.Names += x.Names
		sum.Entries += x.Entries
		sum.Held += x.Held
		for _, path := range x.Importers {
			importers[path] = true
		}
	}
	sum.Importers = len(importers)
	return sum
}

// explaining compares the references of two builds.
type explaining struct {
	base, head buildGraph
	news       News
}

// buildGraph is a build with its graph. Nodes of both are found by key.
type buildGraph struct {
	*Graph
	build   *build
	symbols map[int32]*symbol // by node: those of the runtime and the abstractions
	keys    map[int32]string  // of the same nodes
}

// explainReferences returns nil when not every image of both builds has references.
func explainReferences(base, head *build) *sizediff.ReferenceCauses {
	var e explaining
	lone := base.lone && head.lone
	if !e.base.read(base, lone) || !e.head.read(head, lone) {
		return nil
	}
	e.news = e.head.Since(e.base.Graph)
	out := &sizediff.ReferenceCauses{Exact: e.base.exact() && e.head.exact(), Panics: e.panics(), Portions: e.portions()}
	out.Arrivals, out.MoreArrivals = e.arrivals()
	return out
}

func (g *buildGraph) read(b *build, lone bool) bool {
	m := sizediff.Measurement{Lone: lone}
	for i := range b.images {
		m.Images = append(m.Images, *b.images[i].ImageFile)
	}
	graph, err := NewGraph(&m)
	if err != nil {
		return false
	}
	g.Graph, g.build, g.symbols, g.keys = graph, b, map[int32]*symbol{}, map[int32]string{}
	for i := range graph.Nodes {
		x := &graph.Nodes[i]
		if x.Kind != sizediff.NodeSymbol {
			continue
		}
		if s := &b.images[x.Image].symbols[x.Symbol]; s.rust() && shared(s.bucket) {
			g.symbols[int32(i)], g.keys[int32(i)] = s, graph.key(int32(i))
		}
	}
	return true
}

// exact reports whether all references of all images are known.
func (g *Graph) exact() bool {
	return !slices.ContainsFunc(g.Images, func(i Image) bool { return !i.ExactReferences() })
}

// presence is how much there is of a symbol, and how much of that is used, in bytes.
type presence struct{ size, used int64 }

func (g *buildGraph) presence() map[string]presence {
	out := map[string]presence{}
	for n, s := range g.symbols {
		p := out[g.keys[n]]
		p.size += int64(s.Size)
		if g.used.dist[n] >= 0 {
			p.used += int64(s.Size)
		}
		out[g.keys[n]] = p
	}
	return out
}

// Bounds on what is kept, because builds can come from strangers.
const (
	maxArrivals = 1000
	maxSteps    = 40 // of a chain; a longer one is left out
)

// arrivals lists what is new, larger, or used for the first time, and counts what is beyond the bound.
func (e *explaining) arrivals() (list []sizediff.Arrival, more int) {
	before, after := e.base.presence(), e.head.presence()
	type arrival struct {
		node int32
		sizediff.Arrival
	}
	var all []arrival
	seen := map[string]bool{}
	for _, n := range e.head.order() {
		key := e.head.keys[n]
		b, h := before[key], after[key]
		used := h.used > 0 && b.used == 0
		if seen[key] || h.size <= b.size && !used {
			continue
		}
		if seen[key] = true; used {
			n = e.usedOf(key, n)
		}
		s := e.head.symbols[n]
		a := arrival{n, sizediff.Arrival{
			Name: e.head.Demangled(n), Image: e.head.path(n), Bucket: s.bucket, Crate: s.crate(), Path: s.module(),
			Bytes: sizediff.NewChange(b.size, h.size), Kept: string(e.head.keeping(n)), Chain: []sizediff.Step{},
		}}
		if used {
			a.Used = h.used
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b arrival) int {
		return cmp.Or(cmp.Compare(b.Bytes.Delta, a.Bytes.Delta), cmp.Compare(b.Used, a.Used), strings.Compare(a.Name, b.Name), strings.Compare(a.Image, b.Image))
	})
	list = []sizediff.Arrival{}
	for _, a := range all[:min(len(all), maxArrivals)] {
		if a.Arrival.Used > 0 || a.Bytes.Base == 0 {
			a.Arrival.Chain = e.chain(a.node)
		}
		list = append(list, a.Arrival)
	}
	return list, len(all) - len(list)
}

// order lists the nodes of the runtime and the abstractions.
func (g *buildGraph) order() []int32 {
	var out []int32
	for i := range g.Nodes {
		if g.symbols[int32(i)] != nil {
			out = append(out, int32(i))
		}
	}
	return out
}

// usedOf returns the first node of a key that is used, or else n.
func (e *explaining) usedOf(key string, n int32) int32 {
	for i := n; int(i) < len(e.head.Nodes); i++ {
		if e.head.keys[i] == key && e.head.used.dist[i] >= 0 {
			return i
		}
	}
	return n
}

// chain is the shortest of first new references to a node. What is on the way without a name, such as a vtable, has none.
func (e *explaining) chain(n int32) []sizediff.Step {
	out := []sizediff.Step{}
	chain := e.news.Chain(n)
	if len(chain) > maxSteps {
		return out
	}
	for i, x := range chain {
		step := sizediff.Step{Image: e.head.path(x), Crate: e.head.crate(x)}
		if i+1 < len(chain) {
			step.Location = e.head.location(e.head.edge(x, chain[i+1]))
		}
		switch node := &e.head.Nodes[x]; node.Kind {
		case sizediff.NodeSymbol:
			step.Name, step.Bucket = e.head.Demangled(x), e.head.build.images[node.Image].symbols[node.Symbol].bucket
		case sizediff.NodeExternal:
			step.Name = e.head.Demangled(x)
		}
		out = append(out, step)
	}
	return out
}

// panics counts panic call sites by function.
func (e *explaining) panics() sizediff.PanicChange {
	out := sizediff.PanicChange{Functions: []sizediff.FunctionPanics{}}
	type function struct {
		sizediff.FunctionPanics
		key string
	}
	list := func(g *Graph) (sum int64, out []function) {
		for _, p := range g.Panics() {
			sum += int64(p.Sites)
			f := function{sizediff.FunctionPanics{Name: g.Demangled(p.Node), Image: g.path(p.Node), Crate: g.crate(p.Node)}, g.key(p.Node)}
			f.Sites.Head = int64(p.Sites)
			out = append(out, f)
		}
		return sum, out
	}
	before, base := list(e.base.Graph)
	after, head := list(e.head.Graph)
	out.Sites = sizediff.NewChange(before, after)
	for _, p := range pair(base, head, func(f *function) string { return f.key }) {
		f := cmp.Or(p.head, p.base).FunctionPanics
		f.Sites = sizediff.Change{}
		if p.base != nil {
			f.Sites.Base = p.base.Sites.Head
		}
		if p.head != nil {
			f.Sites.Head = p.head.Sites.Head
		}
		if f.Sites = sizediff.NewChange(f.Sites.Base, f.Sites.Head); f.Sites.Delta != 0 {
			out.Functions = append(out.Functions, f)
		}
	}
	byDelta(out.Functions, func(f *sizediff.FunctionPanics) (int64, []string) { return f.Sites.Delta, []string{f.Name, f.Image} })
	return out
}

// portions splits the runtime and the abstractions by what keeps them.
func (e *explaining) portions() []sizediff.PortionChange {
	out := []sizediff.PortionChange{}
	for _, bucket := range sharedBuckets {
		b, h := e.base.portions(bucket), e.head.portions(bucket)
		out = append(out, sizediff.PortionChange{
			Bucket: bucket, Used: sizediff.NewChange(int64(b.Used), int64(h.Used)),
			Exported: sizediff.NewChange(int64(b.Exported), int64(h.Exported)), Linked: sizediff.NewChange(int64(b.Linked), int64(h.Linked)),
		})
	}
	return out
}

func (g *buildGraph) portions(bucket string) Portions {
	return g.Portions(func(n int32) bool { s := g.symbols[n]; return s != nil && s.bucket == bucket })
}
