package sizediff_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

// module makes a module with what every module has, and symbols of its own.
func module(t *testing.T, path string, own ...sym) sizediff.ImageFile {
	t.Helper()
	return makeImage(t, path, append([]sym{
		{name: "init_module", size: 40, section: ".init.text"}, fn("cleanup_module", 12),
		{name: "__this_module", size: 1152, section: ".data"}, {name: "__UNIQUE_ID_modinfo_164", size: 49, section: ".modinfo"},
	}, own...)...)
}

// TestMoved holds when an image counts as moved: half of what only its names tell apart must be found again.
func TestMoved(t *testing.T) {
	kernel := []sym{fn("start_kernel", 500), fn("_RNvCsb5MLIFMWygY_6kernel5print", 50)}
	vmlinux := func(more ...sym) sizediff.ImageFile { return makeImage(t, "vmlinux", append(kernel, more...)...) }
	block := []sym{
		fn("_RNvCs5OeyqpMLcQd_5rnull5queue", 100), fn("_RNvCs5OeyqpMLcQd_5rnull8complete", 60),
		fn("_RNvXs_NtCsb5MLIFMWygY_6kernel3fmtINtB4_7AdapterRlENtNtCs2lKf6AS60Zg_4core3fmt7Display3fmtCs5OeyqpMLcQd_5rnull", 12),
	}
	built := []sym{ // another hash, other sizes: built without retpolines, say
		fn("_RNvCs1ZlVHjK0Rnt_5rnull5queue", 96), fn("_RNvCs1ZlVHjK0Rnt_5rnull8complete", 60),
		fn("_RNvXs_NtCsb5MLIFMWygY_6kernel3fmtINtB4_7AdapterRlENtNtCs2lKf6AS60Zg_4core3fmt7Display3fmtCs1ZlVHjK0Rnt_5rnull", 12),
		fn("__rnull_init", 30),
	}
	probe := []sym{fn("probe", 100), data("__func__.0", 10), fn("remove", 20)}
	tests := []struct {
		name       string
		base, head []sizediff.ImageFile
		moves      map[string]string // from, to
		rows       []string
	}{{
		name:  "a module becomes built-in",
		base:  []sizediff.ImageFile{vmlinux(), module(t, "drivers/block/rnull_mod.ko", block...)},
		head:  []sizediff.ImageFile{vmlinux(built...)},
		moves: map[string]string{"drivers/block/rnull_mod.ko": "vmlinux"},
		rows: []string{
			"removed __this_module 1152 0", "removed __UNIQUE_ID_modinfo_164 49 0", "removed init_module 40 0", "added __rnull_init 0 30",
			"removed cleanup_module 12 0", "moved rnull::queue 100 96 from drivers/block/rnull_mod.ko",
			"moved <kernel::fmt::Adapter<&i32> as core::fmt::Display>::fmt 12 12 from drivers/block/rnull_mod.ko",
			"moved rnull::complete 60 60 from drivers/block/rnull_mod.ko",
		},
	}, {
		name:  "a module is renamed, and grows",
		base:  []sizediff.ImageFile{vmlinux(), module(t, "drivers/old.ko", fn("alpha_probe", 100), fn("alpha_remove", 20))},
		head:  []sizediff.ImageFile{vmlinux(), module(t, "drivers/new.ko", fn("alpha_probe", 110), fn("alpha_remove", 20), fn("alpha_suspend", 30))},
		moves: map[string]string{"drivers/old.ko": "drivers/new.ko"},
		rows: []string{
			"added alpha_suspend 0 30", "moved alpha_probe 100 110 from drivers/old.ko",
			"moved __UNIQUE_ID_modinfo_164 49 49 from drivers/old.ko", "moved __this_module 1152 1152 from drivers/old.ko",
			"moved alpha_remove 20 20 from drivers/old.ko", "moved cleanup_module 12 12 from drivers/old.ko",
			"moved init_module 40 40 from drivers/old.ko",
		},
	}, {
		name: "one removed, another added: all they share is what every module has",
		base: []sizediff.ImageFile{vmlinux(), module(t, "drivers/a.ko", fn("alpha_probe", 10))},
		head: []sizediff.ImageFile{vmlinux(), module(t, "drivers/b.ko", fn("beta_probe", 10))},
		rows: []string{
			"removed __this_module 1152 0", "added __this_module 0 1152", "removed __UNIQUE_ID_modinfo_164 49 0", "added __UNIQUE_ID_modinfo_164 0 49",
			"removed init_module 40 0", "added init_module 0 40", "removed cleanup_module 12 0", "added cleanup_module 0 12",
			"removed alpha_probe 10 0", "added beta_probe 0 10",
		},
	}, {
		name: "one removed, another added: a common name is too little",
		base: []sizediff.ImageFile{vmlinux(), makeImage(t, "drivers/a.ko", append(probe, fn("alpha_work", 150))...)},
		head: []sizediff.ImageFile{vmlinux(), makeImage(t, "drivers/b.ko", append(probe, fn("beta_work", 400))...)},
		rows: []string{
			"added beta_work 0 400", "removed alpha_work 150 0", "removed probe 100 0", "added probe 0 100", "removed remove 20 0", "added remove 0 20",
			"removed __func__.0 10 0", "added __func__.0 0 10",
		},
	}, {
		name: "names that several modules have do not say which it was",
		base: []sizediff.ImageFile{vmlinux(), makeImage(t, "drivers/a.ko", probe...), makeImage(t, "drivers/b.ko", append(probe, fn("beta_work", 1))...)},
		head: []sizediff.ImageFile{vmlinux(), makeImage(t, "drivers/c.ko", probe...)},
		rows: []string{
			"removed probe 100 0", "removed probe 100 0", "added probe 0 100", "removed remove 20 0", "removed remove 20 0", "added remove 0 20",
			"removed __func__.0 10 0", "removed __func__.0 10 0", "added __func__.0 0 10", "removed beta_work 1 0",
		},
	}, {
		name: "two modules into one",
		base: []sizediff.ImageFile{makeImage(t, "a.ko", fn("alpha", 100)), makeImage(t, "b.ko", fn("beta", 90)), vmlinux()},
		head: []sizediff.ImageFile{makeImage(t, "ab.ko", fn("alpha", 100), fn("beta", 90)), vmlinux()},
		// more than half of it is the first; the second is added, for an image comes from one place
		moves: map[string]string{"a.ko": "ab.ko"},
		rows:  []string{"added beta 0 90", "removed beta 90 0", "moved alpha 100 100 from a.ko"},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			base, head := makeBuild(tt.base...), makeBuild(tt.head...)
			there, back := compareMade(t, base, head), compareMade(t, head, base)
			if diff := cmp.Diff(tt.rows, rows(there)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			checkMoves(t, there, tt.moves)
			mirrored := map[string]string{}
			for from, to := range tt.moves {
				mirrored[to] = from
			}
			checkMoves(t, back, mirrored)
			checkCloses(t, there)
		})
	}
}

// checkMoves holds which images say that they moved; those that exist on both sides say nothing of themselves.
func checkMoves(t *testing.T, r *sizediff.Report, want map[string]string) {
	t.Helper()
	for _, im := range r.Images {
		to, from := "", ""
		for f, h := range want {
			if f == im.Path && im.Status == sizediff.Removed {
				to = h
			}
			if h == im.Path && im.Status == sizediff.Added {
				from = f
			}
		}
		if im.MovedTo != to || im.MovedFrom != from {
			t.Errorf("%s (%s) moved to %q and came from %q, want %q and %q", im.Path, im.Status, im.MovedTo, im.MovedFrom, to, from)
		}
	}
}

// TestMovedSums holds that a move is no growth: the totals are those of the images.
func TestMovedSums(t *testing.T) {
	base := makeBuild(makeImage(t, "a.ko", fn("alpha", 100)), makeImage(t, "vmlinux", fn("start_kernel", 500)))
	head := makeBuild(makeImage(t, "vmlinux", fn("start_kernel", 500), fn("alpha", 90)))
	r := compareMade(t, base, head)
	if want := (sizediff.Change{Base: 600, Head: 590, Delta: -10}); r.Totals.Resident != want {
		t.Errorf("resident %+v, want %+v", r.Totals.Resident, want)
	}
	if diff := cmp.Diff(sizediff.Matching{Exact: 1, Moved: 1}, r.Matching); diff != "" {
		t.Errorf("matching (-want +got):\n%s", diff)
	}
}

// TestMovedFixture takes a real module through its three fates: renamed, built in and gone.
func TestMovedFixture(t *testing.T) {
	build := measureBuild(t, "testdata/small-base", nil)
	const path = "drivers/rust_sample.ko"
	renamed := *build
	renamed.Images = append([]sizediff.ImageFile{}, build.Images...)
	found := false
	for i := range renamed.Images {
		if renamed.Images[i].Path == path {
			renamed.Images[i].Path, found = "drivers/sample_rs.ko", true
		}
	}
	if !found {
		t.Fatalf("no %s among the images: %+v", path, build.Images)
	}
	r := compareMade(t, build, &renamed)
	checkMoves(t, r, map[string]string{path: "drivers/sample_rs.ko"})
	for _, s := range r.Symbols {
		if s.State != sizediff.Moved || s.Delta != 0 {
			t.Errorf("%s %s %+d, want moved and unchanged", s.State, s.Name, s.Delta)
		}
	}
	if r.Totals.Resident.Delta != 0 || r.Totals.Init.Delta != 0 {
		t.Errorf("totals changed: %+v", r.Totals)
	}
}
