package insight

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

var explained = map[string]*sizediff.Causes{} // that tests share

// kernelCauses explains a real kernel build against base.
func kernelCauses(t *testing.T, name string) *sizediff.Causes {
	t.Helper()
	if explained[name] == nil {
		base, head := kernelMeasured(t, "base.zip"), kernelMeasured(t, name)
		explained[name] = Explain(base, head, sizediff.LinuxKernel().Buckets)
	}
	return explained[name]
}

// TestCausesOfFmtgrowth holds that everything in the runtime that is new in fmtgrowth or used for the first time is traced to one of the
// three functions that fmtgrowth.patch adds, as it reads: one parses, one changes letters, one sorts, and all print.
func TestCausesOfFmtgrowth(t *testing.T) {
	r := kernelCauses(t, "fmtgrowth.zip").References
	origin := map[string]string{ // what only one of them can be the reason of, by what its name holds
		"core::slice::sort": "sort_all", "core::net::": "parse_all", "from_ascii_radix": "parse_all",
		"core::unicode::unicode_data::conversions": "shout", "core::unicode::unicode_data::white_space": "",
		"core::time::Duration": "sort_all", "split_whitespace": "shout", "core::str::pattern": "parse_all", "IntErrorKind": "parse_all",
	}
	seen := map[string]bool{}
	for _, a := range r.Arrivals {
		if a.Kept != string(Used) || len(a.Chain) < 2 {
			t.Errorf("%s: %s, chain %v", a.Name, a.Kept, a.Chain)
			continue
		}
		last := a.Chain[len(a.Chain)-1]
		if last.Name != a.Name || last.Image != a.Image {
			t.Errorf("the chain of %s ends with %v", a.Name, last)
		}
		if a.Chain[0].Name != "<rust_minimal::RustMinimal as kernel::Module>::init" {
			t.Errorf("%s: first %s", a.Name, a.Chain[0].Name)
		}
		from := strings.TrimPrefix(a.Chain[1].Name, "rust_minimal::")
		for part, want := range origin {
			if strings.Contains(a.Name, part) && want != "" {
				if seen[part] = true; from != want {
					t.Errorf("%s comes from %s, want %s", a.Name, from, want)
				}
			}
		}
	}
	if len(seen) < 6 {
		t.Errorf("only %d kinds of what the patch uses were met", len(seen))
	}
	// crate_mangled of truth-fmtgrowth.json: core grows by 30,168 B, and vmlinux is identical, so what it has is only used.
	if got := arrived(r, "core"); got != 30168 {
		t.Errorf("core arrives with %d B, want 30,168", got)
	}
	// readelf -rW counts 4 and 37 panic call sites in rust_minimal.ko (TestPanicSites).
	if got := r.Panics.Sites.Delta; got != 37-4 {
		t.Errorf("%d more panic call sites, want 33", got)
	}
}

// arrived adds up the growth of a crate.
func arrived(r *sizediff.ReferenceCauses, crate string) (sum int64) {
	for _, a := range r.Arrivals {
		if a.Crate == crate {
			sum += a.Bytes.Delta
		}
	}
	return sum
}

// TestCausesOfBinder counts as kernel-facts.md does: 18 items with several copies and 3,180 B beyond the largest become 21 and 3,296.
func TestCausesOfBinder(t *testing.T) {
	c := kernelCauses(t, "binder.zip")
	if diff := cmp.Diff(&sizediff.CopyCauses{
		Items: sizediff.NewChange(18, 21), Beyond: sizediff.NewChange(3180, 3296), New: c.Copies.New,
	}, c.Copies); diff != "" {
		t.Errorf("copies (-facts +ours):\n%s", diff)
	}
	if c.Exports == nil || c.Exports.Added.Count != 0 || c.Exports.Removed.Count != 0 {
		t.Errorf("exports: %+v", c.Exports)
	}
	for _, x := range c.Copies.New {
		if !slices.Contains(x.Images, "vmlinux") {
			t.Errorf("%s is new in %q, and only vmlinux changed", x.Name, x.Images)
		}
	}
	for _, a := range c.References.Arrivals {
		if a.Used > 0 && !slices.ContainsFunc(a.Chain, func(s sizediff.Step) bool { return s.Crate == "rust_binder" }) {
			t.Errorf("%s has not come with rust_binder: %v", a.Name, a.Chain)
		}
	}
}

// TestCausesBothWays holds that going back undoes what there was to count, and that a build has no news to itself.
func TestCausesBothWays(t *testing.T) {
	there := kernelCauses(t, "binder.zip").References
	base, head := kernelMeasured(t, "base.zip"), kernelMeasured(t, "binder.zip")
	back := Explain(head, base, sizediff.LinuxKernel().Buckets).References
	if there.Panics.Sites.Delta != -back.Panics.Sites.Delta || len(there.Panics.Functions) != len(back.Panics.Functions) {
		t.Errorf("panic call sites: %v there, %v back", there.Panics.Sites, back.Panics.Sites)
	}
	for i, p := range there.Portions {
		q := back.Portions[i]
		if p.Used.Delta != -q.Used.Delta || p.Exported.Delta != -q.Exported.Delta || p.Linked.Delta != -q.Linked.Delta {
			t.Errorf("%s: %v there, %v back", p.Bucket, p, q)
		}
	}
	same := Explain(base, base, sizediff.LinuxKernel().Buckets)
	if r := same.References; len(r.Arrivals)+len(r.Panics.Functions)+len(same.Copies.New) != 0 {
		t.Errorf("a build has news to itself: %+v", same)
	}
}

// TestCausesUnknown holds that builds measured without references have no causes of that kind, rather than none.
func TestCausesUnknown(t *testing.T) {
	known, unknown := measured(t, fixture("small-head"), RustReferences), measured(t, fixture("small-base"), nil)
	for _, pair := range [][2]*sizediff.Measurement{{known, unknown}, {unknown, known}, {unknown, unknown}} {
		if c := Explain(pair[0], pair[1], sizediff.LinuxKernel().Buckets); c.References != nil {
			t.Errorf("causes out of nothing: %+v", c.References)
		}
	}
}

// BenchmarkExplain explains the change from base to binder, both measured.
func BenchmarkExplain(b *testing.B) {
	base, head := kernelMeasured(b, "base.zip"), kernelMeasured(b, "binder.zip")
	buckets := sizediff.LinuxKernel().Buckets
	b.ReportAllocs()
	for b.Loop() {
		Explain(base, head, buckets)
	}
}

// TestCausesOfWhatCannotBeRead holds that nothing is said of builds without symbols, of a linked image whose calls are not decoded, and
// of builds without any image: no copies, no panic call sites and nothing used would be as good as known.
func TestCausesOfWhatCannotBeRead(t *testing.T) {
	read, buckets := measured(t, fixture("small-head"), RustReferences), sizediff.LinuxKernel().Buckets
	stripped, pointers := measured(t, fixture("debug/strip-all.exec"), RustReferences), measured(t, fixture("elf/arm.exec"), RustReferences)
	if !stripped.Images[0].Stripped || pointers.Images[0].References.Source != sizediff.RefPointers {
		t.Fatal("the fixtures are not what they are here for")
	}
	files := &sizediff.Measurement{Opaque: []sizediff.OpaqueFile{{Path: "Image", Size: 1}}}
	for name, m := range map[string]*sizediff.Measurement{"stripped": stripped, "not decoded": pointers, "no image": files} {
		for _, c := range []*sizediff.Causes{Explain(read, m, buckets), Explain(m, read, buckets), Explain(m, m, buckets)} {
			if c.References != nil {
				t.Errorf("%s: %+v", name, c.References)
			}
			if (c.Copies != nil) != (name == "not decoded") {
				t.Errorf("%s: copies %+v", name, c.Copies)
			}
		}
		if u := Uses(m, buckets); u != nil {
			t.Errorf("%s: %+v", name, u)
		}
	}
	if s := Changed(Summarize(read, buckets), Summarize(stripped, buckets)).Stripped; s != sizediff.NewChange(0, 1) {
		t.Errorf("stripped images: %v", s)
	}
}
