package insight

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Keeping says what keeps a symbol in a build.
type Keeping string

// What keeps a symbol.
const (
	Used     Keeping = "used"     // something that stays leads to it
	Exported Keeping = "exported" // only that it, or something that leads to it, is exported
	Linked   Keeping = "linked"   // nothing: its object was linked whole
)

// Answer says why a symbol is in a build. Sizes are bytes. Lists are never nil.
type Answer struct {
	Build      string    `json:"build"`
	Symbol     Item      `json:"symbol"`
	Keeping    Keeping   `json:"kept"`
	Chains     [][]Link  `json:"chains"`              // shortest, from a root to the symbol, in order of name
	MoreChains int64     `json:"more_chains"`         // that are as short
	Retained   Retained  `json:"retained"`            // would go with the symbol, while exports keep what they do
	Unexported *Retained `json:"retained_unexported"` // would go if exports kept nothing; nil when they alone keep the symbol
	Panics     int       `json:"panic_sites"`         // in it
	Callers    []Link    `json:"callers"`             // all, largest first
	Callees    []Link    `json:"callees"`
	Images     []Origin  `json:"images"` // of all that the answer names, by path

	// RustOnly: the build is a measurement that knows Rust symbols and what leads to them. What would go is then what is known of
	// it, and callees are only those that are Rust.
	RustOnly bool `json:"rust_only,omitempty"`
}

// Item is a node as people see it.
type Item struct {
	Image     string `json:"image"`             // "" when no image of the build defines it
	Section   string `json:"section,omitempty"` // "" when no image of the build defines it
	Name      string `json:"name"`              // as in the symbol table; a nameless constant's is its place
	Demangled string `json:"demangled"`
	Crate     string `json:"crate,omitempty"` // "" for C and what has no name
	Unnamed   bool   `json:"unnamed,omitempty"`
	Root      string `json:"root,omitempty"` // why it stays by itself: entry, c, table, global, export, linked
	Size      uint64 `json:"size"`
}

// Link is an item at the other end of references, or the next but for the first in a chain.
type Link struct {
	Item
	References int    `json:"references"` // 0 for the first of a chain
	At         uint32 `json:"at"`         // of the first, from where the referring item begins

	Location *sizediff.Location `json:"location,omitempty"` // of the first, nil when debug information does not say
}

// Origin says how references of an image were found.
type Origin struct {
	Path   string             `json:"path"`
	Source sizediff.RefSource `json:"source"`
	Exact  bool               `json:"exact"`
}

// AmbiguousError is a name that means several symbols, or none.
type AmbiguousError struct {
	Build, Name string
	Candidates  []string // some, each means one symbol; empty when there is none
	More        int
	remedy      string // when there is none
}

func (e *AmbiguousError) Error() string {
	if len(e.Candidates) == 0 {
		return fmt.Sprintf("%s: no symbol has %q in its name; %s", e.Build, e.Name, e.remedy)
	}
	more := ""
	if e.More > 0 {
		more = fmt.Sprintf(", and %d more", e.More)
	}
	return fmt.Sprintf("%s: %q means %d symbols; name one of %s%s", e.Build, e.Name, len(e.Candidates)+e.More, strings.Join(e.Candidates, ", "), more)
}

const maxCandidates = 8

// Why says why a symbol is in the build, with at most limit chains. The error is an *AmbiguousError.
func (g *Graph) Why(build, name string, limit int) (*Answer, error) {
	found := g.Find(name)
	if len(found) != 1 {
		e := &AmbiguousError{Build: build, Name: name, More: max(0, len(found)-maxCandidates), remedy: g.remedy()}
		for _, n := range found[:len(found)-e.More] {
			e.Candidates = append(e.Candidates, g.Reference(n))
		}
		return nil, e
	}
	return g.explain(build, found[0], limit), nil
}

// remedy says what to do when a name means nothing.
func (g *Graph) remedy() string {
	switch {
	case !slices.ContainsFunc(g.Images, func(i Image) bool { return !i.Stripped }):
		return "it has no symbol table; give the build as it was before strip"
	case g.Rust:
		return "a measurement knows Rust and what of C leads there; give the build itself for all else"
	}
	return "oxidometer show --top all lists the symbols"
}

// Reference is what Find takes for one node: its name, with image or place where other nodes have it too.
func (g *Graph) Reference(n int32) string {
	for _, name := range []string{g.Demangled(n), g.path(n) + ":" + g.Demangled(n), g.Name(n), g.path(n) + ":" + g.Name(n)} {
		if found := g.meant(name); len(found) == 1 && found[0] == n {
			return name
		}
	}
	return fmt.Sprintf("%s:%s+%#x", g.path(n), g.section(n), g.Nodes[n].Offset)
}

func (g *Graph) explain(build string, n int32, limit int) *Answer {
	chains, all := g.Chains(n, limit)
	a := &Answer{
		Build: build, RustOnly: g.Rust, Symbol: g.item(n), Keeping: g.keeping(n), Chains: [][]Link{}, MoreChains: all - int64(len(chains)),
		Retained: g.Retained(n), Unexported: g.RetainedUnexported(n), Panics: g.panicSites(n),
		Callers: g.links(g.in.of(n), func(e edge) int32 { return e.From }), Callees: g.links(g.out.of(n), func(e edge) int32 { return e.To }),
	}
	for _, c := range chains {
		list := []Link{{Item: g.item(c[0])}}
		for i, x := range c[1:] {
			list = append(list, g.link(g.edge(c[i], x), x))
		}
		a.Chains = append(a.Chains, list)
	}
	a.Images = g.origins(a)
	return a
}

// keeping says what keeps a node.
func (g *Graph) keeping(n int32) Keeping {
	switch {
	case g.used.dist[n] >= 0:
		return Used
	case g.kept.dist[n] >= 0:
		return Exported
	}
	return Linked
}

// Portions are bytes by what keeps them.
type Portions struct{ Used, Exported, Linked uint64 }

// Portions adds up the symbols that count: how much of a crate is used, and how much there is for another reason.
func (g *Graph) Portions(counts func(n int32) bool) (p Portions) {
	for n := range g.Nodes {
		x := &g.Nodes[n]
		if x.Kind != sizediff.NodeSymbol || !counts(int32(n)) {
			continue
		}
		switch g.keeping(int32(n)) {
		case Used:
			p.Used += x.Size
		case Exported:
			p.Exported += x.Size
		case Linked:
			p.Linked += x.Size
		}
	}
	return p
}

// Retained is what would go with a node, while exports keep what they do.
func (g *Graph) Retained(n int32) Retained { return g.without(g.linked, n) }

// RetainedUnexported is what would go with a node if exports kept nothing, nil if that is all that keeps it.
func (g *Graph) RetainedUnexported(n int32) *Retained {
	if g.used.dist[n] < 0 {
		return nil
	}
	r := g.without(g.used, n)
	return &r
}

func (g *Graph) edge(from, to int32) edge {
	list := g.out.of(from)
	i, _ := slices.BinarySearchFunc(list, to, func(e edge, to int32) int { return cmp.Compare(e.To, to) })
	return list[i]
}

// location is the line of the first of an edge's references, nil when it is not known.
func (g *Graph) location(e edge) *sizediff.Location {
	if i := g.Nodes[e.From].Image; i >= 0 {
		return g.Images[i].References.Location(e.Line)
	}
	return nil
}

func (g *Graph) item(n int32) Item {
	x := &g.Nodes[n]
	return Item{
		Image: g.path(n), Section: g.section(n), Name: g.Name(n), Demangled: g.Demangled(n), Crate: g.crate(n),
		Unnamed: x.Kind == sizediff.NodeUnnamed || x.Kind == sizediff.NodeRest, Root: x.Root.String(), Size: x.Size,
	}
}

// link is a node at the other end of an edge.
func (g *Graph) link(e edge, n int32) Link { return Link{g.item(n), int(e.Count), e.At, g.location(e)} }

// links lists what is at one end of edges, largest first, then by name.
func (g *Graph) links(edges []edge, end func(edge) int32) []Link {
	edges = slices.Clone(edges)
	var ends []int32
	for _, e := range edges {
		ends = append(ends, end(e))
	}
	rank := g.ranks(ends)
	slices.SortFunc(edges, func(a, b edge) int {
		x, y := end(a), end(b)
		return cmp.Or(cmp.Compare(g.Nodes[y].Size, g.Nodes[x].Size), cmp.Compare(rank[x], rank[y]))
	})
	out := make([]Link, 0, len(edges))
	for _, e := range edges {
		out = append(out, g.link(e, end(e)))
	}
	return out
}

// origins lists the images that an answer names.
func (g *Graph) origins(a *Answer) []Origin {
	named := map[string]bool{a.Symbol.Image: true}
	for _, list := range append([][]Link{a.Callers, a.Callees}, a.Chains...) {
		for _, x := range list {
			named[x.Image] = true
		}
	}
	out := []Origin{}
	for i := range g.Images {
		if x := &g.Images[i]; named[x.Path] {
			out = append(out, Origin{x.Path, x.References.Source, x.ExactReferences()})
		}
	}
	return out
}
