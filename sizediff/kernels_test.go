package sizediff_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// kernelFile returns the path of a file of the real kernel builds that lie beside the checkout, or skips the test.
func kernelFile(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("OXIDOMETER_KERNELS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "kernels")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no %s: put the kernel builds into ../shared/kernels beside the checkout, or name their folder in OXIDOMETER_KERNELS", path)
	}
	return path
}

// measureBuild measures a build, or ends the test.
func measureBuild(t testing.TB, path string, cache *sizediff.Cache) *sizediff.Measurement {
	t.Helper()
	b, err := source.Open(path, source.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m, err := sizediff.Measure(b, sizediff.MeasureOptions{Cache: cache, Portable: true})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func compareKernels(t testing.TB, base, head string) (b, h *sizediff.Measurement, r *sizediff.Report) {
	t.Helper()
	var cache sizediff.Cache
	b, h = measureBuild(t, kernelFile(t, base), &cache), measureBuild(t, kernelFile(t, head), &cache)
	return b, h, sizediff.Compare(b, h, sizediff.LinuxKernel().Buckets)
}

// truth is what an independent reader found, in a file truth-*.json. Triples are base, head, delta.
type truth struct {
	Files map[string]struct {
		FileSize     [3]int64                              `json:"file_size"`
		Sections     map[string][3]int64                   `json:"sections"`
		CrateMangled map[string][3]int64                   `json:"crate_mangled"`
		CrateInst    map[string][3]int64                   `json:"crate_inst"`
		Deltas       [][5]any                              `json:"symbol_deltas"` // delta, kind, name, base, head
		Raw          struct{ Added, Removed, Changed int } `json:"symbols_rawname"`
	} `json:"files"`
	Identical []string `json:"identical"`
}

func readTruth(t *testing.T, name string) truth {
	t.Helper()
	b, err := os.ReadFile(kernelFile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	var tr truth
	if err := json.Unmarshal(b, &tr); err != nil {
		t.Fatal(err)
	}
	return tr
}
