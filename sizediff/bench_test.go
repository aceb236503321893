package sizediff_test

import (
	"bytes"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/render"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// BenchmarkDiff is the whole way from two builds to the comment. Give other builds in OXIDOMETER_BASE and
// OXIDOMETER_HEAD; else it takes the kernels beside the checkout, zipped.
func BenchmarkDiff(b *testing.B) {
	base, head := os.Getenv("OXIDOMETER_BASE"), os.Getenv("OXIDOMETER_HEAD")
	if base == "" || head == "" {
		base, head = kernelFile(b, "base.zip"), kernelFile(b, "binder.zip")
	}
	for b.Loop() {
		var cache sizediff.Cache
		var m [2]*sizediff.Measurement
		var wg sync.WaitGroup
		for i, path := range []string{base, head} {
			wg.Go(func() { m[i] = benchMeasure(b, path, &cache, false) })
		}
		wg.Wait()
		p := sizediff.LinuxKernel()
		r := sizediff.Compare(m[0], m[1], p.Buckets)
		e := &sizediff.Evaluation{Targets: []sizediff.TargetResult{sizediff.Evaluate("", r, p)}, Policy: p}
		if err := render.Markdown(io.Discard, e, render.MarkdownOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func benchMeasure(b *testing.B, path string, cache *sizediff.Cache, portable bool) *sizediff.Measurement {
	build, err := source.Open(path, source.DefaultLimits())
	if err != nil {
		b.Error(err)
		return nil
	}
	defer build.Close()
	m, err := sizediff.Measure(build, sizediff.MeasureOptions{Cache: cache, Portable: portable})
	if err != nil {
		b.Error(err)
	}
	return m
}

// BenchmarkCompare is the comparison of two measured kernels.
func BenchmarkCompare(b *testing.B) {
	var cache sizediff.Cache
	base, head := benchMeasure(b, kernelFile(b, "base.zip"), &cache, false), benchMeasure(b, kernelFile(b, "binder.zip"), &cache, false)
	buckets := sizediff.LinuxKernel().Buckets
	for b.Loop() {
		sizediff.Compare(base, head, buckets)
	}
}

// BenchmarkWriteMeasurement and BenchmarkReadMeasurement are the portable form of a measured kernel; B/file is its size.
func BenchmarkWriteMeasurement(b *testing.B) {
	m := benchMeasure(b, kernelFile(b, "base.zip"), new(sizediff.Cache), true)
	var buf bytes.Buffer
	for b.Loop() {
		buf.Reset()
		if err := sizediff.WriteMeasurement(&buf, m); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(buf.Len()), "B/file")
}

func BenchmarkReadMeasurement(b *testing.B) {
	var buf bytes.Buffer
	if err := sizediff.WriteMeasurement(&buf, benchMeasure(b, kernelFile(b, "base.zip"), new(sizediff.Cache), true)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := sizediff.ReadMeasurement(bytes.NewReader(buf.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}
