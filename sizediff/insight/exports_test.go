package insight_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
	"github.com/oxidometer/oxidometer/sizediff/rustname"
)

var plainExports = cmpopts.IgnoreUnexported(insight.Export{})

func TestExports(t *testing.T) {
	got := insight.Exports(small(t, 0), usual)
	name := func(s string) int64 { return int64(len(s)) + 1 }
	want := []insight.ExportRow{
		{Image: "vmlinux", Bucket: sizediff.BucketAbstractions, Crate: "kernel", Exports: 1, Names: name(print), Entries: 8, Held: 50, Idle: 50},
		{Image: "vmlinux", Bucket: sizediff.BucketRuntime, Crate: "core", Exports: 1, Names: name(parse), Entries: 8, Held: 100, Used: 1},
		{Image: "vmlinux", Bucket: sizediff.BucketHelpers, Exports: 1, Names: name("rust_helper_lock"), Entries: 8, Held: 8, Idle: 8},
	}
	if diff := cmp.Diff(want, got.Rows); diff != "" || !got.Known || got.All != 4 {
		t.Errorf("known %t, all %d, rows (-want +got):\n%s", got.Known, got.All, diff)
	}
	if diff := cmp.Diff([]string{"a/one.ko"}, got.Exports[0].Importers); diff != "" {
		t.Errorf("importers of %s (-want +got):\n%s", got.Exports[0].Name, diff)
	}
	c := insight.CompareExports(got, insight.Exports(small(t, 1), usual))
	wantChange := []insight.ExportChange{{
		Image: "vmlinux", Bucket: sizediff.BucketRuntime, Crate: "core", Exports: sizediff.NewChange(1, 2), Entries: sizediff.NewChange(8, 16),
		Names: sizediff.NewChange(name(parse), name(parse)+name(foldU8Kernel)), Held: sizediff.NewChange(100, 140),
		Used: sizediff.NewChange(1, 1), Idle: sizediff.NewChange(0, 40),
	}}
	if diff := cmp.Diff(wantChange, c.Rows); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if len(c.Added) != 1 || c.Added[0].Name != "core::iter::fold::<u8>" || c.Added[0].Held != 40 || len(c.Removed) != 0 {
		t.Errorf("added %+v, removed %+v", c.Added, c.Removed)
	}
}

// Two names of one body: it is held once, and used when either is.
func TestExportedAlias(t *testing.T) {
	const other = "_RNvNtCs1_4core3num6parser"
	for _, imported := range []string{parse, other} {
		kernel := kernelOf(t, []string{parse, other}, pub(parse, 100))
		kernel.Aliases = []sizediff.SymbolAlias{{Symbol: 0, Name: other}}
		got := insight.Exports(buildOf(kernel, moduleOf(t, "one.ko", []string{imported})), usual)
		if len(got.Rows) != 1 || got.Rows[0].Exports != 2 || got.Rows[0].Held != 100 || got.Rows[0].Used != 1 || got.Rows[0].Idle != 0 {
			t.Errorf("%s is imported: %+v", imported, got.Rows)
		}
	}
}

func TestExportsUnknown(t *testing.T) {
	known, not := insight.Exports(small(t, 0), usual), insight.Exports(unknown(small(t, 0)), usual)
	if not.Known || len(not.Rows) != 0 {
		t.Errorf("got %+v", not)
	}
	for _, c := range []insight.ExportChanges{insight.CompareExports(known, not), insight.CompareExports(not, known)} {
		if c.Known || len(c.Rows)+len(c.Added)+len(c.Removed) != 0 {
			t.Errorf("compared with what is not known: %+v", c)
		}
	}
}

// TestExportsProperties: sums close, order and direction do not matter.
func TestExportsProperties(t *testing.T) {
	all := fixtures(t)
	for i, m := range all {
		got := insight.Exports(m, usual)
		if diff := cmp.Diff(got, insight.Exports(backwards(m), usual), plainExports); diff != "" {
			t.Errorf("%s: the order of images matters:\n%s", m.Label, diff)
		}
		checkExports(t, got)
		other := insight.Exports(all[(i+1)%len(all)], usual)
		there, back := insight.CompareExports(got, other), insight.CompareExports(other, got)
		if diff := cmp.Diff(there.Added, back.Removed, plainExports); diff != "" {
			t.Errorf("added is not removed the other way:\n%s", diff)
		}
		for k := range there.Rows {
			if a, b := there.Rows[k], back.Rows[k]; a.Names != flip(b.Names) || a.Held != flip(b.Held) || a.Idle != flip(b.Idle) || a.Exports != flip(b.Exports) {
				t.Errorf("%+v is not the mirror of %+v", a, b)
			}
		}
	}
}

func checkExports(t *testing.T, e insight.ExportTax) {
	t.Helper()
	var rows, list insight.ExportRow
	for _, r := range e.Rows {
		rows.Exports, rows.Names, rows.Entries, rows.Held = rows.Exports+r.Exports, rows.Names+r.Names, rows.Entries+r.Entries, rows.Held+r.Held
		if r.Idle > r.Held || r.Used > r.Exports {
			t.Errorf("%+v", r)
		}
	}
	for _, x := range e.Exports {
		list.Exports, list.Names, list.Entries, list.Held = list.Exports+1, list.Names+x.Names, list.Entries+x.Entries, list.Held+x.Held
	}
	if rows != list {
		t.Errorf("rows add up to %+v, exports to %+v", rows, list)
	}
}

// TestKernelExports: section 2 of the facts counted by an independent reader: 7,581 exports, 716 with Rust names (core 443, kernel
// 272, __rustc 1) with 56,694 bytes of names, 410 of C helpers; 12 bytes in __ksymtab and 1 in __kflagstab each. What is computed for
// each crate is what the tables have for it, by the labels in them.
func TestKernelExports(t *testing.T) {
	m := kernelBuild(t, "base.zip")
	got := insight.Exports(m, usual)
	checkExports(t, got)
	if got.All != 7581 {
		t.Errorf("%d exports", got.All)
	}
	names, exports := int64(0), map[string]int{}
	for _, x := range got.Exports {
		if _, ok := rustname.Parse(x.Symbol); ok {
			exports[x.Crate]++
			names += x.Names
		}
		if x.Entries != 13 {
			t.Errorf("%s takes %d bytes in the tables, want 13", x.Name, x.Entries)
		}
	}
	if diff := cmp.Diff(map[string]int{"core": 443, "kernel": 272, "__rustc": 1}, exports); diff != "" || names != 56694 {
		t.Errorf("%d bytes of names, want 56,694; exports (-facts +ours):\n%s", names, diff)
	}
	for _, r := range got.Rows {
		switch r.Bucket {
		case sizediff.BucketHelpers:
			if r.Exports != 410 {
				t.Errorf("%d helpers, want 410", r.Exports)
			}
		default:
			strings, entries := exportShares(m, r.Crate)
			if r.Names != strings || r.Entries != entries {
				t.Errorf("%s: %d bytes of names and %d of entries, the tables have %d and %d", r.Crate, r.Names, r.Entries, strings, entries)
			}
		}
	}
}

// exportShares adds up what the export tables of vmlinux have for a crate.
func exportShares(m *sizediff.Measurement, crate string) (strings, entries int64) {
	for _, f := range m.Images {
		if f.Path != "vmlinux" {
			continue
		}
		for _, s := range f.Shares {
			switch f.Sections[s.Section].Name {
			case "__ksymtab_strings":
				if f.Crates[s.Crate] == crate {
					strings += int64(s.Bytes)
				}
			case "__ksymtab", "__kflagstab":
				if f.Crates[s.Crate] == crate {
					entries += int64(s.Bytes)
				}
			}
		}
	}
	return strings, entries
}

// TestKernelImports: counted with nm, from undefined names and the sizes of what they name in vmlinux. In base modules import 132 of
// the Rust names, rust_minimal 14 of 1,128 bytes and rust_dma 23 of 3,157; with fmtgrowth it is 163, and for rust_minimal 60 of 11,054.
func TestKernelImports(t *testing.T) {
	for build, want := range map[string]struct {
		used    int
		minimal insight.Imported
	}{
		"base.zip":      {132, insight.Imported{Names: 14, Bytes: 1128}},
		"fmtgrowth.zip": {163, insight.Imported{Names: 60, Bytes: 11054}},
	} {
		s := insight.Summarize(kernelBuild(t, build), usual)
		used := 0
		for _, x := range s.Exports.Exports {
			if _, ok := rustname.Parse(x.Symbol); ok && len(x.Importers) > 0 {
				used++
			}
		}
		if used != want.used {
			t.Errorf("%s: %d Rust exports are imported, want %d", build, used, want.used)
		}
		imports := map[string]insight.Imported{}
		for _, m := range s.OneCopy.Modules {
			for _, u := range m.Uses {
				sum := imports[m.Image]
				imports[m.Image] = insight.Imported{Names: sum.Names + u.Imports.Names, Bytes: sum.Bytes + u.Imports.Bytes}
			}
		}
		if got := imports["samples/rust/rust_minimal.ko"]; got != want.minimal {
			t.Errorf("%s: rust_minimal imports %+v, want %+v", build, got, want.minimal)
		}
		if got, want := imports["samples/rust/rust_dma.ko"], (insight.Imported{Names: 23, Bytes: 3157}); got != want {
			t.Errorf("%s: rust_dma imports %+v, want %+v", build, got, want)
		}
	}
}
