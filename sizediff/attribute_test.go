package sizediff_test

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Symbols for attribution: each function is 16 bytes of .text, in order.
func file(name string) elfSymbol  { return elfSymbol{name: name, typ: elf.STT_FILE} }
func local(name string) elfSymbol { return elfSymbol{name: name, section: ".text", typ: elf.STT_FUNC} }
func hidden(name string) elfSymbol {
	return elfSymbol{name: name, section: ".text", typ: elf.STT_FUNC, vis: elf.STV_HIDDEN}
}
func global(name string) elfSymbol {
	return elfSymbol{name: name, section: ".text", typ: elf.STT_FUNC, bind: elf.STB_GLOBAL}
}

// functions makes an image of functions that lie one behind the other.
func functions(typ elf.Type, symbols ...elfSymbol) *elfFile {
	n := uint64(0)
	for i := range symbols {
		if symbols[i].typ == elf.STT_FUNC {
			symbols[i].value, symbols[i].size = 16*n, 16
			n++
		}
	}
	f := &elfFile{typ: typ, sections: []elfSection{{name: ".text", flags: execable, data: code(int(16 * n))}}}
	f.symbols = slices.Clone(symbols)
	slices.SortStableFunc(f.symbols, func(a, b elfSymbol) int { return int(a.bind) - int(b.bind) })
	return f
}

// attributions writes "name: crate by ground" for each symbol.
func attributions(im *sizediff.Image) []string {
	var out []string
	for i := range im.Symbols {
		s := &im.Symbols[i]
		row := s.Name + ":"
		if s.How != sizediff.ByNothing {
			row += fmt.Sprintf(" %s by %s", im.Crates[s.Crate], s.How)
		}
		if s.Inst != 0 {
			row += " for " + im.Crates[s.Inst]
		}
		out = append(out, row)
	}
	return out
}

func TestAttribution(t *testing.T) {
	const (
		core   = "_RNvNtCsbZfwWpAStWS_4core3fmt5write"
		kernel = "_RNvCsdJ13ReMSUMg_6kernel5print"
		binder = "_RNvCs5OeyqpMLcQd_11rust_binder3run"
		glue   = "_RINvNtCsbZfwWpAStWS_4core3ptr9drop_gluelECs5OeyqpMLcQd_11rust_binder"
	)
	tests := []struct {
		name    string
		typ     elf.Type
		symbols []elfSymbol
		want    []string
	}{{
		"names say it: defining and instantiating crate", elf.ET_EXEC,
		[]elfSymbol{global(core), global(glue), global("_ZN6kernel5print17h0123456789abcdefE")},
		[]string{core + ": core by name", glue + ": core by name for rust_binder", "_ZN6kernel5print17h0123456789abcdefE: kernel by name"},
	}, {
		"a hash of 15 digits, and what is no codegen unit", elf.ET_EXEC,
		[]elfSymbol{file("qt2025.f9fb6b0b6134c3d-cgu.0"), local("a"), file("trace.c"), local("b"), file("qt2025.f9fb6b0b6134c3g-cgu.0"), local("c"),
			file("qt2025-cgu.0"), local("d"), file("qt2025.f9fb-cgu.x"), local("e"), file("core.01ab-cgu.3.rcgu.o"), local("f")},
		[]string{"a: qt2025 by file", "b:", "c:", "d:", "e:", "f: core by file"},
	}, {
		"a hidden local stands behind any file", elf.ET_EXEC,
		[]elfSymbol{file("qt2025.f9fb6b0b6134c3d-cgu.0"), local("a"), hidden("early_dynamic_pgts"), hidden("__rust__udivti3")},
		[]string{"a: qt2025 by file", "early_dynamic_pgts:", "__rust__udivti3: compiler_builtins by convention"},
	}, {
		"C that begins like Rust", elf.ET_EXEC,
		[]elfSymbol{global(core), file("h323.c"), local("_RasMessage"), local("_RegistrationRequest"), global("_ZN3foo3barEv")},
		[]string{core + ": core by name", "_RasMessage:", "_RegistrationRequest:", "_ZN3foo3barEv:"},
	}, {
		"between two of one crate", elf.ET_EXEC,
		[]elfSymbol{global(kernel), global("nameless"), hidden("early"), global(kernel + ".cold")},
		[]string{kernel + ": kernel by name", "nameless: kernel by neighbour", "early: kernel by neighbour", kernel + ".cold: kernel by name"},
	}, {
		"between two crates, or with a C object in between", elf.ET_EXEC,
		[]elfSymbol{global(core), global("one"), global(kernel), global("two"), file("two.c"), local("three"), global("four"), global(kernel + ".cold")},
		[]string{core + ": core by name", "one:", kernel + ": kernel by name", "two:", "three:", "four:", kernel + ".cold: kernel by name"},
	}, {
		"the end of a crate: names that it exports, in order, up to the next object", elf.ET_EXEC,
		[]elfSymbol{global(binder), global("__rust_binder_init"), global("rust_binder_wait"), global("rust_shrink_scan"), global("rust_binderfs_remove_file"),
			global("rust_shrink_wrap")},
		[]string{binder + ": rust_binder by name", "__rust_binder_init: rust_binder by neighbour", "rust_binder_wait: rust_binder by neighbour",
			"rust_shrink_scan: rust_binder by neighbour", "rust_binderfs_remove_file:", "rust_shrink_wrap:"},
	}, {
		"the end of a crate: names that C has too", elf.ET_EXEC,
		[]elfSymbol{global(kernel), global("kernel_clone"), global("rust_fmt_argument")},
		[]string{kernel + ": kernel by name", "kernel_clone:", "rust_fmt_argument:"},
	}, {
		"the end of a crate: its own export, then helpers in C", elf.ET_EXEC,
		[]elfSymbol{global(kernel), global("rust_fmt_argument"), global("rust_helper_mutex_lock")},
		[]string{kernel + ": kernel by name", "rust_fmt_argument: kernel by neighbour", "rust_helper_mutex_lock:"},
	}, {
		"a module of one crate, by its codegen unit", elf.ET_REL,
		[]elfSymbol{file("rust_binder.1a2b3c-cgu.0"), local(core), global(glue), global("init_module"), global("other"), global("cleanup_module"), global("__mod_device_table__pci")},
		[]string{core + ": core by name", glue + ": core by name for rust_binder", "init_module: rust_binder by image", "other:",
			"cleanup_module: rust_binder by image", "__mod_device_table__pci: rust_binder by image"},
	}, {
		"a module of one crate, stripped of file names", elf.ET_REL,
		[]elfSymbol{global(core), global(glue), global("init_module")},
		[]string{core + ": core by name", glue + ": core by name for rust_binder", "init_module: rust_binder by image"},
	}, {
		"a module of two crates", elf.ET_REL,
		[]elfSymbol{file("rust_binder.1a2b3c-cgu.0"), local("a"), file("helper.1a2b3c-cgu.0"), local("b"), global("init_module")},
		[]string{"a: rust_binder by file", "b: helper by file", "init_module:"},
	}, {
		"a module in C", elf.ET_REL,
		[]elfSymbol{file("loop.c"), local("loop_probe"), global("init_module")},
		[]string{"loop_probe:", "init_module:"},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := attributions(measureELF(t, functions(tt.typ, tt.symbols...).bytes()))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestManyCrates: an image with more crates than an owner can say keeps its sums, and those beyond are Rust of no known crate.
func TestManyCrates(t *testing.T) {
	var symbols []elfSymbol
	for i := range 33_000 {
		name := fmt.Sprintf("crate%d", i)
		symbols = append(symbols, global(fmt.Sprintf("_RNvC%d%s1f", len(name), name)))
	}
	im := measureELF(t, functions(elf.ET_EXEC, symbols...).bytes())
	if len(im.Crates) != 1<<15 {
		t.Fatalf("%d crates, want %d", len(im.Crates), 1<<15)
	}
	last := im.Symbols[len(im.Symbols)-1]
	if last.How != sizediff.ByName || last.Crate != 0 {
		t.Errorf("the last symbol is of crate %d by %s, want none by name", last.Crate, last.How)
	}
	m := makeBuild(sizediff.ImageFile{Path: "a", FileSize: 1, Image: im})
	r := sizediff.Compare(m, makeBuild(makeImage(t, "a", fn("x", 1))), sizediff.LinuxKernel().Buckets)
	checkCloses(t, r)
	if got := r.Buckets[4]; got.Name != sizediff.BucketDrivers || got.Resident.Base != 16*33_000 {
		t.Errorf("%+v, want %d bytes of Rust", got, 16*33_000)
	}
}

// attributed is a sum over symbols: how many, their bodies, their prefixes.
type attributed struct{ Symbols, Body, Prefix int64 }

func (a attributed) plus(s *sizediff.Symbol) attributed {
	return attributed{a.Symbols + 1, a.Body + int64(s.Size) - int64(s.Prefix), a.Prefix + int64(s.Prefix)}
}

// TestKernelAttribution holds the sums over a real vmlinux. Those by name are in kernel-facts, counted by an independent
// reader: core 93,592, kernel 46,728, drm_panic_qr 7,741, __rustc 78. The others follow from nm: rust_fmt_argument 122,
// rust_tlb_flush_{all,walk}_noop 9 each, drm_panic_qr_generate 326 and _max_data_size 156, and one body of 6 bytes for all
// names __rust__*. Each has a prefix of 16 bytes; 705 prefixes are of mangled names, there too. Nothing is attributable
// through STT_FILE alone.
func TestKernelAttribution(t *testing.T) {
	im := image(t, measureBuild(t, kernelFile(t, "base.zip"), nil), "vmlinux")
	got, sections := map[string]attributed{}, map[string]int64{}
	for i := range im.Symbols {
		s := &im.Symbols[i]
		if s.How == sizediff.ByNothing {
			continue
		}
		k := im.Crates[s.Crate] + " by " + s.How.String()
		got[k] = got[k].plus(s)
		if s.How == sizediff.ByName {
			sections[im.Crates[s.Crate]+" "+im.Sections[s.Section].Name] += int64(s.Size) - int64(s.Prefix)
		}
	}
	want := map[string]attributed{
		"core by name": {490, 93_592, 466 * 16}, "kernel by name": {250, 46_728, 229 * 16}, "drm_panic_qr by name": {9, 7_741, 9 * 16},
		"__rustc by name": {1, 78, 16}, "compiler_builtins by convention": {1, 6, 16},
		"kernel by neighbour": {3, 122 + 9 + 9, 48}, "drm_panic_qr by neighbour": {2, 326 + 156, 32},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for k, want := range map[string]int64{"core .text": 87_157, "core .rodata": 6_435, "kernel .text": 46_290, "kernel .rodata": 434, "kernel .data": 4} {
		if sections[k] != want {
			t.Errorf("%s: %d bytes, want %d", k, sections[k], want)
		}
	}
	for _, crate := range []string{"bindings", "pin_init", "ffi", "zerocopy", "uapi", "std"} {
		if slices.Contains(im.Crates, crate) {
			t.Errorf("crate %s has something, want nothing", crate)
		}
	}
}

// TestKernelModules holds that both functions that every module has belong to the crate of each Rust module, and that what
// is C there stays C: the trace functions of rust_print, and all of a module in C.
func TestKernelModules(t *testing.T) {
	m := measureBuild(t, kernelFile(t, "base.zip"), nil)
	rust := 0
	for _, f := range m.Images {
		if !strings.HasSuffix(f.Path, ".ko") {
			continue
		}
		isRust := len(f.Tools.Rustc) > 0
		for i := range f.Symbols {
			s := &f.Symbols[i]
			entry := s.Name == "init_module" || s.Name == "cleanup_module"
			switch {
			case entry && isRust && s.How != sizediff.ByImage:
				t.Errorf("%s: %s by %q, want by image", f.Path, s.Name, s.How)
			case (!isRust || strings.Contains(s.Name, "trace") || s.Name == "__this_module") && s.How != sizediff.ByNothing && s.How != sizediff.ByName:
				t.Errorf("%s: %s is %s's by %s, want C", f.Path, s.Name, f.Crates[s.Crate], s.How)
			case entry && isRust:
				rust++
			}
		}
	}
	if rust != 2*18 {
		t.Errorf("%d entry functions in modules of Rust, want two in each of 18", rust)
	}
}
