package sizediff

import (
	"strings"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// maxCrates bounds the table of crates: two indexes must fit into the owner of a claim, see packCrates. A kernel has
// some dozens.
const maxCrates = 1 << 15

// crates is the table of crate names of one image. Names beyond maxCrates get 0: Rust, of no known crate.
type crates struct {
	names  []string
	index  map[string]int32
	parser rustname.Parser
}

func newCrates() *crates {
	return &crates{names: []string{""}, index: map[string]int32{"": 0}}
}

func (c *crates) id(name string) int32 {
	if i, ok := c.index[name]; ok {
		return i
	}
	if len(c.names) == maxCrates {
		return 0
	}
	i := int32(len(c.names))
	c.names = append(c.names, name)
	c.index[name] = i
	return i
}

// ofName returns the defining crate of a Rust name, and the instantiating one when that is another.
func (c *crates) ofName(name string) (crate, inst int32, ok bool) {
	n, ok := c.parser.Parse(name)
	if !ok {
		return 0, 0, false
	}
	crate = c.id(n.Crate)
	if n.Instantiating != "" && n.Instantiating != n.Crate {
		inst = c.id(n.Instantiating)
	}
	return crate, inst, true
}

// attribute gives each symbol its crate: by name where the name says so, else by what stands around it.
func attribute(im *elfmap.Image, leaders []int32, symbols []Symbol, table *crates) {
	nameless := false
	rust := false
	for i := range symbols {
		s := &symbols[i]
		if im.Head(leaders[i])[0] == '_' {
			byOwnName(s, table)
		}
		if s.How == ByNothing {
			nameless = true
		} else {
			rust = true
		}
	}
	if !nameless {
		return
	}
	file, crate := "", "" // of the symbol before, which is often in the same
	for i := range symbols {
		if s := &symbols[i]; s.How == ByNothing {
			if f := im.FileName(&im.Symbols[leaders[i]]); f != file {
				file, crate = f, crateOfUnit(f)
			}
			if crate != "" {
				s.Crate, s.How, rust = table.id(crate), ByFile, true
			}
		}
	}
	if rust {
		byNeighbours(im, leaders, symbols, table)
		byImage(im, leaders, symbols, table)
	}
}

// byOwnName attributes Rust names, and the names that compiler_builtins alone uses in a kernel.
func byOwnName(s *Symbol, table *crates) {
	name := s.Name
	if rest, ok := strings.CutPrefix(name, "__pfx_"); ok {
		name = rest
	}
	if strings.HasPrefix(name, "__rust__") {
		s.Crate, s.How = table.id("compiler_builtins"), ByConvention
		return
	}
	if !rustname.Looks(name) {
		return
	}
	if crate, inst, ok := table.ofName(name); ok {
		s.Crate, s.Inst, s.How = crate, inst, ByName
	}
}

// crateOfUnit returns the crate of a codegen unit's name, <crate>.<hash>-cgu.<n>, with any number of hexadecimal digits;
// "" for every other file name.
func crateOfUnit(file string) string {
	i := strings.LastIndex(file, "-cgu.")
	if i < 0 || !digits(strings.TrimSuffix(file[i+5:], ".rcgu.o"), "0123456789") {
		return ""
	}
	crate, hash, ok := strings.Cut(file[:i], ".")
	if !ok || crate == "" || !digits(hash, "0123456789abcdef") {
		return ""
	}
	return crate
}

func digits(s, set string) bool {
	return s != "" && strings.Trim(s, set) == ""
}

// paying is the crate whose object holds the symbol: the instantiating crate of generic code, else the defining one.
func paying(s *Symbol) int32 {
	if s.Inst != 0 {
		return s.Inst
	}
	return s.Crate
}

// byNeighbours attributes symbols without a file to the crate that both the symbol before and the one after belong to:
// a linker keeps the functions of an object together. Where a crate ends the name must say it as well.
func byNeighbours(im *elfmap.Image, leaders []int32, symbols []Symbol, table *crates) {
	for i := 0; i < len(symbols); {
		if !open(im, leaders[i], &symbols[i]) {
			i++
			continue
		}
		j := i
		for j < len(symbols) && symbols[j].Section == symbols[i].Section && open(im, leaders[j], &symbols[j]) {
			j++
		}
		between(symbols, i, j, table.names)
		i = j
	}
}

// between attributes the open symbols from i to j, which lie in one section.
func between(symbols []Symbol, i, j int, crates []string) {
	before, after := int32(0), int32(0)
	if i > 0 && symbols[i-1].Section == symbols[i].Section {
		before = paying(&symbols[i-1])
	}
	if j < len(symbols) && symbols[j].Section == symbols[i].Section {
		after = paying(&symbols[j])
	}
	give := func(k int, crate int32) { symbols[k].Crate, symbols[k].How = crate, ByNeighbour }
	if before != 0 && before == after {
		for k := i; k < j; k++ {
			give(k, before)
		}
		return
	}
	for ; i < j && before != 0 && exportedBy(crates[before], &symbols[i-1], &symbols[i]); i++ {
		give(i, before)
	}
}

// open reports whether nothing has said yet where a symbol comes from.
func open(im *elfmap.Image, leader int32, s *Symbol) bool {
	return s.How == ByNothing && im.FileName(&im.Symbols[leader]) == ""
}

// exportedBy reports whether a function without a mangled name looks like one that a crate gives to C: rust_fmt_argument of
// kernel, drm_panic_qr_generate, __rust_binder_init. They are the last of their crate, because rustc orders functions by
// name; so the first that is out of order comes from another object.
func exportedBy(crate string, before, s *Symbol) bool {
	if s.Flags&FlagObject != 0 || s.Name <= before.Name {
		return false
	}
	name := strings.TrimLeft(s.Name, "_")
	if strings.HasPrefix(name, "rust_") {
		return !strings.HasPrefix(name, "rust_helper_")
	}
	switch crate {
	case "core", "alloc", "kernel": // words that C uses too
		return false
	}
	return strings.HasPrefix(name, crate+"_")
}

// byImage attributes what every module has, when all Rust code of the image was compiled for one crate.
func byImage(im *elfmap.Image, leaders []int32, symbols []Symbol, table *crates) {
	if im.Type != elfmap.FileRelocatable {
		return
	}
	crate := onlyCrate(im, symbols, table)
	if crate == 0 {
		return
	}
	for i := range symbols {
		s := &symbols[i]
		if open(im, leaders[i], s) && (s.Name == "init_module" || s.Name == "cleanup_module" || strings.HasPrefix(s.Name, "__mod_")) {
			s.Crate, s.How = crate, ByImage
		}
	}
}

// onlyCrate returns the crate that all Rust code of an image was compiled for, 0 when there are several: by the names of
// its codegen units, or by who made its instances, which survives strip, or by who defined its functions.
func onlyCrate(im *elfmap.Image, symbols []Symbol, table *crates) int32 {
	var units, instances, definitions oneOf
	for i := range im.Symbols {
		if s := &im.Symbols[i]; s.Type == elfmap.File {
			if c := crateOfUnit(s.Name); c != "" {
				units.add(table.id(c))
			}
		}
	}
	for i := range symbols {
		if symbols[i].How != ByConvention {
			instances.add(symbols[i].Inst)
			definitions.add(paying(&symbols[i]))
		}
	}
	for _, found := range []oneOf{units, instances, definitions} {
		if found.several || found.crate != 0 {
			return found.crate
		}
	}
	return 0
}

// oneOf is a crate, or 0 when none was added or several were.
type oneOf struct {
	crate   int32
	several bool
}

func (o *oneOf) add(crate int32) {
	switch {
	case crate == 0 || o.several || o.crate == crate:
	case o.crate == 0:
		o.crate = crate
	default:
		*o = oneOf{several: true}
	}
}
