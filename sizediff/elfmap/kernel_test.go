package elfmap

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kernels finds the real builds, which are too large to be kept in the repository.
func kernels(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("OXIDOMETER_KERNELS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "kernels")
	}
	if _, err := os.Stat(filepath.Join(dir, "base.zip")); err != nil {
		t.Skip("no real kernel builds: set OXIDOMETER_KERNELS to the directory that holds base.zip")
	}
	return dir
}

// eachImage calls f for every ELF image of a build; data is good until f returns.
func eachImage(t testing.TB, build string, f func(name string, data []byte)) {
	t.Helper()
	z, err := zip.OpenReader(filepath.Join(kernels(t), build))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	n := 0
	for _, e := range z.File {
		r, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		if IsELF(data) {
			n++
			f(e.Name, data)
		}
	}
	if n == 0 {
		t.Fatalf("%s holds no image", build)
	}
}

// baseVmlinux is the vmlinux of base.zip.
func baseVmlinux(t testing.TB) (data []byte) {
	t.Helper()
	eachImage(t, "base.zip", func(name string, d []byte) {
		if filepath.Base(name) == "vmlinux" {
			data = d
		}
	})
	if data == nil {
		t.Fatal("base.zip has no vmlinux")
	}
	return data
}

// Everything that must be true of an image is true of every real one, and debug/elf reads the same headers and symbols.
func TestKernelImages(t *testing.T) {
	kernels(t)
	for _, build := range []string{"base.zip", "fmtgrowth.zip", "binder.zip", "base-emit-relocs.zip"} {
		eachImage(t, build, func(name string, data []byte) {
			t.Run(build+"/"+name, func(t *testing.T) {
				checkImage(t, data)
				im := open(t, data)
				compareDebugELF(t, im, data)
				if strings.HasSuffix(name, ".ko") {
					checkModule(t, im)
				}
			})
		})
	}
}

// checkModule holds what is known of modules: their code is almost all covered, and objtool's call padding is nobody's own.
func checkModule(t *testing.T, im *Image) {
	m, err := im.Own()
	if err != nil {
		t.Fatal(err)
	}
	tl := m.Tiling(im.Find(".text"))
	if tl == nil {
		t.Fatal("no .text")
	}
	by := bytesByClass(tl)
	if by[Unattributed]+by[Inferred] > tl.Size/100 || by[Step] > 0 {
		t.Errorf(".text of %d bytes: %d unattributed, %d inferred, %d in steps", tl.Size, by[Unattributed], by[Inferred], by[Step])
	}
	checkPrefixes(t, im, m)
}

func bytesByClass(tl *Tiling) (by [ClassFree]uint64) {
	for i, r := range tl.Ranges {
		by[r.Class] += tl.End(i) - r.Start
	}
	return by
}

// checkPrefixes holds that __pfx_f belongs to f, by name, and returns the bytes of all of them.
func checkPrefixes(t *testing.T, im *Image, m *Map) (total, symbols uint64) {
	owners := map[string]bool{}
	for i := range im.Symbols {
		s := &im.Symbols[i]
		if !strings.HasPrefix(s.Name, "__pfx_") || s.Size == 0 {
			continue
		}
		tl := m.Tiling(int(s.Section))
		at := tl.At(im.Offset(s))
		r := tl.Ranges[at]
		if r.Class != Prefix || r.Start != im.Offset(s) {
			t.Errorf("%s is of class %d", s.Name, r.Class)
			continue
		}
		owners[strings.TrimPrefix(s.Name, "__pfx_")] = true
		total, symbols = total+tl.End(at)-r.Start, symbols+1
	}
	for i := range m.Tilings {
		for _, r := range m.Tilings[i].Ranges {
			if r.Class == Prefix && !owners[im.Symbols[r.Owner].Name] && !aliasOf(im, m, r.Owner, owners) {
				t.Errorf("a prefix belongs to %s", im.Symbols[r.Owner].Name)
			}
		}
	}
	return total, symbols
}

func aliasOf(im *Image, m *Map, leader int32, names map[string]bool) bool {
	for _, a := range m.Aliases {
		if a.Leader == leader && names[im.Symbols[a.Name].Name] {
			return true
		}
	}
	return false
}

// The numbers of sections 1, 6 and 7 of the facts of base.zip, counted by readers that share nothing with this one.
func TestKernelFacts(t *testing.T) {
	im, m := own(t, baseVmlinux(t))

	sizes := map[string]uint64{
		".text": 7003272, ".rodata": 2338256, ".data": 1005952, ".init.text": 258661, ".init.data": 560300, ".bss": 262144,
		".orc_unwind": 940584, ".orc_unwind_ip": 627056, ".call_sites": 241444, ".return_sites": 88164, "__ksymtab": 90972,
		"__ksymtab_strings": 200222, ".symtab": 2586408, ".strtab": 1997702,
	}
	for name, want := range sizes {
		if got := im.Sections[im.Find(name)].Size; got != want {
			t.Errorf("%s has %d bytes, want %d", name, got, want)
		}
	}

	// Bytes that no sized symbol covers.
	uncovered := map[string]uint64{
		".text": 2249738, ".rodata": 1937073, ".init.data": 147652, ".data": 32748, ".bss": 5512, ".brk": 65536,
		"__ksymtab": 90972, ".orc_unwind": 940584, ".call_sites": 241444, "__bug_table": 84848,
	}
	for name, want := range uncovered {
		by := bytesByClass(m.Tiling(im.Find(name)))
		if got := by[Unattributed] + by[Inferred] + by[Padding] + by[Step]; got != want {
			t.Errorf("%s: %d bytes without a sized symbol, want %d", name, got, want)
		}
	}

	if total, n := checkPrefixes(t, im, m); total != 342128 || n != 21383 {
		t.Errorf("%d __pfx_ symbols of %d bytes, want 21383 of 342128", n, total)
	}
	if len(im.Symbols)-1 != 107766 {
		t.Errorf("%d symbols, want 107766", len(im.Symbols)-1)
	}
	if hidden := hiddenLocals(im); hidden != 42 {
		t.Errorf("%d hidden local symbols, want 42", hidden)
	}
}

// hiddenLocals counts symbols that do not say which file they are from; -1 when one does.
func hiddenLocals(im *Image) (n int) {
	for i := range im.Symbols {
		if s := &im.Symbols[i]; s.Defined() && s.Bind == Local && s.Hidden {
			if im.FileName(s) != "" {
				return -1
			}
			n++
		}
	}
	return n
}

// The steps of entry text and inside .rodata are one range each; most of what is not padding has an owner.
func TestKernelSteps(t *testing.T) {
	im, m := own(t, baseVmlinux(t))
	text := m.Tiling(im.Find(".text"))
	for i, r := range text.Ranges {
		if r.Class != Step || text.End(i)-r.Start < hugePage/2 {
			continue
		}
		before := text.Ranges[i-1]
		if got := text.End(i) - r.Start; got != 2090871 || before.Class != Body || im.Symbols[before.Owner].Name != "nop_func" {
			t.Errorf("a step of %d bytes behind %q, want 2090871 behind nop_func", got, im.Symbols[max(before.Owner, 0)].Name)
		}
	}
	by := bytesByClass(text)
	if by[Step] < 2090871 || by[Step] > 2090871+2*page {
		t.Errorf("%d bytes in steps of .text", by[Step])
	}
	// What is left are weak functions that a strong one of the same name has replaced, and instructions of assembly that
	// stand behind the end of a symbol.
	if by[Unattributed]+by[Inferred] > 7000 {
		t.Errorf("%d bytes of .text are unattributed, %d inferred", by[Unattributed], by[Inferred])
	}
	steps := 0
	rodata := m.Tiling(im.Find(".rodata"))
	for i, r := range rodata.Ranges {
		if r.Class == Step {
			steps++
			if (im.Sections[rodata.Section].Addr+rodata.End(i))%page != 0 {
				t.Errorf("a step of .rodata ends at %#x", rodata.End(i))
			}
		}
	}
	if steps != 3 {
		t.Errorf("%d steps in .rodata, want 3", steps)
	}
}

// The facts count 77 groups and 165 further names. They count names, not symbols: task_index_to_char.state_char is three
// static objects of one name, which the linker merged, so here are one group and two aliases more.
func TestKernelAliases(t *testing.T) {
	im, m := own(t, baseVmlinux(t))
	groups := map[int32][]string{}
	extra := uint64(0)
	for _, a := range m.Aliases {
		groups[a.Leader] = append(groups[a.Leader], im.Symbols[a.Name].Name)
		extra += im.Symbols[a.Name].Size
	}
	if len(groups) != 78 || len(m.Aliases) != 167 {
		t.Errorf("%d groups with %d further names, want 78 with 167", len(groups), len(m.Aliases))
	}
	same := 0
	for leader, others := range groups {
		name := im.Symbols[leader].Name
		distinct := map[string]bool{name: true}
		for _, o := range others {
			distinct[o] = true
		}
		if len(distinct) == 1 {
			same++
			if name != "task_index_to_char.state_char" || len(others) != 2 {
				t.Errorf("%d symbols are all called %s", len(others)+1, name)
			}
			extra -= im.Symbols[leader].Size * uint64(len(others))
		}
		if strings.HasPrefix(name, "__pi_") {
			t.Errorf("%s owns, not %v", name, others)
		}
	}
	if same != 1 || extra != 297924 {
		t.Errorf("%d groups of one name; further names claim %d bytes, want 297924", same, extra)
	}
}
