package insight_test

import (
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
)

// referring gives images whose functions all refer to one that panics.
func referring(f sizediff.ImageFile) sizediff.ImageFile {
	r := &sizediff.References{Source: sizediff.RefRelocations, Rust: true}
	for i, s := range f.Symbols {
		r.Nodes = append(r.Nodes, sizediff.RefNode{Symbol: int32(i), Size: s.Size, Root: sizediff.RootGlobal})
		r.Imports = append(r.Imports, sizediff.RefImport{From: int32(i), Count: 1, Name: "_RNvNtCs1_4core9panicking5panic"})
	}
	f.References = r
	return f
}

// TestRenamed holds that images which are the same but for their path have no causes: lone ones, and those that moved.
func TestRenamed(t *testing.T) {
	kernel := func(path string) sizediff.ImageFile {
		f := kernelOf(t, []string{print}, pub(print, 40), fn(foldU8Kernel, 64))
		f.Path = path
		return referring(f)
	}
	module := func(path string) sizediff.ImageFile {
		return referring(moduleOf(t, path, []string{print}, fn(foldU8One, 64), fn(probe, 8000)))
	}
	lone := func(path string) *sizediff.Measurement {
		m := buildOf(kernel(path))
		m.Lone = true
		return m
	}
	for name, pair := range map[string][2]*sizediff.Measurement{
		"lone":  {lone("vmlinux"), lone("vmlinux.new")},
		"moved": {buildOf(kernel("vmlinux"), module("drivers/one.ko")), buildOf(kernel("vmlinux"), module("drivers/misc/one.ko"))},
	} {
		base, head := pair[0], pair[1]
		r := insight.Compare(base, head, usual)
		c := r.Causes
		if c.References == nil || c.References.Panics.Sites.Head == 0 || c.Exports == nil {
			t.Fatalf("%s: %+v", name, c)
		}
		if n := len(c.References.Arrivals) + len(c.References.Panics.Functions) + c.Exports.Added.Count + c.Exports.Removed.Count + len(c.Copies.New); n != 0 {
			t.Errorf("%s: %+v, references %+v, exports %+v", name, c, *c.References, *c.Exports)
		}
		changes := insight.Changed(insight.Summarize(insight.Renamed(base, head, r), usual), insight.Summarize(head, usual))
		if n := len(changes.Costs) + len(changes.Exports.Rows) + len(changes.Exports.Added); n != 0 {
			t.Errorf("%s: %+v", name, changes)
		}
		if base.Images[len(base.Images)-1].Path == head.Images[len(head.Images)-1].Path {
			t.Errorf("%s: the base itself has been renamed", name)
		}
	}
}
