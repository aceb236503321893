package source

import (
	"archive/zip"
	"io"
	"testing"
)

// FuzzOpen: an error comes without a build; a build's files open or give an error, have unique labels in order, and
// together yield no more than the limits allow.
func FuzzOpen(f *testing.F) {
	lim := DefaultLimits()
	lim.FileBytes, lim.TotalBytes, lim.RatioFloor, lim.MemoryBytes = 4<<20, 8<<20, 64<<10, 32<<10
	small := []entry{{"b/vmlinux", image("v", 700)}, {"b/x.ko.gz", packGzip(f, image("x", 300))}, {"b/.config", config}, {"b/y", bzImage[:9]}, {"b/manifest.json", []byte("{}")}}
	flat := packTar(f, small...)
	for _, seed := range [][]byte{
		packZip(f, zip.Deflate, small...), packZip(f, zip.Store, small...), flat,
		packGzip(f, flat), packZstd(f, flat), packXz(f, "small.tar.xz", flat),
		packZip(f, zip.Store, entry{"a.tar", flat}), packZip(f, zip.Deflate, entry{"a.tgz", packGzip(f, flat)}),
		image("v", 100), measurement, nil,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := open(data, "fuzz", lim)
		if err != nil {
			if b != nil {
				t.Fatal("a build beside an error")
			}
			return
		}
		defer b.Close()
		openAll(t, b, 2*lim.TotalBytes+int64(len(data)))
	})
}

func openAll(t *testing.T, b *Build, most int64) {
	var total int64
	images := 0
	for i := range b.Files {
		file := &b.Files[i]
		if i > 0 && file.Path <= b.Files[i-1].Path {
			t.Fatalf("%q is not after %q", file.Path, b.Files[i-1].Path)
		}
		if file.Kind == Opaque {
			continue
		}
		if file.Kind != Config && file.Kind != Manifest {
			images++
		}
		c, err := file.Open()
		if err != nil {
			continue
		}
		n, err := io.Copy(io.Discard, io.NewSectionReader(c, 0, c.Size()))
		if err != nil || n != c.Size() || n != file.Size {
			t.Fatalf("%q: read %d of %d bytes, %v", file.Path, n, c.Size(), err)
		}
		c.Close()
		if total += n; total > most {
			t.Fatalf("%d bytes in all", total)
		}
	}
	if images == 0 {
		t.Fatal("a build without an image")
	}
}
