package insight

import (
	"bytes"
	"os"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// FuzzRead makes the graph of any file that can be measured, and asks it any name: it holds every byte, and what is said of
// a symbol is so.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"small-head/vmlinux", "small-head/drivers/rust_sample.ko", "asm/layout.exec", "elf/aarch64.so", "elf/s390x.o"} {
		file, err := os.ReadFile(fixture(name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file, "core::fmt::write")
	}
	f.Fuzz(func(t *testing.T, file []byte, name string) {
		if len(file) > 1<<17 || len(name) > 100 {
			t.Skip("smaller ones can hold every mistake")
		}
		b, err := source.OpenReader(bytes.NewReader(file), int64(len(file)), "file.ko", source.DefaultLimits())
		if err != nil {
			return
		}
		defer b.Close()
		m, err := sizediff.Measure(b, sizediff.MeasureOptions{Examine: References})
		if err != nil || len(m.Images) == 0 || b.Files[0].Kind != source.ELF {
			return
		}
		g, err := NewGraph(m)
		if err != nil {
			t.Fatal(err) // it could be measured
		}
		checkWhole(t, g)
		g.Panics()
		found := g.Find(name)
		for _, n := range found[:min(len(found), 4)] {
			checkChains(t, g, n, 20)
			if _, err := g.Why("file.ko", g.Reference(n), 3); err != nil {
				t.Errorf("its own name means something else: %v", err)
			}
		}
	})
}
