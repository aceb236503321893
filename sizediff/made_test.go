package sizediff_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// sym is a symbol of an image made by hand. Its name decides about its crate, as in a real one.
type sym struct {
	name    string
	size    uint64
	section string // ".text" unless set
	aliases []string
}

// fn is a function in .text.
func fn(name string, size uint64) sym { return sym{name: name, size: size} }

// data is an object in .rodata.
func data(name string, size uint64) sym { return sym{name: name, size: size, section: ".rodata"} }

// madeSections are the sections of every made image, in file order.
var madeSections = []sizediff.Section{
	{Name: ".text", Kind: sizediff.Resident, Code: true}, {Name: ".init.text", Kind: sizediff.Init, Code: true},
	{Name: ".rodata", Kind: sizediff.Resident}, {Name: ".data", Kind: sizediff.Resident},
	{Name: ".modinfo", Kind: sizediff.Init}, {Name: ".orc_unwind", Kind: sizediff.Resident, Derived: true},
	{Name: ".symtab", Kind: sizediff.Unloaded},
}

// makeImage makes an image of the given symbols and nothing else, at a path.
func makeImage(t testing.TB, path string, syms ...sym) sizediff.ImageFile {
	t.Helper()
	im := &sizediff.Image{Machine: 62, Class: 64, Type: 1, Crates: []string{""}, Sections: slices.Clone(madeSections)}
	for section := range im.Sections {
		for _, s := range syms {
			if s.section == "" {
				s.section = ".text"
			}
			if s.section == im.Sections[section].Name {
				addSymbol(t, im, int32(section), s)
			}
		}
	}
	for _, s := range syms {
		im.Sections[len(im.Sections)-1].Size += uint64(24 + len(s.name))
	}
	im.Digest = sha256.Sum256([]byte(fmt.Sprint(syms)))
	for i := range im.Sections {
		im.Sections[i].Content = binary.LittleEndian.Uint64(im.Digest[:])
		im.Sections[i].Rest = im.Sections[i].Content
	}
	return sizediff.ImageFile{Path: path, FileSize: 4096, Image: im}
}

func addSymbol(t testing.TB, im *sizediff.Image, section int32, s sym) {
	t.Helper()
	o := sizediff.Symbol{Name: s.name, Size: s.size, Section: section}
	if n, ok := rustname.Parse(s.name); ok {
		o.How, o.Crate = sizediff.ByName, crateID(im, n.Crate)
		if n.Instantiating != n.Crate {
			o.Inst = crateID(im, n.Instantiating)
		}
	} else if strings.HasPrefix(s.name, "_R") {
		t.Fatalf("%s is no v0 name", s.name)
	}
	for _, a := range s.aliases {
		im.Aliases = append(im.Aliases, sizediff.SymbolAlias{Symbol: int32(len(im.Symbols)), Name: a})
	}
	im.Symbols = append(im.Symbols, o)
	im.Sections[section].Size += s.size
}

func crateID(im *sizediff.Image, name string) int32 {
	if i := slices.Index(im.Crates, name); i >= 0 {
		return int32(i)
	}
	im.Crates = append(im.Crates, name)
	return int32(len(im.Crates) - 1)
}

// makeBuild makes a measurement of images.
func makeBuild(images ...sizediff.ImageFile) *sizediff.Measurement {
	return &sizediff.Measurement{Label: "made", Portable: true, Images: images}
}

// compareMade compares two builds with the usual buckets, and holds that the sums close and that the other way is the mirror.
func compareMade(t *testing.T, base, head *sizediff.Measurement) *sizediff.Report {
	t.Helper()
	buckets := sizediff.LinuxKernel().Buckets
	checkPair(t, base, head, buckets)
	return sizediff.Compare(base, head, buckets)
}

// rows writes the changed symbols in the order of the report: "grew foo 10 20", and for moved ones where they come from.
func rows(r *sizediff.Report) []string {
	var out []string
	for _, s := range r.Symbols {
		row := fmt.Sprintf("%s %s %d %d", s.State, s.Demangled, s.Base, s.Head)
		if s.FromImage != "" {
			row += " from " + s.FromImage
		} else if s.FromSection != "" {
			row += " from " + s.FromSection
		}
		out = append(out, row)
	}
	return out
}
