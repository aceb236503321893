package insight_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// kernelFile returns the path of a file of the real kernel builds that lie beside the checkout, or skips the test.
func kernelFile(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("OXIDOMETER_KERNELS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "kernels")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no %s: put the kernel builds into ../shared/kernels beside the checkout, or name their folder in OXIDOMETER_KERNELS", path)
	}
	return path
}

// readGraph makes the graph of a build, or ends the test.
func readGraph(t testing.TB, path string) *insight.Graph {
	t.Helper()
	b, err := source.Open(path, source.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m, err := sizediff.Measure(b, sizediff.MeasureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := insight.Read(b, m)
	if err != nil {
		t.Fatal(err)
	}
	return g
}
