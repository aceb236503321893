package sizediff

import (
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// kernelELF reads an image of a kernel build that lies beside the checkout, or skips the test.
func kernelELF(t *testing.T, build, name string) []byte {
	t.Helper()
	dir := os.Getenv("OXIDOMETER_KERNELS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "kernels")
	}
	if _, err := os.Stat(filepath.Join(dir, build)); err != nil {
		t.Skipf("no %s: put the kernel builds into ../shared/kernels beside the checkout, or name their folder in OXIDOMETER_KERNELS", build)
	}
	b, err := source.Open(filepath.Join(dir, build), source.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for i := range b.Files {
		if f := &b.Files[i]; path.Base(f.Path) == name {
			c, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			data, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	t.Fatalf("no %s in %s", name, build)
	return nil
}

func own(t *testing.T, data []byte) *measuring {
	t.Helper()
	im, err := elfmap.Open(nil, 0, data)
	if err != nil {
		t.Fatal(err)
	}
	w, err := ownBytes(im, make([]uint64, len(im.Sections)), cacheKey{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// constantOwners gives each byte of a section the packed crates of the constant it is in, 0 for none.
func constantOwners(w *measuring, section int) []string {
	t := w.owners.Tiling(section)
	out := make([]string, t.Size)
	for i, r := range t.Ranges {
		if r.Class != classConstant {
			continue
		}
		crate, inst := unpackCrates(r.Owner)
		for at := r.Start; at < t.End(i); at++ {
			out[at] = w.crates.names[crate] + " for " + w.crates.names[inst]
		}
	}
	return out
}

// TestDecodedConstants compares what decoding the code of a kernel without relocations finds with what the relocations of the
// same kernel say, byte by byte of .rodata. Decoding claims nothing that relocations do not, and the same owner. It lacks 19
// bytes of 25,800: two numbers in code of C look like addresses in the middle of names of PCI vendors, and where anything
// seems to refer to, a constant ends. What relocations give to core is 98 % of what core.o has without names (17,441 bytes,
// kernel-facts); the rest of its strings is shared with C.
func TestDecodedConstants(t *testing.T) {
	decoded := own(t, kernelELF(t, "base.zip", "vmlinux"))
	exact := own(t, kernelELF(t, "base-emit-relocs.zip", "vmlinux.unstripped"))
	rodata := decoded.elf.Find(".rodata")
	a, b := constantOwners(decoded, rodata), constantOwners(exact, exact.elf.Find(".rodata"))
	if len(a) != len(b) {
		t.Fatalf("one .rodata has %d bytes, the other %d", len(a), len(b))
	}
	named := namedBytes(decoded.elf, rodata)
	sum, missing := map[string]int{}, 0
	for i := range b {
		switch {
		case a[i] == b[i]:
		case a[i] == "":
			missing++
		default:
			t.Errorf("%#x: decoded as %q, by relocation it is %q", i, a[i], b[i])
		}
		if b[i] != "" {
			sum[b[i]]++
		}
		if named[i] && (a[i] != "" || b[i] != "") {
			t.Errorf("%#x: a named byte is claimed", i)
		}
	}
	if missing > 19 {
		t.Errorf("decoding lacks %d bytes, want no more than 19", missing)
	}
	want := map[string]int{"core for ": 17_128, "core for drm_panic_qr": 1_437, "core for kernel": 32, "__rustc for ": 29,
		"kernel for ": 4_202, "drm_panic_qr for ": 3_023}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Errorf("by relocation (-want +got):\n%s", diff)
	}
}

// namedBytes says which bytes of a section a symbol with a size covers.
func namedBytes(im *elfmap.Image, section int) []bool {
	out := make([]bool, im.Sections[section].Size)
	for i := range im.Symbols {
		s := &im.Symbols[i]
		if int(s.Section) != section || s.Type == elfmap.SectionType {
			continue
		}
		for at, end := im.Offset(s), im.Offset(s)+s.Size; at < end && at < uint64(len(out)); at++ {
			out[at] = true
		}
	}
	return out
}

// TestModuleConstants recomputes the constants of a module from its relocations, the slow and simple way: for each byte
// without a name, look back for the nearest place that anything refers to, and take its first Rust referrer.
func TestModuleConstants(t *testing.T) {
	w := own(t, kernelELF(t, "fmtgrowth.zip", "rust_minimal.ko"))
	rodata := w.elf.Find(".rodata")
	named, got := namedBytes(w.elf, rodata), constantOwners(w, rodata)
	want := slowConstants(t, w, rodata, named)
	data, err := w.elf.Data(rodata)
	if err != nil {
		t.Fatal(err)
	}
	claimed := 0
	for i := range got {
		switch {
		case got[i] != "" && named[i]:
			t.Errorf("%#x: a named byte is claimed", i)
		case got[i] == want[i]:
		case got[i] == "" && data[i] == 0: // aligns what follows
		default:
			t.Errorf("%#x: %q, want %q", i, got[i], want[i])
		}
		if got[i] != "" {
			claimed++
		}
	}
	if claimed < 1500 {
		t.Errorf("%d of %d bytes are claimed, want more than 1,500", claimed, len(got))
	}
}

// slowConstants names the owner of each byte of a section.
func slowConstants(t *testing.T, w *measuring, section int, named []bool) []string {
	referrers, pointers := map[uint64]string{}, map[uint64]uint64{} // first Rust referrer of a place, "" for others; data to data
	first := map[uint64]place{}
	for i := range w.elf.Sections {
		s := &w.elf.Sections[i]
		if !s.Alloc() || isDerived(s.Name) {
			continue
		}
		err := w.elf.Relocs(i, func(r elfmap.Reloc) {
			target := &w.elf.Symbols[r.Symbol]
			if int(target.Section) != section {
				return
			}
			at := target.Value + uint64(r.Addend)
			if s.Exec() && r.Type == 2 { // R_X86_64_PC32, at the end of an instruction
				at += 4
			}
			crate := rustAt(w, i, r.Offset)
			from := place{i, r.Offset}
			if _, known := referrers[at]; !known || crate != "" && (referrers[at] == "" || from.compare(first[at]) < 0) {
				referrers[at], first[at] = crate, from
			}
			if i == section && crate == "" {
				pointers[r.Offset] = at
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	start := make([]int, len(named)) // of the constant that each byte is in, -1 for none
	for i := range start {
		start[i] = -1
		if _, begins := referrers[uint64(i)]; begins && !named[i] {
			start[i] = i
		} else if i > 0 && !named[i] && !named[i-1] {
			start[i] = start[i-1]
		}
	}
	owner := map[int]string{}
	for at, crate := range referrers {
		owner[int(at)] = crate
	}
	for range 100 { // longer than any chain of pointers here; in each round one step, the first pointer wins
		next := maps.Clone(owner)
		for _, from := range slices.Sorted(maps.Keys(pointers)) {
			if s, d := start[from], start[pointers[from]]; s >= 0 && d >= 0 && next[d] == "" {
				next[d] = owner[s]
			}
		}
		owner = next
	}
	out := make([]string, len(named))
	for i, s := range start {
		if s >= 0 {
			out[i] = owner[s]
		}
	}
	return out
}

// rustAt names the crates of the Rust symbol that covers a place, "" for none.
func rustAt(w *measuring, section int, at uint64) string {
	for i := range w.out.Symbols {
		s := &w.out.Symbols[i]
		e := &w.elf.Symbols[w.leaders[i]]
		if s.Crate != 0 && int(e.Section) == section && at >= e.Value-uint64(s.Prefix) && at < e.Value+e.Size {
			return w.crates.names[s.Crate] + " for " + w.crates.names[s.Inst]
		}
	}
	return ""
}

// TestLongChains: pointers that lead from the last constant to the first, one by one, take no more than a look at each.
func TestLongChains(t *testing.T) {
	const n = 200_000
	r := &references{measuring: &measuring{}}
	objects := map[int][]object{1: make([]object, n)}
	for i := range objects[1] {
		objects[1][i] = object{section: 1, start: uint64(8 * i), end: uint64(8*i + 8)}
		if i > 0 {
			r.links = append(r.links, link{place{1, uint64(8 * i)}, place{1, uint64(8*i - 8)}})
		}
	}
	objects[1][n-1].owner = 7
	r.follow(objects)
	if got := objects[1][0].owner; got != 7 {
		t.Errorf("the last of the chain is %d's, want 7's", got)
	}
}
