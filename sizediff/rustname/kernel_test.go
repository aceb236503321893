package rustname

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kernels is the folder of real kernel builds, the one OXIDOMETER_KERNELS
// names or shared/kernels beside the repository.
func kernels(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("OXIDOMETER_KERNELS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "kernels")
	}
	if _, err := os.Stat(filepath.Join(dir, "base.zip")); err != nil {
		t.Skipf("no kernel builds: %v; set OXIDOMETER_KERNELS", err)
	}
	return dir
}

// images reads the symbols of the build's ELF files, by path.
func images(t testing.TB, build string) map[string][]elf.Symbol {
	t.Helper()
	z, err := zip.OpenReader(filepath.Join(kernels(t), build))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	symbols := map[string][]elf.Symbol{}
	for _, entry := range z.File {
		if name := entry.Name; !strings.HasSuffix(name, ".ko") && !strings.HasSuffix(name, "vmlinux") {
			continue
		}
		r, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		file, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if symbols[entry.Name], err = file.Symbols(); err != nil {
			t.Fatal(err)
		}
	}
	return symbols
}

// TestKernelNames holds every Rust name of the kernel builds, defined or not,
// to demangle's reading.
func TestKernelNames(t *testing.T) {
	names := map[string]bool{}
	for _, build := range []string{"base.zip", "fmtgrowth.zip", "binder.zip"} {
		for _, symbols := range images(t, build) {
			for _, s := range symbols {
				name := strings.TrimPrefix(s.Name, "__pfx_")
				for _, p := range []string{"__ksymtab_", "__kstrtab_", "__kstrtabns_"} {
					name = strings.TrimPrefix(name, p)
				}
				if strings.HasPrefix(name, "_R") {
					names[name] = true
				}
			}
		}
	}
	// 1,547 by nm, with the imports of modules.
	if len(names) != 1547 {
		t.Errorf("%d names, want 1547", len(names))
	}
	for _, sym := range slices.Sorted(maps.Keys(names)) {
		n, ok := Parse(sym)
		if !ok {
			t.Errorf("Parse(%s) refuses it", sym)
			continue
		}
		if ours, theirs, differ := disagree(n, sym); differ {
			t.Errorf("%s\nours   %s\ntheirs %s", sym, ours, theirs)
		}
		if n.Crate == "" || n.Disambiguator == "" || n.Module() == "" {
			t.Errorf("%s: crate %q[%s], module %q", sym, n.Crate, n.Disambiguator, n.Module())
		}
		if n.Generic() && n.Family() == n.String() {
			t.Errorf("%s is generic and its own family", sym)
		}
	}
}

// crateBytes sums symbol sizes by defining and by instantiating crate, each
// address once; the padding in front of a function counts for it.
func crateBytes(symbols []elf.Symbol) (defining, instantiating map[string]uint64) {
	defining, instantiating = map[string]uint64{}, map[string]uint64{}
	type place struct {
		section elf.SectionIndex
		address uint64
	}
	seen := map[place]bool{}
	for _, s := range symbols {
		at := place{s.Section, s.Value}
		if s.Size == 0 || s.Section == elf.SHN_UNDEF || seen[at] {
			continue
		}
		n, ok := Parse(strings.TrimPrefix(s.Name, "__pfx_"))
		if !ok {
			continue
		}
		seen[at] = true
		payer := n.Instantiating
		if payer == "" {
			payer = n.Crate
		}
		defining[n.Crate] += s.Size
		instantiating[payer] += s.Size
	}
	return defining, instantiating
}

// TestCrateBytes compares the sums with what an independent reader counted
// for the same builds: for each crate [base, variant, difference], and no
// other crate may differ.
func TestCrateBytes(t *testing.T) {
	base := images(t, "base.zip")
	for _, test := range []struct{ variant, image string }{
		{"fmtgrowth", "samples/rust/rust_minimal.ko"},
		{"binder", "vmlinux"},
	} {
		data, err := os.ReadFile(filepath.Join(kernels(t), "truth-"+test.variant+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var truth struct {
			Files map[string]struct {
				Defining      map[string][3]int64 `json:"crate_mangled"`
				Instantiating map[string][3]int64 `json:"crate_inst"`
			}
		}
		if err := json.Unmarshal(data, &truth); err != nil {
			t.Fatal(err)
		}
		head := images(t, test.variant+".zip")
		baseDef, baseInst := crateBytes(base[test.image])
		headDef, headInst := crateBytes(head[test.image])
		want := truth.Files[test.image]
		if len(want.Defining) == 0 || len(want.Instantiating) == 0 {
			t.Fatalf("truth-%s.json has no crates for %s", test.variant, test.image)
		}
		if diff := cmp.Diff(want.Defining, changes(baseDef, headDef)); diff != "" {
			t.Errorf("%s by defining crate (-want +got)\n%s", test.variant, diff)
		}
		if diff := cmp.Diff(want.Instantiating, changes(baseInst, headInst)); diff != "" {
			t.Errorf("%s by instantiating crate (-want +got)\n%s", test.variant, diff)
		}
	}
}

func changes(base, head map[string]uint64) map[string][3]int64 {
	changed := map[string][3]int64{}
	for _, m := range []map[string]uint64{base, head} {
		for crate := range m {
			if b, h := int64(base[crate]), int64(head[crate]); b != h {
				changed[crate] = [3]int64{b, h, h - b}
			}
		}
	}
	return changed
}

// TestCratesOfBase checks the absolute sums of vmlinux, without the padding,
// against those of an independent v0 parser.
func TestCratesOfBase(t *testing.T) {
	symbols := slices.DeleteFunc(images(t, "base.zip")["vmlinux"], func(s elf.Symbol) bool {
		return strings.HasPrefix(s.Name, "__pfx_")
	})
	got, _ := crateBytes(symbols)
	want := map[string]uint64{"core": 93592, "kernel": 46728, "drm_panic_qr": 7741, "__rustc": 78}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bytes by defining crate (-want +got)\n%s", diff)
	}
}

// TestMatchKeysOfKernel counts the keys that different symbols of one image
// share: instances made by several crates and locals told apart by number.
func TestMatchKeysOfKernel(t *testing.T) {
	for image, symbols := range images(t, "binder.zip") {
		byKey := map[string][]*Name{}
		for _, s := range symbols {
			if n, ok := Parse(s.Name); ok && s.Size > 0 && s.Section != elf.SHN_UNDEF {
				byKey[n.MatchKey()] = append(byKey[n.MatchKey()], n)
			}
		}
		for key, names := range byKey {
			for _, n := range names[1:] {
				if n.String() != names[0].String() {
					t.Errorf("%s: %s is the key of %s and %s", image, key, names[0], n)
				}
			}
		}
	}
}
