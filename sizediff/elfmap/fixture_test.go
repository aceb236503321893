package elfmap

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const fixtures = "../testdata"

// expectation is what readelf says about a fixture; see ../testdata/README.md.
type expectation struct {
	Class   int
	Endian  string
	Type    string
	Machine string
	Symbols struct {
		Total, Undefined, Absolute, Common, File, Section, Unsized, Sized int
	}
	Sections []struct {
		Name, Type, Flags          string
		Addr, Size, Covered, Named uint64
	}
}

func expectations(t testing.TB) map[string]expectation {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(fixtures, "expect.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]expectation
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("only %d fixtures", len(all))
	}
	return all
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(fixtures, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// readelf's names of machines.
var machines = map[string]Machine{
	"Advanced Micro Devices X86-64": MachineX8664, "AArch64": MachineARM64, "RISC-V": MachineRISCV, "LoongArch": MachineLoongArch,
	"ARM": MachineARM, "PowerPC": MachinePPC, "PowerPC64": MachinePPC64, "IBM S/390": MachineS390,
}

func TestFixtures(t *testing.T) {
	seen := map[Machine]bool{}
	for name, want := range expectations(t) {
		t.Run(name, func(t *testing.T) {
			data := fixture(t, name)
			im, m := own(t, data)
			checkHeader(t, im, want)
			checkSections(t, im, want)
			checkSymbols(t, im, want)
			checkMap(t, im, m)
			checkCovered(t, im, m, want)
			checkImage(t, data)
			compareDebugELF(t, im, data)
			seen[im.Machine] = true
		})
	}
	if len(seen) != len(machines) {
		t.Errorf("fixtures of %d machines, want all %d", len(seen), len(machines))
	}
}

func checkHeader(t *testing.T, im *Image, want expectation) {
	types := map[string]uint16{"REL": FileRelocatable, "EXEC": FileExecutable, "DYN": FileShared}
	if im.Class != want.Class || im.Big != (want.Endian == "big") || im.Type != types[want.Type] || im.Machine != machines[want.Machine] {
		t.Errorf("class %d, big %v, type %d, %v; readelf: %+v", im.Class, im.Big, im.Type, im.Machine, want)
	}
}

func checkSections(t *testing.T, im *Image, want expectation) {
	listed := listedSections(im)
	if len(listed) != len(want.Sections) {
		t.Fatalf("%d sections, readelf %d", len(listed), len(want.Sections))
	}
	for k, w := range want.Sections {
		i := listed[k]
		s := &im.Sections[i]
		if s.Name != w.Name || s.Size != w.Size || s.Addr != w.Addr || s.Nobits() != (w.Type == "NOBITS") {
			t.Errorf("section %d: %+v, readelf %+v", i, s, w)
		}
		if s.Alloc() != strings.Contains(w.Flags, "A") || s.Exec() != strings.Contains(w.Flags, "X") || s.Write() != strings.Contains(w.Flags, "W") {
			t.Errorf("section %d: flags %#x, readelf %s", i, s.Flags, w.Flags)
		}
		if d, err := im.Data(i); err != nil || !s.Nobits() && uint64(len(d)) != s.Size || s.Nobits() && d != nil {
			t.Errorf("section %d: %d bytes of %d, %v", i, len(d), s.Size, err)
		}
	}
}

// listedSections are the sections that expect.json lists: all but those whose type readelf has no word for.
func listedSections(im *Image) (out []int) {
	const addrsig = 0x6fff4c03 // SHT_LLVM_ADDRSIG
	for i := 1; i < len(im.Sections); i++ {
		if im.Sections[i].Type != addrsig {
			out = append(out, i)
		}
	}
	return out
}

func checkSymbols(t *testing.T, im *Image, want expectation) {
	got := expectation{}.Symbols
	for i := 1; i < len(im.Symbols); i++ {
		s := &im.Symbols[i]
		got.Total++
		switch {
		case s.Type == File:
			got.File++
		case s.Type == SectionType:
			got.Section++
		case s.Section == SectionUndefined:
			got.Undefined++
		case s.Section == SectionAbsolute:
			got.Absolute++
		case s.Section == SectionCommon:
			got.Common++
		case !s.Defined():
			t.Errorf("symbol %d %q is nowhere", i, s.Name)
		case s.Size == 0:
			got.Unsized++
		default:
			got.Sized++
		}
	}
	if got != want.Symbols {
		t.Errorf("symbols %+v, readelf %+v", got, want.Symbols)
	}
	if im.Stripped != (want.Symbols.Total == 0) {
		t.Errorf("stripped: %v with %d symbols", im.Stripped, want.Symbols.Total)
	}
}

// checkCovered holds that Body and the prefixes that have a symbol come to what readelf's symbols cover.
func checkCovered(t *testing.T, im *Image, m *Map, want expectation) {
	listed := listedSections(im)
	for i, w := range want.Sections {
		tl := m.Tiling(listed[i])
		if tl == nil {
			continue
		}
		got := uint64(0)
		for k, r := range tl.Ranges {
			if r.Class == Body || r.Class == Prefix {
				got += tl.End(k) - r.Start
			}
		}
		if got != w.Covered {
			t.Errorf("%s: symbols own %d bytes, readelf's cover %d", w.Name, got, w.Covered)
		}
	}
}

// compareDebugELF compares every field with the standard library's reader, which is fine for files that one trusts.
func compareDebugELF(t *testing.T, im *Image, data []byte) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if im.Entry != f.Entry {
		t.Errorf("entry %#x, debug/elf %#x", im.Entry, f.Entry)
	}
	for i, w := range f.Sections {
		if i == 0 {
			continue
		}
		// debug/elf gives the uncompressed size, and the one in the file apart.
		g := im.Sections[i]
		if g.Name != w.Name || g.Type != uint32(w.Type) || g.Flags != uint64(w.Flags) || g.Addr != w.Addr || g.Offset != w.Offset ||
			g.Size != w.FileSize || g.Link != w.Link || g.Info != w.Info {
			t.Errorf("section %d: %+v, debug/elf %+v", i, g, w.SectionHeader)
		}
	}
	symbols, err := f.Symbols()
	if errors.Is(err, elf.ErrNoSymbols) {
		symbols = nil
	} else if err != nil {
		t.Fatal(err)
	}
	if len(symbols) != max(len(im.Symbols)-1, 0) {
		t.Fatalf("%d symbols, debug/elf %d", len(im.Symbols)-1, len(symbols))
	}
	file := int32(-1)
	for i, w := range symbols {
		g := &im.Symbols[i+1]
		if elf.ST_TYPE(w.Info) == elf.STT_FILE {
			file = int32(i + 1)
		}
		section := int32(w.Section)
		switch w.Section {
		case elf.SHN_ABS:
			section = SectionAbsolute
		case elf.SHN_COMMON:
			section = SectionCommon
		}
		vis := elf.ST_VISIBILITY(w.Other)
		same := Symbol{
			Name: w.Name, Value: w.Value, Size: w.Size, Section: section, File: file,
			Type: SymbolType(elf.ST_TYPE(w.Info)), Bind: Binding(elf.ST_BIND(w.Info)),
			Hidden: vis == elf.STV_HIDDEN || vis == elf.STV_INTERNAL,
		}
		if *g != same {
			t.Fatalf("symbol %d: %+v, debug/elf %+v", i+1, *g, same)
		}
	}
}

// Ranges of layout.S, written down from the source. Its code is all NOPs, so what could align the next label passes for
// padding, and so does the gap of 100 traps.
func TestLayout(t *testing.T) {
	for _, name := range []string{"asm/layout.o", "asm/layout-locals.o"} {
		im, m := own(t, fixture(t, name))
		want := map[string]string{
			".text": `body longer 0-20
body outer 20-28
body inner 28-30
body outer 30-38
body crossing 38-48
padding 48-80
inferred entry_nosize 80-91
padding 91-94
inferred entry_next 94-9d
padding 9d-9e
body gap_before 9e-9f
padding 9f-120
body gap_after 120-121
padding 121-130
prefix padded 130-140
body padded 140-14d
`,
			".text.tail":  "body overrun 0-8\n",
			".text.local": "body labelled 0-5\n",
			".bss":        "body block 0-28\n",
			".data":       "",
		}
		for section, w := range want {
			if got := describe(im, m.Tiling(im.Find(section))); got != w {
				t.Errorf("%s %s:\n%swant\n%s", name, section, got, w)
			}
		}
		if got, want := strings.Join(aliases(im, m), ","), "longer=same_a,longer=same_b"; got != want {
			t.Errorf("%s: aliases %s, want %s", name, got, want)
		}
	}
}

func aliases(im *Image, m *Map) (out []string) {
	for _, a := range m.Aliases {
		out = append(out, im.Symbols[a.Leader].Name+"="+im.Symbols[a.Name].Name)
	}
	slices.Sort(out)
	return out
}

// Sections of one name are told apart.
func TestTwins(t *testing.T) {
	im, m := own(t, fixture(t, "asm/layout.o"))
	var got []string
	for i := range m.Tilings {
		if im.Sections[m.Tilings[i].Section].Name == ".rodata.twin" {
			got = append(got, describe(im, &m.Tilings[i]))
		}
	}
	if want := []string{"body twin_one 0-8\n", "body twin_two 0-10\n"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// COMMON, SHN_ABS and undefined symbols own nothing; TLS symbols own what they are in, before and after the link.
func TestSpecialSymbols(t *testing.T) {
	for _, name := range []string{"asm/special.o", "asm/special.so"} {
		im, m := own(t, fixture(t, name))
		owners := map[string]string{}
		for i := range m.Tilings {
			tl := &m.Tilings[i]
			for _, r := range tl.Ranges {
				if r.Class == Body {
					owners[im.Symbols[r.Owner].Name] = im.Sections[tl.Section].Name
				}
			}
		}
		if owners["abs_marker"] != "" || name == "asm/special.o" && owners["common_buffer"] != "" {
			t.Errorf("%s: a symbol without a section owns bytes: %v", name, owners)
		}
		if owners["tls_data"] != ".tdata" || owners["tls_zero"] != ".tbss" {
			t.Errorf("%s: TLS symbols are in %q and %q", name, owners["tls_data"], owners["tls_zero"])
		}
		// One body, three names, the plain global one first; the indirect function and its resolver likewise.
		want := []string{"chosen=resolve", "first_name=second_name", "first_name=weak_name"}
		if got := aliases(im, m); !slices.Equal(got, want) {
			t.Errorf("%s: aliases %v, want %v", name, got, want)
		}
	}
}

// Marks of data inside code cut nothing.
func TestMappingSymbols(t *testing.T) {
	im, m := own(t, fixture(t, "asm/mapping.o"))
	if got, want := describe(im, m.Tiling(im.Find(".text"))), "body switch 0-10\nbody behind 10-18\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Debug information and stripping do not change what is owned; without symbols nothing is.
func TestStripping(t *testing.T) {
	full, m := own(t, fixture(t, "debug/full.exec"))
	text := describe(full, m.Tiling(full.Find(".text")))
	for _, name := range []string{"debug/strip-debug.exec", "debug/compressed.exec"} {
		im, m := own(t, fixture(t, name))
		if got := describe(im, m.Tiling(im.Find(".text"))); got != text {
			t.Errorf("%s:\n%sin full.exec\n%s", name, got, text)
		}
	}
	// Without contents padding can only be told by where it is.
	only, m := own(t, fixture(t, "debug/only-debug.exec"))
	if got := describe(only, m.Tiling(only.Find(".text"))); got != text || !only.Sections[only.Find(".text")].Nobits() {
		t.Errorf("only-debug.exec:\n%sin full.exec\n%s", got, text)
	}
	stripped, m := own(t, fixture(t, "debug/strip-all.exec"))
	tl := m.Tiling(stripped.Find(".text"))
	if !stripped.Stripped || len(tl.Ranges) != 1 || tl.Ranges[0].Class != Unattributed || tl.Size != full.Sections[full.Find(".text")].Size {
		t.Errorf("strip-all.exec: stripped %v, %s", stripped.Stripped, describe(stripped, tl))
	}
}

// The digest covers what is measured: debug information counts by its size only, code by its bytes.
func TestDigest(t *testing.T) {
	data := fixture(t, "debug/full.exec")
	digest := func(data []byte) Digest {
		d, contents, err := open(t, data).Digest(true)
		if err != nil || len(contents) == 0 {
			t.Fatal(err)
		}
		return d
	}
	im := open(t, data)
	want := digest(data)
	flip := func(section string) Digest {
		i := im.Find(section)
		if i == 0 {
			t.Fatalf("no section %s", section)
		}
		other := slices.Clone(data)
		other[im.Sections[i].Offset] ^= 1
		return digest(other)
	}
	for _, section := range []string{".debug_info", ".debug_line"} {
		if flip(section) != want {
			t.Errorf("the bytes of %s change the digest", section)
		}
	}
	for _, section := range []string{".text", ".strtab", ".comment", ".note.gnu.build-id"} {
		if flip(section) == want {
			t.Errorf("the bytes of %s do not change the digest", section)
		}
	}
	if digest(fixture(t, "debug/strip-debug.exec")) == want {
		t.Error("sections of another size do not change the digest")
	}
}

// The name of a file precedes the local symbols of that file. Hidden ones that the link made local lie behind the last.
func TestFileName(t *testing.T) {
	b := builder{parts: []part{code(".text", make([]byte, 64))}, symbols: []sym{
		fn("early", 0, 8),
		{name: "core.f9fb6b0b6134c3d-cgu.0", typ: File, section: 0xfff1, reserved: true},
		{name: "inner", value: 8, size: 8, typ: Func, section: 1},
		{name: "last.c", typ: File, section: 0xfff1, reserved: true},
		{name: "static_c", value: 16, size: 8, typ: Func, section: 1},
		{name: "__rust__adddf3", value: 24, size: 8, typ: Func, section: 1, other: 2},
		{name: "internal", value: 32, size: 8, typ: Func, section: 1, other: 1},
		fn("global", 40, 8),
	}}
	im := open(t, b.bytes())
	want := map[string]string{"inner": "core.f9fb6b0b6134c3d-cgu.0", "static_c": "last.c"}
	for i := range im.Symbols {
		if s := &im.Symbols[i]; s.Type == Func && im.FileName(s) != want[s.Name] {
			t.Errorf("%s is of %q, want %q", s.Name, im.FileName(s), want[s.Name])
		}
	}
}
