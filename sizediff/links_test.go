package sizediff_test

import (
	"bytes"
	"debug/elf"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// smallLinked is a small build whose images say what they give and take; one does not.
func smallLinked(t testing.TB) *sizediff.Measurement {
	m := makeBuild(makeImage(t, "a.ko", fn("x", 3)), makeImage(t, "b.ko", fn("y", 3)), makeImage(t, "vmlinux", fn("a", 9), fn("b", 9)))
	m.Images[0].Links = &sizediff.Links{Imports: []string{"a", "c"}}
	m.Images[2].Links = &sizediff.Links{Exports: []string{"a", "b"}}
	return m
}

// TestLinks: entries of export tables and undefined names, whatever else is there.
func TestLinks(t *testing.T) {
	m := measureBuild(t, filepath.Join("testdata", "asm", "tables.ko"), nil)
	want := &sizediff.Links{Exports: []string{"other", "tabled"}}
	if diff := cmp.Diff(want, m.Images[0].Links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	file := elfFile{typ: elf.ET_REL, sections: []elfSection{{name: ".text", flags: execable, data: code(16)}}, symbols: []elfSymbol{
		{name: "known", section: ".text", size: 16, bind: elf.STB_GLOBAL},
		{name: "printk", bind: elf.STB_GLOBAL}, {name: "maybe", bind: elf.STB_WEAK},
	}}
	want = &sizediff.Links{Imports: []string{"maybe", "printk"}}
	if diff := cmp.Diff(want, measureELF(t, file.bytes()).Links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if l := measureBuild(t, filepath.Join("testdata", "debug", "strip-all.exec"), nil).Images[0].Links; l != nil {
		t.Errorf("an image without symbols has links %v", l)
	}
}

// TestPackedLinks: links and a manifest are kept both, and a build of which nothing is known is packed as ever.
func TestPackedLinks(t *testing.T) {
	for _, manifest := range []*sizediff.Manifest{nil, someManifest()} {
		m := smallLinked(t)
		m.Manifest = manifest
		b := packed(t, m)
		if !strings.HasPrefix(string(b), source.LinksMagic) {
			t.Errorf("it begins with %q", b[:6])
		}
		got, err := sizediff.ReadMeasurement(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		sameMeasurement(t, m, got)
		if got.Images[1].Links != nil {
			t.Error("an image whose links are not known has got some")
		}
		if !bytes.Equal(b, packed(t, got)) {
			t.Error("read and packed again, it is another file")
		}
	}
}

// smallReferring is smallLinked with references of two images.
func smallReferring(t testing.TB) *sizediff.Measurement {
	m := smallLinked(t)
	m.Images[0].References = &sizediff.References{
		Source: sizediff.RefRelocations, Rust: true,
		Nodes: []sizediff.RefNode{
			{Root: sizediff.RootEntry, Size: 3},
			{Kind: sizediff.NodeUnnamed, Symbol: -1, Offset: 3, Size: 5},
			{Kind: sizediff.NodeRest, Root: sizediff.RootC, Symbol: -1},
		},
		Edges:   []sizediff.RefEdge{{From: 0, To: 1, At: 2, Count: 3}, {From: 2, To: 0, At: 1 << 20, Count: 1}, {From: 2, To: 1, Count: 1}},
		Imports: []sizediff.RefImport{{From: 0, Name: "a", At: 1, Count: 1}, {From: 0, Name: "c", Count: 7}, {From: 1, Name: "a", Count: 1}},
	}
	m.Images[2].References = &sizediff.References{
		Source: sizediff.RefDecoded, Nodes: []sizediff.RefNode{{Symbol: 0, Size: 9}, {Symbol: 1, Size: 9, Offset: 9, Root: sizediff.RootExport}},
		Edges: []sizediff.RefEdge{}, Imports: []sizediff.RefImport{},
	}
	return m
}

// TestPackedPlaces: a path that no build can have, and nodes in another order than images have them, are refused.
func TestPackedPlaces(t *testing.T) {
	for name, spoil := range map[string]func(m *sizediff.Measurement){
		"a path": func(m *sizediff.Measurement) { m.Images[0].Path = strings.Repeat("d/", 2048) + "vmlinux" },
		"a symbol after what has no name": func(m *sizediff.Measurement) {
			m.Images[0].References = &sizediff.References{Source: sizediff.RefDecoded, Nodes: []sizediff.RefNode{
				{Kind: sizediff.NodeUnnamed, Symbol: -1}, {Symbol: 0},
			}}
		},
	} {
		m := smallReferring(t)
		im := *m.Images[0].Image
		m.Images[0].Image = &im
		spoil(m)
		if _, err := sizediff.ReadMeasurement(bytes.NewReader(packed(t, m))); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// TestPackedReferences: references are kept, with links or without, and images of which they are not known have none.
func TestPackedReferences(t *testing.T) {
	unlinked := smallReferring(t)
	for i := range unlinked.Images {
		unlinked.Images[i].Links = nil
	}
	for _, m := range []*sizediff.Measurement{smallReferring(t), unlinked} {
		b := packed(t, m)
		if !strings.HasPrefix(string(b), source.ReferencesMagic) {
			t.Errorf("it begins with %q", b[:6])
		}
		got, err := sizediff.ReadMeasurement(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		sameMeasurement(t, m, got)
		for i := range m.Images {
			if diff := cmp.Diff(m.Images[i].References, got.Images[i].References); diff != "" {
				t.Errorf("references (-want +got):\n%s", diff)
			}
		}
	}
}

// packedForms are the forms that have more at their end, by magic.
func packedForms(t testing.TB) map[string]*sizediff.Measurement {
	return map[string]*sizediff.Measurement{source.LinksMagic: smallLinked(t), source.ReferencesMagic: smallReferring(t)}
}

// TestPackedFormsLie changes what the forms have more than the plain one, and packs it well again.
func TestPackedFormsLie(t *testing.T) {
	plain := smallLinked(t)
	for i := range plain.Images {
		plain.Images[i].Links = nil
	}
	same := len(unpack(t, packed(t, plain)))
	for magic, m := range packedForms(t) {
		raw := unpack(t, packed(t, m))
		for i := same; i < len(raw); i++ {
			for _, b := range []byte{0, 1, 2, 0x7f, 0xff} {
				bad := bytes.Clone(raw)
				bad[i] = b
				checkForm(t, magic, bad)
			}
			if checkForm(t, magic, raw[:i]) {
				t.Errorf("the first %d bytes of %d are a measurement", i, len(raw))
			}
		}
		if checkForm(t, magic, append(bytes.Clone(raw), 0)) {
			t.Error("a byte too many is no error")
		}
	}
}

// checkForm reads a measurement of a form and reports whether it can be. Then writing and reading it gives the same.
func checkForm(t *testing.T, magic string, raw []byte) bool {
	t.Helper()
	file := repackAs(t, magic, raw)
	m, err := sizediff.ReadMeasurement(bytes.NewReader(file))
	if err != nil {
		return false
	}
	again, err := sizediff.ReadMeasurement(bytes.NewReader(packed(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	sameMeasurement(t, m, again)
	return true
}

// FuzzReadLinks reads the forms with links and with references; the input is what is inside the compression.
func FuzzReadLinks(f *testing.F) {
	for magic, m := range packedForms(f) {
		f.Add(magic == source.ReferencesMagic, unpack(f, packed(f, m)))
	}
	f.Add(false, unpack(f, packed(f, measureBuild(f, filepath.Join("testdata", "asm", "tables.ko"), nil))))
	f.Fuzz(func(t *testing.T, references bool, raw []byte) {
		if len(raw) > 1<<20 {
			t.Skip("a megabyte can hold every mistake")
		}
		checkForm(t, map[bool]string{true: source.ReferencesMagic, false: source.LinksMagic}[references], raw)
	})
}

// TestKernelLinks: section 2 of the facts counted by an independent reader: 7,581 exports, 716 of them Rust and 410 of C helpers;
// 2 Rust imports of rust_driver_faux, 29 of rust_driver_platform. Rust modules export nothing.
func TestKernelLinks(t *testing.T) {
	m := measureBuild(t, kernelFile(t, "base.zip"), nil)
	exports := map[string]int{}
	for _, name := range image(t, m, "vmlinux").Links.Exports {
		exports["all"]++
		if n, ok := rustname.Parse(name); ok {
			exports[n.Crate]++
		} else if strings.HasPrefix(name, "rust_helper_") {
			exports["helpers"]++
		}
	}
	if diff := cmp.Diff(map[string]int{"all": 7581, "core": 443, "kernel": 272, "__rustc": 1, "helpers": 410}, exports); diff != "" {
		t.Errorf("exports (-facts +ours):\n%s", diff)
	}
	least, most := 1<<30, 0
	for _, f := range m.Images {
		n := 0
		for _, name := range f.Links.Imports {
			if rustname.Looks(name) {
				n++
			}
		}
		if n == 0 || len(f.Links.Exports) > 0 && f.Path != "vmlinux" && n > 0 {
			continue
		}
		least, most = min(least, n), max(most, n)
	}
	if least != 2 || most != 29 {
		t.Errorf("modules import %d to %d Rust symbols, want 2 to 29", least, most)
	}
}
