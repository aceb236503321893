package sizediff_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

func TestMatchPath(t *testing.T) {
	tests := []struct {
		pattern string
		yes, no []string
	}{
		{"vmlinux", []string{"vmlinux"}, []string{"", "a/vmlinux", "vmlinux.o"}},
		{"", []string{""}, []string{"vmlinux"}},
		{"drivers/**", []string{"drivers/a", "drivers/a/b.ko"}, []string{"drivers", "xdrivers/a"}},
		{"drivers/*", []string{"drivers/a"}, []string{"drivers/a/b", "drivers"}},
		{"**/*.ko", []string{"a.ko", "x/a.ko", "x/y/a.ko"}, []string{"a.ko.xz", "ko"}},
		{"**", []string{"", "a", "a/b"}, nil},
		{"*", []string{"a", ""}, []string{"a/b"}},
		{"drivers/**/x?.ko", []string{"drivers/xa.ko", "drivers/a/b/xb.ko"}, []string{"drivers/x.ko", "drivers/a/xab.ko", "drivers/x/.ko"}},
		{"a.b", []string{"a.b"}, []string{"aXb"}},
		{"[ab](c)|$*", []string{"[ab](c)|$x"}, []string{"a", "[ab](c)|$/"}},
		{"a\xff*?", nil, []string{"a", "a\xffx"}},
	}
	for _, tt := range tests {
		for _, p := range tt.yes {
			if !sizediff.MatchPath(tt.pattern, p) {
				t.Errorf("%q does not match path %q", tt.pattern, p)
			}
		}
		for _, p := range tt.no {
			if sizediff.MatchPath(tt.pattern, p) {
				t.Errorf("%q matches path %q", tt.pattern, p)
			}
		}
	}
}

func TestMatchName(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"core", "core", true}, {"core", "core2", false}, {"", "core", false}, {"*", "core", true}, {"*", "a/b", true}, {"rust_helper_*", "rust_helper_x", true},
		{"rust_helper_*", "rust_help", false}, {"x86_64-*", "x86_64-rust", true}, {"c?re", "core", true}, {"c?re", "cre", false}, {"*_re*", "co_rex", true},
		{"c?re", "cüre", true}, {"a*b*c", "aXXbYYc", true}, {"a*b*c", "aXXbYY", false},
	}
	for _, tt := range tests {
		if got := sizediff.MatchName(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.name, got)
		}
	}
}

// TestBuckets holds that the first bucket of which any match fits takes a symbol, and where bytes without one go.
func TestBuckets(t *testing.T) {
	const (
		float  = "_RNvNtNtCsbZfwWpAStWS_4core3fmt5float9float_fmt"
		write  = "_RNvNtCsbZfwWpAStWS_4core3fmt5write"
		print  = "_RNvCsdJ13ReMSUMg_6kernel5print"
		driver = "_RNvCs5OeyqpMLcQd_5rnull5queue"
	)
	image := makeImage(t, "drivers/block/rnull.ko", fn(float, 1), fn(write, 2), fn(print, 4), fn(driver, 8), fn("rust_helper_get", 16), fn("main", 32),
		sym{name: "orc", size: 64, section: ".orc_unwind"})
	share := func(class sizediff.ShareClass, table string, crate int32, n uint64) {
		image.Shares = append(image.Shares, sizediff.Share{Section: 2, Class: class, Table: table, Crate: crate, Bytes: n})
		image.Image.Sections[2].Size += n // .rodata
	}
	core := crateID(image.Image, "core")
	share(sizediff.ShareUnattributed, "", 0, 1<<10)
	share(sizediff.SharePadding, "", 0, 1<<11)
	share(sizediff.ShareStep, "", 0, 1<<12)
	share(sizediff.ShareConstant, "", core, 1<<13)
	share(sizediff.ShareTable, "kallsyms", core, 1<<14)

	tests := []struct {
		name    string
		buckets []sizediff.Bucket
		want    map[string]int64
	}{{
		"of the preset", sizediff.LinuxKernel().Buckets,
		map[string]int64{"runtime": 1 + 2 + 1<<13, "abstractions": 4, "drivers": 8, "helpers": 16, "c": 32, "derived": 64 + 1<<14, "padding": 1<<11 + 1<<12, "unattributed": 1 << 10},
	}, {
		"none", nil,
		map[string]int64{"derived": 1 << 14, "padding": 1<<11 + 1<<12, "unattributed": 1 + 2 + 4 + 8 + 16 + 32 + 64 + 1<<10 + 1<<13},
	}, {
		"a module of the runtime before the runtime",
		[]sizediff.Bucket{
			{Name: "floats", Match: []sizediff.Match{{Paths: []string{"core::fmt::float"}}}},
			{Name: "formatting", Match: []sizediff.Match{{Paths: []string{"core::fmt"}}}},
			{Name: "rest", Match: []sizediff.Match{{Crates: []string{"core"}}, {Language: []sizediff.Language{"rust"}, Symbols: []string{"*queue"}}}},
		},
		map[string]int64{"floats": 1, "formatting": 2, "rest": 8 + 1<<13, "derived": 1 << 14, "padding": 1<<11 + 1<<12, "unattributed": 4 + 16 + 32 + 64 + 1<<10},
	}, {
		"by image, section and table; every list of a match must fit",
		[]sizediff.Bucket{
			{Name: "other", Match: []sizediff.Match{{Images: []string{"vmlinux"}}, {Crates: []string{"core"}, Language: []sizediff.Language{"c"}}}},
			{Name: "names", Match: []sizediff.Match{{Sections: []string{"kallsyms*"}}}},
			{Name: "block", Match: []sizediff.Match{{Images: []string{"drivers/block/*"}, Language: []sizediff.Language{"c"}}}},
			{Name: "text", Match: []sizediff.Match{{Images: []string{"drivers/**"}, Sections: []string{".text"}}}},
		},
		map[string]int64{"names": 1 << 14, "block": 16 + 32 + 64, "text": 1 + 2 + 4 + 8, "derived": 0, "padding": 1<<11 + 1<<12, "unattributed": 1<<10 + 1<<13, "other": 0},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := makeBuild(image)
			r := sizediff.Compare(m, m, tt.buckets)
			checkCloses(t, r)
			got := map[string]int64{}
			for _, b := range r.Buckets {
				got[b.Name] = b.Resident.Head
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestCodeBuckets holds that code without a symbol falls into the bucket that a symbol of its crate and module would.
func TestCodeBuckets(t *testing.T) {
	buckets := []sizediff.Bucket{
		{"tables", "", []sizediff.Match{{Sections: []string{"*"}}}},
		{"mine", "", []sizediff.Match{{Symbols: []string{"*"}}, {Images: []string{"**"}}}},
		{"formatting", "", []sizediff.Match{{Crates: []string{"core"}, Paths: []string{"core::fmt"}}}},
		{"runtime", "", []sizediff.Match{{Crates: []string{"core", "alloc"}}}},
		{"c", "", []sizediff.Match{{Language: []sizediff.Language{sizediff.LanguageC}}}},
		{"rust", "", []sizediff.Match{{Language: []sizediff.Language{sizediff.LanguageRust}}}},
	}
	bucketOf := sizediff.CodeBuckets(buckets)
	for _, c := range []struct{ crate, path, want string }{
		{"core", "core::fmt::num", "formatting"}, {"core", "core::fmtx", "runtime"}, {"alloc", "alloc", "runtime"},
		{"", "", "c"}, {"kernel", "kernel::sync", "rust"},
	} {
		if got := bucketOf(c.crate, c.path); got != c.want {
			t.Errorf("%s of %s is in %s, want %s", c.path, c.crate, got, c.want)
		}
	}
	if got := sizediff.CodeBuckets(nil)("core", "core"); got != sizediff.BucketUnattributed {
		t.Error(got)
	}
}
