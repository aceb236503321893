package insight_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
)

// plainCopies compares what is said, not what is remembered for later questions.
var plainCopies = cmpopts.IgnoreUnexported(insight.OneCopy{}, insight.Duplicate{}, insight.Copy{})

func TestCopies(t *testing.T) {
	got := insight.Copies(small(t, 0), usual)
	want := insight.OneCopy{
		Known: true, Bytes: 40 - 16 + 30 + 35, Beyond: 24 + 30,
		Items: []insight.Duplicate{{
			Name: "core::iter::fold::<u8>", Crate: "core", Bucket: sizediff.BucketRuntime, Bytes: 89, Beyond: 54,
			Copies: []insight.Copy{{Image: "a/one.ko", Symbols: 1, Bytes: 30}, {Image: "two.ko", Symbols: 1, Bytes: 35}, {Image: "vmlinux", Symbols: 1, Bytes: 24}},
			Kernel: insight.KernelKeeps, Reason: insight.Generic,
		}},
		Modules: []insight.Module{
			{Image: "a/one.ko", Uses: []insight.Use{{Bucket: sizediff.BucketRuntime, Carries: 1, Carried: 30, Imports: &insight.Imported{Names: 1, Bytes: 100}}}},
			{Image: "two.ko", Uses: []insight.Use{{Bucket: sizediff.BucketRuntime, Carries: 1, Carried: 35, Imports: new(insight.Imported)}}},
		},
	}
	if diff := cmp.Diff(want, got, plainCopies); diff != "" {
		t.Errorf("copies (-want +got):\n%s", diff)
	}
	change := insight.CompareCopies(got, insight.Copies(small(t, 1), usual))
	// without two.ko it is in two images, without one.ko too in one
	one := insight.Copies(buildOf(small(t, 0).Images[0]), usual)
	if c := insight.CompareCopies(one, got); len(c) != 1 || c[0].Images != sizediff.NewChange(1, 3) || c[0].AllBytes != sizediff.NewChange(24, 89) {
		t.Errorf("compared with one copy %+v", c)
	}
	if len(change) != 1 || change[0].Kernel != insight.KernelExports || change[0].Images != sizediff.NewChange(3, 2) ||
		change[0].AllBytes != sizediff.NewChange(89, 60) || change[0].BeyondOne != sizediff.NewChange(54, 24) {
		t.Errorf("changes %+v", change)
	}
}

// Why a module has its own copy, and whether it could have used the kernel's.
func TestReason(t *testing.T) {
	const inlined = "_RNvXs_NtNtCs1_4core3fmt3nummNtB6_5Debug3fmt"
	tests := []struct {
		name    string
		exports []string
		kernel  []sym
		module  sym
		copy    insight.KernelCopy
		reason  insight.Reason
	}{
		{"generic, exported", []string{foldU8Kernel}, []sym{pub(foldU8Kernel, 9)}, fn(foldU8One, 9), insight.KernelExports, insight.Generic},
		{"generic, local", nil, []sym{fn(foldU8Kernel, 9)}, fn(foldU8One, 9), insight.KernelKeeps, insight.Generic},
		{"inline", nil, []sym{fn(inlined, 9)}, fn(inlined, 9), insight.KernelKeeps, insight.Inline},
		{"linked twice", nil, []sym{pub(parse, 9)}, pub(parse, 9), insight.KernelKeeps, insight.NotExported},
		{"linked twice, exported", []string{parse}, []sym{pub(parse, 9)}, pub(parse, 9), insight.KernelExports, insight.NoReason},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := buildOf(kernelOf(t, tt.exports, tt.kernel...), moduleOf(t, "one.ko", nil, tt.module))
			items := insight.Copies(m, usual).Items
			if len(items) != 1 || items[0].Kernel != tt.copy || items[0].Reason != tt.reason {
				t.Errorf("items %+v, want %s, %q", items, tt.copy, tt.reason)
			}
		})
	}
	m := buildOf(moduleOf(t, "one.ko", nil, fn(foldU8One, 9)), moduleOf(t, "two.ko", nil, fn(foldU8Two, 9)))
	if items := insight.Copies(m, usual).Items; len(items) != 1 || items[0].Kernel != insight.KernelNone {
		t.Errorf("without a kernel: %+v", items)
	}
}

// Without links the copies are known, and what is shared is not.
func TestCopiesUnknown(t *testing.T) {
	got := insight.Copies(unknown(small(t, 0)), usual)
	if got.Known || got.Beyond != 54 || got.Items[0].Kernel != insight.KernelUnknown {
		t.Errorf("got %+v", got)
	}
	for _, m := range got.Modules {
		for _, u := range m.Uses {
			if u.Imports != nil {
				t.Errorf("%s: what it imports is not known: %+v", m.Image, u.Imports)
			}
		}
	}
}

// TestCopiesProperties: sums close, order and direction do not matter.
func TestCopiesProperties(t *testing.T) {
	all := fixtures(t)
	for i, m := range all {
		got := insight.Copies(m, usual)
		if diff := cmp.Diff(got, insight.Copies(backwards(m), usual), plainCopies); diff != "" {
			t.Errorf("%s: the order of images matters:\n%s", m.Label, diff)
		}
		checkCopies(t, got)
		other := insight.Copies(all[(i+1)%len(all)], usual)
		there, back := insight.CompareCopies(got, other), insight.CompareCopies(other, got)
		if len(there) != len(back) {
			t.Fatalf("%d changes one way, %d the other", len(there), len(back))
		}
		var sum int64
		for k := range there {
			if there[k].BeyondOne != flip(back[k].BeyondOne) || there[k].AllBytes != flip(back[k].AllBytes) || there[k].Images != flip(back[k].Images) {
				t.Errorf("%+v is not the mirror of %+v", there[k], back[k])
			}
			sum += there[k].BeyondOne.Delta
		}
		if sum != other.Beyond-got.Beyond {
			t.Errorf("changes add up to %+d, want %+d", sum, other.Beyond-got.Beyond)
		}
	}
}

func checkCopies(t *testing.T, c insight.OneCopy) {
	t.Helper()
	var bytes, beyond int64
	for _, it := range c.Items {
		var sum, most int64
		for _, copy := range it.Copies {
			sum += copy.Bytes
			most = max(most, copy.Bytes)
		}
		if sum != it.Bytes || it.Beyond != sum-most || len(it.Copies) < 2 {
			t.Errorf("%+v does not add up", it)
		}
		bytes += it.Bytes
		beyond += it.Beyond
	}
	if bytes != c.Bytes || beyond != c.Beyond {
		t.Errorf("items add up to %d and %d, want %d and %d", bytes, beyond, c.Bytes, c.Beyond)
	}
}

// TestKernelCopies: section 3 of the facts counted by an independent reader. base has 18 items in several images, 5,649 bytes in all
// and 3,180 beyond the largest copy (core 7 and 2,408, kernel 11 and 772), and 4 of them in vmlinux; binder 21, 5,813 and 3,296.
func TestKernelCopies(t *testing.T) {
	got := insight.Copies(kernelBuild(t, "base.zip"), usual)
	checkCopies(t, got)
	type count struct {
		Items  int
		Beyond int64
	}
	crates, inKernel := map[string]count{}, 0
	for _, it := range got.Items {
		c := crates[it.Crate]
		crates[it.Crate] = count{c.Items + 1, c.Beyond + it.Beyond}
		if it.Kernel != insight.KernelNone {
			inKernel++
		}
	}
	if diff := cmp.Diff(map[string]count{"core": {7, 2408}, "kernel": {11, 772}}, crates); diff != "" {
		t.Errorf("items by crate (-facts +ours):\n%s", diff)
	}
	if len(got.Items) != 18 || got.Bytes != 5649 || got.Beyond != 3180 || inKernel != 4 {
		t.Errorf("%d items of %d bytes, %d beyond, %d in vmlinux", len(got.Items), got.Bytes, got.Beyond, inKernel)
	}
	first := got.Items[0]
	if first.Name != "<str>::trim_matches::<<char>::is_whitespace>" || first.Bytes != 3*754 || len(first.Copies) != 3 {
		t.Errorf("first %+v", first)
	}
	binder := insight.Copies(kernelBuild(t, "binder.zip"), usual)
	checkCopies(t, binder)
	if len(binder.Items) != 21 || binder.Bytes != 5813 || binder.Beyond != 3296 {
		t.Errorf("binder: %d items of %d bytes, %d beyond", len(binder.Items), binder.Bytes, binder.Beyond)
	}
}
