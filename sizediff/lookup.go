package sizediff

import (
	"cmp"
	"slices"
	"strings"
)

// Found is what a name means in a comparison: the answer to "what about this symbol, crate or section?".
type Found struct {
	Query    string
	Alone    bool          // head was not compared: only Head counts, Base is not known
	Symbols  []FoundSymbol // largest first
	Families []FoundFamily // generic families of the Symbols that have several instances on either side
	Crates   []CrateChange // of exactly that name, a row for each bucket
	Sections []FoundSection
}

// Nothing reports whether the name means nothing on either side.
func (f Found) Nothing() bool { return len(f.Symbols)+len(f.Crates)+len(f.Sections) == 0 }

// FoundSymbol is a symbol on both sides. Symbols of an image that only hashes tell apart are added up.
type FoundSymbol struct {
	Image, Section string
	Name           string // without hashes, as people write it
	Crate, Bucket  string
	Change         // bytes
}

// FoundFamily is a generic item with all its instances.
type FoundFamily struct {
	Name                         string
	BaseInstances, HeadInstances int
	Change                       // bytes
}

// FoundSection is a section of one image.
type FoundSection struct {
	Image string
	SectionChange
}

// Lookup finds what a name means in base and head. A name is a symbol as in the symbol table or as demangled, a crate, or a
// section. When no symbol is called exactly so, those count whose demangled name contains it. Without a base, nil, the head stands
// alone.
func Lookup(base, head *Measurement, buckets []Bucket, query string) Found {
	f := Found{Query: query, Alone: base == nil}
	if query == "" {
		return f
	}
	if f.Alone {
		base = head
	}
	before, after := Largest(base, buckets, -1), Largest(head, buckets, -1)
	f.Symbols, f.Families = lookupSymbols(before, after, query)
	r := Compare(base, head, buckets)
	for _, c := range r.Crates {
		if c.Crate == query {
			f.Crates = append(f.Crates, c)
		}
	}
	for _, i := range r.Images {
		for _, s := range i.Sections {
			if s.Name == query {
				f.Sections = append(f.Sections, FoundSection{i.Path, s})
			}
		}
	}
	return f
}

func lookupSymbols(before, after []SymbolSize, query string) ([]FoundSymbol, []FoundFamily) {
	fits := func(s SymbolSize) bool { return s.Name == query || s.Demangled == query }
	if !slices.ContainsFunc(before, fits) && !slices.ContainsFunc(after, fits) {
		fits = func(s SymbolSize) bool { return strings.Contains(s.Demangled, query) }
	}
	symbols, families := map[[2]string]*FoundSymbol{}, map[string]*FoundFamily{}
	for _, list := range [][]SymbolSize{after, before} { // a symbol on both sides is described as it is in head
		for _, s := range list {
			key := [2]string{s.Image, s.Demangled}
			if !fits(s) || symbols[key] != nil {
				continue
			}
			symbols[key] = &FoundSymbol{Image: s.Image, Section: s.Section, Name: s.Demangled, Crate: s.Crate, Bucket: s.Bucket}
			if s.Family != "" {
				families[s.Family] = &FoundFamily{Name: s.Family}
			}
		}
	}
	count := func(list []SymbolSize, add func(*Change, int64), instances func(*FoundFamily) *int) {
		for _, s := range list {
			if x := symbols[[2]string{s.Image, s.Demangled}]; x != nil {
				add(&x.Change, s.Size)
			}
			if f := families[s.Family]; f != nil { // all instances, whether their names fit or not
				add(&f.Change, s.Size)
				*instances(f)++
			}
		}
	}
	count(before, func(c *Change, n int64) { c.Base += n; c.Delta -= n }, func(f *FoundFamily) *int { return &f.BaseInstances })
	count(after, func(c *Change, n int64) { c.Head += n; c.Delta += n }, func(f *FoundFamily) *int { return &f.HeadInstances })
	return sortedSymbols(symbols), sortedFamilies(families)
}

func sortedSymbols(m map[[2]string]*FoundSymbol) (out []FoundSymbol) {
	for _, s := range m {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b FoundSymbol) int {
		return cmp.Or(cmp.Compare(abs(b.Delta), abs(a.Delta)), cmp.Compare(max(b.Base, b.Head), max(a.Base, a.Head)),
			strings.Compare(a.Name, b.Name), strings.Compare(a.Image, b.Image))
	})
	return out
}

func sortedFamilies(m map[string]*FoundFamily) (out []FoundFamily) {
	for _, f := range m {
		if max(f.BaseInstances, f.HeadInstances) > 1 {
			out = append(out, *f)
		}
	}
	slices.SortFunc(out, func(a, b FoundFamily) int {
		return cmp.Or(cmp.Compare(max(b.Base, b.Head), max(a.Base, a.Head)), strings.Compare(a.Name, b.Name))
	})
	return out
}
