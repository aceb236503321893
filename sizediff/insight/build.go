package insight

import (
	"errors"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// ErrNoReferences says that a build is a measurement which holds sizes, and not who refers to what.
var ErrNoReferences = errors.New("the measurement holds no references between symbols; give the build that it was made from, or measure it again")

// NewGraph makes the graph of a build whose images were examined by References or RustReferences. The error is a
// *sizediff.FileError of ErrNoReferences.
func NewGraph(m *sizediff.Measurement) (*Graph, error) {
	l := linking{exports: map[string]int32{}, globals: map[string]int32{}}
	for _, f := range m.Images {
		if f.References == nil {
			return nil, &sizediff.FileError{Build: m.Label, Path: f.Path, Err: ErrNoReferences}
		}
		l.add(f)
	}
	return l.graph(), nil
}

// linking puts the images of a build together: what one imports, another exports.
type linking struct {
	g       Graph
	refs    []edge
	imports []imported
	exports map[string]int32 // node by name, of what kernel and modules export
	globals map[string]int32 // node by name, of what other objects define
}

// imported is references to a name that the image does not define.
type imported struct {
	sizediff.RefImport      // From is a node of the graph
	rust               bool // the image's references are only those of Rust
}

// add puts an image into the graph.
func (l *linking) add(f sizediff.ImageFile) {
	r, first, image := f.References, int32(len(l.g.Nodes)), int32(len(l.g.Images))
	l.g.Images = append(l.g.Images, Image{f.Path, f.Image, slices.Repeat([]int32{-1}, len(f.Symbols))})
	nodes := l.g.Images[image].nodes
	l.g.Rust = l.g.Rust || r.Rust
	for i, n := range r.Nodes {
		l.g.Nodes = append(l.g.Nodes, Node{n, image, ""})
		if n.Kind == sizediff.NodeSymbol {
			nodes[n.Symbol] = first + int32(i)
		}
	}
	for _, x := range r.Edges {
		l.refs = append(l.refs, edge{From: first + x.From, To: first + x.To, At: x.At, Count: x.Count, Line: x.Line})
	}
	for _, x := range r.Imports {
		x.From += first
		l.imports = append(l.imports, imported{x, r.Rust})
	}
	l.names(&l.g.Images[image])
}

// names records what other images can import: what the image exports, and every global of an object.
func (l *linking) names(im *Image) {
	exported := map[string]bool{}
	if im.Links != nil {
		for _, name := range im.Links.Exports {
			exported[name] = true
		}
	}
	record := func(symbol int32, name string) {
		n := im.nodes[symbol]
		if n < 0 {
			return
		}
		if exported[name] {
			put(l.exports, name, n)
		}
		if im.Type == elfmap.FileRelocatable {
			put(l.globals, name, n)
		}
	}
	for i := range im.Symbols {
		if s := &im.Symbols[i]; s.Flags&sizediff.FlagGlobal != 0 {
			record(int32(i), s.Name)
		}
	}
	for _, a := range im.Aliases {
		record(a.Symbol, a.Name)
	}
}

// graph resolves imports and finishes. A name that several images export is the first's, as for the module loader, which
// refuses the others. Where only Rust is known, a name that is neither defined nor a Rust name is taken for C's.
func (l *linking) graph() *Graph {
	external := map[string]int32{}
	for _, x := range l.imports {
		to, ok := l.exports[x.Name]
		if !ok {
			to, ok = l.globals[x.Name]
		}
		if !ok {
			to, ok = external[x.Name]
		}
		if !ok && x.rust && !rustname.Looks(x.Name) {
			continue
		}
		if !ok {
			to = int32(len(l.g.Nodes))
			external[x.Name] = to
			l.g.Nodes = append(l.g.Nodes, undefinedNode(x.Name))
		}
		l.refs = append(l.refs, edge{From: x.From, To: to, At: x.At, Count: x.Count, Line: x.Line})
	}
	l.g.finish(l.refs)
	return &l.g
}

// undefinedNode is a name that no image of the build defines.
func undefinedNode(name string) Node {
	return Node{sizediff.RefNode{Kind: sizediff.NodeExternal, Section: -1, Symbol: -1}, -1, name}
}

// put records the first definition of a name.
func put(m map[string]int32, name string, n int32) {
	if _, ok := m[name]; !ok {
		m[name] = n
	}
}

// plainSections hold code and data of all kinds. What lies in others is there because somebody reads it as a table.
var plainSections = []string{
	".text", ".rodata", ".data", ".bss", ".sdata", ".sbss", ".tdata", ".tbss", ".init.text", ".init.data", ".init.rodata", ".init.bss",
	".exit.text", ".exit.data", ".static_call.text", ".noinstr.text", ".cpuidle.text", ".head.text", ".ldata", ".lrodata", ".lbss", ".toc",
	".got", ".opd",
}

// isPlain reports whether a section is one of plainSections, or such a section of one function: .text.unlikely.
func isPlain(name string) bool {
	for _, p := range plainSections {
		if rest, ok := strings.CutPrefix(name, p); ok && (rest == "" || rest[0] == '.') {
			return true
		}
	}
	return false
}
