package insight

import (
	"archive/zip"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// kernel is an image of a real build, which are too large to be kept in the repository.
func kernel(t testing.TB, build, name string) []byte {
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
		if !strings.HasPrefix(path.Base(e.Name), name) {
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
		return data
	}
	t.Fatalf("%s holds no %s", build, name)
	return nil
}

// TestKernelNumbers pins what the builds come to.
func TestKernelNumbers(t *testing.T) {
	for _, c := range []struct {
		build, name         string
		scope               Scope
		saves, safe, groups uint64
		tails, judged, not  uint64
	}{
		{"base.zip", "vmlinux", RustCode, 7229, 0, 60, 9310, 152546, 0},
		{"base.zip", "vmlinux", WholeImage, 69456, 11972, 335, 205569, 4988741, 153},
		{"binder.zip", "vmlinux", RustCode, 7526, 62, 65, 13777, 274554, 0},
		{"binder.zip", "vmlinux", WholeImage, 70251, 12034, 340, 211360, 5129946, 153},
		{"fmtgrowth.zip", "rust_minimal.ko", RustCode, 347, 241, 3, 527, 40681, 0},
	} {
		im, owners := open(t, kernel(t, c.build, c.name))
		f, m := fold(t, im, owners, c.scope), mergeTails(t, im, owners, c.scope)
		checkFolding(t, c.build, f)
		checkTails(t, c.build, im, m)
		if f.Saves != c.saves || f.Safe != c.safe || uint64(len(f.Groups)) != c.groups || f.Judged != c.judged || f.NotJudged != c.not {
			t.Errorf("%s %s: %d groups save %d, %d safely, of %d and %d that are not judged", c.build, c.name, len(f.Groups), f.Saves, f.Safe,
				f.Judged, f.NotJudged)
		}
		if m.Saves != c.tails || m.Judged != c.judged {
			t.Errorf("%s %s: tails save %d of %d", c.build, c.name, m.Saves, m.Judged)
		}
	}
}

// TestKernelRelocations checks what was found by decoding against the relocations of the same kernel: functions of a group
// have relocations in the same places, to the same places, or to the same place in functions of one group; all other bytes
// are the same.
func TestKernelRelocations(t *testing.T) {
	im, owners := openInMemory(t, kernel(t, "base-emit-relocs.zip", "vmlinux"))
	type place struct {
		section int
		at      uint64
	}
	group := map[place]int{}
	f := fold(t, im, owners, WholeImage)
	for i, g := range f.Groups {
		for _, x := range g.Functions {
			group[place{x.Section, im.Offset(&im.Symbols[x.Symbol])}] = i + 1
		}
	}
	p := &program{im: im, owners: owners}
	p.layout()
	p.findFunctions(WholeImage)
	relocs := map[place]elfmap.Reloc{}
	for i := range im.Sections {
		if im.Sections[i].Exec() {
			if err := im.Relocs(i, func(r elfmap.Reloc) { relocs[place{i, r.Offset}] = r }); err != nil {
				t.Fatal(err)
			}
		}
	}
	// lies replaces functions by their group.
	lies := func(addr uint64) [2]uint64 {
		if to := p.resolve(addr); to.function >= 0 {
			x := &p.functions[to.function]
			if g := group[place{x.section, x.start}]; g != 0 {
				return [2]uint64{uint64(g), to.at}
			}
		}
		return [2]uint64{0, addr}
	}
	leads := func(r elfmap.Reloc) [2]uint64 {
		return lies(im.Symbols[r.Symbol].Value + uint64(r.Addend) + r.PCBias(im.Machine))
	}
	checked, called := 0, 0
	for _, g := range f.Groups {
		section := g.Functions[0].Section
		code, err := im.Data(section)
		if err != nil {
			t.Fatal(err)
		}
		base := im.Sections[section].Addr
		// calls says where a call or jump leads that holds a byte.
		calls := func(at uint64) (to [2]uint64, end uint64) {
			for field := at; field > at-4; field-- {
				if op := code[field-1]; op == 0xe8 || op == 0xe9 || code[field-2] == 0x0f && op>>4 == 8 {
					to := base + field + 4 + signed(code[field:field+4])
					if to-base < uint64(len(code)) {
						return lies(to), field + 4
					}
				}
			}
			return to, 0
		}
		first := &im.Symbols[g.Functions[0].Symbol]
		for _, x := range g.Functions[1:] {
			from, other := im.Offset(first), im.Offset(&im.Symbols[x.Symbol])
			for i := uint64(0); i < first.Size; i++ {
				a, inA := relocs[place{section, from + i}]
				b, inB := relocs[place{section, other + i}]
				switch {
				case inA && inB:
					if a.Type != b.Type || leads(a) != leads(b) {
						t.Fatalf("%s and %s refer to different places at %d", first.Name, im.Symbols[x.Symbol].Name, i)
					}
					i += 3
					checked++
				case inA != inB:
					t.Fatalf("%s and %s do not both have a relocation at %d", first.Name, im.Symbols[x.Symbol].Name, i)
				case code[from+i] != code[other+i]: // the assembler has resolved a call
					to, end := calls(from + i)
					also, otherEnd := calls(other + i)
					if end == 0 || end-from != otherEnd-other || to != also {
						t.Fatalf("%s and %s differ at %d", first.Name, im.Symbols[x.Symbol].Name, i)
					}
					i = end - from - 1
					called++
				}
			}
		}
	}
	if checked < 1000 || called == 0 {
		t.Errorf("only %d relocations and %d calls were compared", checked, called)
	}
}

// TestDecodeAsX86asm compares the lengths of instructions with those of a full decoder, where that knows them.
func TestDecodeAsX86asm(t *testing.T) {
	im, owners := openInMemory(t, kernel(t, "binder.zip", "vmlinux"))
	p := &program{im: im, owners: owners}
	p.layout()
	p.findFunctions(WholeImage)
	known := 0
	for _, f := range p.functions {
		all, err := im.Data(f.section)
		if err != nil {
			t.Fatal(err)
		}
		code := all[f.start:f.end]
		for pos := 0; pos < len(code); {
			in, ok := decodeX86(code[pos:], 0)
			want, err := x86asm.Decode(code[pos:], 64)
			switch {
			case err != nil || want.Op == 0 || want.Op == x86asm.VZEROUPPER: // it gives up, or takes a prefix for one
			case !ok || in.size != want.Len:
				t.Fatalf("%s+%d: % x: %d bytes, not %d: %v", im.Symbols[f.symbol].Name, pos, code[pos:min(len(code), pos+maxX86)],
					in.size, want.Len, want)
			default:
				known++
			}
			pos += max(in.size, 1)
		}
	}
	if known < 1_000_000 {
		t.Errorf("only %d instructions were compared", known)
	}
}

func BenchmarkFold(b *testing.B) {
	benchmarkScopes(b, func(im *elfmap.Image, owners *elfmap.Map, scope Scope) { fold(b, im, owners, scope) })
}

func BenchmarkMergeTails(b *testing.B) {
	benchmarkScopes(b, func(im *elfmap.Image, owners *elfmap.Map, scope Scope) { mergeTails(b, im, owners, scope) })
}

func benchmarkScopes(b *testing.B, f func(*elfmap.Image, *elfmap.Map, Scope)) {
	im, owners := openInMemory(b, kernel(b, "base.zip", "vmlinux"))
	for scope, name := range []string{"rust", "whole"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f(im, owners, Scope(scope))
			}
		})
	}
}
