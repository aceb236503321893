package insight

import (
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

func outline(t testing.TB, im *elfmap.Image, owners *elfmap.Map, scope Scope) *Outlining {
	t.Helper()
	o, err := Outline(im, owners, scope)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// checkOutlining holds what must be so of any image.
func checkOutlining(t *testing.T, path string, o *Outlining) {
	t.Helper()
	var saves uint64
	for _, f := range o.Families {
		if f.Sharing < 2 || f.Sharing > f.Instances || f.Runs == 0 || f.Common < longRun*uint64(f.Runs) || f.Saves == 0 ||
			f.Saves > f.Common*uint64(f.Sharing-1) || f.Common*uint64(f.Sharing) > f.Bytes || f.Bytes < largeFamily {
			t.Errorf("%s: %+v", path, f)
		}
		saves += f.Saves
	}
	if saves != o.Saves || o.Saves > o.Judged {
		t.Errorf("%s: families save %d, in all %d of %d", path, saves, o.Saves, o.Judged)
	}
}

func TestOutliningIsWithinCode(t *testing.T) {
	for _, path := range images(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		im, owners := open(t, data)
		o := outline(t, im, owners, RustCode)
		checkOutlining(t, path, o)
		if again := outline(t, im, owners, RustCode); !reflect.DeepEqual(o, again) {
			t.Errorf("%s: outlining differs from one time to the next", path)
		}
		if decoders[im.Machine] == nil && o.Judged != 0 {
			t.Errorf("%s: %d bytes are judged without a decoder", path, o.Judged)
		}
	}
}

// TestKernelOutlining pins what the builds come to. The functions of rust_binder that write to a buffer of a transaction
// are the same but for the sizes of what they write.
func TestKernelOutlining(t *testing.T) {
	im, owners := open(t, kernel(t, "base.zip", "vmlinux"))
	o := outline(t, im, owners, RustCode)
	checkOutlining(t, "base.zip", o)
	if o.Saves != 775 || len(o.Families) != 3 || o.Judged != 152546 {
		t.Errorf("base: %+v", o)
	}
	im, owners = open(t, kernel(t, "binder.zip", "vmlinux"))
	o = outline(t, im, owners, RustCode)
	checkOutlining(t, "binder.zip", o)
	want := OutlinedFamily{Name: "<rust_binder::allocation::AllocationView>::write::<_>", Crate: "rust_binder", Instances: 3, Bytes: 1380,
		Sharing: 3, Common: 363, Runs: 4, Saves: 2*363 - 4*3*10}
	if o.Saves != 1685 || len(o.Families) != 8 || o.Families[0] != want {
		t.Errorf("binder: %+v", o)
	}
}

// TestCommonRuns: insertions, deletions and changes part runs, and one that is moved is not common.
func TestCommonRuns(t *testing.T) {
	const d, b, g = differs, begins, goesOn
	for _, c := range []struct {
		a, b []uint32
		want []mark
	}{
		{[]uint32{1, 2, 3, 4, 5}, []uint32{1, 2, 3, 4, 5}, []mark{b, g, g, g, g}},
		{[]uint32{1, 2, 3, 4, 5}, []uint32{9, 1, 2, 3, 4, 9}, []mark{b, g, g, g, d}},
		{[]uint32{1, 2, 3, 4, 5, 6, 7, 8}, []uint32{1, 2, 3, 4, 9, 5, 6, 7, 8}, []mark{b, g, g, g, b, g, g, g}},
		{[]uint32{1, 2, 3, 4, 9, 5, 6, 7, 8}, []uint32{1, 2, 3, 4, 5, 6, 7, 8}, []mark{b, g, g, g, d, b, g, g, g}},
		{[]uint32{1, 2, 3, 4, 5, 6, 7, 8, 9}, []uint32{5, 6, 7, 8, 9, 1, 2, 3, 4}, []mark{d, d, d, d, b, g, g, g, g}},
		{[]uint32{1, 1, 1, 1, 1, 1}, []uint32{1, 1, 1, 1, 1, 1}, make([]mark, 6)}, // there is no telling which is which
		{nil, []uint32{1, 2, 3, 4}, []mark{}},
	} {
		if got := commonRuns(c.a, c.b, windowsOf(c.a)); !slices.Equal(got, c.want) {
			t.Errorf("%v and %v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// TestEstimate holds the estimate of random families to its bounds: within the family less its largest instance.
func TestEstimate(t *testing.T) {
	const jump = 5
	some := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 11))
		x := &tails{}
		for range 1 + r.IntN(40) {
			x.shapes = append(x.shapes, shape{size: uint8(1 + r.IntN(7))})
		}
		origin := make([]uint32, 20+r.IntN(60))
		for i := range origin {
			origin[i] = uint32(r.IntN(len(x.shapes)))
		}
		var list []listing
		total, largest := uint64(0), uint64(0)
		for range 2 + r.IntN(6) {
			first := len(x.code)
			for _, k := range origin {
				switch r.IntN(30) {
				case 0: // left out
				case 1:
					x.code = append(x.code, uint32(r.IntN(len(x.shapes))), k)
				default:
					x.code = append(x.code, k)
				}
			}
			list = append(list, listing{first: first, end: len(x.code)})
			size := x.size(list[len(list)-1])
			total, largest = total+size, max(largest, size)
		}
		slices.SortStableFunc(list, func(a, b listing) int { return int(x.size(a)) - int(x.size(b)) })
		var f OutlinedFamily
		x.estimate(&f, list, jump)
		if f.Saves > total-largest || f.Sharing > len(list) || f.Common*uint64(f.Sharing) > total {
			t.Fatalf("seed %d: %+v of %d bytes, the largest instance of %d", seed, f, total, largest)
		}
		if f.Saves > 0 {
			some++
		}
	}
	if some < 50 {
		t.Errorf("only %d families have something in common", some)
	}
}
