package insight

import (
	"errors"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/coderef"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// References reads who refers to whom in an image that is being measured: a sizediff.MeasureOptions.Examine.
func References(im *elfmap.Image, owners *elfmap.Map, out *sizediff.Image) error {
	r := &reading{elf: im, owners: owners, measured: out, out: &sizediff.References{}}
	return r.read()
}

// RustReferences is References of what Rust symbols refer to, and of what leads to them. It takes a third of the time, and little room in
// a measurement.
func RustReferences(im *elfmap.Image, owners *elfmap.Map, out *sizediff.Image) error {
	r := &reading{elf: im, owners: owners, measured: out, out: &sizediff.References{Rust: true}}
	return r.read()
}

// reading is one image whose references are read.
type reading struct {
	elf      *elfmap.Image
	owners   *elfmap.Map
	measured *sizediff.Image
	out      *sizediff.References
	section  []int32          // index in measured.Sections of each ELF section, -1 for none
	node     []int32          // of each ELF symbol that owns bytes or is an alias of one, else -1
	areas    []area           // of address space, in order
	found    []reference      // before their ends are known as nodes
	spans    map[int32][]span // by ELF section, its nodes in order of offset
	pages    []uint64         // where Rust symbols lie, a bit for each pageSize bytes from the lowest address on; nil: all counts
}

// place is an offset in an ELF section, or what is not defined: an ELF symbol. It is one number, because there are a million.
type place uint64

const (
	offsetBits       = 40 // no section is larger: elfmap.Open refuses it
	undefined  place = 1 << 63
)

func at(section int, offset uint64) place { return place(uint64(section)<<offsetBits | offset) }

func (p place) section() int   { return int(p >> offsetBits) }
func (p place) offset() uint64 { return uint64(p) & (1<<offsetBits - 1) }

// reference from one place to another.
type reference struct{ from, to place }

// span is where a node begins in its section; it ends where the next begins.
type span struct {
	start uint64
	node  int32
}

// source says how references are found: where any code has relocations, they are all there.
func (r *reading) source() sizediff.RefSource {
	exact := r.elf.Type == elfmap.FileRelocatable
	for i := range r.elf.Sections {
		exact = exact || r.elf.Sections[i].Exec() && r.elf.HasRelocs(i)
	}
	switch {
	case exact:
		return sizediff.RefRelocations
	case coderef.Supported(r.elf.Machine, r.elf.Class, r.elf.Big):
		return sizediff.RefDecoded
	}
	return sizediff.RefPointers
}

func (r *reading) read() error {
	if err := r.number(); err != nil {
		return err
	}
	r.areas = r.addressSpace()
	r.out.Source = r.source()
	if r.out.Rust {
		r.markPages()
	}
	if err := r.references(); err != nil {
		return err
	}
	r.cut()
	r.connect()
	if err := r.initcalls(); err != nil {
		return err
	}
	if r.out.Rust {
		onlyRust(r.out, r.measured)
	}
	r.measured.References = r.out
	return nil
}

// errOrder says that symbols of a measured image are not those of the file.
var errOrder = errors.New("symbols are not in the order in which they were measured; report this, it is a fault of oxidometer")

// number finds the measured section of each ELF section, and the node of each symbol that owns bytes.
func (r *reading) number() error {
	r.section = make([]int32, len(r.elf.Sections))
	next := int32(0) // all but null sections are measured, in order
	for i := range r.elf.Sections {
		if r.section[i] = -1; i > 0 && r.elf.Sections[i].Type != elfmap.TypeNull {
			r.section[i] = next
			next++
		}
	}
	r.node = make([]int32, len(r.elf.Symbols))
	for i := range r.node {
		r.node[i] = -1
	}
	symbols := r.measured.Symbols
	if int(next) != len(r.measured.Sections) || r.symbols() != len(symbols) {
		return errOrder
	}
	for _, a := range r.owners.Aliases {
		r.node[a.Name] = r.node[a.Leader]
	}
	if n := r.nodeAt(r.entry()); n >= 0 {
		r.out.Nodes[n].Root = sizediff.RootEntry
	}
	r.exports()
	return nil
}

// symbols makes a node of each measured symbol, and returns how many the image has. They are in the order in which their first
// bytes come.
func (r *reading) symbols() int {
	next := 0
	for i := range r.owners.Tilings {
		for _, g := range r.owners.Tilings[i].Ranges {
			if g.Symbol() < 0 || r.node[g.Symbol()] >= 0 {
				continue
			}
			e := &r.elf.Symbols[g.Symbol()]
			if next == len(r.measured.Symbols) || r.measured.Symbols[next].Name != e.Name {
				return -1
			}
			r.node[g.Symbol()] = int32(len(r.out.Nodes))
			s := &r.measured.Symbols[next]
			r.out.Nodes = append(r.out.Nodes, sizediff.RefNode{
				Kind: sizediff.NodeSymbol, Section: s.Section, Symbol: int32(next),
				Offset: r.elf.Offset(e), Size: s.Size, Root: r.symbolRoot(s, e),
			})
			next++
		}
	}
	return next
}

// entry is the place of the ELF header's entry point; undefined where there is none.
func (r *reading) entry() place {
	for i := range r.owners.Tilings {
		k := r.owners.Tilings[i].Section
		if s := &r.elf.Sections[k]; r.elf.Type != elfmap.FileRelocatable && s.Exec() && r.elf.Entry >= s.Addr && r.elf.Entry-s.Addr < s.Size {
			return at(k, r.elf.Entry-s.Addr)
		}
	}
	return undefined
}

// nodeAt returns the symbol that owns a place, -1 for none.
func (r *reading) nodeAt(p place) int32 {
	if p&undefined != 0 {
		return -1
	}
	t := r.owners.Tiling(p.section())
	if t == nil || p.offset() >= t.Size {
		return -1
	}
	if owner := t.Ranges[t.At(p.offset())].Symbol(); owner >= 0 {
		return r.node[owner]
	}
	return -1
}

// symbolRoot says why a symbol stays by itself, exports aside.
func (r *reading) symbolRoot(s *sizediff.Symbol, e *elfmap.Symbol) sizediff.Root {
	module := r.elf.Type == elfmap.FileRelocatable && (r.elf.Find(".modinfo") > 0 || r.elf.Find(".gnu.linkonce.this_module") > 0)
	switch {
	case module && (s.Name == "init_module" || s.Name == "cleanup_module"):
		return sizediff.RootEntry
	case s.How == sizediff.ByNothing:
		return sizediff.RootC
	case !isPlain(r.elf.Sections[e.Section].Name):
		return sizediff.RootTable
	case !module && r.elf.Type != elfmap.FileExecutable && e.Bind != elfmap.Local && !e.Hidden:
		return sizediff.RootGlobal
	}
	return sizediff.RootNone
}

// exports marks what the image exports. A label in the table of exports carries the name (include/linux/export-internal.h).
func (r *reading) exports() {
	global := map[string]int32{}
	for i := range r.elf.Symbols {
		if s := &r.elf.Symbols[i]; r.node[i] >= 0 && s.Bind != elfmap.Local {
			global[s.Name] = r.node[i]
		}
	}
	for i := range r.elf.Symbols {
		head := r.elf.Head(int32(i))
		if string(head[:]) != "__ks" || !r.elf.Symbols[i].Defined() {
			continue
		}
		name, ok := strings.CutPrefix(r.elf.Symbols[i].Name, "__ksymtab_")
		if n, known := global[name]; ok && known && r.out.Nodes[n].Root == sizediff.RootNone {
			r.out.Nodes[n].Root = sizediff.RootExport
		}
	}
}

// cut makes nodes of what has no name: of each place that something refers to up to the next such, and of the rest of each
// section.
func (r *reading) cut() {
	starts := map[int][]uint64{}
	for _, x := range r.found {
		if x.to&undefined == 0 && r.nodeAt(x.to) < 0 {
			k := x.to.section()
			starts[k] = append(starts[k], x.to.offset())
		}
	}
	r.spans = map[int32][]span{}
	for i := range r.owners.Tilings {
		t := &r.owners.Tilings[i]
		list := starts[t.Section]
		slices.Sort(list)
		r.cutSection(t, slices.Compact(list))
	}
}

func (r *reading) cutSection(t *elfmap.Tiling, starts []uint64) {
	if t.Size == 0 {
		return
	}
	section := r.section[t.Section]
	rest := int32(-1)
	var spans []span
	emit := func(start, end uint64, n int32) {
		if len(spans) == 0 || spans[len(spans)-1].node != n {
			spans = append(spans, span{start, n})
		}
		if r.out.Nodes[n].Kind != sizediff.NodeSymbol {
			r.out.Nodes[n].Size += end - start
		}
	}
	add := func(n sizediff.RefNode) int32 {
		n.Section, n.Symbol = section, -1
		r.out.Nodes = append(r.out.Nodes, n)
		return int32(len(r.out.Nodes) - 1)
	}
	if r.measured.Sections[section].Derived {
		starts = nil // who refers to a table refers to all of it
	}
	current := int32(-1) // the nameless thing that the last bytes belong to
	for i, g := range t.Ranges {
		end := t.End(i)
		if g.Symbol() >= 0 {
			emit(g.Start, end, r.node[g.Symbol()])
			current = -1
			continue
		}
		for pos := g.Start; pos < end; {
			for len(starts) > 0 && starts[0] < pos {
				starts = starts[1:]
			}
			if len(starts) > 0 && starts[0] == pos {
				current = add(sizediff.RefNode{Kind: sizediff.NodeUnnamed, Offset: pos})
				starts = starts[1:]
			}
			if current < 0 {
				if rest < 0 {
					rest = add(sizediff.RefNode{Kind: sizediff.NodeRest, Root: sizediff.RootC})
				}
				current = rest
			}
			stop := end
			if len(starts) > 0 {
				stop = min(stop, starts[0])
			}
			emit(pos, stop, current)
			pos = stop
		}
	}
	r.spans[int32(t.Section)] = spans
}

// owner returns the node that holds a place.
func (r *reading) owner(p place) int32 {
	spans := r.spans[int32(p.section())]
	i := sort.Search(len(spans), func(i int) bool { return spans[i].start > p.offset() }) - 1
	if i < 0 {
		return -1
	}
	return spans[i].node
}

// connect turns references between places into edges between nodes. What a thing refers to in itself is none.
func (r *reading) connect() {
	var edges []edge
	imports := map[int32]map[string]sizediff.RefImport{}
	for _, x := range r.found {
		from := r.owner(x.from)
		if from < 0 {
			continue
		}
		distance := uint32(x.from.offset() - min(r.out.Nodes[from].Offset, x.from.offset()))
		if x.to&undefined == 0 {
			if to := r.owner(x.to); to >= 0 && to != from {
				edges = append(edges, edge{From: from, To: to, At: distance, Count: 1})
			}
			continue
		}
		name := r.elf.Symbols[x.to&^undefined].Name
		known, seen := imports[from][name]
		if !seen {
			known = sizediff.RefImport{From: from, At: distance, Name: name}
		}
		if imports[from] == nil {
			imports[from] = map[string]sizediff.RefImport{}
		}
		known.At = min(known.At, distance)
		known.Count++
		imports[from][name] = known
	}
	r.found = nil
	a := gather(len(r.out.Nodes), edges, func(e edge) int32 { return e.From })
	a.merge(len(r.out.Nodes))
	r.out.Edges = a.edges
	for from := range int32(len(r.out.Nodes)) {
		for _, name := range slices.Sorted(maps.Keys(imports[from])) {
			r.out.Imports = append(r.out.Imports, imports[from][name])
		}
	}
}
