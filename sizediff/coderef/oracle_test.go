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
// target and the length of the immediate behind the field. For other machines it is the instruction at an address.
type relocation struct {
	at, target uint64
	relative   bool
}

// form is what a type of relocation in code tells of.
type form struct {
	at, target uint64 // what place and value lack
	relative   bool
	nothing    bool // a no-op, half of an address whose other half counts, or it leads to the global offset table
	high, low  bool // of RISC-V: the symbol of the low half says where the high half is, which has the target
}

// forms of the processor supplements, by type.
var forms = func() map[elfmap.Machine]map[uint32]form {
	direct, nothing := form{}, form{nothing: true}
	relative := form{target: 4, relative: true}        // from behind the field
	call := form{at: 4}                                // of two instructions
	before := form{at: ^uint64(1), target: ^uint64(1)} // the instruction counts from itself, 2 bytes before the field
	high, low := form{high: true}, form{low: true}
	return map[elfmap.Machine]map[uint32]form{
		elfmap.MachineX8664: {
			1: direct, 11: direct, 2: relative, 4: relative, // R_X86_64_64, 32S, PC32, PLT32
			0: nothing, 9: nothing, 42: nothing, // NONE, GOTPCREL, REX_GOTPCRELX
		},
		elfmap.MachineARM64: {
			277: direct, 282: direct, 283: direct, // R_AARCH64_ADD_ABS_LO12_NC, JUMP26, CALL26
			275: nothing, 311: nothing, 312: nothing, // ADR_PREL_PG_HI21, ADR_GOT_PAGE, LD64_GOT_LO12_NC
		},
		elfmap.MachineRISCV: {
			16: direct, 17: direct, 44: direct, 45: direct, 18: call, 19: call, // R_RISCV_BRANCH, JAL, RVC_BRANCH, RVC_JUMP, CALL, CALL_PLT
			23: high, 24: low, 25: low, 26: nothing, 27: direct, 28: direct, // PCREL_HI20, PCREL_LO12_I, PCREL_LO12_S, HI20, LO12_I, LO12_S
			20: nothing, 51: nothing, // GOT_HI20, RELAX
		},
		elfmap.MachineLoongArch: {
			64: direct, 65: direct, 66: direct, 110: call, // R_LARCH_B16, B21, B26, CALL36
			71: nothing, 72: direct, 103: direct, // PCALA_HI20, PCALA_LO12, PCREL20_S2
			75: nothing, 76: nothing, // GOT_PC_HI20, GOT_PC_LO12
		},
		elfmap.MachinePPC64: {
			10: direct, 11: direct, 116: direct, // R_PPC64_REL24, REL14, REL24_NOTOC
			48: direct, 50: nothing, 64: direct, 132: direct, // TOC16_LO, TOC16_HA, TOC16_LO_DS, PCREL34
			4: nothing, 6: nothing, // ADDR16_LO and ADDR16_HA, of what sets r2
		},
		elfmap.MachineS390: {
			17: before, 18: before, 19: before, 20: before, 26: nothing, // R_390_PC16DBL, PLT16DBL, PC32DBL, PLT32DBL, GOTENT
		},
	}
}()

// relocations lists those of a section that code forms an address with.
func relocations(t *testing.T, im *elfmap.Image, section int) (out []relocation) {
	t.Helper()
	base := im.Sections[section].Addr
	high, low := map[uint64]uint64{}, []relocation{}
	err := im.Relocs(section, func(r elfmap.Reloc) {
		form, known := forms[im.Machine][r.Type]
		at, target := base+r.Offset+form.at, im.Symbols[r.Symbol].Value+uint64(r.Addend)+form.target
		switch {
		case !known:
			t.Errorf("relocation of type %d at %#x", r.Type, at)
		case form.high:
			high[at] = target
		case form.low:
			low = append(low, relocation{at, target, false})
		case !form.nothing:
			out = append(out, relocation{at, target, form.relative})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range low {
		if target, ok := high[x.target]; ok {
			out = append(out, relocation{x.at, target, false})
		}
	}
	slices.SortFunc(out, func(a, b relocation) int { return cmp.Compare(a.at, b.at) })
	return out
}

// holds reports whether the reference is what the relocation makes.
func (x relocation) holds(r Ref, m elfmap.Machine) bool {
	if m != elfmap.MachineX8664 {
		local := m == elfmap.MachinePPC64 && r.Kind != Address && r.Target == x.target+8 // behind where r2 is set (ABI, 3.4.1)
		return r.At == x.at && (r.Target == x.target || local)
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
	for name, want := range map[string]int{
		"aarch64.exec": 26, "x86_64.exec": 14, "riscv64.exec": 31, "loongarch64.exec": 26, "powerpc64le.exec": 35, "s390x.exec": 28,
	} {
		im := openImage(t, name)
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
