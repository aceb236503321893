package sizediff_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oxidometer/oxidometer/sizediff"
)

// TestSymbolPath: the symbols of the runtime that changed add up to the change of each path, so Path is where each one counts.
func TestSymbolPath(t *testing.T) {
	const kernels = "../bot/demo/builds/"
	for _, build := range [][2]string{
		{"testdata/small-base", "testdata/small-head"},
		{kernels + "base/kernel.oxm", kernels + "fmtgrowth/kernel.oxm"},
		{kernels + "base/kernel.oxm", kernels + "binder/kernel.oxm"},
	} {
		r := sizediff.Compare(measureBuild(t, build[0], nil), measureBuild(t, build[1], nil), sizediff.LinuxKernel().Buckets)
		want, got := map[string]int64{}, map[string]int64{}
		for _, p := range r.Runtime {
			if p.Delta != 0 {
				want[p.Path] = p.Delta
			}
		}
		for _, s := range r.Symbols {
			if s.Bucket == sizediff.BucketRuntime && s.Delta != 0 {
				got[s.Path()] += s.Delta
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: bytes by path (-report +symbols):\n%s", build[1], d)
		}
	}
}
