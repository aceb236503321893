package insight_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
)

// FuzzSummarize takes any image through all questions, as a kernel and as two modules beside it, and holds that sums close.
func FuzzSummarize(f *testing.F) {
	for _, name := range []string{"asm/tables.ko", "elf/x86_64.o", "elf/x86_64-legacy.o", "small-base/drivers/rust_sample.ko"} {
		data, err := os.ReadFile(filepath.Join("..", "testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	other := small(f, 0)
	before := insight.Summarize(other, usual)
	f.Fuzz(func(t *testing.T, data []byte) {
		im, err := sizediff.MeasureImage(bytes.NewReader(data), int64(len(data)), nil)
		if err != nil {
			return
		}
		m := buildOf(sizediff.ImageFile{Path: "a.ko", Image: im}, sizediff.ImageFile{Path: "b.ko", Image: im}, other.Images[0])
		s := insight.Summarize(m, usual)
		checkCopies(t, s.OneCopy)
		checkExports(t, s.Exports)
		checkGenerics(t, m, s.Generics)
		checkCosts(t, m, s.Costs)
		insight.Changed(before, s)
		checkGenericPair(t, before.Generics, s.Generics)
		checkCostPair(t, before.Costs, s.Costs)
	})
}

// TestSummary: one pass gives what five give, and a build against itself changes nothing.
func TestSummary(t *testing.T) {
	for _, m := range fixtures(t) {
		want := &insight.Summary{OneCopy: insight.Copies(m, usual), Sharing: insight.Sharings(m, usual), Exports: insight.Exports(m, usual),
			Generics: insight.Generics(m, usual), Costs: insight.Costs(m, usual)}
		got := insight.Summarize(m, usual)
		want.Stripped = got.Stripped
		if diff := cmp.Diff(want, got, plainCopies, plainExports, plainGenerics); diff != "" {
			t.Errorf("%s: one by one and together:\n%s", m.Label, diff)
		}
		c := insight.Changed(got, got)
		if len(c.OneCopy)+len(c.Exports.Rows)+len(c.Exports.Added)+len(c.Exports.Removed)+len(c.Generics)+len(c.Costs) != 0 {
			t.Errorf("%s against itself: %+v", m.Label, c)
		}
	}
}

// BenchmarkSummaries is what --insight adds to a diff of two kernels.
func BenchmarkSummaries(b *testing.B) {
	base, head := kernelBuild(b, "base.zip"), kernelBuild(b, "binder.zip")
	for b.Loop() {
		insight.Changed(insight.Summarize(base, usual), insight.Summarize(head, usual))
	}
}

// BenchmarkCompare is the comparison that it is added to, without reading the builds.
func BenchmarkCompare(b *testing.B) {
	base, head := kernelBuild(b, "base.zip"), kernelBuild(b, "binder.zip")
	for b.Loop() {
		sizediff.Compare(base, head, usual)
	}
}
