package sizediff

import (
	"cmp"
	"io"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// MeasureImage measures one ELF image of the given size. data may be nil, or the whole image in memory.
// The error is an *elfmap.Error, or the reader's own.
func MeasureImage(r io.ReaderAt, size int64, data []byte) (*Image, error) {
	im, err := elfmap.Open(r, size, data)
	if err != nil {
		return nil, err
	}
	d, contents, err := im.Digest(true)
	if err != nil {
		return nil, err
	}
	return measureImage(im, contents, cacheKey{digest: d, portable: true}, nil)
}

// measureImage does the work for an image whose digests are known. examine may be nil.
func measureImage(im *elfmap.Image, contents []uint64, k cacheKey, examine Examiner) (*Image, error) {
	w, err := ownBytes(im, contents, k)
	if err != nil {
		return nil, err
	}
	w.aliases()
	w.shares()
	w.links()
	w.out.Crates = w.crates.names
	if err := w.identify(k.portable); err != nil {
		return nil, err
	}
	if examine != nil {
		return w.out, examine(im, w.owners, w.out)
	}
	return w.out, nil
}

// ownBytes decides about every byte: symbols and their crates, then what the tables and the unnamed constants hold.
func ownBytes(im *elfmap.Image, contents []uint64, k cacheKey) (*measuring, error) {
	if err := im.ReadSymbols(); err != nil {
		return nil, err
	}
	m, err := im.Own()
	if err != nil {
		return nil, err
	}
	w := &measuring{elf: im, owners: m, marks: findLandmarks(im), crates: newCrates(), rustNames: map[string]int32{}}
	w.out = &Image{
		Digest: k.digest, Machine: im.Machine, Class: im.Class, Big: im.Big, Type: im.Type, Stripped: im.Stripped,
	}
	w.sections(newKinds(im, w.marks, k.discardExit), contents)
	w.symbols()
	attribute(im, w.leaders, w.out.Symbols, w.crates)
	if err := w.tables(); err != nil {
		return nil, err
	}
	return w, w.constants()
}

// measuring is one image on its way to an Image.
type measuring struct {
	elf       *elfmap.Image
	owners    *elfmap.Map
	marks     *landmarks
	crates    *crates
	rustNames map[string]int32 // packed crates of mangled names seen so far
	out       *Image
	section   []int32 // index in out.Sections of each ELF section, -1 for the null section
	leaders   []int32 // ELF symbol of each of out.Symbols
	index     []int32 // index in out.Symbols of each ELF symbol, -1 for none
}

func (w *measuring) sections(k kinds, contents []uint64) {
	w.section = make([]int32, len(w.elf.Sections))
	for i := range w.elf.Sections {
		s := &w.elf.Sections[i]
		if i == 0 || s.Type == elfmap.TypeNull {
			w.section[i] = -1
			continue
		}
		w.section[i] = int32(len(w.out.Sections))
		w.out.Sections = append(w.out.Sections, Section{
			Name: s.Name, Kind: k.of(s), Code: s.Exec(), Derived: s.Alloc() && isDerived(s.Name), Size: s.Size,
			Content: contents[i], Rest: contents[i],
		})
	}
}

// symbols makes one Symbol for each owner, in order of section and address, with the bytes of all its ranges.
func (w *measuring) symbols() {
	w.index = make([]int32, len(w.elf.Symbols))
	for i := range w.index {
		w.index[i] = -1
	}
	n := 0 // of ranges with a symbol; few have several
	for i := range w.owners.Tilings {
		for _, r := range w.owners.Tilings[i].Ranges {
			if r.Class == elfmap.Body || r.Class == elfmap.Inferred {
				n++
			}
		}
	}
	w.out.Symbols, w.leaders = make([]Symbol, 0, n), make([]int32, 0, n)
	for i := range w.owners.Tilings {
		t := &w.owners.Tilings[i]
		for j, r := range t.Ranges {
			if r.Owner >= 0 {
				w.add(t.Section, r, t.End(j)-r.Start)
			}
		}
	}
}

func (w *measuring) add(section int, r elfmap.Range, size uint64) {
	k := w.index[r.Owner]
	if k < 0 {
		k = int32(len(w.out.Symbols))
		w.index[r.Owner] = k
		e := &w.elf.Symbols[r.Owner]
		s := Symbol{Name: e.Name, Section: w.section[section]}
		if e.Bind != elfmap.Local {
			s.Flags |= FlagGlobal
		}
		if !w.elf.Sections[section].Exec() {
			s.Flags |= FlagObject
		}
		w.out.Symbols = append(w.out.Symbols, s)
		w.leaders = append(w.leaders, r.Owner)
	}
	s := &w.out.Symbols[k]
	s.Size += size
	switch r.Class {
	case elfmap.Prefix:
		s.Prefix += uint32(size)
	case elfmap.Inferred:
		s.Flags |= FlagInferred
	}
}

func (w *measuring) aliases() {
	for _, a := range w.owners.Aliases {
		if k := w.index[a.Leader]; k >= 0 {
			w.out.Aliases = append(w.out.Aliases, SymbolAlias{k, w.elf.Symbols[a.Name].Name})
		}
	}
}

// Classes of the claims made on ranges without a symbol. The owner is an index into claims.
const (
	classConstant = elfmap.ClassFree + iota
	classTable
)

// packCrates makes a claim's owner of a defining and an instantiating crate, both less than maxCrates.
func packCrates(crate, inst int32) int32  { return crate*maxCrates + inst }
func unpackCrates(o int32) (int32, int32) { return o / maxCrates, o % maxCrates }

// shareKey is what bytes without a symbol are added up by.
type shareKey struct {
	class ShareClass
	owner int32
}

// shares adds up what no symbol owns.
func (w *measuring) shares() {
	for i := range w.owners.Tilings {
		t := &w.owners.Tilings[i]
		section := w.section[t.Section]
		sum := map[shareKey]uint64{}
		var plain [ShareStep + 1]uint64 // the classes without an owner, which are most
		for j, r := range t.Ranges {
			n := t.End(j) - r.Start
			switch r.Class {
			case elfmap.Unattributed:
				plain[ShareUnattributed] += n
			case elfmap.Padding:
				plain[SharePadding] += n
			case elfmap.Step:
				plain[ShareStep] += n
			case classConstant:
				sum[shareKey{ShareConstant, r.Owner}] += n
			case classTable:
				sum[shareKey{ShareTable, r.Owner}] += n
			}
		}
		for class, n := range plain {
			if n > 0 {
				sum[shareKey{ShareClass(class), 0}] = n
			}
		}
		w.share(section, sum)
	}
}

// share adds the sums of one section, in a fixed order.
func (w *measuring) share(section int32, sums map[shareKey]uint64) {
	first := len(w.out.Shares)
	for k, n := range sums {
		s := Share{Section: section, Class: k.class, Bytes: n}
		if k.class == ShareTable && !w.out.Sections[section].Derived {
			s.Table = "kallsyms"
		}
		s.Crate, s.Inst = unpackCrates(k.owner)
		w.out.Shares = append(w.out.Shares, s)
	}
	slices.SortFunc(w.out.Shares[first:], func(a, b Share) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Crate, b.Crate), cmp.Compare(a.Inst, b.Inst))
	})
}
