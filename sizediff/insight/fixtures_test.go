package insight

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

func fixture(name string) string { return filepath.Join("..", "testdata", filepath.FromSlash(name)) }

// one returns the node of a name, or ends the test.
func one(t *testing.T, g *Graph, name string) int32 {
	t.Helper()
	found := g.Find(name)
	if len(found) != 1 {
		t.Fatalf("%s: found %d", name, len(found))
	}
	return found[0]
}

// callees lists what a node refers to, with image where that is another, in order of name.
func callees(g *Graph, n int32) []string {
	var out []string
	for _, e := range g.out.of(n) {
		name := g.Demangled(e.To)
		if g.path(e.To) != g.path(n) {
			name = g.path(e.To) + ":" + name
		}
		out = append(out, strings.TrimPrefix(name, ":"))
	}
	slices.Sort(out)
	return out
}

// TestReferences compares with what objdump -d (vmlinux, which has no relocations) and readelf -rW (modules) say of the small
// kernel, read by hand.
func TestReferences(t *testing.T) {
	g := readGraph(t, fixture("small-head"))
	for name, want := range map[string][]string{
		"driver_register": {"drivers", "n_drivers"},
		"start_kernel":    {".rodata+0x162", ".rodata+0x1a3", "mydriver::INITCALL", "printk_write"},
		"__mydriver_init": {"<kernel::driver::Adapter<mydriver::MyDriver>>::register"},
		"<kernel::driver::Adapter<mydriver::MyDriver>>::register": {"<kernel::driver::Adapter<mydriver::MyDriver>>::probe_callback", "driver_register"},
		"mydriver::report": {
			".rodata+0xfc8", ".rodata+0xff3", "<&mydriver::Reading as core::fmt::Debug>::fmt", "<i16 as core::fmt::Display>::fmt",
			"<u32 as core::fmt::Display>::fmt", "<usize as core::fmt::LowerHex>::fmt", "kernel::print::call_printk",
		},
		"<&&str as core::fmt::Debug>::fmt": {"<str as core::fmt::Debug>::fmt"},
		"vmlinux:.init.data+0x20":          {"__mydriver_init"},                  // the table of initcalls
		"vmlinux:.rodata+0x10a8":           {"<&&str as core::fmt::Debug>::fmt"}, // a vtable: drop, size, alignment, fmt
		"vmlinux:.rodata+0x1068":           {"<u64 as core::fmt::Debug>::fmt"},
		"rust_sample.ko:init_module":       {"<kernel::driver::Adapter<rust_sample::Sample>>::register"},
		"rust_sample::next": {
			"<kernel::ring::Ring<u32, 8>>::pop", "<kernel::sync::SpinLock<kernel::ring::Ring<u32, 8>>>::lock", "rust_sample::EVENTS",
			"vmlinux:rust_helper_spin_unlock",
		},
		"<kernel::driver::Adapter<rust_sample::Sample>>::probe_callback": {
			".rodata+0x80", ".rodata+0xa", "<&str as core::fmt::Display>::fmt", "<rust_sample::Sample as kernel::driver::Driver>::probe",
			"vmlinux:<kernel::error::Error as core::fmt::Debug>::fmt", "vmlinux:kernel::print::call_printk",
		},
		"rust_sample.ko:.rodata+0x58": {".rodata+0x0"},  // where a panic is: its file
		"rust_sample.ko:.rodata+0x80": {".rodata+0x70"}, // a string slice
		"c_sample.ko:init_module":     {"probe", "vmlinux:driver_register"},
	} {
		if got := callees(g, one(t, g, name)); !slices.Equal(got, want) {
			t.Errorf("%s refers to %q, want %q", name, got, want)
		}
	}
	// cleanup_module calls next twice, from the calls that readelf shows at 7 and 0x41 (.text - 4).
	from, to := one(t, g, "rust_sample.ko:cleanup_module"), one(t, g, "rust_sample::next")
	if e := g.edge(from, to); e.Count != 2 || e.At != 8 {
		t.Errorf("%+v", e)
	}
	// movl of c_sample's cleanup_module has an immediate behind the address: .bss - 8 is its first byte.
	if got := callees(g, one(t, g, "c_sample.ko:cleanup_module")); len(got) != 1 || g.Nodes[g.out.of(one(t, g, "c_sample.ko:cleanup_module"))[0].To].Offset != 0 {
		t.Errorf("cleanup_module of c_sample.ko refers to %q", got)
	}
}

// TestMachines follows one program through every machine: main_init calls beta_push, and _start, in the same section,
// scratch. Where code is not decoded and the file has no
// relocations, nothing is known, and the image says so.
func TestMachines(t *testing.T) {
	for _, machine := range []string{"x86_64", "aarch64", "riscv64", "loongarch64", "s390x", "powerpc64le", "powerpc64", "arm", "powerpc"} {
		for _, kind := range []string{".o", ".exec", ".so"} {
			g := readGraph(t, fixture("elf/"+machine+kind))
			checkWhole(t, g)
			want := sizediff.RefPointers
			switch {
			case kind == ".o":
				want = sizediff.RefRelocations
			case machine != "powerpc64" && machine != "arm" && machine != "powerpc":
				want = sizediff.RefDecoded
			}
			if got := g.Images[0].References.Source; got != want {
				t.Errorf("%s%s: %s, want %s", machine, kind, got, want)
			}
			if want == sizediff.RefPointers || machine == "powerpc64" { // its function symbols are descriptors
				continue
			}
			calls := [][2]string{{"_start", "scratch"}, {"main_init", "beta_push"}}
			if kind == ".so" {
				calls = calls[:1] // the other is through the PLT
			}
			if kind == ".o" && (machine == "arm" || machine == "powerpc") {
				calls = calls[1:] // the assembler resolved the other, and their code is not decoded
			}
			for _, c := range calls {
				from, to := one(t, g, c[0]), one(t, g, c[1])
				if !slices.ContainsFunc(g.out.of(from), func(e edge) bool { return e.To == to }) {
					t.Errorf("%s%s: %s does not call %s, but %q", machine, kind, c[0], c[1], callees(g, from))
				}
			}
		}
	}
}

// TestLocalReferences: in an object, references inside of one section have no relocation where the assembler knows the distance.
func TestLocalReferences(t *testing.T) {
	for _, machine := range []string{"x86_64", "aarch64", "riscv64", "loongarch64", "powerpc64le", "s390x"} {
		g := readGraph(t, filepath.Join("testdata", "local-"+machine+".o"))
		checkWhole(t, g)
		for name, want := range map[string][]string{
			"calls": {"called"}, "jumps": {"called"}, "takes": {"taken"}, "called": nil, "taken": nil,
		} {
			n := one(t, g, name)
			if got := callees(g, n); !slices.Equal(got, want) {
				t.Errorf("%s: %s refers to %q, want %q", machine, name, got, want)
			}
			for _, e := range g.out.of(n) {
				if name != "takes" && e.Count != 1 { // both halves of an address may have relocations
					t.Errorf("%s: %s refers %d times to %q", machine, name, e.Count, want)
				}
			}
		}
		a, err := g.Why("", "called", 1)
		if err != nil || len(a.Images) != 1 || !a.Images[0].Exact {
			t.Errorf("%s: %+v, %v; want exact references", machine, a.Images, err)
		}
	}
}

// checkWhole holds that the roots retain every byte of memory.
func checkWhole(t *testing.T, g *Graph) {
	t.Helper()
	memory := uint64(0)
	for i := range g.Images {
		for _, s := range g.Images[i].Sections {
			if s.Kind != sizediff.Unloaded {
				memory += s.Size
			}
		}
	}
	if got := g.retain(g.linked)[g.whole()].Bytes; got != memory {
		t.Errorf("%s: the roots retain %d bytes of %d", g.Images[0].Path, got, memory)
	}
}

func TestFind(t *testing.T) {
	g := readGraph(t, fixture("small-head"))
	for name, want := range map[string]int{
		"":                                      0,
		"no such":                               0,
		"core::fmt::write":                      1, // though others contain it
		"_RNvNtCs2DxGA1hvVcO_4core3fmt5write":   1,
		"cleanup_module":                        2, // one in each module
		"rust_sample.ko:cleanup_module":         1,
		"drivers/rust_sample.ko:cleanup_module": 1,
		"other.ko:cleanup_module":               0,
		"vmlinux:core::fmt::write":              1,
		"is_printable":                          1,
		"vmlinux:.rodata+0x10b0":                1, // inside of a vtable
		"vmlinux:.rodata+0xzz":                  0,
		"vmlinux:":                              0,
	} {
		if got := g.Find(name); len(got) != want {
			t.Errorf("%q: %d found, want %d", name, len(got), want)
		}
	}
	for n := range g.Nodes {
		if g.Nodes[n].Kind == sizediff.NodeRest {
			continue
		}
		if got := g.Find(g.Reference(int32(n))); len(got) != 1 || got[0] != int32(n) {
			t.Errorf("%s does not mean node %d alone", g.Reference(int32(n)), n)
		}
	}
}

// TestFindAlias holds that another name of a symbol means that symbol, or nothing where the graph does not have it, also when the
// graph has no more than Rust.
func TestFindAlias(t *testing.T) {
	symbols := []sizediff.Symbol{{Name: "c"}, {Name: "_RNvC1a1f", How: sizediff.ByName, Crate: 1}, {Name: "_RNvC1a1g", How: sizediff.ByName, Crate: 1}}
	im := &sizediff.Image{
		Sections: []sizediff.Section{{Name: ".text", Code: true}}, Crates: []string{"", "a"}, Symbols: symbols,
		Aliases:    []sizediff.SymbolAlias{{Symbol: 0, Name: "of_c"}, {Symbol: 2, Name: "of_g"}},
		References: &sizediff.References{Rust: true, Nodes: []sizediff.RefNode{{Symbol: 1}, {Symbol: 2}}},
	}
	g, err := NewGraph(&sizediff.Measurement{Images: []sizediff.ImageFile{{Path: "vmlinux", Image: im}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Find("of_g"); !slices.Equal(got, []int32{1}) {
		t.Errorf("an alias of the second node: %v", got)
	}
	if got := g.Find("of_c"); len(got) != 0 {
		t.Errorf("an alias of no node: %v", got)
	}
}

func TestAmbiguous(t *testing.T) {
	g := readGraph(t, fixture("small-head"))
	_, err := g.Why("b", "cleanup_module", 1)
	if got, ok := errors.AsType[*AmbiguousError](err); !ok || !slices.Equal(got.Candidates, []string{"drivers/c_sample.ko:cleanup_module", "drivers/rust_sample.ko:cleanup_module"}) {
		t.Error(err)
	}
	_, err = g.Why("b", "core::", 1)
	if got, ok := errors.AsType[*AmbiguousError](err); !ok || len(got.Candidates) != maxCandidates || got.More == 0 {
		t.Error(err)
	}
}

// TestLoneModule holds that what a module imports is there by name when nothing defines it.
func TestLoneModule(t *testing.T) {
	g := readGraph(t, fixture("small-head/drivers/rust_sample.ko"))
	a, err := g.Why("rust_sample.ko", "core::panicking::panic_bounds_check", 5)
	if err != nil {
		t.Fatal(err)
	}
	if a.Symbol.Image != "" || a.Symbol.Size != 0 || a.Keeping != Used || len(a.Callers) != 2 {
		t.Errorf("%+v", a)
	}
	if got := g.Panics(); len(got) != 2 || got[0].Sites != 1 || got[1].Sites != 1 {
		t.Errorf("panic sites: %v", got)
	}
}

// TestUnknownReferences holds that nothing is said of a build that was measured without references.
func TestUnknownReferences(t *testing.T) {
	if _, err := NewGraph(measured(t, fixture("small-head/vmlinux"), nil)); !errors.Is(err, ErrNoReferences) {
		t.Error(err)
	}
}

// TestVtable follows a vtable in images of every kind: relocated by the linker, left to the loader as readelf -rW shows in
// .data.rel.ro of the libraries (R_X86_64_RELATIVE, R_AARCH64_RELATIVE), or with relocations of its own.
func TestVtable(t *testing.T) {
	for _, name := range []string{"x86_64.o", "x86_64.exec", "x86_64.so", "aarch64.o", "aarch64.exec", "aarch64.so"} {
		g := readGraph(t, fixture("elf/"+name))
		method := one(t, g, "<beta::Meter as alpha::Visit>::visit")
		chains := 0
		for _, table := range g.in.of(method) {
			for _, user := range g.in.of(table.From) {
				if g.Nodes[table.From].Kind == sizediff.NodeUnnamed && g.Name(user.From) == "beta_sum" {
					chains++
				}
			}
			if got := callees(g, table.From); len(got) != 2 || got[0] != "<beta::Meter as alpha::Visit>::visit" || !strings.HasPrefix(got[1], "core::ptr::drop_") {
				t.Errorf("%s: the vtable refers to %q", name, got)
			}
		}
		if chains != 1 {
			t.Errorf("%s: %d ways from beta_sum through a vtable", name, chains)
		}
	}
}

// TestDecodedGraph: of linked programs, decoding finds who refers to whom as the relocations say it. Where code goes through the
// global offset table, the slot stands in between.
func TestDecodedGraph(t *testing.T) {
	for _, machine := range []string{"x86_64", "aarch64", "riscv64", "loongarch64", "powerpc64le", "s390x"} {
		data, err := os.ReadFile(filepath.Join("..", "coderef", "testdata", machine+".exec"))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), machine+".exec")
		if err := os.WriteFile(path, withoutRelocations(data), 0o600); err != nil {
			t.Fatal(err)
		}
		exact, decoded := readGraph(t, filepath.Join("..", "coderef", "testdata", machine+".exec")), readGraph(t, path)
		if a, b := exact.Images[0].References.Source, decoded.Images[0].References.Source; a != sizediff.RefRelocations || b != sizediff.RefDecoded {
			t.Errorf("%s: %s and %s", machine, a, b)
		}
		a, b := named(exact), named(decoded)
		if len(a) < 20 || !slices.Equal(a, b) {
			t.Errorf("%s: by relocation %q, decoded %q", machine, a, b)
		}
	}
}

// named lists which symbols refer to which, also by way of something without a name.
func named(g *Graph) []string {
	var out []string
	for n := range g.Nodes {
		if g.Nodes[n].Kind != sizediff.NodeSymbol {
			continue
		}
		for _, e := range g.out.of(int32(n)) {
			if g.Nodes[e.To].Kind == sizediff.NodeSymbol {
				out = append(out, g.Demangled(int32(n))+" → "+g.Demangled(e.To))
				continue
			}
			for _, f := range g.out.of(e.To) {
				if g.Nodes[f.To].Kind == sizediff.NodeSymbol && g.Nodes[e.To].Kind == sizediff.NodeUnnamed {
					out = append(out, g.Demangled(int32(n))+" → "+g.Demangled(f.To))
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// withoutRelocations returns a linked image of 64 bits as if the linker had not kept its relocations.
func withoutRelocations(data []byte) []byte {
	out := slices.Clone(data)
	var order binary.ByteOrder = binary.LittleEndian
	if data[5] == 2 {
		order = binary.BigEndian
	}
	table, size, n := order.Uint64(out[0x28:]), uint64(order.Uint16(out[0x3a:])), uint64(order.Uint16(out[0x3c:]))
	for i := range n {
		if header := out[table+i*size:]; order.Uint32(header[4:]) == elfmap.TypeRela && order.Uint64(header[8:])&2 == 0 { // not SHF_ALLOC
			order.PutUint32(header[4:], elfmap.TypeNull)
		}
	}
	return out
}
