package sizediff_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// A linker that writes vmlinux anew while we read it cuts the file short under us. That is an error and no crash.
func TestFileCutShort(t *testing.T) {
	image, err := os.ReadFile("testdata/small-head/vmlinux")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "vmlinux")
	for _, size := range []int64{0, 100, 4096, int64(len(image)) / 2} {
		for _, name := range []string{path, dir} {
			// Large enough to be mapped.
			if err := os.WriteFile(path, append(bytes.Clone(image), make([]byte, 2<<20)...), 0o600); err != nil {
				t.Fatal(err)
			}
			b, err := source.Open(name, source.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
			if _, err := sizediff.Measure(b, sizediff.MeasureOptions{Portable: true}); err == nil {
				t.Errorf("%s cut to %d bytes was measured", name, size)
			}
			b.Close()
		}
	}
}
