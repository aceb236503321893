package sizediff_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// builds are all builds that tests can reach: the fixtures, and the real kernels where they lie beside the checkout.
func builds(t *testing.T) []*sizediff.Measurement {
	t.Helper()
	var out []*sizediff.Measurement
	err := filepath.WalkDir("testdata", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !isELF(path) {
			return err
		}
		out = append(out, measureBuild(t, path, nil))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("%d ELF fixtures, want 20 or more", len(out))
	}
	for _, dir := range []string{"small-base", "small-head"} {
		out = append(out, measureBuild(t, filepath.Join("testdata", dir), nil))
	}
	return out
}

func isELF(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4)
	_, err = f.Read(head)
	return err == nil && string(head) == "\x7fELF"
}

// checkCloses holds that every number of a report adds up.
func checkCloses(t *testing.T, r *sizediff.Report) {
	t.Helper()
	var resident, init sizediff.Change
	for _, b := range r.Buckets {
		resident, init = resident.Plus(b.Resident), init.Plus(b.Init)
	}
	if resident != r.Totals.Resident || init != r.Totals.Init {
		t.Errorf("buckets add up to %+v and %+v, totals are %+v and %+v", resident, init, r.Totals.Resident, r.Totals.Init)
	}
	if r.Closing.Resident.Sum() != r.Totals.Resident || r.Closing.Init.Sum() != r.Totals.Init {
		t.Errorf("closing parts add up to %+v and %+v, totals are %+v and %+v",
			r.Closing.Resident.Sum(), r.Closing.Init.Sum(), r.Totals.Resident, r.Totals.Init)
	}
	var images sizediff.Totals
	for i := range r.Images {
		im := &r.Images[i]
		images.Resident, images.Init = images.Resident.Plus(im.Totals.Resident), images.Init.Plus(im.Totals.Init)
		images.Unloaded, images.File = images.Unloaded.Plus(im.Totals.Unloaded), images.File.Plus(im.Totals.File)
		sections := map[sizediff.Kind]sizediff.Change{}
		for _, s := range im.Sections {
			sections[s.Kind] = sections[s.Kind].Plus(s.Change)
		}
		if sections[sizediff.Resident] != im.Totals.Resident || sections[sizediff.Init] != im.Totals.Init || sections[sizediff.Unloaded] != im.Totals.Unloaded {
			t.Errorf("%s: sections add up to %+v, totals are %+v", im.Path, sections, im.Totals)
		}
	}
	if images != r.Totals {
		t.Errorf("images add up to %+v, totals are %+v", images, r.Totals)
	}
	var rows int64
	for _, s := range r.Symbols {
		if s.Delta != s.Head-s.Base {
			t.Errorf("%s: delta %d of %d to %d", s.Name, s.Delta, s.Base, s.Head)
		}
		rows += s.Delta
	}
	for _, s := range r.Residue {
		rows += s.Delta
	}
	if want := r.Totals.Resident.Delta + r.Totals.Init.Delta; rows != want {
		t.Errorf("symbols and residue add up to %+d, totals changed by %+d", rows, want)
	}
}

// TestProperties holds on every pair of builds, however unlike: sums close, a build equals itself, and exchanging base and
// head exchanges the signs.
func TestProperties(t *testing.T) {
	all := builds(t)
	buckets := sizediff.LinuxKernel().Buckets
	rng := rand.New(rand.NewPCG(1, 2))
	for i, m := range all {
		if r := sizediff.Compare(m, m, buckets); r.State != sizediff.Identical || len(r.Symbols) != 0 {
			t.Errorf("%s against itself is %s with %d symbols", m.Label, r.State, len(r.Symbols))
		}
		for range 3 {
			other := all[rng.IntN(len(all))]
			t.Run(fmt.Sprintf("%d %s %s", i, filepath.Base(m.Label), filepath.Base(other.Label)), func(t *testing.T) {
				checkPair(t, rename(m), rename(other), buckets)
			})
		}
	}
}

// rename gives lone images the same path, so that they are compared and not added and removed.
func rename(m *sizediff.Measurement) *sizediff.Measurement {
	if len(m.Images) != 1 {
		return m
	}
	c := *m
	c.Images = []sizediff.ImageFile{m.Images[0]}
	c.Images[0].Path = "image"
	return &c
}

func checkPair(t *testing.T, base, head *sizediff.Measurement, buckets []sizediff.Bucket) {
	t.Helper()
	there, back := sizediff.Compare(base, head, buckets), sizediff.Compare(head, base, buckets)
	checkCloses(t, there)
	if diff := cmp.Diff(there, sizediff.Compare(base, head, buckets)); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
	mirrored := mirror(back)
	opts := cmp.Options{
		cmpopts.IgnoreFields(sizediff.Report{}, "Symbols"), cmpopts.IgnoreFields(sizediff.ImageChange{}, "Stripped"),
		cmpopts.SortSlices(func(a, b sizediff.TextChange) bool { return a.What+a.Base+a.Head < b.What+b.Base+b.Head }),
		cmpopts.SortSlices(func(a, b sizediff.OptionChange) bool { return a.Option < b.Option }),
	}
	if diff := cmp.Diff(there, mirrored, opts); diff != "" {
		t.Errorf("the other way is not the mirror (-there +back mirrored):\n%s", diff)
	}
	if a, b := symbolKeys(there), symbolKeys(mirrored); !cmp.Equal(a, b) {
		t.Errorf("symbols are not the mirror:\n%s", cmp.Diff(a, b))
	}
}

func flip(c sizediff.Change) sizediff.Change {
	return sizediff.Change{Base: c.Head, Head: c.Base, Delta: -c.Delta}
}

func flipParts(p sizediff.ClosingParts) sizediff.ClosingParts {
	return sizediff.ClosingParts{Named: flip(p.Named), Constants: flip(p.Constants), Derived: flip(p.Derived),
		Padding: flip(p.Padding), Unattributed: flip(p.Unattributed)}
}

func flipTotals(t sizediff.Totals) sizediff.Totals {
	return sizediff.Totals{Resident: flip(t.Resident), Init: flip(t.Init), Unloaded: flip(t.Unloaded), File: flip(t.File)}
}

func flipBuckets(b []sizediff.BucketChange) []sizediff.BucketChange {
	var out []sizediff.BucketChange
	for _, c := range b {
		c.Resident, c.Init = flip(c.Resident), flip(c.Init)
		out = append(out, c)
	}
	return out
}

// mirror exchanges base and head in a report.
func mirror(r *sizediff.Report) *sizediff.Report {
	m := *r
	m.Base, m.Head = r.Head, r.Base
	m.Totals = flipTotals(r.Totals)
	m.Closing = sizediff.Closing{Resident: flipParts(r.Closing.Resident), Init: flipParts(r.Closing.Init)}
	m.Buckets = flipBuckets(r.Buckets)
	status := map[sizediff.Status]sizediff.Status{sizediff.Added: sizediff.Removed, sizediff.Removed: sizediff.Added,
		sizediff.ImageChanged: sizediff.ImageChanged, sizediff.ImageIdentical: sizediff.ImageIdentical}
	each(&m.Crates, func(c *sizediff.CrateChange) { c.Change, c.Unnamed = flip(c.Change), flip(c.Unnamed) })
	each(&m.Instantiators, func(c *sizediff.CrateChange) { c.Change, c.Unnamed = flip(c.Change), flip(c.Unnamed) })
	each(&m.Runtime, func(c *sizediff.PathChange) { c.Change = flip(c.Change) })
	each(&m.Opaque, func(c *sizediff.OpaqueChange) { c.Change, c.Status = flip(c.Change), status[c.Status] })
	each(&m.Residue, func(c *sizediff.ResidueChange) { c.Change = flip(c.Change) })
	each(&m.Config, func(c *sizediff.OptionChange) { c.Base, c.Head = c.Head, c.Base })
	each(&m.Texts, func(c *sizediff.TextChange) { c.Base, c.Head, c.Delta = c.Head, c.Base, -c.Delta })
	each(&m.Images, func(c *sizediff.ImageChange) {
		c.Totals, c.Buckets, c.Status = flipTotals(c.Totals), flipBuckets(c.Buckets), status[c.Status]
		c.MovedFrom, c.MovedTo = c.MovedTo, c.MovedFrom
		each(&c.Sections, func(s *sizediff.SectionChange) { s.Change = flip(s.Change) })
	})
	each(&m.Symbols, func(s *sizediff.SymbolChange) { s.Change = flip(s.Change) })
	return &m
}

// each changes a copy of a list.
func each[T any](list *[]T, f func(*T)) {
	out := append([]T{}, *list...)
	for i := range out {
		f(&out[i])
	}
	*list = out
}

// symbolKeys counts the changes, without the names: a pair is called by its name in head.
func symbolKeys(r *sizediff.Report) map[sizediff.Change]int {
	out := map[sizediff.Change]int{}
	for _, s := range r.Symbols {
		out[s.Change]++
	}
	return out
}

// TestKernelProperties holds the same on the real kernels.
func TestKernelProperties(t *testing.T) {
	base, head, r := compareKernels(t, "base.zip", "binder.zip")
	checkCloses(t, r)
	checkPair(t, base, head, sizediff.LinuxKernel().Buckets)
}

// TestKernelDeterminism: two runs from the files on give the same bytes in every format, whatever the number of processors
// and whether digests are portable.
func TestKernelDeterminism(t *testing.T) {
	run := func(portable bool) []byte {
		var m [2]*sizediff.Measurement
		for i, name := range []string{"base.zip", "binder.zip"} {
			b, err := source.Open(kernelFile(t, name), source.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if m[i], err = sizediff.Measure(b, sizediff.MeasureOptions{Portable: portable}); err != nil {
				t.Fatal(err)
			}
			m[i].Label = name
		}
		p := sizediff.LinuxKernel()
		p.Budgets = []sizediff.Budget{{Bucket: sizediff.BucketRuntime, Bytes: 100}, {Percent: 1}}
		r := sizediff.Compare(m[0], m[1], p.Buckets)
		var out bytes.Buffer
		renderAll(t, &out, &sizediff.Evaluation{Targets: []sizediff.TargetResult{sizediff.Evaluate("x86_64", r, p)}, Policy: p})
		return out.Bytes()
	}
	first := run(true)
	if len(first) < 100_000 {
		t.Fatalf("only %d bytes in all formats", len(first))
	}
	if !bytes.Equal(first, run(false)) {
		t.Error("digests of this process give another report")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if !bytes.Equal(first, run(true)) {
		t.Error("a second run, on one processor, gives another report")
	}
}
