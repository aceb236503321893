package insight_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// readCode measures a build and reads its code.
func readCode(t testing.TB, path string, r *insight.CodeReader) *sizediff.Measurement {
	t.Helper()
	b, err := source.Open(path, source.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m, err := sizediff.Measure(b, sizediff.MeasureOptions{Portable: true, Examine: r.Examine})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func smallBuild(name string) string { return filepath.Join("..", "testdata", name) }

// TestSavings: the parts add up, in either scope, and the order of images does not matter.
func TestSavings(t *testing.T) {
	for _, path := range []string{smallBuild("small-base"), smallBuild("small-head"), "testdata"} {
		for _, scope := range []insight.Scope{insight.RustCode, insight.WholeImage} {
			r := insight.NewCodeReader(scope)
			m := readCode(t, path, r)
			s := r.Savings(m)
			checkSavings(t, path, s)
			if diff := cmp.Diff(s, r.Savings(backwards(m))); diff != "" {
				t.Errorf("%s: the order of images matters:\n%s", path, diff)
			}
			again := insight.NewCodeReader(scope)
			if diff := cmp.Diff(s, again.Savings(readCode(t, path, again))); diff != "" {
				t.Errorf("%s: another time it says something else:\n%s", path, diff)
			}
			c := insight.CompareSavings(s, s)
			if c.Folding.Saves.Delta != 0 || len(c.Folding.New)+len(c.Tails.New)+len(c.Outlining.Families) != 0 {
				t.Errorf("%s against itself: %+v", path, c)
			}
		}
	}
}

func checkSavings(t *testing.T, path string, s *insight.CodeSavings) {
	t.Helper()
	var folds, safe, tails, outlines int64
	for _, g := range s.Folding.Groups {
		folds, safe = folds+g.Saves, safe+g.Safe
	}
	for _, e := range s.Tails.Tails {
		tails += e.Saves
	}
	for _, f := range s.Outlining.Families {
		outlines += f.Saves
	}
	if folds != s.Folding.Saves || safe != s.Folding.Safe || tails != s.Tails.Saves || outlines != s.Outlining.Saves ||
		s.Tails.Return+s.Tails.Jump+s.Tails.Trap != s.Tails.Saves {
		t.Errorf("%s: the parts do not add up: %+v", path, s)
	}
}

// TestSavingsOfMeasurement: a measurement holds no code; what is known of an equal image counts.
func TestSavingsOfMeasurement(t *testing.T) {
	r := insight.NewCodeReader(insight.RustCode)
	m := readCode(t, smallBuild("small-base"), r)
	var file bytes.Buffer
	if err := sizediff.WriteMeasurement(&file, m); err != nil {
		t.Fatal(err)
	}
	packed, err := sizediff.ReadMeasurement(&file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Savings(m), r.Savings(packed)); diff != "" {
		t.Errorf("an equal image was read:\n%s", diff)
	}
	other := insight.NewCodeReader(insight.RustCode)
	head := other.Savings(readCode(t, smallBuild("small-head"), other))
	if s := other.Savings(packed); s != nil {
		t.Errorf("a measurement has code: %+v", s)
	}
	if insight.CompareSavings(nil, head) != nil || insight.CompareSavings(head, nil) != nil {
		t.Error("what is not known is compared")
	}
}

// TestSavingsNotRead: code of other machines, and what has no symbols, is not taken for code that saves nothing.
func TestSavingsNotRead(t *testing.T) {
	for _, name := range []string{"elf/riscv64.exec", "elf/s390x.exec"} {
		r := insight.NewCodeReader(insight.WholeImage)
		s := r.Savings(readCode(t, smallBuild(name), r))
		if s == nil || s.Folding != nil || s.Tails != nil || s.Outlining != nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestNewGroups: a group is new when no group of the base has two of its functions, whatever their hashes and the image.
func TestNewGroups(t *testing.T) {
	group := func(image string, symbols ...string) (g insight.IdenticalCode) {
		g.Image = image
		for _, s := range symbols {
			g.Functions = append(g.Functions, insight.IdenticalFunction{CodeName: insight.CodeName{Name: "as people write " + s, Symbol: s}})
		}
		return g
	}
	side := func(groups ...insight.IdenticalCode) *insight.CodeSavings {
		return &insight.CodeSavings{Folding: &insight.FoldSavings{Groups: groups}}
	}
	const rehashed = "_RNvNtCs9_4core3num5parse"
	base := side(group("a.ko", parse, print, "x"), group("a.ko", "twice", "twice", "y"))
	for _, c := range []struct {
		head insight.IdenticalCode
		want bool
	}{
		{group("a.ko", parse, print), false},
		{group("vmlinux", "new", print, rehashed), false},
		{group("a.ko", parse, "y"), true},
		{group("a.ko", "twice", "twice"), false},
		{group("a.ko", "x", "x"), true},
		{group("a.ko", "new", "newer"), true},
	} {
		got := insight.CompareSavings(base, side(c.head)).Folding.New
		if (len(got) == 1) != c.want {
			t.Errorf("%+v is new: %v", c.head, !c.want)
		}
	}
	var crowd []insight.IdenticalCode
	for i := range 1000 {
		crowd = append(crowd, group("a.ko", "f", fmt.Sprint("g", i)))
	}
	if got := insight.CompareSavings(side(crowd...), side(crowd...)).Folding.New; len(got) != 0 {
		t.Errorf("%d groups are new that have the same names", len(got))
	}
}

// TestKernelSavings: what binder brings, by name.
func TestKernelSavings(t *testing.T) {
	r := insight.NewCodeReader(insight.RustCode)
	base, binder := r.Savings(readCode(t, kernelPath(t, "base.zip"), r)), r.Savings(readCode(t, kernelPath(t, "binder.zip"), r))
	checkSavings(t, "base.zip", base)
	checkSavings(t, "binder.zip", binder)
	c := insight.CompareSavings(base, binder)
	want := insight.FoldChanges{Saves: sizediff.NewChange(7445, 7742), Safe: sizediff.NewChange(0, 62)}
	if c.Folding.Saves != want.Saves || c.Folding.Safe != want.Safe || len(c.Folding.New) != 5 {
		t.Errorf("folding: %+v, %+v, %d new groups", c.Folding.Saves, c.Folding.Safe, len(c.Folding.New))
	}
	if c.Tails.Saves != sizediff.NewChange(10576, 15043) || c.Outlining.Saves != sizediff.NewChange(1178, 2088) {
		t.Errorf("tails: %+v, outlining: %+v", c.Tails.Saves, c.Outlining.Saves)
	}
	if i := slices.IndexFunc(c.Folding.New, func(g insight.IdenticalCode) bool {
		return g.Functions[0].Name == "core::ptr::drop_glue::<kernel::sync::arc::Arc<rust_binder::DTRWrap<rust_binder::DeliverCode>>>"
	}); i < 0 || c.Folding.New[i].Safe != 62 {
		t.Errorf("new groups are %+v", c.Folding.New)
	}
}

// BenchmarkInsight is the way from two builds to what is said of them, and how long it takes with all that explains it.
func BenchmarkInsight(b *testing.B) {
	base, head := kernelPath(b, "base.zip"), kernelPath(b, "binder.zip")
	for _, c := range []struct {
		name  string
		scope insight.Scope
		off   bool
	}{{"without", 0, true}, {"rust", insight.RustCode, false}, {"all", insight.WholeImage, false}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				compareBuilds(b, base, head, c.scope, c.off)
			}
		})
	}
}

func compareBuilds(b *testing.B, base, head string, scope insight.Scope, off bool) {
	r := insight.NewCodeReader(scope)
	o := sizediff.MeasureOptions{Cache: new(sizediff.Cache), Examine: sizediff.Examiners(insight.Examine, r.Examine)}
	if off {
		o.Examine = nil
	}
	var m [2]*sizediff.Measurement
	var wait sync.WaitGroup
	for i, path := range []string{base, head} {
		wait.Go(func() {
			build, err := source.Open(path, source.DefaultLimits())
			if err != nil {
				b.Error(err)
				return
			}
			defer build.Close()
			if m[i], err = sizediff.Measure(build, o); err != nil {
				b.Error(err)
			}
		})
	}
	wait.Wait()
	if off {
		sizediff.Compare(m[0], m[1], usual)
		return
	}
	var s [2]*insight.Summary
	for i := range m {
		wait.Go(func() {
			s[i] = insight.Summarize(m[i], usual)
			s[i].Code = r.Savings(m[i])
		})
	}
	insight.Compare(m[0], m[1], usual)
	wait.Wait()
	if insight.Changed(s[0], s[1]).Code == nil {
		b.Error("code was not compared")
	}
}
