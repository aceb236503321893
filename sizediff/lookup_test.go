package sizediff_test

import (
	"slices"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
)

// The sizes are those that nm -S prints of testdata/small-base/vmlinux and small-head/vmlinux, those of sections readelf's.
func TestLookup(t *testing.T) {
	base, head := measureBuild(t, "testdata/small-base", nil), measureBuild(t, "testdata/small-head", nil)
	buckets := sizediff.LinuxKernel().Buckets
	type row struct {
		name       string
		base, head int64
	}
	for _, c := range []struct {
		query string
		want  []row
	}{
		{"log_buffer", []row{{"log_buffer", 0x1000, 0x1000}}},
		{"core::unicode::printable::is_printable", []row{{"core::unicode::printable::is_printable", 0, 0x27c}}},
		{"_RNvNtNtCs2DxGA1hvVcO_4core3str5count14do_count_chars", []row{{"core::str::count::do_count_chars", 0x3b4, 0x3b4}}},
		{"do_count_", []row{{"core::str::count::do_count_chars", 0x3b4, 0x3b4}}},
		{"no such thing", nil},
		{"", nil},
	} {
		var got []row
		for _, s := range sizediff.Lookup(base, head, buckets, c.query).Symbols {
			if s.Delta != s.Head-s.Base {
				t.Errorf("%s: change of %s is %+v", c.query, s.Name, s.Change)
			}
			got = append(got, row{s.Name, s.Base, s.Head})
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.query, got, c.want)
		}
	}
}

func TestLookupCrateAndSection(t *testing.T) {
	base, head := measureBuild(t, "testdata/small-base", nil), measureBuild(t, "testdata/small-head", nil)
	buckets := sizediff.LinuxKernel().Buckets
	r := sizediff.Compare(base, head, buckets)
	for _, c := range r.Crates {
		if c.Crate == "" {
			continue
		}
		if f := sizediff.Lookup(base, head, buckets, c.Crate); !slices.Contains(f.Crates, c) || f.Nothing() {
			t.Errorf("crate %s: %+v, want %+v among them", c.Crate, f.Crates, c)
		}
	}
	f := sizediff.Lookup(base, head, buckets, ".text")
	if len(f.Sections) != 3 || f.Sections[0].Image == f.Sections[1].Image {
		t.Errorf(".text is in %+v, want it in each of three images", f.Sections)
	}
}

// TestLookupSwapped: base and head exchanged give the same sizes the other way round, and all instances of a family are counted.
func TestLookupSwapped(t *testing.T) {
	base, head := measureBuild(t, "testdata/small-base", nil), measureBuild(t, "testdata/small-head", nil)
	buckets := sizediff.LinuxKernel().Buckets
	there, back := sizediff.Lookup(base, head, buckets, "core::"), sizediff.Lookup(head, base, buckets, "core::")
	if len(there.Symbols) == 0 || len(there.Symbols) != len(back.Symbols) || len(there.Families) != len(back.Families) {
		t.Fatalf("%d and %d symbols, %d and %d families", len(there.Symbols), len(back.Symbols), len(there.Families), len(back.Families))
	}
	for i, s := range there.Symbols {
		if b := back.Symbols[i]; s.Name != b.Name || s.Base != b.Head || s.Head != b.Base {
			t.Errorf("%+v and back %+v", s, b)
		}
	}
	for i, f := range there.Families {
		if b := back.Families[i]; f.Name != b.Name || f.BaseInstances != b.HeadInstances || f.Delta != -b.Delta {
			t.Errorf("%+v and back %+v", f, b)
		}
	}
}

// TestLookupAlone: without a base, the sizes are those of the head, and it is said that nothing was compared.
func TestLookupAlone(t *testing.T) {
	head := measureBuild(t, "testdata/small-head", nil)
	f := sizediff.Lookup(nil, head, sizediff.LinuxKernel().Buckets, "core::unicode::printable::is_printable")
	if !f.Alone || len(f.Symbols) != 1 || f.Symbols[0].Head != 0x27c {
		t.Errorf("%+v, want one symbol, alone", f)
	}
}
