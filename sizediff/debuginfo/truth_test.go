package debuginfo

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

// truths are the fixtures with a file that says what llvm-symbolizer does: DWARF 4 and 5, 32 and 64 bits, both byte orders, units
// that refer to each other, functions that were dropped, and line tables only.
var truths = []string{
	"x86_64.exec", "v5.exec", "dropped.exec", "dropped-lld.exec", "cross.so", "lines-only.exec", "riscv64.exec", "s390x.exec", "arm.exec",
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// openImage opens an image in memory, with its symbols.
func openImage(t testing.TB, data []byte) *elfmap.Image {
	t.Helper()
	im, err := elfmap.Open(nil, 0, data)
	if err != nil {
		t.Fatal(err)
	}
	if err := im.ReadSymbols(); err != nil {
		t.Fatal(err)
	}
	return im
}

func readInfo(t testing.TB, name string) *Info {
	t.Helper()
	in, err := Read(openImage(t, readFile(t, name)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return in
}

// run is what a symbolizer says of some addresses: functions and lines, from the innermost outwards.
type run struct {
	start, end uint64
	functions  []string
	lines      []string // "file:line", "?:0" where there is none
}

func readTruth(t *testing.T, name string) []run {
	t.Helper()
	var out []run
	for line := range strings.Lines(string(readFile(t, name+".truth"))) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		var r run
		var err error
		if r.start, err = strconv.ParseUint(columns[0], 16, 64); err != nil {
			t.Fatal(err)
		}
		if r.end, err = strconv.ParseUint(columns[1], 16, 64); err != nil {
			t.Fatal(err)
		}
		for _, c := range columns[2:] {
			at := strings.LastIndexByte(c, ' ')
			r.functions = append(r.functions, c[:at])
			r.lines = append(r.lines, c[at+1:])
		}
		out = append(out, r)
	}
	return out
}

// rust reports whether the function that holds the code is not from main.c.
func (r *run) rust() bool { return !strings.HasPrefix(r.lines[len(r.lines)-1], "main.c:") }

// sectionOf returns the section with code that holds an address.
func sectionOf(im *elfmap.Image, address uint64) (int, uint64) {
	for i := range im.Sections {
		if s := &im.Sections[i]; s.Exec() && s.Addr <= address && address < s.Addr+s.Size {
			return i, address - s.Addr
		}
	}
	return 0, 0
}

// TestLines asks for every byte of code.
func TestLines(t *testing.T) {
	for _, name := range truths {
		in := readInfo(t, "testdata/"+name)
		lines := in.Lines()
		for _, r := range readTruth(t, "testdata/"+name) {
			for address := r.start; address < r.end; address++ {
				section, off := sectionOf(in.im, address)
				got, err := lines.At(section, off)
				if err != nil {
					t.Fatal(err)
				}
				want := r.lines
				if !r.rust() {
					want = nil
				}
				if !slices.Equal(places(got), want) {
					t.Fatalf("%s: %#x is at %q, want %q", name, address, places(got), want)
				}
				for i := range got {
					if n, ok := rustname.Parse(r.functions[i]); ok && name != "lines-only.exec" && got[i].Crate != n.Crate {
						t.Fatalf("%s: %#x is of %q, want %s", name, address, got[i].Crate, n.Crate)
					}
				}
			}
		}
	}
}

func places(lines []Line) []string {
	var out []string
	for _, l := range lines {
		if l.Line == 0 {
			l.File = "?"
		}
		out = append(out, fmt.Sprintf("%s:%d", l.File, l.Line))
	}
	return out
}

// TestInlined adds up what the symbolizer says of every byte.
func TestInlined(t *testing.T) {
	for _, name := range truths {
		in := readInfo(t, "testdata/"+name)
		got, err := in.Inlined()
		if name == "lines-only.exec" {
			if err == nil {
				t.Errorf("%s says whose the inlined code is: %v", name, got)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		code, rows := int64(0), map[Inlined]int64{}
		for _, r := range readTruth(t, "testdata/"+name) {
			if !r.rust() {
				continue
			}
			code += int64(r.end - r.start)
			inner, _ := rustname.Parse(r.functions[0])
			outer, ok := rustname.Parse(r.functions[len(r.functions)-1])
			if !ok { // extern "C" in beta, or in near
				crate := "beta"
				if name == "cross.so" {
					crate = "near"
				}
				outer = &rustname.Name{Crate: crate}
			}
			host := outer.Instantiating
			if host == "" {
				host = outer.Crate
			}
			if len(r.functions) > 1 && inner.Crate != outer.Crate {
				rows[Inlined{Path: inner.Module(), Crate: inner.Crate, Into: outer.Crate, Host: host}] += int64(r.end - r.start)
			}
		}
		if got.Code != code {
			t.Errorf("%s has %d bytes of Rust code, want %d", name, got.Code, code)
		}
		have := map[Inlined]int64{}
		for _, row := range got.List {
			n := row.Bytes
			row.Bytes = 0
			have[row] += n
		}
		if len(rows) == 0 || len(have) != len(got.List) || !maps.Equal(have, rows) {
			t.Errorf("%s: %s", name, cmp.Diff(rows, have))
		}
	}
}

// TestForms holds that one program tells the same however it is kept: relocatable, compressed, or both; and read from a file.
func TestForms(t *testing.T) {
	for linked, others := range map[string][]string{
		"testdata/x86_64.exec":        {"testdata/x86_64.o"},
		"testdata/v5.exec":            {"testdata/v5-zlib.o", "testdata/v5-zstd.o"},
		"testdata/riscv64.exec":       {"testdata/riscv64.o"},
		"testdata/s390x.exec":         {"testdata/s390x.o"},
		"testdata/arm.exec":           {"testdata/arm.o"},
		"../testdata/debug/full.exec": {"../testdata/debug/full.o", "../testdata/debug/compressed.exec"},
		"../testdata/debug/full.o":    {"../testdata/debug/full.o"},
		"testdata/cross.so":           {"testdata/cross.so"},
	} {
		want, err := readInfo(t, linked).Inlined()
		if err != nil {
			t.Fatal(err)
		}
		lines := linesOfFunctions(t, readInfo(t, linked))
		for _, other := range others {
			f, err := os.Open(filepath.FromSlash(other))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			im, err := elfmap.Open(f, int64(len(readFile(t, other))), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := im.ReadSymbols(); err != nil {
				t.Fatal(err)
			}
			in, err := Read(im)
			if err != nil {
				t.Fatalf("%s: %v", other, err)
			}
			got, err := in.Inlined()
			if err != nil {
				t.Fatalf("%s: %v", other, err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s and %s: %s", linked, other, d)
			}
			if d := cmp.Diff(lines, linesOfFunctions(t, in)); d != "" || len(lines) == 0 {
				t.Errorf("%s and %s: %s", linked, other, d)
			}
		}
	}
}

// linesOfFunctions looks at every byte of every function.
func linesOfFunctions(t *testing.T, in *Info) map[string][][]Line {
	t.Helper()
	lines := in.Lines()
	out := map[string][][]Line{}
	for i := range in.im.Symbols {
		s := &in.im.Symbols[i]
		if s.Type != elfmap.Func || !s.Defined() {
			continue
		}
		at := in.im.Offset(s)
		if in.im.Machine == elfmap.MachineARM {
			at &^= 1 // Thumb
		}
		for off := range s.Size {
			l, err := lines.At(int(s.Section), at+off)
			if err != nil {
				t.Fatal(err)
			}
			out[s.Name] = append(out[s.Name], l)
		}
	}
	return out
}

func TestNotKnown(t *testing.T) {
	for name, want := range map[string]string{
		"../testdata/elf/x86_64.o":           "it has no debug information",
		"../testdata/debug/strip-debug.exec": "it has no debug information",
		"../testdata/debug/strip-all.exec":   "it has no debug information",
		"testdata/lines-only.exec":           "its debug information does not say whose the inlined code is, as with debuginfo=line-tables-only",
	} {
		in, err := Read(openImage(t, readFile(t, name)))
		if err == nil {
			_, err = in.Inlined()
		}
		if n, ok := errors.AsType[*NotKnown](err); !ok || n.Reason != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPacking holds that a compressed section does not make more of itself than it is.
func TestPacking(t *testing.T) {
	for _, c := range []struct {
		change func(header []byte) // ch_type at 0, ch_size at 8
		want   string
	}{
		{func(h []byte) { h[0] = 9 }, "its debug information is compressed in a way that is not known here (type 9)"},
		{func(h []byte) { h[0] = 3 - h[0] }, "its debug information is damaged: "},
		{func(h []byte) { h[15] = 1 }, "its debug information is damaged: "}, // far larger
		{func(h []byte) { h[9]++ }, "its debug information is damaged: "},    // a little
		{func(h []byte) { h[24], h[28] = 0xee, 0xee }, "its debug information is damaged: "},
	} {
		for _, name := range []string{"testdata/v5-zlib.o", "testdata/v5-zstd.o"} {
			data := readFile(t, name)
			im := openImage(t, data)
			c.change(data[im.Sections[im.Find(".debug_info")].Offset:])
			if _, err := Read(im); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
	}
}

// TestNoRust holds that of an image without Rust everything is known, with and without debug information.
func TestNoRust(t *testing.T) {
	c := madeImage(unitsOfC(3, 10))
	for name, data := range map[string][]byte{"layout.o": readFile(t, "../testdata/asm/layout.o"), "units of C": c} {
		in, err := Read(openImage(t, data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := in.Inlined()
		if err != nil || got.Code != 0 || got.List == nil || len(got.List) != 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if lines, err := in.Lines().At(1, 0); lines != nil || err != nil {
			t.Errorf("%s: %v, %v", name, lines, err)
		}
	}
}

func TestSum(t *testing.T) {
	a := &Inlining{10, []Inlined{{"core::fmt", "core", "x", "x", 3}, {"core", "core", "x", "x", 2}}}
	b := &Inlining{20, []Inlined{{"core", "core", "x", "x", 4}}}
	want := &Inlining{30, []Inlined{{"core", "core", "x", "x", 6}, {"core::fmt", "core", "x", "x", 3}}}
	if d := cmp.Diff(want, Sum(a, b)); d != "" {
		t.Error(d)
	}
	if Sum(a, nil) != nil {
		t.Error("what is not known counts as nothing")
	}
}

func TestShortPath(t *testing.T) {
	for _, c := range []struct{ compiled, directory, name, want string }{
		{"/src/linux", "", "rust/kernel/workqueue.rs", "rust/kernel/workqueue.rs"},
		{"/src/linux", "rust/kernel", "workqueue.rs", "rust/kernel/workqueue.rs"},
		{"/src/linux", "/src/linux/rust/kernel", "workqueue.rs", "rust/kernel/workqueue.rs"},
		{"/src/linux/", "", "/src/linux/./rust/../samples/rust/rust_minimal.rs", "samples/rust/rust_minimal.rs"},
		{"/src/linux", "/src/linux-next/rust", "lib.rs", "/src/linux-next/rust/lib.rs"},
		{"/build", "../src/linux/rust", "lib.rs", "/src/linux/rust/lib.rs"},
		{"/", "", "/init.rs", "init.rs"},
		{"", "", "lib.rs", "lib.rs"},
		{".", "", "./lib.rs", "lib.rs"},
		{"/src/linux", "/usr/lib/rustlib/src/rust/library/core/src/fmt", "mod.rs", "library/core/src/fmt/mod.rs"},
		{"/src/linux", "", "/home/me/.rustup/toolchains/stable/lib/rustlib/src/rust/library/alloc/src/vec/mod.rs", "library/alloc/src/vec/mod.rs"},
		{"/src/linux", "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860", "library/core/src/num/mod.rs", "library/core/src/num/mod.rs"},
		{"/src/linux", "", "/usr/src/rustc-1.85.0/library/core/src/num/mod.rs", "library/core/src/num/mod.rs"},
		{"/home/library/linux", "", "/home/library/linux/lib.rs", "lib.rs"},
		{"/src/linux", "", "/src/other/library/x.rs", "/src/other/library/x.rs"},
	} {
		if got := ShortPath(c.compiled, c.directory, c.name); got != c.want {
			t.Errorf("%q %q %q: %q, want %q", c.compiled, c.directory, c.name, got, c.want)
		}
	}
}
