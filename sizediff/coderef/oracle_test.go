package coderef

import (
	"archive/zip"
	"bytes"
	"cmp"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// kernelImage opens a file of a real build, which are too large to be kept in the repository.
func kernelImage(t *testing.T, build, name string) *elfmap.Image {
	t.Helper()
	dir := os.Getenv("OXIDOMETER_KERNELS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "kernels")
	}
	if _, err := os.Stat(filepath.Join(dir, build)); err != nil {
		t.Skip("no real kernel builds: set OXIDOMETER_KERNELS to the directory that holds base.zip")
	}
	z, err := zip.OpenReader(filepath.Join(dir, build))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, e := range z.File {
		if filepath.Base(e.Name) != name {
			continue
		}
		r, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		im, err := elfmap.Open(nil, 0, data)
		if err != nil {
			t.Fatal(err)
		}
		if err := im.ReadSymbols(); err != nil {
			t.Fatal(err)
		}
		return im
	}
	t.Fatalf("%s holds no %s", build, name)
	return nil
}

// function is code of one function, or of several with one body.
type function struct {
	name       string
	section    int
	start, end uint64 // offsets in the section
}

var v0 = regexp.MustCompile(`^_R\d*[CMXYNIB]`)

// rustFunctions lists the functions with a Rust name, in order.
func rustFunctions(im *elfmap.Image) []function { return functions(im, v0.MatchString) }

func functions(im *elfmap.Image, named func(string) bool) []function {
	var out []function
	for i := range im.Symbols {
		s := &im.Symbols[i]
		if s.Defined() && s.Type == elfmap.Func && s.Size > 0 && named(s.Name) {
			at := im.Offset(s)
			out = append(out, function{s.Name, int(s.Section), at, at + s.Size})
		}
	}
	slices.SortFunc(out, func(a, b function) int {
		return cmp.Or(cmp.Compare(a.section, b.section), cmp.Compare(a.start, b.start), cmp.Compare(a.name, b.name))
	})
	return slices.CompactFunc(out, func(a, b function) bool { return a.section == b.section && a.start == b.start })
}

// relocation is what the linker was told: the field at an address holds target, or for PC-relative fields of x86-64
// target and the length of the immediate behind the field.
type relocation struct {
	at, target uint64
	relative   bool
}

// relocations lists those of a section that code forms an address with. The others are no-ops, halves of an address whose
// other half is listed, or lead to the global offset table, which the code refers to instead of the symbol.
func relocations(t *testing.T, im *elfmap.Image, section int) (out []relocation) {
	t.Helper()
	base := im.Sections[section].Addr
	err := im.Relocs(section, func(r elfmap.Reloc) {
		s := &im.Symbols[r.Symbol]
		x := relocation{at: base + r.Offset, target: s.Value + uint64(r.Addend)}
		switch {
		case im.Machine == elfmap.MachineX8664 && (r.Type == 2 || r.Type == 4): // R_X86_64_PC32, R_X86_64_PLT32
			x.relative, x.target = true, x.target+4
		case im.Machine == elfmap.MachineX8664 && (r.Type == 1 || r.Type == 11): // R_X86_64_64, R_X86_64_32S
		case im.Machine == elfmap.MachineARM64 && (r.Type == 277 || r.Type == 282 || r.Type == 283): // ADD_ABS_LO12_NC, JUMP26, CALL26
		case im.Machine == elfmap.MachineX8664 && (r.Type == 0 || r.Type == 9 || r.Type == 42): // R_X86_64_NONE, GOTPCREL, REX_GOTPCRELX
			return
		case im.Machine == elfmap.MachineARM64 && (r.Type == 275 || r.Type == 311 || r.Type == 312): // ADR_PREL_PG_HI21, ADR_GOT_PAGE, LD64_GOT_LO12_NC
			return
		default:
			t.Errorf("relocation of type %d at %#x", r.Type, x.at)
		}
		out = append(out, x)
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(out, func(a, b relocation) int { return cmp.Compare(a.at, b.at) })
	return out
}

// holds reports whether the reference is what the relocation makes.
func (x relocation) holds(r Ref, m elfmap.Machine) bool {
	if m != elfmap.MachineX8664 {
		return r.At == x.at && r.Target == x.target
	}
	if x.at <= r.At || x.at-r.At > 11 { // an instruction has 15 bytes at most, the field 4
		return false
	}
	behind := r.Target - x.target
	return behind == 0 || x.relative && (behind == 1 || behind == 2 || behind == 4)
}

// comparison counts what decoding and relocations agree on. Extra references are in no relocation and lead out of the
// function, into the image.
type comparison struct {
	agreed  int
	missing []relocation
	extra   []Ref
}

// compare decodes functions of im and looks its references up in the relocations of oracle, which has the same layout.
func compare(t *testing.T, im, oracle *elfmap.Image, fs []function) (c comparison) {
	t.Helper()
	known := map[int][]relocation{}
	for _, f := range fs {
		if known[f.section] == nil {
			known[f.section] = relocations(t, oracle, f.section)
		}
		data, err := im.Data(f.section)
		if err != nil {
			t.Fatal(err)
		}
		base := im.Sections[f.section].Addr
		var refs []Ref
		Scan(im.Machine, data[f.start:f.end], base+f.start, func(r Ref) { refs = append(refs, r) })
		found := make([]bool, len(refs))
		for _, x := range known[f.section] {
			if x.at < base+f.start || x.at >= base+f.end {
				continue
			}
			k := 0
			for k < len(refs) && (found[k] || !x.holds(refs[k], im.Machine)) {
				k++
			}
			if k == len(refs) {
				c.missing = append(c.missing, x)
				continue
			}
			found[k] = true
			c.agreed++
		}
		for k, r := range refs {
			inside := r.Target >= base+f.start && r.Target < base+f.end
			if !found[k] && !inside && inImage(im, r.Target) {
				c.extra = append(c.extra, r)
			}
		}
	}
	return c
}

func inImage(im *elfmap.Image, at uint64) bool {
	for i := range im.Sections {
		if s := &im.Sections[i]; s.Alloc() && at >= s.Addr && at-s.Addr < s.Size {
			return true
		}
	}
	return false
}

// check holds that nothing is missing, and that what no relocation says is a branch to the start of a function of the same
// object: the assembler knows those distances and needs no linker.
func (c comparison) check(t *testing.T, fs []function, im *elfmap.Image) {
	t.Helper()
	for _, x := range c.missing {
		t.Errorf("no reference for the relocation at %#x to %#x", x.at, x.target)
	}
	starts := map[uint64]bool{}
	for _, f := range fs {
		starts[im.Sections[f.section].Addr+f.start] = true
	}
	for _, r := range c.extra {
		if r.Kind == Address || !starts[r.Target] {
			t.Errorf("kind %d at %#x to %#x, which no relocation says", r.Kind, r.At, r.Target)
		}
	}
}

// Decoding the Rust functions of vmlinux finds every reference that its relocations tell of, and nothing that they do not,
// but for branches within one crate.
func TestKernel(t *testing.T) {
	im, oracle := kernelImage(t, "base.zip", "vmlinux"), kernelImage(t, "base-emit-relocs.zip", "vmlinux.unstripped")
	for _, name := range []string{".text", ".init.text"} {
		a, err1 := im.Data(im.Find(name))
		b, err2 := oracle.Data(oracle.Find(name))
		if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Fatalf("%s differs between the images", name)
		}
	}
	fs := rustFunctions(im)
	c := compare(t, im, oracle, fs)
	c.check(t, fs, im)
	if c.agreed != 4607 || len(c.extra) != 125 || len(fs) != 705 {
		t.Errorf("%d functions, %d references agreed on, %d branches within a crate; want 705, 4607 and 125", len(fs), c.agreed, len(c.extra))
	}
}

// The same on small programs that were linked with their relocations kept.
func TestLinked(t *testing.T) {
	for name, want := range map[string]int{"aarch64.exec": 26, "x86_64.exec": 14} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		im, err := elfmap.Open(nil, 0, data)
		if err != nil {
			t.Fatal(err)
		}
		if err := im.ReadSymbols(); err != nil {
			t.Fatal(err)
		}
		fs := functions(im, func(string) bool { return true })
		c := compare(t, im, im, fs)
		for _, x := range c.missing {
			t.Errorf("%s: no reference for the relocation at %#x to %#x", name, x.at, x.target)
		}
		if c.agreed != want {
			t.Errorf("%s: %d references agreed on, want %d", name, c.agreed, want)
		}
		for _, r := range c.extra {
			if got := im.Find(".got"); r.Kind == Address && (got == 0 || r.Target-im.Sections[got].Addr >= im.Sections[got].Size) {
				t.Errorf("%s: at %#x to %#x, which no relocation says", name, r.At, r.Target)
			}
		}
	}
}
