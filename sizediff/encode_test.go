package sizediff_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/source"
)

// packed returns the portable form of a measurement.
func packed(t testing.TB, m *sizediff.Measurement) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := sizediff.WriteMeasurement(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sameMeasurement holds that two measurements are equal in all that is measured. The label is not packed.
func sameMeasurement(t testing.TB, want, got *sizediff.Measurement) {
	t.Helper()
	opts := cmp.Options{cmpopts.IgnoreFields(sizediff.Measurement{}, "Label"), cmpopts.IgnoreUnexported(sizediff.Image{}), cmpopts.EquateEmpty()}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Errorf("packed and read again (-want +got):\n%s", diff[:min(len(diff), 4000)])
	}
}

// TestPackedRoundTrip packs every build that tests can reach and reads it again.
func TestPackedRoundTrip(t *testing.T) {
	for _, m := range builds(t) {
		b := packed(t, m)
		if !bytes.Equal(b, packed(t, m)) {
			t.Errorf("%s: two runs give different bytes", m.Label)
		}
		got, err := sizediff.ReadMeasurement(bytes.NewReader(b))
		if err != nil {
			t.Errorf("%s: %v", m.Label, err)
			continue
		}
		sameMeasurement(t, m, got)
		if r := sizediff.Compare(m, got, sizediff.LinuxKernel().Buckets); r.State != sizediff.Identical {
			t.Errorf("%s: packed, it reads as %s", m.Label, r.State)
		}
	}
}

// TestKernelPacked: a measured kernel with all its modules is small, whole, and stands in for the build.
func TestKernelPacked(t *testing.T) {
	base, head, want := compareKernels(t, "base.zip", "binder.zip")
	b := packed(t, base)
	if len(b) > 1<<20 {
		t.Errorf("a measured kernel takes %d bytes, want less than 1 MB", len(b))
	}
	path := filepath.Join(t.TempDir(), "base.oxm")
	write(t, path, b)
	got := measureBuild(t, path, nil)
	sameMeasurement(t, base, got)
	report := sizediff.Compare(got, head, sizediff.LinuxKernel().Buckets)
	report.Base.Label = want.Base.Label
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("compared with the packed base (-build +packed):\n%s", diff[:min(len(diff), 4000)])
	}
}

// TestPackedKnows: what a packed measurement holds is not measured again, its embedded configuration included.
func TestPackedKnows(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "vmlinux"), kernelImage(t, bannerA, "CONFIG_SMP=y\n", 0x50))
	base := measureBuild(t, dir, nil)
	got, err := sizediff.ReadMeasurement(bytes.NewReader(packed(t, base)))
	if err != nil {
		t.Fatal(err)
	}
	var cache sizediff.Cache
	cache.Add(got)
	head := measureBuild(t, dir, &cache)
	if head.Images[0].Image != got.Images[0].Image {
		t.Error("the image was measured again")
	}
	if diff := cmp.Diff(base.Config, head.Config); diff != "" {
		t.Errorf("configuration (-measured +known):\n%s", diff)
	}
}

// TestCacheKinds: digests of one process and those of all are never mixed.
func TestCacheKinds(t *testing.T) {
	path := filepath.Join("testdata", "elf", "x86_64.exec")
	var cache sizediff.Cache
	measure := func(portable bool) *sizediff.Measurement {
		b, err := source.Open(path, source.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		m, err := sizediff.Measure(b, sizediff.MeasureOptions{Cache: &cache, Portable: portable})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	portable, here, again := measure(true), measure(false), measure(false)
	if portable.Images[0].Image == here.Images[0].Image || here.Images[0].Image != again.Images[0].Image {
		t.Error("an image with one kind of digest stands in for the other, or is not kept")
	}
	if err := sizediff.WriteMeasurement(new(bytes.Buffer), here); err == nil {
		t.Error("digests of this process were packed")
	}
	r := sizediff.Compare(portable, here, sizediff.LinuxKernel().Buckets)
	if r.State != sizediff.Changed && r.State != sizediff.Unchanged {
		t.Errorf("digests that cannot be compared give %s", r.State)
	}
}

func smallPacked(t testing.TB) []byte { return packed(t, smallBuild(t)) }

// smallBuild has an image, an opaque file and a configuration.
func smallBuild(t testing.TB) *sizediff.Measurement {
	m := makeBuild(makeImage(t, "vmlinux", sym{name: "a", size: 9, aliases: []string{"b"}}, fn("_RNvCsdJ13ReMSUMg_6kernel5print", 3)))
	m.Opaque = []sizediff.OpaqueFile{{Path: "bzImage", Size: 100}}
	m.Config = []sizediff.Option{{Name: "SMP", Value: "y"}}
	return m
}

// TestPackedDamaged: a file that lost its end or has a changed byte is an error and nothing else. A changed byte may only go
// unnoticed where it changes nothing, as in the size of the window that the stream asks for.
func TestPackedDamaged(t *testing.T) {
	good := smallPacked(t)
	want, err := sizediff.ReadMeasurement(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if m, err := sizediff.ReadMeasurement(bytes.NewReader(good[:n])); err == nil || m != nil {
			t.Errorf("the first %d bytes of %d: %v, %v", n, len(good), m, err)
		}
	}
	unnoticed := 0
	for i := range good {
		for _, flip := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(good)
			bad[i] ^= flip
			switch m, err := sizediff.ReadMeasurement(bytes.NewReader(bad)); {
			case err != nil && m != nil:
				t.Errorf("byte %d: an error and a measurement", i)
			case err == nil:
				unnoticed++
				sameMeasurement(t, want, m)
			}
		}
	}
	if unnoticed > 8 {
		t.Errorf("%d changed bytes went unnoticed", unnoticed)
	}
}

var packer = sync.OnceValues(func() (*zstd.Encoder, error) { return zstd.NewWriter(nil) })

// repack makes a packed file of raw contents.
func repack(t testing.TB, raw []byte) []byte { return repackAs(t, source.MeasurementMagic, raw) }

func repackAs(t testing.TB, magic string, raw []byte) []byte {
	t.Helper()
	z, err := packer()
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll(raw, []byte(magic))
}

func unpack(t testing.TB, file []byte) []byte {
	t.Helper()
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	raw, err := z.DecodeAll(file[len(source.MeasurementMagic):], nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestPackedLies changes the contents and packs them well again: indexes out of range, counts without contents, sums that
// do not close.
func TestPackedLies(t *testing.T) {
	raw := unpack(t, smallPacked(t))
	for i := range raw {
		for _, b := range []byte{0, 0x7f, 0xff} {
			bad := bytes.Clone(raw)
			bad[i] = b
			checkRead(t, repack(t, bad))
		}
		checkRead(t, repack(t, raw[:i]))
		checkRead(t, repack(t, append(bytes.Clone(raw[:i]), raw[min(i+1, len(raw)):]...)))
	}
	if _, err := sizediff.ReadMeasurement(bytes.NewReader(repack(t, append(bytes.Clone(raw), 0)))); err == nil {
		t.Error("a byte too many is no error")
	}
}

// TestPackedBombs: what unpacks to more than a kernel can be is refused before it takes the memory.
func TestPackedBombs(t *testing.T) {
	zeros := repack(t, make([]byte, 150<<20))
	// one image of one crate, without sections and with 268 million symbols
	many := append([]byte{0, 0, 0, 1, 1, 'a', 1}, make([]byte, 32)...)
	many = append(many, 62, 64, 0, 1, 0, 0, 1, 0)
	many = append(many, 0xff, 0xff, 0xff, 0x7f)
	many = append(many, make([]byte, 100<<20)...)
	for name, file := range map[string][]byte{"zeros": zeros, "symbols": repack(t, many)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := sizediff.ReadMeasurement(bytes.NewReader(file))
		runtime.ReadMemStats(&after)
		if err == nil || m != nil {
			t.Errorf("%s: no error", name)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 900<<20 {
			t.Errorf("%s: took %d MB", name, n>>20)
		}
	}
}

// TestNotPacked: other files are called what they are.
func TestNotPacked(t *testing.T) {
	for _, s := range []string{"", "OXM", "OXMZ\x00\x05", "\x7fELF", strings.Repeat("x", 100)} {
		if m, err := sizediff.ReadMeasurement(strings.NewReader(s)); m != nil || err == nil || !strings.Contains(err.Error(), "not a measurement") {
			t.Errorf("%q: %v, %v", s, m, err)
		}
	}
	small, err := os.ReadFile(filepath.Join("testdata", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if m, err := sizediff.ReadMeasurement(bytes.NewReader(append([]byte(source.MeasurementMagic), small...))); m != nil || err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a text behind the magic: %v, %v", m, err)
	}
}
