package sizediff_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

// TestMatching holds which symbols of base and head belong together. Names are such as rustc, clang and gcc make; v0 names
// are written by hand from RFC 2603.
func TestMatching(t *testing.T) {
	var funcs1, funcs2 []sym // 428 copies of one name, one inserted in head
	for i := range uint64(428) {
		funcs1 = append(funcs1, data("__func__.0", 8+i%40))
	}
	funcs2 = slices.Insert(slices.Clone(funcs1), 200, data("__func__.0", 99))

	tests := []struct {
		name       string
		base, head []sym
		rows       []string
		matching   sizediff.Matching
	}{{
		name:     "nothing but order",
		base:     []sym{fn("a", 1), fn("b", 2), fn("c", 3)},
		head:     []sym{fn("c", 3), fn("a", 1), fn("b", 2)},
		matching: sizediff.Matching{Exact: 3},
	}, {
		name:     "grown, shrunk, added, removed",
		base:     []sym{fn("same", 8), fn("grows", 10), fn("shrinks", 30), fn("goes", 7)},
		head:     []sym{fn("same", 8), fn("grows", 15), fn("shrinks", 10), fn("comes", 40)},
		rows:     []string{"added comes 0 40", "shrank shrinks 30 10", "removed goes 7 0", "grew grows 10 15"},
		matching: sizediff.Matching{Exact: 3, Unmatched: 2},
	}, {
		name:     "into another section",
		base:     []sym{fn("setup", 8)},
		head:     []sym{{name: "setup", size: 8, section: ".init.text"}},
		rows:     []string{"moved setup 8 8 from .text"},
		matching: sizediff.Matching{Exact: 1},
	}, {
		name: "another rustc: every crate hash, and drop_in_place is drop_glue",
		base: []sym{
			fn("_RNvNtCs2lKf6AS60Zg_4core3fmt5write", 100),
			fn("_RNvCsb5MLIFMWygY_6kernel5print", 50),
			fn("_RINvNtCs2lKf6AS60Zg_4core3ptr13drop_in_placeNtCsb5MLIFMWygY_6kernel3BoxECs5OeyqpMLcQd_6binder", 20),
			fn("_RINvNtCs2lKf6AS60Zg_4core3ptr13drop_in_placeDNtNtCs2lKf6AS60Zg_4core3any3AnyNtNtCs2lKf6AS60Zg_4core6marker4SendNtNtCs2lKf6AS60Zg_4core6marker4SyncEL_ECs5OeyqpMLcQd_6binder", 24),
		},
		head: []sym{
			fn("_RNvNtCsbZfwWpAStWS_4core3fmt5write", 96),
			fn("_RNvCsdJ13ReMSUMg_6kernel5print", 50),
			fn("_RINvNtCsbZfwWpAStWS_4core3ptr9drop_glueNtCsdJ13ReMSUMg_6kernel3BoxECs1ZlVHjK0Rnt_6binder", 20),
			fn("_RINvNtCsbZfwWpAStWS_4core3ptr9drop_glueDNtNtCsbZfwWpAStWS_4core3any3AnyNtNtCsbZfwWpAStWS_4core6marker4SyncNtNtCsbZfwWpAStWS_4core6marker4SendEL_ECs1ZlVHjK0Rnt_6binder", 24),
		},
		rows:     []string{"shrank core::fmt::write 100 96"},
		matching: sizediff.Matching{HashFree: 4},
	}, {
		name: "impl blocks renumbered by a new one before them",
		base: []sym{
			fn("_RNvXCs5OeyqpMLcQd_6sampleNtB2_9RustPrintNtCsb5MLIFMWygY_6kernel6Module4init", 70),
			fn("_RNvXs_Cs5OeyqpMLcQd_6sampleNtB4_9RustPrintNtNtNtCs2lKf6AS60Zg_4core3ops4drop4Drop4drop", 30),
		},
		head: []sym{
			fn("_RNvMCs5OeyqpMLcQd_6sampleNtB2_4Ring4push", 44),
			fn("_RNvXs_Cs5OeyqpMLcQd_6sampleNtB4_9RustPrintNtCsb5MLIFMWygY_6kernel6Module4init", 70),
			fn("_RNvXs0_Cs5OeyqpMLcQd_6sampleNtB5_9RustPrintNtNtNtCs2lKf6AS60Zg_4core3ops4drop4Drop4drop", 30),
		},
		rows:     []string{"added <sample::Ring>::push 0 44"},
		matching: sizediff.Matching{HashFree: 2, Unmatched: 1},
	}, {
		name:     "legacy hashes",
		base:     []sym{fn("_ZN4core3fmt5write17h0123456789abcdefE", 80), fn("_ZN6kernel5print17h13579bdf02468aceE", 9)},
		head:     []sym{fn("_ZN4core3fmt5write17hfedcba9876543210E", 81), fn("_ZN6kernel5print17h8ace02461357bdf9E", 9)},
		rows:     []string{"grew core::fmt::write 80 81"},
		matching: sizediff.Matching{HashFree: 2},
	}, {
		name: "what compilers append to names of C",
		base: []sym{
			fn("thin.llvm.1234567", 10), fn("clone.constprop.0", 20), fn("scalar.isra.3", 30), fn("split.part.0", 40), fn("split.cold", 5),
			fn("both.isra.0.cold", 6), data("foo.__key.12", 8), data("state.4", 4),
		},
		head: []sym{
			fn("thin.llvm.7654321", 10), fn("clone.constprop.2", 20), fn("scalar.isra.0", 30), fn("split.part.1", 40), fn("split.cold.7", 5),
			fn("both.isra.1.cold", 6), data("foo.__key.13", 8), data("state.5", 4),
		},
		matching: sizediff.Matching{HashFree: 8},
	}, {
		name: "what compilers append to names of Rust",
		base: []sym{fn("_RNvNtCs2lKf6AS60Zg_4core3fmt5write.llvm.123", 10), fn("_RNvCsb5MLIFMWygY_6kernel5print.cold.1", 3)},
		head: []sym{fn("_RNvNtCs2lKf6AS60Zg_4core3fmt5write.llvm.456", 10), fn("_RNvCsb5MLIFMWygY_6kernel5print.cold.2", 3)},

		matching: sizediff.Matching{HashFree: 2},
	}, {
		name: "cloned in base, whole in head, and what is split off stays apart",
		base: []sym{fn("probe.isra.0", 90), fn("probe.isra.0.cold", 11)},
		head: []sym{fn("probe", 95)},
		rows: []string{"removed probe.isra.0.cold 11 0", "grew probe 90 95"},

		matching: sizediff.Matching{Family: 1, Unmatched: 1},
	}, {
		name: "counters",
		base: []sym{
			{name: "__UNIQUE_ID_modinfo_164", size: 49, section: ".modinfo"}, data("__BTF_ID__func__x__194210816", 4),
			data("___RUST_MINIMAL_8", 16), data("__mod_device_table__111__kmod_foo__pci__ids", 64), data("__compound_literal.5", 24),
		},
		head: []sym{
			{name: "__UNIQUE_ID_modinfo_166", size: 48, section: ".modinfo"}, data("__BTF_ID__func__x__200000001", 4),
			data("___RUST_MINIMAL_9", 16), data("__mod_device_table__112__kmod_foo__pci__ids", 64), data("__compound_literal.6", 24),
		},
		rows:     []string{"shrank __UNIQUE_ID_modinfo_166 49 48"},
		matching: sizediff.Matching{HashFree: 5},
	}, {
		name:     "a number that is no counter",
		base:     []sym{fn("crc32_le", 10), fn("read_16", 4), fn("read_32", 6)},
		head:     []sym{fn("crc64_le", 20), fn("read_32", 6), fn("read_64", 4)},
		rows:     []string{"added crc64_le 0 20", "removed crc32_le 10 0", "removed read_16 4 0", "added read_64 0 4"},
		matching: sizediff.Matching{Exact: 1, Unmatched: 4},
	}, {
		name: "one name 428 times, one more in head",
		base: funcs1, head: funcs2,
		rows:     []string{"added __func__.0 0 99"},
		matching: sizediff.Matching{Exact: 428, Unmatched: 1},
	}, {
		name: "the same instance once for each crate that made it, one of them new",
		base: []sym{fn("_RNvXs_NtCsb5MLIFMWygY_6kernel3fmtINtB4_7AdapterRlENtNtCs2lKf6AS60Zg_4core3fmt7Display3fmtCsb5MLIFMWygY_6kernel", 12)},
		head: []sym{
			fn("_RNvXs_NtCsb5MLIFMWygY_6kernel3fmtINtB4_7AdapterRlENtNtCs2lKf6AS60Zg_4core3fmt7Display3fmtCs5OeyqpMLcQd_6binder", 14),
			fn("_RNvXs_NtCsb5MLIFMWygY_6kernel3fmtINtB4_7AdapterRlENtNtCs2lKf6AS60Zg_4core3fmt7Display3fmtCsb5MLIFMWygY_6kernel", 12),
		},
		rows:     []string{"added <kernel::fmt::Adapter<&i32> as core::fmt::Display>::fmt 0 14"},
		matching: sizediff.Matching{Exact: 1, Unmatched: 1},
	}, {
		name: "the same, with other hashes: the instantiating crate still tells them apart",
		base: []sym{
			fn("_RNvXs_NtCsb5MLIFMWygY_6kernel3fmtINtB4_7AdapterRlENtNtCs2lKf6AS60Zg_4core3fmt7Display3fmtCsb5MLIFMWygY_6kernel", 12),
			fn("_RNvXs_NtCsb5MLIFMWygY_6kernel3fmtINtB4_7AdapterRlENtNtCs2lKf6AS60Zg_4core3fmt7Display3fmtCs5OeyqpMLcQd_6binder", 14),
		},
		head: []sym{
			fn("_RNvXs_NtCsdJ13ReMSUMg_6kernel3fmtINtB4_7AdapterRlENtNtCsbZfwWpAStWS_4core3fmt7Display3fmtCs1ZlVHjK0Rnt_6binder", 12),
			fn("_RNvXs_NtCsdJ13ReMSUMg_6kernel3fmtINtB4_7AdapterRlENtNtCsbZfwWpAStWS_4core3fmt7Display3fmtCsdJ13ReMSUMg_6kernel", 14),
		},
		rows: []string{
			"shrank <kernel::fmt::Adapter<&i32> as core::fmt::Display>::fmt 14 12",
			"grew <kernel::fmt::Adapter<&i32> as core::fmt::Display>::fmt 12 14",
		},
		matching: sizediff.Matching{HashFree: 2},
	}, {
		name: "names that differ only in the disambiguator of their last part, one more of them",
		base: []sym{
			data("_RNvNvNvCs5OeyqpMLcQd_6binder3new1f5CLASS", 1), data("_RNvNvNvCs5OeyqpMLcQd_6binder3new1fs_5CLASS", 2),
			data("_RNvNvNvCs5OeyqpMLcQd_6binder3new1fs0_5CLASS", 3),
		},
		head: []sym{
			data("_RNvNvNvCs1ZlVHjK0Rnt_6binder3new1f5CLASS", 9), data("_RNvNvNvCs1ZlVHjK0Rnt_6binder3new1fs_5CLASS", 1),
			data("_RNvNvNvCs1ZlVHjK0Rnt_6binder3new1fs0_5CLASS", 2), data("_RNvNvNvCs1ZlVHjK0Rnt_6binder3new1fs1_5CLASS", 3),
		},
		rows:     []string{"added binder::new::f::CLASS 0 9"},
		matching: sizediff.Matching{HashFree: 3, Unmatched: 1},
	}, {
		name: "closures renumbered by a new one before them",
		base: []sym{fn("_RNCNvCs5OeyqpMLcQd_6binder3run0B3_", 10), fn("_RNCNvCs5OeyqpMLcQd_6binder3runs_0B3_", 20), fn("_RNvCs5OeyqpMLcQd_6binder3run", 90)},
		head: []sym{
			fn("_RNCNvCs5OeyqpMLcQd_6binder3run0B3_", 33), fn("_RNCNvCs5OeyqpMLcQd_6binder3runs_0B3_", 10),
			fn("_RNCNvCs5OeyqpMLcQd_6binder3runs0_0B3_", 20), fn("_RNvCs5OeyqpMLcQd_6binder3run", 120),
		},
		rows:     []string{"added binder::run::{closure#0} 0 33", "grew binder::run 90 120"},
		matching: sizediff.Matching{Exact: 1, Family: 2, Unmatched: 1},
	}, {
		name:     "of the names of one body another comes first",
		base:     []sym{{name: "_RNvMs_NtNtCs2lKf6AS60Zg_4core3fmt8buildersNtB4_9DebugList5entry", size: 368, aliases: []string{"_RNvMs_NtNtCs2lKf6AS60Zg_4core3fmt8buildersNtB4_8DebugSet5entry"}}},
		head:     []sym{{name: "_RNvMs_NtNtCsbZfwWpAStWS_4core3fmt8buildersNtB4_8DebugSet5entry", size: 320, aliases: []string{"_RNvMs_NtNtCsbZfwWpAStWS_4core3fmt8buildersNtB4_9DebugList5entry"}}},
		rows:     []string{"shrank <core::fmt::builders::DebugSet>::entry 368 320"},
		matching: sizediff.Matching{Alias: 1},
	}, {
		name:     "two functions merged into one",
		base:     []sym{fn("first", 54), fn("second", 54)},
		head:     []sym{{name: "first", size: 54, aliases: []string{"second"}}},
		rows:     []string{"removed second 54 0"},
		matching: sizediff.Matching{Exact: 1, Unmatched: 1},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := compareMade(t, makeBuild(makeImage(t, "vmlinux", tt.base...)), makeBuild(makeImage(t, "vmlinux", tt.head...)))
			if diff := cmp.Diff(tt.rows, rows(r)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.matching, r.Matching); diff != "" {
				t.Errorf("matching (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMatchedOnce holds that no symbol of a large, wildly reordered image is matched twice or lost.
func TestMatchedOnce(t *testing.T) {
	var base, head []sym
	for i := range 9000 {
		base = append(base, fn(fmt.Sprintf("f_%d_x", i%3000), uint64(i%7)))
		head = append(head, fn(fmt.Sprintf("f_%d_x", (i*7919)%3001), uint64(i%5)))
	}
	r := compareMade(t, makeBuild(makeImage(t, "vmlinux", base...)), makeBuild(makeImage(t, "vmlinux", head...)))
	m := r.Matching
	if paired := m.Exact + m.HashFree + m.Alias + m.Family; 2*paired+m.Unmatched != len(base)+len(head) {
		t.Errorf("%d pairs and %d unmatched of %d symbols", paired, m.Unmatched, len(base)+len(head))
	}
}

// TestPairs compares the fixtures of testdata/pairs, whose README says what differs.
func TestPairs(t *testing.T) {
	grow := []string{
		"removed alpha::fold::<u16> 181 0", "added alpha::fold::<u64> 0 181", "added beta::replay 0 72", "grew beta::checksum 22 83",
		"removed beta::trace 38 0", "added <alpha::Ring<u64, 4>>::push 0 36", "added <alpha::Ring<u64, 4>>::sum 0 16", "grew beta_trace 5 7",
	}
	tests := []struct {
		pair, suffix string
		state        sizediff.State
		rows         []string
	}{
		{"grow", ".exec", sizediff.Changed, grow},
		{"hash-v0", ".o", sizediff.Unchanged, nil},
		{"hash-legacy", ".o", sizediff.Unchanged, nil},
		{"toolchain", ".ko", sizediff.ToolchainChanged, nil},
	}
	for _, tt := range tests {
		t.Run(tt.pair, func(t *testing.T) {
			base := measureBuild(t, filepath.Join("testdata", "pairs", tt.pair+"-base"+tt.suffix), nil)
			head := measureBuild(t, filepath.Join("testdata", "pairs", tt.pair+"-head"+tt.suffix), nil)
			r := compareMade(t, rename(base), rename(head))
			if r.State != tt.state {
				t.Errorf("state %s, want %s", r.State, tt.state)
			}
			if diff := cmp.Diff(tt.rows, rows(r)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// TestKernelOtherRustc renames all that another rustc renames, in a real kernel: each crate hash, and the order of the
// Rust functions in their section. The code is the same, so nothing may show.
func TestKernelOtherRustc(t *testing.T) {
	base := measureBuild(t, kernelFile(t, "base.zip"), nil)
	head := *base
	head.Images = slices.Clone(base.Images)
	renamed := 0
	for i := range head.Images {
		im := *head.Images[i].Image
		im.Digest[0]++
		im.Symbols = slices.Clone(im.Symbols)
		for j := range im.Symbols {
			if s := &im.Symbols[j]; s.How == sizediff.ByName {
				s.Name = rehash(s.Name)
				renamed++
			}
		}
		reverseRust(im.Symbols)
		head.Images[i].Image = &im
	}
	r := sizediff.Compare(base, &head, sizediff.LinuxKernel().Buckets)
	if r.State != sizediff.Unchanged || len(r.Symbols) > 0 {
		t.Errorf("state %s, want unchanged; rows: %q", r.State, rows(r))
	}
	if r.Matching.HashFree != renamed || r.Matching.Unmatched != 0 || renamed < 1000 {
		t.Errorf("%+v, want %d by hash-free name and none unmatched", r.Matching, renamed)
	}
}

// rehash exchanges the letters of crate hashes in a v0 name for others. Its length stays, so back-references stay good.
func rehash(name string) string {
	var b strings.Builder
	for {
		i := strings.Index(name, "Cs")
		if i < 0 {
			break
		}
		j := strings.IndexByte(name[i:], '_')
		if j < 0 {
			break
		}
		hash := name[i+2 : i+j]
		if len(hash) >= 10 && len(hash) <= 11 && strings.Trim(hash, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
			hash = hash[:1] + strings.Map(func(r rune) rune {
				switch {
				case r >= 'a' && r < 'z', r >= 'A' && r < 'Z', r >= '0' && r < '9':
					return r + 1
				case r == 'z':
					return 'a'
				case r == 'Z':
					return 'A'
				}
				return '0'
			}, hash[1:])
		}
		b.WriteString(name[:i+2] + hash + "_")
		name = name[i+j+1:]
	}
	return b.String() + name
}

// reverseRust reverses each run of Rust symbols in one section.
func reverseRust(s []sizediff.Symbol) {
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && s[j].How == sizediff.ByName && s[j].Section == s[i].Section {
			j++
		}
		slices.Reverse(s[i:j])
		i = max(j, i+1)
	}
}
