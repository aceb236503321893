package insight_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
)

// Without tables a copy costs its bytes, rounded up to 16, and an export its name and 8 bytes of entry.
func TestSharings(t *testing.T) {
	build := func(size uint64) *sizediff.Measurement {
		return buildOf(kernelOf(t, []string{parse}, pub(parse, 32)),
			moduleOf(t, "one.ko", nil, fn(foldU8One, size)), moduleOf(t, "two.ko", nil, fn(foldU8Two, size+5)))
	}
	for size, want := range map[uint64][2]int64{
		11:  {16 + 16, 16 + int64(len(foldU8One)) + 1 + 8},
		100: {112 + 112, 112 + int64(len(foldU8One)) + 1 + 8},
	} {
		got := insight.Sharings(build(size), usual)
		if len(got) != 1 || got[0].Copied != want[0] || got[0].Shared != want[1] || got[0].Saves() != want[0]-want[1] {
			t.Errorf("copies of %d bytes: %+v, want %d and %d", size, got, want[0], want[1])
		}
	}
	if small, large := insight.Sharings(build(11), usual)[0], insight.Sharings(build(100), usual)[0]; small.Saves() >= 0 || large.Saves() <= 0 {
		t.Errorf("sharing saves %d of small copies, %d of large ones", small.Saves(), large.Saves())
	}
}

// Tables, names in kallsyms and the export of a copy that is shared already are part of the cost.
func TestSharingsWhole(t *testing.T) {
	kernel := made{kernelOf(t, []string{foldU8Kernel}, sym{foldU8Kernel, 48, 16, true})}
	core := kernel.crate("core")
	kernel.share(".orc_unwind", sizediff.Resident, sizediff.Share{Class: sizediff.ShareTable, Crate: core, Bytes: 20})
	kernel.share(".rodata", sizediff.Resident, sizediff.Share{Class: sizediff.ShareTable, Table: "kallsyms", Crate: core, Bytes: 50})
	m := buildOf(kernel.ImageFile, moduleOf(t, "one.ko", nil, fn(foldU8One, 30)))
	got := insight.Sharings(m, usual)
	shared := int64(48 + 20 + 2*10 + 3*10 + len(foldU8Kernel) + 1 + 8) // 50 bytes for five names
	if len(got) != 1 || got[0].Shared != shared || got[0].Copied != shared+32 {
		t.Errorf("got %+v, want %d shared and 32 more", got, shared)
	}
}

func TestSharingsUnknown(t *testing.T) {
	if got := insight.Sharings(unknown(small(t, 0)), usual); got != nil {
		t.Errorf("without links: %+v", got)
	}
	if got := insight.Sharings(buildOf(moduleOf(t, "one.ko", nil, fn(foldU8One, 9)), moduleOf(t, "two.ko", nil, fn(foldU8Two, 9))), usual); got != nil {
		t.Errorf("without a kernel: %+v", got)
	}
}

func TestSharingsOrder(t *testing.T) {
	for _, m := range fixtures(t) {
		if diff := cmp.Diff(insight.Sharings(m, usual), insight.Sharings(backwards(m), usual), plainCopies); diff != "" {
			t.Errorf("%s: the order of images matters:\n%s", m.Label, diff)
		}
	}
}

// TestKernelSharings: of the 18 items that base has in several images, it pays to share four, first the one of three times 754 bytes;
// it does not pay to share six times 12.
func TestKernelSharings(t *testing.T) {
	got := insight.Sharings(kernelBuild(t, "base.zip"), usual)
	verdicts, pays := map[string]bool{}, 0
	for _, s := range got {
		verdicts[s.Name] = s.Saves() > 0
		if s.Saves() > 0 {
			pays++
		}
	}
	if len(got) != 18 || pays != 4 || !verdicts["<str>::trim_matches::<<char>::is_whitespace>"] || verdicts["<kernel::fmt::Adapter<&u32> as core::fmt::Display>::fmt"] {
		t.Errorf("%d verdicts, %d of them to share: %v", len(got), pays, verdicts)
	}
}
