package sizediff_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
)

// TestHostileImages measures images that make careless readers slow: what is here by the ten thousand would take minutes if
// anything looked at all of one for each of another. They must close like any image.
func TestHostileImages(t *testing.T) {
	const many = 60_000
	rust := func(i int) elfSymbol {
		name := fmt.Sprintf("c%d", i%1000)
		return elfSymbol{name: fmt.Sprintf("_RNvC%d%s1f", len(name), name), section: ".text", typ: elf.STT_FUNC, bind: elf.STB_GLOBAL}
	}
	sections := func(name string, size int, addr uint64) []elfSection {
		var out []elfSection
		for i := range many {
			out = append(out, elfSection{name: name, flags: alloc, addr: addr + uint64(i*size), data: bytes.Repeat([]byte{byte(i), 0x21}, size/2)})
		}
		return out
	}
	tests := map[string]func() *elfFile{
		"tables of places in code": func() *elfFile {
			f := functions(elf.ET_EXEC, rust(0), rust(1))
			f.sections[0].addr = 0x1000
			f.sections = append(f.sections, sections(".orc_unwind_ip", 4, 1<<20)...)
			return f
		},
		"tables of bugs and exports": func() *elfFile {
			f := functions(elf.ET_REL, rust(0), rust(1))
			for i := range many / 4 {
				f.sections = append(f.sections, elfSection{name: "__bug_table", flags: alloc, data: make([]byte, 16), relas: []elf.Rela64{rela(0, 1, elf.R_X86_64_PC32, int64(i))}})
			}
			return f
		},
		"sections of constants, and code that refers to each": func() *elfFile {
			f := functions(elf.ET_EXEC, rust(0))
			var text []byte
			for i := range many {
				text = binary.LittleEndian.AppendUint32(append(text, 0x48, 0xc7, 0xc0), uint32(1<<24+8*i)) // mov $imm, %rax
			}
			f.sections[0].data, f.sections[0].addr, f.symbols[0].size = text, 0x1000, uint64(len(text))
			f.symbols[0].value = 0x1000
			f.sections = append(f.sections, sections(".rodata", 8, 1<<24)...)
			return f
		},
		"pointers from the last constant to the first, one by one": func() *elfFile {
			f := functions(elf.ET_EXEC, rust(0))
			const base = 1 << 24
			var rodata []byte
			for i := range 4 * many {
				rodata = binary.LittleEndian.AppendUint64(rodata, uint64(base+8*max(i-1, 0)))
			}
			f.sections[0].data = binary.LittleEndian.AppendUint32([]byte{0x48, 0xc7, 0xc0}, uint32(base+len(rodata)-8))
			f.sections[0].addr, f.symbols[0].value, f.symbols[0].size = 0x1000, 0x1000, 7
			f.sections = append(f.sections, elfSection{name: ".rodata", flags: alloc, addr: base, data: rodata})
			return f
		},
		"symbols of many crates, all in one place": func() *elfFile {
			f := functions(elf.ET_EXEC, rust(0))
			for i := range many {
				s := rust(i)
				s.name += fmt.Sprintf(".%d", i)
				s.size = uint64(i % 16)
				f.symbols = append(f.symbols, s)
			}
			return f
		},
		"notes, versions and paths without end": func() *elfFile {
			note := []byte("\x04\x00\x00\x00\x04\x00\x00\x00\x03\x00\x00\x00GNU\x00abcd")
			return &elfFile{typ: elf.ET_REL, sections: []elfSection{
				{name: ".note.gnu.build-id", typ: elf.SHT_NOTE, flags: alloc, data: bytes.Repeat(note, many)},
				{name: ".modinfo", flags: alloc, data: bytes.Repeat([]byte("vermagic=1\x00vermagic=2\x00"), many)},
				{name: ".rodata", flags: alloc, data: bytes.Repeat([]byte("/usr/library/core/src/"), many)},
				{name: ".comment", data: []byte(strings.Repeat("rustc version 1\x00GCC: 2\x00", many))},
			}}
		},
		"a kallsyms that unpacks to much more": func() *elfFile {
			// every token is 255 bytes that begin like Rust; every name is two of them
			table := append([]byte("t_R"+strings.Repeat("Nv", 126)), 0)
			var names []byte
			for range many * 4 {
				names = append(names, 2, 1, 1)
			}
			var data []byte
			label := func(name string, part []byte) elfSymbol {
				s := elfSymbol{name: name, section: ".rodata", value: 1<<20 + uint64(len(data)), bind: elf.STB_GLOBAL}
				data = append(data, part...)
				return s
			}
			f := &elfFile{typ: elf.ET_EXEC, symbols: []elfSymbol{label("kallsyms_names", names), label("kallsyms_token_table", table),
				label("kallsyms_token_index", make([]byte, 512)), label("kallsyms_seqs_of_names", make([]byte, 100)), label("end", make([]byte, 100))}}
			f.sections = []elfSection{{name: ".rodata", flags: alloc, addr: 1 << 20, data: data}}
			return f
		},
	}
	other := makeBuild(makeImage(t, "a", fn("main", 16)))
	for name, make := range tests {
		t.Run(name, func(t *testing.T) {
			file := make().bytes()
			im := measureELF(t, file)
			if len(im.Tools.Rustc)+len(im.Tools.CC) > 32 || len(im.Texts) > 64 {
				t.Errorf("%d versions and %d texts are kept", len(im.Tools.Rustc)+len(im.Tools.CC), len(im.Texts))
			}
			r := sizediff.Compare(other, makeBuild(sizediff.ImageFile{Path: "a", FileSize: int64(len(file)), Image: im}), sizediff.LinuxKernel().Buckets)
			checkCloses(t, r)
		})
	}
}

// TestHostileNames compares images whose names are alike in ways that make pairing them hard.
func TestHostileNames(t *testing.T) {
	const many = 20_000
	same := func(i int) string { return "same" }
	counted := func(i int) string { return fmt.Sprintf("__UNIQUE_ID_x_%d", i) }
	mirrored := func(i int) string { return fmt.Sprintf("f%d_x", i) }
	build := func(name func(int) string, size func(int) uint64) *sizediff.Measurement {
		var syms []sym
		for i := range many {
			syms = append(syms, fn(name(i), size(i)))
		}
		return makeBuild(makeImage(t, "a", syms...))
	}
	up, down := func(i int) uint64 { return uint64(i) }, func(i int) uint64 { return uint64(many - i) }
	for name, pair := range map[string][2]*sizediff.Measurement{
		"one name":          {build(same, up), build(same, down)},
		"counters":          {build(counted, up), build(func(i int) string { return counted(i + many) }, down)},
		"the other way":     {build(mirrored, up), build(func(i int) string { return mirrored(many - i) }, up)},
		"nothing in common": {build(mirrored, up), build(func(i int) string { return mirrored(i) + "y" }, up)},
	} {
		t.Run(name, func(t *testing.T) { checkCloses(t, sizediff.Compare(pair[0], pair[1], nil)) })
	}
}

// TestHostileTrees: thousands of modules that all went and came, as when a tree is named after its version.
func TestHostileTrees(t *testing.T) {
	var base, head []sizediff.ImageFile
	for i := range 3000 {
		own := []sym{fn(fmt.Sprintf("probe_%d_x", i), 100), fn("init_module", 20), fn("cleanup_module", 10), data("__func__.0", 8)}
		base = append(base, makeImage(t, fmt.Sprintf("lib/modules/7.2.12/%d.ko", i), own...))
		head = append(head, makeImage(t, fmt.Sprintf("lib/modules/7.2.13/%d.ko", i), own...))
	}
	r := sizediff.Compare(makeBuild(base...), makeBuild(head...), sizediff.LinuxKernel().Buckets)
	checkCloses(t, r)
	moved := 0
	for _, im := range r.Images {
		if im.Status == sizediff.Removed && im.MovedTo == strings.Replace(im.Path, "7.2.12", "7.2.13", 1) {
			moved++
		}
	}
	if moved != len(base) {
		t.Errorf("%d of %d modules are recognised in the other folder", moved, len(base))
	}
	if i := slices.IndexFunc(r.Symbols, func(s sizediff.SymbolChange) bool { return s.State != sizediff.Moved }); i >= 0 {
		t.Errorf("%+v, want all moved", r.Symbols[i])
	}
}
