package insight_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/debuginfo"
	"github.com/oxidometer/oxidometer/sizediff/insight"
)

func TestCompareInlined(t *testing.T) {
	buckets := sizediff.LinuxKernel().Buckets
	base := &debuginfo.Inlining{Code: 1000, List: []debuginfo.Inlined{
		{Path: "core::slice::iter", Crate: "core", Into: "rust_minimal", Host: "rust_minimal", Bytes: 40},
		{Path: "core::slice::iter", Crate: "core", Into: "kernel", Host: "rust_minimal", Bytes: 5}, // an instance made for rust_minimal
		{Path: "core::num", Crate: "core", Into: "alloc", Host: "kernel", Bytes: 100},              // in the runtime already
		{Path: "kernel::sync", Crate: "kernel", Into: "rust_minimal", Host: "rust_minimal", Bytes: 7},
		{Path: "rust_util", Crate: "rust_util", Into: "rust_minimal", Host: "rust_minimal", Bytes: 9}, // neither
		{Path: "", Crate: "", Into: "kernel", Host: "kernel", Bytes: 11},                              // C
		{Path: "core::ptr", Crate: "core", Into: "rust_print", Host: "rust_print", Bytes: 3},
	}}
	head := &debuginfo.Inlining{Code: 900, List: []debuginfo.Inlined{
		{Path: "core::slice::iter", Crate: "core", Into: "rust_minimal", Host: "rust_minimal", Bytes: 60},
		{Path: "alloc::vec", Crate: "alloc", Into: "rust_minimal", Host: "rust_minimal", Bytes: 30},
		{Path: "core::ptr", Crate: "core", Into: "rust_print", Host: "rust_print", Bytes: 3},
		{Path: "core::num", Crate: "core", Into: "alloc", Host: "kernel", Bytes: 200},
	}}
	change := func(b, h int64) sizediff.Change { return sizediff.NewChange(b, h) }
	want := &sizediff.InlinedCauses{
		Code: change(1000, 900), Runtime: change(48, 93), Abstractions: change(7, 0),
		List: []sizediff.InlinedChange{
			{Path: "alloc::vec", Crate: "alloc", Bucket: sizediff.BucketRuntime, Host: "rust_minimal", Bytes: change(0, 30)},
			{Path: "core::slice::iter", Crate: "core", Bucket: sizediff.BucketRuntime, Host: "rust_minimal", Bytes: change(45, 60)},
			{Path: "kernel::sync", Crate: "kernel", Bucket: sizediff.BucketAbstractions, Host: "rust_minimal", Bytes: change(7, 0)},
		},
	}
	if d := cmp.Diff(want, insight.CompareInlined(base, head, buckets)); d != "" {
		t.Error(d)
	}
	if insight.CompareInlined(nil, head, buckets) != nil || insight.CompareInlined(base, nil, buckets) != nil {
		t.Error("what is not known was compared")
	}
}
