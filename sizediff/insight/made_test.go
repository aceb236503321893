package insight_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// usual are the buckets of every test.
var usual = sizediff.LinuxKernel().Buckets

// Names of small builds: a generic item of core by the crate that made the instance, a trait's concrete one, one of kernel.
const (
	foldU8Kernel = "_RINvNtCs1_4core4iter4foldhECs2_6kernel"
	foldU8One    = "_RINvNtCs1_4core4iter4foldhECs3_3one"
	foldU8Two    = "_RINvNtCs1_4core4iter4foldhECs4_3two"
	foldU16One   = "_RINvNtCs1_4core4iter4foldtECs3_3one"
	parse        = "_RNvNtCs1_4core3num5parse"
	print        = "_RNvNtCs2_6kernel5print5print"
	probe        = "_RNvCs3_3one5probe"
)

// sym is a function of an image made by hand. Its name decides about its crate, as in a real one.
type sym struct {
	name   string
	size   uint64
	prefix uint32
	global bool
}

// fn is a local function.
func fn(name string, size uint64) sym { return sym{name: name, size: size} }

// pub is a global one.
func pub(name string, size uint64) sym { return sym{name: name, size: size, global: true} }

// kernelOf makes a vmlinux that exports names; 8 bytes of entry each.
func kernelOf(t testing.TB, exports []string, syms ...sym) sizediff.ImageFile {
	t.Helper()
	f := imageOf(t, "vmlinux", elfmap.FileExecutable, syms)
	slices.Sort(exports)
	f.Links = &sizediff.Links{Exports: exports}
	f.share("__ksymtab", sizediff.Resident, sizediff.Share{Class: sizediff.ShareTable, Bytes: uint64(8 * len(exports))})
	return f.ImageFile
}

// moduleOf makes a module that imports names.
func moduleOf(t testing.TB, path string, imports []string, syms ...sym) sizediff.ImageFile {
	t.Helper()
	f := imageOf(t, path, elfmap.FileRelocatable, syms)
	slices.Sort(imports)
	f.Links = &sizediff.Links{Imports: imports}
	return f.ImageFile
}

type made struct{ sizediff.ImageFile }

func imageOf(t testing.TB, path string, typ uint16, syms []sym) made {
	t.Helper()
	f := made{sizediff.ImageFile{Path: path, Image: &sizediff.Image{Machine: 62, Class: 64, Type: typ, Crates: []string{""}}}}
	f.Sections = []sizediff.Section{{Name: ".text", Kind: sizediff.Resident, Code: true}}
	for _, s := range syms {
		o := sizediff.Symbol{Name: s.name, Size: s.size, Prefix: s.prefix}
		if n, ok := rustname.Parse(s.name); ok {
			o.How, o.Crate = sizediff.ByName, f.crate(n.Crate)
			if n.Instantiating != n.Crate {
				o.Inst = f.crate(n.Instantiating)
			}
		} else if strings.HasPrefix(s.name, "_R") {
			t.Fatalf("%s is no Rust name", s.name)
		}
		if s.global {
			o.Flags = sizediff.FlagGlobal
		}
		f.Symbols = append(f.Symbols, o)
		f.Sections[0].Size += s.size
	}
	return f
}

func (f made) crate(name string) int32 {
	if i := slices.Index(f.Crates, name); i >= 0 {
		return int32(i)
	}
	f.Crates = append(f.Crates, name)
	return int32(len(f.Crates) - 1)
}

// share adds bytes that no symbol owns, in a section of their own.
func (f made) share(section string, kind sizediff.Kind, s sizediff.Share) {
	s.Section = int32(len(f.Sections))
	f.Sections = append(f.Sections, sizediff.Section{Name: section, Kind: kind, Derived: s.Class == sizediff.ShareTable, Size: s.Bytes})
	f.Shares = append(f.Shares, s)
}

func buildOf(images ...sizediff.ImageFile) *sizediff.Measurement {
	return &sizediff.Measurement{Label: "made", Portable: true, Images: images}
}

// unknown is the build without its links.
func unknown(m *sizediff.Measurement) *sizediff.Measurement {
	out := *m
	out.Images = slices.Clone(m.Images)
	for i := range out.Images {
		im := *out.Images[i].Image
		im.Links = nil
		out.Images[i].Image = &im
	}
	return &out
}

// backwards is the build with its images in the other order.
func backwards(m *sizediff.Measurement) *sizediff.Measurement {
	out := *m
	out.Images = slices.Clone(m.Images)
	slices.Reverse(out.Images)
	return &out
}

// flip exchanges base and head.
func flip(c sizediff.Change) sizediff.Change {
	return sizediff.Change{Base: c.Head, Head: c.Base, Delta: -c.Delta}
}

// kernelBuild measures one of the real kernel builds.
func kernelBuild(t testing.TB, name string) *sizediff.Measurement {
	t.Helper()
	return measured(t, kernelPath(t, name))
}

// kernelPath is where a file of the real kernel builds lies beside the checkout. Without it the test is skipped.
func kernelPath(t testing.TB, name string) string {
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

// measured measures a build, or ends the test. Images are measured once.
func measured(t testing.TB, path string) *sizediff.Measurement {
	t.Helper()
	b, err := source.Open(path, source.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m, err := sizediff.Measure(b, sizediff.MeasureOptions{Cache: &cache, Portable: true})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var cache sizediff.Cache

// fixtures are small builds of every kind.
func fixtures(t testing.TB) []*sizediff.Measurement {
	t.Helper()
	var out []*sizediff.Measurement
	for _, dir := range []string{"small-base", "small-head", "pairs", "asm/tables.ko", "elf/x86_64.exec", "elf/aarch64.o", "elf/x86_64-legacy.o", "debug/strip-all.exec"} {
		out = append(out, measured(t, filepath.Join("..", "testdata", dir)))
	}
	return append(out, small(t, 0), small(t, 1))
}

// small is a kernel and two modules with copies of core's code; the second variant has more of it.
func small(t testing.TB, variant int) *sizediff.Measurement {
	t.Helper()
	kernel := []sym{{foldU8Kernel, 40, 16, false}, pub(parse, 100), pub(print, 50), pub("printk", 30), pub("rust_helper_lock", 8)}
	one := []sym{fn(foldU8One, 30), fn(probe, 70)}
	two := []sym{fn(foldU8Two, 35)}
	exports := []string{parse, print, "printk", "rust_helper_lock"}
	if variant == 1 {
		one = append(one, fn(foldU16One, 60))
		one[0].size = 36
		exports = append(exports, foldU8Kernel)
		two = nil
	}
	return buildOf(kernelOf(t, exports, kernel...), moduleOf(t, "a/one.ko", []string{parse, "printk"}, one...), moduleOf(t, "two.ko", nil, two...))
}
