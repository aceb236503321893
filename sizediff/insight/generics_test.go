package insight_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
)

var plainGenerics = cmpopts.IgnoreUnexported(insight.Family{})

func TestGenerics(t *testing.T) {
	got := insight.Generics(small(t, 0), usual)
	want := insight.GenericCode{
		Families: []insight.Family{{
			Name: "core::iter::fold::<_>", Crate: "core", Bucket: sizediff.BucketRuntime, Instances: 3, Bytes: 40 + 30 + 35,
			ByCrate: []insight.Part{{Name: "kernel", Instances: 1, Bytes: 40}, {Name: "two", Instances: 1, Bytes: 35}, {Name: "one", Instances: 1, Bytes: 30}},
			ByArgs:  []insight.Part{{Name: "u8", Instances: 3, Bytes: 105}},
		}},
		Crates: []insight.CrateCode{
			{Crate: "core", Plain: 100, Generic: 105, Elsewhere: 105}, {Crate: "one", Plain: 70, Foreign: 30},
			{Crate: "kernel", Plain: 50, Foreign: 40}, {Crate: "two", Foreign: 35},
		},
	}
	if diff := cmp.Diff(want, got, plainGenerics); diff != "" {
		t.Errorf("generics (-want +got):\n%s", diff)
	}
	changes := insight.CompareGenerics(got, insight.Generics(small(t, 1), usual))
	wantChange := []insight.FamilyChange{{
		Name: "core::iter::fold::<_>", Crate: "core", Bucket: sizediff.BucketRuntime,
		Instances: sizediff.NewChange(3, 3), Bytes: sizediff.NewChange(105, 136), Added: 1, Removed: 1, New: 60, Gone: -35, Bigger: 6,
		ByCrate: []insight.PartChange{
			{Name: "one", Instances: sizediff.NewChange(1, 2), Bytes: sizediff.NewChange(30, 96)},
			{Name: "two", Instances: sizediff.NewChange(1, 0), Bytes: sizediff.NewChange(35, 0)},
		},
	}}
	if diff := cmp.Diff(wantChange, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// An instance that moves to another image is not a new one; its growth is growth of the body.
func TestInstanceMoves(t *testing.T) {
	build := func(path string, size uint64) insight.GenericCode {
		return insight.Generics(buildOf(moduleOf(t, path, nil, fn(foldU8One, size))), usual)
	}
	got := insight.CompareGenerics(build("a.ko", 30), build("b.ko", 28))
	if len(got) != 1 || got[0].Smaller != -2 || got[0].New != 0 || got[0].Gone != 0 {
		t.Errorf("got %+v", got)
	}
	if got := insight.CompareGenerics(build("a.ko", 30), build("b.ko", 30)); len(got) != 0 {
		t.Errorf("moved only, it is a change: %+v", got)
	}
}

// TestGenericsProperties: parts add up, order and direction do not matter, and a change is told apart completely.
func TestGenericsProperties(t *testing.T) {
	all := fixtures(t)
	for i, m := range all {
		got := insight.Generics(m, usual)
		if diff := cmp.Diff(got, insight.Generics(backwards(m), usual), plainGenerics); diff != "" {
			t.Errorf("%s: the order of images matters:\n%s", m.Label, diff)
		}
		checkGenerics(t, m, got)
		checkGenericPair(t, got, insight.Generics(all[(i+1)%len(all)], usual))
	}
}

func checkGenerics(t *testing.T, m *sizediff.Measurement, g insight.GenericCode) {
	t.Helper()
	var families, generic, all, code int64
	for _, f := range g.Families {
		var crates, args insight.Part
		for _, p := range f.ByCrate {
			crates.Instances, crates.Bytes = crates.Instances+p.Instances, crates.Bytes+p.Bytes
		}
		for _, p := range f.ByArgs {
			args.Instances, args.Bytes = args.Instances+p.Instances, args.Bytes+p.Bytes
		}
		if want := (insight.Part{Instances: f.Instances, Bytes: f.Bytes}); crates != want || args != want {
			t.Errorf("%s: %+v by crate, %+v by arguments, want %+v", f.Name, crates, args, want)
		}
		families += f.Bytes
	}
	var elsewhere, foreign int64
	for _, c := range g.Crates {
		generic, all = generic+c.Generic, all+c.Generic+c.Plain
		elsewhere, foreign = elsewhere+c.Elsewhere, foreign+c.Foreign
	}
	for _, f := range m.Images {
		for _, s := range f.Symbols {
			if s.How != sizediff.ByNothing && f.Sections[s.Section].Code {
				code += int64(s.Size)
			}
		}
	}
	if families != generic || all != code || elsewhere != foreign {
		t.Errorf("%s: families %d, generic %d; crates %d, Rust code %d; elsewhere %d, foreign %d", m.Label, families, generic, all, code, elsewhere, foreign)
	}
}

func checkGenericPair(t *testing.T, base, head insight.GenericCode) {
	t.Helper()
	there, back := insight.CompareGenerics(base, head), insight.CompareGenerics(head, base)
	if len(there) != len(back) {
		t.Fatalf("%d changes one way, %d the other", len(there), len(back))
	}
	for i, c := range there {
		if c.New+c.Gone+c.Bigger+c.Smaller != c.Bytes.Delta || int64(c.Added-c.Removed) != c.Instances.Delta {
			t.Errorf("%+v does not add up", c)
		}
		if d := back[i]; c.New != -d.Gone || c.Bigger != -d.Smaller || c.Gone != -d.New || c.Smaller != -d.Bigger || c.Bytes != flip(d.Bytes) {
			t.Errorf("%+v is not the mirror of %+v", c, d)
		}
	}
}

// TestKernelGenerics: section 1 of the facts counted by an independent reader: with binder built in 17,297 bytes of core and 3,622 of
// kernel are instantiated in rust_binder, in bodies; 885 of core in kernel and 551 in drm_panic_qr. Section 3: Adapter<&u32> six
// times in base. And fmtgrowth's new sorting code, as its list of symbols has it.
func TestKernelGenerics(t *testing.T) {
	base, binder := kernelBuild(t, "base.zip"), kernelBuild(t, "binder.zip")
	bodies := map[[2]string]int64{}
	for _, r := range insight.Costs(binder, usual).Rows {
		if r.Image == "vmlinux" && r.Inst != "" {
			bodies[[2]string{r.Crate, r.Inst}] += r.Listed
		}
	}
	want := map[[2]string]int64{{"core", "rust_binder"}: 17297, {"kernel", "rust_binder"}: 3622, {"core", "kernel"}: 885, {"core", "drm_panic_qr"}: 551}
	if diff := cmp.Diff(want, bodies); diff != "" {
		t.Errorf("bytes by defining and instantiating crate (-facts +ours):\n%s", diff)
	}
	got := insight.Generics(base, usual)
	checkGenerics(t, base, got)
	for _, f := range got.Families {
		for _, p := range f.ByArgs {
			if f.Name == "<kernel::fmt::Adapter<_> as core::fmt::Display>::fmt" && p.Name == "&u32" && p.Instances != 6 {
				t.Errorf("%s of %s: %d instances, want 6", f.Name, p.Name, p.Instances)
			}
		}
	}
	grown := insight.Generics(kernelBuild(t, "fmtgrowth.zip"), usual)
	checkGenericPair(t, got, grown)
	first := insight.CompareGenerics(got, grown)[0]
	const quicksort = "core::slice::sort::unstable::quicksort::quicksort::<"
	if bytes, n := truthOf(t, quicksort); first.Name != quicksort+"_>" || first.Bytes.Delta != bytes || first.New != bytes || first.Added != n {
		t.Errorf("first change %+v, want %d bytes in %d new instances", first, bytes, n)
	}
}

// truthOf adds up what the independent reader's list of fmtgrowth's symbols has of a family: bytes with prefixes, and new bodies.
func truthOf(t *testing.T, family string) (bytes int64, bodies int) {
	t.Helper()
	b, err := os.ReadFile(kernelPath(t, "truth-fmtgrowth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Files map[string]struct {
			Deltas [][5]any `json:"symbol_deltas"` // delta, kind, name, base, head
		} `json:"files"`
	}
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	for _, f := range truth.Files {
		for _, d := range f.Deltas {
			name := strings.TrimPrefix(d[2].(string), "__pfx_")
			if strings.HasPrefix(name, family) && !strings.HasSuffix(name, "}") {
				bytes += int64(d[0].(float64))
				if name == d[2].(string) {
					bodies++
				}
			}
		}
	}
	return bytes, bodies
}
