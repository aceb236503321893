package insight

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// open reads from a file, as far as the image can tell.
func open(t testing.TB, data []byte) (*elfmap.Image, *elfmap.Map) {
	t.Helper()
	return opened(t)(elfmap.Open(bytes.NewReader(data), int64(len(data)), nil))
}

func openInMemory(t testing.TB, data []byte) (*elfmap.Image, *elfmap.Map) {
	t.Helper()
	return opened(t)(elfmap.Open(nil, 0, data))
}

func opened(t testing.TB) func(*elfmap.Image, error) (*elfmap.Image, *elfmap.Map) {
	return func(im *elfmap.Image, err error) (*elfmap.Image, *elfmap.Map) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if err := im.ReadSymbols(); err != nil {
			t.Fatal(err)
		}
		owners, err := im.Own()
		if err != nil {
			t.Fatal(err)
		}
		return im, owners
	}
}

func icfFixture(t testing.TB, name string) (*elfmap.Image, *elfmap.Map) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return open(t, data)
}

func fold(t testing.TB, im *elfmap.Image, owners *elfmap.Map, scope Scope) *Folding {
	t.Helper()
	f, err := Fold(im, owners, scope)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// lld is what the linker really saves, bytes of code: testdata/icf.txt, written by testdata/make-fixtures.sh with lld 14.0.6
// from the sizes of functions in links with --icf=none, all and safe.
var lld = map[string]struct{ all, safe uint64 }{
	"x86_64-a.o":            {442, 382},
	"x86_64.exec":           {1682, 1508},
	"aarch64-a.o":           {704, 560},
	"aarch64.exec":          {2612, 2212},
	"x86_64-rust.o":         {229, 0},
	"x86_64-rust-addrsig.o": {229, 229},
	"x86_64-rust.exec":      {229, 229},
}

// TestFoldAsLLD holds Fold to the linker's savings.
func TestFoldAsLLD(t *testing.T) {
	for name, want := range lld {
		switch name {
		case "x86_64-rust.o":
			want.safe = 229 // it has no address-significance table, which makes lld take every address for significant
		case "aarch64.exec":
			want.all -= 20 // pick1, which makes the address of a folded function with ADRP and ADD
		}
		im, owners := icfFixture(t, name)
		f := fold(t, im, owners, WholeImage)
		if f.Saves != want.all || f.Safe != want.safe {
			t.Errorf("%s: folding saves %d bytes, %d of them safely; lld says %d and %d", name, f.Saves, f.Safe, want.all, want.safe)
		}
		if f.NotJudged != 0 {
			t.Errorf("%s: %d bytes are not judged", name, f.NotJudged)
		}
	}
}

// TestTruthIsWritten holds the constants to the file that the script writes.
func TestTruthIsWritten(t *testing.T) {
	text, err := os.ReadFile("testdata/icf.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, line := range lines {
		name, _, _ := strings.Cut(line, " ")
		if want := fmt.Sprint(name, " ", lld[name].all, " ", lld[name].safe); line != want {
			t.Errorf("icf.txt says %q, the table %q", line, want)
		}
	}
	if len(lines) != len(lld) {
		t.Errorf("icf.txt has %d lines, the table %d", len(lines), len(lld))
	}
}

// TestFoldGroups says which functions of testdata/src/twins.c are identical.
func TestFoldGroups(t *testing.T) {
	want := []string{
		"add1 add2", "asks1 asks2", "down1 down2", "even1 even2", "gives1 gives2", "half1 half2 half3", "load1 load2", "odd1 odd2",
		"switch1 switch2", "taken1 taken2", "user1 user2",
	}
	for _, name := range []string{"x86_64-a.o", "aarch64-a.o"} {
		im, owners := icfFixture(t, name)
		var got []string
		for _, g := range fold(t, im, owners, WholeImage).Groups {
			var names []string
			for _, f := range g.Functions {
				names = append(names, strings.TrimPrefix(im.Symbols[f.Symbol].Name, "a_"))
				taken := strings.Contains("taken1 taken2 half1", names[len(names)-1])
				if f.AddressTaken != taken {
					t.Errorf("%s: address of %s taken: %v", name, names[len(names)-1], f.AddressTaken)
				}
			}
			slices.Sort(names)
			got = append(got, strings.Join(names, " "))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: groups are %q, want %q", name, got, want)
		}
	}
}

// images are the fixtures of the parent package, of all machines and kinds.
func images(t testing.TB) (paths []string) {
	t.Helper()
	for _, pattern := range []string{
		"testdata/*.o", "testdata/*.exec", "../testdata/elf/*", "../testdata/debug/*", "../testdata/pairs/*", "../testdata/asm/*o",
		"../testdata/small-*/vmlinux", "../testdata/small-*/drivers/*",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatal("no fixtures match", pattern, err)
		}
		paths = append(paths, found...)
	}
	return paths
}

// TestSavingsAreWithinCode holds what must be so in any image.
func TestSavingsAreWithinCode(t *testing.T) {
	for _, path := range images(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		im, owners := open(t, data)
		for _, scope := range []Scope{RustCode, WholeImage} {
			f, m := fold(t, im, owners, scope), mergeTails(t, im, owners, scope)
			checkFolding(t, path, f)
			checkTails(t, path, im, m)
			if f.Saves+m.Saves > f.Judged {
				t.Errorf("%s: %d and %d bytes are saved of %d", path, f.Saves, m.Saves, f.Judged)
			}
			if again := fold(t, im, owners, scope); !reflect.DeepEqual(f, again) {
				t.Errorf("%s: folding differs from one time to the next", path)
			}
			if again := mergeTails(t, im, owners, scope); !reflect.DeepEqual(m, again) {
				t.Errorf("%s: tails differ from one time to the next", path)
			}
			if decoders[im.Machine] == nil && m.Judged != 0 {
				t.Errorf("%s: %d bytes are judged without a decoder", path, m.Judged)
			}
		}
	}
}

func checkFolding(t *testing.T, path string, f *Folding) {
	t.Helper()
	var saves, safe uint64
	seen := map[[2]uint64]bool{}
	for _, g := range f.Groups {
		var sum, largest uint64
		for _, x := range g.Functions {
			place := [2]uint64{uint64(x.Section), x.Start}
			if seen[place] {
				t.Errorf("%s: a function is in two groups", path)
			}
			seen[place] = true
			sum += x.Bytes
			largest = max(largest, x.Bytes)
		}
		if len(g.Functions) < 2 || g.Saves != sum-largest || g.Safe > g.Saves {
			t.Errorf("%s: %d functions of %d bytes save %d, %d safely", path, len(g.Functions), sum, g.Saves, g.Safe)
		}
		saves += g.Saves
		safe += g.Safe
	}
	if f.Saves != saves || f.Safe != safe || f.Saves > f.Judged {
		t.Errorf("%s: groups save %d and %d, in all %d and %d of %d", path, saves, safe, f.Saves, f.Safe, f.Judged)
	}
}

func TestNothingToFold(t *testing.T) {
	im, owners := icfFixture(t, "x86_64-a.o")
	if f := fold(t, im, owners, RustCode); !reflect.DeepEqual(f, &Folding{}) {
		t.Errorf("C code alone: %+v", f)
	}
}

// TestOtherMachines holds that code which cannot be compared is not passed over in silence.
func TestOtherMachines(t *testing.T) {
	for _, machine := range []string{"riscv64", "s390x", "arm", "powerpc", "loongarch64"} {
		im, owners := icfFixture(t, "../../testdata/elf/"+machine+".exec")
		if f := fold(t, im, owners, WholeImage); f.Judged != 0 || f.NotJudged == 0 || f.Saves != 0 {
			t.Errorf("%s: %+v", machine, f)
		}
	}
}

// TestRefine compares foldable with its definition, on random references, and in another order.
func TestRefine(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 5))
		bodies := make([]body, 1+r.IntN(30))
		for i := range bodies {
			bodies[i].class = int32(r.IntN(4)) - 1
			for range max(bodies[i].class, 0) { // the same body has the same number of references
				bodies[i].refs = append(bodies[i].refs, functionRef{int32(r.IntN(len(bodies))), uint64(r.IntN(2) * r.IntN(2))})
			}
		}
		barred := r.IntN(len(bodies))
		may := func(i int) bool { return i != barred }
		got, want := foldable(bodies, may), byDefinition(bodies, may)
		if !samePartition(got, want) {
			t.Fatalf("seed %d: classes %v, want %v", seed, got, want)
		}
		order := r.Perm(len(bodies)) // new index to old
		shuffled, back := make([]body, len(bodies)), make([]int32, len(bodies))
		for to, from := range order {
			back[from] = int32(to)
		}
		for to, from := range order {
			shuffled[to].class = bodies[from].class
			for _, x := range bodies[from].refs {
				shuffled[to].refs = append(shuffled[to].refs, functionRef{back[x.function], x.at})
			}
		}
		again := foldable(shuffled, func(i int) bool { return order[i] != barred })
		unshuffled := make([]int32, len(bodies))
		for to, from := range order {
			unshuffled[from] = again[to]
		}
		if !samePartition(got, unshuffled) {
			t.Fatalf("seed %d: another order gives other classes", seed)
		}
	}
}

// byDefinition starts with the functions of one body in one class and parts any two that refer to different classes, until
// none are left.
func byDefinition(bodies []body, may func(i int) bool) []int32 {
	same := make([][]bool, len(bodies))
	for i := range bodies {
		same[i] = make([]bool, len(bodies))
		for j := range bodies {
			same[i][j] = i == j || may(i) && may(j) && bodies[i].class >= 0 && bodies[i].class == bodies[j].class
		}
	}
	for changed := true; changed; {
		changed = false
		for i := range bodies {
			for j := range bodies {
				if !same[i][j] || i == j {
					continue
				}
				for k, x := range bodies[i].refs {
					if y := bodies[j].refs[k]; x.at != y.at || !same[x.function][y.function] {
						same[i][j], changed = false, true
					}
				}
			}
		}
	}
	class := make([]int32, len(bodies))
	for i := range bodies {
		class[i] = int32(slices.Index(same[i], true))
	}
	return class
}

func samePartition(a, b []int32) bool {
	for i := range a {
		for j := range a {
			if (a[i] == a[j]) != (b[i] == b[j]) {
				return false
			}
		}
	}
	return true
}

// TestLongChain is a chain that parts from its end, one function at a time: the work must not grow with its square.
func TestLongChain(t *testing.T) {
	const n = 200_000
	bodies := make([]body, 2*n)
	for i := range bodies {
		if i%n == n-1 {
			bodies[i].class = int32(i) // the ends differ
			continue
		}
		bodies[i].refs = []functionRef{{int32(i + 1), 0}}
	}
	if g := groups(foldable(bodies, func(int) bool { return true })); len(g) != 0 {
		t.Errorf("%d groups of functions that lead to different ends", len(g))
	}
}

// TestDamaged changes bytes of fixtures: what comes of that is never more than the code.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"x86_64-a.o", "x86_64-rust.exec", "aarch64.exec"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 9))
		for range 300 {
			data := bytes.Clone(whole)
			for range 1 + r.IntN(6) {
				data[r.IntN(len(data))] = byte(r.Uint32())
			}
			checkAny(t, name, data)
		}
	}
}

// checkAny holds what must be so of any bytes.
func checkAny(t *testing.T, name string, data []byte) {
	t.Helper()
	im, err := elfmap.Open(nil, 0, data)
	if err != nil || im.ReadSymbols() != nil {
		return
	}
	owners, err := im.Own()
	if err != nil {
		return
	}
	if x, err := Fold(im, owners, WholeImage); err == nil {
		checkFolding(t, name, x)
	}
	if x, err := MergeTails(im, owners, WholeImage); err == nil {
		checkTails(t, name, im, x)
	}
	if x, err := Outline(im, owners, WholeImage); err == nil {
		checkOutlining(t, name, x)
	}
}

// TestFileAndMemory holds that it does not matter how the image is read.
func TestFileAndMemory(t *testing.T) {
	for _, path := range images(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		im, owners := open(t, data)
		f, m := fold(t, im, owners, WholeImage), mergeTails(t, im, owners, WholeImage)
		im, owners = openInMemory(t, data)
		if !reflect.DeepEqual(f, fold(t, im, owners, WholeImage)) || !reflect.DeepEqual(m, mergeTails(t, im, owners, WholeImage)) {
			t.Errorf("%s differs in memory", path)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, name := range []string{"x86_64-a.o", "x86_64-rust.exec", "aarch64.exec"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkAny(t, "input", data)
	})
}
