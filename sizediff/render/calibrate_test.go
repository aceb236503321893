package render

import (
	"strings"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
)

func calibration() *sizediff.Calibration {
	commit := strings.Repeat("0123456789", 4)
	return &sizediff.Calibration{
		Schema: sizediff.CalibrationSchema, Changes: 1204, StopRate: 2.5, Stopped: 20, Candidates: []int64{256, 512, 1024},
		Targets: []sizediff.Calibrated{
			{Target: "x86_64", Builds: 1208, First: commit, Last: "v2.oxm", Steps: 1207, Toolchain: 2, Config: 1},
			{Target: "arm64\x1b[2J", Builds: 1, First: "a\u202eb", Last: "a\u202eb"},
		},
		Growth: []sizediff.BucketGrowth{
			{Bucket: "total", Grew: 900, Median: 12, P90: 2148, P95: 4096, P99: 90_000, Largest: 252_132, At: commit, Target: "x86_64", Stopped: []int{900, 300, 30}},
			{Bucket: "runtime", Grew: 10, P99: 612, Largest: 9752, At: "head\n  - {bucket: total, grow: 1GiB}", Target: "arm64\x1b[2J", Stopped: []int{10, 9, 8}},
			{Bucket: "y", Median: -3, P90: -2, P95: -1, Stopped: []int{0, 0, 0}},
		},
		Budgets: []sizediff.Replay{
			{Bucket: "runtime", Bytes: 1024, Replayed: true, Stopped: 8},
			{Bucket: "total", Targets: []string{"tiny-*", "x86*"}, Percent: 0.25, Replayed: true, Stopped: 100},
			{Bucket: "total", Path: "mm/**", Bytes: 4096},
			{Bucket: "panic_sites", Bytes: 4}, {Bucket: "duplicates", Bytes: 512},
		},
		Noise:     []sizediff.NoiseSeen{{Target: "x86_64", Pairs: 3, Bytes: map[string]int64{"total": 16, "runtime": 8, "c": 16, "drivers": 0}}},
		Suggested: []sizediff.Suggestion{{Bucket: "runtime", Bytes: 768, Stopped: 20}, {Bucket: "y", Bytes: 1536 << 10, Stopped: 0}, {Bucket: "total", Bytes: 1 << 30}},
	}
}

func TestCalibration(t *testing.T) {
	var b strings.Builder
	if err := Calibration(&b, calibration(), Options{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "calibration.txt", b.String())
	golden(t, "calibration.yml", CalibrationBudgets(calibration(), []sizediff.Budget{
		{Bucket: "total", Bytes: 1, Owners: []string{"@a", "@org/b"}}, {Bucket: "total", Percent: 0.5, Owners: []string{"@a"}},
		{Bucket: "total", Path: "**/*.ko", Bytes: 1024, Owners: []string{"@c"}}, {Bucket: "runtime", Targets: []string{"x*", "arm64"}},
		{Bucket: "runtime", Path: "mm/**", Sources: true, Bytes: 3}, {Bucket: "c", Percent: 2},
		{Quantity: sizediff.QuantityPanicSites, Bytes: 1024, Owners: []string{"@a"}}, {Quantity: sizediff.QuantityDuplicates, Bytes: 1024},
		{Quantity: sizediff.QuantityUsedRuntime, Percent: 2, Targets: []string{"x*"}},
	}))
	b.Reset()
	if err := CalibrationJSON(&b, calibration(), "budgets: []\n"); err != nil {
		t.Fatal(err)
	}
	golden(t, "calibration.json", b.String())

	b.Reset()
	if err := Calibration(&b, &sizediff.Calibration{}, Options{}); err != nil || !strings.Contains(b.String(), "none is known") || !strings.Contains(b.String(), "So few changes say little") {
		t.Errorf("error %v\n%s", err, b.String())
	}
	if got := CalibrationBudgets(&sizediff.Calibration{}, nil); got != "budgets: []\n" {
		t.Errorf("without suggestions: %q", got)
	}
}
