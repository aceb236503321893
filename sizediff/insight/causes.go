package insight

import (
	"cmp"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Explain finds the causes of a change. What measurements do not know is nil in them. Images are the same if their paths are; see
// Renamed.
func Explain(base, head *sizediff.Measurement, buckets []sizediff.Bucket) *sizediff.Causes {
	b, h := newBuild(base, buckets), newBuild(head, buckets)
	return &sizediff.Causes{
		References: explainReferences(b, h), Copies: copyCauses(b, h), Exports: exportCauses(b, h),
		Inlined: CompareInlined(inlining(b.images), inlining(h.images), buckets),
	}
}

// copyCauses returns nil unless every image of both builds has symbols.
func copyCauses(base, head *build) *sizediff.CopyCauses {
	if !base.named() || !head.named() {
		return nil
	}
	b, h := base.oneCopy(), head.oneCopy()
	out := &sizediff.CopyCauses{
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

// buildGraph is a build with its graph. What is in lists by node is nil or empty for what is not of the runtime or the abstractions.
type buildGraph struct {
	*Graph
	build   *build
	symbols []*symbol
	keys    []nodeKey // of all that have a name
}

// explainReferences returns nil when not every image of both builds has symbols and references.
func explainReferences(base, head *build) *sizediff.ReferenceCauses {
	var e explaining
	if !e.base.read(base) || !e.head.read(head) {
		return nil
	}
	e.base.keys, e.head.keys = keys(e.base.Graph, e.head.Graph)
	e.news = e.head.since(e.base.Graph, e.base.keys, e.head.keys)
	out := &sizediff.ReferenceCauses{Exact: e.base.exact() && e.head.exact(), Panics: e.panics(), Portions: e.portions()}
	out.Arrivals, out.MoreArrivals = e.arrivals()
	return out
}

// read makes the graph of a build. It reports false where that says nothing: without symbols, without references, or where calls are
// not among these.
func (g *buildGraph) read(b *build) bool {
	var m sizediff.Measurement
	for i := range b.images {
		m.Images = append(m.Images, *b.images[i].ImageFile)
		if r := b.images[i].References; r != nil && r.Source == sizediff.RefPointers {
			return false
		}
	}
	if !b.named() {
		return false
	}
	graph, err := NewGraph(&m)
	if err != nil {
		return false
	}
	g.Graph, g.build, g.symbols = graph, b, make([]*symbol, len(graph.Nodes))
	for i := range graph.Nodes {
		x := &graph.Nodes[i]
		if x.Kind != sizediff.NodeSymbol {
			continue
		}
		if s := &b.images[x.Image].symbols[x.Symbol]; s.rust() && shared(s.bucket) {
			g.symbols[i] = s
		}
	}
	return true
}

// exact reports whether all references of all images are known.
func (g *Graph) exact() bool {
	return !slices.ContainsFunc(g.Images, func(i Image) bool { return !i.ExactReferences() })
}

// presence is how much there is of a symbol, and how much of that is used, in bytes.
type presence struct {
	size, used int64
	node       int32 // the first, of those that are used if there are any
}

// presences are those of the runtime and the abstractions.
func (g *buildGraph) presences() map[nodeKey]presence {
	out := map[nodeKey]presence{}
	for n, s := range g.symbols {
		if s == nil {
			continue
		}
		p, seen := out[g.keys[n]]
		used := g.used.dist[n] >= 0
		if !seen || used && p.used == 0 {
			p.node = int32(n)
		}
		p.size += int64(s.Size)
		if used {
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

// arrival is what will be a sizediff.Arrival.
type arrival struct {
	node  int32
	bytes sizediff.Change
	used  int64
}

// arrivals lists what is new, larger, or used for the first time, and counts what is beyond the bound.
func (e *explaining) arrivals() (list []sizediff.Arrival, more int) {
	before := e.base.presences()
	var all []arrival
	for key, h := range e.head.presences() {
		b := before[key]
		a := arrival{h.node, sizediff.NewChange(b.size, h.size), 0}
		if b.used == 0 {
			a.used = h.used
		}
		if a.bytes.Delta > 0 || a.used > 0 {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b arrival) int {
		return cmp.Or(cmp.Compare(b.bytes.Delta, a.bytes.Delta), cmp.Compare(b.used, a.used), cmp.Compare(a.node, b.node))
	})
	list = []sizediff.Arrival{}
	for _, a := range all[:min(len(all), maxArrivals)] {
		list = append(list, e.arrival(a))
	}
	slices.SortStableFunc(list, func(a, b sizediff.Arrival) int {
		return cmp.Or(cmp.Compare(b.Bytes.Delta, a.Bytes.Delta), cmp.Compare(b.Used, a.Used), strings.Compare(a.Name, b.Name), strings.Compare(a.Image, b.Image))
	})
	return list, len(all) - len(list)
}

func (e *explaining) arrival(a arrival) sizediff.Arrival {
	s := e.head.symbols[a.node]
	out := sizediff.Arrival{
		Name: e.head.Demangled(a.node), Image: e.head.path(a.node), Bucket: s.bucket, Crate: s.crate(), Path: s.module(),
		Bytes: a.bytes, Used: a.used, Kept: string(e.head.keeping(a.node)), Chain: []sizediff.Step{},
	}
	if a.used > 0 || a.bytes.Base == 0 {
		out.Chain = e.chain(a.node)
	}
	return out
}

// chain is the shortest of first new references to a node. What is on the way without a name, such as a vtable, has none.
func (e *explaining) chain(n int32) []sizediff.Step {
	out := []sizediff.Step{}
	if e.news.dist[n] >= maxSteps {
		return out
	}
	chain := e.news.Chain(n)
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
		node, sites int
		key         []string
	}
	list := func(g *buildGraph) (sum int64, out []function) {
		for _, p := range g.Panics() {
			sum += int64(p.Sites)
			out = append(out, function{int(p.Node), p.Sites, []string{g.path(p.Node), g.keys[p.Node].name}})
		}
		return sum, out
	}
	before, base := list(&e.base)
	after, head := list(&e.head)
	out.Sites = sizediff.NewChange(before, after)
	for _, p := range pair(base, head, func(f *function) []string { return f.key }) {
		var b, h int64
		g, n := e.base, int32(0)
		if p.base != nil {
			b, n = int64(p.base.sites), int32(p.base.node)
		}
		if p.head != nil {
			h, g, n = int64(p.head.sites), e.head, int32(p.head.node)
		}
		if b != h {
			out.Functions = append(out.Functions, sizediff.FunctionPanics{
				Name: g.Demangled(n), Image: g.path(n), Crate: g.crate(n), Sites: sizediff.NewChange(b, h),
			})
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
	return g.Portions(func(n int32) bool { return g.symbols[n] != nil && g.symbols[n].bucket == bucket })
}
