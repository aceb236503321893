package insight

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// kernelFile returns the path of a file of the real kernel builds that lie beside the checkout, or skips the test.
func kernelFile(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("OXIDOMETER_KERNELS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "kernels")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no %s: put the kernel builds into ../shared/kernels beside the checkout, or name their folder in OXIDOMETER_KERNELS", path)
	}
	return path
}

// measured measures a build, examined, or ends the test.
func measured(t testing.TB, path string, examine func(*elfmap.Image, *elfmap.Map, *sizediff.Image) error) *sizediff.Measurement {
	t.Helper()
	b, err := source.Open(path, source.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m, err := sizediff.Measure(b, sizediff.MeasureOptions{Examine: examine, Portable: true})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// readGraph makes the graph of a build, or ends the test.
func readGraph(t testing.TB, path string) *Graph {
	t.Helper()
	g, err := NewGraph(measured(t, path, References))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

var kernelsMeasured = map[string]*sizediff.Measurement{} // that tests share

// kernelMeasured is a real kernel build with the references of Rust.
func kernelMeasured(t testing.TB, name string) *sizediff.Measurement {
	t.Helper()
	path := kernelFile(t, name)
	if kernelsMeasured[name] == nil {
		kernelsMeasured[name] = measured(t, path, RustReferences)
	}
	return kernelsMeasured[name]
}

var kernelGraphs = map[string]*Graph{} // that tests share

// kernelGraph is the graph of a real kernel build.
func kernelGraph(t *testing.T, name string) *Graph {
	t.Helper()
	path := kernelFile(t, name)
	if kernelGraphs[name] == nil {
		kernelGraphs[name] = readGraph(t, path)
	}
	return kernelGraphs[name]
}

// TestRelocationsOracle compares references found by decoding base's vmlinux with its relocations, which a build of the same
// kernel kept. What decoding misses by design: calls to __fentry__, which the build has overwritten, and data per processor,
// addressed from a segment. Besides, of 112,065 references it misses 15 (behind AVX instructions; page tables, which hold flags in
// the low bits of their pointers), and takes 42 numbers for addresses: ends of tables.
func TestRelocationsOracle(t *testing.T) {
	decoded, exact := kernelGraph(t, "base.zip"), kernelGraph(t, "base-emit-relocs.zip")
	found, truth := symbolEdges(decoded, "vmlinux"), symbolEdges(exact, "vmlinux.unstripped")
	missed, calls := 0, 0
	for k := range truth {
		if k.to.name == "__fentry__" || k.to.section == ".data..percpu" {
			continue
		}
		if calls++; !found[k] {
			missed++
		}
	}
	extra := 0
	for k := range found {
		if !truth[k] {
			extra++
		}
	}
	t.Logf("of %d references %d are missed, and %d more are found", calls, missed, extra)
	if calls < 100_000 || missed*4000 > calls || extra*2000 > calls {
		t.Errorf("of %d references %d are missed, and %d more are found", calls, missed, extra)
	}
}

// symbolPlace tells symbols apart.
type symbolPlace struct {
	name, section string
	offset        uint64
}

type symbolEdge struct{ from, to symbolPlace }

// symbolEdges are the references from symbol to symbol inside one image.
func symbolEdges(g *Graph, image string) map[symbolEdge]bool {
	out := map[symbolEdge]bool{}
	place := func(n int32) symbolPlace { return symbolPlace{g.Name(n), g.section(n), g.Nodes[n].Offset} }
	for i := range g.Nodes {
		n := int32(i)
		if g.Nodes[n].Kind != sizediff.NodeSymbol || g.path(n) != image {
			continue
		}
		for _, e := range g.out.of(n) {
			if g.Nodes[e.To].Kind == sizediff.NodeSymbol && g.path(e.To) == image {
				out[symbolEdge{place(n), place(e.To)}] = true
			}
		}
	}
	return out
}

// TestFmtgrowth holds that new runtime paths of fmtgrowth are traced to the function of the patch that brings them in, as
// fmtgrowth.patch reads: text is parsed, upper-cased, sorted and printed by functions of rust_minimal.
func TestFmtgrowth(t *testing.T) {
	g, base := kernelGraph(t, "fmtgrowth.zip"), kernelGraph(t, "base.zip")
	for _, c := range []struct{ name, image, origin string }{
		{"<core::net::parser::Parser>::read_ipv4_addr", "vmlinux", "rust_minimal::parse_all"},
		{"<core::net::ip_addr::IpAddr as core::str::traits::FromStr>::from_str", "vmlinux", "rust_minimal::parse_all"},
		{"core::unicode::unicode_data::conversions::to_upper", "vmlinux", "rust_minimal::shout"},
		{"core::unicode::unicode_data::conversions::to_lower", "vmlinux", "rust_minimal::shout"},
		{"core::slice::sort::unstable::quicksort::quicksort::<rust_minimal::Entry", "samples/rust/rust_minimal.ko", "rust_minimal::sort_all"},
		{"<core::time::Duration as core::fmt::Debug>::fmt", "vmlinux", "rust_minimal::sort_all"},
	} {
		a, err := g.Why("fmtgrowth.zip", c.name, 5)
		if err != nil {
			t.Error(err)
			continue
		}
		if a.Symbol.Image != c.image || a.Keeping != Used {
			t.Errorf("%s: %s in %s", c.name, a.Keeping, a.Symbol.Image)
		}
		for _, chain := range a.Chains {
			if chain[0].Name != "init_module" || chain[0].Image != "samples/rust/rust_minimal.ko" ||
				!slices.ContainsFunc(chain, func(x Link) bool { return x.Demangled == c.origin }) {
				t.Errorf("%s: %v", c.name, chain)
			}
		}
		if c.image != "vmlinux" {
			continue
		}
		if b, err := base.Why("base.zip", c.name, 5); err != nil || b.Keeping != Exported {
			t.Errorf("%s in base: %v, %v", c.name, b, err)
		}
	}
}

// TestNewChains holds that what the patch reaches is traced to what was there before: the module's init, which it changes.
func TestNewChains(t *testing.T) {
	g, base := kernelGraph(t, "fmtgrowth.zip"), kernelGraph(t, "base.zip")
	since := g.Since(base)
	for name, want := range map[string][]string{
		"core::unicode::unicode_data::conversions::to_upper": {"<rust_minimal::RustMinimal as kernel::Module>::init", "rust_minimal::shout", ""},
		"<core::net::ip_addr::IpAddr as core::str::traits::FromStr>::from_str": {"<rust_minimal::RustMinimal as kernel::Module>::init",
			"rust_minimal::parse_all", ""},
		"core::fmt::write": {""}, // is used in base
	} {
		n := one(t, g, name)
		want[len(want)-1] = g.Demangled(n)
		var got []string
		for _, x := range since.Chain(n) {
			got = append(got, g.Demangled(x))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for n, d := range base.Since(base).dist {
		if k := base.Nodes[n].Kind; d > 0 && (k == sizediff.NodeSymbol || k == sizediff.NodeExternal) {
			t.Errorf("%s is new to its own build", base.Demangled(int32(n)))
		}
	}
}

// TestPortions holds that core is the same in base and fmtgrowth, byte for byte, and that more of it is used.
func TestPortions(t *testing.T) {
	core := func(name string) Portions {
		g := kernelGraph(t, name)
		return g.Portions(func(n int32) bool { return g.path(n) == "vmlinux" && g.crate(n) == "core" })
	}
	b, h := core("base.zip"), core("fmtgrowth.zip")
	t.Logf("base %+v, fmtgrowth %+v", b, h)
	if b.Used+b.Exported+b.Linked != h.Used+h.Exported+h.Linked || h.Used <= b.Used || h.Exported >= b.Exported {
		t.Errorf("base %+v, fmtgrowth %+v", b, h)
	}
}

// TestPanicSites counts by relocations: readelf -rW rust_minimal.ko lists as many to panic_const_add_overflow, _mul_overflow,
// _sub_overflow and panic_on_ord_violation, and none to others that panic.
func TestPanicSites(t *testing.T) {
	for name, want := range map[string]int{"base.zip": 1 + 1 + 2, "fmtgrowth.zip": 20 + 4 + 8 + 5} {
		g := kernelGraph(t, name)
		got := 0
		for _, x := range g.Panics() {
			if g.path(x.Node) == "samples/rust/rust_minimal.ko" {
				got += x.Sites
			}
		}
		if got != want {
			t.Errorf("%s: %d panic sites in rust_minimal.ko, want %d", name, got, want)
		}
	}
}

// TestWholeKernel holds that nodes are all of memory.
func TestWholeKernel(t *testing.T) {
	checkWhole(t, kernelGraph(t, "fmtgrowth.zip"))
}

// BenchmarkReferences measures a kernel of 24 MB without references, with those of Rust, and with all.
func BenchmarkReferences(b *testing.B) {
	build, err := source.Open(kernelFile(b, "base.zip"), source.DefaultLimits())
	if err != nil {
		b.Fatal(err)
	}
	defer build.Close()
	for _, c := range []struct {
		name    string
		examine func(*elfmap.Image, *elfmap.Map, *sizediff.Image) error
	}{{"none", nil}, {"rust", RustReferences}, {"all", References}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sizediff.Measure(build, sizediff.MeasureOptions{Examine: c.examine}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGraph makes the graph of a kernel of 24 MB, after it was measured, and asks it once.
func BenchmarkGraph(b *testing.B) {
	m := measured(b, kernelFile(b, "base.zip"), References)
	b.ReportAllocs()
	for b.Loop() {
		g, err := NewGraph(m)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := g.Why("base.zip", "core::fmt::write", 10); err != nil {
			b.Fatal(err)
		}
	}
}

// TestRustReferences holds that references of Rust alone say the same of every Rust symbol as all references do: what keeps it, how far
// it is from what is used, who refers to it, and how often it panics.
func TestRustReferences(t *testing.T) {
	for _, name := range []string{"base.zip", "base-emit-relocs.zip"} {
		all, m := kernelGraph(t, name), kernelMeasured(t, name)
		var b bytes.Buffer
		if err := sizediff.WriteMeasurement(&b, m); err != nil {
			t.Fatal(err)
		}
		m, err := sizediff.ReadMeasurement(&b)
		if err != nil {
			t.Fatal(err)
		}
		rust, err := NewGraph(m)
		if err != nil {
			t.Fatal(err)
		}
		want, got := rustFacts(all), rustFacts(rust)
		if len(want) < 700 || len(want) != len(got) {
			t.Errorf("%s: %d Rust symbols, want %d", name, len(got), len(want))
		}
		faults := 0
		for k, w := range want {
			if g := got[k]; g != w && faults < 10 {
				t.Errorf("%s: %v: %v, want %v", name, k, g, w)
				faults++
			}
		}
	}
}

type rustSymbol struct {
	image  string
	symbol int32
}

type rustFact struct {
	keeping           Keeping
	distance, callers int32
	panics            int
}

// rustFacts says of each Rust symbol what does not depend on what else is known. Callers are those with a name.
func rustFacts(g *Graph) map[rustSymbol]rustFact {
	out := map[rustSymbol]rustFact{}
	for i := range g.Nodes {
		n := int32(i)
		if g.crate(n) == "" {
			continue
		}
		f := rustFact{keeping: g.keeping(n), distance: g.used.dist[n], panics: g.panicSites(n)}
		for _, e := range g.in.of(n) {
			if g.Nodes[e.From].Kind == sizediff.NodeSymbol {
				f.callers++
			}
		}
		out[rustSymbol{g.path(n), g.Nodes[n].Symbol}] = f
	}
	return out
}
