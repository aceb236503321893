package sizediff_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/insight"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// checkRead holds the contract of ReadMeasurement: an error and nothing, or a measurement with which everything works.
func checkRead(t *testing.T, file []byte) {
	t.Helper()
	m, err := sizediff.ReadMeasurement(bytes.NewReader(file))
	if err != nil {
		if m != nil {
			t.Error("an error and a measurement")
		}
		return
	}
	if r := sizediff.Compare(m, m, sizediff.LinuxKernel().Buckets); r.State != sizediff.Identical {
		t.Errorf("a measurement against itself is %s", r.State)
	}
	checkWorks(t, m, m)
}

// checkWorks compares two measurements both ways, holds that the sums close, and renders the result in every format.
func checkWorks(t *testing.T, base, head *sizediff.Measurement) {
	t.Helper()
	p := sizediff.LinuxKernel()
	p.Budgets = []sizediff.Budget{{Bucket: sizediff.BucketRuntime, Bytes: 1}, {Path: "**/*.ko", Percent: 1}}
	for _, r := range []*sizediff.Report{sizediff.Compare(base, head, p.Buckets), sizediff.Compare(head, base, p.Buckets)} {
		checkCloses(t, r)
		renderAll(t, io.Discard, &sizediff.Evaluation{Targets: []sizediff.TargetResult{sizediff.Evaluate("x86", r, p)}, Policy: p})
	}
	sizediff.Largest(head, p.Buckets, 10)
	insight.Changed(insight.Summarize(base, p.Buckets), insight.Summarize(head, p.Buckets))
}

// renderAll writes every format, one behind the other.
func renderAll(t *testing.T, w io.Writer, e *sizediff.Evaluation) {
	t.Helper()
	err := errors.Join(render.Text(w, e, render.Options{}), render.Markdown(w, e, render.MarkdownOptions{}), render.JSON(w, e), render.HTML(w, e))
	if err != nil {
		t.Error(err)
	}
}

// FuzzReadMeasurement reads packed measurements; the input is what is inside the compression, which has a checksum.
func FuzzReadMeasurement(f *testing.F) {
	f.Add(unpack(f, smallPacked(f)))
	for _, name := range []string{"asm/tables.ko", "elf/x86_64.o", "debug/strip-all.exec"} {
		f.Add(unpack(f, packed(f, measureBuild(f, filepath.Join("testdata", name), nil))))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<20 {
			t.Skip("a megabyte can hold every mistake")
		}
		checkRead(t, repack(t, raw))
	})
}

// FuzzReadPacked reads whole files, compression and all.
func FuzzReadPacked(f *testing.F) {
	f.Add(smallPacked(f))
	f.Fuzz(func(t *testing.T, file []byte) { checkRead(t, file) })
}

// FuzzMeasureImage takes any bytes through the whole way: measure, compare with another image, render.
func FuzzMeasureImage(f *testing.F) {
	for _, name := range []string{
		"asm/layout.o", "asm/layout.exec", "asm/tables.ko", "asm/special.o", "asm/mapping.o", "debug/strip-all.exec", "elf/powerpc.exec",
		"elf/x86_64-legacy.o", "pairs/toolchain-head.ko", "small-base/drivers/rust_sample.ko",
	} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(plainModule.bytes())
	other := measureBuild(f, filepath.Join("testdata", "asm", "tables.ko"), nil)
	other.Images[0].Path = "a.ko"
	f.Fuzz(func(t *testing.T, data []byte) {
		im, err := sizediff.MeasureImage(bytes.NewReader(data), int64(len(data)), nil)
		if err != nil {
			if im != nil {
				t.Error("an error and an image")
			}
			return
		}
		checkImageCloses(t, im)
		m := makeBuild(sizediff.ImageFile{Path: "a.ko", FileSize: int64(len(data)), Image: im})
		checkWorks(t, other, m)
		got, err := sizediff.ReadMeasurement(bytes.NewReader(packed(t, m)))
		if err != nil {
			t.Fatalf("packed, it cannot be read: %v", err)
		}
		sameMeasurement(t, m, got)
	})
}
