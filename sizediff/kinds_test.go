package sizediff_test

import (
	"debug/elf"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

func kindsOf(im *sizediff.Image) map[string]sizediff.Kind {
	out := map[string]sizediff.Kind{}
	for _, s := range im.Sections {
		if s.Size > 0 && s.Name != ".symtab" && s.Name != ".strtab" && s.Name != ".shstrtab" {
			out[s.Name] = s.Kind
		}
	}
	return out
}

// linked are the sections of a linked kernel, at the addresses that its script gives them.
func linked(names ...string) []elfSection {
	var out []elfSection
	for i, n := range names {
		flags := elf.SectionFlag(alloc)
		if n == ".comment" {
			flags = 0
		}
		out = append(out, elfSection{name: n, flags: flags, addr: uint64(0x1000 * (i + 1)), data: code(16)})
	}
	return out
}

// TestKindsOfVmlinux follows kernel-facts: what lies between __init_begin and __init_end is freed, whatever its name.
func TestKindsOfVmlinux(t *testing.T) {
	names := []string{".text", ".rodata", ".init.text", ".altinstr_aux", ".init.data", ".data..percpu", ".exit.text", ".bss", ".comment"}
	mark := func(name string, section int, value uint64) elfSymbol {
		return elfSymbol{name: name, section: names[section], value: value, bind: elf.STB_GLOBAL}
	}
	tests := []struct {
		name    string
		symbols []elfSymbol
		init    []string
	}{
		{"no marks: by name", []elfSymbol{mark("start", 0, 0x1000)}, []string{".init.text", ".altinstr_aux", ".init.data", ".data..percpu", ".exit.text"}},
		{"marks: by address", []elfSymbol{mark("__init_begin", 2, 0x3000), mark("__init_end", 5, 0x6000)}, []string{".init.text", ".altinstr_aux", ".init.data"}},
		{"marks in the wrong order: by name", []elfSymbol{mark("__init_begin", 5, 0x6000), mark("__init_end", 2, 0x3000)}, []string{".init.text", ".altinstr_aux", ".init.data", ".data..percpu", ".exit.text"}},
		{"one mark: by name", []elfSymbol{mark("__init_begin", 2, 0x3000)}, []string{".init.text", ".altinstr_aux", ".init.data", ".data..percpu", ".exit.text"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := elfFile{typ: elf.ET_EXEC, sections: linked(names...), symbols: tt.symbols}
			want := map[string]sizediff.Kind{}
			for _, n := range names {
				want[n] = sizediff.Resident
			}
			want[".comment"] = sizediff.Unloaded
			for _, n := range tt.init {
				want[n] = sizediff.Init
			}
			if diff := cmp.Diff(want, kindsOf(measureELF(t, f.bytes()))); diff != "" {
				t.Errorf("kinds (-want +got):\n%s", diff)
			}
		})
	}
}

// TestKindsOfSections: .init.begin and .init.end, as in arm64 and x86 linker scripts, mark the region as well as symbols do.
func TestKindsOfSections(t *testing.T) {
	f := elfFile{typ: elf.ET_EXEC, sections: linked(".text", ".init.begin", ".freed", ".init.end", ".data")}
	want := map[string]sizediff.Kind{".text": sizediff.Resident, ".init.begin": sizediff.Init, ".freed": sizediff.Init,
		".init.end": sizediff.Resident, ".data": sizediff.Resident}
	if diff := cmp.Diff(want, kindsOf(measureELF(t, f.bytes()))); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

// TestKindsOfModule follows the module loader: .init* is freed after loading, .modinfo and __versions are read only, and
// .exit* is kept unless the kernel is known to have no CONFIG_MODULE_UNLOAD.
func TestKindsOfModule(t *testing.T) {
	names := []string{".text", ".init.text", ".init_array", ".exit.text", ".exit.data", ".rodata", ".altinstructions", ".data", "__versions",
		"__version_ext_crcs", ".note.gnu.build-id", ".modinfo", ".comment"}
	f := elfFile{typ: elf.ET_REL, sections: linked(names...)}
	for i := range f.sections {
		f.sections[i].addr = 0
	}
	tests := []struct {
		name, config string
		exit         sizediff.Kind
	}{
		{"unknown", "", sizediff.Resident},
		{"unload", "CONFIG_MODULES=y\nCONFIG_MODULE_UNLOAD=y\n", sizediff.Resident},
		{"no unload", "CONFIG_MODULES=y\n# CONFIG_MODULE_UNLOAD is not set\n", sizediff.Init},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "a.ko"), f.bytes())
			if tt.config != "" {
				write(t, filepath.Join(dir, ".config"), []byte(tt.config))
			}
			m := measureBuild(t, dir, nil)
			want := map[string]sizediff.Kind{}
			for _, n := range names {
				want[n] = sizediff.Resident
			}
			for _, n := range []string{".init.text", ".init_array", "__versions", "__version_ext_crcs", ".modinfo"} {
				want[n] = sizediff.Init
			}
			want[".exit.text"], want[".exit.data"], want[".comment"] = tt.exit, tt.exit, sizediff.Unloaded
			if diff := cmp.Diff(want, kindsOf(image(t, m, "a.ko"))); diff != "" {
				t.Errorf("kinds (-want +got):\n%s", diff)
			}
		})
	}
}

// TestKindsOfPrograms: outside the kernel .init, .fini and the arrays of constructors stay.
func TestKindsOfPrograms(t *testing.T) {
	f := elfFile{typ: elf.ET_DYN, sections: linked(".text", ".init", ".fini", ".init_array", ".fini_array", ".modinfo", ".data")}
	for name, kind := range kindsOf(measureELF(t, f.bytes())) {
		if kind != sizediff.Resident {
			t.Errorf("%s is %s, want resident", name, kind)
		}
	}
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestKernelKinds holds the sections of real images against what kernel-facts says of them.
func TestKernelKinds(t *testing.T) {
	m := measureBuild(t, kernelFile(t, "base.zip"), nil)
	tests := []struct {
		path string
		want map[string]sizediff.Kind
	}{
		{"vmlinux", map[string]sizediff.Kind{".text": "resident", ".rodata": "resident", ".data": "resident", ".bss": "resident", ".init.text": "init",
			".init.data": "init", ".altinstructions": "init", ".exit.text": "init", ".orc_unwind": "resident", "__ksymtab": "resident",
			".comment": "unloaded", ".symtab": "unloaded"}},
		{"samples/rust/rust_minimal.ko", map[string]sizediff.Kind{".text": "resident", ".init.text": "init", ".init.data": "init", ".modinfo": "init",
			".exit.text": "resident", ".gnu.linkonce.this_module": "resident", ".rela.text": "unloaded"}},
	}
	for _, tt := range tests {
		got := map[string]sizediff.Kind{}
		for _, s := range image(t, m, tt.path).Sections {
			if _, ok := tt.want[s.Name]; ok {
				got[s.Name] = s.Kind
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.path, diff)
		}
	}
}
