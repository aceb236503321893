package sizediff

import (
	"cmp"
	"iter"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff/coderef"
	"github.com/oxidometer/oxidometer/sizediff/debuginfo"
)

// References are who refers to whom in an image. Package insight reads them while the image is measured.
type References struct {
	Source  RefSource
	Rust    bool        // only Rust symbols and what leads to them is there; C refers to C without being listed
	Nodes   []RefNode   // symbols in their order, then what has no name by section and offset
	Edges   []RefEdge   // by From, then To; one for each pair
	Imports []RefImport // by From, then Name; one for each pair
	Files   []string    // of source code, sorted; empty without debug information of Rust code
}

// RefSource is how references were found.
type RefSource string

// Sources of references.
const (
	RefRelocations RefSource = "relocations" // and calls inside of sections, where code of the machine is decoded: then exact
	RefDecoded     RefSource = "code"        // code was decoded, words in data read
	RefPointers    RefSource = "pointers"    // words in data only: code of this machine is not decoded
)

var refSources = []RefSource{RefRelocations, RefDecoded, RefPointers}

// ExactReferences reports whether the references of an image are known, and all of them for sure.
func (im *Image) ExactReferences() bool {
	return im.References != nil && im.References.Source == RefRelocations && coderef.Supported(im.Machine, im.Class, im.Big)
}

// RefNode is something that owns bytes and refers to others, or is referred to.
type RefNode struct {
	Kind    NodeKind
	Root    Root
	Section int32  // index into Image.Sections
	Symbol  int32  // index into Image.Symbols of a NodeSymbol, else -1
	Offset  uint64 // where it begins in its section
	Size    uint64 // bytes
}

// NodeKind is what a node of references is.
type NodeKind uint8

// Kinds of nodes.
const (
	NodeSymbol   NodeKind = iota
	NodeUnnamed           // bytes that something refers to, without a name
	NodeRest              // what else a section holds
	NodeExternal          // a name that no image of the build defines; never in References
)

// Root says why a node stays by itself. A node that is a root for several reasons has the first.
type Root uint8

// Reasons to stay.
const (
	RootNone   Root = iota
	RootEntry       // entry point, initcall
	RootC           // C code or data, or bytes without a name that nothing refers to
	RootTable       // in a section that is read as a table
	RootGlobal      // a global of an object or a shared library
	RootExport      // exported by the kernel or a module
	RootLinked      // linked whole, referred to by nothing that stays; never in References
)

var rootNames = [...]string{"", "entry", "c", "table", "global", "export", "linked"}

// String is the word for it, "" for RootNone.
func (r Root) String() string {
	if int(r) < len(rootNames) {
		return rootNames[r]
	}
	return ""
}

// RefEdge is all references from one node to another.
type RefEdge struct {
	From, To int32  // indexes into Nodes
	At       uint32 // of the first, from where the referring node begins
	Count    uint32
	Line     RefLine // of the first
}

// RefLine is a line of source code. The zero value is a line that is not known.
type RefLine struct {
	File int32 // index into References.Files, and 1 more
	Line int32
}

// RefImport is all references from a node to a name that the image does not define.
type RefImport struct {
	From  int32
	At    uint32 // as in RefEdge
	Count uint32
	Name  string
	Line  RefLine
}

// Location is the line as people name it, nil when it is not known.
func (r *References) Location(l RefLine) *Location {
	if l.File <= 0 || int(l.File) > len(r.Files) {
		return nil
	}
	return &Location{r.Files[l.File-1], int(l.Line)}
}

// haveReferences reports whether the references of any image are known.
func (m *Measurement) haveReferences() bool {
	return slices.ContainsFunc(m.Images, func(f ImageFile) bool { return f.References != nil })
}

// haveInlined reports whether any image says what it has of other crates' code inline.
func (m *Measurement) haveInlined() bool {
	return slices.ContainsFunc(m.Images, func(f ImageFile) bool { return f.Inlined != nil })
}

func (e *encoder) inlined(images []ImageFile) {
	for _, f := range images {
		e.flag(f.Inlined != nil)
		if f.Inlined == nil {
			continue
		}
		e.num(uint64(f.Inlined.Code))
		e.count(len(f.Inlined.List))
		for _, x := range f.Inlined.List {
			for _, s := range []string{x.Path, x.Crate, x.Into, x.Host} {
				e.str(s)
			}
			e.num(uint64(x.Bytes))
		}
	}
}

func (d *decoder) inlined(images []ImageFile) {
	for i := range images {
		if !d.flag() {
			continue
		}
		in := &debuginfo.Inlining{Code: int64(d.size()), List: []debuginfo.Inlined{}}
		for n := d.count(); n > 0 && !d.bad; n-- {
			in.List = append(in.List, debuginfo.Inlined{Path: d.str(), Crate: d.str(), Into: d.str(), Host: d.str(), Bytes: int64(d.size())})
		}
		images[i].Inlined = in
	}
}

// references writes nodes as columns and edges by how far apart their ends are; names that are imported once, sorted.
func (e *encoder) references(images []ImageFile) {
	var names []string
	for _, f := range images {
		if f.References != nil {
			for _, x := range f.References.Imports {
				names = append(names, x.Name)
			}
		}
	}
	names = unique(names)
	e.list(names)
	for _, f := range images {
		e.flag(f.References != nil)
		if f.References != nil {
			e.imageReferences(f.References, names)
		}
	}
}

func (e *encoder) imageReferences(r *References, names []string) {
	e.num(uint64(slices.Index(refSources, r.Source)))
	e.flag(r.Rust)
	e.count(len(r.Nodes))
	last := int32(-1)
	for _, n := range r.Nodes {
		e.num(uint64(n.Kind))
		if n.Kind == NodeSymbol {
			e.num(uint64(n.Symbol - last - 1))
			last = n.Symbol
		} else {
			e.num(uint64(n.Section))
			e.num(n.Size)
		}
	}
	for _, n := range r.Nodes {
		e.num(uint64(n.Root))
	}
	for _, n := range r.Nodes {
		e.num(n.Offset)
	}
	e.count(len(r.Edges))
	from := int32(0)
	for _, x := range r.Edges {
		e.num(uint64(x.From - from))
		from = x.From
	}
	for _, x := range r.Edges {
		e.num(uint64(x.To))
	}
	for _, x := range r.Edges {
		e.num(uint64(x.At))
		e.num(uint64(x.Count))
	}
	e.count(len(r.Imports))
	for _, x := range r.Imports {
		at, _ := slices.BinarySearch(names, x.Name)
		e.num(uint64(x.From))
		e.num(uint64(at))
		e.num(uint64(x.At))
		e.num(uint64(x.Count))
	}
	e.list(r.Files)
	if len(r.Files) > 0 {
		for l := range r.lines() {
			e.num(uint64(l.File))
			e.num(uint64(l.Line))
		}
	}
}

// lines are those of all edges, then of all imports.
func (r *References) lines() iter.Seq[*RefLine] {
	return func(yield func(*RefLine) bool) {
		for i := range r.Edges {
			if !yield(&r.Edges[i].Line) {
				return
			}
		}
		for i := range r.Imports {
			if !yield(&r.Imports[i].Line) {
				return
			}
		}
	}
}

func (d *decoder) references(images []ImageFile) {
	names := d.list()
	if !increasing(names) {
		d.fail()
	}
	for i := range images {
		if d.flag() {
			images[i].References = d.imageReferences(images[i].Image, names)
		}
	}
}

func (d *decoder) imageReferences(im *Image, names []string) *References {
	r := &References{Source: refSources[d.max(uint64(len(refSources)))], Rust: d.flag()}
	r.Nodes = d.refNodes(im)
	n := uint64(len(r.Nodes))
	r.Edges = make([]RefEdge, d.count())
	from := uint64(0)
	for i := range r.Edges {
		from += d.max(n - min(from, n))
		r.Edges[i].From = int32(from)
	}
	for i := range r.Edges {
		r.Edges[i].To = int32(d.max(n))
	}
	for i := range r.Edges {
		r.Edges[i].At, r.Edges[i].Count = uint32(d.max(1<<32)), uint32(d.max(1<<32))
	}
	r.Imports = make([]RefImport, d.count())
	for i := range r.Imports {
		x := &r.Imports[i]
		x.From = int32(d.max(n))
		if k := d.max(uint64(len(names))); !d.bad {
			x.Name = names[k]
		}
		x.At, x.Count = uint32(d.max(1<<32)), uint32(d.max(1<<32))
	}
	if r.Files = d.list(); len(r.Files) > 0 {
		for l := range r.lines() {
			*l = RefLine{int32(d.max(uint64(len(r.Files)) + 1)), int32(d.max(1 << 31))}
		}
	}
	if !d.bad && (!r.wellFormed() || !increasing(r.Files)) {
		d.fail()
	}
	return r
}

func (d *decoder) refNodes(im *Image) []RefNode {
	nodes := make([]RefNode, d.count())
	next := uint64(0) // symbol
	for i := range nodes {
		n := &nodes[i]
		if n.Kind = NodeKind(d.max(uint64(NodeExternal))); n.Kind == NodeSymbol && i > 0 && nodes[i-1].Kind != NodeSymbol {
			d.fail()
		}
		if n.Kind != NodeSymbol {
			n.Section, n.Symbol, n.Size = int32(d.max(uint64(len(im.Sections)))), -1, d.size()
			continue
		}
		symbols := uint64(len(im.Symbols))
		next += d.max(symbols - min(next, symbols))
		if d.bad {
			return nil
		}
		s := &im.Symbols[next]
		n.Symbol, n.Section, n.Size = int32(next), s.Section, s.Size
		next++
	}
	for i := range nodes {
		nodes[i].Root = Root(d.max(uint64(RootLinked)))
	}
	for i := range nodes {
		nodes[i].Offset = d.size()
	}
	return nodes
}

// wellFormed reports whether lists are in order, pairs stand once, and nothing refers to itself.
func (r *References) wellFormed() bool {
	for i, x := range r.Edges {
		if x.From == x.To || x.Count == 0 || i > 0 && compareEdges(r.Edges[i-1], x) >= 0 {
			return false
		}
	}
	for i, x := range r.Imports {
		if x.Count == 0 || i > 0 && compareImports(r.Imports[i-1], x) >= 0 {
			return false
		}
	}
	return true
}

func compareEdges(a, b RefEdge) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
}

func compareImports(a, b RefImport) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Name, b.Name))
}
