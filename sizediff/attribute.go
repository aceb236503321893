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
	names []string
	index map[string]int32
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

// attribute gives each symbol its crate: by name where the name says so, else by what stands around it.
func attribute(im *elfmap.Image, leaders []int32, symbols []Symbol, table *crates) {
	nameless := false
	rust := false
	for i := range symbols {
		s := &symbols[i]
		byOwnName(s, table)
		if s.How == ByNothing {
			nameless = true
		} else {
			rust = true
		}
	}
	if !nameless {
		return
	}
	for i := range symbols {
		if s := &symbols[i]; s.How == ByNothing {
			if c := crateOfUnit(im.FileName(&im.Symbols[leaders[i]])); c != "" {
				s.Crate, s.How, rust = table.id(c), ByFile, true
			}
		}
	}
	if rust {
		byNeighbours(im, leaders, symbols)
		byImage(im, leaders, symbols)
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
	if n, ok := rustname.Parse(name); ok {
		s.How = ByName
		s.Crate = table.id(n.Crate)
		if n.Instantiating != "" && n.Instantiating != n.Crate {
			s.Inst = table.id(n.Instantiating)
		}
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
// a linker keeps the functions of an object together.
func byNeighbours(im *elfmap.Image, leaders []int32, symbols []Symbol) {
	for i := 0; i < len(symbols); {
		if !open(im, leaders[i], &symbols[i]) {
			i++
			continue
		}
		j := i
		for j < len(symbols) && symbols[j].Section == symbols[i].Section && open(im, leaders[j], &symbols[j]) {
			j++
		}
		if i > 0 && j < len(symbols) {
			before, after := &symbols[i-1], &symbols[j]
			if before.Section == symbols[i].Section && after.Section == symbols[i].Section &&
				paying(before) != 0 && paying(before) == paying(after) {
				for k := i; k < j; k++ {
					symbols[k].Crate, symbols[k].How = paying(before), ByNeighbour
				}
			}
		}
		i = j
	}
}

// open reports whether nothing has said yet where a symbol comes from.
func open(im *elfmap.Image, leader int32, s *Symbol) bool {
	return s.How == ByNothing && im.FileName(&im.Symbols[leader]) == ""
}

// byImage attributes what every module has, when all Rust code of the image was compiled for one crate.
func byImage(im *elfmap.Image, leaders []int32, symbols []Symbol) {
	if im.Type != elfmap.FileRelocatable {
		return
	}
	crate := int32(0)
	for i := range symbols {
		c := paying(&symbols[i])
		if c == 0 || symbols[i].How == ByConvention {
			continue
		}
		if crate != 0 && c != crate {
			return
		}
		crate = c
	}
	for i := range symbols {
		s := &symbols[i]
		if open(im, leaders[i], s) && (s.Name == "init_module" || s.Name == "cleanup_module" || strings.HasPrefix(s.Name, "__mod_")) {
			s.Crate, s.How = crate, ByImage
		}
	}
}
